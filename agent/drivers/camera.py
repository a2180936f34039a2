"""A live camera: V4L2 by its device, RTSP or MJPEG over HTTP by its address; always its newest frame."""

from __future__ import annotations

import os
import re
import threading
import time
from datetime import UTC, datetime

# FFmpeg would write on standard error, past the log, what DeviceError says: -8 is its AV_LOG_QUIET,
# and OpenCV reads it once, at its first video.
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")

import cv2
import numpy as np

from agent.domain import Frame
from agent.errors import ConfigError, DeviceError
from agent.i18n import _

# OpenCV 5 moved the function. Level 0 is silent: its warnings name addresses with their passwords.
(getattr(cv2, "setLogLevel", None) or cv2.utils.logging.setLogLevel)(0)

SCHEMES = ("rtsp://", "rtsps://", "http://", "https://")
FAREWELL = 0.5  # seconds that `close` gives a reader to let go of the device, which no other can open before


def redacted(source: str) -> str:
    """An address without the user, the password and the query, which may hold them as well."""
    return re.sub(r"://.*@", "://", source, flags=re.DOTALL).partition("?")[0]


class LiveCamera:
    """A camera that a private thread drains, so that `read` never gives a frame that has grown old.

    After a DeviceError, `close` and `open` begin anew: a handle of OpenCV that failed once never
    recovers. A reader that hangs in a driver is left behind, and lets go when its call comes back.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - the configuration's keys, and two timeouts
        self,
        source: str,
        name: str,
        width: int | None = None,
        height: int | None = None,
        open_timeout: float = 5.0,
        read_timeout: float = 3.0,
    ) -> None:
        """`source`: `/dev/video0`, its number, or an address; width and height are asked of V4L2 only.

        Raises ConfigError for a source of another kind.
        """
        device = f"/dev/video{source}" if source.isdecimal() else source
        # OpenCV crashes on what is not UTF-8.
        if not device.startswith(("/dev/", *SCHEMES)) or not device.isprintable():
            raise ConfigError(
                _("camera {name}: {source}: no such kind of source; give /dev/video0, rtsp:// or http://").format(
                    name=name, source=redacted(source)
                )
            )
        self._source = device
        self._name = name
        self._size = (width, height)
        self._open_timeout = open_timeout  # seconds
        self._read_timeout = read_timeout  # seconds
        self._reader: _Reader | None = None

    def open(self) -> None:
        """Start. Raises DeviceError where the camera does not answer within `open_timeout`."""
        self.close()
        if self._source.startswith("/dev/"):
            self._look_for_device()
        self._reader = _Reader(self._source, self._name, self._size, self._open_timeout, self._read_timeout)
        try:
            self._reader.wait_until_open()
        except DeviceError:
            self.close()
            raise

    def read(self, timeout: float) -> Frame | None:
        """The newest frame not yet read, or None after `timeout` seconds.

        Raises DeviceError where the stream is lost, or gave no frame for `read_timeout`.
        """
        if self._reader is None:
            raise DeviceError(_("camera {name}: not open; open it first").format(name=self._name))
        return self._reader.take(timeout)

    def close(self) -> None:
        """Release the camera, within half a second whatever its driver does. Safe to call twice."""
        reader, self._reader = self._reader, None
        if reader is not None:
            reader.abandon()

    def _look_for_device(self) -> None:
        if not os.path.exists(self._source):
            sentence = _("camera {name}: {source} is not there; check the cable")
        elif not os.access(self._source, os.R_OK | os.W_OK):
            sentence = _("camera {name}: this user may not use {source}; add it to the group video")
        else:
            return
        raise DeviceError(sentence.format(name=self._name, source=self._source))


class _Reader:
    """One handle and the thread that owns it, from opening to release."""

    def __init__(
        self, source: str, name: str, size: tuple[int | None, int | None], open_timeout: float, read_timeout: float
    ) -> None:
        self._source = source
        self._name = name
        self._size = size
        self._open_timeout = open_timeout
        self._read_timeout = read_timeout
        self._changed = threading.Condition()
        self._is_abandoned = False
        # These four belong to whoever holds the condition.
        self._is_open = False
        self._heard = 0.0  # seconds, monotonic: when it opened or last gave a frame
        self._frame: Frame | None = None
        self._failure = ""
        self._thread = threading.Thread(target=self._run, name=f"camera-{name}", daemon=True)
        self._thread.start()

    def wait_until_open(self) -> None:
        with self._changed:
            # FFmpeg's own timeout does not cover every step, a name's look-up for one.
            self._changed.wait_for(lambda: self._failure or self._is_open, self._open_timeout)
            if not self._is_open:
                raise DeviceError(self._failure or self._unanswered())

    def take(self, timeout: float) -> Frame | None:
        deadline = time.monotonic() + timeout
        with self._changed:
            while True:
                now = time.monotonic()
                silent_at = self._heard + self._read_timeout
                # Before the frame, which of a lost stream has grown old.
                if self._failure or now >= silent_at:
                    raise DeviceError(self._failure or self._silent())
                if self._frame is not None or now >= deadline:
                    frame, self._frame = self._frame, None
                    return frame
                self._changed.wait(min(deadline, silent_at) - now)

    def abandon(self) -> None:
        self._is_abandoned = True
        self._thread.join(FAREWELL)

    def _run(self) -> None:
        try:
            capture = self._capture()
            try:
                failure = self._drain(capture)
            finally:
                capture.release()
        except Exception as error:  # noqa: BLE001 - a thread that died in silence would pass for a slow camera
            failure = _("camera {name}: {source} failed ({reason}); check the cable and the address").format(
                name=self._name, source=redacted(self._source), reason=redacted(str(error))
            )
        with self._changed:
            self._failure = failure
            self._changed.notify_all()

    def _capture(self) -> cv2.VideoCapture:
        if not self._source.startswith("/dev/"):
            timeouts = (self._open_timeout, self._read_timeout)
            keys = (cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, cv2.CAP_PROP_READ_TIMEOUT_MSEC)
            parameters = [n for key, seconds in zip(keys, timeouts, strict=True) for n in (key, int(seconds * 1000))]
            return cv2.VideoCapture(self._source, cv2.CAP_FFMPEG, parameters)
        capture = cv2.VideoCapture(self._source, cv2.CAP_V4L2)
        # Uncompressed, which OpenCV would choose, few cameras pass 5 frames a second at 1080p over USB 2.
        capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG"))
        for key, value in zip((cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT), self._size, strict=True):
            if value is not None:
                capture.set(key, value)
        return capture

    def _drain(self, capture: cv2.VideoCapture) -> str:
        """Keep the newest frame until abandoned or until the stream fails; a sentence that says how."""
        if not capture.isOpened():
            return self._unanswered()
        with self._changed:
            self._is_open = True
            self._heard = time.monotonic()
            self._changed.notify_all()
        while not self._is_abandoned and capture.grab():
            at, monotonic = datetime.now(UTC), time.monotonic()
            found, pixels = capture.retrieve()
            # A frame that came damaged over the cable: the next one may be whole.
            if not found:
                continue
            with self._changed:
                self._frame = Frame(np.asarray(pixels, np.uint8), at, monotonic, self._name)
                self._heard = monotonic
                self._changed.notify_all()
        return _("camera {name}: {source} stopped sending; check the cable and the address").format(
            name=self._name, source=redacted(self._source)
        )

    def _unanswered(self) -> str:
        return _(
            "camera {name}: {source} does not answer with pictures; check the cable or the address,"
            " and that no other program uses it"
        ).format(name=self._name, source=redacted(self._source))

    def _silent(self) -> str:
        return _("camera {name}: no frame from {source} for {seconds:g} s; check the cable and the address").format(
            name=self._name, source=redacted(self._source), seconds=self._read_timeout
        )
