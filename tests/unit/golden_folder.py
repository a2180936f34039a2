"""Gives a toy model golden pictures: a blue, a green and a red one, of which it knows what it says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import msgspec
import numpy as np

from agent.drivers.tflite import TfliteClassifier
from agent.golden import FILE, Golden, Picture, fingerprint
from agent.manifest import Manifest
from tests.unit.toy_model import write_toy

COLOURS = {"blue": (255, 0, 0), "green": (0, 255, 0), "red": (0, 0, 255)}


def write_golden(directory: Path, **changes: Any) -> Manifest:
    """A toy model's folder with golden pictures; `changes` are made to `golden.json`."""
    manifest = write_toy(directory)
    classifier = TfliteClassifier(manifest)
    pictures = []
    for name, colour in COLOURS.items():
        pixels = np.full((9, 16, 3), colour, np.uint8)
        cv2.imwrite(str(directory / f"golden-{name}.png"), pixels)
        said = classifier.probabilities(pixels).tolist()
        probabilities = {label.id: one for label, one in zip(manifest.labels, said, strict=True)}
        pictures.append(Picture(f"golden-{name}.png", name, 1, fingerprint(pixels), probabilities))
    document = msgspec.to_builtins(Golden(manifest.sha256, pictures))
    (directory / FILE).write_bytes(msgspec.json.encode({**document, **changes}))
    return manifest


def paint(directory: Path, name: str, colour: tuple[int, int, int]) -> None:
    """Put another picture in a golden one's place."""
    cv2.imwrite(str(directory / f"golden-{name}.png"), np.full((9, 16, 3), colour, np.uint8))
