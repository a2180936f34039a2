"""Which frames are looked at: one every few metres, or every few seconds where the position is not known."""

from __future__ import annotations

from agent.domain import Frame, Position
from agent.pipeline.locate import distance


class Trigger:
    """Remembers the last frame looked at."""

    def __init__(self, every_m: float, every_s: float) -> None:
        """`every_m` metres; `every_s` seconds. 0 takes every frame."""
        self.factor = 1.0  # by which both are multiplied
        self._every_m = every_m
        self._every_s = every_s
        self._last: tuple[Frame, Position] | None = None

    def due(self, frame: Frame, position: Position) -> bool:
        """Whether this frame is to be looked at; that it is, is remembered."""
        is_due = self.wants(frame, position)
        if is_due:
            self._last = (frame, position)
        return is_due

    def wants(self, frame: Frame, position: Position) -> bool:
        """Whether a frame of that instant and place would be looked at."""
        if self._last is None:
            return True
        before, where = self._last
        factor = self.factor  # which another thread may change
        travelled = distance(where, position)
        if travelled is None:
            return frame.monotonic - before.monotonic >= self._every_s * factor
        return travelled >= self._every_m * factor
