"""The live camera where there is none, and what it says of its address."""

from __future__ import annotations

import pytest

from agent.drivers.camera import LiveCamera, redacted
from agent.errors import ConfigError, DeviceError


@pytest.mark.parametrize("source", ["/dev/video99", "99"])
def test_a_device_that_is_not_there_is_told(source: str, capfd: pytest.CaptureFixture[str]) -> None:
    camera = LiveCamera(source, "front", 1280, 720)
    for _ in range(2):
        with pytest.raises(DeviceError, match="camera front: /dev/video99 is not there; check the cable"):
            camera.open()
    camera.close()
    camera.close()
    assert capfd.readouterr() == ("", "")


def test_a_device_that_is_no_camera_is_told(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(DeviceError, match="camera front: /dev/null does not answer with pictures; check the cable"):
        LiveCamera("/dev/null", "front").open()
    assert capfd.readouterr() == ("", "")


def test_a_camera_that_is_not_open_says_so() -> None:
    with pytest.raises(DeviceError, match="camera rear: not open"):
        LiveCamera("/dev/video99", "rear").read(timeout=0)


@pytest.mark.parametrize(
    "source", ["ftp://me:secret@camera/", "patrol.mp4", "", "-1", "file:///etc/passwd", "http://\udcff"]
)
def test_a_source_of_no_known_kind_is_refused(source: str) -> None:
    with pytest.raises(ConfigError, match="no such kind of source") as refused:
        LiveCamera(source, "front")
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("/dev/video0", "/dev/video0"),
        ("rtsp://camera:554/stream1", "rtsp://camera:554/stream1"),
        ("rtsp://me:secret@camera:554/stream1", "rtsp://camera:554/stream1"),
        ("rtsp://me:sec/r@et?#x@camera/stream1", "rtsp://camera/stream1"),
        ("http://camera/video?user=me&password=secret", "http://camera/video"),
        ("http://me:sec\nret@camera/video?password=secret", "http://camera/video"),
    ],
)
def test_an_address_is_shown_without_its_secrets(source: str, shown: str) -> None:
    assert redacted(source) == shown
