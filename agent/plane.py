"""Metres on the ground: the earth is a plane here, which is good for some kilometres."""

from __future__ import annotations

import math

from agent.domain import Fix, Position

EARTH_RADIUS = 6_371_008.8  # metres, mean radius (IUGG)
KMH = 3.6  # kilometres an hour in a metre a second
STANDING = 0.7  # metres per second; below, a receiver's speed is its noise


def travel(lat: float, lon: float, metres: float, track: float) -> tuple[float, float]:
    """The point `metres` away in direction `track` (degrees true)."""
    return moved(lat, lon, metres * math.cos(math.radians(track)), metres * math.sin(math.radians(track)))


def moved(lat: float, lon: float, north: float, east: float) -> tuple[float, float]:
    """The point so many metres north and east."""
    return (
        lat + math.degrees(north / EARTH_RADIUS),
        lon + math.degrees(east / (EARTH_RADIUS * math.cos(math.radians(lat)))),
    )


def between(lat: float, lon: float, other_lat: float, other_lon: float) -> tuple[float, float]:
    """Metres north and east from one point to another."""
    return (
        math.radians(other_lat - lat) * EARTH_RADIUS,
        math.radians(other_lon - lon) * EARTH_RADIUS * math.cos(math.radians(lat)),
    )


def apart(a: Fix, b: Fix) -> float:
    """Metres between two fixes."""
    return math.hypot(*between(a.lat, a.lon, b.lat, b.lon))


def distance(a: Position, b: Position) -> float | None:
    """Metres between two positions, None where one is not known."""
    if a.lat is None or a.lon is None or b.lat is None or b.lon is None:
        return None
    return math.hypot(*between(a.lat, a.lon, b.lat, b.lon))


def velocity(fix: Fix) -> tuple[float, float] | None:
    """Metres per second north and east; None where the receiver does not tell."""
    if fix.speed is None or (fix.track is None and fix.speed >= STANDING):
        return None
    if fix.track is None:
        return 0.0, 0.0
    return fix.speed * math.cos(math.radians(fix.track)), fix.speed * math.sin(math.radians(fix.track))
