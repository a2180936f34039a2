"""`python -m benchmarks.quality`: what the quality gate costs, what it refuses wrongly, and what damage it catches."""

from __future__ import annotations

import math
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import cv2
import numpy as np

from agent.domain import Pixels
from agent.drivers.pictures import UNREDUCED, find_pictures, read_picture
from agent.errors import PictureError
from agent.pipeline.quality import Gate, Settings
from agent.simulation.patrol import Patrol

SIZES = ((1280, 720), (1920, 1080), (3840, 2160))
WIDE = 1280.0  # pixels: damage is given for a frame as wide
NOISE = 2.0  # grey levels, of the sensor, after the damage
VEIL = (90.0, 110.0, 125.0)  # the colour of dried mud
Damage = Callable[[Pixels], Pixels]


def _cost(rounds: int) -> None:
    patrol = Patrol(31, 30.0)
    frames = [patrol.frame(seconds, *SIZES[0]) for seconds in range(10, 22, 2)]
    for columns, rows in SIZES:
        shown = [np.asarray(cv2.resize(frame, (columns, rows)), np.uint8) for frame in frames]
        gate = Gate(Settings())
        times = []
        for number in range(rounds):
            started = time.perf_counter()
            gate.judge(shown[number % len(shown)], "front", True)
            times.append((time.perf_counter() - started) * 1000)
        low, median, high = statistics.quantiles(times, n=4)
        click.echo(f"{columns} x {rows}: {median:.2f} ms a frame ({low:.2f} to {high:.2f})")


