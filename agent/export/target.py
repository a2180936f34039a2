"""A file that is there whole, or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from agent.store.disk import sync


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Where to write to; it takes the place of `path`, durable, once the block has come to its end.

    Raises OSError; then nothing is left of it, and what was at `path` is still there (but where the disk fails at the
    very last, when the new file is in its place).
    """
    partial = path.with_name(f".{path.name}.partial")
    try:
        partial.unlink(missing_ok=True)  # perhaps a link to elsewhere
        yield partial
        # A USB stick is pulled out as soon as it is said that all is written.
        sync(partial)
        partial.replace(path)
        sync(path.parent)
    finally:
        partial.unlink(missing_ok=True)
