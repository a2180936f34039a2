"""Figures about a classifier, and the thresholds and the temperature that follow from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from agent.domain import NO_DEFECT

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

NORMAL = 1.96  # the normal deviate of a 95 % interval
TEMPERATURES = np.exp(np.linspace(np.log(0.25), np.log(4), 200))
ACCEPT = 0.5, 0.97  # the least and the greatest threshold that a model ships with
REVIEW = 0.3, 0.9
BINS = 15


def wilson(hits: int, count: int) -> tuple[float, float]:
    """The 95 % score interval of a share (Wilson 1927); (0, 1) where nothing was counted."""
    if not count:
        return 0.0, 1.0
    share, square = hits / count, NORMAL**2 / count
    middle = share + square / 2
    spread = NORMAL * float(np.sqrt(share * (1 - share) / count + square / (4 * count)))
    return max(0.0, (middle - spread) / (1 + square)), min(1.0, (middle + spread) / (1 + square))


def tempered(probabilities: Floats, temperature: float) -> Floats:
    """What the probabilities (pictures x labels) would be at that temperature instead of 1."""
    logits = np.log(np.maximum(probabilities, np.finfo(np.float32).tiny)) / temperature
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(exponentials / exponentials.sum(axis=1, keepdims=True))


def fit_temperature(probabilities: Floats, truth: Integers, weights: Floats) -> float:
    """The temperature of the least weighted log loss (Guo et al. 2017)."""

    def loss(temperature: float) -> float:
        right = tempered(probabilities, temperature)[np.arange(len(truth)), truth]
        return float(-(weights * np.log(np.maximum(right, np.finfo(np.float64).tiny))).sum())

    return round(float(min(TEMPERATURES, key=loss)), 3)


def calibration_error(probabilities: Floats, truth: Integers) -> float:
    """Expected calibration error of the top label, in fifteen equal bins."""
    top, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == truth
    bins = np.minimum((top * BINS).astype(int), BINS - 1)
    gaps = [abs(top[bins == b].mean() - right[bins == b].mean()) * (bins == b).mean() for b in set(bins.tolist())]
    return float(sum(gaps))


def accept_threshold(scores: Floats, right: npt.NDArray[np.bool_], precision: float) -> float:
    """The least threshold from which on the share of right ones among `scores` is at least `precision`.

    `scores` are the probabilities of the pictures whose top label this is.
    """
    order = np.argsort(-scores)
    running = np.cumsum(right[order]) / np.arange(1, len(order) + 1)
    enough = np.flatnonzero(running >= precision)
    threshold = float(scores[order][enough[-1]]) if len(enough) else ACCEPT[1]
    return float(np.ceil(np.clip(threshold, *ACCEPT) * 100) / 100)


def review_threshold(defect: Floats, share: float) -> float:
    """The least threshold at which at most `share` of clean pictures, of probability `defect`, reach it."""
    return float(np.ceil(np.clip(np.quantile(defect, 1 - share), *REVIEW) * 100) / 100)


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
            if threshold is not None and row[top] >= threshold:
                decisions.append("accepted")
            else:
                decisions.append("to_review" if 1 - row[clean] >= self.review else NO_DEFECT)
        return decisions


def share(hits: npt.NDArray[np.bool_] | Sequence[bool]) -> dict[str, object]:
    """A share with its count and its interval, ready for JSON."""
    count, right = len(hits), int(np.sum(hits))
    low, high = wilson(right, count)
    found = round(right / count, 3) if count else None
    return {"share": found, "low": round(low, 3), "high": round(high, 3), "n": count}
