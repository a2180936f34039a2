"""The rules of the routing table, as the configuration writes them: who gets what, and what is urgent."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import Annotated

import msgspec
from msgspec import Meta

from agent.i18n import _
from agent.taxonomy import Severity

DOMAIN, COMMUNE = "{domain}", "{commune}"
LONGEST = 128  # characters of a team that a report can carry
PLACEHOLDER = re.compile(r"\{[^{}]*\}|[{}]")

Name = Annotated[str, Meta(min_length=1)]
Team = Annotated[str, Meta(min_length=1, max_length=LONGEST)]
Hours = Annotated[float, Meta(gt=0, le=100_000)]


class Rule(msgspec.Struct, frozen=True):
    """Who gets what, where: [routes.NAME]. What it does not name it holds for."""

    labels: list[Name] = []
    zones: list[Name] = []  # INSEE codes of communes, names of special zones
    severities: list[Severity] = []
    team: Team = f"{DOMAIN}-{COMMUNE}"
    deadline_h: Hours | None = None
    fallback: Team = DOMAIN  # the team where the commune is needed and not known

    def __post_init__(self) -> None:
        for key, text, known in (("team", self.team, (DOMAIN, COMMUNE)), ("fallback", self.fallback, (DOMAIN,))):
            for found in PLACEHOLDER.findall(text):
                if found not in known:
                    raise ValueError(
                        _("{key}: {found} can not be filled in; allowed are: {names}").format(
                            key=key, found=found, names=", ".join(known)
                        )
                    )


class Urgent(msgspec.Struct, frozen=True):
    """What makes a report urgent, where all that is given holds: [urgent.NAME]."""

    labels: list[Name] = []
    zones: list[Name] = []
    from_kmh: Annotated[float, Meta(gt=0, le=100_000)] | None = None  # the vehicle's speed at the sighting
    mark: Name | None = None  # the crew's word
    deadline_h: Hours | None = None

    def __post_init__(self) -> None:
        if not (self.labels or self.zones or self.from_kmh or self.mark):
            raise ValueError(_("makes everything urgent; give labels, zones, from_kmh or mark"))


SHIPPED: dict[str, Urgent] = {
    "fast_road": Urgent(labels=["pothole"], from_kmh=70.0),
    "insulting": Urgent(labels=["graffiti"], mark="insulting", deadline_h=3.0),
}


def conflicts(rules: Mapping[str, Rule]) -> Iterator[tuple[str, str]]:
    """The names of each two rules that may decide the same case, equally specific, and say different things."""
    for one, other in combinations(sorted(rules), 2):
        a, b = rules[one], rules[other]
        meeting = all(_meet(x, y) for x, y in ((a.labels, b.labels), (a.zones, b.zones), (a.severities, b.severities)))
        if meeting and (a.team, a.deadline_h, a.fallback) != (b.team, b.deadline_h, b.fallback):
            yield one, other


def _meet(one: Sequence[str], other: Sequence[str]) -> bool:
    """Whether two rules that both name something, or both do not, can hold at once."""
    return not set(one).isdisjoint(other) if one and other else not one and not other