def _moved(length: float, degrees: float) -> Damage:
    """Blurred along a line so many pixels long."""

    def damage(pixels: Pixels) -> Pixels:
        reach = length * max(pixels.shape[:2]) / WIDE / 2
        side = 2 * math.ceil(reach) + 3
        kernel = np.zeros((side, side))
        for part in np.linspace(-reach, reach, 400):
            column, row = (side // 2 + part * turn(math.radians(degrees)) for turn in (math.cos, math.sin))
            for right in (0, 1):
                for down in (0, 1):
                    share = (1 - abs(column - int(column) - right)) * (1 - abs(row - int(row) - down))
                    kernel[int(row) + down, int(column) + right] += share
        return np.asarray(cv2.filter2D(pixels, -1, kernel / kernel.sum()), np.uint8)

    return damage


def _unfocused(sigma: float) -> Damage:
    return lambda pixels: np.asarray(cv2.GaussianBlur(pixels, (0, 0), sigma * max(pixels.shape[:2]) / WIDE), np.uint8)


def _exposed(times: float) -> Damage:
    return lambda pixels: np.clip(pixels * float(times), 0, 255).astype(np.uint8)


DAMAGES: tuple[tuple[str, Damage], ...] = (
    *((f"defocus, sigma {sigma} px", _unfocused(sigma)) for sigma in (2, 4, 6, 8)),
    *((f"motion {length} px at {turn}", _moved(length, turn)) for length in (12, 25, 40) for turn in (0, 45, 90)),
    *((f"exposure x {times}", _exposed(times)) for times in (0.05, 0.1, 0.2, 3.0, 6.0)),
)


def _noisy(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """With the sensor's noise; a picture that was made smaller has less."""
    level = NOISE * min(1.0, max(pixels.shape[:2]) / WIDE)
    return np.clip(pixels + rng.normal(0, level, pixels.shape) + 0.5, 0, 255).astype(np.uint8)


def _pictures(folder: Path) -> Iterator[tuple[Path, Pixels]]:
    for path in find_pictures([folder]):
        try:
            yield path, read_picture(path, UNREDUCED).pixels
        except PictureError as fault:
            click.echo(str(fault), err=True)


def _refusals(folder: Path, name_them: bool) -> None:
    """Each picture as the first frame of a camera."""
    refused = [(Gate(Settings()).judge(pixels, "front", False), path) for path, pixels in _pictures(folder)]
    reasons = Counter(reason for reason, _path in refused if reason)
    told = ", ".join(f"{reason} {count}" for reason, count in reasons.most_common())
    share = reasons.total() / max(1, len(refused))
    click.echo(f"{folder}: {reasons.total()} of {len(refused)} refused ({share:.2%}) {told}".rstrip())
    for reason, path in refused if name_them else ():
        if reason:
            click.echo(f"    {reason:<13} {path}")


def _catches(name: str, pictures: list[Pixels]) -> None:
    rng = np.random.default_rng(1)
    good = [pixels for pixels in pictures if Gate(Settings()).judge(pixels, "front", False) is None]
    click.echo(f"\n{name}: refused of {len(good)} pictures, damaged as in a frame 1280 pixels wide")
    for title, damage in DAMAGES:
        reasons = Counter(Gate(Settings()).judge(_noisy(damage(one), rng), "front", False) for one in good)
        caught = 1 - reasons.pop(None, 0) / max(1, len(good))
        told = ", ".join(f"{reason} {count}" for reason, count in reasons.most_common())
        click.echo(f"  {title:<22} {caught:5.0%}   {told}")


def _muddy(pixels: Pixels, dirt: Pixels, thick: float, rng: np.random.Generator) -> Pixels:
    """Behind dirt the street is out of focus and veiled."""
    behind = cv2.GaussianBlur(pixels, (0, 0), 0.012 * pixels.shape[1]).astype(np.float64)
    share = dirt[:, :, np.newaxis] / 255.0
    seen = pixels * (1 - share) + (behind * (1 - thick) + np.array(VEIL) * thick) * share
    return np.clip(seen + rng.normal(0, NOISE, pixels.shape), 0, 255).astype(np.uint8)


def _blobs(share: float, rng: np.random.Generator) -> Pixels:
    dirt = np.zeros((SIZES[0][1], SIZES[0][0]), np.uint8)
    while (dirt > 0).mean() < share:
        centre = (int(rng.uniform(0, dirt.shape[1])), int(rng.uniform(0, dirt.shape[0])))
        axes = (int(rng.uniform(60, 180)), int(rng.uniform(50, 120)))
        cv2.ellipse(dirt, centre, axes, rng.uniform(0, 180), 0, 360, (255,), -1)
    return np.asarray(cv2.GaussianBlur(dirt, (0, 0), 25), np.uint8)


def _lens(seed: int) -> None:
    """A patrol 60 frames clean, 60 dirty, 30 clean again, one every four metres."""
    patrol, last, frames = Patrol(seed, 120.0), -4.0, []
    for tenth in range(1200):
        if patrol.metres(tenth / 10) - last >= 4.0:  # noqa: PLR2004 - metres, the trigger's default
            last = patrol.metres(tenth / 10)
            frames.append(patrol.frame(tenth / 10, *SIZES[0]))
    frames = frames[:150]
    for share, thick in ((0.2, 0.85), (0.4, 0.5), (0.4, 0.85), (0.97, 0.95)):
        rng = np.random.default_rng(seed)
        dirt = _blobs(share, rng)
        gate = Gate(Settings())
        shown, told, covered = [], [], 0
        for number, frame in enumerate(frames):
            pixels = _muddy(frame, dirt, thick, rng) if 60 <= number < 120 else frame  # noqa: PLR2004 - as said above
            covered += gate.judge(pixels, "front", True) == "covered"
            shown.append(gate.dirt("front"))
            told.append(gate.is_dirty("front"))
        on, off = told[60:120], told[120:]
        click.echo(
            f"patrol {seed}, mud on {share:.0%}, {thick:.0%} thick: clean {max(shown[:60]):.2f} at most, "
            f"dirty {shown[119]:.2f}, told after {on.index(True) if any(on) else '-'} frames, "
            f"covered {covered}, no longer after {off.index(False) if not all(off) else '-'}"
        )


@click.command()
@click.option("--photos", type=click.Path(exists=True, path_type=Path), multiple=True, help="Pictures that are good.")
@click.option("--every", default=20, show_default=True, help="Of how many of them one is damaged.")
@click.option("--name", "name_them", is_flag=True, help="Name each that is refused.")
@click.option("--rounds", default=200, show_default=True, help="Frames whose cost is measured.")
def main(photos: tuple[Path, ...], every: int, name_them: bool, rounds: int) -> None:
    """Measure; some minutes."""
    _cost(rounds)
    for folder in photos:
        _refusals(folder, name_them)
    for folder in photos:
        _catches(
            str(folder), [pixels for number, (_path, pixels) in enumerate(_pictures(folder)) if number % every == 0]
        )
    for seed in (31, 33):
        _lens(seed)


if __name__ == "__main__":
    sys.exit(main())
