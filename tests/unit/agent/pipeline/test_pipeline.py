"""The loop from frame to committed report, with devices in memory and a real store."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from agent.domain import WHOLE_FRAME, Fix, Frame, Here, Pixels, Reading, Region, Report
from agent.errors import DeviceError, RecordingEnded, StoreError
from agent.interfaces import Classifier, Demand, Due, always
from agent.pipeline.aggregate import Aggregator, Belief, Span
from agent.pipeline.anonymise import Identity
from agent.pipeline.dating import Dating
from agent.pipeline.filing import Filing
from agent.pipeline.locate import Fixes
from agent.pipeline.pipeline import NEARBY, PATIENCE, READ_TIMEOUT, Eye, Pipeline
from agent.pipeline.place import Mounting
from agent.pipeline.quality import UNCHANGED, Gate, Settings
from agent.pipeline.regions import Pace, Rota
from agent.pipeline.trigger import RETRY, Trigger, When
from agent.plane import travel
from agent.routing import Routing
from tests.unit.agent.pipeline.moody import MoodyStore
from tests.unit.builders import BOOT, DEVICE, MARSEILLE, NOON, fix, frame, manifest

LEFT, RIGHT = (0.0, 0.0, 0.5, 1.0), (0.5, 0.0, 1.0, 1.0)
EMPTY, POTHOLE, GRAFFITI = 0, 1, 2  # the blue of a frame that shows it
LOOKS: dict[int, Sequence[float]] = {EMPTY: (0.05, 0.05, 0.9), POTHOLE: (0.9, 0.05, 0.05), GRAFFITI: (0.05, 0.9, 0.05)}
ANY = Settings(darkest=0.0, brightest=0.0, blur=0.0, same=0.0, dirty_share=0.0)  # refuses what is no picture at all
SPAN = Span(patience=2.0)


def shot(
    seconds: float = 0.0, shown: int = EMPTY, camera: str = "front", own: Fix | None = None, scene: int | None = None
) -> Frame:
    """A picture of something; each second is another `scene` unless it is given."""
    pixels = np.random.default_rng(round(seconds * 100) if scene is None else scene).integers(0, 255, (36, 64, 3))
    pixels[:, :, 0] = shown
    return Frame(pixels.astype(np.uint8), NOON + timedelta(seconds=seconds), seconds, camera, own)


def fixes(begin: int, end: int, **changes: Any) -> list[Fix]:
    """One each second, of a vehicle that drives east at ten metres a second."""
    places = {second: travel(*MARSEILLE, 10.0 * second, 90.0) for second in range(begin, end + 1)}
    return [fix(second, lat=lat, lon=lon, **changes) for second, (lat, lon) in places.items()]


@dataclass
class MemoryCamera:
    """A recording in memory; an error in it is raised where its turn comes."""

    shots: list[Frame | Exception | None]
    log: list[str] = field(default_factory=list)
    demands: list[Demand] = field(default_factory=list)

    def open(self) -> None:
        self.log.append("open")

    def read(self, timeout: float, due: Due = always) -> Frame | None:
        assert timeout == READ_TIMEOUT
        assert self.log[-1] != "close", "read while closed"
        one = self.shots.pop(0) if self.shots else RecordingEnded("the recording has ended")
        self.log.append("read")
        if isinstance(one, Exception):
            raise one
        if one is None:
            return None
        self.demands.append(due(one.camera, one.monotonic, one.fix))
        return one if self.demands[-1] is Demand.NOW else None

    def close(self) -> None:
        self.log.append("close")


class MemoryGps:
    """A receiver that tells each fix at its instant."""

    def __init__(self, known: Iterable[Fix]) -> None:
        self.known = list(known)
        self.log: list[str] = []

    def open(self) -> None:
        self.log.append("open")

    def take(self, monotonic: float) -> Sequence[Fix]:
        told = [one for one in self.known if one.monotonic <= monotonic]
        del self.known[: len(told)]
        return told

    def close(self) -> None:
        self.log.append("close")


class ByColour:
    """A model that knows each frame by its blue."""

    def probabilities(self, pixels: Pixels) -> npt.NDArray[np.float32]:
        return np.array(LOOKS[int(pixels[0, 0, 0])], np.float32)


def eye(
    when: When = When(0.0, 0.0),  # noqa: B008 - immutable
    regions: Sequence[Region] = (WHOLE_FRAME,),
    rota: Rota | None = None,
    pace: Pace = Pace(),  # noqa: B008 - immutable
) -> Eye:
    """A camera's, that takes every frame."""
    aggregator = Aggregator(manifest(), SPAN, Belief())
    return Eye(Trigger(when), aggregator, rota or Rota(regions), pace, Mounting())


