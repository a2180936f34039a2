"""That the pipeline is what the configuration asks for, by what it does."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import timedelta
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest

from agent import config
from agent.assembly import build_pipeline
from agent.domain import WHOLE_FRAME, Fix, Frame, Pixels, Report
from agent.drivers.tflite import TfliteClassifier
from agent.errors import RecordingEnded
from agent.interfaces import Demand, Due, always
from agent.pipeline.filing import STATISTICS
from agent.pipeline.pipeline import Pipeline
from agent.pipeline.place import Mounting
from agent.plane import travel
from agent.routingtable import load_routing
from agent.sources import NoGps, Sources, build_sources
from agent.store.store import Store
from agent.zones.zones import Zones
from tests.unit.agent.somewhere import somewhere
from tests.unit.builders import BOOT, MARSEILLE, NOON, fix, write_config
from tests.unit.toy_model import write_toy

NOWHERE = Zones()


@cache
def picture(number: int) -> Pixels:
    """Green discs on blue, which the toy takes for a pothole."""
    rng = np.random.default_rng(number)
    pixels = np.full((180, 320, 3), (255, 60, 0), np.uint8)
    for across, down, size, green in rng.integers((0, 0, 5, 60), (320, 180, 40, 200), (60, 4)).tolist():
        cv2.circle(pixels, (across, down), size, (255, green, 0), -1)
    return pixels


def frames(count: int, camera: str = "front") -> list[Frame]:
    """Four metres apart, of a vehicle at ten metres a second."""
    instants = [0.4 * number for number in range(count)]
    return [Frame(picture(round(at * 10)), NOON + timedelta(seconds=at), at, camera) for at in instants]


class Reel:
    """A camera that has these frames."""

    def __init__(self, shots: Sequence[Frame]) -> None:
        self.shots = list(shots)
        self.demands: list[Demand] = []

    def open(self) -> None:
        """Nothing to do."""

    def read(self, timeout: float, due: Due = always) -> Frame | None:
        if not self.shots:
            raise RecordingEnded("the end")
        shot = self.shots.pop(0)
        self.demands.append(due(shot.camera, shot.monotonic, shot.fix))
        return shot if self.demands[-1] is Demand.NOW else None

    def close(self) -> None:
        """Nothing to do."""


class Receiver(NoGps):
    """Knows a fix each second, due east."""

    def __init__(self) -> None:
        self.next = 0

    def take(self, monotonic: float) -> Sequence[Fix]:
        found = []
        while self.next <= monotonic:
            lat, lon = travel(*MARSEILLE, 10.0 * self.next, 90.0)
            found.append(fix(float(self.next), lat=lat, lon=lon))
            self.next += 1
        return found


class Works:
    """Builds pipelines into one store."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.classifier = TfliteClassifier(write_toy(directory / "model"))
        self.store = Store(directory / "store")

    def build(self, sources: Sources | None = None, zones: Zones = NOWHERE, /, **sections: str) -> Pipeline:
        sections = {"aggregate": "min_frames = 1", **sections}
        settings = config.load(write_config(self.directory, **sections))
        routing = load_routing(settings, self.classifier.manifest, zones)
        return build_pipeline(
            settings, sources or build_sources(settings), self.store, self.classifier, zones=zones, routing=routing
        )

    def run(self, pipeline: Pipeline) -> list[Report]:
        """All that is in the store at its end."""
        while not pipeline.ended.is_set():
            with suppress(RecordingEnded):
                pipeline.step()
        return [entry.report for entry in self.store.outbox.entries()]


def reel(*shots: Frame, mountings: dict[str, Mounting] | None = None) -> Sources:
    return Sources(Reel(shots), Receiver(), BOOT, mountings or {"front": Mounting()})


@pytest.fixture
def works(tmp_path: Path) -> Iterator[Works]:
    made = Works(tmp_path)
    yield made
    made.store.close()


@pytest.fixture
def folder(tmp_path: Path) -> str:
    """Pictures of a telephone without a position, as a key of [camera]."""
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for number in range(2):
        cv2.imwrite(str(pictures / f"{number}.png"), picture(number))
    return f'source = "{pictures}"'


def test_single_pictures_are_believed_one_by_one_and_nothing_is_held_for_a_place(works: Works, folder: str) -> None:
    pipeline = works.build(camera=folder, gps='source = "none"', trigger="every_s = 0", aggregate="patience_s = 0.5")
    pipeline.step()
    pipeline.step()
    assert len(works.store.outbox.pending(0, 10)) == 1
    reports = works.run(pipeline)
    assert [(report.decision, report.frames, report.region) for report in reports] == [("accepted", 1, WHOLE_FRAME)] * 2
    assert (reports[0].position.source, reports[0].team) == ("none", None)


