"""What a camera's address may be, what is said of it, and handles on what is no camera."""

from __future__ import annotations

import pytest

from agent.drivers.capture import Settings, open_capture, redacted
from agent.errors import ConfigError, DeviceError


@pytest.mark.parametrize("source", ["/dev/video99", "99", "/dev/v4l/by-id/usb-none-index0", "usb:ffff:ffff"])
def test_a_device_that_is_not_there_is_told(source: str, capfd: pytest.CaptureFixture[str]) -> None:
    settings = Settings(source, "front", 1280, 720, 15.0, "auto")
    with pytest.raises(DeviceError, match=f"camera front: {settings.source} is not there; check the cable"):
        open_capture(settings)
    assert capfd.readouterr() == ("", "")


def test_a_device_that_is_no_camera_is_told(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(DeviceError, match="camera front: /dev/null does not answer with pictures; check the cable"):
        open_capture(Settings("/dev/null", "front", exposure=5.0))
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "source",
    ["ftp://me:secret@camera/", "patrol.mp4", "", "-1", "file:///etc/passwd", "http://\udcff", "usb:46d:825", "usb:"],
)
def test_a_source_of_no_known_kind_is_refused(source: str) -> None:
    with pytest.raises(ConfigError, match="no such kind of source") as refused:
        Settings(source, "front")
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("/dev/video0", "/dev/video0"),
        ("rtsp://camera:554/stream1", "rtsp://camera:554/stream1"),
        ("rtsp://me:secret@camera:554/stream1", "rtsp://camera:554/stream1"),
        ("rtsp://me:sec/r@et?#x@camera/stream1", "rtsp://camera/stream1"),
        ("me:secret@camera/stream1", "camera/stream1"),
        ("http:/me:secret@camera/stream1", "camera/stream1"),
        ("http://camera/video?user=me&password=secret", "http://camera/video"),
        ("http://me:sec\nret@camera/video?password=secret", "http://camera/video"),
    ],
)
def test_an_address_is_shown_without_its_secrets(source: str, shown: str) -> None:
    assert redacted(source) == shown