class Bench:
    """A pipeline and what it is made of."""

    def __init__(  # noqa: PLR0913 - what there is to choose
        self,
        store: MoodyStore,
        *shots: Frame | Exception | None,
        told: Iterable[Fix] = (),
        eyes: dict[str, Eye] | None = None,
        classifier: Classifier | None = None,
        standards: Settings = ANY,
        clock: Callable[[], Reading] | None = None,
        here: Here = Here(),  # noqa: B008 - immutable
        patience: float = 0.0,
        **choices: Any,
    ) -> None:
        self.camera, self.gps, self.store = MemoryCamera(list(shots)), MemoryGps(told), store
        located, dating = Fixes(), Dating(clock)
        self.filing = Filing(
            store,
            manifest(),
            Identity(DEVICE, BOOT),
            located,
            dating,
            routing=Routing(
                {}, {}, {"pothole": "voirie", "graffiti": "propreté"}, {"pothole": "normal", "graffiti": "low"}
            ),
            zones=lambda _lat, _lon: here,
            patience=patience,
        )
        self.pipeline = Pipeline(
            camera=self.camera,
            gps=self.gps,
            classifier=classifier or ByColour(),
            eyes=eyes or {"front": eye()},
            gate=Gate(standards),
            fixes=located,
            dating=dating,
            filing=self.filing,
            **choices,
        )

    @property
    def reports(self) -> list[Report]:
        """What is committed."""
        return [entry.report for entry in self.store.outbox.entries()]

    @property
    def labels(self) -> list[str]:
        return [report.label for report in self.reports]

    def step(self, times: int = 1) -> None:
        for _time in range(times):
            self.pipeline.step()

    def run(self) -> list[str]:
        """Step until the recording ends; the labels committed."""
        while not self.pipeline.ended.is_set():
            with suppress(RecordingEnded):
                self.pipeline.step()
        return self.labels


@pytest.fixture
def store(tmp_path: Path) -> Iterator[MoodyStore]:
    opened = MoodyStore(tmp_path)
    yield opened
    opened.close()


def test_the_end_of_a_recording_commits_what_was_still_in_sight(store: MoodyStore) -> None:
    bench = Bench(store, shot(0.0, POTHOLE), shot(0.5, POTHOLE), shot(1.0, GRAFFITI), patience=300.0)
    assert bench.run() == ["pothole", "graffiti"]
    assert [report.frames for report in bench.reports] == [2, 1]
    assert bench.filing.filed.reports == 2
    assert bench.filing.held == 0, "nothing more will be known"
    with pytest.raises(RecordingEnded):
        bench.step()


def test_a_defect_is_committed_as_soon_as_it_is_out_of_sight(store: MoodyStore) -> None:
    bench = Bench(store, shot(0.0, POTHOLE), shot(SPAN.patience + 0.1))
    bench.step()
    assert bench.reports == []
    bench.step()
    assert bench.labels == ["pothole"]


def test_a_camera_without_a_new_frame_is_not_a_failure(store: MoodyStore) -> None:
    bench = Bench(store, None, shot(0.0, POTHOLE), None)
    assert bench.run() == ["pothole"]
    assert (bench.pipeline.counters.frames, bench.pipeline.now) == (1, 0.0)


def test_a_street_without_defects_gives_no_report(store: MoodyStore) -> None:
    bench = Bench(store, *(shot(second) for second in range(5)))
    assert bench.run() == []
    counters = bench.pipeline.counters
    assert (counters.frames, counters.looked_at, counters.refused.total(), bench.pipeline.now) == (5, 5, 0, 4.0)


def test_a_lost_camera_comes_back_by_itself_and_nothing_seen_is_forgotten(store: MoodyStore) -> None:
    bench = Bench(store, shot(0.0, POTHOLE), DeviceError("the cable"), shot(1.0, POTHOLE))
    bench.step()
    with pytest.raises(DeviceError, match="the cable"):
        bench.step()
    assert len(bench.reports) == 1, "what was in sight is not committed, though the power may go next"
    assert bench.run() == ["pothole", "pothole"]
    assert bench.camera.log == ["open", "read", "read", "read", "read"]
    assert bench.gps.log == ["open"]


