"""A folder in memory: a store waits for the disk at each commit, and hundreds of unit tests should not."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MEMORY = "/dev/shm"


@contextmanager
def memory_folder() -> Iterator[Path]:
    """An empty folder, gone afterwards; on disk where the system has none in memory."""
    where = MEMORY if os.access(MEMORY, os.W_OK) else None
    folder = Path(tempfile.mkdtemp(prefix="fidamia-", dir=where)).resolve()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
