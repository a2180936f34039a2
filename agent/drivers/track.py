"""Fixes in their order: which can be true, which is the newest at an instant, and a track recorded as NMEA 0183."""

from __future__ import annotations

import logging
import math
import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Any

from pynmeagps import NMEAMessage, NMEAMessageError, NMEAParseError, NMEAReader, NMEATypeError

from agent.domain import Fix
from agent.errors import ConfigError
from agent.i18n import _

EARLIEST, LATEST = datetime(2020, 1, 1, tzinfo=UTC), datetime(2080, 1, 1, tzinfo=UTC)
METRES_PER_SECOND = 1852 / 3600  # in a knot
UERE = 19.0  # metres at 95 %, gpsd's assumption (P_UERE_NO_DGPS in libgpsd_core.c)
WANTED = re.compile(r"\$[A-Z]{2}(GGA|RMC|GST),")
FASTEST = 100.0  # metres per second: no vehicle is faster, whatever a receiver says
SATELLITE_FIXES = range(1, 6)  # GGA quality; 6 and above are dead reckoning, manual input and simulation

log = logging.getLogger(__name__)


class RefusedFix(ValueError):
    """The receiver reports a position that can not be true. The message holds no position."""


def plausible(fix: Fix) -> Fix:
    """The fix itself. Raises RefusedFix where its position or its time can not be true.

    (0, 0) is what receivers and libraries give for "unknown". A receiver whose battery was flat starts at
    its firmware's first day, one that missed a rollover of the GPS week lives 19.6 years ago, and 1980
    written with two digits is read as 2080: before 2020 and from 2080 on, the time is not trusted. A speed that
    no vehicle has is taken for unknown: the way to the next fix is computed with it.
    """
    if not (math.isfinite(fix.lat) and math.isfinite(fix.lon)):
        raise RefusedFix("its position is not a number")
    if abs(fix.lat) > 90 or abs(fix.lon) > 180:  # noqa: PLR2004 - the bounds of the globe
        raise RefusedFix("its position is not on the globe")
    if fix.lat == 0 and fix.lon == 0:
        raise RefusedFix("its position is exactly (0, 0), which stands for unknown")
    if not EARLIEST <= fix.at < LATEST:
        raise RefusedFix(f"its date, {fix.at:%Y-%m-%d}, can not be true")
    if fix.speed is not None and not 0 <= fix.speed <= FASTEST:
        return replace(fix, speed=None, track=None)
    return fix


class RecordedTrack:
    """The fixes of an NMEA file, whose clock starts at 0 with the first; implements `agent.interfaces.Gps`."""

    def __init__(self, path: Path) -> None:
        """Read the file. Raises ConfigError where it can not be read or holds no usable fix."""
        try:
            lines = path.read_text(encoding="ascii", errors="replace").split("\n")
        except OSError as error:
            raise ConfigError(
                _("{path}: can not be read ({reason}); name a recorded NMEA file").format(
                    path=path, reason=error.strerror
                )
            ) from error
        sentences, spoilt = _sentences(lines)
        self._fixes, refused = _fixes(sentences)
        self._taken = 0
        if spoilt or refused:
            log.warning(
                "%s: %d lines could not be read and %d fixes were refused; the rest is used.", path, spoilt, refused
            )
        if not self._fixes:
            raise ConfigError(
                _(
                    "{path}: no usable fix; a recorded track needs NMEA sentences with a correct checksum, "
                    "among them RMC with status A, a position and a date between 2020 and 2079"
                ).format(path=path)
            )

    @property
    def start(self) -> datetime:
        """The receiver's time at the first fix, aware UTC."""
        return self._fixes[0].at

    @property
    def duration(self) -> float:
        """Seconds from the first fix to the last."""
        return self._fixes[-1].monotonic

    def open(self) -> None:
        """Begin at the first fix."""
        self._taken = 0

    def take(self, monotonic: float) -> Sequence[Fix]:
        """The fixes up to `monotonic` (seconds since the first) that were not yet taken."""
        first, self._taken = (
            self._taken,
            max(self._taken, bisect_right(self._fixes, monotonic, key=attrgetter("monotonic"))),
        )
        return self._fixes[first : self._taken]

    def close(self) -> None:
        """Nothing to release."""


