"""What stands in a street and is no defect: cars, trees, posts, planters."""

from __future__ import annotations

import cv2
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

PAINTWORK: list[Colour] = [
    (35, 35, 35),
    (225, 225, 225),
    (150, 150, 150),
    (90, 90, 95),
    (120, 60, 30),
    (40, 40, 140),
    (190, 180, 165),
    (70, 80, 60),
]
CAR_LENGTH, CAR_WIDTH = 4.2, 1.75  # metres
SCALE = 80.0  # pixels per metre


def car_side(rng: np.random.Generator) -> Sprite:
    """A parked car seen from the side."""
    colour = pick(rng, PAINTWORK, 10)
    tall = rng.uniform(1.42, 1.75)
    pixels = canvas(CAR_LENGTH, tall, SCALE)
    rows, columns = pixels.shape[:2]
    sill, waist, bonnet = rows * 0.86, rows * 0.46, columns * rng.uniform(0.18, 0.3)
    tail = columns * rng.uniform(0.86, 0.97)
    roof = [
        (2, waist + 8),
        (bonnet, waist - 2),
        (bonnet + columns * 0.14, 6),
        (columns * 0.55, 2),
        (tail, 8),
        (columns - 2, waist),
    ]
    polygon(pixels, [(2, sill), *spline(roof, 6), (columns - 2, sill)], opaque(colour))
    glass = [
        (bonnet + columns * 0.03, waist - 2),
        (bonnet + columns * 0.15, 12),
        (tail - columns * 0.03, 13),
        (columns * 0.93, waist - 2),
    ]
    polygon(pixels, glass, (62, 55, 50, 255))
    polygon(pixels, [glass[0], glass[1], (glass[1][0] + 30, 12), (glass[0][0] + 50, waist - 2)], (120, 112, 105, 255))
    for at in (0.52, 0.7):
        box(pixels, columns * at - 3, 10, columns * at + 3, waist, opaque(colour, 0.8))
    stroke(pixels, [(6, rows * 0.6), (columns - 6, rows * 0.58)], opaque(colour, 0.75), 3)
    for at in (0.36, 0.53, 0.71):
        stroke(pixels, [(columns * at, waist), (columns * at, sill - 6)], opaque(colour, 0.6), 1)
    box(pixels, 3, sill - 8, columns - 3, sill, opaque(colour, 0.4))
    for at in (0.18, 0.8):
        centre = (round(columns * at), round(rows * 0.8))
        cv2.circle(pixels, centre, round(rows * 0.2), (28, 28, 28, 255), -1, cv2.LINE_AA)
        cv2.circle(pixels, centre, round(rows * 0.12), opaque([rng.uniform(90, 170)] * 3), -1, cv2.LINE_AA)
        cv2.circle(pixels, centre, round(rows * 0.04), (60, 60, 60, 255), -1, cv2.LINE_AA)
    shade(pixels, np.linspace(1.15, 0.75, rows, dtype=np.float32)[:, None].repeat(columns, 1))
    return Sprite(pixels, SCALE)


def car_rear(rng: np.random.Generator) -> Sprite:
    """The back of the car of the same seed, its plate left blank."""
    colour = pick(rng, PAINTWORK, 10)
    tall = rng.uniform(1.42, 1.75)
    pixels = canvas(CAR_WIDTH, tall, SCALE)
    rows, columns = pixels.shape[:2]
    outline = [
        (3, rows * 0.84),
        (2, rows * 0.5),
        (columns * 0.1, rows * 0.3),
        (columns * 0.19, 5),
        (columns * 0.5, 1),
        (columns * 0.81, 5),
        (columns * 0.9, rows * 0.3),
        (columns - 2, rows * 0.5),
        (columns - 3, rows * 0.84),
    ]
    for at in (0.05, 0.8):
        box(pixels, columns * at, rows * 0.75, columns * (at + 0.15), rows, (25, 25, 25, 255))
    polygon(pixels, outline, opaque(colour))
    polygon(
        pixels,
        [
            (columns * 0.16, rows * 0.42),
            (columns * 0.22, rows * 0.09),
            (columns * 0.78, rows * 0.09),
            (columns * 0.84, rows * 0.42),
        ],
        (60, 52, 46, 255),
    )
    polygon(
        pixels,
        [
            (columns * 0.3, rows * 0.42),
            (columns * 0.4, rows * 0.09),
            (columns * 0.55, rows * 0.09),
            (columns * 0.45, rows * 0.42),
        ],
        (105, 95, 88, 255),
    )
    for at in (0.05, 0.81):
        box(pixels, columns * at, rows * 0.47, columns * (at + 0.14), rows * 0.6, (30, 30, 165, 255))
    box(pixels, 2, rows * 0.74, columns - 2, rows * 0.86, opaque(colour, 0.5))
    shade(pixels, np.linspace(1.1, 0.75, rows, dtype=np.float32)[:, None].repeat(columns, 1))
    return Sprite(pixels, SCALE)


