"""The weather, the hour, the sky, and what the sensor makes of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt

from agent.domain import Pixels
from agent.simulation.textures import TILE, field, polygon


@dataclass(frozen=True, slots=True)
class Light:
    """The weather, the hour, and what the camera makes of them."""

    sun: float = 0.5  # 0 overcast to 1 hard shadows
    side: int = 1  # the sun stands on the right (1) or on the left (-1)
    slant: float = 0.8  # metres of shadow a metre of height
    gains: tuple[float, float, float] = (1.0, 1.0, 1.0)  # blue, green, red
    exposure: float = 1.0
    gamma: float = 1.0
    haze: float = 0.1  # 0..1 at 60 metres
    clouds: float = 0.5  # 0..1
    noise: float = 2.0  # grey levels
    blur: float = 0.0  # pixels of a frame 640 wide


def random_light(rng: np.random.Generator) -> Light:
    """Any hour from dawn to dusk, any weather but night."""
    overcast = rng.random() < 0.35
    warm = rng.normal(0.01, 0.05)
    low = rng.random() < 0.25
    return Light(
        sun=rng.uniform(0, 0.25) if overcast else rng.uniform(0.4, 1.0),
        side=int(rng.choice([-1, 1])),
        slant=rng.uniform(1.2, 2.5) if low else rng.uniform(0.2, 1.2),
        gains=(1 - warm - 0.08 * low, 1 + rng.normal(0, 0.02), 1 + warm + 0.05 * low),
        exposure=float(np.exp(rng.normal(0.06, 0.17))) * (0.85 if low else 1.0),
        gamma=float(np.exp(rng.normal(0, 0.15))),
        haze=rng.uniform(0.0, 0.45),
        clouds=rng.uniform(0.8, 1.0) if overcast else rng.uniform(0, 0.7),
        noise=rng.uniform(0.5, 5.0),
        blur=rng.choice([0.0, 0.0, rng.uniform(0.4, 1.3)]),
    )


def paint_sky(frame: Pixels, horizon: float, light: Light, seed: int) -> None:
    """Sky, clouds and a hazy skyline above the horizon (fraction of the height, from the top), in place."""
    rows, columns = frame.shape[:2]
    last = min(rows, max(1, int(horizon * rows) + 3))
    frame[last:] = (150, 155, 160)
    fall = np.linspace(1, 0, last)[:, None]
    blue, grey = np.array([205.0, 150.0, 95.0]), np.array([228.0, 222.0, 214.0])
    zenith = blue * (1 - light.clouds) + np.array([205.0, 200.0, 196.0]) * light.clouds
    frame[:last] = (zenith * fall + grey * (1 - fall))[:, None, :].astype(np.uint8)
    window = field(TILE, 1.7, seed % 3)[:128, seed % 256 : seed % 256 + 256]
    cover = np.clip((window - 1.2 + 2 * light.clouds) * 90, 0, 140).astype(np.uint8)
    clouds = cv2.cvtColor(cv2.resize(cover, (columns, last)), cv2.COLOR_GRAY2BGR)
    frame[:last] = cv2.add(frame[:last], cv2.multiply(clouds, 255 - frame[:last], scale=1 / 255))
    roofs = last - rows * (0.02 + 0.012 * field(TILE, 1.3, 1)[seed % TILE, :40].clip(-1.5, 2))
    distant = [130 + 60 * light.haze, 130 + 50 * light.haze, 120 + 50 * light.haze]
    edge = np.column_stack([np.linspace(0, columns, 40), roofs])
    polygon(frame, [(0, last + 1), *edge, (columns, last + 1)], distant)


@lru_cache(maxsize=4)
def _sensor_noise(rows: int, columns: int) -> npt.NDArray[np.uint8]:
    rng = np.random.default_rng(7)
    luma = rng.normal(0, 1, (rows, columns, 1)) + 0.5 * rng.normal(0, 1, (rows, columns, 3))
    return np.clip(128 + 12 * luma, 0, 255).astype(np.uint8)


def develop(frame: Pixels, light: Light, rng: np.random.Generator) -> Pixels:
    """What the sensor makes of the scene: white balance, exposure, tone curve, blur and noise."""
    steps = np.arange(256)[:, None] / 255 * np.asarray(light.gains) * light.exposure
    tones = np.clip(255 * np.power(steps, light.gamma), 0, 255)
    frame = np.asarray(cv2.LUT(frame, tones.astype(np.uint8).reshape(1, 256, 3)), np.uint8)
    if light.blur:
        frame = np.asarray(cv2.GaussianBlur(frame, (0, 0), light.blur * frame.shape[1] / 640), np.uint8)
    rows, columns = frame.shape[:2]
    tile = _sensor_noise(rows + 64, columns + 64)
    top, left = rng.integers(0, 64, 2)
    strength = light.noise / 12
    grains = tile[top : top + rows, left : left + columns]
    return np.asarray(cv2.addWeighted(frame, 1.0, grains, strength, -128 * strength), np.uint8)
