"""What is taken of a file of zones, and what is said of the rest."""

from __future__ import annotations

import json
import os
import sqlite3
import struct
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import shapely

from agent.zones import intake
from agent.zones.feature import UnusableFile
from agent.zones.intake import Intake
from agent.zones.zone import area
from tests.unit.zone_files import collection, feature, geopackage, square

BOW_TIE = [(5.0, 43.0), (5.01, 43.01), (5.01, 43.0), (5.0, 43.01), (5.0, 43.0)]


def taken(path: Path, kind: str | None = None) -> Intake:
    return intake.examine(intake.read(path), kind)


def refusal(path: Path, layer: str | None = None) -> str:
    with pytest.raises(UnusableFile) as error:
        intake.read(path, layer)
    assert error.value.exit_code == 1
    sentence, nothing = str(error.value).split("\n")
    assert nothing == "Nothing was changed."
    return sentence


@pytest.mark.parametrize(
    ("properties", "code", "name"),
    [
        ({"code": "13001", "nom": "Aix"}, "13001", "Aix"),
        ({"INSEE_COM": "2a004", "NOM": " Ajaccio "}, "2A004", "Ajaccio"),
        ({"insee": 1004, "libelle": "Ambérieu"}, "01004", "Ambérieu"),
        ({"code": "13", "code_insee": "13001", "name": "Aix"}, "13001", "Aix"),
        ({"code": "13001", "nom": None, "name": "Aix"}, "13001", "Aix"),
    ],
)
def test_code_and_name_are_found_under_the_names_that_are_in_use(
    tmp_path: Path, properties: dict[str, Any], code: str, name: str
) -> None:
    (zone,) = taken(collection(tmp_path / "z", feature(square(0, 0), **properties))).zones
    assert (zone.kind, zone.code, zone.name) == ("commune", code, name)


def test_a_zone_says_what_it_is_or_is_told(tmp_path: Path) -> None:
    path = collection(tmp_path / "z", feature(square(0, 0), kind="no_capture", name="École", code="13001"))
    (zone,) = taken(path).zones
    assert (zone.kind, zone.code, zone.name) == ("no_capture", None, "École")
    assert taken(path, "statistics").zones[0].kind == "statistics"
    assert taken(path, "commune").zones[0].code == "13001"


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ({"geometry": None}, "it has no geometry"),
        ({"geometry": {"type": "Point", "coordinates": [5, 43]}}, "a Point is no area"),
        ({"geometry": {"type": "GeometryCollection", "geometries": []}}, "a GeometryCollection is no area"),
        ({"geometry": {"type": "Polygon", "coordinates": []}}, "its geometry is empty"),
        ({"geometry": {"type": "MultiPolygon", "coordinates": [[], []]}}, "its geometry is empty"),
        ({"geometry": {"type": "Polygon", "coordinates": [[]]}}, "a ring of fewer than three corners"),
        ({"geometry": {"type": "Polygon", "coordinates": [[[5, 43], [6, 43]]]}}, "a ring of fewer than three corners"),
        ({"geometry": {"type": "Polygon", "coordinates": [[[5], [6, 43]]]}}, "a position of fewer than two numbers"),
        ({"geometry": {"type": "Polygon", "coordinates": [[[5, 43], [6, 43], [7, 43]]]}}, "encloses no area"),
        ({"geometry": {"type": "Polygon", "coordinates": [[[5, 43], [6, 43], [5, 43]]]}}, "fewer than three corners"),
        ({"geometry": {"type": "Polygon", "coordinates": [[[5, 43]] * 4]}}, "encloses no area"),
        ({"geometry": {"type": "Polygon", "coordinates": [[["5", 43]]]}}, "its geometry is wrong: Expected `float`"),
        ({"geometry": {"type": "Polygon"}}, "its geometry is wrong"),
        ({"geometry": 7}, "its geometry is wrong"),
        ({"geometry": {"type": "Polygon", "coordinates": [square(0, 0, 1e-4)]}}, "km² is no size for a zone"),
        ({"geometry": {"type": "Polygon", "coordinates": [square(0, 0, 2000)]}}, "km² is no size for a zone"),
        ({"geometry": {"type": "Polygon", "coordinates": [square(90000, 0)]}}, "its coordinates are not on the globe"),
        ({"type": "Point"}, "no GeoJSON Feature (type: Point)"),
        ({"properties": None}, "its kind (-) is none of commune, no_capture, statistics; say with --kind"),
        ({"properties": {"kind": "school", "name": "x"}}, "its kind (school) is none of"),
        ({"properties": {"kind": ["commune"]}}, "its kind (['commune']) is none of"),
        ({"properties": {"kind": "commune", "name": "x"}}, "no INSEE code of 5 characters, but -"),
        ({"properties": {"kind": "commune", "name": "x", "code": "1300"}}, "5 characters, but 1300"),
        ({"properties": {"kind": "commune", "name": "x", "code": "1\x1b[2J"}}, "but '1\\x1b[2j'".upper()),
        ({"properties": {"kind": "commune", "code": "13001"}}, "no name, or none of at most 100 characters"),
        ({"properties": {"kind": "statistics", "name": "x" * 101}}, "no name, or none of at most 100 characters"),
        ({"properties": {"kind": "statistics", "name": "a\nb"}}, "no name, or none of at most 100 characters"),
        ({"properties": {"kind": "commune", "code": "13001", "nom": "x"}}, "the same code as feature 1"),
    ],
)
def test_a_feature_that_can_not_be_a_zone_is_named_with_the_reason(
    tmp_path: Path, changed: dict[str, Any], fault: str
) -> None:
    good = feature(square(0, 0), kind="commune", code="13001", nom="Aix")
    bad = {**feature(square(1, 0), kind="commune", code="13002", nom="Allauch"), **changed}
    found = taken(collection(tmp_path / "z", good, bad))
    assert [zone.code for zone in found.zones] == ["13001"]
    assert len(found.faults) == 1
    assert found.faults[0].startswith("feature 2")
    assert fault.lower() in found.faults[0].lower()
    assert found.faults[0].isprintable()


