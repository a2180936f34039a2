"""Grain, colours and see-through sprites: what the street scenes are painted with."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice

import cv2
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Colour = tuple[float, float, float]  # BGR, 0..255
TILE = 512  # pixels
SLOPES = (0.35, 0.9, 1.3, 1.7)  # from gravel to stains


@dataclass(frozen=True, slots=True)
class Sprite:
    """A see-through picture: BGR multiplied by its alpha, then alpha, 8 bits each."""

    pixels: npt.NDArray[np.uint8]  # height x width x 4
    scale: float  # pixels per metre
    levels: dict[tuple[int, int], npt.NDArray[np.uint8]] = dataclasses.field(default_factory=dict, compare=False)

    def level(self, across: float, down: float) -> npt.NDArray[np.uint8]:
        """The pixels averaged down to powers of two not under these fractions of the size; kept once made."""
        key = (max(0, int(-np.log2(max(across, 1e-3)))), max(0, int(-np.log2(max(down, 1e-3)))))
        if key == (0, 0):
            return self.pixels
        if key not in self.levels:
            rows, columns = self.pixels.shape[:2]
            size = (max(1, columns >> key[0]), max(1, rows >> key[1]))
            self.levels[key] = np.asarray(cv2.resize(self.pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
        return self.levels[key]

    @property
    def width(self) -> float:
        """Metres."""
        return float(self.pixels.shape[1] / self.scale)

    @property
    def height(self) -> float:
        """Metres."""
        return float(self.pixels.shape[0] / self.scale)


@lru_cache(maxsize=32)
def field(size: int, slope: float, seed: int) -> Floats:
    """Periodic noise of zero mean and unit variance, whose amplitude falls as frequency to the power -`slope`."""
    spectrum = np.fft.rfft2(np.random.default_rng(seed).standard_normal((size, size)))
    radius = np.hypot(np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size)[None, :])
    radius[0, 0] = 1.0
    spectrum *= radius**-slope
    spectrum[0, 0] = 0.0
    noise = np.fft.irfft2(spectrum, (size, size))
    return np.asarray(noise / noise.std(), np.float32)


def grain(rng: np.random.Generator, height: int, width: int, slope: float) -> Floats:
    """A random window of `field`, height x width. The slope is one of SLOPES, or the nearest of them."""
    tile = field(TILE, min(SLOPES, key=lambda known: abs(known - slope)), int(rng.integers(2)))
    rows = (np.arange(height) + rng.integers(TILE)) % TILE
    columns = (np.arange(width) + rng.integers(TILE)) % TILE
    if rng.random() < 0.5:
        columns = columns[::-1]
    return np.ascontiguousarray(tile[rows][:, columns])


def canvas(width: float, height: float, scale: float) -> npt.NDArray[np.uint8]:
    """An empty sprite of so many metres. Anti-aliased drawing on it leaves BGR multiplied by alpha."""
    return np.zeros((max(2, round(height * scale)), max(2, round(width * scale)), 4), np.uint8)


def opaque(colour: Iterable[float], gain: float = 1.0) -> tuple[float, float, float, float]:
    """The colour as drawn on a sprite, made lighter or darker by `gain`."""
    blue, green, red = (min(255.0, max(0.0, c * gain)) for c in islice(colour, 3))
    return blue, green, red, 255.0


def shade(pixels: npt.NDArray[np.uint8], gain: Floats) -> None:
    """Multiply the colours of a sprite or picture, in place, by a map of gains; alpha stays."""
    colours = pixels[..., :3] * gain[..., None]
    limit = pixels[..., 3:] if pixels.shape[2] == 4 else 255
    pixels[..., :3] = np.minimum(np.maximum(colours, 0), limit).astype(np.uint8)


def see_through(colour: Floats, alpha: Floats) -> npt.NDArray[np.uint8]:
    """A sprite's pixels from colours (height x width x 3, or a grey height x width) and alpha 0..1."""
    if colour.ndim == 2:
        colour = np.repeat(colour[..., None], 3, axis=2)
    alpha = np.clip(alpha, 0, 1)
    return np.dstack([np.clip(colour, 0, 255) * alpha[..., None], alpha * 255]).astype(np.uint8)


def lay(below: npt.NDArray[np.uint8], above: npt.NDArray[np.uint8]) -> None:
    """Lay a see-through picture over a picture or a sprite of the same size, in place."""
    channels = below.shape[2]
    clear = cv2.merge([cv2.bitwise_not(cv2.extractChannel(above, 3))] * channels)
    colours = cv2.cvtColor(above, cv2.COLOR_BGRA2BGR) if channels == 3 else above
    cv2.add(cv2.multiply(below, clear, scale=1 / 255), colours, dst=below)


def polygon(pixels: npt.NDArray[np.uint8], points: npt.ArrayLike, colour: Sequence[float]) -> None:
    """Fill a polygon given in fractional pixels, anti-aliased."""
    fixed = np.round(np.asarray(points, np.float64) * 16).astype(np.int32)
    cv2.fillPoly(pixels, [fixed], list(colour), cv2.LINE_AA, 4)


def stroke(pixels: npt.NDArray[np.uint8], points: npt.ArrayLike, colour: Sequence[float], thickness: float) -> None:
    """Draw an open line given in fractional pixels, anti-aliased."""
    fixed = np.round(np.asarray(points, np.float64) * 16).astype(np.int32)
    cv2.polylines(pixels, [fixed], False, list(colour), max(1, round(thickness)), cv2.LINE_AA, 4)


def box(
    pixels: npt.NDArray[np.uint8], left: float, top: float, right: float, bottom: float, colour: Sequence[float]
) -> None:
    """Fill a rectangle given in fractional pixels."""
    polygon(pixels, [(left, top), (right, top), (right, bottom), (left, bottom)], colour)


def spline(points: npt.ArrayLike, steps: int = 8) -> npt.NDArray[np.float64]:
    """A smooth line through the points (Catmull and Rom, 1974), `steps` pieces a segment."""
    knots = np.asarray(points, np.float64)
    before = np.vstack([knots[:1], knots[:-2], knots[-2:-1]])[: len(knots) - 1]
    start, end = knots[:-1], knots[1:]
    after = np.vstack([knots[2:], knots[-1:]])
    t = np.linspace(0, 1, steps, endpoint=False)[None, :, None]
    a, b, c, d = (p[:, None, :] for p in (before, start, end, after))
    curve = b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)))
    return np.vstack([curve.reshape(-1, knots.shape[1]), knots[-1:]])


def blob(rng: np.random.Generator, roughness: float, count: int = 28) -> npt.NDArray[np.float64]:
    """A closed rough outline around (0, 0) of radius about 1, count x 2."""
    angle = np.linspace(0, 2 * np.pi, count, endpoint=False)
    radius = np.ones(count)
    for order in range(2, 7):
        radius += roughness / order * rng.normal() * np.cos(order * angle + rng.uniform(0, 2 * np.pi))
    radius += rng.normal(0, roughness * 0.15, count)
    return np.column_stack([radius * np.cos(angle), radius * np.sin(angle)])


def pick(rng: np.random.Generator, colours: Sequence[Colour], spread: float = 12.0) -> Colour:
    """One of the colours, varied a little."""
    chosen = np.asarray(colours[int(rng.integers(len(colours)))]) * np.exp(rng.normal(0, 0.012 * spread))
    blue, green, red = np.clip(chosen + rng.normal(0, 0.4 * spread, 3), 5, 250)
    return float(blue), float(green), float(red)
