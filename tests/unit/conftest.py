"""What every unit test stands on: English, no configuration from outside, and property tests that repeat."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.unit.memory import memory_folder

# Read once, at the first sentence that is said.
os.environ["LANGUAGE"] = "en"

settings.register_profile("unit", derandomize=True, database=None, deadline=None, max_examples=50)
settings.load_profile("unit")


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """An empty folder, as pytest's own fixture gives one on disk."""
    with memory_folder() as folder:
        yield folder


@pytest.fixture
def public() -> Iterator[Path]:
    """A folder that anybody may look into, unlike tmp_path."""
    with memory_folder() as folder:
        folder.chmod(0o755)
        yield folder


@pytest.fixture(autouse=True)
def _no_configuration_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("FIDAMIA_"):
            monkeypatch.delenv(name)
