"""Reports as a GeoPackage, read by GDAL, as every GIS does."""

from __future__ import annotations

import sqlite3
import struct
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pyogrio
import pytest

from agent.domain import Position
from agent.export import geopackage
from agent.store.store import Store
from tests.unit.builders import identifier, report


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """Three reports, the second without a position."""
    store = Store(tmp_path / "store")
    for number, position in enumerate(
        (Position("gnss", 43.3, 5.4, accuracy=3.5), Position("none"), Position("gnss", 43.1, 5.6)), start=1
    ):
        store.append(replace(report(number), position=position))
    store.outbox.reject([identifier(3)], "no such label")
    yield store
    store.close()


def test_gdal_reads_what_was_written(tmp_path: Path, store: Store) -> None:
    path = tmp_path / "out.gpkg"
    assert geopackage.write(path, store.outbox.entries()) == 3
    info = pyogrio.read_info(path)
    assert (info["layer_name"], info["geometry_type"], info["crs"]) == ("reports", "Point", "EPSG:4326")
    assert info["features"] == 3
    assert info["total_bounds"] == pytest.approx((5.4, 43.1, 5.6, 43.3))
    meta, numbers, shapes, fields = pyogrio.raw.read(path, return_fids=True)
    columns = dict(zip(meta["fields"], fields, strict=True))
    assert list(numbers) == [1, 2, 3]
    assert list(columns["id"]) == [identifier(number) for number in (1, 2, 3)]
    assert list(columns["state"]) == ["pending", "pending", "rejected"]
    assert columns["observed_at"].dtype.kind == "M"  # a time, not a text
    assert columns["reason"][2] == "no such label"
    assert shapes[1] is None
    # Well-known binary: little endian, a point, east, north.
    assert shapes[0] == struct.pack("<BIdd", 1, 1, 5.4, 43.3)


def test_no_report_makes_an_empty_layer(tmp_path: Path) -> None:
    assert geopackage.write(tmp_path / "out.gpkg", iter(())) == 0
    assert pyogrio.read_info(tmp_path / "out.gpkg")["features"] == 0


def test_the_file_says_what_it_is(tmp_path: Path, store: Store) -> None:
    path = tmp_path / "out.gpkg"
    geopackage.write(path, store.outbox.entries())
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA application_id").fetchone() == (0x47504B47,)
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert database.execute("PRAGMA foreign_key_check").fetchall() == []


def test_what_was_there_is_replaced_whole_or_not_at_all(tmp_path: Path, store: Store) -> None:
    path = tmp_path / "out.gpkg"
    path.write_bytes(b"before")

    def broken() -> Iterator[object]:
        yield next(iter(store.outbox.entries()))
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        geopackage.write(path, broken())  # type: ignore[arg-type]
    assert path.read_bytes() == b"before"
    assert [one.name for one in tmp_path.iterdir() if one.is_file()] == ["out.gpkg"]
