"""Bins of the street, closed or overflowing."""

from __future__ import annotations

import cv2
import numpy as np

from agent.simulation.rubbish import SCALE, bag, carton, grounded, litter, trimmed
from agent.simulation.textures import Colour, Sprite, box, canvas, opaque, pick, polygon, spline, stroke

BODIES: list[Colour] = [
    (60, 85, 50),
    (75, 75, 75),
    (50, 50, 50),
    (45, 90, 60),
    (100, 95, 90),
    (50, 70, 110),
    (120, 80, 40),
]
LIDS: list[Colour] = [
    (40, 190, 225),
    (60, 85, 50),
    (60, 60, 60),
    (150, 90, 40),
    (50, 110, 70),
    (60, 70, 150),
    (45, 90, 60),
]


def closed_bin(rng: np.random.Generator) -> Sprite:
    """A bin with its lid shut and nothing around it."""
    return _bin(rng, overflowing=False)


def overflowing_bin(rng: np.random.Generator) -> Sprite:
    """A bin whose lid stands open on a heap of sacks, with rubbish on the ground."""
    return _bin(rng, overflowing=True)


def _bin(rng: np.random.Generator, *, overflowing: bool) -> Sprite:
    kind = rng.choice(["container", "container", "wheeled", "basket"])
    wide, tall = {
        "container": (rng.uniform(1.1, 1.5), rng.uniform(1.0, 1.25)),
        "wheeled": (0.6, 1.05),
        "basket": (0.5, 0.95),
    }[kind]
    count = int(rng.choice([1, 1, 2, 3])) if kind != "basket" else 1
    margin = 0.9 if overflowing else 0.25
    pixels = canvas(count * (wide + 0.25) + 2 * margin, tall + 1.1, SCALE)
    rows, columns = pixels.shape[:2]
    ground = rows - 14.0
    for n in range(count):
        x = (margin + (n + 0.5) * (wide + 0.25)) * SCALE
        spilling = overflowing and (n == 0 or rng.random() < 0.7)
        if kind == "basket":
            _basket(pixels, rng, x, ground, wide * SCALE, tall * SCALE, spilling)
        else:
            _container(pixels, rng, x, ground, wide * SCALE, tall * SCALE, spilling)
    if overflowing:
        scale = 1.0 if kind == "container" else 0.75
        for _ in range(int(rng.integers(1, 6))):
            x = columns * (rng.uniform(0.1, 0.35) if rng.random() < 0.5 else rng.uniform(0.65, 0.9))
            paint = bag if rng.random() < 0.75 else carton
            paint(pixels, rng, x, ground + rng.uniform(-8, 6), rng.uniform(0.35, 0.6) * SCALE * scale)
        litter(pixels, rng, int(rng.integers(6, 30)), (columns * 0.06, ground - 8, columns * 0.94, ground + 9))
    return trimmed(grounded(pixels, rng))


