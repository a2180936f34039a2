"""What lies flat on the road: holes and cracks, and the covers, patches and stains that are no defect."""

from __future__ import annotations

import cv2
import numpy as np

from agent.simulation.textures import Floats, Sprite, blob, canvas, grain, opaque, polygon, see_through, stroke


def smooth(low: float, high: float, value: Floats) -> Floats:
    """0 below `low`, 1 above `high`, and a soft step between."""
    t = np.clip((value - low) / (high - low), 0, 1)
    return np.asarray(t * t * (3 - 2 * t), np.float32)


def pothole(rng: np.random.Generator) -> Sprite:
    """One to three holes with a ragged rim, a dark inside, gravel around and sometimes water."""
    metres = rng.uniform(1.1, 2.9)
    size = 256
    y, x = np.mgrid[-1 : 1 : size * 1j, -1 : 1 : size * 1j].astype(np.float32)
    inside: Floats = np.full((size, size), -1, np.float32)
    for n in range(int(rng.choice([1, 1, 1, 2, 3]))):
        reach = rng.uniform(0.45, 0.66) if n == 0 else rng.uniform(0.15, 0.3)
        cx, cy = rng.normal(0, 0.06, 2) if n == 0 else rng.uniform(-0.6, 0.6, 2)
        stretch, turn = rng.uniform(0.65, 1.2), rng.uniform(0, np.pi)
        u = ((x - cx) * np.cos(turn) + (y - cy) * np.sin(turn)) / reach
        v = ((y - cy) * np.cos(turn) - (x - cx) * np.sin(turn)) / reach / stretch
        angle = np.arctan2(v, u)
        edge = 1 + sum(rng.normal(0, 0.22 / k) * np.cos(k * angle + rng.uniform(0, 6.3)) for k in range(2, 7))
        inside = np.maximum(inside, (edge - np.hypot(u, v)) * reach)
    coarse, fine, gravel = (grain(rng, size, size, s) for s in (1.6, 0.9, 0.35))
    inside = inside + 0.035 * coarse * rng.uniform(0.6, 1.4) + 0.012 * fine
    depth = smooth(0.0, rng.uniform(0.08, 0.2), inside)
    floor = depth + 0.05 * coarse * depth
    slope_x, slope_y = cv2.Sobel(floor, cv2.CV_32F, 1, 0, ksize=5), cv2.Sobel(floor, cv2.CV_32F, 0, 1, ksize=5)
    sun = rng.uniform(0, 2 * np.pi)
    relief = (slope_x * np.cos(sun) + slope_y * np.sin(sun)) * rng.uniform(0.08, 0.2)
    tone = rng.uniform(50, 95)
    rough = 1 + rng.uniform(0.15, 0.35) * gravel + rng.uniform(0.1, 0.25) * fine + 0.12 * coarse
    grey = tone * (1 - rng.uniform(0.25, 0.65) * depth) * rough + rng.uniform(25, 55) * np.clip(relief, -0.8, 1)
    rim = smooth(-0.1, -0.01, inside) * (1 - smooth(0, 0.03, inside))
    grey = grey + rim * rng.uniform(15, 55)
    earth = np.array([rng.uniform(0.72, 1.0), rng.uniform(0.88, 1.0), 1.05], np.float32)
    colour = (grey[..., None] * (1 + (earth - 1) * depth[..., None])).astype(np.float32)
    alpha = np.maximum(smooth(-0.015, 0.02, inside), rim * np.clip(0.35 + 0.4 * fine, 0, 0.7))
    spill = smooth(-0.25, 0.0, inside) * (gravel > rng.uniform(1.6, 2.2))
    alpha = np.maximum(alpha, 0.8 * spill.astype(np.float32))
    if rng.random() < 0.18:
        water = smooth(0.1, 0.14, inside + 0.02 * coarse)[..., None]
        sky = np.array([rng.uniform(110, 190)] * 3, np.float32) * np.array([1.0, 0.93, 0.86], np.float32)
        colour = colour * (1 - water) + sky * water * np.linspace(1.0, 0.55, size, dtype=np.float32)[:, None, None]
    pixels = see_through(colour.astype(np.float32), alpha.astype(np.float32))
    for _ in range(int(rng.integers(0, 5))):
        angle = rng.uniform(0, 2 * np.pi)
        start = np.array([np.cos(angle), np.sin(angle)]) * size * 0.25 + size / 2
        _crack(pixels, rng, start, angle, size * rng.uniform(0.1, 0.25), 2.0, (25, 25, 25, 200))
    return Sprite(pixels, size / metres)


