"""The temperature and the thresholds that follow from predictions on photographs the network did not learn from.

One temperature, and no more: a bias for each label, or a factor and a bias (vector scaling), were fitted to all sources
but one and judged on that one, in turn. On predictions of a frozen network, top-1 fell from 0.55 to 0.43 and 0.48, and
the calibration error rose from 0.04 to 0.14 and 0.11: they learn what the sources hold, not what the network is.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from fractions import Fraction
from typing import Any

import numpy as np

from agent.domain import NO_DEFECT
from agent.manifest import NEVER
from training.judging.judged import Judged, judge
from training.judging.metrics import Floats, Integers, Rule, evenly, log_loss, tempered
from training.judging.predictions import Predictions

TEMPERATURES = np.exp(np.linspace(np.log(0.25), np.log(4), 200))
ACCEPT = (*np.arange(50, 100).tolist(), 100)  # hundredths: below a half the first label is a guess among several
REVIEW = (*np.arange(30, 100).tolist(), 100)


@dataclass(frozen=True, slots=True)
class Demands:
    """What the thresholds must hold on the photographs that they are chosen on."""

    precision: float = 0.7  # of what is accepted, for each label
    clean_accepted: float = 0.01  # share of clean photographs accepted as a defect, all labels together
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

    Of all ways to give each defect a threshold in hundredths that holds its precision, and to stay within the budget
    of clean photographs together, the one that accepts most defects with the right label, each label alike; among
    equals the one that accepts fewer clean ones, then the higher thresholds. The labels share nothing but the budget,
    so that the exact answer is a sum over labels for each part of the budget spent (a knapsack), and no search.
    """
    clean = predictions.labels.index(NO_DEFECT)
    budget = int(demands.clean_accepted * (predictions.truth == clean).sum())
    counts = np.bincount(predictions.truth, minlength=len(predictions.labels))
    # clean accepted -> (shares of the labels accepted rightly, added up; thresholds)
    spent: dict[int, tuple[Fraction, tuple[float, ...]]] = {0: (Fraction(0), ())}
    defects = [index for index in range(len(predictions.labels)) if index != clean]
    for index in defects:
        options = _options(predictions, index, demands.precision)
        reached: dict[int, tuple[Fraction, tuple[float, ...]]] = {}
        for cost, (gain, thresholds) in spent.items():
            for more, right, threshold in options:
                if cost + more <= budget or threshold == NEVER:
                    new = (gain + Fraction(right, max(1, int(counts[index]))), (*thresholds, threshold))
                    reached[cost + more] = max(reached.get(cost + more, new), new)
        spent = reached
    _, _, best = max((gain, -cost, thresholds) for cost, (gain, thresholds) in spent.items())
    chosen = dict(zip(defects, best, strict=True))
    return tuple(chosen.get(index) for index in range(len(predictions.labels)))


def _options(predictions: Predictions, label: int, precision: float) -> list[tuple[int, int, float]]:
    """(clean accepted, accepted rightly, threshold) of each threshold that holds the precision, and of NEVER."""
    clean = predictions.labels.index(NO_DEFECT)
    first = predictions.probabilities.argmax(axis=1) == label
    scores, truth = predictions.probabilities[first, label], predictions.truth[first]
    options = []
    for threshold in (hundredths / 100 for hundredths in ACCEPT):
        taken = truth[(scores >= threshold) & (threshold < NEVER)]
        right = int((taken == label).sum())
        # One more that is wrong is assumed: of three accepted, that all are right proves nothing.
        if right >= precision * (len(taken) + 1) or threshold == NEVER:
            options.append((int((taken == clean).sum()), right, threshold))
    return options


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
