"""The truth of a drawn patrol: that of the patrol itself, as JSON."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from agent.simulation.conditions import Conditions
from agent.simulation.patrol import Patrol, short_route
from agent.simulation.truth import passes, truth, write_truth

START = datetime(2026, 5, 12, 9, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def patrol() -> Patrol:
    stops = ((30.0, 12.0),)
    return Patrol(7, 110.0, short_route(), conditions=Conditions("mixed", 0.1, (120.0, 200.0), stops))


@pytest.fixture(scope="module")
def told(patrol: Patrol) -> dict[str, Any]:
    return truth(patrol, START)


def _seconds(text: str) -> float:
    return (datetime.fromisoformat(text) - START).total_seconds()


def test_the_path_is_that_of_the_vehicle(patrol: Patrol, told: dict[str, Any]) -> None:
    path = told["path"]

    assert [_seconds(place["at"]) for place in path[:3]] == [0, 0.5, 1]
    assert len(path) == 220
    for place in path[::20]:
        seconds = _seconds(place["at"])
        assert (place["lat"], place["lon"]) == pytest.approx(patrol.place(seconds), abs=1e-6)
        assert place["speed"] == pytest.approx(patrol.speed(seconds), abs=0.01)
    assert {place["in_tunnel"] for place in path} == {True, False}
    standing = [place for place in path if place["speed"] == 0]
    assert len(standing) >= 23


def test_every_defect_is_told_with_each_pass(patrol: Patrol, told: dict[str, Any]) -> None:
    defects = told["defects"]

    assert [(d["label"], d["metres"]) for d in defects] == [(d.label, round(d.metres, 2)) for d in patrol.truth()]
    assert max(len(d["passes"]) for d in defects) >= 2
    for defect in defects:
        for run in defect["passes"]:
            middle = (_seconds(run["from"]) + _seconds(run["to"])) / 2
            near = [one for one, _region in patrol.in_sight(round(middle * 5) / 5)]
            assert any(one.label == defect["label"] for one in near)
            assert 0.01 <= run["largest"] <= 1
            assert run["in_tunnel"] in (patrol.in_tunnel(_seconds(run["from"])), patrol.in_tunnel(_seconds(run["to"])))
        if defect["passes"]:
            assert defect["first_seen"] == defect["passes"][0]["from"]
            assert defect["last_seen"] == defect["passes"][-1]["to"]
        else:
            assert defect["first_seen"] is None


def test_nothing_is_in_sight_outside_the_passes(patrol: Patrol, told: dict[str, Any]) -> None:
    runs = [(d["metres"], _seconds(r["from"]), _seconds(r["to"])) for d in told["defects"] for r in d["passes"]]
    for number in range(0, 550, 3):
        for defect, _region in patrol.in_sight(number / 5):
            assert any(metres == round(defect.metres, 2) and begin <= number / 5 <= end for metres, begin, end in runs)


def test_passes_are_apart_where_the_defect_was_out_of_sight() -> None:
    instants = [(1.0, 0.1), (1.2, 0.2), (2.8, 0.1), (5.0, 0.1), (5.2, 0.3)]

    assert [[seconds for seconds, _ in run] for run in passes(instants)] == [[1.0, 1.2, 2.8], [5.0, 5.2]]
    assert list(passes([])) == []


def test_the_mounting_is_that_of_the_drawn_camera(patrol: Patrol, told: dict[str, Any]) -> None:
    camera = told["camera"]
    view = patrol.view(0.0, 1000, 500)

    assert (camera["height_m"], camera["horizon"]) == (view.height, view.horizon)
    assert math.radians(camera["yaw_deg"]) == pytest.approx(view.yaw, abs=1e-3)
    edge = math.tan(math.radians(camera["fov_deg"] / 2)) * view.focal * view.columns
    assert edge == pytest.approx(view.columns / 2, rel=1e-3)


def test_it_says_how_to_drive_the_same_again(patrol: Patrol, told: dict[str, Any]) -> None:
    conditions = msgspec.convert(told["conditions"], Conditions)

    assert conditions == patrol.conditions
    assert Patrol(told["seed"], told["seconds"], short_route(), conditions=conditions).truth() == patrol.truth()


def test_the_file_holds_the_truth(patrol: Patrol, told: dict[str, Any], tmp_path: Path) -> None:
    write_truth(tmp_path / "truth.json", patrol, START)
    held = msgspec.json.decode((tmp_path / "truth.json").read_bytes())

    assert held["path"] == told["path"]
    assert held["start"] == "2026-05-12T09:00:00.000Z"
    assert truth(patrol, START + timedelta(hours=1))["start"] == "2026-05-12T10:00:00.000Z"
