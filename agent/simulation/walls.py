"""The fronts of the buildings along a street."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from agent.domain import Pixels
from agent.simulation.textures import Colour, Sprite, box, grain, pick, polygon

SCALE = 42  # pixels per metre
KINDS = {"house": 0.4, "shop": 0.18, "wall": 0.27, "garage": 0.15}  # how often each is met
PLASTERS: list[Colour] = [
    (150, 190, 215),
    (170, 205, 225),
    (190, 205, 210),
    (140, 165, 205),
    (120, 160, 190),
    (215, 220, 222),
    (165, 170, 170),
]
STONES: list[Colour] = [(140, 150, 158), (125, 140, 155), (165, 175, 180), (105, 112, 118), (90, 105, 150)]
SHUTTERS: list[Colour] = [
    (120, 90, 60),
    (70, 90, 50),
    (60, 80, 110),
    (150, 150, 150),
    (130, 110, 90),
    (60, 60, 130),
    (200, 200, 200),
]
SIGNS: list[Colour] = [
    (45, 45, 45),
    (50, 50, 130),
    (130, 70, 40),
    (60, 100, 60),
    (110, 60, 110),
    (225, 225, 225),
    (50, 120, 190),
    (80, 120, 120),
    (60, 170, 190),
    (90, 90, 95),
]


@lru_cache(maxsize=64)
def front(kind: str, seed: int) -> Sprite:
    """The front of a building, of one of KINDS: SCALE pixels per metre, opaque."""
    rng = np.random.default_rng((seed, len(kind)))
    pixels = {"house": _house, "shop": _shop, "wall": _wall, "garage": _garage}[kind](rng)
    return Sprite(np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2BGRA), np.uint8), SCALE)


def _surface(rng: np.random.Generator, width: float, height: float, colour: Colour) -> Pixels:
    """Plaster: a colour with stains, runs and a dirty foot."""
    rows, columns = round(height * SCALE), round(width * SCALE)
    runs = cv2.resize(grain(rng, 8, columns, 0.8), (columns, rows))
    gain = 1 + 0.05 * grain(rng, rows, columns, 1.6) + 0.025 * grain(rng, rows, columns, 0.3) + 0.02 * runs
    foot = np.clip((np.arange(rows) - rows + 1.2 * SCALE) / SCALE, 0, 1) * rng.uniform(0.05, 0.3)
    gain *= (1 - foot)[:, None]
    return np.asarray(np.clip(np.asarray(colour) * gain[..., None], 0, 255), np.uint8)


def _window(
    pixels: Pixels, rng: np.random.Generator, left: float, top: float, width: float, height: float, colour: Colour
) -> None:
    x, y, w, h = left * SCALE, top * SCALE, width * SCALE, height * SCALE
    box(pixels, x - 4, y - 4, x + w + 4, y + h + 4, [c * 0.85 + 35 for c in colour])
    glass = rng.uniform(35, 110)
    box(pixels, x, y, x + w, y + h, (glass * 1.1, glass, glass * 0.9))
    box(pixels, x, y, x + w, y + h * rng.uniform(0.2, 0.6), (glass * 1.5, glass * 1.35, glass * 1.2))
    bar = [rng.uniform(150, 235)] * 3
    for at in (0.0, 0.5, 1.0):
        box(pixels, x + w * at - 2, y, x + w * at + 2, y + h, bar)
    box(pixels, x - 6, y + h, x + w + 6, y + h + 5, [c * 0.8 for c in colour])


def _louvres(pixels: Pixels, left: float, top: float, width: float, height: float, colour: Colour) -> None:
    """A louvred shutter, in pixels."""
    box(pixels, left, top, left + width, top + height, colour)
    for y in np.arange(top + 3, top + height - 2, 5):
        box(pixels, left + 3, y, left + width - 3, y + 1.5, [c * 0.65 for c in colour])


def _floors(pixels: Pixels, rng: np.random.Generator, colour: Colour, lowest: float) -> None:
    """Rows of windows, from the top of the front down to `lowest` metres above the ground."""
    rows, columns = pixels.shape[:2]
    spacing, width, height = rng.uniform(2.0, 3.2), rng.uniform(0.9, 1.3), rng.uniform(1.3, 2.0)
    paint, shutters, balcony = pick(rng, SHUTTERS), rng.random() < 0.7, rng.random() < 0.3
    count = int((columns / SCALE - 0.6) / spacing)
    margin = (columns / SCALE - (count - 1) * spacing - width) / 2
    sill = rows / SCALE - lowest - 0.8
    while sill > height + 0.3:
        for n in range(count):
            left = margin + n * spacing
            _window(pixels, rng, left, sill - height, width, height, colour)
            x, y, w, h = left * SCALE, (sill - height) * SCALE, width * SCALE, height * SCALE
            if shutters and rng.random() < 0.3:
                _louvres(pixels, x, y, w, h, paint)
            elif shutters:
                _louvres(pixels, x - w / 2 - 2, y, w / 2, h, paint)
                _louvres(pixels, x + w + 2, y, w / 2, h, paint)
            if balcony:
                for bar in np.arange(x - 8, x + w + 8, 5):
                    box(pixels, bar, y + h * 0.5, bar + 1.5, y + h, (40, 40, 40))
        sill -= rng.uniform(2.9, 3.2)


def _door(pixels: Pixels, rng: np.random.Generator, left: float, width: float, height: float) -> None:
    rows = pixels.shape[0]
    colour = pick(rng, SHUTTERS)
    x, y, w = left * SCALE, rows - height * SCALE, width * SCALE
    box(pixels, x - 6, y - 6, x + w + 6, rows, [c * 0.5 + 80 for c in colour])
    box(pixels, x, y, x + w, rows, [c * 0.8 for c in colour])
    for side in (0.08, 0.54):
        for low, high in ((0.1, 0.45), (0.52, 0.92)):
            box(
                pixels,
                x + w * side,
                y + (rows - y) * low,
                x + w * (side + 0.38),
                y + (rows - y) * high,
                [c * 0.65 for c in colour],
            )


def _house(rng: np.random.Generator) -> Pixels:
    width, height = rng.uniform(6, 13), rng.uniform(6.5, 12)
    colour = pick(rng, PLASTERS)
    pixels = _surface(rng, width, height, colour)
    rows, columns = pixels.shape[:2]
    if rng.random() < 0.5:
        box(pixels, 0, rows - rng.uniform(0.5, 1.2) * SCALE, columns, rows, [c * 0.7 for c in colour])
    _floors(pixels, rng, colour, 3.0)
    left = rng.uniform(0.5, 1.5)
    _door(pixels, rng, left, rng.uniform(0.9, 1.3), rng.uniform(2.1, 2.6))
    left += 2.2
    while left < width - 1.6:
        if rng.random() < 0.6:
            _window(pixels, rng, left, height - 2.3, rng.uniform(0.9, 1.3), 1.3, colour)
        left += rng.uniform(1.8, 3.0)
    box(pixels, 0, 0, columns, 10, [c * 0.75 for c in colour])
    if rng.random() < 0.6:
        at = columns * rng.choice([0.03, 0.97])
        box(pixels, at - 3, 0, at + 3, rows, [rng.uniform(90, 190)] * 3)
    return pixels


def _lettering(
    pixels: Pixels, rng: np.random.Generator, left: float, bottom: float, size: float, colour: Colour
) -> None:
    """A sign of random capitals: printed letters are no graffiti."""
    text = "".join(rng.choice(list("ABCDEFGHIJKLMNOPRSTUVXZ"), int(rng.integers(4, 10))))
    font = int(rng.choice([cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_TRIPLEX]))
    cv2.putText(pixels, text, (round(left), round(bottom)), font, size, colour, max(1, round(size * 2)), cv2.LINE_AA)


def _shop(rng: np.random.Generator) -> Pixels:
    width, height = rng.uniform(6, 11), rng.uniform(5.5, 11)
    colour = pick(rng, PLASTERS)
    pixels = _surface(rng, width, height, colour)
    rows, columns = pixels.shape[:2]
    _floors(pixels, rng, colour, 3.6)
    trim, sign = pick(rng, SHUTTERS, 15), pick(rng, SIGNS, 20)
    box(pixels, 8, rows - 3.0 * SCALE, columns - 8, rows, trim)
    left = 0.4
    while left < width - 1.2:
        pane = min(rng.uniform(1.2, 2.4), width - left - 0.4)
        x, w = left * SCALE, pane * SCALE
        if rng.random() < 0.25:
            box(pixels, x, rows - 2.5 * SCALE, x + w, rows - 5, (150, 150, 150))
            for y in np.arange(rows - 2.5 * SCALE, rows - 6, 5):
                box(pixels, x, y, x + w, y + 1.5, (105, 105, 105))
        else:
            glass = rng.uniform(30, 90)
            box(pixels, x, rows - 2.5 * SCALE, x + w, rows - 15, (glass * 1.15, glass, glass * 0.9))
            for _ in range(5):
                at, tall = x + rng.uniform(0, 0.8) * w, rng.uniform(0.3, 1.4) * SCALE
                box(
                    pixels,
                    at,
                    rows - 20 - tall,
                    min(x + w, at + w * 0.2),
                    rows - 20,
                    [c * 0.6 for c in pick(rng, PLASTERS, 20)],
                )
            polygon(
                pixels,
                [
                    (x + w * 0.1, rows - 2.5 * SCALE),
                    (x + w * 0.4, rows - 2.5 * SCALE),
                    (x + w * 0.2, rows - 16),
                    (x, rows - 16),
                ],
                [glass * 1.6] * 3,
            )
        left += pane + 0.15
    box(pixels, 8, rows - 3.3 * SCALE, columns - 8, rows - 2.65 * SCALE, sign)
    ink = (245.0, 245.0, 245.0) if sum(sign) < 380 else (30.0, 30.0, 30.0)
    _lettering(pixels, rng, columns * rng.uniform(0.1, 0.4), rows - 2.8 * SCALE, rng.uniform(0.7, 1.0), ink)
    if rng.random() < 0.4:
        stripes = np.linspace(8, columns - 8, 15)
        for n in range(14):
            box(
                pixels,
                stripes[n],
                rows - 2.75 * SCALE,
                stripes[n + 1],
                rows - 2.2 * SCALE,
                sign if n % 2 else (230, 230, 230),
            )
    return pixels


def _wall(rng: np.random.Generator) -> Pixels:
    """A blind wall: plaster, concrete, blocks or brick."""
    width, height = rng.uniform(7, 16), rng.uniform(2.2, 4.5) if rng.random() < 0.7 else rng.uniform(5, 9)
    colour = pick(rng, STONES if rng.random() < 0.6 else PLASTERS)
    pixels = _surface(rng, width, height, colour)
    rows, columns = pixels.shape[:2]
    if rng.random() < 0.5:
        tall, wide = (0.09, 0.26) if rng.random() < 0.5 else (rng.uniform(0.2, 0.45), rng.uniform(0.4, 1.0))
        joint = [c * rng.uniform(0.75, 1.2) for c in colour]
        for course, y in enumerate(np.arange(rows, 0, -tall * SCALE)):
            box(pixels, 0, y - 1, columns, y, joint)
            for x in np.arange((course % 2) * wide / 2 * SCALE, columns, wide * SCALE):
                box(pixels, x, y - tall * SCALE, x + 1, y, joint)
    elif rng.random() < 0.5:
        for x in np.arange(0, columns, rng.uniform(1.5, 3.0) * SCALE):
            box(pixels, x - 1, 0, x + 1, rows, [c * 0.75 for c in colour])
    box(pixels, 0, 0, columns, 8, [c * 0.8 for c in colour])
    return pixels


def _garage(rng: np.random.Generator) -> Pixels:
    """A workshop: plaster with roller shutters and a small door."""
    width, height = rng.uniform(7, 14), rng.uniform(3.5, 7)
    colour = pick(rng, PLASTERS + STONES)
    pixels = _surface(rng, width, height, colour)
    rows = pixels.shape[0]
    left = rng.uniform(0.4, 1.2)
    _door(pixels, rng, left, 0.95, 2.1)
    left += rng.uniform(1.5, 2.5)
    while left < width - 3:
        steel, wide, tall = pick(rng, SHUTTERS), rng.uniform(2.4, 3.2), rng.uniform(2.2, 2.9)
        x, y = left * SCALE, rows - tall * SCALE
        box(pixels, x, y, x + wide * SCALE, rows, steel)
        for line in np.arange(y, rows, rng.uniform(4, 9)):
            box(pixels, x, line, x + wide * SCALE, line + 1.5, [c * 0.72 for c in steel])
        left += wide + rng.uniform(0.8, 3)
    return pixels
