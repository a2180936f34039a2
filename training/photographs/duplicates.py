"""Finds photographs that are the same, or nearly: saved again, resized, mirrored, turned, or the next frame.

A difference hash (dHash) of 17 x 17 grey levels: which of two neighbours is the brighter. A hash of the lowest
frequencies (pHash) takes any two pieces of asphalt beside a white line for one. All eight ways to mirror and turn a
picture are compared, since collections hold photographs multiplied in that way, and training mirrors them itself; the
libraries for such hashes (ImageHash, dhash) compare upright pictures only, one by one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from typing import NamedTuple, Protocol

import cv2
import numpy as np
import numpy.typing as npt

from training.progress import shown

SIDE = 17
PLAIN = 4  # grey levels between the darkest and the brightest place: below it, there is nothing to compare
BLOCK = 1024  # photographs compared at a time with all others

# Shares of the neighbours whose order differs, between 0 and about a half for pictures that have nothing in common.
# Chosen by looking at pairs of street photographs by day and by night: up to SAME all were one photograph or frames of
# the same second; up to ALIKE nearly all were one scene; soon beyond it, other places begin to mix in.
SAME = 0.09
ALIKE = 0.18

Grey = npt.NDArray[np.uint8]
Indices = npt.NDArray[np.int64]


def fingerprint(pixels: Grey) -> bytes:
    """What is compared of a grey picture of any size: SIDE x SIDE grey levels, row by row."""
    return cv2.resize(pixels, (SIDE, SIDE), interpolation=cv2.INTER_AREA).tobytes()


def plain(print_: bytes) -> bool:
    """Whether a fingerprint is of a picture of nearly one grey, in which nothing can be compared."""
    return bool(print_) and max(print_) - min(print_) < PLAIN


class Fingerprinted(Protocol):
    """What can be compared."""

    @property
    def fingerprint(self) -> bytes:
        """Of its picture; empty where that was not read."""
        ...


class Pairs(NamedTuple):
    """Pairs of indices, the first below the second, and their difference; the least difference first."""

    first: Indices
    second: Indices
    difference: npt.NDArray[np.float32]

    def where(self, mask: npt.NDArray[np.bool_]) -> Pairs:
        """Those pairs alone."""
        return Pairs(self.first[mask], self.second[mask], self.difference[mask])


def pairs(things: Sequence[Fingerprinted], limit: float = ALIKE) -> Pairs:
    """All pairs whose difference is at most `limit`. What is plain, or has no fingerprint, is like nothing."""
    seen = np.array([index for index, thing in enumerate(things) if thing.fingerprint], dtype=np.int64)
    if not len(seen):
        return Pairs(seen, seen, np.empty(0, np.float32))
    grids = np.frombuffer(b"".join(thing.fingerprint for thing in things), np.uint8).reshape(-1, SIDE, SIDE)
    first, second, difference = (np.concatenate(parts) for parts in zip(*_matches(grids, limit), strict=True))
    order = np.argsort(difference, kind="stable")
    # A pair is found once for each orientation in which it is alike: the first of it is the least different.
    _, once = np.unique(first[order] * len(things) + second[order], return_index=True)
    kept = order[np.sort(once)]
    return Pairs(seen[first[kept]], seen[second[kept]], difference[kept])


def clusters(things: Sequence[Fingerprinted], limit: float = ALIKE) -> Indices:
    """The index of each one's cluster, from 0: what is alike, or linked by what is, shares one."""
    return linked(len(things), pairs(things, limit))


def linked(count: int, found: Pairs) -> Indices:
    """The index of the cluster of each of `count` things, of which those pairs belong together."""
    first, second, _ = found
    lowest = np.arange(count)
    while (lowest[first] != lowest[second]).any():
        low = np.minimum(lowest[first], lowest[second])
        np.minimum.at(lowest, lowest[first], low)
        np.minimum.at(lowest, lowest[second], low)
        lowest = lowest[lowest]
    return np.unique(lowest, return_inverse=True)[1].astype(np.int64)


def _matches(grids: Grey, limit: float) -> Iterator[tuple[Indices, Indices, npt.NDArray[np.float32]]]:
    """Indices of pairs and their differences, block by block; a pair may come once for each orientation."""
    upright = _orders(grids)
    enough = 1 - 2 * limit
    for side, turns in shown(list(product((grids, grids[:, :, ::-1]), range(4))), "comparing"):
        turned = _orders(np.rot90(side, turns, (1, 2)))
        for start in range(0, len(grids), BLOCK):
            agreement = turned[start : start + BLOCK] @ upright[start:].T
            first, second = np.nonzero(agreement >= enough)
            later = second > first  # the other half says the same, turned the other way
            first, second = first[later], second[later]
            yield first + start, second + start, np.clip((1 - agreement[first, second]) / 2, 0, 1)


def _orders(grids: Grey) -> npt.NDArray[np.float32]:
    """-1, 0 or 1 for each two neighbours, as vectors of length 1: their product is the share that agrees less the rest.

    Equal neighbours count for neither, so that the black of two nights is no likeness.
    """
    levels = grids.astype(np.int16)
    count = len(grids)
    steps = [np.diff(levels, axis=axis).reshape(count, -1) for axis in (1, 2)]
    orders = np.sign(np.concatenate(steps, axis=1)).astype(np.float32)
    orders[np.ptp(grids.reshape(count, -1), axis=1) < PLAIN] = 0
    return np.asarray(orders / np.maximum(1, np.linalg.norm(orders, axis=1, keepdims=True)))
