"""Draws the golden pictures of a model and keeps them in its folder, with what it says of them.

`python -m training.golden models/NAME` does it again for the model that is there.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import click
import cv2
import msgspec
import numpy as np

from agent.domain import Pixels
from agent.drivers.tflite import TfliteClassifier
from agent.errors import FidamiaError
from agent.golden import FILE, TOLERANCE, Golden, Picture, fingerprint
from agent.interfaces import Classifier
from agent.manifest import Manifest, load_manifest
from agent.simulation.scenery import LABELS, draw
from training.folder import replacing

SIZE = 320, 180  # columns and rows
SHADES = 16  # values that a pixel keeps of 256: the noise of the drawn sensor would make each file three times as large
SEEDS = range(60)
CLEAR = 0.9  # of the first label: nearer to a border the runtimes differ among themselves


class NothingSeenError(FidamiaError):
    """The model sees no drawn scene clearly: its categories are none that the simulator draws."""


def write(folder: Path, seeds: Sequence[int] = SEEDS) -> list[Picture]:
    """Write `golden.json` and its pictures for the model in `folder`: one scene of each label that it sees clearly.

    Call it after `write_manifest`. Raises ConfigError where the model does not fit its manifest, and NothingSeenError
    where it sees no drawn scene clearly.
    """
    manifest = load_manifest(str(folder.resolve()))
    classifier = TfliteClassifier(manifest)
    chosen = {}
    for index, label in enumerate(manifest.labels):
        if label.id in LABELS:
            chosen[label.id] = max(_clear(label.id, index, classifier, seeds), default=None)
    if not any(chosen.values()):
        raise NothingSeenError(f"{folder}: the model sees no drawn scene clearly; no golden pictures were made")
    with replacing(folder) as fresh:
        pictures = [_keep(fresh, label, found[1], manifest, classifier) for label, found in chosen.items() if found]
        golden = msgspec.json.format(msgspec.json.encode(Golden(manifest.sha256, pictures, TOLERANCE)), indent=1)
        (fresh / FILE).write_bytes(golden + b"\n")
    return pictures


def scene(label: str, seed: int) -> Pixels:
    """A golden picture, BGR; the same seed draws the same one."""
    pixels = cv2.resize(draw(label, np.random.default_rng(seed)), SIZE, interpolation=cv2.INTER_AREA)
    step = 256 // SHADES
    return np.asarray(pixels // step * step, np.uint8)


def _clear(label: str, index: int, classifier: Classifier, seeds: Sequence[int]) -> Iterator[tuple[float, int]]:
    """The scenes that the model sees clearly: how much exchanged colours change what it says, and the seed.

    The more they do, the more surely does the picture tell a fault in how the model is fed.
    """
    for seed in seeds:
        pixels = scene(label, seed)
        said = classifier.probabilities(pixels)
        if said[index] >= CLEAR:
            exchanged = classifier.probabilities(np.ascontiguousarray(pixels[..., ::-1]))
            yield float(np.abs(said - exchanged).max()), seed


def _keep(folder: Path, label: str, seed: int, manifest: Manifest, classifier: Classifier) -> Picture:
    pixels, file = scene(label, seed), f"golden-{label}.png"
    (folder / file).write_bytes(cv2.imencode(".png", pixels, [cv2.IMWRITE_PNG_COMPRESSION, 9])[1].tobytes())
    said = classifier.probabilities(pixels).tolist()
    probabilities = {one.id: round(p, 4) for one, p in zip(manifest.labels, said, strict=True)}
    return Picture(file, label, seed, fingerprint(pixels), probabilities)


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
def main(folder: Path) -> None:
    """Make the golden pictures of the model in FOLDER again."""
    try:
        for picture in write(folder):
            click.echo(f"{picture.file}: {picture.label} {picture.probabilities[picture.label]:.3f}")
    except FidamiaError as error:
        click.echo(str(error), err=True)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main(prog_name="python -m training.golden")
