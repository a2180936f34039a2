"""Figures about a classifier: shares, calibration, and the rule that the device decides by."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from agent.domain import NO_DEFECT
from agent.manifest import NEVER

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

NORMAL = 1.96  # the normal deviate of a 95 % interval
BINS = 15
ACCEPTED, TO_REVIEW = "accepted", "to_review"


def wilson(hits: int, count: int) -> tuple[float, float]:
    """The 95 % score interval of a share (Wilson 1927); (0, 1) where nothing was counted."""
    if not count:
        return 0.0, 1.0
    share, square = hits / count, NORMAL**2 / count
    middle = share + square / 2
    spread = NORMAL * float(np.sqrt(share * (1 - share) / count + square / (4 * count)))
    return max(0.0, (middle - spread) / (1 + square)), min(1.0, (middle + spread) / (1 + square))


def mean_wilson(shares: Sequence[tuple[int, int]]) -> tuple[float, float]:
    """The 95 % interval of the mean of independent shares (hits, count), from Wilson's of each (Zou & Donner 2008)."""
    found = np.array([(hits / count, *wilson(hits, count)) for hits, count in shares])
    middle, below, above = found[:, 0], found[:, 0] - found[:, 1], found[:, 2] - found[:, 0]
    low, high = (float(np.sqrt((side**2).sum()) / len(found)) for side in (below, above))
    return float(middle.mean()) - low, float(middle.mean()) + high


def share(hits: Mask | Sequence[bool]) -> dict[str, float | None]:
    """A share with its count and its interval (Wilson), ready for JSON."""
    count, right = len(hits), int(np.sum(hits))
    low, high = wilson(right, count)
    return measure(right / count if count else None, low, high, count)


def measure(value: float | None, low: float, high: float, count: int) -> dict[str, float | None]:
    """A figure with its 95 % interval and the number of pictures that it stands on, ready for JSON."""
    return {
        "value": None if value is None else round(value, 4),
        "low": round(low, 4),
        "high": round(high, 4),
        "n": count,
    }


def evenly(groups: Sequence[tuple[Hashable, Hashable]]) -> Floats:
    """The weight of each picture, of which these are the label and the source; they sum to 1.

    Each label weighs the same, and in it each source: no source's camera decides alone.
    """
    counts = Counter(groups)
    sources = Counter(label for label, _ in counts)
    return np.array([1 / counts[group] / sources[group[0]] / len(sources) for group in groups])


def tempered(probabilities: Floats, temperature: float) -> Floats:
    """What the probabilities (pictures x labels) would be at that temperature instead of 1."""
    logits = np.log(np.maximum(probabilities, np.finfo(np.float32).tiny)) / temperature
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(exponentials / exponentials.sum(axis=1, keepdims=True))


def log_loss(probabilities: Floats, truth: Integers, weights: Floats) -> float:
    """The surprise at the true labels, in nats, each picture with its weight."""
    right = probabilities[np.arange(len(truth)), truth]
    return float(-(weights * np.log(np.maximum(right, np.finfo(np.float64).tiny))).sum())


def bins(probabilities: Floats) -> Integers:
    """The bin of each row's highest probability, of fifteen equal ones."""
    return np.asarray(np.minimum((probabilities.max(axis=1) * BINS).astype(np.int64), BINS - 1))


def calibration_error(probabilities: Floats, truth: Integers) -> float:
    """Expected calibration error of the top label, in fifteen equal bins."""
    top, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == truth
    gaps = np.bincount(bins(probabilities), top - right, BINS)
    return float(np.abs(gaps).sum() / len(truth))


@dataclass(frozen=True, slots=True)
class Rule:
    """When the device believes the model, asks a person, or stays silent."""

    labels: tuple[str, ...]
    accept: tuple[float | None, ...]
    review: float

    def decide(self, probabilities: Floats) -> list[str]:
        """`accepted`, `to_review` or `no_defect` for each row."""
        clean = self.labels.index(NO_DEFECT)
        decisions = []
        for row in probabilities:
            top = int(row.argmax())
            threshold = self.accept[top]
            if threshold is not None and threshold <= row[top] and threshold < NEVER:
                decisions.append(ACCEPTED)
            else:
                decisions.append(TO_REVIEW if self.review <= 1 - row[clean] and self.review < NEVER else NO_DEFECT)
        return decisions
