"""Intervals that know that photographs of one street, and streets of one source, resemble each other.

A cluster bootstrap in two steps (Davison & Hinkley 1997, section 3.8): within each label its sources are drawn with
replacement, and within each drawn source its blocks of neighbouring names. Each label keeps its place. A label of one
source keeps that source in every draw: for it the interval says nothing about other places. An interval is wide where
sources differ much or are few, as the uncertainty about another street is. Sources of one group count as one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from training.judging.metrics import Floats, measure
from training.judging.predictions import Predictions

BLOCK = 10  # neighbouring names, which often show one street
TIMES = 1000
SEED = 1
LOW, HIGH = 2.5, 97.5  # percentiles

Statistic = Callable[[Floats], Floats]  # weights (draws x pictures) -> one value a draw; NaN where there is none


@dataclass(frozen=True, slots=True)
class Headline:
    """A figure as a function of the pictures' weights, and the number of pictures that it stands on."""

    statistic: Statistic
    count: int
    narrowest: tuple[float, float] | None = None  # the interval if photographs were independent, where it is known


def draws(predictions: Predictions, times: int = TIMES) -> Floats:
    """How often each picture is taken in each draw: times x pictures. The same predictions give the same draws."""
    random = np.random.default_rng(SEED)
    weights = np.zeros((times, len(predictions)), dtype=np.float64)
    for sources in _grouped(predictions):
        taken = random.multinomial(len(sources), [1 / len(sources)] * len(sources), times)
        for often, blocks in zip(taken.T, sources, strict=True):
            counts = random.multinomial(often * len(blocks), [1 / len(blocks)] * len(blocks))
            for count, block in zip(counts.T, blocks, strict=True):
                weights[:, block] = count[:, None]
    return weights


def interval(headline: Headline, weights: Floats) -> dict[str, float | None]:
    """The figure of all pictures, with the interval that the draws span.

    It is never narrower than if the photographs were independent: where nothing was hit, nothing is in any draw either.
    """
    (found,) = headline.statistic(np.ones((1, weights.shape[1])))
    values = headline.statistic(weights)
    values = values[np.isfinite(values)]
    if not np.isfinite(found) or not len(values):
        return measure(None, 0.0, 1.0, headline.count)
    low, high = (float(bound) for bound in np.percentile(values, (LOW, HIGH)))
    if headline.narrowest is not None:
        low, high = min(low, headline.narrowest[0]), max(high, headline.narrowest[1])
    return measure(float(found), low, high, headline.count)


def _grouped(predictions: Predictions) -> list[list[list[list[int]]]]:
    """Of each label the sources, of each of these the blocks, of each of these the rows."""
    names: defaultdict[tuple[int, str, str], list[int]] = defaultdict(list)
    for row, name in enumerate(zip(predictions.truth.tolist(), predictions.groups, predictions.sources, strict=True)):
        names[name].append(row)
    labels: defaultdict[int, defaultdict[str, list[list[int]]]] = defaultdict(lambda: defaultdict(list))
    for (label, group, _), rows in sorted(names.items()):
        ordered = sorted(rows, key=predictions.paths.__getitem__)
        parts = np.array_split(np.array(ordered), -(-len(ordered) // BLOCK))
        labels[label][group] += [part.tolist() for part in parts]
    return [list(sources.values()) for sources in labels.values()]
