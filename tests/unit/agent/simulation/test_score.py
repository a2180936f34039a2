"""The scorer, on truths and reports made by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from agent.simulation.patrol import moved
from agent.simulation.score import Errors, Score, score

START = datetime(2026, 5, 12, 9, 0, tzinfo=UTC)
ORIGIN = (43.3, 5.4)


def _at(seconds: float) -> str:
    return (START + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")


def _defect(label: str, north: float, *runs: tuple[float, float], in_tunnel: bool = False) -> dict[str, Any]:
    lat, lon = moved(ORIGIN, north, 0.0)
    told = [{"earliest": _at(begin), "from": _at(begin), "to": _at(end), "in_tunnel": in_tunnel} for begin, end in runs]
    return {"label": label, "lat": lat, "lon": lon, "passes": told}


def _report(
    label: str, north: float, seconds: float, decision: str = "accepted", again: float | None = None
) -> dict[str, Any]:
    lat, lon = moved(ORIGIN, north, 0.0)
    properties: dict[str, Any] = {"label": label, "observed_at": _at(seconds), "decision": decision}
    if again is not None:
        properties["seen_again"] = {"times": 1, "last_at": _at(again)}
    return {"geometry": {"type": "Point", "coordinates": [lon, lat]}, "properties": properties}


def _score(defects: list[dict[str, Any]], reports: list[dict[str, Any]]) -> Score:
    return score(reports, {"defects": defects})


def _endings(found: Score) -> tuple[int, int, int, int, int]:
    assert found.runs == found.once + found.again + found.missed + found.several + found.repeated
    return found.once, found.again, found.missed, found.several, found.repeated


def test_one_report_a_run_is_as_it_should_be() -> None:
    defects = [_defect("pothole", 0, (10, 12)), _defect("graffiti", 60, (20, 23))]
    found = _score(defects, [_report("pothole", 3, 11), _report("graffiti", 58, 22)])

    assert _endings(found) == (2, 0, 0, 0, 0)
    assert found.right == 1.0
    assert found.unfounded == found.late == found.nowhere == 0


@pytest.mark.parametrize(
    "reports",
    [
        [],
        [_report("graffiti", 0, 11)],
        [_report("pothole", 16, 11)],
        [_report("pothole", 0, 15.1)],
        [_report("pothole", 0, 6.9)],
    ],
    ids=["none", "another label", "too far", "too late", "too early"],
)
def test_a_run_that_no_report_names_is_missed(reports: list[dict[str, Any]]) -> None:
    assert _endings(_score([_defect("pothole", 0, (10, 12))], reports)) == (0, 0, 1, 0, 0)


@pytest.mark.parametrize("report", [_report("pothole", 14.5, 11), _report("pothole", 0, 14.9)], ids=["place", "time"])
def test_a_report_just_near_enough_names_its_defect(report: dict[str, Any]) -> None:
    assert _endings(_score([_defect("pothole", 0, (10, 12))], [report])) == (1, 0, 0, 0, 0)


def test_two_reports_of_one_run_are_several() -> None:
    found = _score([_defect("pothole", 0, (10, 12))], [_report("pothole", 1, 10), _report("pothole", -9, 12)])

    assert _endings(found) == (0, 0, 0, 1, 0)
    assert found.right == 0.0


def test_a_later_pass_is_a_known_report_seen_again_and_not_a_second_one() -> None:
    defect = _defect("pothole", 0, (10, 12), (70, 72))

    assert _endings(_score([defect], [_report("pothole", 0, 11, again=71)])) == (1, 1, 0, 0, 0)
    assert _endings(_score([defect], [_report("pothole", 0, 11)])) == (1, 0, 1, 0, 0)
    assert _endings(_score([defect], [_report("pothole", 0, 11, again=11.5)])) == (1, 0, 1, 0, 0)
    assert _endings(_score([defect], [_report("pothole", 0, 11), _report("pothole", 2, 71)])) == (1, 0, 0, 0, 1)
    assert _endings(_score([defect], [_report("pothole", 0, 71)])) == (1, 0, 1, 0, 0)


def test_a_report_counts_for_the_nearest_of_two_like_defects_only() -> None:
    defects = [_defect("pothole", 0, (10, 12)), _defect("pothole", 20, (11, 14))]
    found = _score(defects, [_report("pothole", 7, 11), _report("pothole", 18, 13)])

    assert _endings(found) == (2, 0, 0, 0, 0)


def test_errors_of_the_place_are_told_apart_by_the_tunnel_and_are_not_cut_off_where_names_end() -> None:
    defects = [_defect("pothole", 0, (10, 12)), _defect("graffiti", 200, (40, 42), in_tunnel=True)]
    reports = [_report("pothole", 4, 11), _report("pothole", -6, 11), _report("graffiti", 230, 41)]
    found = _score(defects, reports)

    assert found.outside.count == 2
    assert found.outside.median == pytest.approx(5, abs=0.05)
    assert found.outside.largest == pytest.approx(6, abs=0.05)
    assert found.inside.median == pytest.approx(30, abs=0.1)
    assert _score(defects, []).inside == Errors(0, None, None, None)


def test_a_report_with_a_wrong_clock_is_late_and_names_nothing() -> None:
    found = _score([_defect("pothole", 0, (10, 12))], [_report("pothole", 0, -1000), _report("pothole", 1, 12.5)])

    assert _endings(found) == (1, 0, 0, 0, 0)
    assert found.late == 1
    assert found.times == Errors(2, 505.25, 959.52, 1010.0)


def test_what_is_accepted_where_nothing_is_is_unfounded() -> None:
    defects = [_defect("pothole", 0, (10, 12))]
    reports = [
        _report("pothole", 24, 11),
        _report("pothole", 26, 11),
        _report("graffiti", 0, 11),
        _report("road_crack", 0, 11, decision="to_review"),
    ]

    assert _score(defects, reports).unfounded == 2


def test_a_report_without_a_place_names_nothing() -> None:
    report = _report("pothole", 0, 11) | {"geometry": None}
    found = _score([_defect("pothole", 0, (10, 12))], [report])

    assert found.nowhere == 1
    assert _endings(found) == (0, 0, 1, 0, 0)
    assert found.unfounded == 0


def test_a_patrol_on_which_nothing_was_in_sight_is_met() -> None:
    found = _score([_defect("pothole", 0)], [])

    assert found.runs == 0
    assert found.right == 1.0
