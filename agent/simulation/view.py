"""A pinhole camera in the street: projection, sprites in perspective, and the grain of the ground.

World axes in metres: aside (right of the street's axis), up (above the road), along (down the street).
Verticals stay vertical: tilt is a shift of the horizon, which keeps every wall column at one depth.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt

from agent.domain import Pixels, Region
from agent.simulation.textures import TILE, Sprite, field, lay

NEAR = 0.3  # metres: nothing nearer is drawn
Points = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class View:
    """Where the camera stands, how it looks, and the size of its frames."""

    along: float  # metres
    aside: float = 1.6  # metres
    height: float = 1.7  # metres above the road
    yaw: float = 0.0  # radians, right positive
    horizon: float = 0.4  # fraction of the frame's height, from the top
    focal: float = 0.75  # fraction of the frame's width
    columns: int = 640  # pixels
    rows: int = 360  # pixels

    @property
    def right(self) -> Points:
        """The camera's right, as a world direction."""
        return np.array([np.cos(self.yaw), 0.0, -np.sin(self.yaw)])

    def matrix(self) -> Points:
        """3 x 4: world (aside, up, along, 1) to homogeneous pixels, whose third is the depth in metres."""
        sin, cos, focal = math.sin(self.yaw), math.cos(self.yaw), self.focal * self.columns
        middle, level = self.columns / 2, self.horizon * self.rows
        back = -(self.aside * sin + self.along * cos)
        left = self.along * sin - self.aside * cos
        return np.array(
            [
                [focal * cos + middle * sin, 0, middle * cos - focal * sin, focal * left + middle * back],
                [level * sin, -focal, level * cos, focal * self.height + level * back],
                [sin, 0, cos, back],
            ]
        )

    def project(self, corners: Points) -> Points | None:
        """The polygon (n x 3, world) as seen (m x 2, pixels), cut at NEAR; None where all of it is behind."""
        matrix = self.matrix()
        return _divided(corners @ matrix[:, :3].T + matrix[:, 3])


def _divided(seen: Points) -> Points | None:
    """Homogeneous corners cut at NEAR and divided by their depth."""
    if (seen[:, 2] > NEAR).all():
        return np.asarray(seen[:, :2] / seen[:, 2:])
    kept = []
    for first, second in zip(seen, np.roll(seen, -1, axis=0), strict=True):
        if first[2] > NEAR:
            kept.append(first)
        if (first[2] > NEAR) != (second[2] > NEAR):
            kept.append(first + (second - first) * (NEAR - first[2]) / (second[2] - first[2]))
    if not kept:
        return None
    cut = np.array(kept)
    return np.asarray(cut[:, :2] / cut[:, 2:])


@dataclass(frozen=True, slots=True)
class Card:
    """A sprite standing or lying in the world."""

    sprite: Sprite
    origin: Points  # world position of its top left corner
    right: Points  # world direction of its rows
    down: Points  # world direction of its columns
    gains: tuple[float, float, float] = (1.0, 1.0, 1.0)  # blue, green, red: its light

    def corners(self, extent: Region = (0, 0, 1, 1)) -> Points:
        """The four corners of that part of the sprite, 4 x 3, world."""
        left, top, right, bottom = extent
        across, below = self.right * self.sprite.width, self.down * self.sprite.height
        return np.array(
            [
                self.origin + across * x + below * y
                for x, y in ((left, top), (right, top), (right, bottom), (left, bottom))
            ]
        )