def _crack(
    pixels: np.ndarray,
    rng: np.random.Generator,
    start: np.ndarray,
    heading: float,
    length: float,
    thickness: float,
    colour: tuple[float, ...],
    branching: float = 0.0,
) -> None:
    """A wandering line in place, with branches at `branching` a step."""
    steps = max(3, int(length / 6))
    drift = heading
    point = np.asarray(start, np.float64)
    points = [point]
    for n in range(steps):
        drift += rng.normal(0, 0.22) + 0.15 * (heading - drift)
        jag = drift + rng.normal(0, 0.45)
        point = point + 6 * np.array([np.cos(jag), np.sin(jag)])
        points.append(point)
        if rng.random() < branching:
            turn = heading + rng.choice([-1, 1]) * rng.uniform(0.5, 1.3)
            _crack(
                pixels,
                rng,
                point,
                turn,
                length * rng.uniform(0.15, 0.45) * (1 - n / steps / 2),
                thickness * 0.7,
                colour,
                branching * 0.6,
            )
    for begin in range(0, steps, 4):
        piece = points[begin : begin + 5]
        if len(piece) > 1:
            stroke(pixels, piece, colour, thickness * rng.uniform(0.6, 1.4))


def road_crack(rng: np.random.Generator) -> Sprite:
    """Branching cracks along or across the lane, or crocodile cracking."""
    crocodile = rng.random() < 0.45
    width, height = (
        (rng.uniform(1.5, 3.2), rng.uniform(2.0, 4.5)) if crocodile else (rng.uniform(1.6, 3.4), rng.uniform(2.5, 5.5))
    )
    scale = 120.0
    pixels = canvas(width, height, scale)
    rows, columns = pixels.shape[:2]
    dark = opaque([rng.uniform(8, 35)] * 3)
    if crocodile:
        mask = _cells(rng, rows, columns)
        coarse = grain(rng, rows, columns, 1.3)
        y, x = np.mgrid[-1 : 1 : rows * 1j, -1 : 1 : columns * 1j].astype(np.float32)
        area = smooth(0.0, 0.35, (1 - np.hypot(x, y) + 0.16 * coarse).astype(np.float32))
        alpha = mask * np.minimum(1, 1.5 * area) * rng.uniform(0.8, 1.0)
        worn = rng.uniform(0.1, 0.3) * area * (0.5 + 0.5 * smooth(-1, 1, coarse))
        pixels = see_through(np.full((rows, columns), dark[0], np.float32), np.maximum(alpha, worn))
    for _ in range(int(rng.integers(0, 3)) if crocodile else int(rng.integers(1, 5))):
        along = rng.random() < 0.6
        if along:
            start, heading, length = (
                np.array([rng.uniform(0.2, 0.8) * columns, rows * 0.98]),
                -np.pi / 2,
                rows * rng.uniform(0.7, 1.0),
            )
        else:
            start, heading, length = (
                np.array([0.02 * columns, rng.uniform(0.2, 0.8) * rows]),
                0.0,
                columns * rng.uniform(0.8, 1.1),
            )
        _crack(
            pixels,
            rng,
            start,
            heading + rng.normal(0, 0.15),
            length,
            rng.uniform(1.6, 4.2),
            dark,
            rng.uniform(0.02, 0.12),
        )
    halo = cv2.GaussianBlur(pixels, (0, 0), rng.uniform(2, 5))
    pixels = np.maximum(pixels, (halo * rng.uniform(0.2, 0.6)).astype(np.uint8))
    return Sprite(pixels, scale)


