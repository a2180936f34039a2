"""Predictions, and what the device decides of each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from agent.domain import NO_DEFECT
from training.judging.metrics import ACCEPTED, TO_REVIEW, Integers, Mask, Rule
from training.judging.predictions import Predictions


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """Predictions at the temperature in force, and `accepted`, `to_review` or `no_defect` for each."""

    predictions: Predictions
    decisions: npt.NDArray[np.str_]

    @property
    def top(self) -> Integers:
        """The index of the likeliest label."""
        return np.asarray(self.predictions.probabilities.argmax(axis=1))

    @property
    def right(self) -> Mask:
        """Where the likeliest label is the true one."""
        return np.asarray(self.top == self.predictions.truth)

    @property
    def accepted(self) -> Mask:
        """Where the device believes the model."""
        return np.asarray(self.decisions == ACCEPTED)

    @property
    def to_review(self) -> Mask:
        """Where it asks a person."""
        return np.asarray(self.decisions == TO_REVIEW)

    @property
    def silent(self) -> Mask:
        """Where it says that there is no defect."""
        return np.asarray(self.decisions == NO_DEFECT)

    @property
    def clean(self) -> Mask:
        """Where there is no defect."""
        return np.asarray(self.predictions.truth == self.predictions.labels.index(NO_DEFECT))


def judge(predictions: Predictions, temperature: float, rule: Rule) -> Judged:
    """What a device with that temperature and that rule makes of predictions at temperature 1."""
    said = predictions.at(temperature)
    return Judged(said, np.array(rule.decide(said.probabilities), dtype=np.str_))
