"""What people leave on the pavement: sacks, boxes, litter, and heaps of them."""

from __future__ import annotations

import cv2
import numpy as np

from agent.simulation.bulky import appliance, mattress, planks, sofa, tyre
from agent.simulation.textures import (
    Colour,
    Floats,
    Sprite,
    blob,
    box,
    canvas,
    grain,
    lay,
    opaque,
    pick,
    polygon,
    see_through,
    shade,
)

SCALE = 130.0  # pixels per metre
BAGS: list[Colour] = [
    (38, 36, 35),
    (40, 38, 38),
    (34, 34, 36),
    (48, 45, 42),
    (36, 36, 40),
    (185, 190, 190),
    (175, 180, 185),
    (150, 100, 60),
    (70, 95, 60),
    (60, 65, 120),
    (95, 160, 175),
]
LITTER: list[Colour] = [
    (225, 228, 230),
    (205, 210, 212),
    (215, 218, 220),
    (95, 140, 175),
    (110, 150, 180),
    (45, 45, 45),
    (60, 60, 170),
    (160, 110, 60),
    (70, 130, 80),
]
CARD: Colour = (95, 140, 175)


def bag(pixels: np.ndarray, rng: np.random.Generator, x: float, foot: float, size: float) -> None:
    """A tied sack with folds and shine, its foot at (x, foot), `size` pixels wide."""
    colour = np.array(pick(rng, BAGS, 8), np.float32)
    tall = size * rng.uniform(0.75, 1.15)
    outline = blob(rng, 0.16, 24) * (size / 2, tall / 2) + (x, foot - tall / 2)
    outline[:, 1] = np.minimum(outline[:, 1], foot)
    knot = np.array([x + rng.normal(0, size * 0.12), foot - tall * 0.97])
    flare = size * rng.uniform(0.05, 0.12)
    ears = [(-1.3, -1.8), (0, -0.9), (1.2, -1.6), (1.5, 2.5), (-1.5, 2.5)]
    left, top = np.floor(np.minimum(outline.min(axis=0), knot - 2.5 * flare)).astype(int) - 1
    right, bottom = np.ceil(np.maximum(outline.max(axis=0), knot + 2.5 * flare)).astype(int) + 1
    left, top = max(0, int(left)), max(0, int(top))
    right, bottom = min(pixels.shape[1], int(right)), min(pixels.shape[0], int(bottom))
    if right - left < 8 or bottom - top < 8:
        return
    mask = np.zeros((bottom - top, right - left), np.uint8)
    polygon(mask, outline - (left, top), (255,))
    polygon(mask, knot + np.array(ears) * flare - (left, top), (255,))
    colours = colour * _plastic(rng, mask, knot - (left, top), size)[..., None]
    lay(pixels[top:bottom, left:right], see_through(colours, np.asarray(mask / 255, np.float32)))


def _plastic(rng: np.random.Generator, mask: np.ndarray, knot: np.ndarray, size: float) -> Floats:
    """Gains of a swollen skin lit from above, its folds running from the knot."""
    rows, columns = mask.shape
    y, x = np.mgrid[0:rows, 0:columns].astype(np.float32)
    reach = np.minimum(cv2.distanceTransform(mask, cv2.DIST_L2, 3) / (0.35 * size), 1)
    angle = np.arctan2(y - knot[1], x - knot[0])
    away = np.hypot(y - knot[1], x - knot[0]) / size
    folds = sum(np.sin(order * angle + rng.uniform(0, 6.3)) for order in (7, 13, 21)) * np.exp(-2.2 * away)
    relief = np.sqrt(reach * (2 - reach)) + rng.uniform(0.03, 0.07) * folds + 0.035 * grain(rng, rows, columns, 1.3)
    relief = np.asarray(cv2.GaussianBlur(relief.astype(np.float32), (0, 0), 1.0)) * (0.3 * size)
    slope_x, slope_y = (
        cv2.Sobel(relief, cv2.CV_32F, 1, 0, scale=0.125),
        cv2.Sobel(relief, cv2.CV_32F, 0, 1, scale=0.125),
    )
    length = np.sqrt(1 + slope_x**2 + slope_y**2)
    facing = (-slope_x * rng.uniform(-0.5, 0.5) + slope_y * 0.75 + 0.6) / length
    shine = np.clip(facing, 0, 1) ** 14
    return np.asarray(0.35 + 0.75 * np.clip(facing, 0, 1) + rng.uniform(0.5, 2.0) * shine, np.float32)


