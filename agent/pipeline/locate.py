"""Where the vehicle was at an instant: between the fixes around it, in a tunnel too, and how far that may be off."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import replace
from operator import attrgetter

from agent.domain import Fix, Position
from agent.pipeline.bridge import RESTLESSNESS, Span, bridge, spread
from agent.plane import STANDING, apart, between, moved, travel, velocity

FRESH = 3.0  # seconds: an older fix is no longer where the vehicle is, and a longer gap between two is a tunnel
LOST = 300.0  # seconds: farther from any fix, nothing is known
KEPT = 2 * LOST  # seconds of fixes that are remembered
UNKNOWN_EPH = 15.0  # metres, for a receiver that states no error
UNKNOWN_SPEED = 14.0  # metres per second (50 km/h), the growth of the radius where the speed is not known
FASTEST = 60.0  # metres per second: between two fixes no vehicle goes faster
AGREEING = 3  # fixes in a row that must agree with one another before they are believed against those before
FROZEN = 3  # fixes in a row at the very same place, of a vehicle that is said to move
SHORTEST_STOP = 1.0  # seconds of standing that the camera sees

NOWHERE = Position(source="none")


class Fixes:
    """The fixes of the last minutes, in their order, on the clock of the frames."""

    def __init__(self) -> None:
        self.refused = 0  # that can not be true beside the others
        self._fixes: list[Fix] = []
        self._doubtful: list[Fix] = []  # too far from those before, and waiting for others that agree
        self._frozen = 0  # fixes in a row at the place of the last, while the vehicle is said to move
        self._stood: list[Span] = []  # on the clock of the frames

    @property
    def last(self) -> Fix | None:
        """The newest one that was believed."""
        return self._fixes[-1] if self._fixes else None

    def add(self, fixes: Sequence[Fix]) -> None:
        """Take in what the receiver has told, the oldest first; what can not be true is counted in `refused`."""
        for fix in fixes:
            self._add(fix)
        if self._fixes and self._fixes[-1].monotonic - self._fixes[0].monotonic > KEPT:
            oldest = self._fixes[-1].monotonic - KEPT
            del self._fixes[: bisect_right(self._fixes, oldest, key=attrgetter("monotonic"))]
            self._stood = [span for span in self._stood if span[1] > oldest]

    def stood(self, since: float, until: float) -> None:
        """The camera saw the vehicle stand between these instants (seconds): in a tunnel nothing else tells."""
        if self._stood and since <= self._stood[-1][1]:
            since = self._stood.pop()[0]
        self._stood = [*(span for span in self._stood if span[1] > until - KEPT), (since, until)]

    def position(self, at: float) -> Position:
        """Where the vehicle was at that instant (seconds), as far as is known by now."""
        before, after = self._around(at)
        # A jump that was believed after all is no way.
        if before and after and after.monotonic - before.monotonic <= LOST and _agree(before, after):
            return self._between(before, after, at)
        ages = [abs(at - fix.monotonic) for fix in (before, after) if fix is not None]
        if not ages or min(ages) > LOST:
            return NOWHERE
        if before and after and self._index(at) == 1 and ages[0] <= FRESH:
            # No other fix speaks for the first: a receiver may begin with a place of the day before.
            return replace(_around(after, after.monotonic - at), accuracy=_eph(after) + apart(before, after))
        if before is not None and at - before.monotonic <= FRESH:
            return self._carried(before, at - before.monotonic)
        nearest = before if before is not None and (after is None or ages[0] == min(ages)) else after
        return _around(nearest, min(ages)) if nearest is not None else NOWHERE

    def is_final(self, at: float) -> bool:
        """Whether later fixes will tell nothing more of that instant (seconds)."""
        _before, after = self._around(at)
        return after is not None

    def standing(self, at: float) -> float:
        """Seconds for which the vehicle has stood; 0 where it moves, or nothing is known of late."""
        before, _after = self._around(at)
        if before is None or at - before.monotonic > FRESH:
            return 0.0
        since = None
        for fix in reversed(self._fixes[: self._index(at)]):
            if fix.speed is None or fix.speed >= STANDING:
                break
            since = fix.monotonic
        return 0.0 if since is None else at - since

    def _index(self, at: float) -> int:
        return bisect_right(self._fixes, at, key=attrgetter("monotonic"))

    def _around(self, at: float) -> tuple[Fix | None, Fix | None]:
        index = self._index(at)
        before = self._fixes[index - 1] if index else None
        return before, self._fixes[index] if index < len(self._fixes) else None

    def _add(self, fix: Fix) -> None:
        last = self.last
        if last is None:
            self._fixes.append(fix)
            return
        if fix.monotonic <= last.monotonic:
            self.refused += 1
            return
        if (fix.lat, fix.lon) == (last.lat, last.lon) and (fix.speed or 0.0) >= STANDING:
            self._frozen += 1
            if self._frozen >= FROZEN:
                self.refused += 1
                return
        else:
            self._frozen = 0
        if _agree(last, fix):
            self._doubtful.clear()
            self._fixes.append(fix)
            return
        self.refused += 1
        if self._doubtful and not _agree(self._doubtful[-1], fix):
            self._doubtful.clear()
        self._doubtful.append(fix)
        if len(self._doubtful) >= AGREEING:
            self._fixes += self._doubtful
            self._doubtful.clear()

    def _between(self, before: Fix, after: Fix, at: float) -> Position:
        gap, since = after.monotonic - before.monotonic, at - before.monotonic
        stops = self._stops(before.monotonic, after.monotonic) if gap > FRESH else []
        ways = between(before.lat, before.lon, after.lat, after.lon)
        moving = gap - sum(end - begin for begin, end in stops) or gap
        # Where the receiver does not tell a velocity, it is that which the way takes on average.
        usual = ways[0] / moving, ways[1] / moving
        starts, ends = velocity(before) or usual, velocity(after) or usual
        (north, north_pace), (east, east_pace) = (
            bridge(gap, way, start, end, stops, since) for way, start, end in zip(ways, starts, ends, strict=True)
        )
        lat, lon = moved(before.lat, before.lon, north, east)
        share = since / gap
        error = (1 - share) * _eph(before) + share * _eph(after) + 2 * spread(gap, stops, since)  # 95 %
        speed = math.hypot(north_pace, east_pace)
        track = math.degrees(math.atan2(east_pace, north_pace)) % 360 if speed >= STANDING else self._heading(before)
        age = min(since, gap - since)
        return Position("gnss" if gap <= FRESH else "interpolated", lat, lon, age, error, speed, track)

    def _stops(self, since: float, until: float) -> list[Span]:
        """When the vehicle was seen to stand between the two instants, in seconds from the first."""
        return [
            (begin - since, end - since)
            for begin, end in self._stood
            if since < begin and end < until and end - begin >= SHORTEST_STOP
        ]

    def _carried(self, fix: Fix, age: float) -> Position:
        """A little later than the fix, by its own speed."""
        lat, lon, error = fix.lat, fix.lon, _eph(fix)
        if fix.speed is not None and fix.track is not None:
            lat, lon = travel(fix.lat, fix.lon, fix.speed * age, fix.track)
            error += 2 * math.sqrt(RESTLESSNESS * age**3 / 3)
        else:
            error += (fix.speed or 0.0) * age
        return Position("gnss", lat, lon, age, error, fix.speed, self._heading(fix))

    def _heading(self, fix: Fix) -> float | None:
        """Degrees true: a vehicle that stands looks where it drove."""
        for known in reversed(self._fixes[: self._index(fix.monotonic)]):
            if known.track is not None and (known.speed or 0.0) >= STANDING:
                return known.track
            if apart(known, fix) > _eph(fix):
                break
        return fix.track


def taken_at(fix: Fix, at: float) -> Position:
    """Of whoever took a picture at that instant (seconds) that carries its own fix."""
    return Position("gnss", fix.lat, fix.lon, abs(at - fix.monotonic), _eph(fix), fix.speed, fix.track)


def _eph(fix: Fix) -> float:
    return UNKNOWN_EPH if fix.eph is None else fix.eph


def _around(fix: Fix, age: float) -> Position:
    """Somewhere around the fix, as far as the vehicle may have got."""
    drift = age * (UNKNOWN_SPEED if fix.speed is None else max(fix.speed, 1.0))
    return Position("last_known", fix.lat, fix.lon, age, _eph(fix) + drift)


def _agree(a: Fix, b: Fix) -> bool:
    """Whether both can be true, one after the other."""
    gap = b.monotonic - a.monotonic
    return gap > 0 and apart(a, b) <= FASTEST * gap + _eph(a) + _eph(b)
