"""Several networks side by side, on the same photographs that none of them learnt from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from training.judging.calibrate import Demands, cross_fitted
from training.judging.figures import headlines
from training.judging.intervals import Headline, Statistic, draws, interval
from training.judging.metrics import Floats
from training.judging.predictions import Predictions
from training.photographs.dataset import DatasetError


def compare(networks: Mapping[str, Predictions], demands: Demands) -> dict[str, Any]:
    """`figures`: the headlines of each by name, all cross-fitted; `gains`: what the last one has over each other.

    A gain's interval is of the differences, draw by draw, on the same photographs: it is narrower than those of the two
    figures suggest, since a hard street is hard for both. Raises DatasetError where the photographs differ.
    """
    (name, last), *others = reversed(list(networks.items()))
    for other, predictions in others:
        if (predictions.labels, predictions.paths) != (last.labels, last.paths):
            raise DatasetError(
                f"{other} and {name} were not judged on the same photographs and labels; give predictions on the same"
            )
    weights = draws(last)
    found = {other: headlines(cross_fitted(said, demands)) for other, said in networks.items()}
    return {
        "figures": {
            other: {key: interval(headline, weights) for key, headline in lines.items()}
            for other, lines in found.items()
        },
        "gains": {
            other: {
                key: interval(Headline(_difference(found[name][key].statistic, line.statistic), line.count), weights)
                for key, line in found[other].items()
            }
            for other, _ in reversed(others)
        },
    }


def _difference(one: Statistic, other: Statistic) -> Statistic:
    def statistic(weights: Floats) -> Floats:
        return np.asarray(one(weights) - other(weights))

    return statistic
