"""Where the object is, not the vehicle: the point of the ground that best explains which looks showed it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from agent.domain import Glimpse, Position
from agent.plane import between, travel

Grid = npt.NDArray[np.float64]

AHEAD = np.arange(-10.0, 33.0)  # metres before the vehicle at its best frame: as far as a camera tells one
RIGHT = np.arange(-8.0, 9.0)  # metres
WITHIN = 2 / 12  # metres squared: variance of a place within its square of this grid
SIZE = 1.0  # metres: of a defect
SHARE = 0.2  # root of the share of a look that a defect fills, at which every second one is recognised
STEEPNESS = 3.0  # of recognition, by the logarithm of that
MISTAKEN = 0.03  # of the looks: show what is not there, or do not show what is
NEAREST = 0.3  # metres before the camera
UNKNOWN = 15.0  # metres: how far from the vehicle an object may be of which no more is known (95 %)


@dataclass(frozen=True, slots=True)
class Mounting:
    """How a camera is fixed to the vehicle. The aerial of the receiver is where the vehicle is."""

    height: float = 1.6  # metres above the road
    yaw: float = 0.0  # degrees, right positive
    field: float = 65.0  # degrees that it sees from left to right
    horizon: float = 0.3  # fraction of the frame's height, from the top
    ahead: float = 0.0  # metres before the aerial
    right: float = 0.0  # metres right of the aerial


@dataclass(frozen=True, slots=True)
class Offset:
    """Where an object is, seen from the vehicle."""

    ahead: float  # metres
    right: float  # metres
    error: float  # metres, 95 %


@dataclass(frozen=True, slots=True)
class _Seen:
    """Where the points of the ground are in a frame: fractions of it, and metres."""

    across: Grid
    down: Grid
    depth: Grid
    size: Grid  # root of the share of the frame that a defect there fills


def place(  # noqa: PLR0913, PLR0917 - what is seen, of what, and by what
    glimpses: Sequence[Glimpse], best: Position, index: int, mounting: Mounting, aspect: float, above: float
) -> Offset | None:
    """The offset of an object of the label with that index from the vehicle at `best`, where its best frame was taken.

    `above` metres above the ground is its middle; `aspect` is that of the frames. For each point, the looks at all
    glimpses are held against what they would have said of an object there: it is recognised the more surely the more
    of a look it fills, and by mistake where it is not in it. The mean of that likelihood is the place, its spread the
    error. None where the heading is not known.
    """
    if best.lat is None or best.lon is None or best.track is None:
        return None
    ahead, right = np.meshgrid(AHEAD, RIGHT, indexing="ij")
    likelihood = np.zeros_like(ahead)
    for glimpse in glimpses:
        moved = _from(best, glimpse.position)
        if moved is None:
            continue
        forth, aside, turn = moved
        near, far = ahead - forth, right - aside
        cos, sin = math.cos(turn), math.sin(turn)
        seen = _project(near * cos + far * sin, far * cos - near * sin, mounting, aspect, above)
        for look in glimpse.looks:
            shown = min(max(float(look.probabilities[index]), MISTAKEN), 1 - MISTAKEN)
            expected = _expected(seen, look.region)
            likelihood += shown * np.log(expected) + (1 - shown) * np.log(1 - expected)
    weight = np.exp(likelihood - likelihood.max())
    weight /= weight.sum()
    forth, aside = float((weight * ahead).sum()), float((weight * right).sum())
    variance = float((weight * ((ahead - forth) ** 2 + (right - aside) ** 2)).sum())
    return Offset(forth, aside, 2 * math.sqrt(variance + WITHIN))


def placed(vehicle: Position, offset: Offset | None) -> Position:
    """The position of the object. Where the offset is not known, it is somewhere around the vehicle."""
    if vehicle.lat is None or vehicle.lon is None:
        return vehicle
    if offset is None or vehicle.track is None:
        return replace(vehicle, accuracy=math.hypot(vehicle.accuracy or 0.0, UNKNOWN))
    metres = math.hypot(offset.ahead, offset.right)
    bearing = vehicle.track + math.degrees(math.atan2(offset.right, offset.ahead))
    lat, lon = travel(vehicle.lat, vehicle.lon, metres, bearing)
    return replace(vehicle, lat=lat, lon=lon, accuracy=math.hypot(vehicle.accuracy or 0.0, offset.error))


def _from(best: Position, other: Position) -> tuple[float, float, float] | None:
    """Metres ahead and to the right from one position of the vehicle to another, and radians that it has turned."""
    if best.lat is None or best.lon is None or best.track is None or other.lat is None or other.lon is None:
        return None
    north, east = between(best.lat, best.lon, other.lat, other.lon)
    heading = math.radians(best.track)
    turn = 0.0 if other.track is None else math.radians(other.track - best.track)
    ahead = north * math.cos(heading) + east * math.sin(heading)
    return ahead, east * math.cos(heading) - north * math.sin(heading), turn


def _project(ahead: Grid, right: Grid, mounting: Mounting, aspect: float, above: float) -> _Seen:
    """A pinhole camera whose tilt is a shift of the horizon."""
    yaw = math.radians(mounting.yaw)
    focal = 0.5 / math.tan(math.radians(mounting.field) / 2)  # in widths of the frame
    forth, aside = ahead - mounting.ahead, right - mounting.right
    depth = forth * math.cos(yaw) + aside * math.sin(yaw)
    across = aside * math.cos(yaw) - forth * math.sin(yaw)
    before = np.maximum(depth, NEAREST)
    # What lies flat on the road is foreshortened; what stands is not.
    tall = SIZE * np.minimum(1.0, mounting.height / before) if above == 0 else SIZE
    return _Seen(
        across=0.5 + focal * across / before,
        down=mounting.horizon + focal * aspect * (mounting.height - above) / before,
        depth=depth,
        size=focal / before * np.sqrt(SIZE * tall * aspect),
    )


def _expected(seen: _Seen, region: tuple[float, float, float, float]) -> Grid:
    """Probability that a look at the region shows a defect at each point."""
    left, top, right, bottom = region
    inside = (seen.across > left) & (seen.across < right) & (seen.down > top) & (seen.down < bottom)
    share = seen.size / math.sqrt((right - left) * (bottom - top))
    recognised = MISTAKEN + (1 - 2 * MISTAKEN) / (1 + (SHARE / share) ** STEEPNESS)
    return np.where(inside & (seen.depth > NEAREST), recognised, MISTAKEN)
