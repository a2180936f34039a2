"""Reads pictures from disk, whole and sound or not at all."""

from __future__ import annotations

import io
import logging
import math
import os
import stat
import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

# A library's line on standard error would land in the middle of what a person reads: -8 is FFmpeg's
# AV_LOG_QUIET, and OpenCV reads it once, at its first video.
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")

import cv2
import imagesize
import numpy as np
from cv2.typing import MatLike

from agent.domain import Fix, Pixels
from agent.drivers import exif
from agent.errors import PictureError
from agent.i18n import _, shown

log = logging.getLogger(__name__)
# OpenCV 5 moved the function. Level 0 is silent: what fails is told by the return value.
(getattr(cv2, "setLogLevel", None) or cv2.utils.logging.setLogLevel)(0)

SUFFIXES = frozenset({".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".apng", ".webp", ".bmp", ".tif", ".tiff", ".gif"})
MAX_BYTES = 64_000_000
MAX_PIXELS = 50_000_000  # where the decoder holds the whole picture: 200 MB, twice that at 16 bits
MAX_PIXELS_REDUCED = 100_000_000  # baseline JPEG, which is reduced line by line
UNREDUCED = 1 << 16  # pixels, as `shorter_side`: no picture is read smaller than it is
MAX_SCANS = 100  # libjpeg writes 10; each one costs a pass over the whole picture for as little as 75 bytes
LATEST = datetime.max.replace(tzinfo=UTC).timestamp() - 1  # a file may be dated later
EXIF_HEAD = 262_144  # bytes; a JPEG has its EXIF in the first segments, of 64 kB each

_OTHERS = (b"\x89PNG", b"RIFF", b"GIF8", b"BM", b"II*\0", b"MM\0*")  # how the formats other than JPEG begin
# Markers of JPEG (ITU-T T.81, table B.1).
_FRAME = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_BASELINE = frozenset({0xC0, 0xC1})

_REDUCED = {
    8: cv2.IMREAD_REDUCED_COLOR_8,
    4: cv2.IMREAD_REDUCED_COLOR_4,
    2: cv2.IMREAD_REDUCED_COLOR_2,
    1: cv2.IMREAD_COLOR,
}


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A picture as it is meant to be seen: turned as its EXIF says, transparency laid on white."""

    pixels: Pixels
    fix: Fix | None  # from EXIF; `monotonic` is 0, and `at` the file's own time where EXIF has none
    captured_at: datetime | None  # aware UTC; None where EXIF has a local time without its offset
    width: int  # pixels of the original, as it is meant to be seen
    height: int


def find_pictures(paths: Iterable[Path]) -> Iterator[Path]:
    """Files as given, whatever their suffix; the pictures of folders, recursively and sorted.

    Hidden entries and links to folders are left out. A folder that can not be read is logged.
    """
    waiting = list(paths)[::-1]
    while waiting:
        path = waiting.pop()
        if not os.path.isdir(path):
            yield path
            continue
        try:
            entries = sorted(path.iterdir(), reverse=True)
        except OSError as error:
            log.warning("%s: the folder can not be read and is left out: %s", shown(path), error.strerror)
            continue
        waiting += (entry for entry in entries if not entry.name.startswith(".") and _is_wanted(entry))


def _is_wanted(entry: Path) -> bool:
    return not entry.is_symlink() if os.path.isdir(entry) else entry.suffix.lower() in SUFFIXES


def read_picture(path: Path, shorter_side: int) -> Picture:
    """Decode a picture; a JPEG by the largest of 1/8, 1/4 and 1/2 that leaves `shorter_side` pixels.

    Raises PictureError, one sentence, for whatever keeps the picture from being read.
    """
    try:
        data, modified = _read(path)
        width, height, flags = _measure(data, shorter_side)
        tags = exif.read_tags(data)
        pixels = _decode(data, flags)
    except PictureError as error:
        raise PictureError(error.reason, path) from None
    # TIFF is turned by its decoder.
    if not exif.is_tiff(data):
        pixels = _turn(pixels, next(iter(exif.numbers(tags, "Image Orientation")), 1))
    if (width < height) != (pixels.shape[1] < pixels.shape[0]):
        width, height = height, width
    captured_at = exif.captured_at(tags)
    return Picture(pixels, exif.fix_of(tags, captured_at or modified), captured_at, width, height)


def capture_time(path: Path) -> datetime | None:
    """When EXIF says that a picture was taken, aware UTC, read from its first 256 kB only.

    Raises PictureError where the file can not be read.
    """
    try:
        return exif.captured_at(exif.read_tags(_read(path, EXIF_HEAD)[0]))
    except PictureError as error:
        raise PictureError(error.reason, path) from None


def fix_of(path: Path) -> Fix | None:
    """Where EXIF says that a picture was taken, as in Picture, read from its first 256 kB only.

    Raises PictureError where the file can not be read.
    """
    try:
        data, modified = _read(path, EXIF_HEAD)
        tags = exif.read_tags(data)
    except PictureError as error:
        raise PictureError(error.reason, path) from None
    return exif.fix_of(tags, exif.captured_at(tags) or modified)


def _damaged() -> PictureError:
    return PictureError(_("can not be decoded; copy it again from its source, or export it as JPEG"))


def _incomplete() -> PictureError:
    return PictureError(_("incomplete, its end is missing; copy it again from its source"))


def _foreign() -> PictureError:
    return PictureError(_("not a picture that can be read; export it as JPEG, PNG, WebP, GIF, BMP or TIFF"))


def _read(path: Path, size: int = MAX_BYTES) -> tuple[bytes, datetime]:
    """The file's first bytes and when it was last changed."""
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise PictureError(_("a folder; name a picture in it"))
        # Opening a pipe would wait for its writer, and a device may have no end.
        if not stat.S_ISREG(status.st_mode):
            raise PictureError(_("not an ordinary file; name a picture"))
        if status.st_size > MAX_BYTES:
            raise _too_large(_("{count} MB where {limit} is the limit; make it smaller"), status.st_size, MAX_BYTES)
        with path.open("rb") as file:
            data = file.read(min(size, status.st_size))
    except FileNotFoundError:
        raise PictureError(_("not there; check its name")) from None
    except PermissionError:
        raise PictureError(_("this user may not read it; change its permissions")) from None
    except (OSError, ValueError) as error:
        raise PictureError(_("can not be read ({reason}); check the disk").format(reason=error)) from None
    if not data:
        raise PictureError(_("empty; copy it again from its source"))
    return data, datetime.fromtimestamp(min(max(status.st_mtime, 0), LATEST), UTC)


def _too_large(sentence: str, count: int, limit: int) -> PictureError:
    return PictureError(sentence.format(count=math.ceil(count / 10**6), limit=limit // 10**6))


def _measure(data: bytes, shorter_side: int) -> tuple[int, int, int]:
    """Width and height as stored and the flags to decode with, from the header alone."""
    limit = MAX_PIXELS
    if data.startswith(b"\xff\xd8"):
        width, height, in_one_pass = _measure_jpeg(data)
        limit = MAX_PIXELS_REDUCED if in_one_pass else MAX_PIXELS
        factor = next((f for f in (8, 4, 2) if min(width, height) >= f * shorter_side), 1)
        flags = _REDUCED[factor] | cv2.IMREAD_IGNORE_ORIENTATION
    elif data[4:8] == b"ftyp":
        raise PictureError(_("a phone's format (HEIC or AVIF) that can not be read; export it as JPEG"))
    elif not data.startswith(_OTHERS):
        raise _foreign()
    else:
        try:
            width, height = imagesize.get(io.BytesIO(data))
        except (ValueError, IndexError, TypeError, struct.error):
            raise _foreign() from None
        flags = cv2.IMREAD_UNCHANGED if data.startswith((b"\x89PNG", b"RIFF")) else cv2.IMREAD_COLOR
    if min(width, height) < 1:
        raise _foreign()
    if width * height > limit:
        raise _too_large(_("{count} megapixels where {limit} is the limit; make it smaller"), width * height, limit)
    return width, height, flags


def _measure_jpeg(data: bytes) -> tuple[int, int, bool]:
    """Width, height, and whether the picture is decoded in one pass, line by line."""
    width = height = components = 0
    baseline = True
    for marker, start, end in exif.segments(data):
        if marker in _FRAME and end <= len(data):
            height, width, components = struct.unpack_from(">HHB", data, start + 1)
            baseline = marker in _BASELINE
        elif marker == exif.SCAN and width:
            # What follows the end marker is the phone's own; the scan itself can not contain one.
            if not data.endswith(b"\xff\xd9") and data.find(b"\xff\xd9", start) < 0:
                break
            in_one_pass = baseline and data[start : start + 1] == bytes([components])
            if not in_one_pass and data.count(b"\xff\xda") > MAX_SCANS:
                raise _damaged()
            return width, height, in_one_pass
    raise _incomplete()


def _decode(data: bytes, flags: int) -> Pixels:
    if data.startswith(b"GIF8"):
        return _decode_gif(data)
    if data.startswith(b"\x89PNG"):
        data = _plain_png(data)
    if data.startswith(b"RIFF") and len(data) < 8 + int.from_bytes(data[4:8], "little"):
        raise _incomplete()
    if data.startswith(b"BM") and len(data) < int.from_bytes(data[2:6], "little"):
        raise _incomplete()
    try:
        decoded = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error:
        raise _damaged() from None
    if decoded is None:
        raise _damaged()
    return _opaque(decoded)


def _decode_gif(data: bytes) -> Pixels:
    """The first frame, by FFmpeg: OpenCV's own reader is not in 4.11, and takes three times as long."""
    if not data.rstrip(b"\0").endswith(b";"):
        raise _incomplete()
    with os.fdopen(os.memfd_create("gif"), "wb") as file:
        file.write(data)
        file.flush()
        found, pixels = cv2.VideoCapture(f"/dev/fd/{file.fileno()}", cv2.CAP_FFMPEG).read()
    if not found:
        raise _damaged()
    return np.asarray(pixels, np.uint8)


def _plain_png(data: bytes) -> bytes:
    """The picture's own chunks: of others, libpng prints its opinion, and an animation's take time."""
    kept, at = [data[:8]], 8
    while True:
        end = at + 12 + int.from_bytes(data[at : at + 4], "big")
        if end > len(data):
            raise _incomplete()
        kind = data[at + 4 : at + 8]
        if zlib.crc32(memoryview(data)[at + 4 : end - 4]) != int.from_bytes(data[end - 4 : end], "big"):
            raise _damaged()
        if kind[:1].isupper() or kind == b"tRNS":
            kept.append(data[at:end])
        if kind == b"IEND":
            return b"".join(kept)
        at = end


def _opaque(decoded: MatLike) -> Pixels:
    """Eight bits and three channels; on white, because what a person has erased must stay unseen."""
    if decoded.dtype == np.uint16:
        decoded = cv2.convertScaleAbs(decoded, alpha=1 / 257)
    match decoded.shape:
        case (_, _):
            decoded = cv2.cvtColor(decoded, cv2.COLOR_GRAY2BGR)
        case (_, _, 4):
            alpha = cv2.cvtColor(cv2.extractChannel(decoded, 3), cv2.COLOR_GRAY2BGR)
            colour = cv2.multiply(cv2.cvtColor(decoded, cv2.COLOR_BGRA2BGR), alpha, scale=1 / 255)
            decoded = cv2.add(colour, cv2.bitwise_not(alpha))
    return np.asarray(decoded, np.uint8)


def _turn(pixels: Pixels, orientation: float) -> Pixels:
    """As EXIF's orientation 1 to 8 says. OpenCV 4.11 does not do it for WebP, so it is done here for all."""
    if orientation in (5, 6, 7, 8):
        pixels = np.asarray(cv2.transpose(pixels), np.uint8)
    flip = {2: 1, 3: -1, 4: 0, 6: 1, 7: -1, 8: 0}.get(int(orientation))
    return pixels if flip is None else np.asarray(cv2.flip(pixels, flip), np.uint8)
