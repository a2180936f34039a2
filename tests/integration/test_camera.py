"""The live camera against real servers: MJPEG over HTTP, and RTSP."""

from __future__ import annotations

import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime

import cv2
import numpy as np
import pytest

from agent.domain import Frame
from agent.drivers.camera import LiveCamera
from agent.errors import DeviceError

from .streams import MjpegServer

pytestmark = pytest.mark.integration

WIDTH, HEIGHT, BITS = 320, 240, 16
RATE = 50  # frames a second
READ_TIMEOUT = 1.0  # seconds
PYTHON_WITH_GI = "/usr/bin/python3"
RTSP_SERVER = """
import gi
gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer
Gst.init(None)
factory = GstRtspServer.RTSPMediaFactory()
source = "videotestsrc is-live=true ! video/x-raw,format=I420,width=320,height=240,framerate=25/1"
factory.set_launch(f"( {source} ! jpegenc ! rtpjpegpay name=pay0 pt=26 )")
server = GstRtspServer.RTSPServer(address="127.0.0.1", service="%d")
server.get_mount_points().add_factory("/stream1", factory)
server.attach(None)
print(server.get_bound_port(), flush=True)
GLib.MainLoop().run()
"""


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


def opened(address: str) -> closing[LiveCamera]:
    camera = LiveCamera(address, "front", open_timeout=2.0, read_timeout=READ_TIMEOUT)
    camera.open()
    return closing(camera)


def next_frame(camera: LiveCamera, seconds: float = 5.0) -> Frame:
    frame = camera.read(seconds)
    assert frame is not None
    return frame


def loss(camera: LiveCamera) -> tuple[str, float]:
    """The sentence of the DeviceError that comes once the frames do not, and the seconds until then."""
    started = time.monotonic()
    while time.monotonic() < started + 30:
        try:
            camera.read(timeout=0.2)
        except DeviceError as lost:
            return str(lost), time.monotonic() - started
    raise AssertionError("no DeviceError within 30 s")


def test_frames_come_in_order_and_each_once(server: MjpegServer) -> None:
    with opened(server.address) as camera:
        before = time.monotonic(), datetime.now(UTC)
        next_frame(camera)
        frames = [next_frame(camera) for _ in range(20)]
    numbers = [number(frame) for frame in frames]
    assert numbers == sorted(set(numbers))
    times = [frame.monotonic for frame in frames]
    assert times == sorted(set(times))
    assert before[0] < times[0] <= times[-1] <= time.monotonic()
    assert before[1] < frames[0].captured_at <= frames[-1].captured_at <= datetime.now(UTC)
    assert {(frame.camera, frame.pixels.shape, frame.pixels.dtype) for frame in frames} == {
        ("front", (HEIGHT, WIDTH, 3), np.dtype(np.uint8))
    }


def test_a_slow_reader_is_given_the_newest_frame(server: MjpegServer) -> None:
    with opened(server.address) as camera:
        next_frame(camera)
        for _ in range(2):
            time.sleep(1.5)
            frame = next_frame(camera)
            assert server.sent - number(frame) < RATE / 5
            assert time.monotonic() - frame.monotonic < 0.2


def test_a_lost_stream_is_told_and_works_again_once_opened_anew(server: MjpegServer) -> None:
    with opened(server.address) as camera:
        next_frame(camera)
        server.stop()
        sentence, seconds = loss(camera)
        assert sentence.startswith(f"camera front: {server.address} stopped sending; check the cable")
        assert seconds < 3 * READ_TIMEOUT
        with pytest.raises(DeviceError, match="does not answer with pictures"):
            camera.open()
        again = MjpegServer(drawn, server.port)
        try:
            camera.close()
            camera.open()
            assert number(next_frame(camera)) < RATE
        finally:
            again.stop()


def test_a_stream_that_falls_silent_is_told_and_does_not_keep_close_waiting(server: MjpegServer) -> None:
    with opened(server.address) as camera:
        next_frame(camera)
        server.silent = True
        sentence, seconds = loss(camera)
        assert "check the cable and the address" in sentence
        assert seconds < 3 * READ_TIMEOUT
        camera.close()
        server.silent = False
        camera.open()
        next_frame(camera)


