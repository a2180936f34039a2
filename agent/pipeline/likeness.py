"""Whether two parts of frames look alike, by a hash of sixty-four bits."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from agent.domain import Pixels, Region
from agent.pipeline.classify import cut

STEPS = 8  # from field to field in one direction, each a bit
LINES = 4  # of fields in the other
TAPS = 8  # pixels across and down that stand for a field
ALIKE = 16  # bits that may differ


def fingerprint(pixels: Pixels, region: Region) -> int:
    """The difference hash of that part of a frame, in both directions; 0 for an empty frame.

    Each bit says whether it grows brighter from one field to the next (dHash: Krawetz 2013, "Kind of Like That"), 32
    times across and 32 times down, so that exposure does not matter. It knows a thing again only where the region fits
    the thing in both frames: not in one that is the same part of the frame each time.
    """
    if not pixels.size:
        return 0
    green = cut(pixels, region)[:, :, 1]
    across, down = _fields(green, LINES, STEPS + 1), _fields(green, STEPS + 1, LINES)
    bits = np.concatenate([np.diff(across, axis=1).ravel(), np.diff(down, axis=0).ravel()]) > 0
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


def alike(one: int, other: int) -> bool:
    """Whether two fingerprints may be of the same thing: at most `ALIKE` bits differ."""
    return (one ^ other).bit_count() <= ALIKE


def _fields(green: npt.NDArray[np.uint8], rows: int, columns: int) -> npt.NDArray[np.int64]:
    """The sums of some pixels spread evenly over so many fields."""
    down, right = _spread(green.shape[0], rows * TAPS), _spread(green.shape[1], columns * TAPS)
    some = green[down[:, np.newaxis], right].astype(np.int64)
    return np.asarray(some.reshape(rows, TAPS, columns, TAPS).sum(axis=(1, 3)), np.int64)


def _spread(length: int, count: int) -> npt.NDArray[np.int64]:
    """So many places evenly along a length."""
    return np.asarray((np.arange(count) * 2 + 1) * length // (2 * count), np.int64)
