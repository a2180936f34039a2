"""Intervals of photographs that are not independent."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tests.unit.training.invented import predictions
from training.judging.figures import headlines
from training.judging.intervals import TIMES, draws, interval
from training.judging.judged import Judged
from training.judging.metrics import Floats, share
from training.judging.predictions import Predictions


def right(said: Predictions) -> Judged:
    return Judged(said, np.array(["no_defect"] * len(said)))


def width(found: dict[str, float | None]) -> float:
    assert found["low"] is not None
    assert found["high"] is not None
    return found["high"] - found["low"]


def top1(said: Predictions, weights: Floats) -> dict[str, float | None]:
    return interval(headlines(right(said))["top1"], weights)


def test_the_same_predictions_give_the_same_draws() -> None:
    said = predictions(12)
    assert np.array_equal(draws(said), draws(said))


def test_each_draw_takes_whole_blocks_and_keeps_every_label() -> None:
    said = predictions(20)
    weights = draws(said)
    assert weights.shape == (TIMES, len(said))
    assert np.array_equal(weights[:, :10], np.repeat(weights[:, :1], 10, axis=1))
    assert all((weights[:, said.truth == label].sum(axis=1) > 0).all() for label in range(3))


def test_sources_that_differ_make_the_interval_wider_than_independence_would() -> None:
    said = predictions(60, {"easy": 6.0, "hard": 0.0, "middle": 2.0})
    assert width(top1(said, draws(said))) > 2 * width(share(right(said).right))


def test_sources_of_one_group_are_drawn_together() -> None:
    said = predictions(60, {"a": 6.0, "b": 6.0, "c": 0.0, "d": 0.0})
    # Two collections of one easy and one hard source each: which of the two is drawn hardly matters.
    mixed = replace(said, groups=tuple({"a": "x", "c": "x", "b": "y", "d": "y"}[name] for name in said.sources))
    assert width(top1(mixed, draws(mixed))) < 0.6 * width(top1(said, draws(said)))


def test_what_can_not_be_measured_is_none() -> None:
    said = predictions(12)
    found = interval(headlines(right(said))["accepted_precision"], draws(said))
    assert found == {"value": None, "low": 0.0, "high": 1.0, "n": 0}


def test_where_nothing_was_hit_the_interval_still_has_a_width() -> None:
    said = predictions(12)
    found = interval(headlines(right(said))["clean_accepted"], draws(said))
    assert (found["value"], found["high"]) == (0.0, share([False] * 36)["high"])
