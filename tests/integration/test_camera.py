"""Live cameras against real servers: MJPEG over HTTP, and RTSP."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime

import cv2
import numpy as np
import pytest
from cv2.typing import MatLike

from agent.domain import Fix, Frame
from agent.drivers.cameras import LiveCameras
from agent.drivers.capture import Settings
from agent.errors import DeviceError
from agent.interfaces import Demand
from tests.system.proxy import Link

from .receiver import wait_until
from .streams import JPEG, VP8, MjpegServer, RtspServer

pytestmark = pytest.mark.integration

WIDTH, HEIGHT, BITS = 320, 240, 16
RATE = 50  # frames a second, over HTTP
NOTICED = 3.0  # seconds until a camera that is lost is told
RECOVERED = 5.0  # seconds until frames flow again once it is back
AWAY = 4.0  # seconds that it stays lost: long enough to be tried again in vain


def drawn(number: int) -> bytes:
    """A JPEG that shows its number in binary, as black and white bands."""
    bands = [255 * (number >> bit & 1) for bit in range(BITS)]
    row = np.repeat(np.array(bands, np.uint8), WIDTH // BITS)
    return cv2.imencode(".jpg", np.tile(row, (HEIGHT, 1)))[1].tobytes()


def number(frame: Frame) -> int:
    bands = frame.pixels.reshape(HEIGHT, BITS, WIDTH // BITS, 3).mean(axis=(0, 2, 3)) > 128
    return sum(1 << bit for bit, white in enumerate(bands) if white)


@pytest.fixture
def server() -> Iterator[MjpegServer]:
    running = MjpegServer(drawn, rate=RATE)
    yield running
    running.stop()


@pytest.fixture
def rtsp() -> Iterator[RtspServer]:
    running = RtspServer()
    yield running
    running.stop()


def opened(*addresses: str) -> closing[LiveCameras]:
    names = ("front", "side")
    cameras = LiveCameras([Settings(address, name) for address, name in zip(addresses, names, strict=False)])
    cameras.open()
    return closing(cameras)


def next_frame(cameras: LiveCameras, seconds: float = 10.0) -> Frame:
    """The next frame, waited for as the pipeline does."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with suppress(DeviceError):
            frame = cameras.read(0.5)
            if frame is not None:
                return frame
    raise AssertionError(f"no frame within {seconds} s")


def loss(cameras: LiveCameras) -> str:
    """What is said once the frames do not come."""
    end = time.monotonic() + 10
    while time.monotonic() < end:
        try:
            cameras.read(0.5)
        except DeviceError as lost:
            return str(lost)
    raise AssertionError("no DeviceError within 10 s")


