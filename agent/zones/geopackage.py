"""Areas in a GeoPackage (OGC 12-128r17), read without GDAL."""

from __future__ import annotations

import sqlite3
import struct
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import numpy as np

from agent.i18n import _, shown
from agent.zones.feature import Feature, UnusableFile, wrong_system
from agent.zones.shape import BadFeature, NoDegrees, Rings, build
from agent.zones.zone import KINDS

MAGIC = b"SQLite format 3\x00"
WGS_84 = 4326
LONGEST = 120.0  # seconds that a query may take: a file from outside may ask for endless ones

HEADER = 8  # bytes, before the envelope
ENVELOPES = (0, 32, 48, 48, 64)  # bytes, by the code in the header
BIG, EMPTY, EXTENDED = 0, 0b0001_0000, 0b0010_0000
POLYGON, MULTIPOLYGON = 3, 6
Z, M = 0x8000_0000, 0x4000_0000  # how other writers than OGC's standard mark a third and fourth number

LAYERS = """
SELECT contents.table_name, columns.column_name, columns.srs_id, systems.organization, systems.organization_coordsys_id
FROM gpkg_contents AS contents JOIN gpkg_geometry_columns AS columns USING (table_name)
LEFT JOIN gpkg_spatial_ref_sys AS systems ON systems.srs_id = columns.srs_id
WHERE contents.data_type = 'features' ORDER BY contents.table_name
"""


def read(path: Path, layer: str | None = None) -> Iterator[Feature]:
    """The features of one layer, or of all where each is named after a kind of zones.

    Raises UnusableFile where it is no GeoPackage, damaged, in another coordinate system, or the layer is not clear.
    """
    # What another program has not yet written back stands beside it; without that, nothing may be written there.
    beside = path.with_name(f"{path.name}-wal")
    how = "mode=ro" if beside.exists() and beside.stat().st_size else "mode=ro&immutable=1"
    try:
        with closing(sqlite3.connect(f"file:{quote(str(path.absolute()))}?{how}", uri=True)) as database:
            database.text_factory = lambda text: text.decode("utf-8", "replace")
            end = time.monotonic() + LONGEST
            database.set_progress_handler(lambda: time.monotonic() > end, 100_000)
            for name, column, srs, *system in _choose(path, database.execute(LAYERS).fetchall(), layer):
                if srs != WGS_84:
                    stated = ":".join(map(str, system)) if None not in system else f"srs_id {srs}"
                    raise UnusableFile(wrong_system(path, stated))
                yield from _features(database, str(name), str(column))
    except (sqlite3.Error, ValueError, OverflowError) as error:  # ValueError: names that are no text
        raise UnusableFile(
            _("{path}: no GeoPackage, or a damaged one ({reason}); write or copy it again").format(
                path=shown(path), reason=shown(error)
            )
        ) from error


def _choose(path: Path, layers: list[tuple[object, ...]], wanted: str | None) -> list[tuple[object, ...]]:
    names = ", ".join(shown(name) for name, *_rest in layers)
    if wanted is not None:
        chosen = [layer for layer in layers if layer[0] == wanted]
        if not chosen:
            raise UnusableFile(
                _("{path}: there is no layer {layer}; there are: {names}").format(
                    path=shown(path), layer=shown(wanted), names=names or "-"
                )
            )
        return chosen
    if len(layers) > 1 and not all(name in KINDS for name, *_rest in layers):
        raise UnusableFile(
            _("{path}: several layers: {names}; name one with --layer").format(path=shown(path), names=names)
        )
    return layers


def _features(database: sqlite3.Connection, layer: str, column: str) -> Iterator[Feature]:
    quoted = layer.replace('"', '""')
    rows = database.execute(f'SELECT * FROM "{quoted}"')
    names = [name for name, *_rest in rows.description]
    for number, row in enumerate(rows, start=1):
        values = {name.lower(): value for name, value in zip(names, row, strict=True)}
        content = values.pop(column.lower(), None)
        if layer in KINDS:
            values.setdefault("kind", layer)
        place = _("layer {layer}, feature {number}").format(layer=shown(layer), number=number)
        try:
            yield Feature(place, values, build(parts(content)))
        except BadFeature as error:
            yield Feature(place, values, fault=error)


def parts(content: object) -> list[Rings]:
    """The polygons of a geometry as a GeoPackage keeps it (2.1.3). Raises BadFeature."""
    if content is None:
        raise BadFeature(_("it has no geometry"))
    if not isinstance(content, bytes) or len(content) < HEADER or content[:2] != b"GP":
        raise BadFeature(_("its geometry is wrong: {reason}").format(reason=_("no GeoPackage geometry")))
    flags = content[3]
    envelope = flags >> 1 & 0b111
    if flags & EXTENDED or envelope >= len(ENVELOPES):
        raise BadFeature(_("its geometry is wrong: {reason}").format(reason=_("of an unknown kind")))
    if flags & EMPTY:
        raise BadFeature(_("its geometry is empty"))
    (srs,) = struct.unpack_from("<i" if flags & 1 else ">i", content, 4)
    if srs != WGS_84:
        raise NoDegrees(_("its coordinates are in another system than its layer's (srs_id {srs})").format(srs=srs))
    try:
        return _Wkb(content, HEADER + ENVELOPES[envelope]).areas()
    except (struct.error, ValueError) as error:
        raise BadFeature(_("its geometry is wrong: {reason}").format(reason=_("it is cut short"))) from error


class _Wkb:
    """Well-known binary of polygons. GEOS is not asked to read it: deeply nested input makes that crash."""

    def __init__(self, content: bytes, start: int) -> None:
        self._content = content
        self._at = start
        self._order = "<"

    def areas(self) -> list[Rings]:
        """Raises BadFeature; struct.error and ValueError where it is cut short."""
        kind, numbers = self._head()
        if kind == POLYGON:
            return [self._rings(numbers)]
        if kind != MULTIPOLYGON:
            raise BadFeature(_("a {type} is no area; a Polygon or MultiPolygon is").format(type=f"WKB {kind}"))
        return [self._part() for _number in range(self._count())]

    def _part(self) -> Rings:
        kind, numbers = self._head()
        if kind != POLYGON:
            raise BadFeature(_("a {type} is no area; a Polygon or MultiPolygon is").format(type=f"WKB {kind}"))
        return self._rings(numbers)

    def _rings(self, numbers: int) -> Rings:
        return [self._ring(numbers) for _number in range(self._count())]

    def _ring(self, numbers: int) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
        length = self._count()
        places = np.frombuffer(self._content, f"{self._order}f8", length * numbers, self._at)
        self._at += places.nbytes
        return places.reshape(length, numbers)[:, :2].astype(np.float64)

    def _head(self) -> tuple[int, int]:
        """The kind of geometry, and how many numbers a position has."""
        self._order = "<" if self._content[self._at : self._at + 1] == b"\x01" else ">"
        self._at += 1
        kind = self._count()
        thousands, plain = divmod(kind & ~(Z | M), 1000)
        extra = (0, 1, 1, 2)[thousands] if thousands < 4 else 0  # noqa: PLR2004 - as ISO 19125 numbers them
        return plain if thousands < 4 else kind, 2 + extra + bool(kind & Z) + bool(kind & M)  # noqa: PLR2004

    def _count(self) -> int:
        (number,) = struct.unpack_from(f"{self._order}I", self._content, self._at)
        self._at += 4
        return int(number)
