"""One live camera, drained by a private thread that takes a new handle after any failure."""

from __future__ import annotations

import logging
import random
import threading
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from agent.domain import Frame, Pixels
from agent.drivers.capture import Capture, Settings, open_capture, redacted, unanswered
from agent.errors import DeviceError
from agent.i18n import _
from agent.interfaces import Demand

log = logging.getLogger(__name__)

ANSWER = 0.1  # seconds that a grabbed frame is kept for the answer whether it is wanted
SHORTEST_PAUSE = 0.25  # seconds between two handles, drawn each time so that cameras do not keep step
LEFT_BEHIND = 4  # threads that may hang in a driver's call before no further is begun
ROWS = 4  # of so many rows of a picture one tells whether it is the same again: a sensor's noise is in each


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds after which a camera is taken for lost."""

    opening: float = 3.0  # after it, another handle is tried beside the one that is being opened
    silent: float = 2.7  # a little more than FFmpeg's own, which knows a reason
    frozen: float = 3.0  # the same picture again
    pause: float = 1.25  # at most, between two handles


@dataclass(frozen=True, slots=True)
class CameraState:
    """How a camera is."""

    name: str
    state: str  # "ok", "waiting" (not open yet), "resting" (its frames are not wanted) or "failed"
    detail: str = ""  # what is wrong
    since: float | None = None  # seconds since 1970: when it failed


@dataclass(slots=True)
class Desk:
    """Where readers ask whoever wants frames. What stands here and in a LiveCamera belongs to who holds `changed`."""

    changed: threading.Condition = field(default_factory=threading.Condition)
    is_attended: bool = False  # somebody waits for a frame, and will answer


class LiveCamera:
    """What is known of one camera. Its methods are called by who holds the desk's condition."""

    def __init__(
        self, settings: Settings, desk: Desk, patience: Patience, capture: Callable[[Settings], Capture] = open_capture
    ) -> None:
        """`capture` opens a handle; nothing is opened before `wake`."""
        self.settings = settings
        self.name = settings.name
        self.desk = desk
        self.patience = patience
        self.capture = capture
        self.fault = ""
        self.served = 0.0  # seconds, monotonic: when a frame of it was last given
        self.frame: Frame | None = None  # wanted, and not yet given
        self._since: float | None = None
        self._reader: Reader | None = None
        self._left: list[Reader] = []  # the others that still run
        self._checksum: int | None = None  # of the picture last seen
        self._same_since = 0.0  # seconds, monotonic: when the handle first showed that picture
        self._is_frozen = False

    @property
    def rests(self) -> bool:
        """Whether it has been let go of."""
        return self._reader is None

    @property
    def is_giving(self) -> bool:
        """Whether frames come."""
        return not self.fault and self._reader is not None and self._reader.is_open

    def is_prompt(self, now: float, seconds: float) -> bool:
        """Whether it gave a frame in so many seconds before `now`, and so is likely to give the next soon."""
        return self.is_giving and self._reader is not None and self._reader.was_there(now - seconds)

    @property
    def question(self) -> float | None:
        """The instant of a frame that waits for the answer whether it is wanted."""
        return self._reader.question if self._reader and self._reader.answer is None else None

    def answer(self, demand: Demand) -> None:
        """Whether the frame asked about is wanted."""
        if self._reader:
            self._reader.answer = demand
            self.desk.changed.notify_all()

    def state(self) -> CameraState:
        """How it is."""
        if self.rests:
            return CameraState(self.name, "resting")
        if self.fault:
            return CameraState(self.name, "failed", self.fault, self._since)
        return CameraState(self.name, "ok" if self.is_giving else "waiting")

    def wake(self) -> None:
        """Open it."""
        self._reader = Reader(self)

    def rest(self) -> None:
        """Let go of it. What was wrong is not forgotten, so that it is not told again."""
        for reader in self.readers():
            reader.is_dismissed = True
        self._leave()
        self.frame = None
        self.desk.changed.notify_all()

    def readers(self) -> list[Reader]:
        """Those that still run."""
        self._left = [reader for reader in self._left if reader.is_alive and reader is not self._reader]
        return self._left + ([self._reader] if self._reader else [])

    def tend(self, now: float) -> None:
        """Leave a reader that hangs in a driver's call behind, and begin anew."""
        reader = self._reader
        if reader is None or (reader.is_alive and not reader.is_late(now)):
            return
        has_room = len(self.readers()) <= LEFT_BEHIND
        if reader.is_alive and (has_room or not self.fault):
            self.fail(self._silent() if reader.is_open else str(unanswered(self.settings)))
        # One that has not opened may still come: the first that does is taken.
        reader.is_dismissed |= reader.is_open
        if has_room:
            self._leave()
            self._reader = Reader(self, random.uniform(0.0, self.patience.pause))

    def is_tended_by(self, reader: Reader) -> bool:
        """Whether it is that reader's to try again."""
        return reader is self._reader

    def opened(self, reader: Reader) -> bool:
        """Whether that reader's handle is the one to take."""
        if reader.is_dismissed or (reader is not self._reader and (self._reader is None or self._reader.is_open)):
            return False
        if reader is not self._reader and self._reader is not None:
            self._reader.is_dismissed = True
            self._leave()
            self._reader = reader
        # A camera may begin with the picture that it ended with.
        self._same_since = time.monotonic()
        return True

    def fail(self, fault: str) -> None:
        """The stream is lost."""
        if not self.fault:
            self._since = time.time()
        log.log(logging.DEBUG if self.fault else logging.WARNING, "%s", fault)
        self.fault = fault
        self.desk.changed.notify_all()

    def grabbed(self) -> None:
        """A frame came. Of a camera that was frozen this says nothing: its pictures must change."""
        if not self._is_frozen:
            self._recover()

    def offer(self, frame: Frame, checksum: int) -> bool:
        """Take a wanted frame; False where the camera shows the same picture for too long."""
        if checksum != self._checksum:
            self._checksum, self._same_since = checksum, frame.monotonic
            self._is_frozen = False
        elif frame.monotonic - self._same_since > self.patience.frozen:
            self._is_frozen = True
            return False
        if self._is_frozen:
            return True
        self._recover()
        self.frame = frame
        self.desk.changed.notify_all()
        return True

    def _leave(self) -> None:
        self._left = self.readers()
        self._reader = None

    def _recover(self) -> None:
        if self.fault:
            log.info("camera %s works again", self.name)
        self.fault, self._since = "", None

    def _silent(self) -> str:
        return _("camera {name}: no frame from {source} for {seconds:g} s; check the cable and the address").format(
            name=self.name, source=self.settings.shown, seconds=self.patience.silent
        )


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
            self._moved = time.monotonic()
        unreadable_since: float | None = None
        while not self.is_dismissed and capture.grab():
            at, monotonic = datetime.now(UTC), time.monotonic()
            if not self._is_wanted(monotonic):
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

    def _is_wanted(self, monotonic: float) -> bool:
        """Ask whoever waits for frames; where nobody does, none is wanted."""
        desk = self._desk
        with desk.changed:
            self._moved = monotonic
            if self.is_dismissed:
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