def test_a_frame_that_has_grown_old_is_not_given(server: MjpegServer) -> None:
    with opened(server.address) as camera:
        next_frame(camera)
        time.sleep(5 / RATE)
        server.silent = True
        time.sleep(1.5 * READ_TIMEOUT)
        with pytest.raises(DeviceError, match="check the cable and the address"):
            camera.read(timeout=1)


def test_a_reader_stuck_in_its_driver_is_left_behind(server: MjpegServer) -> None:
    with closing(LiveCamera(server.address, "front", read_timeout=5.0)) as camera:
        camera.open()
        next_frame(camera)
        server.silent = True
        time.sleep(5 / RATE)
        started = time.monotonic()
        camera.close()
        assert time.monotonic() - started < 1
        server.silent = False
        camera.open()
        next_frame(camera)


def test_read_waits_no_longer_than_it_is_told(server: MjpegServer) -> None:
    with opened(server.address) as camera:
        next_frame(camera)
        server.silent = True
        time.sleep(5 / RATE)
        camera.read(timeout=0)
        started = time.monotonic()
        assert camera.read(timeout=0.3) is None
        assert 0.2 < time.monotonic() - started < 0.6


def test_a_server_that_never_answers_is_told_and_left_behind(capfd: pytest.CaptureFixture[str]) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as mute:
        for scheme in ("http", "rtsp"):
            address = f"{scheme}://me:secret@127.0.0.1:{mute.getsockname()[1]}/video"
            camera = LiveCamera(address, "front", open_timeout=1.0)
            started = time.monotonic()
            with pytest.raises(DeviceError, match="does not answer with pictures") as unanswered:
                camera.open()
            assert time.monotonic() - started < 2.5
            assert "secret" not in str(unanswered.value)
    assert capfd.readouterr() == ("", "")


def test_what_is_no_stream_is_told(server: MjpegServer, capfd: pytest.CaptureFixture[str]) -> None:
    server.stop()
    closed = server.address
    running = MjpegServer(drawn, rate=RATE)
    try:
        for address in (closed, closed.replace("http", "rtsp"), running.address.replace("video", "page")):
            with pytest.raises(DeviceError, match="does not answer with pictures"):
                opened(address)
    finally:
        running.stop()
    assert capfd.readouterr() == ("", "")


def test_a_closed_camera_leaves_no_thread_behind(server: MjpegServer) -> None:
    for _ in range(3):
        with opened(server.address) as camera:
            next_frame(camera)
            camera.open()
            next_frame(camera)
    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("camera-")]


class RtspServer:
    """GStreamer's server, in the interpreter that Debian installs its bindings for."""

    def __init__(self, port: int = 0) -> None:
        command = [PYTHON_WITH_GI, "-c", RTSP_SERVER % port]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self.stop()
            pytest.skip("no GStreamer RTSP server: apt-get install python3-gi gir1.2-gst-rtsp-server-1.0")
        self.port = int(line)

    def stop(self) -> None:
        self._process.kill()
        self._process.communicate()


@pytest.fixture
def rtsp() -> Iterator[RtspServer]:
    running = RtspServer()
    yield running
    running.stop()


def test_rtsp_is_lost_with_its_server_and_comes_back_with_it(rtsp: RtspServer) -> None:
    address = f"rtsp://me:secret@127.0.0.1:{rtsp.port}/stream1"
    with opened(address) as camera:
        frames = [next_frame(camera) for _ in range(5)]
        assert {frame.pixels.shape for frame in frames} == {(HEIGHT, WIDTH, 3)}
        rtsp.stop()
        sentence, seconds = loss(camera)
        assert f"rtsp://127.0.0.1:{rtsp.port}/stream1" in sentence
        assert "secret" not in sentence
        assert seconds < 3 * READ_TIMEOUT
        again = RtspServer(rtsp.port)
        try:
            camera.close()
            camera.open()
            next_frame(camera)
        finally:
            again.stop()