def carton(pixels: np.ndarray, rng: np.random.Generator, x: float, foot: float, size: float) -> None:
    """A box, two faces and a top or open flaps."""
    colour = pick(rng, [CARD, CARD, (200, 205, 210), (150, 130, 110)], 14)
    wide, tall = size * rng.uniform(0.7, 1.2), size * rng.uniform(0.45, 1.0)
    side, rise = wide * rng.uniform(0.2, 0.5), tall * rng.uniform(0.1, 0.25)
    left, right, top = x - wide / 2, x + wide / 2 - side, foot - tall
    polygon(pixels, [(left, top), (right, top), (right, foot), (left, foot)], opaque(colour))
    polygon(
        pixels,
        [(right, top), (right + side, top - rise), (right + side, foot - rise), (right, foot)],
        opaque(colour, 0.65),
    )
    polygon(
        pixels,
        [(left, top), (right, top), (right + side, top - rise), (left + side, top - rise)],
        opaque(colour, rng.choice([0.4, 1.2])),
    )
    if rng.random() < 0.5:
        polygon(
            pixels,
            [(left, top), (right, top), (right - side, top + rise * 2), (left - side, top + rise * 2)],
            opaque(colour, 1.1),
        )
    box(pixels, (left + right) / 2 - wide * 0.03, top, (left + right) / 2 + wide * 0.03, foot, opaque(colour, 0.85))


def litter(pixels: np.ndarray, rng: np.random.Generator, count: int, spread: tuple[float, float, float, float]) -> None:
    """Paper, cups and scraps within left, top, right, bottom."""
    left, top, right, bottom = spread
    for _ in range(count):
        centre = (rng.uniform(left, right), rng.uniform(top, bottom))
        outline = blob(rng, 0.35, 9) * (rng.uniform(4, 15), rng.uniform(3, 8)) + centre
        colour = pick(rng, LITTER, 15)
        polygon(pixels, np.add(outline, (0, 2)), opaque(colour, 0.4))
        polygon(pixels, outline, opaque(colour, rng.uniform(0.7, 1.1)))


def grounded(pixels: np.ndarray, rng: np.random.Generator) -> Sprite:
    """Give the things on a sprite relief, a dark foot, and the shadow they cast on the ground."""
    rows, columns = pixels.shape[:2]
    relief = 1 + 0.035 * grain(rng, rows, columns, 1.0)
    fall = np.clip((np.arange(rows) - rows * 0.6) / (rows * 0.4), 0, 1) ** 2 * 0.35
    shade(pixels, (relief * (1 - fall)[:, None]).astype(np.float32))
    squashed = cv2.resize(pixels[..., 3], (columns, max(2, rows // 8)), interpolation=cv2.INTER_AREA)
    shadow = np.zeros((rows, columns), np.uint8)
    shadow[rows - squashed.shape[0] :] = squashed
    shadow = np.maximum(shadow, np.roll(shadow, int(rng.integers(-30, 30)), 1))
    soft = cv2.GaussianBlur(shadow, (0, 0), 5).astype(np.float32) / 255
    alpha = pixels[..., 3] / np.float32(255)
    pixels[..., 3] = np.clip(255 * (alpha + (1 - alpha) * soft * 0.6), 0, 255).astype(np.uint8)
    return Sprite(pixels, SCALE)


def trimmed(sprite: Sprite) -> Sprite:
    """The sprite without the empty rows and columns around what it shows; its foot stays."""
    alpha = sprite.pixels[..., 3] > 12
    columns, rows = np.flatnonzero(alpha.any(axis=0)), np.flatnonzero(alpha.any(axis=1))
    return Sprite(np.ascontiguousarray(sprite.pixels[rows[0] :, columns[0] : columns[-1] + 1]), sprite.scale)


def illegal_dumping(rng: np.random.Generator) -> Sprite:
    """A heap without a bin: sacks, boxes, furniture, the small in front of the large."""
    width, height = rng.uniform(1.8, 4.5), 2.0
    pixels = canvas(width, height, SCALE)
    rows, columns = pixels.shape[:2]
    ground = rows - 14.0
    large = [mattress, appliance, sofa, planks, appliance]
    small = [bag, bag, bag, carton, carton, tyre, planks]
    bulky = bool(rng.random() < 0.7)
    for _ in range(int(rng.integers(1, 4)) if bulky else 0):
        paint = large[int(rng.integers(len(large)))]
        paint(
            pixels, rng, rng.uniform(0.3, 0.7) * columns, ground - rng.uniform(10, 30), rng.uniform(0.7, 1.05) * SCALE
        )
    count = int(rng.integers(4, 10)) if bulky else int(rng.integers(7, 14))
    for depth in np.sort(rng.uniform(0, 1, count)):
        paint = small[int(rng.integers(len(small)))]
        x = columns * (0.5 + np.clip(rng.normal(0, 0.17), -0.34, 0.34))
        pile = (1 - abs(x / columns - 0.5) * 2.2) * (1 - depth) * (0 if bulky else 50)
        paint(pixels, rng, x, ground - (1 - depth) * 20 - pile, rng.uniform(0.35, 0.75) * SCALE)
    litter(pixels, rng, int(rng.integers(4, 25)), (columns * 0.08, ground - 12, columns * 0.92, ground + 8))
    return trimmed(grounded(pixels, rng))
