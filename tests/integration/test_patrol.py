"""A drawn patrol by the real daemon, broker and centre: its clock begins in 1970, and a zone lies on its way."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest

from agent import config
from agent.daemon import BEAT
from agent.simulation.score import PUNCTUAL, score
from agent.simulation.truth import truth
from agent.sources import drawn

from .broker import MOSQUITTO, Broker
from .chain import Chain

START = datetime(2026, 5, 12, 9, 0, tzinfo=UTC)
SECONDS, PACE = 92.0, 5.0  # of the patrol, and how many of them in one of the clock
CLOCK, GPS = 40.0, 20.0  # seconds until which the clock is wrong, and until which there is no fix
ZONE = (60.0, 75.0)  # seconds during which the vehicle is in the zone
SETTLED = 15.0  # seconds by the clock until the last report has arrived
SIMULATED = f"""
[camera]
source = "simulator"
[gps]
source = "simulator"
[simulator]
seed = 3
start = {START.isoformat()}
seconds = {SECONDS}
speed_factor = {PACE}
outages = ["clock 0-{CLOCK:g}", "gps 0-{GPS:g}"]
"""


@dataclass(frozen=True, slots=True)
class Driven:
    """What came of the patrol."""

    reports: list[dict[str, Any]]  # that the centre has
    truth: dict[str, Any]
    looked_at: dict[int, float]  # frames looked at, and when the daemon first said so: seconds, monotonic

    @property
    def longest_rest(self) -> float:
        """Seconds during which no frame was looked at."""
        return max(later - sooner for sooner, later in pairwise(self.looked_at.values()))


@pytest.fixture(scope="module")
def driven(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Driven]:
    """The patrol, once."""
    if MOSQUITTO is None:
        pytest.skip("mosquitto is not installed (Debian: apt install mosquitto)")
    directory = tmp_path_factory.mktemp("patrol")
    (directory / "broker").mkdir()
    broker = Broker(directory / "broker")
    broker.start()
    chain = Chain(directory, broker.port, SIMULATED)
    try:
        patrol = drawn(config.load(chain.config))
        ways = [patrol.place(float(seconds)) for seconds in range(int(ZONE[0]), int(ZONE[1]) + 1)]
        chain.forbid(*map(min, zip(*ways, strict=True)), *map(max, zip(*ways, strict=True)))
        chain.centre.start()
        agent = chain.agent.start()
        looked_at: dict[int, float] = {}
        end = time.monotonic() + SECONDS / PACE + SETTLED
        while agent.poll() is None and time.monotonic() < end:
            looked_at.setdefault(chain.figure("camera", "looked_at") or 0, time.monotonic())
            time.sleep(0.05)
        assert agent.poll() == 0, chain.agent.log
        yield Driven(chain.centre.reports(), truth(patrol, START), looked_at)
    finally:
        chain.close()
        broker.close()


def seconds_of(report: dict[str, Any]) -> float:
    """Seconds of the patrol at which it says that the defect was seen."""
    return _seconds(report["properties"]["observed_at"])


def in_sight(truth: dict[str, Any], label: str | None = None) -> list[tuple[float, float]]:
    """Seconds from which and until which defects were in sight, of that label where one is given."""
    defects = [defect for defect in truth["defects"] if label in (None, defect["label"])]
    return [(_seconds(run["from"]), _seconds(run["to"])) for defect in defects for run in defect["passes"]]


def _seconds(text: str) -> float:
    return (datetime.fromisoformat(text) - START).total_seconds()


def test_what_was_seen_while_the_clock_was_wrong_arrives_with_its_true_time(driven: Driven) -> None:
    assert {report["properties"]["clock"] for report in driven.reports} == {"gps"}
    assert all(0 <= seconds_of(report) <= SECONDS for report in driven.reports)
    found = score(driven.reports, driven.truth)
    assert found.late == 0, found
    assert found.times.count > 0
    early = [one for one in driven.reports if seconds_of(one) < GPS and one["properties"]["decision"] == "accepted"]
    assert early, "nothing was seen before the receiver told the time"
    for report in early:
        runs = in_sight(driven.truth, report["properties"]["label"])
        assert any(first - PUNCTUAL <= seconds_of(report) <= last + PUNCTUAL for first, last in runs)


def test_where_nothing_may_be_captured_no_frame_is_looked_at(driven: Driven) -> None:
    hidden = [run for run in in_sight(driven.truth) if ZONE[0] < run[0] and run[1] < ZONE[1]]
    assert hidden, "there is nothing to be seen in the zone: this test shows nothing"
    assert not [one for one in driven.reports if ZONE[0] < seconds_of(one) < ZONE[1]]
    assert [one for one in driven.reports if seconds_of(one) > ZONE[1]]
    assert driven.longest_rest >= (ZONE[1] - ZONE[0]) / PACE - BEAT
