"""Who gets what, and how soon."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from agent.routing import Routing
from agent.rules import SHIPPED, Rule, Urgent, conflicts
from tests.unit.french import in_french

DOMAINS = {
    "pothole": "voirie",
    "crack": "voirie",
    "graffiti": "propreté",
    "dumping": "propreté",
    "flooding": "assainissement",
}
SEVERITIES: dict[str, Any] = {
    "pothole": "normal",
    "crack": "low",
    "graffiti": "normal",
    "dumping": "normal",
    "flooding": "urgent",
}
MARSEILLE, CASSIS = "13055", "13022"


def table(
    urgent: Mapping[str, Urgent] = SHIPPED,
    default: bool = True,
    rules: Mapping[str, Rule] | None = None,
    **more: Rule,
) -> Routing:
    return Routing({**(rules or {}), **more}, urgent, DOMAINS, SEVERITIES, deadlines={"dumping": 48.0}, default=default)


def hours(routing: Routing, *case: Any, **more: Any) -> float:
    return routing.route(*case, **more).deadline.total_seconds() / 3600


@pytest.mark.parametrize(
    ("case", "team", "severity", "within"),
    [
        (("pothole", MARSEILLE), "voirie-13055", "normal", 120),
        (("graffiti", CASSIS), "propreté-13022", "normal", 120),
        (("crack", None), "voirie", "low", 720),
        (("dumping", MARSEILLE), "propreté-13055", "normal", 48),
        (("pothole", MARSEILLE, (), 19.4), "voirie-13055", "normal", 120),
        (("pothole", MARSEILLE, (), 70 / 3.6), "voirie-13055", "urgent", 24),
        (("pothole", MARSEILLE, (), float("nan")), "voirie-13055", "normal", 120),
        (("crack", MARSEILLE, (), 40.0), "voirie-13055", "low", 720),
        (("graffiti", None, (), None, "insulting"), "propreté", "urgent", 3),
        (("graffiti", None, (), None, "funny"), "propreté", "normal", 120),
        (("pothole", None, (), None, "insulting"), "voirie", "normal", 120),
    ],
)
def test_without_any_rule_a_defect_goes_to_its_own_team_in_its_commune(
    case: tuple[Any, ...], team: str, severity: str, within: float
) -> None:
    found = table().route(*case)
    assert (found.team, found.severity, found.deadline.total_seconds()) == (team, severity, within * 3600)


RULES = {
    "everything": Rule(team="0"),
    "severity": Rule(severities=["normal"], team="s"),
    "commune": Rule(zones=[MARSEILLE], team="c"),
    "commune_severity": Rule(zones=[MARSEILLE], severities=["normal"], team="cs"),
    "port": Rule(zones=["port"], team="p"),
    "stadium": Rule(zones=["stadium"], team="st"),
    "label": Rule(["pothole"], team="l"),
    "label_severity": Rule(["pothole"], severities=["urgent"], team="ls"),
    "label_port": Rule(["pothole"], ["port", CASSIS], team="lp"),
}


@pytest.mark.parametrize(
    ("case", "rule"),
    [
        (("crack", CASSIS), "everything"),
        (("graffiti", CASSIS), "severity"),
        (("graffiti", None), "severity"),
        (("crack", MARSEILLE), "commune"),
        (("graffiti", MARSEILLE), "commune_severity"),
        (("graffiti", MARSEILLE, ("port",)), "port"),  # the special zone before the commune around it
        (("graffiti", MARSEILLE, ("stadium", "port")), "stadium"),
        (("graffiti", MARSEILLE, ("port", "stadium")), "port"),
        (("pothole", MARSEILLE), "label"),
        (("pothole", MARSEILLE, ("stadium",)), "label"),
        (("pothole", MARSEILLE, (), 30.0), "label_severity"),
        (("pothole", MARSEILLE, ("port",)), "label_port"),
        (("pothole", MARSEILLE, ("port",), 30.0), "label_port"),
        (("pothole", CASSIS), "label_port"),
    ],
)
def test_the_most_specific_rule_decides_and_says_so(case: tuple[Any, ...], rule: str) -> None:
    assert not list(conflicts(RULES))
    found = table(rules=RULES).route(*case)
    assert found.team == RULES[rule].team
    assert found.rule.startswith(f"[routes.{rule}] (")


@pytest.mark.parametrize(
    ("rule", "commune", "team"),
    [
        (Rule(team="{domain}-{commune}"), MARSEILLE, "voirie-13055"),
        (Rule(team="{domain}-{commune}"), None, "voirie"),
        (Rule(team="centre {commune}", fallback="{domain} centrale"), None, "voirie centrale"),
        (Rule(team="centre {commune}", fallback="{domain} centrale"), MARSEILLE, "centre 13055"),
        (Rule(team="métropole", fallback="x"), None, "métropole"),
        (Rule(team="{domain}" * 14), None, ("voirie" * 14)),
    ],
)
def test_a_team_is_filled_in_and_falls_back_where_its_commune_is_not_known(
    rule: Rule, commune: str | None, team: str
) -> None:
    assert table(all=rule).route("pothole", commune).team == team


def test_no_team_is_longer_than_a_report_can_carry() -> None:
    team = table(all=Rule(team="{domain}" * 16)).route("flooding").team
    assert team is not None
    assert len(team) == 128


@pytest.mark.parametrize(
    ("rule", "urgent", "within"),
    [
        (Rule(deadline_h=200.0), Urgent(mark="x"), 24),  # the hours were meant for what is not urgent
        (Rule(deadline_h=2.0), Urgent(mark="x"), 2),
        (Rule(deadline_h=200.0), Urgent(mark="x", deadline_h=36.0), 36),
        (Rule(deadline_h=2.0), Urgent(mark="x", deadline_h=36.0), 2),
        (Rule(severities=["urgent"], deadline_h=48.0), Urgent(mark="x"), 48),
        (Rule(severities=["urgent"], deadline_h=48.0), Urgent(mark="x", deadline_h=3.0), 3),
        (Rule(severities=["urgent"]), Urgent(mark="x"), 24),
        (Rule(), Urgent(mark="x", deadline_h=36.0), 36),
    ],
)
def test_of_the_deadlines_of_an_urgent_report_the_shortest_holds(rule: Rule, urgent: Urgent, within: float) -> None:
    assert hours(table({"x": urgent}, all=rule), "dumping", mark="x") == within


def test_of_several_urgent_rules_the_shortest_deadline_holds() -> None:
    urgent = {"a": Urgent(mark="x", deadline_h=9.0), "b": Urgent(["crack"], deadline_h=2.0), "c": Urgent(["crack"])}
    found = table(urgent).route("crack", mark="x")
    assert found.deadline.total_seconds() == 2 * 3600
    assert found.rule.endswith("; urgent by [urgent.a], [urgent.b], [urgent.c]")


def test_a_rules_deadline_goes_before_the_labels_own() -> None:
    assert hours(table(), "dumping") == 48
    assert hours(table(all=Rule(deadline_h=60.0)), "dumping") == 60
    assert hours(table({"x": Urgent(mark="x")}), "dumping", mark="x") == 24


@pytest.mark.parametrize(
    ("case", "is_urgent"),
    [
        (("pothole", MARSEILLE, ("school",), 10.0, "now"), True),
        (("crack", MARSEILLE, ("school",), 10.0, "now"), False),
        (("pothole", MARSEILLE, (), 10.0, "now"), False),
        (("pothole", MARSEILLE, ("school",), 9.9, "now"), False),
        (("pothole", MARSEILLE, ("school",), None, "now"), False),
        (("pothole", MARSEILLE, ("school",), 10.0, None), False),
    ],
)
def test_what_is_urgent_meets_every_condition(case: tuple[Any, ...], is_urgent: bool) -> None:
    urgent = {"x": Urgent(["pothole"], ["school"], 36.0, "now")}
    assert (table(urgent).route(*case).severity == "urgent") is is_urgent


def test_a_speed_in_metres_a_second_reaches_the_kilometres_an_hour_that_it_is() -> None:
    for kmh in range(1, 151):
        routing = table({"x": Urgent(from_kmh=kmh)})
        assert routing.route("crack", speed_mps=kmh / 3.6).severity == "urgent"
        assert routing.route("crack", speed_mps=(kmh - 0.1) / 3.6).severity == "low"


def test_of_two_rules_that_say_the_same_the_first_by_name_is_said_in_any_order() -> None:
    a, b = Rule(["crack"]), Rule(["crack", "pothole"])
    for rules in ({"a": a, "b": b}, {"b": b, "a": a}):
        assert table(rules=rules).route("crack").rule == "[routes.a] (by label)"


def test_a_commune_can_be_named_where_something_is_urgent() -> None:
    urgent = {"x": Urgent(zones=[MARSEILLE])}
    assert table(urgent).route("crack", MARSEILLE).severity == "urgent"
    assert table(urgent).route("crack", CASSIS).severity == "low"


def test_without_the_default_nobody_gets_what_no_rule_names() -> None:
    routing = table(default=False, one=Rule(["crack"], [MARSEILLE]))
    assert routing.route("crack", MARSEILLE).team == "voirie-13055"
    found = routing.route("crack", CASSIS)
    assert (found.team, found.severity, found.rule) == (None, "low", "no rule applies")
    assert found.deadline.total_seconds() == 720 * 3600


@pytest.mark.parametrize(
    ("rules", "holes"),
    [
        ({}, {"pothole": ["urgent", "normal"], "crack": ["low"]}),
        ({"a": Rule(zones=[MARSEILLE])}, {"pothole": ["urgent", "normal"], "crack": ["low"]}),
        ({"a": Rule(["pothole"], severities=["normal"])}, {"pothole": ["urgent"], "crack": ["low"]}),
        ({"a": Rule(["pothole"]), "b": Rule(severities=["low"])}, {}),
        ({"a": Rule()}, {}),
    ],
)
def test_a_hole_is_a_label_in_a_severity_it_can_have_that_nobody_gets(
    rules: dict[str, Rule], holes: dict[str, list[str]]
) -> None:
    assert table(default=False, rules=rules).holes(["pothole", "crack"]) == holes
    assert table(default=True, rules=rules).holes(["pothole", "crack"]) == {}


def test_a_label_that_is_not_known_is_an_error() -> None:
    with pytest.raises(KeyError):
        table(all=Rule(team="x")).route("pothol")


def test_what_decided_is_said_in_the_readers_language() -> None:
    routing = table(a=Rule(["pothole"], [MARSEILLE], ["normal"]), b=Rule(["graffiti"]), c=Rule(severities=["low"]))
    assert routing.route("pothole", MARSEILLE).rule == "[routes.a] (by label, place, severity)"
    assert table(d=Rule()).route("crack").rule == "[routes.d] (for everything)"
    with in_french():
        assert routing.route("graffiti", mark="insulting").rule == (
            "[routes.b] (par étiquette) ; urgent selon [urgent.insulting]"
        )


def test_the_marks_of_the_crew_are_known() -> None:
    assert table({"a": Urgent(mark="now"), "b": Urgent(["crack"]), "c": Urgent(mark="later")}).marks == ["later", "now"]


def some(values: Sequence[str]) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(values), max_size=2, unique=True)


rule = st.builds(
    Rule,
    labels=some(["pothole", "crack"]),
    zones=some(["port", "stadium", MARSEILLE, CASSIS]),
    severities=some(["low", "normal", "urgent"]),
    team=st.sampled_from(["x", "y"]),
    deadline_h=st.sampled_from([None, 5.0]),
)
tables = st.dictionaries(st.sampled_from("abcdefgh"), rule, max_size=6)
cases = st.tuples(
    st.sampled_from(["pothole", "crack"]),
    st.sampled_from([None, MARSEILLE, CASSIS]),
    some(["port", "stadium"]),
    st.sampled_from([None, 30.0]),
)


def applies(rule: Rule, label: str, places: Sequence[str], severity: str) -> bool:
    return (
        (not rule.labels or label in rule.labels)
        and (not rule.zones or any(place in rule.zones for place in places))
        and (not rule.severities or severity in rule.severities)
    )


def goes_before(one: Rule, other: Rule, places: Sequence[str]) -> bool:
    """As the configuration's file explains it: label, then special zone, then commune, then severity."""
    if bool(one.labels) != bool(other.labels):
        return bool(one.labels)
    for place in places:
        if (place in one.zones) != (place in other.zones):
            return place in one.zones
        if place in one.zones:
            break
    return bool(one.severities) and not other.severities


