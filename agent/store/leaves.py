"""Rows of pages that no tree leads to: where a page above them is damaged, they are on the disk all the same.

https://www.sqlite.org/fileformat.html, 1.6: the leaf of a table holds whole rows, but for the ends of very long ones.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator
from contextlib import closing, suppress
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agent.store import wal
from agent.store.wal import PAGE

LEAF = 0x0D  # the first byte of a table's leaf
HEADER = 8  # bytes of a leaf before the places of its cells, two bytes each
LONGEST = 9  # bytes of a number of variable length


def rows(path: Path, table: str, definition: str, wanted: Collection[int]) -> Iterator[tuple[Any, ...]]:
    """Those of a table whose integer key is among `wanted`, once or more, out of the file at `path` and its log.

    `definition` is the table's CREATE statement. What was deleted may be among them, as pages are not wiped.
    """
    keys = np.array(sorted(wanted), np.int64)
    with closing(sqlite3.connect(":memory:")) as database:
        database.execute(f"PRAGMA page_size = {PAGE}")
        database.execute(definition)
        (root,) = database.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)).fetchone()
        file = bytearray(database.serialize())
        for page, held in chain(_leaves(wal.pages(wal.log_of(path)), keys), _leaves(_pages(path), keys)):
            # In a file of which it is the only page of that table, SQLite itself reads it.
            file[(root - 1) * PAGE : root * PAGE] = page
            database.deserialize(bytes(file))
            for key in held.tolist():
                with suppress(sqlite3.DatabaseError):  # damaged too, or of another table
                    yield from database.execute(f"SELECT * FROM {table} WHERE rowid = ?", (key,)).fetchall()


def _pages(path: Path) -> NDArray[np.uint8]:
    count = path.stat().st_size // PAGE
    return np.memmap(path, np.uint8, "r", shape=(count, PAGE)) if count else np.empty((0, PAGE), np.uint8)


def _leaves(pages: NDArray[np.uint8], keys: NDArray[np.int64]) -> Iterator[tuple[bytes, NDArray[np.int64]]]:
    """The leaves that may hold some of the keys, and which."""
    numbers = np.flatnonzero(pages[:, 0] == LEAF)
    cells = _two_bytes(pages, numbers, np.full(numbers.size, 3))
    numbers, cells = numbers[cells > 0], cells[cells > 0]
    ends = [_key(pages, numbers, _two_bytes(pages, numbers, HEADER + 2 * cell)) for cell in (0 * cells, cells - 1)]
    first, after = np.searchsorted(keys, ends[0]), np.searchsorted(keys, ends[1], "right")
    for place in np.flatnonzero(first < after):
        yield pages[numbers[place]].tobytes(), keys[first[place] : after[place]]


def _key(pages: NDArray[np.uint8], numbers: NDArray[np.int64], at: NDArray[np.int64]) -> NDArray[np.int64]:
    """Of the cells at these places: the row's size comes first, then its key."""
    _size, at = _number(pages, numbers, at)
    return _number(pages, numbers, at)[0]


def _number(
    pages: NDArray[np.uint8], numbers: NDArray[np.int64], at: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Big-endian, seven bits a byte while the eighth is set; and where the next begins."""
    value, goes_on = np.zeros(numbers.size, np.int64), np.ones(numbers.size, bool)
    for _byte in range(LONGEST):
        byte = pages[numbers, np.minimum(at, PAGE - 1)]
        value = np.where(goes_on, value << 7 | byte & 0x7F, value)
        at = at + goes_on
        goes_on &= byte >= 0x80  # noqa: PLR2004 - the eighth bit
    return value, at


def _two_bytes(pages: NDArray[np.uint8], numbers: NDArray[np.int64], at: NDArray[np.int64]) -> NDArray[np.int64]:
    at = np.minimum(at, PAGE - 2)
    return pages[numbers, at].astype(np.int64) << 8 | pages[numbers, at + 1]
