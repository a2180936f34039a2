"""The temperature and the thresholds that follow from predictions on photographs the network did not learn from.

One temperature, and no more: a bias for each label, or a factor and a bias (vector scaling), were fitted to all sources
but one and judged on that one, in turn. On predictions of a frozen network, top-1 fell from 0.55 to 0.43 and 0.48, and
the calibration error rose from 0.04 to 0.14 and 0.11: they learn what the sources hold, not what the network is.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from agent.domain import NO_DEFECT
from agent.manifest import NEVER
from training.judging.judged import Judged, judge
from training.judging.metrics import Floats, Integers, Rule, evenly, log_loss, tempered
from training.judging.predictions import Predictions

TEMPERATURES = np.exp(np.linspace(np.log(0.25), np.log(4), 200))
ACCEPT = range(50, 100)  # hundredths: below a half the first label is a guess among several
REVIEW = (*np.arange(30, 100).tolist(), 100)


@dataclass(frozen=True, slots=True)
class Demands:
    """What the thresholds must hold on the photographs that they are chosen on."""

    precision: float = 0.6  # of what is accepted, for each label
    clean_accepted: float = 0.015  # share of clean photographs accepted as a defect, all labels together
    clean_to_review: float = 0.05  # share of clean photographs that a person is asked about

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Demands:
        """Those that a run was made with, by the names of its settings; what it did not know is as here."""
        return cls(**{field.name: float(settings.get(field.name, field.default)) for field in fields(cls)})


def choose(predictions: Predictions, demands: Demands) -> tuple[float, Rule]:
    """(temperature, rule) for a network that said this at temperature 1."""
    weights = evenly(list(zip(predictions.truth.tolist(), predictions.sources, strict=True)))
    temperature = fit_temperature(predictions.probabilities, predictions.truth, weights)
    accept = accept_thresholds(predictions.at(temperature), demands)
    rule = Rule(predictions.labels, accept, NEVER)
    return temperature, replace(rule, review=_review_threshold(judge(predictions, temperature, rule), demands))


def fit_temperature(probabilities: Floats, truth: Integers, weights: Floats) -> float:
    """The temperature of the least weighted log loss (Guo et al. 2017)."""

    def loss(temperature: float) -> float:
        return log_loss(tempered(probabilities, temperature), truth, weights)

    return round(float(min(TEMPERATURES, key=loss)), 3)


def accept_thresholds(predictions: Predictions, demands: Demands) -> tuple[float | None, ...]:
    """From which probability on each label is accepted; None for `no_defect`.

    One probability for all, since the temperature makes it mean the same for each label: the least in hundredths with
    which the budget of clean photographs holds. A label that is not as often right as demanded has a higher one.
    """
    clean = predictions.labels.index(NO_DEFECT)
    first, sure = predictions.probabilities.argmax(axis=1), predictions.probabilities.max(axis=1)
    is_clean = predictions.truth == clean
    false_alarms, most = sure[is_clean & (first != clean)], demands.clean_accepted * is_clean.sum()
    common = _least(lambda threshold: np.count_nonzero(false_alarms >= threshold) <= most)

    def of_label(label: int) -> float:
        scores, truth = sure[first == label], predictions.truth[first == label]

        def holds(threshold: float) -> bool:
            taken = truth[scores >= threshold]
            # One more that is wrong is assumed: of three accepted, that all are right proves nothing.
            right = np.count_nonzero(taken == label)
            return bool(threshold >= common and right >= demands.precision * (len(taken) + 1))

        return _least(holds)

    return tuple(None if label == clean else of_label(label) for label in range(len(predictions.labels)))


def _least(holds: Callable[[float], bool]) -> float:
    """The least threshold of which that is so, else NEVER."""
    return next((hundredths / 100 for hundredths in ACCEPT if holds(hundredths / 100)), NEVER)


def _review_threshold(undecided: Judged, demands: Demands) -> float:
    """The least probability of any defect from which on a person is asked about no more clean pictures than said."""
    said = undecided.predictions
    defect = 1 - said.probabilities[:, said.labels.index(NO_DEFECT)]
    asked = defect[undecided.clean & ~undecided.accepted]
    most = demands.clean_to_review * undecided.clean.sum()
    return next(
        threshold
        for threshold in (hundredths / 100 for hundredths in REVIEW)
        if (asked >= threshold).sum() <= most or threshold == NEVER
    )


def cross_fitted(predictions: Predictions, demands: Demands) -> Judged:
    """Each source judged with the temperature and the thresholds that all the others would have chosen.

    So the figures owe nothing to thresholds having been chosen on the photographs that they are measured on.
    """
    names = folds(predictions)
    probabilities = np.empty_like(predictions.probabilities)
    decisions = np.empty(len(predictions), dtype="<U16")
    for name in sorted(set(names)):
        left_out = np.array([other == name for other in names])
        judged = judge(predictions.only(left_out), *choose(predictions.only(~left_out), demands))
        probabilities[left_out] = judged.predictions.probabilities
        decisions[left_out] = judged.decisions
    return Judged(replace(predictions, probabilities=probabilities), decisions)


def folds(predictions: Predictions) -> list[str]:
    """What is left out together with each picture: its group of sources, or half of it where a label has no other.

    Halved by the names of each of its labels, so that neighbours stay together.
    """
    holders: defaultdict[int, set[str]] = defaultdict(set)
    rows: defaultdict[tuple[int, str], list[int]] = defaultdict(list)
    for row, (label, group) in enumerate(zip(predictions.truth.tolist(), predictions.groups, strict=True)):
        holders[label].add(group)
        rows[label, group].append(row)
    alone = {group for groups in holders.values() if len(groups) == 1 for group in groups}
    found = list(predictions.groups)
    for (_, group), members in rows.items():
        if group in alone:
            ordered = sorted(members, key=predictions.paths.__getitem__)
            for place, row in enumerate(ordered):
                found[row] = f"{group}, {'first' if 2 * place < len(ordered) else 'second'} half"
    return found