def _cells(rng: np.random.Generator, rows: int, columns: int) -> Floats:
    """The borders between random cells 10 to 30 cm wide, as a mask 0..1."""
    spacing = rng.uniform(14, 30)
    seeds = np.full((rows // 2, columns // 2), 255, np.uint8)
    count = max(12, int(seeds.size / (spacing / 1.6) ** 2))
    seeds[rng.integers(0, seeds.shape[0], count), rng.integers(0, seeds.shape[1], count)] = 0
    _, cells = cv2.distanceTransformWithLabels(seeds, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    borders = ((cells != np.roll(cells, 1, 0)) | (cells != np.roll(cells, 1, 1))).astype(np.float32)
    mask = cv2.resize(borders, (columns, rows), interpolation=cv2.INTER_LINEAR)
    y, x = np.mgrid[0:rows, 0:columns].astype(np.float32)
    warp = grain(rng, rows, columns, 1.1) * 2.2
    mask = cv2.remap(mask, x + warp, y + np.roll(warp, 37, 1), cv2.INTER_LINEAR)
    return np.asarray(np.clip(mask * (1.5 + 0.45 * grain(rng, rows, columns, 1.3)), 0, 1), np.float32)


def cover(rng: np.random.Generator) -> Sprite:
    """A manhole cover, round, or a square one, or a drain grate, in its frame."""
    metres = rng.uniform(0.55, 0.85)
    size = 160
    pixels = np.zeros((size, size, 4), np.uint8)
    iron = opaque([rng.uniform(55, 115)] * 3)
    edge, groove = opaque(iron, 0.5), opaque(iron, 0.72)
    centre = (size // 2, size // 2)
    if rng.random() < 0.65:
        cv2.circle(pixels, centre, 78, opaque(iron, 1.25), -1, cv2.LINE_AA)
        cv2.circle(pixels, centre, 70, edge, -1, cv2.LINE_AA)
        cv2.circle(pixels, centre, 67, iron, -1, cv2.LINE_AA)
        for radius in range(58, 12, -12):
            cv2.circle(pixels, centre, radius, groove, 2, cv2.LINE_AA)
        for angle in np.linspace(0, np.pi, int(rng.integers(3, 8)), endpoint=False):
            tip = 60 * np.array([np.cos(angle), np.sin(angle)])
            stroke(pixels, [size / 2 - tip, size / 2 + tip], groove, 2)
    else:
        pixels[6:154, 6:154] = opaque(iron, 1.2)
        pixels[14:146, 14:146] = iron
        step = int(rng.integers(12, 22))
        bars = edge if rng.random() < 0.5 else groove
        for at in range(20, 140, step):
            pixels[at : at + step // 2, 20:140] = bars
    return Sprite(pixels, size / metres)


def patch(rng: np.random.Generator) -> Sprite:
    """A trench or square of newer asphalt, darker or lighter, with straight sealed edges."""
    width, height = rng.uniform(0.7, 2.5), rng.uniform(1.2, 7.0)
    scale = 50.0
    pixels = canvas(width, height, scale)
    rows, columns = pixels.shape[:2]
    tone = rng.choice([rng.uniform(38, 62), rng.uniform(95, 130)])
    corners = np.array([(0.02, 0.01), (0.98, 0.01), (0.98, 0.99), (0.02, 0.99)]) * (columns, rows)
    polygon(pixels, corners + rng.normal(0, 2, (4, 2)), opaque([tone] * 3))
    texture = 1 + 0.1 * grain(rng, rows, columns, 0.4) + 0.05 * grain(rng, rows, columns, 1.5)
    alpha = rng.uniform(0.6, 0.95)
    pixels[..., :3] = np.clip(pixels[..., :3] * texture[..., None], 0, 255).astype(np.uint8)
    return Sprite((np.minimum(pixels, pixels[..., 3:]) * alpha).astype(np.uint8), scale)


def stain(rng: np.random.Generator) -> Sprite:
    """Oil, damp or the shade of leaves: a soft dark spot without an edge of its own."""
    width, height = rng.uniform(0.5, 2.5), rng.uniform(0.6, 4.0)
    rows, columns = round(height * 40), round(width * 40)
    y, x = np.mgrid[-1 : 1 : rows * 1j, -1 : 1 : columns * 1j].astype(np.float32)
    reach = 1 - np.hypot(x, y) + 0.25 * grain(rng, rows, columns, rng.uniform(1.2, 1.8))
    alpha = smooth(0.1, rng.uniform(0.4, 0.9), reach.astype(np.float32)) * rng.uniform(0.15, 0.45)
    return Sprite(see_through(np.full((rows, columns), 25, np.float32), alpha.astype(np.float32)), 40.0)


def leaves(rng: np.random.Generator) -> Sprite:
    """Fallen leaves, scattered."""
    pixels = canvas(3.0, 3.0, 70)
    hue = np.array([rng.uniform(20, 60), rng.uniform(80, 130), rng.uniform(110, 170)])
    for x, y in rng.normal(105, 45, (int(rng.integers(15, 60)), 2)):
        outline = blob(rng, 0.3, 8) * rng.uniform(2, 5) * (1, 0.6) + (x, y)
        polygon(pixels, outline, opaque(hue, rng.uniform(0.6, 1.2)))
    return Sprite(pixels, 70)
