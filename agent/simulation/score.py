"""Holds published reports against the truth of a drawn patrol."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from agent.domain import Position
from agent.plane import distance

REACH = 15.0  # metres between a defect and a report that names it
LEEWAY = 3.0  # seconds before and after a run in which a report of it is dated
ASTRAY = 60.0  # metres: a report that is further away from every defect is none of them
UNFOUNDED = 25.0  # metres
PUNCTUAL = 1.0  # seconds


@dataclass(frozen=True, slots=True)
class Errors:
    """How far off something is."""

    count: int = 0
    median: float | None = None
    p95: float | None = None
    largest: float | None = None


@dataclass(frozen=True, slots=True)
class Score:
    """How reports and truth go together. A run is one defect in sight once, as the vehicle passes it."""

    runs: int  # in sight; each is one of the next five
    once: int  # ended in exactly one report
    again: int  # ended in no report of their own, but in a `seen_again` of the one from an earlier pass
    missed: int  # ended in neither
    several: int  # ended in more than one report
    repeated: int  # ended in a report although an earlier pass had left one
    mislabelled: int  # of all these, ended in a report with a label that its own is mistaken for
    outside: Errors  # metres between reports and their defects, seen outside the tunnel
    inside: Errors  # metres, seen in the tunnel
    times: Errors  # seconds between when reports say that their defects were seen, and when they were in sight
    late: int  # reports off by more than PUNCTUAL seconds
    nowhere: int  # reports without a place
    unfounded: int  # reports accepted where no such defect is within UNFOUNDED metres

    @property
    def right(self) -> float:
        """Share of the runs that ended as they should: in one report, or in a known one seen again."""
        return (self.once + self.again) / self.runs if self.runs else 1.0


@dataclass(frozen=True, slots=True)
class _Report:
    label: str
    group: str  # of labels that are mistaken for one another
    at: float  # seconds since 1970
    place: Position | None
    accepted: bool
    again: float | None  # seconds since 1970, when it was last seen again


@dataclass(frozen=True, slots=True)
class _Run:
    earliest: float  # seconds since 1970: when it could first be made out
    begin: float  # seconds since 1970
    end: float  # seconds since 1970
    in_tunnel: bool

    def off(self, at: float) -> float:
        """Seconds between an instant and those at which it could be seen, 0 among them."""
        return max(0.0, self.earliest - at, at - self.end)


@dataclass(frozen=True, slots=True)
class _Defect:
    label: str
    group: str
    place: Position
    runs: tuple[_Run, ...]


def score(
    reports: Iterable[Mapping[str, Any]], truth: Mapping[str, Any], groups: Mapping[str, str] | None = None
) -> Score:
    """Hold GeoJSON features, as published, against what `agent.simulation.truth` says.

    Labels that are mistaken for one another, by their group in `groups`, are taken for the same defect.
    """
    told = [_report(one, groups or {}) for one in reports]
    defects = [_defect(one, groups or {}) for one in truth["defects"]]
    passed = [ending for defect in defects for ending in _endings(defect, told, defects)]
    endings = [ending for ending, _is_right in passed]
    places = [one for one in (_misplaced(report, defects) for report in told) if one is not None]
    times = [one for one in (_misdated(report, defects) for report in told) if one is not None]
    return Score(
        runs=len(endings),
        once=endings.count("once"),
        again=endings.count("again"),
        missed=endings.count("missed"),
        several=endings.count("several"),
        repeated=endings.count("repeated"),
        mislabelled=sum(not is_right for _ending, is_right in passed),
        outside=_errors([metres for metres, in_tunnel in places if not in_tunnel]),
        inside=_errors([metres for metres, in_tunnel in places if in_tunnel]),
        times=_errors(times),
        late=sum(seconds > PUNCTUAL for seconds in times),
        nowhere=sum(report.place is None for report in told),
        unfounded=sum(one.accepted and _nearest(one, defects)[0] > UNFOUNDED for one in told if one.place),
    )


def _endings(defect: _Defect, told: Sequence[_Report], defects: Sequence[_Defect]) -> list[tuple[str, bool]]:
    """What became of each run of the defect, in their order, and whether its label was right."""
    own = [one for one in told if _names(one, defect) and _nearest(one, defects)[1] is defect]
    endings: list[tuple[str, bool]] = []
    known: list[_Report] = []  # from earlier passes
    for run in defect.runs:
        named = [one for one in own if run.off(one.at) <= LEEWAY]
        seen_again = [one for one in known if one.again is not None and one.again >= run.begin - LEEWAY]
        if len(named) > 1:
            ending = "several"
        elif named:
            ending = "repeated" if known else "once"
        else:
            ending = "again" if seen_again else "missed"
        endings.append((ending, all(one.label == defect.label for one in (*named, *seen_again))))
        known += named
    return endings


def _names(report: _Report, defect: _Defect) -> bool:
    return report.group == defect.group and _apart(report, defect) <= REACH


def _misplaced(report: _Report, defects: Sequence[_Defect]) -> tuple[float, bool] | None:
    """Metres to the defect that was in sight when the report says, and whether that was in the tunnel."""
    near = [
        (metres, run.in_tunnel)
        for defect in defects
        if defect.label == report.label and (metres := _apart(report, defect)) <= ASTRAY
        for run in defect.runs
        if run.off(report.at) <= LEEWAY
    ]
    return min(near, default=None)


def _misdated(report: _Report, defects: Sequence[_Defect]) -> float | None:
    """Seconds to the nearest instant at which the defect at the report's place was in sight."""
    return min(
        (run.off(report.at) for defect in defects if _names(report, defect) for run in defect.runs), default=None
    )


def _nearest(report: _Report, defects: Sequence[_Defect]) -> tuple[float, _Defect | None]:
    """Metres to the nearest defect of the report's label, and that defect."""
    alike = [(_apart(report, defect), defect) for defect in defects if defect.group == report.group]
    return min(alike, key=lambda pair: pair[0], default=(np.inf, None))


def _apart(report: _Report, defect: _Defect) -> float:
    metres = distance(report.place, defect.place) if report.place else None
    return np.inf if metres is None else metres


def _errors(values: Sequence[float]) -> Errors:
    if not values:
        return Errors()
    median, p95, largest = (round(float(np.quantile(values, share)), 2) for share in (0.5, 0.95, 1.0))
    return Errors(len(values), median, p95, largest)


def _report(feature: Mapping[str, Any], groups: Mapping[str, str]) -> _Report:
    properties, geometry = feature["properties"], feature["geometry"]
    place = None
    if geometry is not None:
        lon, lat = geometry["coordinates"][:2]
        place = Position("gnss", lat, lon)
    again = properties.get("seen_again")
    return _Report(
        label=properties["label"],
        group=groups.get(properties["label"], properties["label"]),
        at=_seconds(properties["observed_at"]),
        place=place,
        accepted=properties["decision"] == "accepted",
        again=_seconds(again["last_at"]) if again else None,
    )


def _defect(one: Mapping[str, Any], groups: Mapping[str, str]) -> _Defect:
    runs = tuple(
        _Run(_seconds(run["earliest"]), _seconds(run["from"]), _seconds(run["to"]), run["in_tunnel"])
        for run in one["passes"]
    )
    group = groups.get(one["label"], one["label"])
    return _Defect(one["label"], group, Position("gnss", one["lat"], one["lon"]), runs)


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