def watch_in_vain(cameras: LiveCameras, seconds: float = AWAY) -> None:
    """Read on while nothing comes."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with suppress(DeviceError):
            assert cameras.read(0.2) is None


def lost_and_found(cameras: LiveCameras, lose: Callable[[], object], find: Callable[[], object]) -> str:
    """Lose the camera and bring it back, within the times of the issue; what was said of the loss."""
    next_frame(cameras)
    started = time.monotonic()
    lose()
    sentence = loss(cameras)
    noticed = time.monotonic() - started
    watch_in_vain(cameras)
    started = time.monotonic()
    find()
    frame = next_frame(cameras)
    recovered = time.monotonic() - started
    assert frame.monotonic > started
    assert (noticed < NOTICED, recovered < RECOVERED) == (True, True), (noticed, recovered)
    assert [next_frame(cameras, 1.0) for _ in range(5)]
    assert "secret" not in sentence
    return sentence


def test_frames_come_in_order_and_each_once(server: MjpegServer) -> None:
    with opened(server.address) as cameras:
        before = time.monotonic(), datetime.now(UTC)
        next_frame(cameras)
        frames = [next_frame(cameras) for _ in range(20)]
    numbers = [number(frame) for frame in frames]
    assert numbers == sorted(set(numbers))
    times = [frame.monotonic for frame in frames]
    assert times == sorted(set(times))
    assert before[0] < times[0] <= times[-1] <= time.monotonic()
    assert before[1] < frames[0].captured_at <= frames[-1].captured_at <= datetime.now(UTC)
    assert {(frame.camera, frame.pixels.shape, frame.pixels.dtype) for frame in frames} == {
        ("front", (HEIGHT, WIDTH, 3), np.dtype(np.uint8))
    }


@pytest.mark.parametrize("kind", ["http", "rtsp"])
def test_of_jpegs_only_those_are_decoded_that_are_wanted(
    server: MjpegServer, rtsp: RtspServer, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded, asked = list[int](), list[float]()
    decode = cv2.imdecode

    def counting(data: MatLike, flags: int) -> MatLike | None:
        decoded.append(1)
        return decode(data, flags)

    monkeypatch.setattr(cv2, "imdecode", counting)

    def due(_camera: str, monotonic: float, _fix: Fix | None) -> Demand:
        asked.append(monotonic)
        return Demand.NOW if len(asked) % 10 == 0 else Demand.LATER

    with opened(server.address if kind == "http" else rtsp.address) as cameras:
        end = time.monotonic() + 10
        seen = 0
        while seen < 3 and time.monotonic() < end:
            seen += cameras.read(0.5, due) is not None
    assert (seen, len(decoded)) == (3, 3)
    assert len(asked) >= 30


def test_a_slow_reader_is_given_the_newest_frame(server: MjpegServer) -> None:
    with opened(server.address) as cameras:
        next_frame(cameras)
        for _ in range(2):
            time.sleep(1.5)
            frame = next_frame(cameras)
            assert server.sent - number(frame) < RATE / 5
            assert time.monotonic() - frame.monotonic < 0.2


def test_a_network_camera_that_is_switched_off_comes_back(server: MjpegServer) -> None:
    again: list[MjpegServer] = []
    try:
        with opened(server.address) as cameras:
            sentence = lost_and_found(cameras, server.stop, lambda: again.append(MjpegServer(drawn, server.port)))
    finally:
        for one in again:
            one.stop()
    assert sentence == f"camera front: {server.address} stopped sending; check the cable and the address"


@pytest.mark.parametrize("encoder", [JPEG, VP8])
def test_an_rtsp_server_that_dies_and_is_started_again(encoder: str) -> None:
    first, again = RtspServer(encoder=encoder), []
    try:
        with opened(first.address) as cameras:
            assert next_frame(cameras).pixels.shape == (HEIGHT, WIDTH, 3)
            lost_and_found(cameras, first.stop, lambda: again.append(RtspServer(first.port, encoder)))
    finally:
        for one in (first, *again):
            one.stop()


def test_an_rtsp_server_that_hangs_and_goes_on(rtsp: RtspServer) -> None:
    with opened(rtsp.address) as cameras:
        sentence = lost_and_found(cameras, rtsp.freeze, rtsp.thaw)
    assert f"rtsp://127.0.0.1:{rtsp.port}/stream1" in sentence


def test_a_network_camera_that_falls_silent_and_speaks_again(server: MjpegServer) -> None:
    def silence(is_silent: bool) -> None:
        server.silent = is_silent

    with opened(server.address) as cameras:
        lost_and_found(cameras, lambda: silence(True), lambda: silence(False))


@pytest.mark.parametrize("kind", ["http", "rtsp"])
def test_a_network_that_swallows_everything_for_a_while(server: MjpegServer, rtsp: RtspServer, kind: str) -> None:
    link = Link(server.port if kind == "http" else rtsp.port)

    def swallow(is_black: bool) -> None:
        link.weather.black = is_black

    path = "video" if kind == "http" else "stream1"
    try:
        with opened(f"{kind}://127.0.0.1:{link.port}/{path}") as cameras:
            lost_and_found(cameras, lambda: swallow(True), lambda: swallow(False))
    finally:
        link.close()


def test_a_picture_that_stands_still_is_told_and_taken_again_once_it_moves() -> None:
    still = False
    server = MjpegServer(lambda number: drawn(1 if still else number), rate=RATE)
    try:
        with opened(server.address) as cameras:
            next_frame(cameras)
            still, started = True, time.monotonic()
            assert "shows the same picture again and again; switch it off and on" in loss(cameras)
            assert NOTICED < time.monotonic() - started < NOTICED + 1
            watch_in_vain(cameras)
            still, started = False, time.monotonic()
            next_frame(cameras)
            assert time.monotonic() - started < RECOVERED
    finally:
        server.stop()


@pytest.mark.parametrize("fate", ["dies", "hangs"])
def test_of_two_cameras_the_one_that_is_lost_does_not_delay_the_other(rtsp: RtspServer, fate: str) -> None:
    server = MjpegServer(drawn, rate=25)
    lose = rtsp.stop if fate == "dies" else rtsp.freeze
    try:
        with opened(server.address, rtsp.address) as cameras:
            assert wait_until(lambda: {next_frame(cameras).camera for _ in range(4)} == {"front", "side"}, 10)
            lose()
            end = time.monotonic() + 10
            times = []
            while time.monotonic() < end:
                frame = next_frame(cameras)
                if frame.camera == "front":
                    times.append(frame.monotonic)
            states = {state.name: state for state in cameras.state()}
            gaps = np.diff(times)
    finally:
        server.stop()
    assert len(times) > 0.9 * 10 * 25
    assert gaps.max() < 0.25
    assert (states["front"].state, states["side"].state) == ("ok", "failed")
    assert f"rtsp://127.0.0.1:{rtsp.port}/stream1" in states["side"].detail


def test_a_camera_comes_back_while_another_hangs_in_being_opened(server: MjpegServer) -> None:
    mute = socket.create_server(("127.0.0.1", 0))
    with closing(mute), opened(server.address, f"rtsp://127.0.0.1:{mute.getsockname()[1]}/stream1") as cameras:
        started = time.monotonic()
        next_frame(cameras)
        assert time.monotonic() - started < 2
        server.silent = True
        loss(cameras)
        server.silent, started = False, time.monotonic()
        next_frame(cameras)
        assert time.monotonic() - started < RECOVERED


def test_a_frame_that_is_not_wanted_for_a_while_releases_the_camera(rtsp: RtspServer) -> None:
    demand = Demand.NOW

    def due(_camera: str, _monotonic: float, _fix: Fix | None) -> Demand:
        return demand

    with opened(rtsp.address) as cameras:
        next_frame(cameras)
        assert rtsp.clients == 1
        demand, started = Demand.NONE, time.monotonic()
        assert wait_until(lambda: cameras.read(0.1, due) is None and rtsp.clients == 0, 3)
        assert cameras.state()[0].state == "resting"
        for _ in range(10):
            assert cameras.read(0.1, due) is None
        assert rtsp.clients == 0
        demand, started = Demand.NOW, time.monotonic()
        next_frame(cameras)
        assert time.monotonic() - started < RECOVERED


def test_a_reader_stuck_in_its_driver_does_not_keep_close_waiting(server: MjpegServer) -> None:
    with opened(server.address) as cameras:
        next_frame(cameras)
        server.silent = True
        time.sleep(5 / RATE)
        started = time.monotonic()
        cameras.close()
        assert time.monotonic() - started < 1
        server.silent = False
        cameras.open()
        next_frame(cameras)


def test_read_waits_no_longer_than_it_is_told(server: MjpegServer) -> None:
    with opened(server.address) as cameras:
        next_frame(cameras)
        server.silent = True
        time.sleep(5 / RATE)
        cameras.read(timeout=0)
        started = time.monotonic()
        assert cameras.read(timeout=0.3) is None
        assert 0.2 < time.monotonic() - started < 0.6


def test_a_server_that_never_answers_is_told_and_left_behind(capfd: pytest.CaptureFixture[str]) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as mute:
        for scheme in ("http", "rtsp"):
            with opened(f"{scheme}://me:secret@127.0.0.1:{mute.getsockname()[1]}/video") as cameras:
                started = time.monotonic()
                sentence = loss(cameras)
                assert time.monotonic() - started < NOTICED + 0.5
                assert "does not answer with pictures" in sentence
                assert "secret" not in sentence
    assert capfd.readouterr() == ("", "")


def test_what_is_no_stream_is_told(server: MjpegServer, capfd: pytest.CaptureFixture[str]) -> None:
    server.stop()
    closed = server.address
    running = MjpegServer(drawn, rate=RATE)
    try:
        for address in (closed, closed.replace("http", "rtsp"), running.address.replace("video", "page")):
            with opened(address) as cameras:
                assert "does not answer with pictures" in loss(cameras)
    finally:
        running.stop()
    assert capfd.readouterr() == ("", "")


def test_a_closed_camera_leaves_no_thread_behind(server: MjpegServer, rtsp: RtspServer) -> None:
    def running() -> list[str]:
        return [thread.name for thread in threading.enumerate() if thread.name.startswith("camera-")]

    # Those of tests before, which hang in a driver's call for as long as it may take.
    assert wait_until(lambda: not running(), 15)
    for _ in range(3):
        with opened(server.address, rtsp.address) as cameras:
            assert wait_until(lambda: {next_frame(cameras).camera for _ in range(4)} == {"front", "side"}, 10)
    assert wait_until(lambda: not running(), 3)
