"""Golden pictures: drawn scenes in a model's folder, and what the model said of them when it was made."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from agent.domain import Pixels
from agent.drivers.pictures import UNREDUCED, read_picture
from agent.errors import FidamiaError, PictureError
from agent.i18n import _
from agent.interfaces import Classifier
from agent.manifest import FileName, Manifest, Probability, Sha256

FILE = "golden.json"
# Of any probability. Over 120 drawn pictures ai-edge-litert 2.3 and tflite-runtime 2.14 (x86-64, each with its own
# OpenCV) differed by up to 0.23 where the model wavers, but by no more than 0.018 where it gives a label 0.9 or more,
# as it does each golden picture: of these, with another OpenCV still, by up to 0.032. ARM was not measured.
TOLERANCE = 0.08
LOOSEST = 0.2  # beyond it a picture would prove nothing


class Picture(msgspec.Struct, frozen=True):
    """A scene that the simulator drew from `label` and `seed`. It is kept, so that nothing draws it otherwise."""

    file: FileName
    label: str
    seed: int
    sha256: Sha256  # of its pixels
    probabilities: dict[str, Probability]


class Golden(msgspec.Struct, frozen=True):
    """`golden.json` of a model's folder."""

    model: Sha256
    pictures: Annotated[list[Picture], Meta(min_length=1)]
    tolerance: Annotated[float, Meta(ge=0, le=LOOSEST)] = TOLERANCE


class GoldenError(FidamiaError):
    """The golden pictures are not as they were made, so that they say nothing about the model."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the model says now of a golden picture, of the label of which it departs most from what it said."""

    file: str
    label: str
    expected: float
    found: float
    gap: float


def load_golden(manifest: Manifest) -> Golden:
    """The golden pictures of a model. Raises GoldenError where there are none, or they are another model's."""
    path = manifest.directory / FILE
    try:
        golden = msgspec.json.decode(path.read_bytes(), type=Golden)
    except OSError as error:
        raise GoldenError(
            _("{path}: the golden pictures can not be read ({reason})").format(path=path, reason=error.strerror)
        ) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise GoldenError(
            _("{path}: the list of golden pictures is wrong: {error}").format(path=path, error=error)
        ) from error
    labels = {label.id for label in manifest.labels}
    if golden.model != manifest.sha256 or any(set(one.probabilities) != labels for one in golden.pictures):
        raise GoldenError(_("{path}: the golden pictures are those of another model").format(path=path))
    return golden


def read_pixels(directory: Path, picture: Picture) -> Pixels:
    """The picture, BGR. Raises GoldenError where its pixels are not those that the model was asked about."""
    path = directory / picture.file
    try:
        pixels = read_picture(path, UNREDUCED).pixels
    except PictureError as error:
        raise GoldenError(str(error)) from error
    if fingerprint(pixels) != picture.sha256:
        raise GoldenError(_("{path}: not the golden picture as it was drawn").format(path=path))
    return pixels


def fingerprint(pixels: Pixels) -> str:
    """Tells pictures apart by size and pixels, however their files were packed."""
    return hashlib.sha256(repr(pixels.shape).encode() + pixels.tobytes()).hexdigest()


def ask(
    classifier: Classifier, manifest: Manifest, golden: Sequence[Picture], pixels: Sequence[Pixels]
) -> list[Answer]:
    """What the model says now of each golden picture."""
    return [_answer(classifier, manifest, *pair) for pair in zip(golden, pixels, strict=True)]


def _answer(classifier: Classifier, manifest: Manifest, picture: Picture, pixels: Pixels) -> Answer:
    said = dict(zip((label.id for label in manifest.labels), classifier.probabilities(pixels).tolist(), strict=True))
    label = max(said, key=lambda label: abs(said[label] - picture.probabilities[label]))
    expected, found = picture.probabilities[label], said[label]
    return Answer(picture.file, label, expected, round(found, 4), round(abs(found - expected), 4))


def timed(classifier: Classifier, pictures: Sequence[Pixels], runs: int) -> Iterator[float]:
    """Milliseconds of each of so many inferences, reducing the picture to the model's size included."""
    for run in range(runs):
        started = time.perf_counter()
        classifier.probabilities(pictures[run % len(pictures)])
        yield (time.perf_counter() - started) * 1000
