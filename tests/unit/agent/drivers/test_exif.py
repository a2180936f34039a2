"""Positions and times as cameras and phones write them into their pictures."""

from __future__ import annotations

import logging
import os
import struct
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agent.drivers.pictures import Picture, capture_time, read_picture
from tests.unit.agent.drivers.picture_files import (
    MARSEILLE,
    Field,
    Gps,
    chunk,
    directory,
    encoded,
    exif,
    jpeg_with,
    png_with,
    quarters,
    webp_with,
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "picture"


def photograph(file: Path, tiff: bytes) -> Picture:
    file.write_bytes(jpeg_with(tiff, encoded(quarters())))
    return read_picture(file, 48)


def test_the_fix_of_a_photograph(file: Path) -> None:
    fix = photograph(file, exif(gps={**MARSEILLE, 31: ((475, 100),)})).fix
    assert fix is not None
    assert (fix.lat, fix.lon) == pytest.approx((43.2965, 5.3698))
    assert fix.at == datetime(2026, 11, 1, 9, 30, 15, 500_000, UTC)
    assert (fix.monotonic, fix.eph) == (0.0, 4.75)


@pytest.mark.parametrize("suffix", [".png", ".webp"])
def test_the_fix_of_other_formats(file: Path, suffix: str) -> None:
    data, tiff = encoded(quarters(), suffix), exif(gps=MARSEILLE)
    data = png_with(chunk(b"eXIf", tiff), data) if suffix == ".png" else webp_with(b"Exif\0\0" + tiff, data, 64, 48)
    file.write_bytes(data)
    fix = read_picture(file, 48).fix
    assert fix is not None
    assert fix.lat == pytest.approx(43.2965)


def test_the_south_and_the_west_are_negative(file: Path) -> None:
    fix = photograph(file, exif(gps={**MARSEILLE, 1: "S", 3: "W"})).fix
    assert fix is not None
    assert (fix.lat, fix.lon) == pytest.approx((-43.2965, -5.3698))


ZERO = ((0, 1), (0, 1), (0, 1))
NONSENSE: list[Gps] = [
    {2: ZERO, 4: ZERO},
    {2: ((91, 1), (0, 1), (0, 1))},
    {4: ((180, 1), (0, 1), (1, 1))},
    {2: ((0, 0), (0, 0), (0, 0))},
    {2: ((43, 1), (75, 1), (0, 1))},
    {2: ((43, 1),)},
    {2: "43.2965"},
    {1: ""},
    {1: "E"},
    {3: "NE"},
    {9: "V"},
]


@pytest.mark.parametrize("gps", NONSENSE, ids=str)
def test_a_position_that_can_not_be_is_no_fix(file: Path, gps: Gps) -> None:
    assert photograph(file, exif(gps={**MARSEILLE, **gps})).fix is None


def test_the_cameras_clock_with_its_offset_comes_before_the_satellites(file: Path) -> None:
    picture = photograph(file, exif(taken="2026:11:01 10:30:20", offset="+01:00", gps=MARSEILLE))
    assert picture.captured_at == datetime(2026, 11, 1, 9, 30, 20, tzinfo=UTC)
    assert capture_time(file) == picture.captured_at


@pytest.mark.parametrize(
    ("taken", "offset"),
    [
        ("2026:11:01 10:30:20", ""),
        ("0000:00:00 00:00:00", "+01:00"),
        ("0001:01:01 00:00:00", "+14:00"),
        ("yes", "Z"),
        ("9999:12:31 23:59:59", "-14:00"),
        ("1970:01:01 00:00:00", "+00:00"),
    ],
)
def test_a_time_without_offset_or_sense_is_none_and_the_fix_then_has_the_files(
    file: Path, taken: str, offset: str
) -> None:
    places = {tag: value for tag, value in MARSEILLE.items() if tag not in (7, 29)}
    file.write_bytes(jpeg_with(exif(taken=taken, offset=offset, gps=places), encoded(quarters())))
    os.utime(file, (1_800_000_000, 1_800_000_000))
    picture = read_picture(file, 16)
    assert picture.captured_at is None
    assert picture.fix is not None
    assert picture.fix.at == datetime.fromtimestamp(1_800_000_000, UTC)
    assert photograph(file, exif(taken=taken, offset=offset, gps=MARSEILLE)).captured_at is not None


def test_directories_that_refer_to_one_another_without_end_cost_the_exif_and_not_the_picture(file: Path) -> None:
    fields: list[Field] = [(0x8825, 4, 1, struct.pack("<I", 8))] * 2000
    picture = photograph(file, b"II*\0\x08\0\0\0" + directory(8, [*fields, (0xA005, 4, 1, struct.pack("<I", 8))]))
    assert picture.fix is None
    assert picture.pixels.size


def test_exif_that_is_damaged_anywhere_costs_no_more_than_itself(file: Path) -> None:
    tiff = exif(6, "2026:11:01 10:30:20", "+01:00", MARSEILLE)
    for at in range(0, len(tiff), 3):
        assert photograph(file, tiff[:at] + b"\xff" + tiff[at + 1 :]).pixels.size
        assert photograph(file, tiff[:at]).pixels.size


def test_a_file_may_be_dated_in_any_year(file: Path) -> None:
    file.write_bytes(jpeg_with(exif(gps=MARSEILLE), encoded(quarters())))
    os.utime(file, (2**40, 2**40))
    assert read_picture(file, 224).fix is not None


def test_a_position_stays_out_of_the_logs(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        photograph(file, exif(gps=MARSEILLE))
    assert not caplog.records
