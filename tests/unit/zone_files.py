"""Zones and files of zones, small enough to see what is in them."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import pytest
import shapely

from agent.zones.zone import Zone

SHARED = Path(os.environ.get("FIDAMIA_SHARED", Path(__file__).parents[3] / "shared"))
COMMUNES = SHARED / "geo" / "communes-amp.geojson"
with_communes = pytest.mark.skipif(
    not COMMUNES.is_file(), reason=f"no communes in {SHARED}; FIDAMIA_SHARED names its folder"
)

Positions = Sequence[tuple[float, float]]


def square(west: float, south: float, side: float = 1.0) -> list[tuple[float, float]]:
    """The closed outline of a square, in hundredths of a degree from 5 east, 43 north."""
    corners = ((0, 0), (side, 0), (side, side), (0, side), (0, 0))
    return [(round(5 + (west + x) / 100, 9), round(43 + (south + y) / 100, 9)) for x, y in corners]


def zone(kind: str, name: str, *rings: Positions) -> Zone:
    """A zone; a commune by a code."""
    outline, *holes = rings
    return Zone(kind, name if kind == "commune" else None, name, shapely.Polygon(outline, holes))


def feature(*rings: Positions, **properties: Any) -> dict[str, Any]:
    """A GeoJSON feature."""
    return {
        "type": "Feature",
        "properties": properties,
        "geometry": {"type": "Polygon", "coordinates": [list(map(list, ring)) for ring in rings]},
    }


def collection(path: Path, *features: Any, **members: Any) -> Path:
    """A GeoJSON file."""
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features, **members}))
    return path


def geopackage(
    path: Path,
    geometries: Sequence[Any],
    layer: str = "zones",
    crs: str = "EPSG:4326",
    append: bool = False,
    **columns: Sequence[Any],
) -> Path:
    """A GeoPackage as GDAL writes it."""
    pyogrio.raw.write(
        path,
        np.array([shapely.to_wkb(one, output_dimension=4, flavor="iso") for one in geometries], dtype=object),
        [np.array(values, dtype=object) for values in columns.values()],
        list(columns),
        layer=layer,
        driver="GPKG",
        crs=crs,
        geometry_type="Unknown",
        append=append,
    )
    return path
