"""One handle on a camera: V4L2 by its device, RTSP or MJPEG over HTTP by its address."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import Literal, Protocol

# Each is read once, at the first video. FFmpeg would write on standard error, past the log, what DeviceError says: -8
# is its AV_LOG_QUIET. OpenCV holds a lock over all FFmpeg while it opens one address, so that a camera that is away
# would keep the others from coming back (4.7 s of a timeout of 5 s were measured); FFmpeg has needed none since 4.0.
# And V4L2 would wait 10 s for a frame.
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
os.environ.setdefault("OPENCV_FFMPEG_IS_THREAD_SAFE", "1")
os.environ.setdefault("OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT", "2")

import cv2
import numpy as np
from cv2.typing import MatLike

from agent.domain import Pixels
from agent.drivers.v4l import find_device, is_local
from agent.errors import ConfigError, DeviceError
from agent.i18n import _

# OpenCV 5 moved the function. Level 0 is silent: its warnings name addresses with their passwords.
(getattr(cv2, "setLogLevel", None) or cv2.utils.logging.setLogLevel)(0)

SCHEMES = ("rtsp://", "rtsps://", "http://", "https://")
OPEN_TIMEOUT = 10.0  # seconds that FFmpeg may take; some cameras begin with a picture that can be decoded only then
READ_TIMEOUT = 2.5  # seconds
EXPOSURE_UNIT = 0.1  # milliseconds: of V4L2_CID_EXPOSURE_ABSOLUTE
MANUAL, APERTURE_PRIORITY = 1, 3  # of V4L2_CID_EXPOSURE_AUTO: what USB cameras have for off and on


@dataclass(frozen=True, slots=True)
class Settings:
    """Which camera, and what is asked of it; what is None is left as it is. All but the source is V4L2's only."""

    source: str  # /dev/video0, its number, a path under /dev/v4l, usb:VVVV:PPPP[:serial], or an address
    name: str
    width: int | None = None  # pixels
    height: int | None = None  # pixels
    fps: float | None = None  # frames a second
    exposure: float | Literal["auto"] | None = None  # milliseconds

    def __post_init__(self) -> None:
        """Raises ConfigError for a source of another kind."""
        if self.source.isdecimal():
            object.__setattr__(self, "source", f"/dev/video{self.source}")
        # OpenCV crashes on what is not UTF-8.
        if not (is_local(self.source) or self.source.startswith(SCHEMES)) or not self.source.isprintable():
            raise ConfigError(
                _(
                    "camera {name}: {source}: no such kind of source; give /dev/video0, usb:VVVV:PPPP, rtsp:// or"
                    " http://"
                ).format(name=self.name, source=self.shown)
            )

    @property
    def shown(self) -> str:
        """The source as people may see it."""
        return redacted(self.source)


class Capture(Protocol):
    """An open handle, which one thread owns."""

    def grab(self) -> bool:
        """Wait for the next frame; False where the stream is lost, and this handle with it."""

    def retrieve(self) -> Pixels | None:
        """The frame grabbed last; None where it came damaged or empty."""

    def release(self) -> None:
        """Let go of the camera."""


def open_capture(settings: Settings) -> Capture:
    """A handle on the camera. May take `OPEN_TIMEOUT`. Raises DeviceError where it does not answer."""
    if is_local(settings.source):
        capture = _open_local(settings)
    else:
        wait = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, int(OPEN_TIMEOUT * 1000)]
        wait += [cv2.CAP_PROP_READ_TIMEOUT_MSEC, int(READ_TIMEOUT * 1000)]
        capture = cv2.VideoCapture(settings.source, cv2.CAP_FFMPEG, wait)
    if capture.isOpened():
        return _Handle(capture)
    capture.release()
    raise unanswered(settings)


def unanswered(settings: Settings) -> DeviceError:
    """What to say of a camera that can not be opened."""
    return DeviceError(
        _(
            "camera {name}: {source} does not answer with pictures; check the cable or the address,"
            " and that no other program uses it"
        ).format(name=settings.name, source=settings.shown)
    )


def redacted(source: str) -> str:
    """An address without the user, the password and the query, which may hold them as well."""
    without = re.sub(r"://.*@", "://", source, flags=re.DOTALL).partition("?")[0]
    # Also of one that lacks its scheme, or a slash of it.
    return without.rpartition("@")[2]


def _open_local(settings: Settings) -> cv2.VideoCapture:
    capture = cv2.VideoCapture(find_device(settings.source, settings.name), cv2.CAP_V4L2)
    # Uncompressed, which OpenCV would choose, few cameras pass 5 frames a second at 1080p over USB 2.
    wanted: dict[int, float | None] = {
        cv2.CAP_PROP_FOURCC: cv2.VideoWriter.fourcc(*"MJPG"),
        cv2.CAP_PROP_FRAME_WIDTH: settings.width,
        cv2.CAP_PROP_FRAME_HEIGHT: settings.height,
        cv2.CAP_PROP_FPS: settings.fps,
    }
    if settings.exposure is not None:
        is_auto = settings.exposure == "auto"
        wanted[cv2.CAP_PROP_AUTO_EXPOSURE] = APERTURE_PRIORITY if is_auto else MANUAL
        if not is_auto:
            wanted[cv2.CAP_PROP_EXPOSURE] = round(float(settings.exposure) / EXPOSURE_UNIT)
    for key, value in wanted.items():
        if value is not None:
            capture.set(key, value)
    return capture


class _Handle:
    """OpenCV's handle. A stream whose frames are JPEGs is taken as it comes, and a frame decoded when retrieved."""

    def __init__(self, capture: cv2.VideoCapture) -> None:
        self._capture = capture
        # FFmpeg decodes in `grab`, V4L2 in `retrieve`. The frames of other codecs need those before them.
        self._is_packed = (
            capture.getBackendName() == "FFMPEG"
            and int(capture.get(cv2.CAP_PROP_FOURCC)) == cv2.VideoWriter.fourcc(*"MJPG")
            and capture.set(cv2.CAP_PROP_FORMAT, -1)
        )

    def grab(self) -> bool:
        """See Capture."""
        return self._capture.grab()

    def retrieve(self) -> Pixels | None:
        """See Capture."""
        try:
            found, pixels = self._capture.retrieve()
            if not found or pixels is None or not pixels.size:
                return None
            decoded = (
                cv2.imdecode(pixels, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION) if self._is_packed else pixels
            )
            return None if decoded is None else _in_colour(decoded)
        except cv2.error:
            return None

    def release(self) -> None:
        """See Capture."""
        self._capture.release()


def _in_colour(pixels: MatLike) -> Pixels:
    """As BGR: some cameras turn grey at night."""
    match pixels.shape:
        case (_, _) | (_, _, 1):
            pixels = cv2.cvtColor(pixels, cv2.COLOR_GRAY2BGR)
        case (_, _, 4):
            pixels = cv2.cvtColor(pixels, cv2.COLOR_BGRA2BGR)
    return np.asarray(pixels, np.uint8)