def test_holes_several_parts_and_a_third_dimension_are_taken(tmp_path: Path) -> None:
    parts = [[square(0, 0, 3), square(1, 1)], [square(5, 5)]]
    high = [[[(*place, 120.0) for place in ring] for ring in part] for part in parts]
    one = feature(square(0, 0), kind="statistics", name="x")
    one["geometry"] = {"type": "MultiPolygon", "coordinates": high}
    found = taken(collection(tmp_path / "z", one))
    (zone,) = found.zones
    assert (found.repaired, zone.geometry.has_z) == ((), False)
    assert zone.geometry.equals(shapely.MultiPolygon([(part[0], part[1:]) for part in parts]))


@pytest.mark.parametrize(
    ("rings", "fault", "inside", "outside"),
    [
        ([BOW_TIE], "Self-intersection", (0.8, 0.5), (0.5, 0.9)),
        ([square(0, 0), square(0.5, 0.5, 2)], "", (0.2, 0.2), (0.8, 0.8)),
    ],
)
def test_an_invalid_geometry_is_repaired_and_that_is_said(
    tmp_path: Path,
    rings: list[list[tuple[float, float]]],
    fault: str,
    inside: tuple[float, float],
    outside: tuple[float, float],
) -> None:
    found = taken(collection(tmp_path / "z", feature(*rings, kind="statistics", name="x")))
    (zone,) = found.zones
    assert found.repaired[0].startswith(f"feature 1 (x): {fault}")
    assert zone.geometry.is_valid
    assert zone.geometry.covers(shapely.Point(5 + inside[0] / 100, 43 + inside[1] / 100))
    assert not zone.geometry.covers(shapely.Point(5 + outside[0] / 100, 43 + outside[1] / 100))


def test_what_two_parts_cover_is_not_made_a_hole(tmp_path: Path) -> None:
    one = feature(square(0, 0), kind="no_capture", name="x")
    one["geometry"] = {"type": "MultiPolygon", "coordinates": [[square(0, 0, 2)], [square(1, 1, 2)]]}
    found = taken(collection(tmp_path / "z", one))
    assert found.zones[0].geometry.covers(shapely.Point(5.015, 43.015))
    assert len(found.repaired) == 1


