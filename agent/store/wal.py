"""The write-ahead log, as SQLite leaves it after a crash: whether it was damaged where it had been made durable.

https://www.sqlite.org/fileformat.html, 4: SQLite reads it up to the first page that is not right, and is silent about
what stands behind that.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

PAGE = 4096  # bytes
HEADER, FRAME_HEADER = 32, 24  # bytes before all frames, and before the page of each
FRAME = FRAME_HEADER + PAGE
BIG_ENDIAN = 1  # a bit of the magic number: how the checksums were made


@dataclass(frozen=True, slots=True)
class _Frame:
    commits: bool  # it is the last one of a transaction
    is_right: bool  # so are all before it


def log_of(path: Path) -> Path:
    """The log of a database's file."""
    return Path(f"{path}-wal")


def is_cut(path: Path) -> bool:
    """Whether the log at `path` holds a transaction behind one that can not be read.

    The last transaction alone may be half written, by a power cut; the one before it was durable when that began.
    """
    if not path.is_file():
        return False
    return sum(frame.commits and not frame.is_right for frame in _frames(path.read_bytes())) > 1


def pages(path: Path) -> NDArray[np.uint8]:
    """All pages in it, also those of before: an array of n x 4096 bytes."""
    size = path.stat().st_size if path.is_file() else 0
    count = max(0, size - HEADER) // FRAME
    if not count:
        return np.empty((0, PAGE), np.uint8)
    return np.memmap(path, np.uint8, "r", HEADER, (count, FRAME))[:, FRAME_HEADER:]


def _frames(content: bytes) -> Iterator[_Frame]:
    if len(content) < HEADER:
        return
    words = ">u4" if content[3] & BIG_ENDIAN else "<u4"
    salts = content[16:24]
    sums = _sums(content[:24], words, (0, 0))
    is_right = sums == _pair(content[24:32])
    for at in range(HEADER, len(content) - FRAME + 1, FRAME):
        if content[at + 8 : at + 16] != salts:
            return  # of before the log was begun anew
        if is_right:
            sums = _sums(content[at : at + 8], words, sums)
            sums = _sums(content[at + FRAME_HEADER : at + FRAME], words, sums)
            is_right = sums == _pair(content[at + 16 : at + 24])
        yield _Frame(any(content[at + 4 : at + 8]), is_right)


def _sums(content: bytes, words: str, sums: tuple[int, int]) -> tuple[int, int]:
    """The checksum, 4.2, over a multiple of eight bytes."""
    first, second = sums
    numbers = np.frombuffer(content, words).tolist()
    for even, odd in zip(numbers[::2], numbers[1::2], strict=True):
        first = (first + even + second) & 0xFFFFFFFF
        second = (second + odd + first) & 0xFFFFFFFF
    return first, second


def _pair(content: bytes) -> tuple[int, int]:
    return int.from_bytes(content[:4], "big"), int.from_bytes(content[4:], "big")
