"""Reports as a GeoPackage 1.3 (OGC 12-128r17), which every GIS opens: one layer of points.

Written here, since GDAL would take more than the rest of the device together.
"""

from __future__ import annotations

import sqlite3
import struct
from collections.abc import Iterable
from contextlib import closing
from datetime import UTC
from pathlib import Path

from agent.export.target import replacing
from agent.store.outbox import Entry
from agent.sync.messages import timestamp

APPLICATION_ID = 0x47504B47  # "GPKG"
VERSION = 10300
WGS_84 = 4326
LAYER = "reports"

SCRIPT = f"""
PRAGMA application_id = {APPLICATION_ID};
PRAGMA user_version = {VERSION};
CREATE TABLE gpkg_spatial_ref_sys (
    srs_name TEXT NOT NULL, srs_id INTEGER NOT NULL PRIMARY KEY, organization TEXT NOT NULL,
    organization_coordsys_id INTEGER NOT NULL, definition TEXT NOT NULL, description TEXT
);
INSERT INTO gpkg_spatial_ref_sys VALUES
    ('WGS 84', {WGS_84}, 'EPSG', {WGS_84}, 'GEOGCS["WGS 84",DATUM["WGS_1984",SPHEROID["WGS 84",6378137,298.257223563,'
     || 'AUTHORITY["EPSG","7030"]],AUTHORITY["EPSG","6326"]],PRIMEM["Greenwich",0,AUTHORITY["EPSG","8901"]],'
     || 'UNIT["degree",0.0174532925199433,AUTHORITY["EPSG","9122"]],AUTHORITY["EPSG","4326"]]', NULL),
    ('Undefined cartesian SRS', -1, 'NONE', -1, 'undefined', NULL),
    ('Undefined geographic SRS', 0, 'NONE', 0, 'undefined', NULL);
CREATE TABLE gpkg_contents (
    table_name TEXT NOT NULL PRIMARY KEY, data_type TEXT NOT NULL, identifier TEXT UNIQUE, description TEXT DEFAULT '',
    last_change DATETIME NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    min_x DOUBLE, min_y DOUBLE, max_x DOUBLE, max_y DOUBLE,
    srs_id INTEGER REFERENCES gpkg_spatial_ref_sys (srs_id)
);
CREATE TABLE gpkg_geometry_columns (
    table_name TEXT NOT NULL UNIQUE REFERENCES gpkg_contents (table_name), column_name TEXT NOT NULL,
    geometry_type_name TEXT NOT NULL, srs_id INTEGER NOT NULL REFERENCES gpkg_spatial_ref_sys (srs_id),
    z TINYINT NOT NULL, m TINYINT NOT NULL, PRIMARY KEY (table_name, column_name)
);
CREATE TABLE {LAYER} (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, geometry POINT, id TEXT NOT NULL, device TEXT NOT NULL,
    state TEXT NOT NULL, reason TEXT, observed_at DATETIME NOT NULL, label TEXT NOT NULL, probability DOUBLE NOT NULL,
    decision TEXT NOT NULL, severity TEXT NOT NULL, frames INTEGER NOT NULL, position_source TEXT NOT NULL,
    accuracy_m DOUBLE, commune TEXT, team TEXT
);
INSERT INTO gpkg_contents (table_name, data_type, identifier, srs_id)
    VALUES ('{LAYER}', 'features', '{LAYER}', {WGS_84});
INSERT INTO gpkg_geometry_columns VALUES ('{LAYER}', 'geometry', 'POINT', {WGS_84}, 0, 0);
"""
EXTENT = "UPDATE gpkg_contents SET min_x = ?, min_y = ?, max_x = ?, max_y = ?"


def write(path: Path, entries: Iterable[Entry]) -> int:
    """How many were written. Raises OSError and StoreError; then there is no half file."""
    with replacing(path) as partial:
        partial.unlink(missing_ok=True)
        try:
            return _write(partial, entries)
        except sqlite3.Error as error:
            raise OSError(0, str(error)) from error


def _write(path: Path, entries: Iterable[Entry]) -> int:
    number = 0
    places: list[tuple[float, float]] = []
    with closing(sqlite3.connect(path)) as database:
        # Off: it is there whole or not at all, and a stick is slow.
        database.execute("PRAGMA synchronous = off")
        database.executescript(SCRIPT)
        for entry in entries:
            position = entry.report.position
            place = None
            if position.lon is not None and position.lat is not None:
                place = position.lon, position.lat
                places = _extent([*places, place])
            row = _row(entry, place)
            database.execute(f"INSERT INTO {LAYER} VALUES ({', '.join('?' * len(row))})", row)
            number += 1
        if places:
            (west, south), (east, north) = places
            database.execute(EXTENT, (west, south, east, north))
        database.commit()
    return number


def _extent(places: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """The south-west and the north-east corner around these."""
    across, along = zip(*places, strict=True)
    return [(min(across), min(along)), (max(across), max(along))]


def _row(entry: Entry, place: tuple[float, float] | None) -> tuple[object, ...]:
    report = entry.report
    return (
        entry.sequence,
        None if place is None else _point(*place),
        report.id,
        report.device,
        entry.state,
        entry.reason,
        timestamp(report.observed_at.astimezone(UTC)),
        report.label,
        report.probability,
        report.decision,
        report.severity,
        report.frames,
        report.position.source,
        report.position.accuracy,
        report.commune,
        report.team,
    )


def _point(east: float, north: float) -> bytes:
    """GeoPackageBinary (2.1.3) without envelope, little endian, around a WKB point."""
    header = struct.pack("<2sBBi", b"GP", 0, 0b00000001, WGS_84)
    return header + struct.pack("<BIdd", 1, 1, east, north)
