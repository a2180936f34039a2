"""The bytes of pictures, with EXIF and damage as the tests want them."""

from __future__ import annotations

import base64
import struct
import zlib

import cv2
import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]
Gps = dict[int, str | tuple[tuple[int, int], ...]]
Field = tuple[int, int, int, bytes]  # tag, type, count, value

# What OpenCV does not write: red in CMYK, inverted as Adobe does (16 x 8), and a red frame before a green one (8 x 6).
CMYK = base64.b64decode(
    "/9j/7gAOQWRvYmUAZAAAAAAA/9sAQwAQCwwODAoQDg0OEhEQExgoGhgWFhgxIyUdKDozPTw5Mzg3QEhcTkBEV0U3OFBtUVdfYmdoZz5NcXlw"
    "ZHhcZWdj/8AAFAgACAAQBEMRAE0RAFkRAEsRAP/EABYAAQEBAAAAAAAAAAAAAAAAAAAGB//EABQQAQAAAAAAAAAAAAAAAAAAAAD/2gAOBEMA"
    "TQBZAEsAAD8ArkmjmgAD/9k="
)
ANIMATED_GIF = base64.b64decode(
    "R0lGODdhCAAGAIEAAP8AAAAAAAAAAAAAACwAAAAACAAGAAAIDgABCBxIsKDBgwgTDgwIACH5BAEAAAEALAAAAAAIAAYAgQD/AAAAAAAAAAAA"
    "AAAIDgABCBxIsKDBgwgTDgwIADs="
)
MARSEILLE: Gps = {
    1: "N",
    2: ((43, 1), (17, 1), (474, 10)),
    3: "E",
    4: ((5, 1), (22, 1), (1128, 100)),
    7: ((9, 1), (30, 1), (155, 10)),
    29: "2026:11:01",
}


def quarters(height: int = 48, width: int = 64) -> Image:
    """Four quarters of different colours, so that no turning of it leaves it the same."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[: height // 2, : width // 2] = (255, 0, 0)
    pixels[: height // 2, width // 2 :] = (0, 255, 0)
    pixels[height // 2 :, : width // 2] = (0, 0, 255)
    pixels[height // 2 :, width // 2 :] = (255, 255, 255)
    return pixels


def encoded(pixels: npt.NDArray[np.uint8] | npt.NDArray[np.uint16], suffix: str = ".jpg", *options: int) -> bytes:
    return cv2.imencode(suffix, pixels, list(options))[1].tobytes()


def directory(at: int, fields: list[Field]) -> bytes:
    """An image file directory that stands at the offset `at`, with its values behind it (TIFF 6.0, section 2)."""
    entries, values = b"", b""
    for tag, kind, count, value in fields:
        place = struct.pack("<I", at + 6 + 12 * len(fields) + len(values))
        if len(value) > 4:
            values += value
        entries += struct.pack("<HHI", tag, kind, count) + (place if len(value) > 4 else value.ljust(4, b"\0"))
    return struct.pack("<H", len(fields)) + entries + bytes(4) + values


def ascii_field(tag: int, text: str) -> Field:
    return tag, 2, len(text) + 1, text.encode() + b"\0"


def exif(orientation: int = 1, taken: str = "", offset: str = "", gps: Gps | None = None) -> bytes:
    """A TIFF structure with that orientation, DateTimeOriginal, OffsetTimeOriginal and GPS directory."""
    times = [ascii_field(tag, text) for tag, text in ((0x9003, taken), (0x9011, offset)) if text]
    places = [
        ascii_field(tag, value)
        if isinstance(value, str)
        else (tag, 5, len(value), b"".join(struct.pack("<II", *ratio) for ratio in value))
        for tag, value in (gps or {}).items()
    ]
    times_at = 8 + 2 + 3 * 12 + 4
    times_directory = directory(times_at, times)
    places_at = times_at + len(times_directory)
    root: list[Field] = [
        (0x0112, 3, 1, struct.pack("<H", orientation)),
        (0x8769, 4, 1, struct.pack("<I", times_at)),
        (0x8825, 4, 1, struct.pack("<I", places_at)),
    ]
    return b"II*\0\x08\0\0\0" + directory(8, root) + times_directory + directory(places_at, places)


def jpeg_with(tiff: bytes, jpeg: bytes) -> bytes:
    body = b"Exif\0\0" + tiff
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + jpeg[2:]


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_with(extra: bytes, png: bytes) -> bytes:
    """`extra` chunks behind the header."""
    return png[:33] + extra + png[33:]


def webp_with(tiff: bytes, webp: bytes, width: int, height: int) -> bytes:
    extended = struct.pack("<4sIB3x", b"VP8X", 10, 8) + (width - 1).to_bytes(3, "little")
    extended += (height - 1).to_bytes(3, "little")
    body = b"WEBP" + extended + webp[12:] + struct.pack("<4sI", b"EXIF", len(tiff)) + tiff + bytes(len(tiff) % 2)
    return struct.pack("<4sI", b"RIFF", len(body)) + body