@given(tables, cases, st.randoms())
def test_where_no_conflict_is_reported_one_rule_goes_before_each_that_says_something_else(
    rules: dict[str, Rule], case: tuple[str, str | None, list[str], float | None], shuffle: Any
) -> None:
    assume(not list(conflicts(rules)))
    label, commune, zones, _speed = case
    found = table(rules=rules).route(*case)
    places = [*zones, *([commune] if commune else [])]
    applying = {name: one for name, one in rules.items() if applies(one, label, places, found.severity)}
    winner = next((name for name in rules if found.rule.startswith(f"[routes.{name}]")), None)
    assert (winner is None) == (not applying)
    if winner is not None:
        won = applying[winner]
        assert found.team == won.team
        for other in applying.values():
            same = (won.team, won.deadline_h) == (other.team, other.deadline_h)
            assert same or goes_before(won, other, places)
    order = list(rules)
    shuffle.shuffle(order)
    assert table(rules={name: rules[name] for name in order}).route(*case) == found


@given(rule, rule)
def test_a_reported_conflict_is_one_in_some_case(one: Rule, other: Rule) -> None:
    for pair in conflicts({"a": one, "b": other}):
        assert pair == ("a", "b")
        assert any(
            applies(one, label, places, severity)
            and applies(other, label, places, severity)
            and not goes_before(one, other, places)
            and not goes_before(other, one, places)
            for label in ("pothole", "crack")
            for places in ([], ["port"], ["stadium"], [MARSEILLE], [CASSIS])
            for severity in ("low", "normal", "urgent")
        )
