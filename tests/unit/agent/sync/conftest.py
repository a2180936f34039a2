"""A store for one test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.store.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """Empty, without limits."""
    opened = Store(tmp_path)
    yield opened
    opened.close()
