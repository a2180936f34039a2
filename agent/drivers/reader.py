"""The thread that owns a live camera's handle: opens it, drains it, and asks which frames are wanted."""

from __future__ import annotations

import random
import threading
import time
import zlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from agent.domain import Frame, Pixels
from agent.drivers.capture import Capture, redacted
from agent.errors import DeviceError
from agent.i18n import _
from agent.interfaces import Demand

if TYPE_CHECKING:
    from agent.drivers.camera import LiveCamera

ANSWER = 0.1  # seconds that a grabbed frame is kept for the answer whether it is wanted
SHORTEST_PAUSE = 0.25  # seconds between two handles, drawn each time so that cameras do not keep step
WAITED = 0.01  # seconds: a frame that is waited for less was in a buffer, and is of an instant before
ROWS = 4  # of so many rows of a picture one tells whether it is the same again: a sensor's noise is in each


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds after which a camera is taken for lost."""

    opening: float = 3.0  # after it, another handle is tried beside the one that is being opened
    silent: float = 2.7  # a little more than FFmpeg's own, which knows a reason
    frozen: float = 3.0  # the same picture again
    pause: float = 1.25  # at most, between two handles
    buffered: float = 1.0  # at most, after opening, during which frames may come from a buffer


@dataclass(slots=True)
class Desk:
    """Where readers ask whoever wants frames. What stands here and in a LiveCamera belongs to who holds `changed`."""

    changed: threading.Condition = field(default_factory=threading.Condition)
    is_attended: bool = False  # somebody waits for a frame, and will answer


class Reader:
    """A thread that opens the camera and drains it, again and again until dismissed."""

    def __init__(self, camera: LiveCamera, pause: float = 0.0) -> None:
        """Begins after `pause` seconds. Called, as `is_late`, by who holds the desk's condition."""
        self.is_dismissed = False
        self.is_open = False
        self.question: float | None = None
        self.answer: Demand | None = None
        self._camera = camera
        self._desk = camera.desk
        self._pause = pause
        self._moved: float | None = None  # seconds, monotonic: when a driver's call began; None while there is none
        self._thread = threading.Thread(target=self._run, name=f"camera-{camera.name}", daemon=True)
        self._thread.start()

    @property
    def is_alive(self) -> bool:
        """Whether it still runs."""
        return self._thread.is_alive()

    def is_late(self, now: float) -> bool:
        """Whether it has been in a driver's call for longer than a camera that is there keeps it."""
        patience = self._camera.patience
        return self._moved is not None and now - self._moved > (patience.silent if self.is_open else patience.opening)

    def was_there(self, monotonic: float) -> bool:
        """Whether a driver's call has come back since."""
        return self._moved is not None and self._moved > monotonic

    def join(self, timeout: float) -> None:
        """Wait for its end, for `timeout` seconds at most."""
        self._thread.join(timeout)

    def _run(self) -> None:
        camera, changed, pause = self._camera, self._desk.changed, self._pause
        while True:
            with changed:
                if changed.wait_for(lambda: self.is_dismissed, pause):
                    return
                self._moved = time.monotonic()
            fault = self._attempt()
            with changed:
                self.is_open, self._moved = False, None
                if self.is_dismissed or not camera.is_tended_by(self):
                    return
                camera.fail(fault)
            pause = random.uniform(min(SHORTEST_PAUSE, camera.patience.pause), camera.patience.pause)

    def _attempt(self) -> str:
        """Open, and drain until dismissed or until the stream fails; a sentence that says how."""
        try:
            capture = self._camera.capture(self._camera.settings)
            try:
                return self._drain(capture)
            finally:
                capture.release()
        except DeviceError as error:
            return str(error)
        except Exception as error:  # noqa: BLE001 - a thread that died in silence would pass for a slow camera
            reason = redacted(str(error))
            return self._sentence(
                _("camera {name}: {source} failed ({reason}); check the cable and the address"), reason
            )

    def _drain(self, capture: Capture) -> str:
        with self._desk.changed:
            if not self._camera.opened(self):
                self.is_dismissed = True
            self.is_open = True
            self._moved = started = time.monotonic()
        # FFmpeg first gives what it read while it opened the stream.
        buffered_until = started + self._camera.patience.buffered
        unreadable_since: float | None = None
        while not self.is_dismissed and capture.grab():
            at, monotonic = datetime.now(UTC), time.monotonic()
            if monotonic - started > WAITED:
                buffered_until = 0.0
            wanted = self._is_wanted(monotonic, monotonic < buffered_until)
            started = time.monotonic()
            if not wanted:
                continue
            pixels = capture.retrieve()
            if pixels is not None:
                unreadable_since = None
                if not self._offer(pixels, at, monotonic):
                    return self._sentence(
                        _("camera {name}: {source} shows the same picture again and again; switch it off and on")
                    )
            elif unreadable_since is None:
                # It came damaged over the cable: the next one may be whole.
                unreadable_since = monotonic
            elif monotonic - unreadable_since > self._camera.patience.silent:
                return self._sentence(
                    _("camera {name}: no picture from {source} can be read; check the cable and the camera's settings")
                )
        return self._sentence(_("camera {name}: {source} stopped sending; check the cable and the address"))

    def _is_wanted(self, monotonic: float, is_old: bool) -> bool:
        """Ask whoever waits for frames; where nobody does, none is wanted."""
        desk = self._desk
        with desk.changed:
            self._moved = monotonic
            if self.is_dismissed or is_old:
                return False
            self._camera.grabbed()
            if not desk.is_attended:
                return False
            self.question, self.answer = monotonic, None
            desk.changed.notify_all()
            desk.changed.wait_for(lambda: self.answer or self.is_dismissed or not desk.is_attended, ANSWER)
            self.question = None
            self._moved = time.monotonic()
            return self.answer is Demand.NOW and not self.is_dismissed

    def _offer(self, pixels: Pixels, at: datetime, monotonic: float) -> bool:
        checksum = zlib.crc32(pixels[::ROWS].tobytes(), pixels.shape[0])
        with self._desk.changed:
            if self.is_dismissed:
                return True
            return self._camera.offer(Frame(pixels, at, monotonic, self._camera.name), checksum)

    def _sentence(self, sentence: str, reason: str = "") -> str:
        settings = self._camera.settings
        return sentence.format(name=settings.name, source=settings.shown, reason=reason)
