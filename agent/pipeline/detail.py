"""How much detail there is in each part of a frame, and how sharp it is, whatever the frame's resolution."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from agent.domain import Pixels

Grey = npt.NDArray[np.float32]  # rows x columns of grey levels, 0..255

LONG_SIDE = 320  # samples: what is judged of a frame; the model sees little more
CELLS = (8, 12)  # rows and columns in which a frame is judged
SMALLEST = (32, 48)  # samples: with less a cell says nothing
EDGE = 4.0 / 11.0  # of the gradient energy of a perfect edge over 4 samples is found over 1
FAINT = 400.0  # squared grey levels: a cell with more gradient energy than this counts little more for it


def sample(pixels: Pixels) -> Grey:
    """About 320 samples along the frame's longer side, each the mean of four pixels' green.

    Four, and not all, because all cost more than the classifier's own reduction. A frame of another size gives the
    same picture, so that one measure fits a photograph of 352 pixels and a frame of 3840. Empty for an empty frame.
    """
    green = pixels[:, :, 1]
    rows, columns = green.shape
    if not rows or not columns:
        return np.empty((0, 0), np.float32)
    step = max(1, min(round(max(rows, columns) / LONG_SIDE), rows, columns))
    if step == 1:
        return green.astype(np.float32)
    rows, columns = rows // step * step, columns // step * step
    half = step // 2
    # Copied before they are added: numpy adds what lies scattered through a buffer, twice as slowly.
    total = green[0:rows:step, 0:columns:step].astype(np.uint16)
    for down, right in ((0, half), (half, 0), (half, half)):
        total += green[down:rows:step, right:columns:step].copy()
    return total * np.float32(0.25)


@dataclass(frozen=True, slots=True)
class Detail:
    """The gradients of a frame: its structure tensor in each cell (Förstner and Gülch 1987), at two scales."""

    fine: npt.NDArray[np.float64]  # 3 x rows x columns of CELLS: xx, xy, yy over 1 sample, on the diagonals
    coarse: npt.NDArray[np.float64]  # the same over 4 samples of the frame smoothed by as much

    @property
    def strength(self) -> npt.NDArray[np.float64]:
        """Grey levels: the fine detail of each cell."""
        return np.asarray(np.sqrt(self.fine[0] + self.fine[2]), np.float64)

    def sharpness(self) -> tuple[float, float]:
        """How sharp edges are across the most and the least blurred direction; 1 is a perfect edge, 0.17 none at all.

        A blurred frame loses little to further smoothing, a sharp one much (Crete et al. 2007, "The blur effect"):
        that is the share of coarse gradient energy which is found at the fine scale. It does not depend on contrast.
        Noise adds to it, so that a noisy frame passes for sharp.
        """
        weights = 1.0 / (self.coarse[0] + self.coarse[2] + FAINT)
        xx, xy, yy = (self.fine * weights).sum(axis=(1, 2))
        wide_xx, wide_xy, wide_yy = (self.coarse * weights).sum(axis=(1, 2))
        determinant = wide_xx * wide_yy - wide_xy * wide_xy
        if determinant <= 1e-9 * (wide_xx + wide_yy) ** 2:
            return 1.0, 1.0  # nothing crosses one of the directions, so that nothing is known of it
        # The generalised eigenvalues of the two tensors, fine by coarse.
        half = (wide_yy * xx - 2 * wide_xy * xy + wide_xx * yy) / determinant / 2
        spread = np.sqrt(max(0.0, half * half - (xx * yy - xy * xy) / determinant))
        return float(half - spread) / EDGE, float(half + spread) / EDGE


def reduce(grey: Grey) -> tuple[Grey, Grey]:
    """Means over 4 x 4 samples, at every second sample, and without overlap: a thumbnail of at most 80 x 80."""
    rows, columns = (max(0, side // 4 * 4) for side in grey.shape)
    if not rows or not columns:
        return grey, grey
    lines = grey[0:rows:2] + grey[1:rows:2]
    pairs = lines[:, 0:columns:2] + lines[:, 1:columns:2]
    smooth = (pairs[:-1, :-1] + pairs[1:, :-1] + pairs[:-1, 1:] + pairs[1:, 1:]) * np.float32(1 / 16)
    return smooth, smooth[::2, ::2]


def detail(grey: Grey, smooth: Grey) -> Detail | None:
    """The gradients of `sample` and of `reduce`; None for a frame too small to say."""
    if grey.shape[0] < SMALLEST[0] or grey.shape[1] < SMALLEST[1]:
        return None
    return Detail(_tensor(grey, 1, every=2), _tensor(smooth, 2))


def _tensor(grey: Grey, apart: int, every: int = 1) -> npt.NDArray[np.float64]:
    """Along the two diagonals (Roberts' cross): which directions is all one, as long as they cross at 90 degrees."""
    upper, lower = grey[:-apart:every], grey[apart::every]
    falling = lower[:, apart:] - upper[:, :-apart]
    rising = lower[:, :-apart] - upper[:, apart:]
    rows, columns = falling.shape[0] // CELLS[0], falling.shape[1] // CELLS[1]
    falling = falling[: rows * CELLS[0], : columns * CELLS[1]]
    rising = rising[: rows * CELLS[0], : columns * CELLS[1]]
    products = (falling * falling, falling * rising, rising * rising)
    # Rows first: that much is added in one go.
    sums = [one.reshape(CELLS[0], rows, -1).sum(axis=1).reshape(*CELLS, columns).sum(axis=2) for one in products]
    return np.asarray(np.array(sums, np.float64) / (2 * rows * columns), np.float64)
