"""A drawn patrol as an MJPEG camera would give it, at several sizes."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np

from agent.domain import Pixels
from agent.simulation.patrol import Patrol

SIZES = {"720p": (1280, 720), "1080p": (1920, 1080), "4k": (3840, 2160)}
SEED = 31
SECONDS = 90.0  # of the patrol
APART = 4.0  # metres between two frames
NOISE = 3.0  # grey levels, of a sensor: without it a JPEG is much smaller than a camera's
QUALITY = 85  # of a camera's JPEG


@cache
def patrol() -> Patrol:
    """What is driven."""
    return Patrol(SEED, SECONDS)


@cache
def instants() -> tuple[float, ...]:
    """When the frames are taken, in seconds."""
    found, last = [], -APART
    for tenth in range(int(SECONDS * 10)):
        metres = patrol().metres(tenth / 10)
        if metres - last >= APART:
            last = metres
            found.append(tenth / 10)
    return tuple(found)


@cache
def drawn() -> tuple[Pixels, ...]:
    """The frames at 720p."""
    return tuple(patrol().frame(seconds, *SIZES["720p"]) for seconds in instants())


@cache
def jpegs(size: str) -> tuple[bytes, ...]:
    """The frames made larger, with a sensor's noise."""
    columns, rows = SIZES[size]
    rng = np.random.default_rng(1)
    noise = rng.normal(0, NOISE, (rows, columns, 3)).astype(np.int8)
    found = []
    for pixels in drawn():
        noise = np.roll(noise, int(rng.integers(1, columns)), axis=1)
        large = cv2.resize(pixels, (columns, rows), interpolation=cv2.INTER_CUBIC)
        noisy = np.clip(large.astype(np.int16) + noise, 0, 255).astype(np.uint8)
        found.append(cv2.imencode(".jpg", noisy, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1].tobytes())
    return tuple(found)


def decoded(jpeg: bytes) -> Pixels:
    """As agent.drivers.capture does it."""
    pixels = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    assert pixels is not None
    return np.asarray(pixels, np.uint8)