def paint(frame: Pixels, view: View, card: Card) -> None:
    """Draw a card in perspective, in place."""
    scale = card.sprite.scale
    plane = np.zeros((4, 3))
    plane[:3, 0], plane[:3, 1], plane[:3, 2], plane[3, 2] = card.right / scale, card.down / scale, card.origin, 1
    matrix = view.matrix() @ plane
    rows, columns = card.sprite.pixels.shape[:2]
    outline = _divided(np.array([(0, 0, 1), (columns, 0, 1), (columns, rows, 1), (0, rows, 1)], np.float64) @ matrix.T)
    if outline is None:
        return
    low, high = outline.min(axis=0), outline.max(axis=0)
    left, top = max(0, math.floor(low[0])), max(0, math.floor(low[1]))
    right, bottom = min(view.columns, math.ceil(high[0])), min(view.rows, math.ceil(high[1]))
    if right - left < 1 or bottom - top < 1:
        return
    pixels = card.sprite.level(1.4 * (high[0] - low[0]) / columns, 1.4 * (high[1] - low[1]) / rows)
    if pixels is not card.sprite.pixels:
        matrix = matrix @ np.diag([columns / pixels.shape[1], rows / pixels.shape[0], 1.0])
    matrix = np.array([[1, 0, -left], [0, 1, -top], [0, 0, 1]]) @ matrix
    warped = cv2.warpPerspective(pixels, matrix, (right - left, bottom - top), flags=cv2.INTER_LINEAR)
    if card.gains != (1.0, 1.0, 1.0):
        warped = cv2.multiply(warped, np.array([*card.gains, 1.0]))
    lay(frame[top:bottom, left:right], np.asarray(warped, np.uint8))


@lru_cache(maxsize=8)
def _ground_tile(level: int, seed: int) -> npt.NDArray[np.uint8]:
    """Gains of asphalt (128 is 1.0), 1 cm a pixel at level 0 and four times coarser at each next."""
    size = 2 * TILE
    noise = 13 * field(size, 0.25, seed) + 9 * field(size, 0.9, seed + 1)
    for _ in range(level):
        noise = np.asarray(cv2.resize(noise, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA), np.float32)
    return np.asarray(np.clip(128 + noise, 0, 255), np.uint8)


@lru_cache(maxsize=8)
def _wear_tile(seed: int) -> npt.NDArray[np.uint8]:
    """Slow changes of the road's tone (128 is 1.0), 10 cm a pixel."""
    return np.clip(128 + 10 * field(TILE, 1.3, seed), 0, 255).astype(np.uint8)


def roughen(frame: Pixels, view: View, seed: int) -> None:
    """Give the ground its grain, in place: everything below the horizon is taken to be ground."""
    focal, level = view.focal * view.columns, view.horizon * view.rows
    first = max(0, int(np.ceil(level + 2)))
    if first >= view.rows:
        return
    depth = focal * view.height / (np.arange(first, view.rows) + 0.5 - level)
    slant = (np.arange(view.columns) + 0.5 - view.columns / 2) / focal
    sin, cos = np.sin(view.yaw), np.cos(view.yaw)
    base = np.floor(view.along / 51.2) * 51.2
    aside = (view.aside + 100 + depth[:, None] * (sin + slant * cos)).astype(np.float32)
    along = (view.along - base + 200 + depth[:, None] * (cos - slant * sin)).astype(np.float32)
    gains = np.empty(aside.shape, np.uint8)
    finer = np.searchsorted(-depth, (-18.0, -5.0))
    for number, (start, end) in enumerate(zip((0, *finer), (*finer, len(depth)), strict=True)):
        if end > start:
            coarseness = 2 - number
            step = np.float32(100 / 4**coarseness)
            tile = _ground_tile(coarseness, seed % 3)
            gains[start:end] = cv2.remap(
                tile, aside[start:end] * step, along[start:end] * step, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP
            )
    few = np.s_[::4, ::8]
    worn = cv2.remap(
        _wear_tile(seed % 3),
        np.ascontiguousarray(aside[few]) * np.float32(10),
        np.ascontiguousarray(along[few]) * np.float32(10),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_WRAP,
    )
    worn = cv2.resize(worn, (gains.shape[1], gains.shape[0]))
    gains = cv2.multiply(gains, worn, scale=1 / 128)
    ground = frame[first:]
    ground[:] = cv2.multiply(ground, cv2.cvtColor(gains, cv2.COLOR_GRAY2BGR), scale=1 / 128)
