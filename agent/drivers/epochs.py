"""What gpsd says, joined into whole epochs and turned into fixes."""

from __future__ import annotations

import json
import math
from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec

from agent.domain import Fix
from agent.drivers.track import RefusedFix, plausible

SETTLED = 0.3  # seconds without change, after which an epoch that has its track is complete
WINDOW = 60.0  # seconds over which the soonest fix is sought: two clocks part by a millisecond in that time
LEAP = 1.0  # seconds: a receiver's time that differs by more was set
HELD_UP = 5.0  # seconds: later than usual by less than that, a fix may only have been told late
TIMES = 2  # such fixes in a row; after them the clock was set
PATIENCE = 1.5  # seconds without change, after which an epoch is complete without a track


class Tpv(msgspec.Struct, frozen=True):
    """gpsd's time-position-velocity report (gpsd_json(5)), in its own units; what it leaves out is None, not 0."""

    mode: int = 0  # 0 and 1: no fix, 2: 2D, 3: 3D
    time: str | None = None
    lat: float | None = None
    lon: float | None = None
    eph: float | None = None
    epx: float | None = None
    epy: float | None = None
    speed: float | None = None
    track: float | None = None


class Sky(msgspec.Struct, frozen=True):
    """gpsd's report of the satellites. Without a list of them, its counts are 0 for want of knowledge."""

    satellites: list[dict[str, object]] | None = None


class Answer(msgspec.Struct, frozen=True):
    """gpsd's answer to `?POLL;`, one report a receiver."""

    tpv: list[Tpv] = []
    sky: list[Sky] = []


@dataclass(frozen=True, slots=True)
class Epoch:
    """What gpsd has said so far of one instant of the receiver."""

    tpv: Tpv
    seen: float  # seconds, on the clock of the frames: when it was first seen
    changed: float  # seconds, on the same clock: when it last said something new


def parse(line: str) -> Answer:
    """gpsd's answer to a poll. Raises ValueError where it is not one."""
    return msgspec.convert(json.loads(line), Answer)  # msgspec's own decoder refuses the whole line for one NaN


def fix_of(tpv: Tpv, monotonic: float) -> Fix:
    """The fix that gpsd reports, first seen at `monotonic` (seconds). Raises RefusedFix where it is none.

    `eph` is a 95 % error: gpsd derives its own as HDOP x 19 m (P_UERE_NO_DGPS in gpsd_error_model() of
    libgpsd_core.c). Where it gives none, the 95 % errors along both axes, epx and epy (gpsd_json(5)), are
    added in quadrature, which errs on the safe side.
    """
    if tpv.lat is None or tpv.lon is None or tpv.time is None:
        raise RefusedFix("it lacks a position or a time")
    try:
        at = datetime.fromisoformat(tpv.time)
    except ValueError as error:
        raise RefusedFix("its time can not be read") from error
    if at.utcoffset() != timedelta(0):
        raise RefusedFix("its time is not UTC")
    eph = _known(tpv.eph)
    epx, epy = _known(tpv.epx), _known(tpv.epy)
    if not eph and epx and epy:
        eph = math.hypot(epx, epy)
    # No receiver is free of error: an error of 0 comes from one that estimates none.
    return plausible(Fix(tpv.lat, tpv.lon, at, monotonic, eph or None, _known(tpv.speed), _known(tpv.track)))


def _known(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) and value >= 0 else None


class Instants:
    """When the fixes were, on the clock of the frames, of which is only known when they were heard.

    A fix is heard sooner or later after its instant, by the sentences before it and by when it was asked for. Of many
    in a row the one that was heard soonest tells where the receiver's clock stands; the others follow from its time.
    """

    def __init__(self, latency: float) -> None:
        """`latency`: seconds from the instant of a fix until it is heard at the soonest."""
        self._latency = latency
        self._heard: deque[tuple[float, float]] = deque()  # seconds: when heard, and that less the receiver's time
        self._late = 0  # fixes in a row that were heard late

    def of(self, at: datetime, heard: float) -> float:
        """Seconds on the clock of the frames of a fix of that time, which was heard at `heard`."""
        receiver = at.timestamp()
        lag = heard - receiver
        soonest = min((lag for _, lag in self._heard), default=lag)
        if abs(lag - soonest) > LEAP:
            if 0 < lag - soonest < HELD_UP and self._late < TIMES:
                self._late += 1
                return receiver + soonest - self._latency
            # A clock that was set is another clock.
            self._heard.clear()
        self._late = 0
        while self._heard and heard - self._heard[0][0] > WINDOW:
            self._heard.popleft()
        self._heard.append((heard, lag))
        return receiver + min(lag for _, lag in self._heard) - self._latency


class Epochs:
    """Joins the polls of one connection into whole epochs.

    gpsd answers a poll with what it has. Between the first and the last sentence of an epoch the track is
    missing and the speed is gpsd's own guess, so an epoch is held back until it is complete: until it has
    its track and all that the epoch before it had, until it no longer changes, or until the next one begins.
    """

    def __init__(self) -> None:
        self._current: Epoch | None = None
        self._given = True  # whether the current epoch was given out, or must not be
        self._last: str | None = None  # the time of the last epoch of that kind
        self._fields: frozenset[str] = frozenset()  # what the last whole epoch told

    def add(self, tpv: Tpv, monotonic: float) -> Epoch | None:
        """Take a poll made at `monotonic` (seconds); the epoch that it completes, if any."""
        current = self._current
        if current is None:
            # gpsd repeats the last fix of a mute receiver for ever: what it has to say first has no known age.
            self._current, self._last = Epoch(tpv, monotonic, monotonic), tpv.time
            return None
        if tpv.time == current.tpv.time:
            merged = msgspec.structs.replace(current.tpv, **_told(tpv))
            if merged != current.tpv:
                self._current = current = Epoch(merged, current.seen, monotonic)
            return self._give(current) if self._is_complete(current, monotonic) else None
        if _has_fix(current.tpv):
            self._fields = frozenset(_told(current.tpv))
        over = None if self._given or not _has_fix(current.tpv) else self._give(current)
        self._current = current = Epoch(tpv, monotonic, monotonic)
        self._given = tpv.time == self._last
        if over is None and self._is_complete(current, monotonic):
            return self._give(current)
        return over

    def _is_complete(self, epoch: Epoch, monotonic: float) -> bool:
        if self._given or not _has_fix(epoch.tpv):
            return False
        quiet = monotonic - epoch.changed
        if epoch.tpv.track is None:
            return quiet >= PATIENCE
        return quiet >= SETTLED or bool(self._fields and self._fields <= _told(epoch.tpv).keys())

    def _give(self, epoch: Epoch) -> Epoch:
        self._given, self._last = True, epoch.tpv.time
        return epoch


def _has_fix(tpv: Tpv) -> bool:
    return tpv.mode >= 2 and tpv.time is not None  # noqa: PLR2004 - 2D, in gpsd's own code


def _told(tpv: Tpv) -> dict[str, Any]:
    return {name: value for name, value in msgspec.structs.asdict(tpv).items() if value is not None}