def test_communes_that_overlap_are_named_and_slivers_are_not(tmp_path: Path) -> None:
    communes = [
        feature(square(0, 0, 2), code="13001", nom="A"),
        feature(square(1.9999, 0, 2), code="13002", nom="B"),
        feature(square(3, 1, 2), code="13003", nom="C"),
        feature(square(0, 0, 2), kind="statistics", name="D"),
    ]
    assert taken(collection(tmp_path / "z", *communes)).overlaps == (
        "B (13002) and C (13003): 25.0% of the smaller one",
    )


@pytest.mark.parametrize("name", ["urn:ogc:def:crs:OGC:1.3:CRS84", "EPSG:4326", "urn:ogc:def:crs:EPSG::4326"])
def test_degrees_of_wgs_84_may_be_stated(tmp_path: Path, name: str) -> None:
    crs = {"type": "name", "properties": {"name": name}}
    assert taken(collection(tmp_path / "z", feature(square(0, 0), code="13001", nom="A"), crs=crs)).zones


@pytest.mark.parametrize(
    ("crs", "said"),
    [
        ({"properties": {"name": "urn:ogc:def:crs:EPSG::2154"}}, "are EPSG:2154, not degrees"),
        ({"properties": {"name": "EPSG:14326"}}, "are EPSG:14326, not degrees"),
        ({"properties": {"name": "Lambert\x1b"}}, "are 'Lambert\\x1b', not degrees of WGS 84 (EPSG:4326); convert"),
        ({"type": "link"}, 'are {"type":"link"}, not degrees'),
        ("EPSG:2154", "not degrees"),
    ],
)
def test_another_coordinate_system_is_refused_with_what_converts_it(tmp_path: Path, crs: object, said: str) -> None:
    path = collection(tmp_path / "my zones.json", feature(square(0, 0), code="13001", nom="A"), crs=crs)
    sentence = refusal(path)
    assert said in sentence
    assert f" -t_srs EPSG:4326 '{tmp_path}/my zones-wgs84.geojson' '{path}'" in sentence


def test_metres_without_a_word_are_refused_with_what_converts_them(tmp_path: Path) -> None:
    lambert = [(892_000, 6_247_000), (893_000, 6_247_000), (893_000, 6_248_000), (892_000, 6_247_000)]
    path = collection(tmp_path / "z.json", feature(lambert, code="13001", nom="A"))
    assert "for instance from Lambert-93: ogr2ogr -s_srs EPSG:2154 -t_srs EPSG:4326" in refusal(path)


GOOD = json.dumps({"type": "FeatureCollection", "features": [feature(square(0, 0), code="13001", nom="A")]}).encode()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "neither GeoJSON nor a GeoPackage"),
        (GOOD[:-20], "neither GeoJSON nor a GeoPackage, or cut short (Input data was truncated)"),
        (GOOD.replace(b"43.0", b"NaN"), "neither GeoJSON nor a GeoPackage"),
        (b"PK\x03\x04", "neither GeoJSON nor a GeoPackage"),
        (GOOD.decode().encode("utf-16"), "neither GeoJSON nor a GeoPackage"),
        (b'{"type":"FeatureCollection","features":' + b"[" * 200_000, "neither GeoJSON nor a GeoPackage"),
        (b"[1]", "no GeoJSON FeatureCollection"),
        (b'{"type":"Topology"}', "no GeoJSON FeatureCollection"),
        (GOOD.replace(b"FeatureCollection", b"Features"), "no GeoJSON FeatureCollection (type: Features)"),
        (b'{"type":"FeatureCollection","features":[]}', "there is no zone in it"),
        (b"SQLite format 3\x00", "no GeoPackage, or a damaged one"),
    ],
)
def test_a_file_that_is_none_is_a_sentence(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "z"
    path.write_bytes(content)
    assert refusal(path).startswith(f"{path}: {said}")


def test_deep_nesting_is_a_fault_of_its_feature(tmp_path: Path) -> None:
    path = tmp_path / "z"
    deep = b'{"type":"Feature","geometry":{"type":"Polygon","coordinates":' + b"[" * 900 + b"]" * 900 + b"}}"
    path.write_bytes(GOOD.replace(b'"features": [', b'"features": [' + deep + b","))
    found = taken(path)
    assert (len(found.zones), len(found.faults)) == (1, 1)


def test_a_byte_order_mark_is_no_fault(tmp_path: Path) -> None:
    (tmp_path / "z").write_bytes(b"\xef\xbb\xbf" + GOOD)
    assert len(taken(tmp_path / "z").zones) == 1


def test_what_can_not_be_read_is_a_sentence(tmp_path: Path) -> None:
    assert refusal(tmp_path / "nowhere").endswith(
        "nowhere: can not be read (there is no such file); check the name, and who may read it"
    )
    assert "(it is no file)" in refusal(tmp_path)
    assert "(it is no file)" in refusal(Path("/dev/zero"))
    os.mkfifo(tmp_path / "pipe")
    assert "(it is no file)" in refusal(tmp_path / "pipe")
    with (tmp_path / "huge").open("wb") as file:
        file.truncate(500_000_000)
    assert "larger than 100 MB" in refusal(tmp_path / "huge")
    assert "only a GeoPackage has layers" in refusal(collection(tmp_path / "z"), "communes")


def test_more_zones_than_any_country_has_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "MOST", 2)
    path = collection(tmp_path / "z", *[feature(square(0, 0), name="x") for _number in range(3)])
    assert "more than 2 zones" in refusal(path)


