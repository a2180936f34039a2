"""Whether two parts of frames look alike, by a hash of sixty-four bits."""

from __future__ import annotations

import numpy as np

from agent.domain import Pixels, Region
from agent.pipeline.classify import cut

SIDE = 8  # bits across and down
TAPS = 8  # pixels across and down that stand for a field
ALIKE = 20  # bits that may differ


def fingerprint(pixels: Pixels, region: Region) -> int:
    """The difference hash of that part of a frame (dHash: Krawetz 2013, "Kind of Like That"); 0 for an empty frame.

    Each bit says whether it grows brighter from one of 9 x 8 fields to its right neighbour, so that exposure does
    not matter.
    """
    if not pixels.size:
        return 0
    part = cut(pixels, region)
    rows = _spread(part.shape[0], SIDE * TAPS)
    columns = _spread(part.shape[1], (SIDE + 1) * TAPS)
    green = part[rows[:, np.newaxis], columns, 1].astype(np.int32)
    fields = green.reshape(SIDE, TAPS, SIDE + 1, TAPS).sum(axis=(1, 3))
    return int.from_bytes(np.packbits(fields[:, 1:] > fields[:, :-1]).tobytes(), "big")


def alike(one: int, other: int) -> bool:
    """Whether two fingerprints may be of the same thing: at most `ALIKE` bits differ."""
    return (one ^ other).bit_count() <= ALIKE


def _spread(length: int, count: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """So many places evenly along a length."""
    return (np.arange(count) * 2 + 1) * length // (2 * count)