def _sentences(lines: Iterable[str]) -> tuple[list[NMEAMessage], int]:
    """The sentences that carry fixes, and how many lines are broken or no NMEA at all."""
    sentences, spoilt = [], 0
    for line in map(str.strip, lines):
        if WANTED.match(line):
            try:
                sentence = NMEAReader.parse(line)
            except (NMEAParseError, NMEAMessageError, NMEATypeError):
                sentence = None
            if sentence is None:
                spoilt += 1
            else:
                sentences.append(sentence)
        elif line and line[0] not in "$!":
            spoilt += 1
    return sentences, spoilt


def _fixes(sentences: Iterable[NMEAMessage]) -> tuple[list[Fix], int]:
    """One fix for each run of sentences of one time, and how many were refused."""
    fixes: list[Fix] = []
    refused = 0
    for clock, group in groupby(sentences, key=lambda sentence: _field(sentence, "time")):
        epoch = {sentence.msgID: sentence for sentence in group}
        if not isinstance(clock, time) or not _has_fix(epoch):
            continue
        last = fixes[-1].at if fixes else None
        at = _at(clock, _field(epoch.get("RMC"), "date"), last)
        if at is None:
            continue
        try:
            # Frames find their fix by its instant, so an instant that does not advance is of no use.
            if last is not None and at <= last:
                raise RefusedFix("its time does not advance")
            monotonic = (at - fixes[0].at).total_seconds() if fixes else 0.0
            fixes.append(plausible(_fix(epoch, at, monotonic)))
        except RefusedFix as error:
            log.debug("A recorded fix was refused: %s.", error)
            refused += 1
    return fixes, refused


def _has_fix(epoch: dict[str, NMEAMessage]) -> bool:
    """RMC decides, for it has the date; GGA stands in where a spoilt line took the RMC away."""
    rmc = epoch.get("RMC")
    if rmc is not None:
        return bool(_field(rmc, "status") == "A" and _field(rmc, "posMode") != "N")
    return _field(epoch.get("GGA"), "quality") in SATELLITE_FIXES


def _at(clock: time, day: date | None, last: datetime | None) -> datetime | None:
    """The instant, aware UTC. Without a date it follows `last`, past midnight where the clock starts again."""
    if day is not None:
        return datetime.combine(day, clock, UTC)
    if last is None:
        return None
    at = datetime.combine(last.date(), clock, UTC)
    return at + timedelta(days=1) if last - at > timedelta(hours=12) else at


def _fix(epoch: dict[str, NMEAMessage], at: datetime, monotonic: float) -> Fix:
    """The fix of an epoch. Raises RefusedFix where it has no position."""
    rmc, gga = epoch.get("RMC"), epoch.get("GGA")
    place = gga if rmc is None else rmc
    lat, lon, speed = _number(place, "lat"), _number(place, "lon"), _number(rmc, "spd")
    if lat is None or lon is None:
        raise RefusedFix("it lacks a position")
    if speed is not None:
        speed *= METRES_PER_SECOND
    return Fix(lat, lon, at, monotonic, _eph(gga, epoch.get("GST")), speed, _number(rmc, "cog"))


def _eph(gga: NMEAMessage | None, gst: NMEAMessage | None) -> float | None:
    """Metres at 95 %, as gpsd gives it: 2DRMS, twice the root sum square of GST's deviations, else HDOP x UERE."""
    sigma_lat, sigma_lon, hdop = _number(gst, "stdLat"), _number(gst, "stdLong"), _number(gga, "HDOP")
    if sigma_lat and sigma_lon:
        return 2 * math.hypot(sigma_lat, sigma_lon)
    return hdop * UERE if hdop else None


def _field(sentence: NMEAMessage | None, name: str) -> Any:
    """A field of the sentence, None where it is absent or empty (pynmeagps gives an empty string)."""
    value = getattr(sentence, name, None)
    return None if value == "" else value


def _number(sentence: NMEAMessage | None, name: str) -> float | None:
    value = _field(sentence, name)
    return float(value) if isinstance(value, (int, float)) and math.isfinite(value) else None
