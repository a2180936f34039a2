"""Keeps freed memory for the next step of training, on Linux with the GNU C library."""

from __future__ import annotations

import ctypes

# Of malloc.h. By default each large array is mapped anew and given back at once: half of a training step's time.
TRIM_THRESHOLD, TOP_PAD, MMAP_MAX = -1, -2, -4
LARGE = 1 << 31


def keep_freed_memory() -> bool:
    """Whether the C library has agreed to keep what is freed, until the program ends."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and all(
        mallopt(option, value) for option, value in ((MMAP_MAX, 0), (TRIM_THRESHOLD, LARGE - 1), (TOP_PAD, LARGE >> 3))
    )
