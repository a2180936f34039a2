"""Plays a recording at a pace: its frames come when they were taken, and who is slow misses some, as with a camera."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from agent.domain import Frame
from agent.errors import DeviceError, RecordingEnded
from agent.i18n import _
from agent.interfaces import Camera, Demand, Due, always


class Paced:
    """A recording as a live camera would give it; implements `agent.interfaces.Camera` over one that does not wait.

    It begins with its first frame when it is first opened, and goes on while it is closed: what is shown meanwhile is
    missed.
    """

    def __init__(
        self,
        camera: Camera,
        speed: float = 1.0,
        now: Callable[[], float] = time.monotonic,
        wait: Callable[[float], object] | None = None,
    ) -> None:
        """`speed` is how many times as fast as it was recorded. Raises ValueError where it is not above 0.

        `now` gives the wall clock's seconds; `wait` sleeps so many of them, and by default ends with `close`.
        """
        if not speed > 0:
            raise ValueError("the speed must be above 0")
        self.recording = camera
        self._speed = speed
        self._now = now
        self._closed = threading.Event()
        self._closed.set()
        self._wait = wait or self._closed.wait
        self._departed: float | None = None
        self._first = 0.0  # seconds of the recording, of its first frame
        self._next: Frame | None = None  # the first that was not given
        self._ended: RecordingEnded | None = None

    @property
    def seconds(self) -> float:
        """The instant of the recording that is now, also while it is closed; that of its first frame before."""
        if self._departed is None:
            return self._first
        return self._first + (self._now() - self._departed) * self._speed

    def open(self) -> None:
        """Begin, or go on where the recording has got to. Raises as the recording does."""
        if self._departed is None:
            self.recording.open()
            self._advance()
            self._first = self._next.monotonic if self._next else 0.0
            self._departed = self._now()
        self._closed.clear()

    def read(self, timeout: float, due: Due = always) -> Frame | None:
        """The newest frame that `due` wants, or None after `timeout` seconds of the wall clock.

        Raises DeviceError before `open` and after `close`, RecordingEnded after the last frame.
        """
        deadline = self._now() + timeout
        while True:
            newest = self._await(deadline)
            if newest is None or due(newest.camera, newest.monotonic, newest.fix) is Demand.NOW:
                return newest

    def _await(self, deadline: float) -> Frame | None:
        """The newest frame not yet read, once its time has come; None where that is after the deadline."""
        self._check()
        if self._next is None and self._ended is not None:
            raise self._ended
        if self._next is None:
            return None
        ahead, left = (self._next.monotonic - self.seconds) / self._speed, deadline - self._now()
        if ahead > 0:
            self._wait(max(0.0, min(ahead, left)))
            self._check()
            if ahead > left:
                return None
        # Where the recording is now, once: who decodes more slowly than it plays would never catch up with it.
        here = self.seconds
        newest = self._next
        self._advance()
        while self._next is not None and self._next.monotonic <= here:
            newest = self._next
            self._advance()
        return newest

    def close(self) -> None:
        """End a wait. The recording plays on, as a street does. Safe to call twice."""
        self._closed.set()

    def _check(self) -> None:
        if self._closed.is_set():
            raise DeviceError(_("The recording is closed; open it before reading."))

    def _advance(self) -> None:
        self._next = None
        try:
            while self._next is None:
                self._next = self.recording.read(0.0)
        except RecordingEnded as ended:
            self._ended = ended
            self.recording.close()