def test_a_camera_that_falls_silent_ends_what_was_in_sight(store: MoodyStore) -> None:
    quiet = round(PATIENCE / READ_TIMEOUT)
    bench = Bench(store, shot(0.0, POTHOLE), *[None] * (quiet - 1), shot(0.1, POTHOLE), *[None] * quiet)
    bench.step(quiet)
    assert bench.reports == []
    bench.step(quiet)
    assert bench.reports == [], "it has spoken meanwhile"
    bench.step()
    assert [report.frames for report in bench.reports] == [2]


def test_a_frame_that_is_of_no_use_is_counted_and_another_one_wanted_soon(store: MoodyStore) -> None:
    blank = frame(0.0)
    instants = (RETRY / 2, RETRY, RETRY + 1, 9.9 + RETRY, 10.0 + RETRY)
    bench = Bench(store, blank, *(shot(second, POTHOLE) for second in instants), eyes={"front": eye(When(0.0, 10.0))})
    bench.run()
    assert bench.camera.demands == [
        Demand.NOW, Demand.LATER, Demand.NOW, Demand.LATER, Demand.LATER, Demand.NOW
    ]  # fmt: skip
    counters = bench.pipeline.counters
    assert (counters.frames, counters.looked_at, dict(counters.refused)) == (3, 2, {"grey": 1})
    assert [report.frames for report in bench.reports] == [1, 1], "the blank one shows nothing"


def test_where_nothing_may_be_captured_no_frame_is_and_what_was_in_sight_is_committed(store: MoodyStore) -> None:
    asked = []

    def is_forbidden(lat: float, lon: float, accuracy: float) -> bool:
        asked.append(accuracy)
        return 0.5 < (lon - MARSEILLE[1]) / (travel(*MARSEILLE, 10.0, 90.0)[1] - MARSEILLE[1]) < 2.5

    bench = Bench(store, *(shot(second, POTHOLE) for second in range(4)), told=fixes(0, 5), is_forbidden=is_forbidden)
    bench.step()
    assert bench.reports == []
    bench.step()
    assert bench.labels == ["pothole"]
    bench.run()
    assert bench.camera.demands == [Demand.NOW, Demand.NONE, Demand.NONE, Demand.NOW]
    assert bench.pipeline.counters.frames == 2
    assert asked == [3.0] * 4


def test_a_zone_may_be_no_farther_than_thirty_metres_from_a_position_that_is_known_badly(store: MoodyStore) -> None:
    asked = []

    def is_forbidden(_lat: float, _lon: float, accuracy: float) -> bool:
        asked.append(accuracy)
        return False

    bench = Bench(store, shot(0.0), shot(60.0), told=fixes(0, 0), is_forbidden=is_forbidden)
    bench.run()
    assert asked == [3.0, NEARBY]
    assert Bench(store, shot(0.0), is_forbidden=lambda *_place: True).run() == [], "nobody knows where it is"


def test_a_picture_that_knows_its_own_place_is_not_taken_where_nothing_may_be(store: MoodyStore) -> None:
    shots = [shot(second, POTHOLE, own=fix(second, lat=lat)) for second, lat in ((0.0, 48.85), (1.0, 43.3))]
    bench = Bench(store, *shots, told=fixes(0, 2), is_forbidden=lambda lat, _lon, _accuracy: lat > 45)
    bench.run()
    assert bench.camera.demands == [Demand.NONE, Demand.NOW]


def test_each_camera_has_a_trigger_and_defects_of_its_own(store: MoodyStore) -> None:
    eyes = {"front": eye(), "side": eye(When(0.0, 1.0))}
    bench = Bench(
        store,
        *(shot(0.3 * number, POTHOLE, ("front", "side")[number % 2]) for number in range(8)),
        eyes=eyes,
    )
    assert bench.run() == ["pothole", "pothole"]
    assert [report.frames for report in bench.reports] == [4, 2]


