"""Live cameras that fail in every way they know, on drivers that do as the test says."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count

import numpy as np
import pytest

from agent.domain import Fix, Frame, Pixels
from agent.drivers.camera import LEFT_BEHIND
from agent.drivers.cameras import LiveCameras
from agent.drivers.capture import Settings
from agent.drivers.reader import Patience
from agent.errors import DeviceError
from agent.interfaces import Camera, Demand, always

PATIENCE = Patience(opening=0.2, silent=0.15, frozen=0.2, pause=0.02, buffered=0.0)
SOON = 5.0  # seconds; what happens at all happens sooner
NUMBERS = count(1)


def noise() -> Pixels:
    """A picture unlike all others."""
    return np.full((8, 8, 3), np.frombuffer(next(NUMBERS).to_bytes(3, "little"), np.uint8), np.uint8)


class Sensor:
    """A camera and its driver: a frame every `period` seconds, as long as it is plugged in."""

    def __init__(self, period: float = 0.002) -> None:
        self.period = period
        self.picture: Callable[[], Pixels | None] = noise
        self.plugged = True
        self.goes = threading.Event()  # else it hangs in `grab`
        self.goes.set()
        self._clock = threading.Event()
        self.slow: float = 0.0  # seconds to open
        self.buffered = 0  # frames that a handle begins with
        self.grabbed = self.decoded = self.handles = self.opened = 0

    def open(self) -> Handle:
        self.opened += 1
        self.tick(self.slow)
        if not self.plugged:
            raise DeviceError("not there; check the cable")
        self.handles += 1
        return Handle(self)

    def tick(self, seconds: float) -> None:
        """The time that it takes."""
        self._clock.wait(seconds)


class Handle:
    """One handle; after a failure it never recovers, as OpenCV's."""

    def __init__(self, sensor: Sensor) -> None:
        self._sensor = sensor
        self._is_lost = False
        self._buffered = sensor.buffered

    def grab(self) -> bool:
        sensor = self._sensor
        sensor.goes.wait()
        sensor.tick(sensor.period if self._buffered <= 0 else 0.0)
        self._buffered -= 1
        self._is_lost |= not sensor.plugged
        sensor.grabbed += not self._is_lost
        return not self._is_lost

    def retrieve(self) -> Pixels | None:
        self._sensor.decoded += 1
        return self._sensor.picture()

    def release(self) -> None:
        self._sensor.handles -= 1


class Wish:
    """What is wanted now, and of which instants that was asked."""

    def __init__(self) -> None:
        self.demand = Demand.NOW
        self.wanted: list[float] = []

    def due(self, _camera: str, monotonic: float, fix: Fix | None) -> Demand:
        assert fix is None
        if self.demand is Demand.NOW:
            self.wanted.append(monotonic)
        return self.demand


class Vehicle:
    """Cameras named front, side and so on."""

    def __init__(self, *sensors: Sensor, patience: Patience = PATIENCE) -> None:
        names = ("front", "side", "rear")[: len(sensors)]
        self.sensors = dict(zip(names, sensors, strict=True))
        settings = [Settings(f"/dev/{name}", name) for name in names]
        self.cameras = LiveCameras(settings, patience, lambda asked: self.sensors[asked.name].open())
        self.cameras.open()

    def frame(self, camera: str | None = None) -> Frame:
        """The next frame, of that camera."""
        end = time.monotonic() + SOON
        while time.monotonic() < end:
            try:
                frame = self.cameras.read(0.1)
            except DeviceError:
                continue
            if frame is not None and camera in (None, frame.camera):
                return frame
        raise AssertionError("no frame")

    def loss(self) -> str:
        """What is said once every camera is away."""
        end = time.monotonic() + SOON
        while time.monotonic() < end:
            try:
                self.cameras.read(0.1)
            except DeviceError as error:
                return str(error)
        raise AssertionError("no DeviceError")

    def until(self, condition: Callable[[], bool], due: Callable[[str, float, Fix | None], Demand] = always) -> None:
        """Read until that is so."""
        end = time.monotonic() + SOON
        while not condition():
            assert time.monotonic() < end, "it never came"
            try:
                self.cameras.read(0.01, due)
            except DeviceError:
                continue

    def states(self) -> list[str]:
        return [state.state for state in self.cameras.state()]


@pytest.fixture
def vehicle() -> Iterator[Callable[..., Vehicle]]:
    made: list[Vehicle] = []

    def make(*sensors: Sensor, patience: Patience = PATIENCE) -> Vehicle:
        made.append(Vehicle(*sensors, patience=patience))
        return made[-1]

    yield make
    for one in made:
        for sensor in one.sensors.values():
            sensor.goes.set()
        one.cameras.close()


Make = Callable[..., Vehicle]


def test_the_cameras_fit_the_seam() -> None:
    seam: Camera = LiveCameras([Settings("/dev/front", "front")])
    with pytest.raises(DeviceError, match="closed; open them"):
        seam.read(0.0)