def tree(rng: np.random.Generator) -> Sprite:
    """A plane tree of the pavement: trunk and crown."""
    scale, width, height = 45.0, rng.uniform(3.0, 5.0), rng.uniform(5.0, 8.0)
    pixels = canvas(width, height, scale)
    rows, columns = pixels.shape[:2]
    middle, trunk = columns / 2, rng.uniform(5, 10)
    bark = pick(rng, [(95, 110, 120), (60, 70, 85), (110, 125, 130)], 8)
    lean = rng.normal(0, 10)
    polygon(
        pixels,
        [
            (middle - trunk, rows),
            (middle + lean - trunk * 0.6, rows * 0.3),
            (middle + lean + trunk * 0.6, rows * 0.3),
            (middle + trunk, rows),
        ],
        opaque(bark),
    )
    polygon(
        pixels,
        [
            (middle + trunk * 0.3, rows),
            (middle + lean + trunk * 0.1, rows * 0.3),
            (middle + lean + trunk * 0.6, rows * 0.3),
            (middle + trunk, rows),
        ],
        opaque(bark, 0.65),
    )
    leaf = pick(rng, [(50, 100, 70), (40, 85, 60), (60, 110, 95), (45, 80, 45), (50, 120, 150)], 8)
    for layer in np.linspace(0.6, 1.25, 5):
        for _ in range(9):
            reach = columns * rng.uniform(0.1, 0.2)
            centre = (
                middle + lean + rng.normal(0, columns * 0.14),
                rows * 0.28 + rng.normal(0, rows * 0.09) - layer * 12,
            )
            polygon(pixels, blob(rng, 0.5) * reach + centre, opaque(leaf, layer))
    shade(pixels, (1 + 0.22 * grain(rng, rows, columns, 0.4)).astype(np.float32))
    return Sprite(pixels, scale)


def post(rng: np.random.Generator) -> Sprite:
    """A lamp post, a traffic sign or a bollard."""
    scale = 60.0
    kind = rng.choice(["lamp", "sign", "bollard"])
    height = {"lamp": 6.0, "sign": 2.7, "bollard": 1.0}[kind]
    pixels = canvas(1.6 if kind == "lamp" else 0.8, height, scale)
    rows, columns = pixels.shape[:2]
    metal, half = opaque([rng.uniform(40, 140)] * 3), {"lamp": 5, "sign": 2.5, "bollard": 5}[kind]
    middle = columns / 2
    box(pixels, middle - half, 4, middle + half, rows, metal)
    box(pixels, middle + half * 0.2, 4, middle + half, rows, opaque(metal, 0.6))
    if kind == "lamp":
        stroke(pixels, [(middle, 6), (4, 10)], metal, 5)
        box(pixels, 0, 6, 26, 14, opaque(metal, 1.2))
    elif kind == "sign":
        red = (40.0, 40.0, 190.0) if rng.random() < 0.6 else (170.0, 90.0, 20.0)
        centre = (round(middle), 22)
        if rng.random() < 0.7:
            cv2.circle(pixels, centre, 20, opaque(red), -1, cv2.LINE_AA)
            cv2.circle(pixels, centre, 14, (235, 235, 235, 255), -1, cv2.LINE_AA)
        else:
            polygon(pixels, [(middle, 2), (middle + 22, 40), (middle - 22, 40)], opaque(red))
            polygon(pixels, [(middle, 12), (middle + 14, 35), (middle - 14, 35)], (235, 235, 235, 255))
    return Sprite(pixels, scale)


def planter(rng: np.random.Generator) -> Sprite:
    """A tub with a shrub."""
    scale, width = 90.0, rng.uniform(0.6, 1.4)
    pixels = canvas(width, 1.25, scale)
    rows, columns = pixels.shape[:2]
    tub = pick(rng, [(130, 140, 150), (60, 75, 110), (70, 70, 70), (150, 160, 165)], 10)
    leaf = pick(rng, [(50, 100, 70), (40, 85, 60), (60, 120, 90)], 8)
    for _ in range(14):
        centre = (columns * rng.uniform(0.25, 0.75), rows * rng.uniform(0.2, 0.5))
        polygon(pixels, blob(rng, 0.5) * columns * rng.uniform(0.1, 0.2) + centre, opaque(leaf, rng.uniform(0.6, 1.3)))
    top = rows * 0.52
    polygon(
        pixels,
        [(columns * 0.1, top), (columns * 0.9, top), (columns * 0.82, rows), (columns * 0.18, rows)],
        opaque(tub),
    )
    polygon(
        pixels,
        [(columns * 0.65, top), (columns * 0.9, top), (columns * 0.82, rows), (columns * 0.62, rows)],
        opaque(tub, 0.7),
    )
    box(pixels, columns * 0.07, top, columns * 0.93, top + 9, opaque(tub, 1.15))
    shade(pixels, (1 + 0.08 * grain(rng, rows, columns, 0.6)).astype(np.float32))
    return Sprite(pixels, scale)
