"""A file that is there whole, or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Where to write to; it takes the place of `path`, durable, once the block has come to its end.

    Raises OSError; then nothing is left of it, and what was at `path` is still there.
    """
    partial = path.with_name(f".{path.name}.partial")
    try:
        yield partial
        with partial.open("rb") as file:
            os.fsync(file.fileno())  # a USB stick is pulled out as soon as it is said that all is written
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