def test_frames_that_are_not_wanted_are_not_decoded(vehicle: Make) -> None:
    sensor, wish = Sensor(), Wish()
    wish.demand = Demand.LATER
    patrol = vehicle(sensor)
    patrol.until(lambda: sensor.grabbed > 50, wish.due)
    assert sensor.decoded == 0
    wish.demand = Demand.NOW
    patrol.until(lambda: sensor.decoded > 0, wish.due)


def test_a_frame_is_of_the_instant_that_was_wanted(vehicle: Make) -> None:
    wish, patrol = Wish(), vehicle(Sensor())
    frames = [patrol.cameras.read(SOON, wish.due) for _ in range(5)]
    assert [frame and frame.monotonic in wish.wanted for frame in frames] == [True] * 5
    assert all(frame and 0 <= time.monotonic() - frame.monotonic < 1 for frame in frames[-1:])


def test_what_a_handle_has_in_its_buffer_is_of_an_instant_before_and_not_given(vehicle: Make) -> None:
    sensor = Sensor(period=0.03)
    sensor.buffered = 30
    patrol = vehicle(sensor, patience=replace(PATIENCE, buffered=1.0))
    patrol.frame()
    assert sensor.grabbed > 30
    assert sensor.decoded == 1


def test_a_camera_faster_than_any_buffer_is_taken_after_a_while(vehicle: Make) -> None:
    patrol = vehicle(Sensor(period=0.001), patience=replace(PATIENCE, buffered=0.2))
    started = time.monotonic()
    patrol.frame()
    assert 0.2 <= time.monotonic() - started < 1


def test_while_nothing_is_wanted_the_camera_is_released_and_then_opened_again(vehicle: Make) -> None:
    sensor, wish = Sensor(), Wish()
    patrol = vehicle(sensor)
    wish.demand = Demand.NONE
    assert patrol.cameras.read(0.05, wish.due) is None
    assert sensor.opened == 0, "opened where nothing may be captured"
    patrol.frame()
    decoded = sensor.decoded
    patrol.until(lambda: sensor.handles == 0, wish.due)
    grabbed = sensor.grabbed
    assert patrol.cameras.read(0.05, wish.due) is None
    assert (sensor.grabbed, sensor.decoded - decoded <= 1, patrol.states()) == (grabbed, True, ["resting"])
    wish.demand = Demand.LATER
    patrol.until(lambda: sensor.grabbed > grabbed, wish.due)
    assert patrol.states() == ["ok"]


def test_a_camera_that_is_away_is_not_tried_while_nothing_is_wanted(vehicle: Make) -> None:
    sensor, wish = Sensor(), Wish()
    sensor.plugged = False
    patrol = vehicle(sensor)
    patrol.loss()
    wish.demand = Demand.NONE
    assert patrol.cameras.read(0.05, wish.due) is None
    opened = sensor.opened
    assert patrol.cameras.read(0.1, wish.due) is None
    assert (sensor.opened - opened, patrol.states()) == (0, ["resting"])


