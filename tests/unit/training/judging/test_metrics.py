"""The figures of a model card, and the rule that a device decides by."""

from __future__ import annotations

import numpy as np
import pytest

from agent.manifest import Label, Manifest
from agent.pipeline.classify import decide
from training.judging.metrics import Rule, calibration_error, mean_wilson, share, wilson
from training.settings import INPUT

LABELS = ("pothole", "graffiti", "no_defect")


def test_the_interval_is_wilsons() -> None:
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=1e-4)  # Newcombe 1998, table I
    assert wilson(0, 0) == (0.0, 1.0)


def test_the_interval_of_a_mean_of_shares_lies_between_theirs_and_is_narrower() -> None:
    assert mean_wilson([(19, 20)]) == pytest.approx(wilson(19, 20))
    low, high = mean_wilson([(19, 20), (19, 20)])
    assert wilson(19, 20)[0] < low < 0.95 < high < wilson(19, 20)[1]
    assert high - low == pytest.approx((wilson(19, 20)[1] - wilson(19, 20)[0]) / np.sqrt(2))


def test_a_share_of_nothing_is_not_zero() -> None:
    assert share([]) == {"value": None, "low": 0.0, "high": 1.0, "n": 0}
    assert share([False] * 3)["value"] == 0


def test_the_calibration_error_weighs_each_bins_gap_by_its_pictures() -> None:
    said = np.array([[0.9, 0.1]] * 10 + [[0.6, 0.4]] * 30)
    truth = np.array([0] * 7 + [1] * 3 + [0] * 21 + [1] * 9)
    assert calibration_error(said, truth) == pytest.approx(0.2 * 10 / 40 + 0.1 * 30 / 40)


@pytest.mark.parametrize(
    ("accept", "review", "outcomes"),
    [
        ((0.8, 0.6, None), 0.5, {"accepted", "to_review", "no_defect"}),
        ((1.0, 0.6, None), 0.5, {"accepted", "to_review", "no_defect"}),
        ((1.0, 1.0, None), 1.0, {"no_defect"}),
    ],
)
def test_a_rule_decides_as_the_device_does(accept: tuple[float | None, ...], review: float, outcomes: set[str]) -> None:
    rule = Rule(LABELS, accept, review)
    labels = [
        Label(label, label, label, "low" if accept else None, "team" if accept else None, accept)
        for label, accept in zip(LABELS, rule.accept, strict=True)
    ]
    manifest = Manifest("m", "1", "m.tflite", "0" * 64, INPUT, 1.0, rule.review, labels)
    said = np.random.default_rng(6).dirichlet((0.5, 0.5, 0.5), 300)
    said[:3] = np.eye(3)
    decisions = rule.decide(said)
    assert decisions == [decide(row, manifest).decision for row in said]
    assert set(decisions) == outcomes
