"""What comes between the street and the picture: dirt on the lens, and the way travelled while the shutter is open."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from agent.domain import Pixels
from agent.simulation.surfaces import Surfaces
from agent.simulation.textures import TILE, Floats, field
from agent.simulation.view import View

MUD = (62, 78, 92)  # in daylight
STEPS = 4  # doublings of the number of instants that a blurred frame is made of: 16 at most


def blur(frame: Pixels, view: View, seen: Surfaces, metres: float) -> Pixels:
    """The frame of a vehicle that drives so many metres while the shutter is open.

    What is near and to the side is drawn out most; where the vehicle drives to stays sharp.
    """
    if metres <= 0:
        return frame
    focal = view.focal * view.columns
    across = (np.arange(seen.depth.shape[1]) + 0.5) / seen.depth.shape[1] * view.columns - view.columns / 2
    down = (np.arange(seen.depth.shape[0]) + 0.5) / seen.depth.shape[0] * view.rows - view.horizon * view.rows
    way = np.where(seen.sky, 0.0, metres / seen.depth)
    right = way * (focal * np.sin(view.yaw) + across * np.cos(view.yaw))[None, :]
    below = way * (down * np.cos(view.yaw))[:, None]
    largest = float(max(np.abs(right).max(), np.abs(below).max()))
    if largest < 1:
        return frame
    size = view.columns, view.rows
    columns, rows = _grid(view.rows, view.columns)
    ways = [np.asarray(cv2.resize(part.astype(np.float32), size), np.float32) for part in (right, below)]
    for step in range(1, 1 + min(STEPS, max(1, int(np.ceil(np.log2(largest)))))):
        share = np.float32(0.5**step)
        x, y = columns - ways[0] * share, rows - ways[1] * share
        moved = cv2.remap(frame, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        frame = np.asarray(cv2.addWeighted(frame, 0.5, moved, 0.5, 0), np.uint8)
    return frame


def soil(frame: Pixels, seed: int, share: float) -> None:
    """Dirt over about that share (0..1) of the frame, at the same places in every frame, in place."""
    if share <= 0:
        return
    rows, columns = frame.shape[:2]
    clear, mud = _dirt(seed, rows, columns, share)
    # Dirt is lit by what the camera looks at.
    bright = min(1.3, max(0.03, float(frame[::8, ::8].mean()) / 105))
    frame[:] = cv2.add(cv2.multiply(frame, clear, scale=1 / 255), cv2.convertScaleAbs(mud, alpha=bright))


@lru_cache(maxsize=4)
def _dirt(seed: int, rows: int, columns: int, share: float) -> tuple[Pixels, Pixels]:
    """How much light the dirt lets through (255 is all), and its own colour by day; each rows x columns x 3."""
    rng = np.random.default_rng((seed, 7))
    size = 192
    top, left = rng.integers(0, TILE - size, 2)
    window = field(TILE, 1.7, 2)[top : top + size * 9 // 16, left : left + size]
    spatter = np.zeros_like(window)
    for _ in range(60):
        at = (int(rng.integers(size)), int(rng.integers(size * 9 // 16)))
        cv2.circle(spatter, at, int(rng.integers(1, 5)), float(rng.uniform(0.5, 1.6)), -1, cv2.LINE_AA)
    cover = cv2.resize((window + spatter).astype(np.float32), (columns, rows), interpolation=cv2.INTER_CUBIC)
    edge = float(np.quantile(cover, 1 - share))
    # A lens is far too near to be in focus: its dirt has no sharp edge.
    alpha = cv2.GaussianBlur(np.clip((cover - edge) * 2.2 + 0.45, 0, 1), (0, 0), columns / 90) * np.float32(0.86)
    if share >= 1:
        alpha = np.full_like(alpha, 0.86)
    whole = cv2.merge([alpha] * 3)
    return (255 * (1 - whole)).astype(np.uint8), (whole * np.asarray(MUD, np.float32)).astype(np.uint8)


@lru_cache(maxsize=2)
def _grid(rows: int, columns: int) -> tuple[Floats, Floats]:
    """The column and the row of each pixel."""
    down, across = np.mgrid[0:rows, 0:columns].astype(np.float32)
    return across, down
