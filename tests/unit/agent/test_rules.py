"""The rules of the routing table: what is wrong with one, and with two."""

from __future__ import annotations

from typing import Any

import pytest

from agent.rules import SHIPPED, Rule, Urgent, conflicts


@pytest.mark.parametrize(
    ("columns", "fault"),
    [
        ({"team": "voirie-{comune}"}, r"^team: {comune} can not be filled in; allowed are: {domain}, {commune}$"),
        ({"team": "{}"}, r"^team: {} can not be filled in"),
        ({"team": "voirie}"}, r"^team: } can not be filled in"),
        ({"fallback": "{domain}-{commune}"}, r"^fallback: {commune} can not be filled in; allowed are: {domain}$"),
    ],
)
def test_what_can_not_be_filled_in_is_refused(columns: dict[str, Any], fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        Rule(**columns)


def test_an_urgent_rule_without_a_condition_is_refused() -> None:
    with pytest.raises(ValueError, match="makes everything urgent; give labels, zones, from_kmh or mark"):
        Urgent(deadline_h=1.0)
    assert Urgent(mark="now").mark == "now"


def test_shipped_are_the_fast_road_and_the_insulting_tag() -> None:
    assert {
        "fast_road": Urgent(["pothole"], from_kmh=70.0),
        "insulting": Urgent(["graffiti"], mark="insulting", deadline_h=3.0),
    } == SHIPPED


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Rule(), Rule(team="x")),
        (Rule(), Rule(deadline_h=1.0)),
        (Rule(), Rule(fallback="x")),
        (Rule(["pothole", "graffiti"]), Rule(["graffiti"], team="x")),
        (Rule(zones=["13055", "13001"]), Rule(zones=["13001"], team="x")),
        (Rule(severities=["low"]), Rule(severities=["low", "urgent"], team="x")),
        (Rule(["pothole"], ["port"], ["low"]), Rule(["pothole"], ["port"], ["low"], team="x")),
    ],
)
def test_two_rules_that_meet_equally_specific_and_say_different_things_are_a_conflict(one: Rule, other: Rule) -> None:
    assert list(conflicts({"b": one, "a": other})) == [("a", "b")]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Rule(["pothole"], team="x"), Rule(["pothole"], team="x")),  # say the same
        (Rule(["pothole"]), Rule(["graffiti"], team="x")),
        (Rule(["pothole"], ["13055"]), Rule(["pothole"], ["13001"], team="x")),
        (Rule(["pothole"], severities=["low"]), Rule(["pothole"], severities=["urgent"], team="x")),
        (Rule(["pothole"]), Rule(["pothole"], ["13055"], team="x")),
        (Rule(["pothole"]), Rule(zones=["13055"], team="x")),
        (Rule(zones=["13055"]), Rule(severities=["low"], team="x")),
        (Rule(), Rule(severities=["low"], team="x")),
    ],
)
def test_two_rules_of_which_one_is_more_specific_or_that_never_meet_are_none(one: Rule, other: Rule) -> None:
    assert not list(conflicts({"a": one, "b": other}))
