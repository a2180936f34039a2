"""What a zone is, and its size in metres."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from agent.plane import EARTH_RADIUS

# In the order in which they are kept and shown.
COMMUNE, NO_CAPTURE, STATISTICS = KINDS = ("commune", "no_capture", "statistics")
METRES = math.radians(EARTH_RADIUS)  # of a degree of latitude

Geometry = Any  # of shapely, which has no types of its own


@dataclass(frozen=True, slots=True)
class Zone:
    """An area with a meaning."""

    kind: str  # one of KINDS
    code: str | None  # INSEE code of a commune
    name: str
    geometry: Geometry  # Polygon or MultiPolygon, degrees WGS 84, longitude first

    @property
    def id(self) -> str:
        """What routing rules call it: a commune by its code, a special zone by its name."""
        return self.code or self.name

    @property
    def order(self) -> tuple[int, str, str]:
        """Where it stands among others: of the communes that share a border, the first is the answer there."""
        return KINDS.index(self.kind), self.id, self.name


@dataclass(frozen=True, slots=True)
class Plane:
    """Metres east and north of a place.

    Distances are off by less than 1 % within 25 km of it up to 60 degrees of latitude: the Earth is flattened (0.6 %),
    and parallels shorten towards the pole (0.7 %).
    """

    lat: float  # degrees
    lon: float  # degrees

    @classmethod
    def of(cls, geometry: Geometry) -> Plane:
        """Around the middle of a geometry in degrees."""
        west, south, east, north = geometry.bounds
        return cls((south + north) / 2, (west + east) / 2)

    def metres(self, lat: float, lon: float) -> tuple[float, float]:
        """East and north."""
        return (lon - self.lon) * METRES * math.cos(math.radians(self.lat)), (lat - self.lat) * METRES

    def flat(self, geometry: Geometry) -> Geometry:
        """The geometry in metres."""
        import shapely  # noqa: PLC0415 - where no zones are kept it is never needed

        scale = (METRES * math.cos(math.radians(self.lat)), METRES)
        return shapely.transform(geometry, lambda places: (places - (self.lon, self.lat)) * scale)


def area(geometry: Geometry) -> float:
    """Square metres of a geometry in degrees."""
    return float(Plane.of(geometry).flat(geometry).area)
