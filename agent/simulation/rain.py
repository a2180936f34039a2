"""Rain: a wet road that mirrors the street, grey air, streaks, and drops on the lens."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from agent.domain import Pixels
from agent.simulation.street import Street
from agent.simulation.surfaces import Surfaces
from agent.simulation.textures import TILE, Floats, field
from agent.simulation.view import View

AIR = (168, 165, 160)  # the grey of rain, by day
THICK = 140.0  # metres at which two thirds of what is seen is rain
DROPS = 16  # on the lens at a time
FULL = 200  # stands for a share of 1, so that there is room above
DRYING = 3.0, 9.0  # seconds that a drop stays


def wet(frame: Pixels, view: View, street: Street, seen: Surfaces) -> None:
    """Darken the road and let it mirror what stands beside it, in place."""
    first = max(0, min(view.rows - 1, int(view.horizon * view.rows) + 2))
    rows, columns = view.rows - first, view.columns
    foot = np.interp(np.arange(columns), _middles(columns, len(seen.foot)), seen.foot)
    base = (view.horizon * view.rows + view.focal * columns * view.height / foot).astype(np.float32)
    down = np.arange(first, view.rows, dtype=np.float32)[:, None]
    across = np.broadcast_to(np.arange(columns, dtype=np.float32), (rows, columns))
    mirrored = np.maximum(2 * base[None, :] - down, 0)
    picture = cv2.remap(
        frame, np.ascontiguousarray(across), mirrored, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    smeared = np.asarray(cv2.blur(picture, (3, max(3, view.rows // 40))), np.uint8)
    ground = (~seen.covered & (seen.up < 0.05)).astype(np.float32)
    grazing = ground * np.clip(0.16 + seen.depth / 55, 0, 0.55) * _puddles(seen, street.seed)
    share = _whole(grazing, view)[first:]
    dry = _whole(1 - 0.34 * ground - 0.62 * grazing, view)[first:]
    part = frame[first:]
    part[:] = cv2.add(_scaled(part, dry), _scaled(smeared, share))


def thicken(frame: Pixels, view: View, seen: Surfaces) -> None:
    """Grey air before what is far away, in place."""
    share = np.where(seen.sky, 0.55, 1 - np.exp(-seen.depth / THICK)) * ~seen.covered
    air = (share[..., None] * np.asarray(AIR)).astype(np.uint8)
    veil = cv2.resize(air, (view.columns, view.rows))
    frame[:] = cv2.add(_scaled(frame, _whole(1 - share, view)), veil)


def streaks(frame: Pixels, rng: np.random.Generator, speed: float) -> None:
    """Falling drops, drawn out by the exposure, in place. `speed` of the vehicle in metres per second."""
    rows, columns = frame.shape[:2]
    mask = np.zeros((rows, columns), np.uint8)
    scale, gust = columns / 640, rng.normal(0, 0.08)
    for count, length, thickness, bright in ((240, 9, 1, 55), (70, 20, 1, 75), (14, 46, 2, 60)):
        at = rng.uniform((0, -0.05), (1, 1), (count, 2)) * (columns, rows)
        lean = gust + (at[:, 0] / columns - 0.3) * speed * 0.07
        reach = scale * length * rng.uniform(0.6, 1.4, count)
        ends = np.column_stack([at[:, 0] + lean * reach, at[:, 1] + reach])
        lines = np.round(np.stack([at, ends], axis=1) * 16).astype(np.int32)
        cv2.polylines(mask, list(lines), False, bright, max(1, round(thickness * scale)), cv2.LINE_AA, 4)
    frame[:] = cv2.add(frame, cv2.cvtColor(cv2.blur(mask, (2, 2)), cv2.COLOR_GRAY2BGR))


def drops(frame: Pixels, seed: int, seconds: float) -> None:
    """Drops on the lens, each for some seconds: out of focus, they show the street upside down; in place."""
    rows, columns = frame.shape[:2]
    for number in range(DROPS):
        own = np.random.default_rng((seed, 5, number))
        stays, phase = own.uniform(*DRYING), own.uniform(0, 9)
        age, generation = (seconds + phase) % stays, int((seconds + phase) // stays)
        rng = np.random.default_rng((seed, 6, number, generation))
        radius = max(3, round(columns * rng.uniform(0.006, 0.022)))
        x = round(rng.uniform(0, 1) * columns)
        y = round((rng.uniform(-0.02, 0.95) + 0.012 * age * rng.uniform(0, 1) ** 2) * rows)
        left, top, right, bottom = (
            max(0, x - radius),
            max(0, y - radius),
            min(columns, x + radius),
            min(rows, y + radius),
        )
        if right - left < 3 or bottom - top < 3:
            continue
        # A drop is a lens of its own, of a wide angle.
        wide = frame[max(0, top - radius * 2) : bottom + radius * 2, max(0, left - radius * 2) : right + radius * 2]
        small = cv2.resize(wide[::-1, ::-1], (right - left, bottom - top), interpolation=cv2.INTER_AREA)
        inside = np.asarray(cv2.GaussianBlur(small, (0, 0), radius / 4), np.uint8)
        mask = _disc(radius)[top - y + radius : bottom - y + radius, left - x + radius : right - x + radius]
        part = frame[top:bottom, left:right]
        part[:] = cv2.add(_scaled(part, _gains(1 - mask)), _scaled(inside, _gains(mask * np.float32(1.06))))


@lru_cache(maxsize=64)
def _disc(radius: int) -> Floats:
    y, x = np.mgrid[-radius:radius, -radius:radius] + 0.5
    return np.asarray(np.clip(1.35 * (1 - (np.hypot(x, y) / radius) ** 3), 0, 0.85), np.float32)


def _puddles(seen: Surfaces, seed: int) -> Floats:
    """Where water stands: 0.55 to 1.6, by the place on the ground."""
    tile = field(TILE, 1.3, seed % 3)
    rows, columns = (seen.along * 6).astype(int) % TILE, (seen.aside * 6).astype(int) % TILE
    return np.asarray(np.clip(1 + 0.5 * tile[rows, columns], 0.55, 1.6), np.float32)


def _middles(columns: int, count: int) -> Floats:
    return np.asarray((np.arange(count) + 0.5) * columns / count - 0.5, np.float32)


def _gains(shares: Floats) -> Pixels:
    """Shares of 0 to about 1, of each pixel, as `_scaled` takes them."""
    return np.asarray(cv2.cvtColor(np.clip(shares * FULL, 0, 255).astype(np.uint8), cv2.COLOR_GRAY2BGR), np.uint8)


def _whole(shares: Floats, view: View) -> Pixels:
    """Those of a grid, for the whole frame."""
    return np.asarray(cv2.resize(_gains(shares), (view.columns, view.rows)), np.uint8)


def _scaled(picture: Pixels, gains: Pixels) -> Pixels:
    """The picture with each pixel multiplied by its share."""
    return np.asarray(cv2.multiply(picture, gains, scale=1 / FULL), np.uint8)
