"""When a frame was taken: by the best clock that there is, since a small computer begins its day with any."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta

from agent.domain import TRUSTED, Dated, Fix, Frame, Reading

RECEIVER_ERROR = 0.2  # seconds: a receiver's sentences come that much sooner or later
DRIFT = 1e-4  # seconds in a second: of the computer's oscillator, when nothing corrects it
AGREEING = 3  # fixes whose time must agree, before the receiver's clock is believed
DISAGREEING = 30.0  # seconds between the network's time and the receiver's: one of them is wrong
APART = 1.0  # seconds between two that agree


class Dating:
    """Knows which clock to believe: the receiver's, or the computer's own where a network sets it."""

    def __init__(self, system: Callable[[], Reading] | None = None) -> None:
        """`system` reads the computer's clock; None where frames are dated by a recording."""
        self._system = system
        self._heard: deque[Fix] = deque(maxlen=AGREEING)
        self._receiver: Reading | None = None

    def hear(self, fixes: Sequence[Fix]) -> None:
        """Take the receiver's time from its fixes."""
        for fix in fixes:
            self._heard.append(fix)
            offsets = [one.at - timedelta(seconds=one.monotonic) for one in self._heard]
            if len(offsets) == AGREEING and (max(offsets) - min(offsets)).total_seconds() < APART:
                self._receiver = Reading(fix.at, fix.monotonic, "gps", RECEIVER_ERROR)

    def best(self, monotonic: float) -> Reading | None:
        """What the clock that is believed says for that instant (seconds); None where none is."""
        readings = [self._system() if self._system else None, self._receiver]
        carried = [_carried(one, monotonic) for one in readings if one is not None and one.source in TRUSTED]
        if len(carried) > 1 and abs((carried[0].at - carried[1].at).total_seconds()) > DISAGREEING:
            return carried[0]  # many computers agree on the network's time; a receiver may be wrong by 1024 weeks
        return min(carried, key=lambda one: one.error or 0.0, default=None)

    def date(self, frame: Frame) -> Dated:
        """When the frame was taken."""
        best = self.best(frame.monotonic)
        if best is not None:
            return Dated(best.at, best.source, best.error)
        source = self._system().source if self._system else "unknown"
        return Dated(frame.captured_at, source, None)


def _carried(reading: Reading, monotonic: float) -> Reading:
    """The same clock at another instant."""
    away = monotonic - reading.monotonic
    error = None if reading.error is None else reading.error + abs(away) * DRIFT
    return replace(reading, at=reading.at + timedelta(seconds=away), monotonic=monotonic, error=error)