def test_a_defect_is_placed_by_the_camera_that_saw_it(store: MoodyStore) -> None:
    to_the_right = replace(eye(), mounting=Mounting(yaw=90.0))
    found = []
    for name, one, label in (("front", eye(), POTHOLE), ("side", to_the_right, GRAFFITI)):
        shots = [shot(0.4 * number, label if number == 10 else EMPTY, name) for number in range(20)]
        bench = Bench(store, *shots, told=fixes(0, 20), eyes={name: one})
        bench.run()
        found.append(bench.reports[-1].position)
    ahead, aside = found
    assert None not in (ahead.lat, ahead.lon, aside.lat, aside.lon)
    assert (ahead.lon or 0.0) > (aside.lon or 0.0), "the vehicle drives east"
    assert (ahead.lat or 0.0) > (aside.lat or 0.0), "and south is on its right"


def test_a_vehicle_that_is_parked_needs_no_frames(store: MoodyStore) -> None:
    standing = [fix(float(second), speed=0.0, track=None) for second in range(30)]
    bench = Bench(
        store,
        *(shot(second) for second in range(20)),
        told=standing,
        eyes={"front": eye(When(0.0, 0.0, parked_s=10.0))},
    )
    bench.run()
    assert bench.camera.demands == [Demand.NOW] * 11 + [Demand.NONE] * 9


def test_hours_are_kept_by_a_clock_that_can_be_trusted(store: MoodyStore) -> None:
    local = NOON.astimezone()
    ended = (local - timedelta(hours=2)).time(), (local - timedelta(hours=1)).time()
    for source, demand in (("ntp", Demand.NONE), ("rtc", Demand.NOW)):
        bench = Bench(
            store,
            shot(0.0),
            clock=lambda source=source: Reading(NOON, 0.0, source, 0.1),  # type: ignore[misc] # one of each
            eyes={"front": eye(When(0.0, 0.0, hours=[ended]))},
        )
        bench.run()
        assert bench.camera.demands == [demand]


def test_a_hot_board_looks_at_fewer_frames(store: MoodyStore) -> None:
    for rate, looked_at in ((1.0, 10), (2.0, 5)):
        shots = [shot(float(second)) for second in range(10)]
        bench = Bench(store, *shots, eyes={"front": eye(When(4.0, 1.0))}, rate=lambda rate=rate: rate)
        bench.run()
        assert bench.pipeline.counters.looked_at == looked_at


def test_a_camera_that_shows_the_same_says_in_a_tunnel_that_the_vehicle_stands(store: MoodyStore) -> None:
    instants = [*range(10), *range(10, 31), *range(31, 45)]
    shots = [shot(float(at), scene=10 if 10 <= at <= 30 else None) for at in instants]
    told = [fix(0.0), fix(1.0), *(replace(one, monotonic=one.monotonic + 20) for one in fixes(22, 24))]
    bench = Bench(store, *shots, told=told, standards=replace(ANY, same=1.5))
    bench.run()
    assert dict(bench.pipeline.counters.refused) == {UNCHANGED: 20}
    assert bench.pipeline.fixes.position(20.0).speed == pytest.approx(0.0, abs=0.01)
    assert (bench.pipeline.fixes.position(5.0).speed or 0.0) > 1.0


def test_two_cameras_do_not_take_each_others_pictures_for_standing(store: MoodyStore) -> None:
    shots = [shot(float(at), camera=("front", "side")[at % 2], scene=at % 2 * (1 + at)) for at in range(8)]
    bench = Bench(store, *shots, eyes={"front": eye(), "side": eye()}, standards=replace(ANY, same=1.5))
    bench.run()
    assert dict(bench.pipeline.counters.refused) == {UNCHANGED: 3}
    assert bench.pipeline.fixes._stood == [(0.0, 6.0)]


def test_what_is_open_is_committed_before_a_device_is_released_that_may_hang(store: MoodyStore) -> None:
    bench = Bench(store, shot(0.0, POTHOLE), patience=300.0)
    bench.step()
    bench.gps.close = lambda: bench.camera.log.append(f"{len(store.outbox.pending(0, 10))} sent")  # type: ignore[method-assign]
    bench.pipeline.finish()
    assert bench.camera.log == ["open", "read", "close", "1 sent"]


def test_a_full_store_does_not_end_the_looking_and_gets_everything_in_order_once_later(store: MoodyStore) -> None:
    bench = Bench(store, *(shot(3.0 * second, POTHOLE) for second in range(4)), shot(12.0, GRAFFITI))
    store.fail()
    bench.step(4)
    assert bench.reports == []
    assert str(bench.filing.trouble) == "the disk is full"
    assert (bench.pipeline.counters.looked_at, bench.filing.unsaved) == (4, 3)
    store.mend()
    assert bench.run() == ["pothole"] * 4 + ["graffiti"]
    assert bench.filing.trouble is None
    assert (bench.filing.filed.reports, bench.filing.filed.lost) == (5, 0)


