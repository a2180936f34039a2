"""Dirt on the lens: parts of the picture that stay without detail while the vehicle passes what has some."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from agent.pipeline.detail import CELLS, Detail

FRAMES = 30  # before anything is said of a lens
PACE = 0.06  # of what a frame says of a cell is believed: some 16 frames
MEMORY = 0.01  # of what a frame says of the street is believed
FADED = 0.8  # of the detail that streets had: another street may have less
DULL = 0.45  # of the street's detail: a cell with less is dirty
STREET = 0.7  # of the cells below the horizon have less detail than what counts as the street's
BONNET = 0.7  # of a row of cells at the bottom without detail is the vehicle itself, not dirt
VIEW = 3  # rows of cells that show the street at least
MOSTLY = 0.5  # of the cells below the horizon
COVERED = 0.9  # of the cells below the horizon
DAYLIGHT = 50.0  # grey levels: in a darker frame what is not lit has no detail


class Lens:
    """What is known of one lens; only frames of a moving vehicle tell, as each shows another scene."""

    def __init__(self, horizon: float) -> None:
        """`horizon` is a fraction of the frame's height from the top: the sky above it has no detail either."""
        self._first = min(CELLS[0] - 1, round(horizon * CELLS[0] + 0.49))
        self._strength: npt.NDArray[np.float64] | None = None
        self._street = 0.0
        self._share = 0.0
        self._frames = 0

    def add(self, detail: Detail, brightness: float) -> None:
        """Learn from a frame, `brightness` grey levels in the mean."""
        if brightness < DAYLIGHT:
            return
        if self._strength is None:
            self._strength = detail.strength
        else:
            self._strength = self._strength + PACE * (detail.strength - self._strength)
        self._frames += 1
        below = self._strength[self._first :]
        seen = float(np.partition(below, int(STREET * below.size), axis=None)[int(STREET * below.size)])
        self._share = _share(below < DULL * max(seen, FADED * self._street))
        # Of a lens that is mostly dirty the street can not be learnt: what it was before is remembered.
        if self._share < MOSTLY:
            self._street += max(MEMORY, 1 / self._frames) * (seen - self._street)

    @property
    def dirt(self) -> float:
        """The share of the cells below the horizon that are dirty, 0..1; 0 until enough was seen."""
        return self._share if self._frames >= FRAMES else 0.0

    @property
    def covered(self) -> bool:
        """Whether hardly anything is left to be seen."""
        return self.dirt >= COVERED


def _share(dull: npt.NDArray[np.bool_]) -> float:
    """Of the cells, without the rows at the bottom that show the vehicle itself."""
    if dull.mean() < COVERED:
        while len(dull) > VIEW and dull[-1].mean() >= BONNET:
            dull = dull[:-1]
    return float(dull.mean())
