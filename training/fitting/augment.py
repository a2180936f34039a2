"""Views of a picture as another camera, another day or another distance would have given them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np
import numpy.typing as npt

from agent.domain import Pixels
from training.photographs.dataset import Picture

MIRRORED = 0.5  # of the views
FARTHER = 0.15  # of the views
TURN = 15.0  # degrees, at most
Random = np.random.Generator
Change = Callable[[Pixels, Random], Pixels]
Changes = Sequence[tuple[Change, float]]  # each with the share of the views that it is made in


def squash(pixels: Pixels, width: int, height: int) -> Pixels:
    """The whole picture at the model's size, its proportions given up: exactly what the device does."""
    return _pixels(cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA))


def view(
    picture: Picture, pixels: Pixels, random: Random, size: tuple[int, int], changes: Changes | None = None
) -> Pixels:
    """One random view of the picture, whose pixels these are, at that width and height, BGR."""
    if changes is None and random.random() < FARTHER:
        pixels = _farther(pixels, random)
    seen = squash(_crop(pixels, random, picture.least), *size)
    if random.random() < MIRRORED:
        seen = _pixels(cv2.flip(seen, 1))
    for change, share in CHANGES if changes is None else changes:
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


def _farther(pixels: Pixels, random: Random) -> Pixels:
    """As from farther away: what is around it is its own mirror image."""
    height, width = pixels.shape[:2]
    above, below = (int(random.uniform(0, 0.5) * height) for _ in range(2))
    left, right = (int(random.uniform(0, 0.5) * width) for _ in range(2))
    return _pixels(cv2.copyMakeBorder(pixels, above, below, left, right, cv2.BORDER_REFLECT_101))


def _quarter(pixels: Pixels, random: Random) -> Pixels:
    """A photograph that lies on its side."""
    return _pixels(np.rot90(pixels, 1 if random.random() < 0.5 else 3))  # noqa: PLR2004 - a coin


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
    grain = random.standard_normal(pixels.shape, dtype=np.float32) * random.uniform(2, 12)
    return np.clip(pixels + grain, 0, 255).astype(np.uint8)


def _coarse(pixels: Pixels, random: Random) -> Pixels:
    """A camera of fewer pixels."""
    height, width = pixels.shape[:2]
    share = random.uniform(0.25, 0.8)
    small = cv2.resize(pixels, (int(width * share), int(height * share)), interpolation=cv2.INTER_AREA)
    return _pixels(cv2.resize(small, (width, height), interpolation=int(random.integers(0, 3))))


def _sharpen(pixels: Pixels, random: Random) -> Pixels:
    """The look of phones that exaggerate contrast around each edge."""
    around = cv2.GaussianBlur(pixels, (0, 0), random.uniform(1, 6))
    more = random.uniform(0.5, 2.0)
    return _pixels(cv2.addWeighted(pixels, 1 + more, around, -more, 0))


def _shade(pixels: Pixels, random: Random) -> Pixels:
    """The shadow of a tree or a house on a part of it."""
    height, width = pixels.shape[:2]
    corners = random.uniform((0, 0), (width, height), (4, 2)).astype(np.int32)
    light = np.ones((height, width), np.float32)
    cv2.fillPoly(light, [cv2.convexHull(corners)], random.uniform(0.35, 0.75))
    light = np.asarray(cv2.GaussianBlur(light, (0, 0), random.uniform(1, 8)))
    return np.asarray(pixels * light[..., None]).astype(np.uint8)


def _haze(pixels: Pixels, random: Random) -> Pixels:
    """Light scattered in the lens, on the windscreen or in the air."""
    thin = random.uniform(0.6, 0.9)
    return _pixels(cv2.addWeighted(pixels, thin, np.full_like(pixels, random.integers(120, 230)), 1 - thin, 0))


def _cover(pixels: Pixels, random: Random) -> Pixels:
    """Something of one colour before a part of it (random erasing, Zhong et al. 2017)."""
    height, width = pixels.shape[:2]
    covered = pixels.copy()
    for _ in range(int(random.integers(1, 4))):
        high, wide = int(height * random.uniform(0.05, 0.3)), int(width * random.uniform(0.05, 0.3))
        top, left = int(random.integers(0, height - high)), int(random.integers(0, width - wide))
        covered[top : top + high, left : left + wide] = random.integers(0, 255, 3)
    return covered


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


CHANGES: Changes = (
    (_quarter, 0.08),
    (_turn, 0.5),
    (_cast, 0.8),
    (_saturation, 0.4),
    (_equalise, 0.2),
    (_sharpen, 0.15),
    (_shade, 0.2),
    (_haze, 0.1),
    (_blur, 0.25),
    (_coarse, 0.25),
    (_noise, 0.2),
    (_cover, 0.2),
    (_jpeg, 0.4),
)
PLAIN: Changes = ()