AREA = shapely.Polygon(square(0, 0, 3), [square(1, 1)])


def measured(kind: str, more: str) -> Any:
    """The same area with further numbers at each position."""
    rings = (", ".join(f"{lon} {lat} {more}" for lon, lat in ring) for ring in (square(0, 0, 3), square(1, 1)))
    return shapely.from_wkt(f"POLYGON {kind} ({', '.join(f'({ring})' for ring in rings)})")


@pytest.mark.parametrize(
    "geometry",
    [
        AREA,
        shapely.MultiPolygon([AREA, shapely.Polygon(square(5, 5))]),
        shapely.force_3d(AREA, 10.0),
        measured("M", "1"),
        measured("ZM", "10 1"),
    ],
    ids=["polygon", "multipolygon", "z", "m", "zm"],
)
def test_a_geopackage_of_gdal_is_taken(tmp_path: Path, geometry: Any) -> None:
    path = geopackage(tmp_path / "z.gpkg", [geometry], code=["13001"], nom=["Aix-en-Provence"])
    (zone,) = taken(path).zones
    assert (zone.kind, zone.code, zone.name) == ("commune", "13001", "Aix-en-Provence")
    assert zone.geometry.equals(shapely.force_2d(geometry))


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(("envelope", "size"), [(0, 0), (1, 4), (2, 6), (3, 6), (4, 8)])
def test_every_header_of_a_geopackage_geometry_is_understood(
    tmp_path: Path, order: str, envelope: int, size: int
) -> None:
    path = geopackage(tmp_path / "z.gpkg", [AREA], code=["13001"], nom=["Aix"])
    header = struct.pack(f"{order}2sBBi{size}d", b"GP", 0, (order == "<") | envelope << 1, 4326, *[0.0] * size)
    put(path, header + shapely.to_wkb(AREA, byte_order=order == "<"))
    assert taken(path).zones[0].geometry.equals(AREA)


HEADER = struct.pack("<2sBBi", b"GP", 0, 1, 4326)
WKB = shapely.to_wkb(AREA, byte_order=1)
NESTED = struct.pack("<BII", 1, 6, 1)


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (None, "it has no geometry"),
        ("text", "no GeoPackage geometry"),
        (b"GP", "no GeoPackage geometry"),
        (b"PG" + HEADER[2:] + WKB, "no GeoPackage geometry"),
        (HEADER, "it is cut short"),
        (HEADER + WKB[:-1], "it is cut short"),
        (HEADER + WKB[:5] + b"\xff\xff\xff\xff" + WKB[9:], "it is cut short"),
        (HEADER + WKB[:9] + b"\xff\xff\xff\xff" + WKB[13:], "it is cut short"),
        (HEADER[:3] + b"\x0b" + HEADER[4:] + WKB, "of an unknown kind"),  # an envelope of code 5
        (HEADER[:3] + b"\x21" + HEADER[4:] + WKB, "of an unknown kind"),  # extended
        (HEADER[:3] + b"\x11" + HEADER[4:] + WKB, "its geometry is empty"),
        (HEADER + struct.pack("<BIdd", 1, 1, 5, 43), "a WKB 1 is no area"),
        (HEADER + NESTED * 100_000, "a WKB 6 is no area"),
        (HEADER + WKB.replace(struct.pack("<d", 5.0), struct.pack("<d", float("nan"))), "a coordinate is no number"),
        (HEADER + WKB.replace(struct.pack("<d", 5.0), struct.pack("<d", float("inf"))), "a coordinate is no number"),
    ],
)
def test_a_geometry_that_is_none_is_a_fault_of_its_feature(tmp_path: Path, content: object, fault: str) -> None:
    path = geopackage(tmp_path / "z.gpkg", [AREA, AREA], code=["13001", "13002"], nom=["Aix", "Allauch"])
    put(path, content)
    found = taken(path)
    assert [zone.code for zone in found.zones] == ["13002"]
    assert found.faults[0].startswith("layer zones, feature 1 (Aix): ")
    assert fault in found.faults[0]


