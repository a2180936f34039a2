"""Injected failures: each at its seconds, each as the device would fail, and nothing before or after."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from agent.domain import Fix, Frame
from agent.drivers.outages import FlakyCamera, FlakyGps
from agent.drivers.track import RefusedFix, plausible
from agent.errors import DeviceError
from agent.interfaces import Demand, Due, always
from agent.outage import parse

START = datetime(2026, 5, 12, 9, 0, tzinfo=UTC)


class Clock:
    """Seconds that go on when a frame is read or somebody waits."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> float:
        return self.seconds

    def wait(self, seconds: float) -> None:
        self.seconds += seconds


class Counting:
    """A camera of a frame a second, each of its own grey."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.is_open = False

    def open(self) -> None:
        self.is_open = True

    def read(self, timeout: float, due: Due = always) -> Frame | None:
        assert self.is_open
        self.clock.wait(1.0)
        seconds = self.clock.now()
        if due("front", seconds, None) is not Demand.NOW:
            return None
        pixels = np.full((4, 6, 3), int(seconds), np.uint8)
        return Frame(pixels, START + timedelta(seconds=seconds), seconds, "front")

    def close(self) -> None:
        self.is_open = False


class Ticking:
    """A receiver of a fix a second."""

    def __init__(self) -> None:
        self.taken = 0

    def open(self) -> None:
        self.taken = 0

    def take(self, monotonic: float) -> Sequence[Fix]:
        instants = range(self.taken + 1, int(monotonic) + 1)
        self.taken = int(monotonic)
        return [Fix(43.0 + s / 1e5, 5.0, START + timedelta(seconds=s), float(s), 5.0, 8.0, 90.0) for s in instants]

    def close(self) -> None:
        self.taken = 0


def _camera(*outages: str) -> tuple[FlakyCamera, Counting]:
    clock = Clock()
    source = Counting(clock)
    camera = FlakyCamera(source, [parse(text) for text in outages], clock.now, clock.wait)
    return camera, source


def _frames(camera: FlakyCamera, count: int) -> list[Frame]:
    camera.open()
    read = [camera.read(1.0, always) for _ in range(count)]
    return [frame for frame in read if frame is not None]


def _grey(frame: Frame) -> int:
    return int(frame.pixels[0, 0, 0])


def test_an_unplugged_camera_is_lost_can_not_be_opened_and_comes_back() -> None:
    camera, source = _camera("camera 3-6")
    assert [_grey(frame) for frame in _frames(camera, 3)] == [1, 2, 3]

    with pytest.raises(DeviceError):
        camera.read(1.0, always)
    assert not source.is_open
    with pytest.raises(DeviceError):
        camera.open()
    source.clock.wait(3.0)

    assert [_grey(frame) for frame in (camera.read(1.0), camera.read(1.0)) if frame] == [7, 8]


def test_a_camera_that_is_unplugged_from_the_start_still_sets_out() -> None:
    camera, source = _camera("camera 0-2")
    clock, opened = source.clock, []
    source.open = lambda: opened.append(clock.now())  # type: ignore[method-assign]

    with pytest.raises(DeviceError):
        camera.open()
    assert opened == [0.0]


def test_a_hanging_camera_gives_nothing_and_takes_its_time() -> None:
    camera, source = _camera("camera-hang 2-4")

    assert [_grey(frame) for frame in _frames(camera, 6)] == [1, 2, 5, 6]
    assert source.clock.now() == 6.0


def test_a_frozen_camera_repeats_its_last_picture_as_new() -> None:
    frames = _frames(_camera("camera-frozen 3-6")[0], 7)

    assert [_grey(frame) for frame in frames] == [1, 2, 2, 2, 2, 6, 7]
    assert [frame.monotonic for frame in frames] == [1, 2, 3, 4, 5, 6, 7]
    assert frames[3].captured_at == START + timedelta(seconds=4)


def test_grey_frames_show_nothing_and_are_not_what_freezes() -> None:
    frames = _frames(_camera("camera-grey 2-4", "camera-frozen 4-6")[0], 6)

    assert [_grey(frame) for frame in frames] == [1, 128, 128, 1, 1, 6]
    assert frames[1].pixels.shape == (4, 6, 3)


def test_a_clock_without_a_battery_begins_in_1970_and_jumps_right() -> None:
    frames = _frames(_camera("clock 0-4")[0], 5)

    assert [frame.captured_at.year for frame in frames] == [1970, 1970, 1970, 2026, 2026]
    assert frames[1].captured_at - frames[0].captured_at == timedelta(seconds=1)
    assert [frame.monotonic for frame in frames] == [1, 2, 3, 4, 5]


def test_a_frame_that_is_not_due_stays_unread() -> None:
    camera, _source = _camera("camera-grey 0-9")
    camera.open()

    assert camera.read(1.0, lambda _name, _monotonic, _fix: Demand.LATER) is None


def test_a_silent_receiver_tells_nothing_and_nothing_of_it_later() -> None:
    gps = FlakyGps(Ticking(), [parse("gps 3-5")])
    gps.open()

    assert [fix.monotonic for fix in gps.take(4.0)] == [1, 2]
    assert [fix.monotonic for fix in gps.take(7.0)] == [5, 6, 7]
    assert gps.take(7.5) == ()


def test_a_frozen_receiver_tells_one_fix_for_ever() -> None:
    gps = FlakyGps(Ticking(), [parse("gps-frozen 3-6")])
    gps.open()
    fixes = gps.take(7.0)

    assert [fix.at.second for fix in fixes] == [1, 2, 2, 2, 2, 6, 7]
    assert [fix.monotonic for fix in fixes] == [1, 2, 3, 4, 5, 6, 7]
    assert fixes[4].lat == fixes[1].lat != fixes[5].lat


def test_nonsense_is_what_no_receiver_can_mean() -> None:
    gps = FlakyGps(Ticking(), [parse("gps-nonsense 1-5")])
    gps.open()
    *nonsense, sound = gps.take(5.0)

    assert (nonsense[0].lat, nonsense[0].lon) == (0.0, 0.0)
    assert math.isnan(nonsense[1].lat)
    assert [fix.at.year for fix in nonsense[2:]] == [1980, 2080]
    for fix in nonsense:
        with pytest.raises(RefusedFix):
            plausible(fix)
    assert plausible(sound) == sound


def test_without_an_outage_nothing_changes() -> None:
    gps, plain = FlakyGps(Ticking(), []), Ticking()
    gps.open()

    assert list(gps.take(9.0)) == plain.take(9.0)
    assert [_grey(frame) for frame in _frames(_camera()[0], 4)] == [1, 2, 3, 4]
