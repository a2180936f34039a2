"""The loop from frame to committed report, with devices and a store in memory."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from agent.domain import WHOLE_FRAME, Fix, Frame, Pixels, Report
from agent.errors import DeviceError, RecordingEnded, StoreError
from agent.interfaces import Classifier, Demand, Due, always
from agent.pipeline.aggregate import Aggregator
from agent.pipeline.anonymise import Identity
from agent.pipeline.pipeline import UNSAVED, Pipeline
from agent.pipeline.regions import Pace, Rota
from agent.pipeline.trigger import Trigger
from tests.unit.builders import BOOT, DEVICE, fix, frame, manifest

LEFT, RIGHT = (0.0, 0.0, 0.5, 1.0), (0.5, 0.0, 1.0, 1.0)
EMPTY, POTHOLE, GRAFFITI = 0, 1, 2  # the shade of a frame that shows it
LOOKS: dict[int, Sequence[float]] = {EMPTY: (0.05, 0.05, 0.9), POTHOLE: (0.9, 0.05, 0.05), GRAFFITI: (0.05, 0.9, 0.05)}


class MemoryCamera:
    """A recording in memory; an error in it is raised where its turn comes."""

    def __init__(self, shots: Iterable[Frame | Exception | None]) -> None:
        self._shots = list(shots)
        self.log: list[str] = []

    def open(self) -> None:
        self.log.append("open")

    def read(self, timeout: float, due: Due = always) -> Frame | None:
        assert timeout > 0
        assert self.log[-1] != "close", "read while closed"
        shot = self._shots.pop(0) if self._shots else RecordingEnded("the recording has ended")
        self.log.append("read")
        if isinstance(shot, Exception):
            raise shot
        return shot if shot and due(shot.camera, shot.monotonic, shot.fix) is Demand.NOW else None

    def close(self) -> None:
        self.log.append("close")


class MemoryGps:
    """A receiver that knows one fix."""

    def __init__(self, known: Fix | None) -> None:
        self.known = known
        self.closed = False

    def open(self) -> None:
        self.closed = False

    def fix(self, monotonic: float) -> Fix | None:
        assert monotonic >= 0
        return self.known

    def close(self) -> None:
        self.closed = True


class ByShade:
    """A model that knows each frame by its shade."""

    def probabilities(self, pixels: Pixels) -> npt.NDArray[np.float32]:
        return np.array(LOOKS[int(pixels[0, 0, 0])], np.float32)


class MemoryStore:
    """A store that can be full."""

    def __init__(self) -> None:
        self.full = False
        self.reports: list[Report] = []

    def append(self, report: Report) -> int:
        if self.full:
            raise StoreError("the disk is full")
        self.reports.append(report)
        return len(self.reports)


class FullAfterOne(MemoryStore):
    """A store whose disk is full after the first report."""

    def append(self, report: Report) -> int:
        number = super().append(report)
        self.full = number == 1
        return number


class Bench:
    """A pipeline and what it is made of."""

    def __init__(
        self,
        *shots: Frame | Exception | None,
        newest: Fix | None = None,
        store: MemoryStore | None = None,
        classifier: Classifier | None = None,
        **choices: Any,
    ) -> None:
        self.camera = MemoryCamera(shots)
        self.gps = MemoryGps(newest)
        self.store = store or MemoryStore()
        self.pipeline = Pipeline(
            camera=self.camera,
            gps=self.gps,
            classifier=classifier or ByShade(),
            manifest=manifest(),
            store=self.store,
            identity=Identity(DEVICE, BOOT),
            trigger=Trigger(0.0, 0.0),
            aggregator=Aggregator(reach=10.0, patience=2.0),
            **choices,
        )

    def run(self) -> list[str]:
        """Step until the recording ends; the labels committed."""
        while not self.pipeline.ended.is_set():
            with suppress(RecordingEnded):
                self.pipeline.step()
        return [report.label for report in self.store.reports]


def test_the_end_of_a_recording_commits_what_was_still_in_sight() -> None:
    bench = Bench(frame(0.0, shade=POTHOLE), frame(0.5, shade=POTHOLE), frame(1.0, shade=GRAFFITI))
    assert bench.run() == ["pothole", "graffiti"]
    assert [report.frames for report in bench.store.reports] == [2, 1]
    assert bench.pipeline.counters.reports == 2


def test_a_defect_is_committed_as_soon_as_it_is_out_of_sight() -> None:
    bench = Bench(frame(0.0, shade=POTHOLE), frame(3.0))
    bench.pipeline.step()
    assert bench.store.reports == []
    bench.pipeline.step()
    assert [report.label for report in bench.store.reports] == ["pothole"]


def test_a_camera_without_a_new_frame_is_not_a_failure() -> None:
    bench = Bench(None, frame(shade=POTHOLE), None)
    assert bench.run() == ["pothole"]
    assert bench.pipeline.counters.frames == 1


def test_a_street_without_defects_gives_no_report() -> None:
    bench = Bench(*(frame(second) for second in range(5)))
    assert bench.run() == []
    assert (bench.pipeline.counters.frames, bench.pipeline.counters.looked_at) == (5, 5)


def test_a_lost_camera_comes_back_by_itself_and_nothing_seen_is_forgotten() -> None:
    bench = Bench(frame(0.0, shade=POTHOLE), DeviceError("the cable"), frame(1.0, shade=POTHOLE))
    bench.pipeline.step()
    with pytest.raises(DeviceError, match="the cable"):
        bench.pipeline.step()
    assert len(bench.store.reports) == 1, "what was in sight is not committed, though the power may go next"
    assert bench.run() == ["pothole", "pothole"]
    assert bench.camera.log[:6] == ["open", "read", "read", "read", "read"]


def test_a_camera_that_falls_silent_ends_what_was_in_sight() -> None:
    bench = Bench(frame(0.0, shade=POTHOLE), *[None] * 4)
    for _second in range(5):
        bench.pipeline.step()
    assert [report.label for report in bench.store.reports] == ["pothole"]


def test_what_is_open_is_committed_before_a_device_is_released_that_may_hang() -> None:
    bench = Bench(frame(0.0, shade=POTHOLE))
    bench.pipeline.step()
    bench.gps.close = lambda: bench.camera.log.append(f"{len(bench.store.reports)} committed")  # type: ignore[method-assign]
    bench.pipeline.finish()
    assert bench.camera.log[-1] == "1 committed"


def test_a_full_store_does_not_end_the_looking_and_gets_everything_in_order_once_later() -> None:
    bench = Bench(*(frame(3.0 * second, shade=POTHOLE) for second in range(4)), frame(12.0, shade=GRAFFITI))
    bench.store.full = True
    for _frame in range(4):
        bench.pipeline.step()
    assert bench.store.reports == []
    assert str(bench.pipeline.store_trouble) == "the disk is full"
    assert bench.pipeline.counters.looked_at == 4
    bench.store.full = False
    assert bench.run() == ["pothole"] * 4 + ["graffiti"]
    assert bench.pipeline.store_trouble is None
    assert len({report.id for report in bench.store.reports}) == 5
    assert (bench.pipeline.counters.reports, bench.pipeline.counters.lost) == (5, 0)


def test_what_memory_does_not_hold_while_the_store_is_full_is_counted_as_lost_oldest_first() -> None:
    seen = UNSAVED + 3
    bench = Bench(*(frame(3.0 * second, shade=POTHOLE) for second in range(seen)))
    bench.store.full = True
    for _frame in range(seen):
        bench.pipeline.step()
    bench.store.full = False
    assert len(bench.run()) == UNSAVED
    assert bench.pipeline.counters.lost == 3


def test_the_end_of_a_recording_waits_for_a_full_store() -> None:
    bench = Bench(frame(0.0, shade=POTHOLE), frame(0.1, shade=GRAFFITI), store=FullAfterOne())
    bench.pipeline.step()
    bench.pipeline.step()
    for _attempt in range(2):
        with pytest.raises(StoreError, match="the disk is full"):
            bench.pipeline.step()
        assert not bench.pipeline.ended.is_set()
    bench.store.full = False
    assert bench.run() == ["pothole", "graffiti"]
    assert bench.pipeline.ended.is_set()
    assert len({report.id for report in bench.store.reports}) == 2


def test_a_defect_in_a_part_of_the_frame_is_reported_with_that_part() -> None:
    shot = frame()
    shot.pixels[:, 6:] = POTHOLE
    bench = Bench(shot, rota=Rota([WHOLE_FRAME, LEFT, RIGHT]))
    assert bench.run() == ["pothole"]
    assert bench.store.reports[0].region == RIGHT
    cost = bench.pipeline.cost
    assert cost is not None
    assert (cost.regions, cost.looks) == (3, 3)


def test_a_fast_vehicle_has_time_for_fewer_regions_and_one_that_stands_for_all() -> None:
    looks = []

    class Slow(ByShade):
        """Takes a second a look."""

        def probabilities(self, pixels: Pixels) -> npt.NDArray[np.float32]:
            looks.append(1)
            return super().probabilities(pixels)

    def count(speed: float) -> int:
        looks.clear()
        rota = Rota([WHOLE_FRAME, LEFT, RIGHT, LEFT], clock=lambda: float(len(looks)))
        Bench(frame(), newest=fix(speed=speed), rota=rota, pace=Pace(every_m=40.0), classifier=Slow()).run()
        return len(looks)

    assert [count(speed) for speed in (0.0, 10.0, 12.0, 15.0, 40.0)] == [4, 4, 3, 2, 2]


def test_a_frame_that_knows_its_own_place_is_believed_before_the_receiver() -> None:
    own, receivers = fix(0.0, lat=48.85, lon=2.35), fix(0.0)
    bench = Bench(frame(0.0, fix=own, shade=POTHOLE), newest=receivers)
    bench.run()
    assert (bench.store.reports[0].position.lat, bench.store.reports[0].position.lon) == (48.85, 2.35)
    assert bench.pipeline.counters.last_fix is own


def test_without_a_receiver_a_report_has_no_position_and_no_team() -> None:
    bench = Bench(frame(shade=POTHOLE))
    bench.run()
    (found,) = bench.store.reports
    assert (found.position.source, found.position.lat, found.team, found.clock) == ("none", None, None, "unknown")


def test_at_the_end_everything_in_sight_is_committed_and_the_devices_are_released() -> None:
    bench = Bench(frame(0.0, shade=POTHOLE), frame(1.0, shade=POTHOLE))
    bench.pipeline.step()
    bench.pipeline.finish()
    assert [report.label for report in bench.store.reports] == ["pothole"]
    assert bench.camera.log[-1] == "close"
    assert bench.gps.closed


def test_at_the_end_the_devices_are_released_also_where_the_store_is_full() -> None:
    bench = Bench(frame(0.0, shade=POTHOLE))
    bench.pipeline.step()
    bench.store.full = True
    with pytest.raises(StoreError):
        bench.pipeline.finish()
    assert bench.camera.log[-1] == "close"
    assert bench.gps.closed
