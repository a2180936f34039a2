"""What is known of one live camera: whether it gives frames, why not, and which reader has it."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass

from agent.domain import Frame
from agent.drivers.capture import Capture, Settings, open_capture, unanswered
from agent.drivers.reader import Desk, Patience, Reader
from agent.i18n import _
from agent.interfaces import Demand

log = logging.getLogger(__name__)

LEFT_BEHIND = 4  # threads that may hang in a driver's call before no further is begun


@dataclass(frozen=True, slots=True)
class CameraState:
    """How a camera is."""

    name: str
    state: str  # "ok", "waiting" (not open yet), "resting" (its frames are not wanted) or "failed"
    detail: str = ""  # what is wrong
    since: float | None = None  # seconds since 1970: when it failed


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
        """Open it; where too many threads hang in its driver, one of them is waited for instead."""
        left = self.readers()
        if len(left) > LEFT_BEHIND:
            self._reader = left.pop()
            self._left = left
        else:
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
        for other in self.readers():
            other.is_dismissed |= other is not reader
        if reader is not self._reader:
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
