"""Which pictures a training run sees how often."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from training.photographs.dataset import DRAWN, Photograph, Picture


def sampling(pictures: Sequence[Picture], drawn: float, balanced: float = 0.0) -> npt.NDArray[np.float64]:
    """The chance of each picture to be taken next; they sum to 1.

    A label has it by its count to the power of 1 - `balanced`, and within it so has a source, so that neither a large
    label nor a large source decides alone; a source whose labels are less believed has less. Drawn scenes share `drawn`
    equally.
    """
    power = 1 - balanced
    groups = Counter((picture.label, picture.source) for picture in pictures)
    labels: Counter[str] = Counter()
    parts: dict[str, float] = {}
    for (label, source), count in groups.items():
        if source != DRAWN:
            labels[label] += count
            parts[label] = parts.get(label, 0.0) + count**power

    def chance(picture: Picture) -> float:
        if picture.source == DRAWN:
            return 0.0
        believed = picture.weight if isinstance(picture, Photograph) else 1.0
        source = groups[picture.label, picture.source] ** power / parts[picture.label]
        return believed * float(labels[picture.label] ** power * source / groups[picture.label, picture.source])

    chances = np.array([chance(picture) for picture in pictures])
    scenes = np.array([picture.source == DRAWN for picture in pictures])
    chances *= (1 - drawn if scenes.any() else 1) / chances.sum()
    chances[scenes] = drawn / max(1, scenes.sum())
    return chances