def put(path: Path, content: object) -> None:
    """Into the first feature, as its geometry."""
    with closing(sqlite3.connect(path)) as database:
        for (trigger,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            database.execute(f'DROP TRIGGER "{trigger}"')  # of GDAL's spatial index, whose functions are its own
        database.execute("UPDATE zones SET geom = ? WHERE fid = 1", (content,))
        database.commit()


def test_a_geopackage_in_another_system_is_refused_with_what_converts_it(tmp_path: Path) -> None:
    path = geopackage(tmp_path / "z.gpkg", [AREA], crs="EPSG:2154", code=["13001"], nom=["Aix"])
    assert "are EPSG:2154, not degrees of WGS 84 (EPSG:4326); convert it: ogr2ogr -s_srs EPSG:2154" in refusal(path)


def test_a_layer_named_after_a_kind_is_of_that_kind(tmp_path: Path) -> None:
    path = geopackage(tmp_path / "z.gpkg", [AREA], "no_capture", name=["École"])
    geopackage(path, [AREA], "statistics", append=True, name=["Foire"])
    assert [(zone.kind, zone.name) for zone in taken(path).zones] == [("no_capture", "École"), ("statistics", "Foire")]


def test_of_several_layers_one_is_to_be_named(tmp_path: Path) -> None:
    path = geopackage(tmp_path / "z.gpkg", [AREA], "COMMUNE", INSEE_COM=["13001"], NOM=["Aix"])
    geopackage(path, [AREA], "DEPARTEMENT", append=True, INSEE_DEP=["13"], NOM=["Bouches-du-Rhône"])
    assert "several layers: COMMUNE, DEPARTEMENT; name one with --layer" in refusal(path)
    assert "there is no layer EPCI; there are: COMMUNE, DEPARTEMENT" in refusal(path, "EPCI")
    assert [zone.name for zone in intake.examine(intake.read(path, "COMMUNE")).zones] == ["Aix"]


def test_a_database_that_is_no_geopackage_is_a_sentence(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "z.gpkg")) as database:
        database.execute("CREATE TABLE x (y)")
        database.commit()
    assert "no GeoPackage, or a damaged one (no such table: gpkg_contents)" in refusal(tmp_path / "z.gpkg")


def test_nothing_is_written_beside_a_geopackage(tmp_path: Path) -> None:
    path = geopackage(tmp_path / "z.gpkg", [AREA], code=["13001"], nom=["Aix"])
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA journal_mode = wal")  # as QGIS leaves it
    assert len(taken(path).zones) == 1
    assert [one.name for one in tmp_path.iterdir()] == ["z.gpkg"]


def test_an_endless_question_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = geopackage(tmp_path / "z.gpkg", [AREA], code=["13001"], nom=["Aix"])
    with closing(sqlite3.connect(path)) as database:
        database.execute("ALTER TABLE zones RENAME TO kept")
        database.execute(
            "CREATE VIEW zones AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "
            "SELECT i AS fid, NULL AS geom, '13001' AS code FROM n WHERE i < 0"
        )
        database.commit()
    monkeypatch.setattr("agent.zones.geopackage.LONGEST", 0.0)
    assert "no GeoPackage, or a damaged one (interrupted)" in refusal(path)


def test_sizes_are_in_square_metres() -> None:
    assert area(shapely.Polygon(square(0, 0))) == pytest.approx(1111.95**2 * 0.7313, rel=0.01)