def _container(
    pixels: np.ndarray, rng: np.random.Generator, x: float, ground: float, wide: float, tall: float, spilling: bool
) -> None:
    """A bin on wheels with a hinged lid."""
    body, lid = pick(rng, BODIES, 10), pick(rng, LIDS, 10)
    top, foot = ground - tall * 0.86, ground - tall * 0.1
    side = wide * rng.uniform(0.08, 0.22)
    left, right = x - wide / 2, x + wide / 2 - side
    inset = wide * 0.06
    if spilling:
        rise = tall * rng.uniform(0.45, 0.75)
        polygon(
            pixels,
            [(left, top), (left + side, top - rise), (right + side, top - rise), (right + side * 0.6, top)],
            opaque(lid, 0.7),
        )
        polygon(
            pixels,
            [(left + 6, top), (left + side + 6, top - rise + 8), (right + side - 8, top - rise + 8), (right, top)],
            opaque(lid, 0.5),
        )
    for wheel in (left + inset * 2, right - inset * 2):
        cv2.circle(
            pixels, (round(wheel), round(ground - tall * 0.06)), round(tall * 0.07), (30, 30, 30, 255), -1, cv2.LINE_AA
        )
    polygon(
        pixels,
        [
            (right, top),
            (right + side, top - side * 0.25),
            (right + side - inset, foot - side * 0.2),
            (right - inset, foot),
        ],
        opaque(body, 0.6),
    )
    if spilling:
        for _ in range(int(rng.integers(3, 7))):
            at = x + rng.uniform(-0.36, 0.3) * wide
            bag(pixels, rng, at, top + tall * rng.uniform(0.02, 0.12), min(wide * 0.5, SCALE * rng.uniform(0.35, 0.6)))
    polygon(pixels, [(left, top), (right, top), (right - inset, foot), (left + inset, foot)], opaque(body))
    box(pixels, left - 3, top, right + 3, top + tall * 0.06, opaque(body, 1.25))
    for rib in np.linspace(left + wide * 0.2, right - wide * 0.2, 4):
        stroke(pixels, [(rib, top + tall * 0.15), (rib, foot - tall * 0.05)], opaque(body, 0.8), 3)
    if rng.random() < 0.5:
        box(pixels, x - wide * 0.15, top + tall * 0.25, x + wide * 0.05, top + tall * 0.4, opaque((225, 225, 225)))
    if not spilling:
        hump = tall * rng.uniform(0.1, 0.2)
        polygon(
            pixels,
            spline(
                [
                    (left - 5, top + 3),
                    (left + side * 0.3, top - hump * 0.8),
                    (x, top - hump),
                    (right + side * 0.8, top - hump * 0.8),
                    (right + side + 4, top - 2),
                ]
            ),
            opaque(lid),
        )
        stroke(
            pixels,
            [(left - 5, top + 2), (right + 4, top + 2), (right + side + 4, top - side * 0.25)],
            opaque(lid, 0.6),
            3,
        )
    elif rng.random() < 0.6:
        litter(pixels, rng, 6, (left, top - 10, right, top + 6))


def _basket(
    pixels: np.ndarray, rng: np.random.Generator, x: float, ground: float, wide: float, tall: float, spilling: bool
) -> None:
    """A street litter bin: a drum, slatted or plain, or a clear sack on a hoop."""
    body = pick(rng, [(60, 60, 60), (60, 80, 50), (130, 135, 138), (80, 105, 140), (50, 50, 50)], 8)
    top, foot = ground - tall * 0.85, ground - tall * rng.choice([0.0, 0.2])
    left, right = x - wide / 2, x + wide / 2
    if spilling:
        for _ in range(int(rng.integers(2, 5))):
            bag(pixels, rng, x + rng.uniform(-0.3, 0.3) * wide, top + 12, wide * rng.uniform(0.5, 0.8))
        litter(pixels, rng, 14, (left, top - wide * 0.45, right, top + 4))
    box(pixels, x - 5, foot, x + 5, ground, opaque(body, 0.6))
    polygon(pixels, [(left, top), (right, top), (right - wide * 0.07, foot), (left + wide * 0.07, foot)], opaque(body))
    slats = rng.random() < 0.6
    for n, at in enumerate(np.linspace(left, right, 10)[:-1]):
        light = 0.7 + 0.5 * np.sin((at - left) / wide * np.pi)
        polygon(
            pixels,
            [(at, top), (at + wide / 9, top), (at + wide / 9, foot), (at, foot)]
            if not n or n == 8
            else [(at, top + 2), (at + wide / 9, top + 2), (at + wide / 9, foot), (at, foot)],
            opaque(body, light),
        )
        if slats:
            stroke(pixels, [(at, top + 4), (at, foot - 4)], opaque(body, 0.4), 2)
    box(pixels, left - 4, top - 4, right + 4, top + 5, opaque(body, 1.3))
    if not spilling and rng.random() < 0.6:
        polygon(pixels, spline([(left - 3, top - 12), (x, top - 34), (right + 3, top - 12)]), opaque(body, 0.9))
        for at in (left + 4, right - 4):
            stroke(pixels, [(at, top - 14), (at, top)], opaque(body, 0.7), 3)
