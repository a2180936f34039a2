"""Which frames are looked at: one every few metres, or every few seconds where the position is not known."""

from __future__ import annotations

from agent.domain import Frame, Position
from agent.pipeline.locate import distance

EVERY_SECOND = 2.0  # the factor that, where every frame would be taken, leaves every second


class Trigger:
    """Remembers the last frame looked at."""

    def __init__(self, every_m: float, every_s: float) -> None:
        """`every_m` metres; `every_s` seconds. 0 takes every frame."""
        self.factor = 1.0  # by which both are multiplied; from 2 on, every second frame is taken at most
        self._every_m = every_m
        self._every_s = every_s
        self._last: tuple[Frame, Position] | None = None
        self._took_last = False

    def due(self, frame: Frame, position: Position) -> bool:
        """Whether this frame is to be looked at."""
        factor = self.factor  # which another thread may change
        self._took_last = not (self._took_last and factor >= EVERY_SECOND) and self._is_due(frame, position, factor)
        return self._took_last

    def _is_due(self, frame: Frame, position: Position, factor: float) -> bool:
        if self._last is not None:
            before, where = self._last
            travelled = distance(where, position)
            if travelled is None:
                if frame.monotonic - before.monotonic < self._every_s * factor:
                    return False
            elif travelled < self._every_m * factor:
                return False
        self._last = (frame, position)
        return True
