"""Tiny folders of drawn photographs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from agent.domain import Pixels

Draw = Callable[[str, str, int], None]
Scene = Callable[[int], Pixels]
Take = Callable[[str, str, int, int], None]


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


@pytest.fixture
def scene() -> Scene:
    """The picture of a number, BGR: the same number is the same scene, and another shares nothing with it."""

    def picture(number: int) -> Pixels:
        coarse = np.random.default_rng(number).integers(0, 256, (12, 16, 3), dtype=np.uint8)
        return cv2.resize(coarse, (160, 120), interpolation=cv2.INTER_CUBIC).astype(np.uint8, copy=False)

    return picture


@pytest.fixture
def take(photos: Path, scene: Scene) -> Take:
    """Adds `count` photographs of different scenes, counted from `first`, to a label and a source."""

    def add(label: str, source: str, count: int, first: int) -> None:
        (photos / label).mkdir(exist_ok=True)
        for number in range(first, first + count):
            cv2.imwrite(str(photos / label / f"{source}-{number:04d}.jpg"), scene(number))

    return add
