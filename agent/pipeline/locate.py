"""Where a frame was taken: the newest fix, carried forward to the frame's instant."""

from __future__ import annotations

import math

from agent.domain import Fix, Frame, Position

EARTH_RADIUS = 6_371_008.8  # metres, mean radius (IUGG)
FRESH = 3.0  # seconds: an older fix is no longer where the vehicle is
LOST = 300.0  # seconds: after that the last known position says nothing
UNKNOWN_EPH = 15.0  # metres, for a receiver that states no error
UNKNOWN_SPEED = 14.0  # metres per second (50 km/h), the growth of the radius where the speed is not known

NOWHERE = Position(source="none")


def locate(frame: Frame, fix: Fix | None) -> Position:
    """The position of the frame, with where it comes from and how far it may be off."""
    if fix is None:
        return NOWHERE
    age = max(0.0, frame.monotonic - fix.monotonic)
    if age > LOST:
        return NOWHERE
    eph = UNKNOWN_EPH if fix.eph is None else fix.eph
    if age > FRESH:
        drift = age * (UNKNOWN_SPEED if fix.speed is None else max(fix.speed, 1.0))
        return Position("last_known", fix.lat, fix.lon, age, eph + drift, None, None)
    lat, lon, error = fix.lat, fix.lon, eph
    if fix.speed is not None and fix.track is not None:
        lat, lon = travel(fix.lat, fix.lon, fix.speed * age, fix.track)
    elif fix.speed is not None:
        error += fix.speed * age
    return Position("gnss", lat, lon, age, error, fix.speed, fix.track)


def travel(lat: float, lon: float, metres: float, track: float) -> tuple[float, float]:
    """The point `metres` away in direction `track` (degrees true); plane geometry, good for some kilometres."""
    north = metres * math.cos(math.radians(track))
    east = metres * math.sin(math.radians(track))
    return (
        lat + math.degrees(north / EARTH_RADIUS),
        lon + math.degrees(east / (EARTH_RADIUS * math.cos(math.radians(lat)))),
    )


def distance(a: Position, b: Position) -> float | None:
    """Metres between two positions, None where one is not known; plane geometry, good for some kilometres."""
    if a.lat is None or a.lon is None or b.lat is None or b.lon is None:
        return None
    north = math.radians(b.lat - a.lat) * EARTH_RADIUS
    east = math.radians(b.lon - a.lon) * EARTH_RADIUS * math.cos(math.radians(a.lat))
    return math.hypot(north, east)
