"""Bulky waste: furniture, appliances, boards and tyres, each standing at (x, foot), `size` pixels a metre or so."""

from __future__ import annotations

import cv2
import numpy as np

from agent.simulation.textures import blob, box, opaque, pick, polygon, stroke


def mattress(pixels: np.ndarray, rng: np.random.Generator, x: float, foot: float, size: float) -> None:
    """A mattress that leans, with its quilting."""
    colour = pick(rng, [(205, 210, 215), (190, 200, 215), (170, 185, 200)], 10)
    wide, tall, lean = size * rng.uniform(1.3, 2.0), size * rng.uniform(0.9, 1.4), size * rng.uniform(-0.35, 0.35)
    corners = np.array(
        [
            (x - wide / 2, foot),
            (x + wide / 2, foot),
            (x + wide / 2 + lean, foot - tall),
            (x - wide / 2 + lean, foot - tall),
        ]
    )
    edge = np.array([size * 0.12, -size * 0.06])
    polygon(pixels, corners + edge, opaque(colour, 0.6))
    polygon(pixels, corners, opaque(colour))
    for t in np.linspace(0.1, 0.9, 6):
        stroke(
            pixels,
            [corners[0] * (1 - t) + corners[3] * t, corners[1] * (1 - t) + corners[2] * t],
            opaque(colour, 0.85),
            2,
        )
        stroke(
            pixels,
            [corners[0] * (1 - t) + corners[1] * t, corners[3] * (1 - t) + corners[2] * t],
            opaque(colour, 0.9),
            2,
        )
    spot = blob(rng, 0.4) * size * rng.uniform(0.1, 0.25) + corners.mean(axis=0)
    polygon(pixels, spot, opaque((110, 150, 175)))


def appliance(pixels: np.ndarray, rng: np.random.Generator, x: float, foot: float, size: float) -> None:
    """A washing machine, a refrigerator or an oven."""
    colour = pick(rng, [(225, 225, 225), (205, 210, 212), (120, 120, 120)], 8)
    wide, tall = size * 0.75, size * rng.choice([0.95, 1.6])
    side = wide * 0.3
    left, right, top = x - wide / 2, x + wide / 2, foot - tall
    polygon(
        pixels,
        [(right, top), (right + side, top - side * 0.3), (right + side, foot - side * 0.3), (right, foot)],
        opaque(colour, 0.6),
    )
    polygon(
        pixels,
        [(left, top), (right, top), (right + side, top - side * 0.3), (left + side, top - side * 0.3)],
        opaque(colour, 1.1),
    )
    box(pixels, left, top, right, foot, opaque(colour))
    if tall < size:
        cv2.circle(
            pixels, (round(x), round(foot - tall * 0.42)), round(wide * 0.32), opaque(colour, 0.5), -1, cv2.LINE_AA
        )
        cv2.circle(
            pixels, (round(x), round(foot - tall * 0.42)), round(wide * 0.24), (50, 45, 40, 255), -1, cv2.LINE_AA
        )
        box(pixels, left + 4, top + 5, right - 4, top + tall * 0.13, opaque(colour, 0.8))
    else:
        box(pixels, left, top + tall * 0.35, right, top + tall * 0.37, opaque(colour, 0.5))
        box(pixels, left + wide * 0.08, top + tall * 0.12, left + wide * 0.13, top + tall * 0.3, opaque(colour, 0.4))


def sofa(pixels: np.ndarray, rng: np.random.Generator, x: float, foot: float, size: float) -> None:
    """A sofa or an armchair."""
    colour = pick(rng, [(60, 70, 110), (70, 90, 120), (90, 90, 90), (110, 70, 50), (50, 60, 75)], 15)
    wide, tall = size * rng.uniform(1.2, 2.2), size * rng.uniform(0.75, 0.95)
    left, right = x - wide / 2, x + wide / 2
    arm = size * 0.22
    box(pixels, left + arm * 0.4, foot - tall, right - arm * 0.4, foot - tall * 0.3, opaque(colour, 0.85))
    box(pixels, left + arm, foot - tall * 0.5, right - arm, foot - tall * 0.3, opaque(colour, 1.2))
    box(pixels, left + arm, foot - tall * 0.32, right - arm, foot - tall * 0.06, opaque(colour, 0.75))
    for edge in (left, right - arm):
        box(pixels, edge, foot - tall * 0.66, edge + arm, foot, opaque(colour, 1.0))
        box(pixels, edge, foot - tall * 0.68, edge + arm, foot - tall * 0.58, opaque(colour, 1.3))
    for seam in np.linspace(left + arm, right - arm, int(rng.integers(3, 5)))[1:-1]:
        stroke(pixels, [(seam, foot - tall * 0.95), (seam, foot - tall * 0.1)], opaque(colour, 0.5), 2)


def planks(pixels: np.ndarray, rng: np.random.Generator, x: float, foot: float, size: float) -> None:
    """Boards, doors of cupboards and slats, thrown across one another."""
    for _ in range(int(rng.integers(3, 8))):
        colour = pick(rng, [(80, 120, 160), (110, 150, 180), (60, 80, 105), (200, 205, 210)], 14)
        angle, length, wide = rng.uniform(-1.2, 1.2), size * rng.uniform(0.7, 1.6), size * rng.uniform(0.05, 0.25)
        along = np.array([np.cos(angle), np.sin(angle)]) * length / 2
        across = np.array([-np.sin(angle), np.cos(angle)]) * wide / 2
        centre = np.array([x + rng.normal(0, size * 0.3), foot - abs(along[1]) - wide / 2])
        polygon(
            pixels,
            [centre - along - across, centre + along - across, centre + along + across, centre - along + across],
            opaque(colour),
        )
        stroke(pixels, [centre - along + across, centre + along + across], opaque(colour, 0.45), 3)


def tyre(pixels: np.ndarray, rng: np.random.Generator, x: float, foot: float, size: float) -> None:
    """One to three tyres, lying or standing."""
    for n in range(int(rng.integers(1, 4))):
        flat = rng.uniform(0.3, 1.0)
        radius = size * 0.35
        centre = (round(x + n * radius * 0.3), round(foot - radius * flat - n * radius * 0.35))
        cv2.ellipse(
            pixels, centre, (round(radius), round(radius * flat)), 0, 0, 360, (32, 30, 30, 255), -1, cv2.LINE_AA
        )
        cv2.ellipse(
            pixels,
            centre,
            (round(radius * 0.85), round(radius * flat * 0.85)),
            0,
            0,
            360,
            (58, 56, 56, 255),
            2,
            cv2.LINE_AA,
        )
        cv2.ellipse(
            pixels,
            centre,
            (round(radius * 0.5), round(radius * flat * 0.5)),
            0,
            0,
            360,
            (85, 85, 85, 255),
            -1,
            cv2.LINE_AA,
        )
