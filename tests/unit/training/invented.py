"""Predictions that a network might have made, where each source is more or less hard."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from training.judging.metrics import Integers
from training.judging.predictions import Predictions

LABELS = ("pothole", "graffiti", "no_defect")
SKILL = {"north": 2.5, "south": 1.5, "east": 0.7}


def predictions(each: int = 40, skill: Mapping[str, float] = SKILL, seed: int = 1) -> Predictions:
    """`each` pictures of every label from every source; the greater the skill, the more are right."""
    random = np.random.default_rng(seed)
    rows = [(source, label, index) for source in skill for label in LABELS for index in range(each)]
    truth: Integers = np.array([LABELS.index(label) for _, label, _ in rows], dtype=np.int64)
    logits = random.normal(0, 1, (len(rows), len(LABELS)))
    logits[np.arange(len(rows)), truth] += np.array([skill[source] for source, _, _ in rows])
    exponentials = np.exp(logits)
    sources = tuple(source for source, _, _ in rows)
    paths = tuple(f"{label}/{source}-{index:04d}.jpg" for source, label, index in rows)
    said = exponentials / exponentials.sum(axis=1, keepdims=True)
    return Predictions(LABELS, said, truth, sources, sources, paths)
