"""Views of a picture as another camera, another day or another distance would have given them."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt

from agent.domain import Pixels
from training.dataset import Picture

MIRRORED = 0.5  # of the views
TURN = 12.0  # degrees, at most
Random = np.random.Generator


def squash(pixels: Pixels, width: int, height: int) -> Pixels:
    """The whole picture at the model's size, its proportions given up: exactly what the device does."""
    return _pixels(cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA))


def view(picture: Picture, pixels: Pixels, random: Random, size: tuple[int, int]) -> Pixels:
    """One random view of the picture, whose pixels these are, at that width and height, BGR."""
    seen = squash(_crop(pixels, random, picture.least), *size)
    if random.random() < MIRRORED:
        seen = _pixels(cv2.flip(seen, 1))
    for change, share in CHANGES:
        if random.random() < share:
            seen = change(seen, random)
    return np.ascontiguousarray(seen)


def _crop(pixels: Pixels, random: Random, least: float) -> Pixels:
    height, width = pixels.shape[:2]
    area = random.uniform(least, 1.0)
    aspect = np.exp(random.uniform(-0.3, 0.3))
    part_width = max(1, min(width, round(width * float(np.sqrt(area * aspect)))))
    part_height = max(1, min(height, round(height * float(np.sqrt(area / aspect)))))
    left = int(random.integers(0, width - part_width + 1))
    top = int(random.integers(0, height - part_height + 1))
    return pixels[top : top + part_height, left : left + part_width]


def _turn(pixels: Pixels, random: Random) -> Pixels:
    height, width = pixels.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), random.uniform(-TURN, TURN), random.uniform(1.0, 1.2))
    return _pixels(cv2.warpAffine(pixels, matrix, (width, height), borderMode=cv2.BORDER_REFLECT_101))


def _cast(pixels: Pixels, random: Random) -> Pixels:
    """Another light: gain, gamma and a colour cast."""
    levels = (np.arange(256, dtype=np.float64) / 255) ** np.exp(random.uniform(-0.4, 0.4))
    gains = random.uniform(0.75, 1.2) * random.uniform(0.87, 1.13, size=3)
    table = np.clip(levels[:, None] * gains[None, :] * 255, 0, 255).astype(np.uint8)
    return _pixels(cv2.LUT(pixels, table[None]))


def _saturation(pixels: Pixels, random: Random) -> Pixels:
    grey = cv2.cvtColor(cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    keep = random.uniform(0.0, 1.4)
    return _pixels(cv2.addWeighted(pixels, keep, grey, 1 - keep, 0))


def _blur(pixels: Pixels, random: Random) -> Pixels:
    return _pixels(cv2.GaussianBlur(pixels, (0, 0), random.uniform(0.4, 1.6)))


def _noise(pixels: Pixels, random: Random) -> Pixels:
    grain = random.normal(0, random.uniform(2, 12), pixels.shape)
    return np.clip(pixels + grain, 0, 255).astype(np.uint8)


def _equalise(pixels: Pixels, random: Random) -> Pixels:
    lab = cv2.cvtColor(pixels, cv2.COLOR_BGR2LAB)
    lab[..., 0] = cv2.createCLAHE(random.uniform(1.0, 4.0), (4, 4)).apply(lab[..., 0])
    return _pixels(cv2.cvtColor(lab, cv2.COLOR_LAB2BGR))


def _jpeg(pixels: Pixels, random: Random) -> Pixels:
    _, encoded = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, int(random.integers(30, 90))])
    return _pixels(cv2.imdecode(encoded, cv2.IMREAD_COLOR))


def _pixels(array: npt.NDArray[np.generic] | None) -> Pixels:
    assert array is not None
    return array.astype(np.uint8, copy=False)


CHANGES: tuple[tuple[Callable[[Pixels, Random], Pixels], float], ...] = (
    (_turn, 0.5),
    (_cast, 0.8),
    (_saturation, 0.4),
    (_equalise, 0.2),
    (_blur, 0.25),
    (_noise, 0.2),
    (_jpeg, 0.4),
)
