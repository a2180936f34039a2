"""Who repairs a defect, and how soon: a table of rules, of which the most specific one decides.

Of the rules that apply, those that name the label go before those that do not; among them, those that name the place (a
special zone before a commune); among them, those that name the severity.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from agent.i18n import _
from agent.plane import KMH
from agent.rules import COMMUNE, DOMAIN, LONGEST, Rule, Urgent
from agent.taxonomy import Severity

URGENT: Severity = "urgent"
DEADLINES: dict[Severity, float] = {"urgent": 24.0, "normal": 120.0, "low": 720.0}  # hours


@dataclass(frozen=True, slots=True)
class Assignment:
    """Who repairs a defect, and how soon."""

    team: str | None  # None where no rule says
    severity: Severity
    deadline: timedelta  # from the sighting
    rule: str  # which one decided, for people


class Routing:
    """The table. The same for any order of its rules."""

    def __init__(  # noqa: PLR0913 - the columns of the table
        self,
        rules: Mapping[str, Rule],
        urgent: Mapping[str, Urgent],
        domains: Mapping[str, str],
        severities: Mapping[str, Severity],
        *,
        deadlines: Mapping[str, float] | None = None,
        default: bool = True,
    ) -> None:
        """`rules` and `urgent` by name; by label, `domains` are the teams, `deadlines` hours of its own.

        With `default` what no rule names goes to the label's own team in its commune.
        """
        self._rules = dict(sorted(rules.items()))
        self._urgent = dict(sorted(urgent.items()))
        self._domains = domains
        self._severities = severities
        self._deadlines = deadlines or {}
        self._default = default

    @property
    def labels(self) -> list[str]:
        """The labels that it knows."""
        return list(self._domains)

    @property
    def marks(self) -> list[str]:
        """The crew's words that make a report urgent."""
        return sorted({urgent.mark for urgent in self._urgent.values() if urgent.mark})

    def route(
        self,
        label: str,
        commune: str | None = None,
        zones: Sequence[str] = (),
        speed_mps: float | None = None,
        mark: str | None = None,
    ) -> Assignment:
        """Who gets it. Raises KeyError for a label that the table does not know.

        `commune` is an INSEE code; `zones` are the special zones that hold the place, the one that counts most first.
        """
        places = (*zones, *([commune] if commune else []))
        raised = {
            name: urgent for name, urgent in self._urgent.items() if _is_urgent(urgent, label, places, speed_mps, mark)
        }
        severity = URGENT if raised else self._severities[label]
        name, rule = self._decisive(label, places, severity)
        return Assignment(
            team=None if rule is None else _team(rule, self._domains[label], commune),
            severity=severity,
            deadline=timedelta(hours=self._deadline(rule or Rule(), label, severity, raised)),
            rule=_words(name, rule, raised),
        )

    def holes(self, labels: Sequence[str]) -> dict[str, list[Severity]]:
        """Of these labels those that nobody gets outside the zones that are named, each with the severities."""
        found = {}
        for label in () if self._default else labels:
            possible = {self._severities[label]}
            if any(not urgent.labels or label in urgent.labels for urgent in self._urgent.values()):
                possible.add(URGENT)
            open_ones = [one for one in DEADLINES if one in possible and self._decisive(label, (), one)[1] is None]
            if open_ones:
                found[label] = open_ones
        return found

    def _decisive(self, label: str, places: Sequence[str], severity: Severity) -> tuple[str | None, Rule | None]:
        ranks = {name: _rank(rule, label, places, severity) for name, rule in self._rules.items()}
        applying = {name: rank for name, rank in ranks.items() if rank is not None}
        if applying:
            name = max(applying, key=lambda one: applying[one])
            return name, self._rules[name]
        return None, Rule() if self._default else None

    def _deadline(self, rule: Rule, label: str, severity: Severity, raised: Mapping[str, Urgent]) -> float:
        """Hours. Of those that are given the shortest; else the label's own, else its severity's."""
        given = [urgent.deadline_h for urgent in raised.values() if urgent.deadline_h is not None]
        if raised and not given and not rule.severities:
            # The rule's hours were meant for the label's usual severity.
            given = [DEADLINES[URGENT]]
        if rule.deadline_h is not None:
            given.append(rule.deadline_h)
        usual = DEADLINES[severity] if raised else self._deadlines.get(label, DEADLINES[severity])
        return min(given, default=usual)


def severity_name(severity: str) -> str:
    """In the reader's language."""
    return {"low": _("low"), "normal": _("normal"), "urgent": _("urgent")}[severity]


def _rank(rule: Rule, label: str, places: Sequence[str], severity: Severity) -> tuple[bool, int, bool] | None:
    """How specific the rule is for this case, greater for more; None where it does not apply."""
    if (rule.labels and label not in rule.labels) or (rule.severities and severity not in rule.severities):
        return None
    place = next((len(places) - number for number, one in enumerate(places) if one in rule.zones), 0)
    if rule.zones and not place:
        return None
    return bool(rule.labels), place, bool(rule.severities)


def _is_urgent(urgent: Urgent, label: str, places: Sequence[str], speed: float | None, mark: str | None) -> bool:
    return (
        (not urgent.labels or label in urgent.labels)
        and (not urgent.zones or not set(urgent.zones).isdisjoint(places))
        # Rounded, since 70 km/h is no whole number of metres a second.
        and (urgent.from_kmh is None or (speed is not None and round(speed * KMH, 3) >= urgent.from_kmh))
        and (urgent.mark is None or mark == urgent.mark)
    )


def _team(rule: Rule, domain: str, commune: str | None) -> str:
    text = rule.team if commune or COMMUNE not in rule.team else rule.fallback
    return text.replace(COMMUNE, commune or "").replace(DOMAIN, domain)[:LONGEST]


def _words(name: str | None, rule: Rule | None, raised: Mapping[str, Urgent]) -> str:
    if rule is None:
        text = _("no rule applies")
    elif name is None:
        text = _("no rule names it, so its own team, in its commune where that is known")
    else:
        named = [
            word
            for word, given in ((_("label"), rule.labels), (_("place"), rule.zones), (_("severity"), rule.severities))
            if given
        ]
        by = _("by {names}").format(names=", ".join(named)) if named else _("for everything")
        text = f"[routes.{name}] ({by})"
    if not raised:
        return text
    return _("{rule}; urgent by {names}").format(rule=text, names=", ".join(f"[urgent.{one}]" for one in raised))
