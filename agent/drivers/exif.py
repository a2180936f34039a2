"""What a picture's EXIF says of where, when and which way up it was taken."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import exifread

from agent.domain import Fix

# exifread writes the position at level DEBUG, and positions stay out of logs.
logging.getLogger("exifread").setLevel(logging.CRITICAL)

# Markers of JPEG (ITU-T T.81, table B.1).
SCAN = 0xDA
_APP1 = 0xE1
_WITHOUT_LENGTH = frozenset(range(0xD0, 0xDA)) | {0x00, 0x01, 0xFF}
_SIXTY = 60  # minutes in a degree, seconds in a minute
_YEARS = range(1995, 2100)  # since EXIF is


def segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Marker, start and end of each segment of a JPEG up to the first scan."""
    at = data.find(b"\xff", 2)
    while 0 <= at <= len(data) - 4:
        marker = data[at + 1]
        if marker in _WITHOUT_LENGTH:
            at = data.find(b"\xff", at + 1)
            continue
        end = at + 2 + max(2, int.from_bytes(data[at + 2 : at + 4], "big"))
        yield marker, at + 4, end
        if marker == SCAN:
            return
        at = data.find(b"\xff", end)


class _Budgeted(io.BytesIO):
    """Ends the reading of an EXIF whose directories refer to one another without end."""

    budget = 1_000_000  # bytes, with 16 for each call; a phone's EXIF takes a fortieth

    def read(self, size: int | None = -1, /) -> bytes:
        found = super().read(size)
        self.budget -= len(found) + 16
        if self.budget < 0:
            raise ValueError
        return found


def is_tiff(data: bytes) -> bool:
    return data.startswith((b"II*\0", b"MM\0*"))


def _exif(data: bytes) -> bytes:
    """The TIFF structure that is the EXIF of a picture; empty where there is none."""
    if data.startswith(b"\xff\xd8"):
        bodies = (data[start:end] for marker, start, end in segments(data) if marker == _APP1)
        return next((body[6:] for body in bodies if body.startswith(b"Exif\0\0")), b"")
    if data.startswith(b"\x89PNG"):
        return data.partition(b"eXIf")[2]
    if data.startswith(b"RIFF"):
        return data.partition(b"EXIF")[2][4:].removeprefix(b"Exif\0\0")
    return data if is_tiff(data) else b""


def read_tags(data: bytes) -> dict[str, Any]:
    """exifread's tags by name; none for a picture without EXIF, which costs no call of exifread."""
    exif = _exif(data)
    if not is_tiff(exif):
        return {}
    try:
        return dict(exifread.process_file(_Budgeted(exif), details=False, extract_thumbnail=False))
    except Exception:  # noqa: BLE001 - exifread lets through whatever a malformed directory leads to
        return {}


def _text(tags: dict[str, Any], name: str) -> str:
    value = getattr(tags.get(name), "values", "")
    return value.strip() if isinstance(value, str) else ""


def numbers(tags: dict[str, Any], name: str) -> tuple[float, ...]:
    """A tag's numbers; none where one of them has no value, such as 0/0."""
    try:
        return tuple(float(value) for value in tags[name].values)
    except (KeyError, TypeError, ValueError, ZeroDivisionError, OverflowError):
        return ()


def captured_at(tags: dict[str, Any]) -> datetime | None:
    """The camera's clock where it tells its offset, else the satellites', which may be minutes old."""
    local = _text(tags, "EXIF DateTimeOriginal")
    offset = _text(tags, "EXIF OffsetTimeOriginal") or _text(tags, "EXIF OffsetTime")
    digits = _text(tags, "EXIF SubSecTimeOriginal")
    try:
        return _instant(f"{local} {offset}") + timedelta(seconds=float(f"0.{digits if digits.isdecimal() else 0}"))
    except ValueError:
        return _satellite_time(tags)


def _satellite_time(tags: dict[str, Any]) -> datetime | None:
    try:
        hours, minutes, seconds = numbers(tags, "GPS GPSTimeStamp")
        clock = timedelta(hours=hours, minutes=minutes, seconds=seconds)
        day = _instant(_text(tags, "GPS GPSDate") + " 00:00:00 +0000")
        return day + clock if timedelta(0) <= clock <= timedelta(days=1) else None
    except (ValueError, OverflowError):
        return None


def _instant(text: str) -> datetime:
    """A time with its offset as EXIF writes it. Raises ValueError for what no camera's clock can have shown."""
    at = datetime.strptime(text, "%Y:%m:%d %H:%M:%S %z")
    if at.year not in _YEARS:
        raise ValueError
    return at.astimezone(UTC)


def fix_of(tags: dict[str, Any], otherwise_at: datetime) -> Fix | None:
    """The position, where both halves are in range, are not (0, 0) and the receiver vouched for them."""
    lat = _angle(tags, "GPS GPSLatitude", "NS", 90)
    lon = _angle(tags, "GPS GPSLongitude", "EW", 180)
    if lat is None or lon is None or (lat, lon) == (0, 0) or _text(tags, "GPS GPSStatus") == "V":
        return None
    # GPSHPositioningError, metres, of EXIF 2.31: exifread has no name for it.
    error = next(iter(numbers(tags, "GPS Tag 0x001F")), 0.0)
    at = _satellite_time(tags) or otherwise_at
    return Fix(lat, lon, at, monotonic=0.0, eph=error if error > 0 else None)


def _angle(tags: dict[str, Any], name: str, references: str, limit: int) -> float | None:
    """Degrees, minutes and seconds as degrees, negative for the second of the two references."""
    sign = {references[0]: 1, references[1]: -1}.get(_text(tags, f"{name}Ref").upper())
    try:
        degrees, minutes, seconds = numbers(tags, name)
    except ValueError:
        return None
    value = degrees + minutes / _SIXTY + seconds / _SIXTY**2
    if sign is None or min(degrees, minutes, seconds) < 0 or max(minutes, seconds) > _SIXTY or value > limit:
        return None
    return sign * value
