"""What is sprayed or pasted on walls: graffiti, and the printed bills that are none."""

from __future__ import annotations

import numpy as np

from agent.simulation.textures import (
    Colour,
    Sprite,
    blob,
    box,
    canvas,
    grain,
    opaque,
    pick,
    polygon,
    shade,
    spline,
    stroke,
)

SPRAYS: list[Colour] = [
    (20, 20, 20),
    (25, 25, 25),
    (30, 30, 35),
    (35, 35, 180),
    (190, 70, 30),
    (50, 140, 50),
    (170, 50, 140),
    (235, 235, 235),
    (190, 195, 195),
    (30, 130, 220),
    (170, 170, 50),
    (50, 190, 215),
    (110, 40, 80),
]
PRINTS: list[Colour] = [
    (235, 235, 235),
    (215, 225, 230),
    (60, 60, 60),
    (60, 60, 150),
    (140, 90, 50),
    (70, 120, 80),
    (60, 150, 190),
    (140, 170, 190),
    (120, 80, 120),
    (150, 150, 150),
]


def graffiti(rng: np.random.Generator) -> Sprite:
    """Tags, scribbles or filled letters, several on top of one another, with drips."""
    width, height, scale = rng.uniform(1.6, 4.5), rng.uniform(1.1, 2.2), 110.0
    pixels = canvas(width, height, scale)
    rows, columns = pixels.shape[:2]
    if rng.random() < 0.55:
        _filled_letters(pixels, rng, rows, columns)
    for _ in range(int(rng.integers(2, 7))):
        tall = rows * rng.uniform(0.25, 0.7)
        wide = min(columns * 0.9, tall * rng.uniform(1.2, 3.0))
        left, top = rng.uniform(0, columns - wide), rng.uniform(0, rows - tall)
        _tag(pixels, rng, left, top, wide, tall)
    spray = 1 + 0.08 * grain(rng, rows, columns, 0.6)
    shade(pixels, spray.astype(np.float32))
    worn = np.clip(1.15 + 0.2 * grain(rng, rows, columns, 1.3), 0.4, 1.0) * rng.uniform(0.82, 1.0)
    return Sprite((pixels * worn[..., None]).astype(np.uint8), scale)


def _tag(pixels: np.ndarray, rng: np.random.Generator, left: float, top: float, width: float, height: float) -> None:
    """A signature of invented letters in one stroke of a pen, underlined now and then."""
    colour, pen = opaque(pick(rng, SPRAYS, 18)), height * rng.uniform(0.05, 0.12)
    letters, slant = int(rng.integers(3, 7)), rng.uniform(-0.1, 0.4)
    for n in range(letters):
        knots = rng.uniform((-0.15, 0.0), (1.1, 1.0), (int(rng.integers(3, 6)), 2))
        knots[0, 1], knots[-1, 1] = rng.choice([0.0, 1.0], 2)
        across = left + (n + knots[:, 0] * 0.95 + slant * (1 - knots[:, 1])) * width / letters
        line = spline(np.column_stack([across, top + height * (0.12 + 0.76 * knots[:, 1])]))
        stroke(pixels, line, colour, pen)
    if rng.random() < 0.4:
        y = top + height * 0.95
        stroke(pixels, spline([(left, y), (left + width / 2, y - height * 0.1), (left + width, y)]), colour, pen)
    for _ in range(int(rng.integers(0, 4))):
        x, y = left + rng.random() * width, top + height * rng.uniform(0.5, 0.9)
        stroke(pixels, [(x, y), (x, y + height * rng.uniform(0.1, 0.5))], colour, max(1.0, pen * 0.3))


def _filled_letters(pixels: np.ndarray, rng: np.random.Generator, rows: int, columns: int) -> None:
    """Swollen letters that overlap: a fill, a contour, a highlight."""
    fill, line = pick(rng, SPRAYS, 25), pick(rng, SPRAYS, 10)
    letters = int(rng.integers(3, 6))
    step = columns / (letters + 0.3)
    for n in range(letters):
        centre = np.array([(n + 0.65) * step, rows * rng.uniform(0.45, 0.55)])
        outline = blob(rng, 0.28) * (step * 0.6, rows * rng.uniform(0.34, 0.44)) + centre
        polygon(pixels, outline, opaque(fill, rng.uniform(0.85, 1.15)))
        stroke(pixels, np.vstack([outline, outline[:1]]), opaque(line), rows * 0.035)
        hole = blob(rng, 0.2, 12) * step * rng.uniform(0.06, 0.16) + centre + rng.normal(0, step * 0.1, 2)
        polygon(pixels, hole, opaque(line))
        stroke(pixels, outline[17:22] * 0.85 + centre * 0.15, (255, 255, 255, 255), rows * 0.02)


def poster(rng: np.random.Generator) -> Sprite:
    """A printed bill, a street plate or a board: straight edges, flat colours."""
    width, height, scale = rng.uniform(0.4, 1.3), rng.uniform(0.5, 1.7), 90.0
    pixels = canvas(width, height, scale)
    rows, columns = pixels.shape[:2]
    pixels[:] = opaque(pick(rng, PRINTS))
    pixels[4:-4, 4:-4] = opaque(pick(rng, PRINTS))
    for _ in range(int(rng.integers(1, 4))):
        x, y = rng.uniform(0.05, 0.5) * columns, rng.uniform(0.05, 0.7) * rows
        box(
            pixels,
            x,
            y,
            x + columns * rng.uniform(0.2, 0.45),
            y + rows * rng.uniform(0.05, 0.3),
            opaque(pick(rng, PRINTS)),
        )
    for y in np.arange(rows * 0.6, rows * 0.92, 7):
        box(pixels, columns * 0.1, y, columns * rng.uniform(0.5, 0.9), y + 3, (60, 60, 60, 255))
    return Sprite(pixels, scale)
