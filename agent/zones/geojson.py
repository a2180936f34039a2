"""Areas in GeoJSON (RFC 7946). GEOS is not asked to read it: deeply nested input makes that crash."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from agent.i18n import _, shown
from agent.zones.feature import Feature, UnusableFile, wrong_system
from agent.zones.shape import BadFeature, Ring, Rings, build

AREAS = {"Polygon": list[list[list[float]]], "MultiPolygon": list[list[list[list[float]]]]}
# The names of longitude and latitude on WGS 84, in all the ways in which files of before RFC 7946 state them.
DEGREES = re.compile(r".*(\bCRS:?84|\bEPSG(?:[:/][^:/]*)?[:/]4326)\Z", re.IGNORECASE)
LEAST = 2  # numbers of a position


class _Collection(msgspec.Struct):
    features: list[msgspec.Raw]
    type: str = ""
    crs: object = None


class _Feature(msgspec.Struct):
    geometry: msgspec.Raw = msgspec.Raw(b"null")
    properties: dict[str, Any] | None = None
    type: str = ""


class _Geometry(msgspec.Struct):
    type: str
    coordinates: msgspec.Raw = msgspec.Raw(b"null")


def read(path: Path, content: bytes) -> Iterator[Feature]:
    """The features of a file. Raises UnusableFile where it is none, or in another coordinate system."""
    try:
        collection = msgspec.json.decode(content.removeprefix(b"\xef\xbb\xbf"), type=_Collection)
    except msgspec.ValidationError as error:
        raise UnusableFile(_no_collection(path, error)) from error
    except (ValueError, RecursionError) as error:
        raise UnusableFile(
            _("{path}: neither GeoJSON nor a GeoPackage, or cut short ({reason}); write or copy it again").format(
                path=shown(path), reason=error
            )
        ) from error
    if collection.type != "FeatureCollection":
        raise UnusableFile(_no_collection(path, _("type: {type}").format(type=shown(collection.type or "-"))))
    system = _system(collection.crs)
    if system is not None and not DEGREES.match(system):
        raise UnusableFile(wrong_system(path, system))
    for number, raw in enumerate(collection.features, start=1):
        yield _feature(_("feature {number}").format(number=number), raw)


def parts(raw: msgspec.Raw) -> list[Rings]:
    """The polygons of a geometry. Raises BadFeature."""
    try:
        geometry = msgspec.json.decode(raw, type=_Geometry | None)
        if geometry is None:
            raise BadFeature(_("it has no geometry"))
        if geometry.type not in AREAS:
            raise BadFeature(
                _("a {type} is no area; a Polygon or MultiPolygon is").format(type=shown(geometry.type[:30]))
            )
        content = msgspec.json.decode(geometry.coordinates, type=AREAS[geometry.type])
    except (ValueError, RecursionError) as error:
        raise BadFeature(_("its geometry is wrong: {reason}").format(reason=error)) from error
    polygons = [content] if geometry.type == "Polygon" else content
    return [[_ring(ring) for ring in polygon] for polygon in polygons]


def _feature(place: str, raw: msgspec.Raw) -> Feature:
    try:
        feature = msgspec.json.decode(raw, type=_Feature)
    except (ValueError, RecursionError) as error:
        return Feature(place, {}, fault=BadFeature(_("no GeoJSON Feature ({reason})").format(reason=error)))
    properties = feature.properties or {}
    try:
        if feature.type != "Feature":
            raise BadFeature(_("no GeoJSON Feature ({reason})").format(reason=f"type: {shown(feature.type[:30])}"))
        return Feature(place, properties, build(parts(feature.geometry)))
    except BadFeature as error:
        return Feature(place, properties, fault=error)


def _ring(positions: list[list[float]]) -> Ring:
    if any(len(position) < LEAST for position in positions):
        raise BadFeature(_("a position of fewer than two numbers"))
    return np.array([position[:2] for position in positions], np.float64).reshape(-1, 2)


def _system(crs: object) -> str | None:
    """What a file of before RFC 7946 says of its coordinates, None if nothing."""
    if crs is None:
        return None
    try:
        return str(crs["properties"]["name"])  # type: ignore[index]
    except (KeyError, TypeError, IndexError):
        return msgspec.json.encode(crs).decode()[:100]


def _no_collection(path: Path, reason: object) -> str:
    return _("{path}: no GeoJSON FeatureCollection ({reason}); write the zones as one").format(
        path=shown(path), reason=reason
    )
