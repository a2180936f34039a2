"""Tiny folders of drawn photographs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

Draw = Callable[[str, str, int], None]


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """An empty folder for photographs."""
    folder = tmp_path / "photos"
    folder.mkdir()
    return folder


@pytest.fixture
def draw(photos: Path) -> Draw:
    """Adds `count` pictures of a label and a source to the folder."""

    def add(label: str, source: str, count: int) -> None:
        (photos / label).mkdir(exist_ok=True)
        for index in range(count):
            pixels = np.full((12, 16, 3), (index * 7) % 256, np.uint8)
            cv2.imwrite(str(photos / label / f"{source}-{index:04d}.jpg"), pixels)

    return add
