"""Which frames are looked at: one every few metres, or every few seconds where the position is not known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time

from agent.domain import Position
from agent.interfaces import Demand
from agent.plane import KMH, distance

RETRY = 0.2  # seconds from a frame that was of no use to the next attempt

Hours = tuple[time, time]  # from (inclusive), to (exclusive), local time; the other way round over midnight


@dataclass(frozen=True, slots=True)
class When:
    """When a camera is asked for a frame."""

    every_m: float = 4.0  # metres; 0 takes every frame
    every_s: float = 1.0  # seconds, where the way is not known; 0 takes every frame
    parked_s: float = 10.0  # seconds of standing, after which the camera rests; 0: never
    slowest_kmh: float = 0.0  # slower than that, and faster than the next, no frame is looked at
    fastest_kmh: float = 200.0
    hours: Sequence[Hours] = ()  # in which frames are looked at; none: at any time


class Trigger:
    """Remembers the last frame of one camera."""

    def __init__(self, when: When) -> None:
        self._when = when
        self._last: tuple[float, Position] | None = None
        self._not_before = float("-inf")  # seconds

    def demand(
        self, at: float, position: Position, standing: float, wall: datetime | None, factor: float = 1.0
    ) -> Demand:
        """Whether a frame of that instant (seconds) is wanted, taken at that position of the vehicle.

        `standing`: seconds for which it has stood; `wall`: local time, None where it is not to be trusted; `factor`:
        how much rarer than usual frames are wanted.
        """
        when = self._when
        if wall is not None and when.hours and not any(_is_within(wall.time(), span) for span in when.hours):
            return Demand.NONE
        if when.parked_s and standing > when.parked_s:
            return Demand.NONE
        speed = None if position.speed is None else position.speed * KMH
        if speed is not None and not when.slowest_kmh <= speed <= when.fastest_kmh:
            return Demand.LATER
        return Demand.NOW if self._is_due(at, position, factor) else Demand.LATER

    def taken(self, at: float, position: Position) -> None:
        """A frame of that instant and position is being looked at."""
        self._last = (at, position)

    def refused(self, at: float) -> None:
        """A frame of that instant was of no use; another one is wanted soon."""
        self._not_before = at + RETRY

    def _is_due(self, at: float, position: Position, factor: float) -> bool:
        if at < self._not_before and (self._when.every_m or self._when.every_s):
            return False
        if self._last is None:
            return True
        before, where = self._last
        # What is known of the way since is the receiver's word for both ends of it.
        travelled = distance(where, position) if where.source == position.source == "gnss" else None
        if travelled is None:
            return at - before >= self._when.every_s * factor
        return travelled >= self._when.every_m * factor


def _is_within(now: time, span: Hours) -> bool:
    start, end = span
    return start <= now < end if start <= end else now >= start or now < end
