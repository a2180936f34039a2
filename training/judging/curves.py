"""What other thresholds would give: precision against recall for each label, accuracy against coverage."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from training.judging.judged import Judged
from training.judging.metrics import Floats, Mask, wilson

LEAST = 10  # pictures, with which a curve begins: the share of fewer says nothing


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """One point a threshold, the strictest first; `low` and `high` are the 95 % interval of y (Wilson)."""

    x: Floats
    y: Floats
    low: Floats
    high: Floats


def precision_recall(judged: Judged, label: int) -> Curve:
    """Of the pictures whose first label this is, by the probability from which on it is accepted.

    As the device decides, where a label that is not the first is never accepted: the curve ends before recall 1.
    """
    first = judged.top == label
    count = int((judged.predictions.truth == label).sum())
    hits, taken = _sweep(judged.predictions.probabilities[first, label], judged.right[first])
    return _curve(hits / max(1, count), hits, taken)


def coverage(judged: Judged) -> Curve:
    """How many of the pictures with the highest probabilities have the right label, by their share of all."""
    hits, taken = _sweep(judged.predictions.probabilities.max(axis=1), judged.right)
    return _curve(taken / max(1, len(judged.predictions)), hits, taken)


def _sweep(scores: Floats, right: Mask) -> tuple[Floats, Floats]:
    """(right ones, all) among the highest scores, for each threshold; equal scores are taken together."""
    order = np.argsort(-scores, kind="stable")
    last = np.append(np.diff(scores[order]) != 0, True)[: len(order)]
    last[: LEAST - 1] = False
    return np.cumsum(right[order], dtype=np.float64)[last], np.arange(1.0, len(order) + 1)[last]


def _curve(x: Floats, hits: Floats, taken: Floats) -> Curve:
    bounds = np.array([wilson(int(right), int(count)) for right, count in zip(hits, taken, strict=True)])
    return Curve(x, hits / taken, *bounds.reshape(-1, 2).T)
