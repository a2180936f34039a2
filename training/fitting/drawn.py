"""Scenes of the product's own simulator as training samples, so that a model recognises what it draws."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import cv2
import numpy as np

from agent.domain import NO_DEFECT, WHOLE_FRAME, Pixels, Region
from agent.simulation import scenery
from agent.simulation.patrol import Patrol
from training.folder import whole
from training.photographs.dataset import DRAWN

SMALLEST = 0.3  # of the frame's width, in a part cut from it
MARGINS = 1.2, 3.0  # a part's side, as a multiple of the defect's
CLEAN = 3  # clean scenes for each scene of a defect: most of what a patrol sees is clean
SIZE = 640, 360  # columns and rows of a patrol's frame
DRIVE = 90.0  # seconds of a patrol
TRACE = 1e-4  # part of a frame: what fills less can not be seen
AROUND = np.arange(-2.0, 8.0, 0.5)  # seconds in which a defect may be seen in part


@dataclass(frozen=True, slots=True)
class Scene:
    """A drawn scene, whole or a part of it that holds the defect; the same seed draws the same scene."""

    label: str
    seed: tuple[int, ...]
    part: bool
    kept: Path  # folder of what was drawn before
    driven: bool = False  # a clean frame of a patrol, as its camera is mounted
    source: str = DRAWN
    least: ClassVar[float] = 0.7  # of a view's area: a smaller one may miss the defect

    def pixels(self) -> Pixels:
        """The scene, BGR."""
        path = self.kept / f"{self.label}-{'-'.join(map(str, self.seed))}.png"
        pixels = cv2.imread(str(path), cv2.IMREAD_COLOR) if path.is_file() else None
        if pixels is None:
            pixels = self._draw()
            with whole(path) as partial:
                partial.write_bytes(cv2.imencode(".png", pixels)[1].tobytes())
        return pixels.astype(np.uint8, copy=False)

    def _draw(self) -> Pixels:
        random = np.random.default_rng(self.seed)
        if self.driven:
            pixels, region = _clean_frame(random), None
        else:
            scene = scenery.compose(self.label, random)
            pixels, region = scene.pixels, scene.region
        return _part(pixels, region, random) if self.part else pixels


def scenes(labels: Sequence[str], each: int, seed: int, held_out: bool, kept: Path) -> list[Scene]:
    """`each` scenes of each defect that the simulator draws, every second one a part of a frame, and CLEAN times as
    many clean ones, half of them of patrols.

    None where it draws none of the defects: a clean street that is drawn would stand out by being drawn. Those held out
    never share a seed with those to learn from.
    """
    if not set(labels) & (set(scenery.LABELS) - {NO_DEFECT}):
        return []
    return [
        Scene(label, (seed, int(held_out), index), bool(index % 2), kept, driven=label == NO_DEFECT and index % 4 > 1)
        for label in labels
        if label in scenery.LABELS
        for index in range(each * CLEAN if label == NO_DEFECT else each)
    ]


def simulator() -> str:
    """Names the simulator's code: another simulator draws other scenes from the same seed."""
    files = sorted(Path(scenery.__file__).parent.glob("*.py"))
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def _clean_frame(random: np.random.Generator) -> Pixels:
    """A frame of a patrol in which no defect is seen, not even in part."""
    while True:
        patrol = Patrol(int(random.integers(1 << 31, 1 << 32)), DRIVE)
        for seconds in random.uniform(0, DRIVE, 8):
            if not any(patrol.in_sight(max(0.0, near), TRACE) for near in seconds + AROUND):
                return patrol.frame(float(seconds), *SIZE)


def _part(pixels: Pixels, region: Region | None, random: np.random.Generator) -> Pixels:
    """A part of the frame around the defect, or anywhere where there is none."""
    left, top, right, bottom = region or WHOLE_FRAME
    if region is None:
        width = height = random.uniform(SMALLEST, 1.0)
    else:
        width, height = (min(1.0, max(SMALLEST, s * random.uniform(*MARGINS))) for s in (right - left, bottom - top))
    across = _start(left, right, width, random)
    down = _start(top, bottom, height, random)
    rows, columns = pixels.shape[:2]
    return pixels[
        round(down * rows) : round((down + height) * rows), round(across * columns) : round((across + width) * columns)
    ]


def _start(low: float, high: float, size: float, random: np.random.Generator) -> float:
    """Where an interval of that size may start, within 0..1, to hold low..high or to lie within it."""
    first, last = sorted((max(0.0, high - size), min(low, 1 - size)))
    return float(np.clip(random.uniform(first, last), 0, 1 - size))