@pytest.mark.parametrize(
    ("count", "section", "decision"),
    [(1, "gap_m = 9", "to_review"), (1, "certain = 0.5", "accepted"), (2, "gap_m = 9", "accepted")],
)
def test_a_patrol_does_not_believe_a_single_frame_unless_it_is_certain(
    works: Works, count: int, section: str, decision: str
) -> None:
    (report,) = works.run(works.build(reel(*frames(count)), aggregate=section, trigger="every_m = 3.9"))
    assert (report.decision, report.frames) == (decision, count)


def test_a_report_has_the_device_the_boot_the_place_and_the_team_of_its_commune(works: Works) -> None:
    zones = somewhere({f"130{number:02}": f"name {number}" for number in range(8)})
    (report,) = works.run(works.build(reel(*frames(4)), zones))
    assert (report.device, report.boot, report.commune, report.team) == ("veh-042", BOOT, "13005", "voirie-13005")
    assert (report.position.source, report.clock) == ("gnss", "unknown")


def test_in_a_zone_of_statistics_there_is_no_place_and_where_nothing_may_be_captured_nothing_is(works: Works) -> None:
    (report,) = works.run(works.build(reel(*frames(4)), somewhere({}, ("school",))))
    assert (report.position.lat, report.evidence_withheld) == (None, STATISTICS)
    sources = reel(*frames(4))
    assert len(works.run(works.build(sources, somewhere({}, ("court",), no_capture=True)))) == 1
    assert isinstance(sources.camera, Reel)
    assert sources.camera.demands == [Demand.NONE] * 4


@pytest.mark.parametrize(("wait", "held"), [(0, 0), (300, 1)])
def test_a_report_waits_as_long_as_it_may(works: Works, wait: int, held: int) -> None:
    pipeline = works.build(reel(*frames(3)), gps=f"wait_s = {wait}")
    while not pipeline.ended.is_set():
        pipeline.step()
        if not pipeline._camera.shots:  # type: ignore[attr-defined] # it is a reel
            break
    pipeline._flush()
    pipeline.filing.commit(2.0)
    assert pipeline.filing.held == held


@pytest.mark.parametrize(("section", "reports"), [("days = 0", 2), ("radius_m = 10", 1)])
def test_what_is_remembered_of_defects_can_be_said(works: Works, section: str, reports: int) -> None:
    for _pass in range(2):
        found = works.run(works.build(reel(*frames(4)), seen_again=section))
    assert len(found) == reports


@pytest.mark.parametrize(("camera", "regions"), [("front", 6), ("side", 1)])
def test_each_camera_has_its_own_regions(works: Works, camera: str, regions: int) -> None:
    side = {"cameras.side": 'source = "1"\nregions = "whole"'}
    mountings = {"front": Mounting(), "side": Mounting()}
    pipeline = works.build(reel(*frames(2, camera), mountings=mountings), **side)
    works.run(pipeline)
    assert pipeline.cost is not None
    assert pipeline.cost.regions == regions


def test_a_defect_is_where_the_camera_looks(works: Works) -> None:
    sections = {"camera": 'regions = "whole"', "seen_again": "days = 0"}
    sources = (reel(*frames(4), mountings={"front": Mounting(yaw=yaw)}) for yaw in (0.0, 90.0))
    ahead, aside = (works.run(works.build(one, **sections))[-1].position for one in sources)
    assert (ahead.lat or 0.0) > (aside.lat or 0.0), "the vehicle drives east, and south is on its right"


@pytest.mark.parametrize(
    ("section", "looked_at"),
    [("every_m = 3.9", 10), ("every_m = 7.9", 5), ("slowest_kmh = 50", 0), ("fastest_kmh = 30", 0)],
)
def test_which_frames_are_looked_at_can_be_said(works: Works, section: str, looked_at: int) -> None:
    pipeline = works.build(reel(*frames(10)), trigger=section)
    works.run(pipeline)
    assert pipeline.counters.looked_at == looked_at


@pytest.mark.parametrize(("hours", "demand"), [((-1, 1), Demand.NOW), ((2, 3), Demand.NONE)])
def test_the_hours_can_be_said(works: Works, hours: tuple[int, int], demand: Demand) -> None:
    begin, end = (f"{(NOON + timedelta(hours=hour)).astimezone():%H:%M}" for hour in hours)
    sources = reel(*frames(10))
    works.run(works.build(sources, trigger=f'every_m = 0\nhours = ["{begin}-{end}"]'))
    assert isinstance(sources.camera, Reel)
    assert sources.camera.demands[0] is Demand.NOW, "nobody knows what time it is"
    assert sources.camera.demands[-1] is demand


@pytest.mark.parametrize(("section", "reason"), [("darkest = 255", "dark"), ("blur = 2", "out_of_focus")])
def test_which_frames_are_good_enough_can_be_said(works: Works, section: str, reason: str) -> None:
    pipeline = works.build(reel(*frames(3)), quality=section)
    works.run(pipeline)
    assert dict(pipeline.counters.refused) == {reason: 3}