def test_the_end_of_a_recording_waits_for_a_full_store(store: MoodyStore) -> None:
    bench = Bench(store, shot(0.0, POTHOLE), shot(0.1, GRAFFITI))
    bench.step(2)
    store.fail(after=1)
    for _attempt in range(2):
        with pytest.raises(StoreError, match="the disk is full"):
            bench.step()
        assert not bench.pipeline.ended.is_set()
    store.mend()
    assert bench.run() == ["pothole", "graffiti"]
    assert bench.filing.filed.lost == 0, "it was only late"


def test_a_defect_in_a_part_of_the_frame_is_reported_with_that_part(store: MoodyStore) -> None:
    one = shot()
    one.pixels[:, 32:, 0] = POTHOLE
    bench = Bench(store, one, eyes={"front": eye(regions=[WHOLE_FRAME, LEFT, RIGHT])})
    assert bench.pipeline.cost is None
    assert bench.run() == ["pothole"]
    assert bench.reports[0].region == RIGHT
    cost = bench.pipeline.cost
    assert cost is not None
    assert (cost.regions, cost.looks) == (3, 3)


def test_a_fast_vehicle_has_time_for_fewer_regions_and_one_that_stands_for_all(store: MoodyStore) -> None:
    looks = []

    class Slow(ByColour):
        """Takes a second a look."""

        def probabilities(self, pixels: Pixels) -> npt.NDArray[np.float32]:
            looks.append(1)
            return super().probabilities(pixels)

    def count(speed: float) -> int:
        looks.clear()
        rota = Rota([WHOLE_FRAME, LEFT, RIGHT, LEFT], clock=lambda: float(len(looks)))
        slow = eye(rota=rota, pace=Pace(every_m=40.0))
        Bench(store, shot(), told=[fix(speed=speed)], eyes={"front": slow}, classifier=Slow()).run()
        return len(looks)

    assert [count(speed) for speed in (0.0, 10.0, 12.0, 15.0, 40.0)] == [4, 4, 3, 2, 2]


def test_a_frame_that_knows_its_own_place_is_believed_before_the_receiver(store: MoodyStore) -> None:
    bench = Bench(store, shot(0.0, POTHOLE, own=fix(0.0, lat=48.85, lon=2.35)), told=fixes(0, 1))
    bench.run()
    assert (bench.reports[0].position.lat, bench.reports[0].position.lon) == (48.85, 2.35)


def test_without_a_receiver_a_report_has_no_position_and_no_team(store: MoodyStore) -> None:
    bench = Bench(store, shot(0.0, POTHOLE), here=Here("13055"))
    bench.run()
    (found,) = bench.reports
    assert (found.position.source, found.position.lat, found.commune, found.team) == ("none", None, None, None)
    assert (found.clock, found.observed_at) == ("unknown", NOON)


def test_a_report_that_was_held_goes_as_soon_as_a_fix_is_told_also_while_no_frame_is_wanted(store: MoodyStore) -> None:
    bench = Bench(
        store,
        *(shot(10.0, POTHOLE), shot(14.0), shot(16.0)),
        told=[*fixes(0, 3), *fixes(15, 16)],
        patience=300.0,
        eyes={"front": eye(When(4.0, 3.0))},
    )
    bench.step(2)
    assert (len(bench.reports), bench.filing.held, store.outbox.pending(0, 10)) == (1, 1, [])
    bench.step()
    assert bench.camera.demands[-1] is Demand.LATER
    (entry,) = store.outbox.pending(0, 10)
    assert (entry.report.position.source, entry.report.clock) == ("interpolated", "gps")


def test_at_the_end_the_devices_are_released_also_where_the_store_is_full_and_what_is_lost_is_counted(
    store: MoodyStore,
) -> None:
    bench = Bench(store, shot(0.0, POTHOLE))
    bench.step()
    store.fail()
    with pytest.raises(StoreError):
        bench.pipeline.finish()
    assert (bench.camera.log[-1], bench.gps.log[-1]) == ("close", "close")
    assert bench.filing.filed.lost == 1
