"""Recordings at a pace: each frame at its time, the newest to who is slow, on a clock of the test's own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import cv2
import numpy as np
import pytest

from agent.domain import Frame
from agent.drivers.paced import Paced
from agent.drivers.recording import PictureFolder, VideoFile
from agent.errors import DeviceError, RecordingEnded
from agent.interfaces import Due, always

START = datetime(2026, 11, 2, 8, 0, tzinfo=UTC)


class Clock:
    """A wall clock that only goes on when somebody waits."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def now(self) -> float:
        return self.seconds

    def wait(self, seconds: float) -> None:
        self.seconds += seconds


class Recording:
    """A frame at each of these seconds."""

    def __init__(self, *instants: float) -> None:
        self.instants = list(instants)
        self.closed = False

    def open(self) -> None:
        self.closed = False

    def read(self, timeout: float, due: Due = always) -> Frame | None:
        if not self.instants:
            raise RecordingEnded("the recording is at its end")
        seconds = self.instants.pop(0)
        return Frame(np.zeros((4, 6, 3), np.uint8), START + timedelta(seconds=seconds), seconds, "front")

    def close(self) -> None:
        self.closed = True


def _paced(clock: Clock, *instants: float, speed: float = 1.0) -> Paced:
    camera = Paced(Recording(*instants), speed, clock.now, clock.wait)
    camera.open()
    return camera


def _next(camera: Paced, timeout: float = 10.0) -> float:
    frame = camera.read(timeout)
    assert frame is not None
    return frame.monotonic


@pytest.mark.parametrize("speed", [0.5, 1.0, 4.0])
def test_frames_come_at_the_times_of_the_recording(speed: float) -> None:
    clock = Clock()
    camera = _paced(clock, 0.0, 0.5, 2.0, speed=speed)

    for expected in (0.0, 0.5, 2.0):
        assert _next(camera) == expected
        assert (clock.now() - 1000) * speed == pytest.approx(expected)
    with pytest.raises(RecordingEnded):
        camera.read(1.0)
    with pytest.raises(RecordingEnded):
        camera.read(1.0)


def test_a_recording_begins_with_its_first_frame_whenever_that_was() -> None:
    clock = Clock()
    camera = _paced(clock, 500.0, 501.0)

    assert camera.seconds == 500.0
    assert [_next(camera), _next(camera)] == [500.0, 501.0]
    assert clock.now() == 1001.0


def test_who_is_slow_gets_the_newest_and_the_last_is_not_lost() -> None:
    clock = Clock()
    camera = _paced(clock, 0.0, 1.0, 2.0, 3.0, 4.0, 5.0)
    read = []
    for _ in range(3):
        read.append(_next(camera))
        clock.wait(2.5)

    assert read == [0.0, 2.0, 5.0]
    with pytest.raises(RecordingEnded):
        camera.read(1.0)


def test_a_read_gives_up_after_its_timeout() -> None:
    clock = Clock()
    camera = _paced(clock, 0.0, 3.0)
    _next(camera)

    assert camera.read(0.5) is None
    assert clock.now() == 1000.5
    assert _next(camera) == 3.0
    assert clock.now() == 1003.0


def test_the_recording_goes_on_while_it_is_closed() -> None:
    clock = Clock()
    camera = _paced(clock, *map(float, range(10)))
    assert _next(camera) == 0.0
    camera.close()
    with pytest.raises(DeviceError):
        camera.read(0.0)
    clock.wait(4.2)
    camera.open()

    assert _next(camera) == 4.0
    assert camera.seconds == pytest.approx(4.2)


def test_a_recording_at_its_end_releases_its_file() -> None:
    recording = Recording(0.0)
    clock = Clock()
    camera = Paced(recording, 1.0, clock.now, clock.wait)
    camera.open()
    _next(camera)

    assert recording.closed


def test_a_speed_that_can_not_be_is_refused() -> None:
    for speed in (0.0, -1.0, float("nan")):
        with pytest.raises(ValueError, match="above 0"):
            Paced(Recording(), speed)


def test_pictures_and_videos_are_paced_alike(tmp_path: Path) -> None:
    folder, video = tmp_path / "pictures", tmp_path / "video.avi"
    folder.mkdir()
    writer = cv2.VideoWriter(str(video), cv2.VideoWriter.fourcc(*"MJPG"), 2.0, (64, 48))
    for number in range(4):
        pixels = np.full((48, 64, 3), 60 * number, np.uint8)
        cv2.imwrite(str(folder / f"{number}.jpg"), pixels)
        writer.write(pixels)
    writer.release()

    for recording in (PictureFolder(folder, START, interval=0.5), VideoFile(video, START)):
        clock = Clock()
        camera = Paced(recording, 2.0, clock.now, clock.wait)
        camera.open()
        read = [_next(camera), _next(camera)]
        clock.wait(0.3)
        read.append(_next(camera))
        assert read == pytest.approx([0.0, 0.5, 1.0])
        assert _next(camera) == pytest.approx(1.5)
        assert clock.now() == pytest.approx(1000.75)
