"""Areas of any origin, checked and made whole."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import shapely

from agent.i18n import _
from agent.zones.zone import Geometry

DECIMALS = 7  # of a degree: about a centimetre

Ring = npt.NDArray[np.float64]  # positions x 2: longitude, latitude
Rings = list[Ring]  # the outline of a polygon, then its holes

FEWEST = 3  # corners of a ring
EDGE = (180.0, 90.0)  # degrees


class BadFeature(Exception):
    """What is wrong with a feature, in words that follow its name."""


class NoDegrees(BadFeature):
    """Its coordinates are not on the globe: those of another coordinate system."""


def build(parts: Iterable[Rings]) -> Geometry:
    """The polygons as one geometry, valid or not; rings that are not closed are closed. Raises BadFeature."""
    polygons = []
    for rings in parts:
        for ring in rings:
            _check(ring)
        if rings:
            outline, *holes = (shapely.linearrings(ring) for ring in rings)
            polygons.append(shapely.polygons(outline, holes=holes or None))
    if not polygons:
        raise BadFeature(_("its geometry is empty"))
    return polygons[0] if len(polygons) == 1 else shapely.multipolygons(polygons)


def make_whole(geometry: Geometry) -> tuple[Geometry, str]:
    """The geometry, valid and rounded, and what had to be repaired of it; "" if nothing. Raises BadFeature."""
    fault = "" if shapely.is_valid(geometry) else str(shapely.is_valid_reason(geometry))
    try:
        if fault:
            # "structure" keeps what several parts cover; the other method would make holes of it.
            geometry = _areas(shapely.make_valid(geometry, method="structure", keep_collapsed=False))
        rounded = _areas(shapely.set_precision(geometry, 10.0**-DECIMALS))
    except shapely.errors.ShapelyError as error:
        raise BadFeature(_("its geometry can not be repaired ({reason})").format(reason=error)) from error
    if shapely.is_empty(rounded):
        raise BadFeature(_("its geometry encloses no area"))
    return shapely.orient_polygons(rounded), fault


def coordinates(geometry: Geometry) -> tuple[str, list[object]]:
    """The type and the coordinates as GeoJSON has them, rounded."""
    polygons = [
        [_positions(ring) for ring in (polygon.exterior, *polygon.interiors)] for polygon in shapely.get_parts(geometry)
    ]
    return ("Polygon", polygons[0]) if len(polygons) == 1 else ("MultiPolygon", [*polygons])


def _positions(ring: Geometry) -> object:
    return np.round(shapely.get_coordinates(ring), DECIMALS).tolist()


def _check(ring: Ring) -> None:
    if not np.isfinite(ring).all():
        raise BadFeature(_("a coordinate is no number"))
    if (np.abs(ring) > EDGE).any():
        raise NoDegrees(_("its coordinates are not on the globe, in degrees"))
    if len(ring) - int(len(ring) > 0 and (ring[0] == ring[-1]).all()) < FEWEST:
        raise BadFeature(_("a ring of fewer than three corners"))


def _areas(geometry: Geometry) -> Geometry:
    """Without the lines and points that a repair leaves."""
    parts = shapely.get_parts(geometry)
    polygons = parts[shapely.get_type_id(parts) == shapely.GeometryType.POLYGON]
    return polygons[0] if len(polygons) == 1 else shapely.multipolygons(polygons)