def test_a_camera_that_was_unplugged_comes_back_with_a_new_handle(
    vehicle: Make, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    sensor = Sensor()
    patrol = vehicle(sensor)
    for _ in range(2):
        caplog.clear()
        patrol.frame()
        sensor.plugged = False
        patrol.until(lambda: sensor.handles == 0)
        opened = sensor.opened
        patrol.until(lambda before=opened: sensor.opened > before + 3)  # type: ignore[misc]
        assert patrol.states() == ["failed"]
        sensor.plugged = True
        patrol.frame()
        assert patrol.states() == ["ok"]
        said = [(record.levelname, record.getMessage()) for record in caplog.records]
        assert said[0] == ("WARNING", "camera front: /dev/front stopped sending; check the cable and the address")
        assert said[-1] == ("INFO", "camera front works again")
        assert {level for level, _ in said[1:-1]} == {"DEBUG"}


def test_that_every_camera_is_away_is_told_at_once_and_then_after_the_time_given(vehicle: Make) -> None:
    front, side = Sensor(), Sensor()
    front.plugged = side.plugged = False
    patrol = vehicle(front, side)
    for at_once in (True, False):
        started = time.monotonic()
        with pytest.raises(DeviceError, match="not there; check the cable; not there"):
            patrol.cameras.read(0.3 if not at_once else SOON)
        assert (time.monotonic() - started < 0.3) is at_once
    assert patrol.states() == ["failed", "failed"]


def test_one_that_is_away_keeps_no_other_from_its_frames(vehicle: Make) -> None:
    front, side = Sensor(), Sensor()
    side.plugged = False
    patrol = vehicle(front, side)
    patrol.until(lambda: side.opened > 2)
    started = time.monotonic()
    assert [patrol.frame().camera for _ in range(20)] == ["front"] * 20
    assert time.monotonic() - started < 1
    detail = patrol.cameras.state()[1]
    assert (detail.name, detail.state, detail.detail) == ("side", "failed", "not there; check the cable")
    assert detail.since is not None
    side.plugged = True
    patrol.frame("side")


def test_a_driver_that_hangs_is_left_behind(vehicle: Make) -> None:
    front, side = Sensor(), Sensor()
    patrol = vehicle(front, side)
    patrol.frame("side")
    side.goes.clear()
    patrol.until(lambda: patrol.states() == ["ok", "failed"])
    started = time.monotonic()
    assert [patrol.frame().camera for _ in range(20)] == ["front"] * 20
    assert time.monotonic() - started < 1
    side.goes.set()
    patrol.frame("side")
    patrol.until(lambda: side.handles == 1)


def test_no_more_than_a_few_threads_hang(vehicle: Make) -> None:
    sensor = Sensor()
    sensor.goes.clear()
    patrol = vehicle(sensor)
    patrol.until(lambda: sensor.opened == LEFT_BEHIND + 1)
    with pytest.raises(DeviceError, match="no frame from /dev/front"):
        patrol.cameras.read(5 * PATIENCE.silent)
    assert sensor.opened == LEFT_BEHIND + 1
    sensor.goes.set()
    patrol.frame()


def test_no_more_threads_hang_where_the_vehicle_stops_and_goes_on_all_day(vehicle: Make) -> None:
    sensor, wish = Sensor(), Wish()
    sensor.goes.clear()
    patrol = vehicle(sensor)
    for _stop in range(8):
        opened = sensor.opened
        wish.demand = Demand.NOW
        end = time.monotonic() + 3 * PATIENCE.silent
        patrol.until(lambda: sensor.opened > opened + 1 or time.monotonic() > end, wish.due)  # noqa: B023
        wish.demand = Demand.NONE
        patrol.until(lambda: patrol.states() == ["resting"], wish.due)
    assert sensor.opened <= LEFT_BEHIND + 2
    sensor.goes.set()
    patrol.frame()


def test_a_camera_slower_to_open_than_is_waited_for_is_taken_when_it_comes(vehicle: Make) -> None:
    sensor = Sensor()
    sensor.slow = 2 * PATIENCE.opening
    patrol = vehicle(sensor)
    assert patrol.loss() == (
        "camera front: /dev/front does not answer with pictures; check the cable or the address,"
        " and that no other program uses it"
    )
    patrol.frame()
    assert patrol.states() == ["ok"]
    patrol.until(lambda: sensor.handles == 1)


def test_a_picture_that_stands_still_is_a_failure_until_it_changes(vehicle: Make) -> None:
    sensor, still = Sensor(), noise()
    patrol = vehicle(sensor)
    patrol.frame()
    sensor.picture = lambda: still
    assert "front shows the same picture again and again; switch it off and on" in patrol.loss()
    opened = sensor.opened
    patrol.until(lambda: sensor.opened > opened + 2)
    with pytest.raises(DeviceError, match="the same picture"):
        patrol.cameras.read(0.1)
    assert patrol.states() == ["failed"]
    sensor.picture = noise
    assert patrol.frame().pixels is not still
    assert patrol.states() == ["ok"]


def test_pictures_that_come_empty_grey_or_in_another_size_are_survived(vehicle: Make) -> None:
    sensor = Sensor()
    pictures = iter([None, np.zeros((4, 6, 3), np.uint8), None, np.full((2, 2, 3), 128, np.uint8)])
    sensor.picture = lambda: next(pictures, noise())
    patrol = vehicle(sensor)
    assert [patrol.frame().pixels.shape for _ in range(3)] == [(4, 6, 3), (2, 2, 3), (8, 8, 3)]
    assert sensor.opened == 1


def test_a_camera_that_gives_nothing_but_empty_pictures_has_failed(vehicle: Make) -> None:
    sensor = Sensor()
    sensor.picture = lambda: None
    assert "no picture from /dev/front can be read" in vehicle(sensor).loss()


def test_every_camera_has_its_turn_however_fast_the_others_are(vehicle: Make) -> None:
    patrol = vehicle(Sensor(0.001), Sensor(0.03), Sensor(0.001))
    patrol.until(lambda: patrol.states() == ["ok"] * 3)
    seen = [patrol.frame().camera for _ in range(30)]
    assert {name: 9 <= seen.count(name) <= 11 for name in seen} == dict.fromkeys(("front", "side", "rear"), True)


def test_a_frame_that_nobody_has_read_grows_old(vehicle: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.drivers.cameras.OLD", 0.0)
    assert vehicle(Sensor()).cameras.read(0.1) is None


def test_closed_cameras_leave_neither_thread_nor_handle_behind(vehicle: Make) -> None:
    sensors = Sensor(), Sensor()
    patrol = vehicle(*sensors)
    for _ in range(3):
        patrol.cameras.open()
        patrol.frame("front")
        patrol.frame("side")
        patrol.cameras.close()
        patrol.cameras.close()
        assert [sensor.handles for sensor in sensors] == [0, 0]
        assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("camera-")]
