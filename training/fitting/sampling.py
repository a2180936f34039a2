"""Which pictures a training run sees how often."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from training.photographs.dataset import DRAWN, Photograph, Picture


def sampling(pictures: Sequence[Picture], drawn: float, balanced: bool = True) -> npt.NDArray[np.float64]:
    """The chance of each picture to be taken next; they sum to 1.

    Balanced, a label has it by the root of its count, and within it a source by the root of its own, so that neither a
    large label nor a large source decides alone; a source whose labels are less believed has less. Drawn scenes share
    `drawn` equally.
    """
    groups = Counter((picture.label, picture.source) for picture in pictures)
    labels: Counter[str] = Counter()
    roots: dict[str, float] = {}
    for (label, source), count in groups.items():
        if source != DRAWN:
            labels[label] += count
            roots[label] = roots.get(label, 0.0) + count**0.5

    def chance(picture: Picture) -> float:
        if picture.source == DRAWN:
            return 0.0
        if not balanced:
            return 1.0
        believed = picture.weight if isinstance(picture, Photograph) else 1.0
        root = groups[picture.label, picture.source] ** 0.5
        return believed * float(labels[picture.label] ** 0.5 / roots[picture.label] / root)

    chances = np.array([chance(picture) for picture in pictures])
    scenes = np.array([picture.source == DRAWN for picture in pictures])
    chances *= (1 - drawn if scenes.any() else 1) / chances.sum()
    chances[scenes] = drawn / max(1, scenes.sum())
    return chances
