"""The temperature and the thresholds that a model ships with, and their worth on a source that chose neither."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from agent.domain import NO_DEFECT
from agent.manifest import NEVER
from tests.unit.training.invented import LABELS, predictions
from training.judging.calibrate import (
    ACCEPT,
    Demands,
    accept_thresholds,
    choose,
    cross_fitted,
    fit_temperature,
    folds,
)
from training.judging.judged import judge
from training.judging.metrics import Rule, calibration_error, tempered
from training.judging.predictions import Predictions

CLEAN = LABELS.index(NO_DEFECT)


def accepted(said: Predictions, label: int, threshold: float) -> tuple[int, int, int]:
    """(all, right, clean) that are accepted as the label."""
    scores = said.probabilities
    taken = said.truth[(scores.argmax(axis=1) == label) & (scores[:, label] >= threshold)]
    return len(taken), int((taken == label).sum()), int((taken == CLEAN).sum())


def test_the_temperature_that_made_the_probabilities_too_sure_is_found_again() -> None:
    random = np.random.default_rng(5)
    logits = random.normal(0, 2, (4000, 3))
    exact = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    truth = np.array([random.choice(3, p=row) for row in exact])
    said = tempered(exact, 0.5)
    temperature = fit_temperature(said, truth, np.ones(len(truth)))
    assert temperature == pytest.approx(2.0, rel=0.1)
    assert calibration_error(tempered(said, temperature), truth) < calibration_error(said, truth)


@pytest.mark.parametrize("budget", [0.0, 0.02, 0.1, 1.0])
def test_all_labels_are_accepted_from_the_least_probability_that_keeps_to_the_budget(budget: float) -> None:
    said = predictions(30)
    found = accept_thresholds(said, Demands(precision=0.0, clean_accepted=budget))
    assert found[CLEAN] is None
    common = max(threshold for threshold in found if threshold is not None)

    def false_alarms(threshold: float) -> int:
        return sum(accepted(said, label, threshold)[2] for label in range(len(LABELS)) if label != CLEAN)

    most = budget * (said.truth == CLEAN).sum()
    assert set(found) == {common, None}
    assert false_alarms(common) <= most
    assert common == min(ACCEPT) / 100 or false_alarms(common - 0.01) > most


def test_a_label_that_is_less_often_right_is_accepted_from_a_higher_probability() -> None:
    precision = 0.7
    every_picture = predictions(30)
    said = every_picture.only((every_picture.truth != 0) | (np.arange(len(every_picture)) % 5 == 0))  # few potholes
    demands = Demands(precision=precision, clean_accepted=1.0)
    pothole, graffiti, _none = accept_thresholds(said, demands)
    assert pothole is not None
    assert graffiti is not None
    assert pothole > graffiti
    for label, threshold in enumerate((pothole, graffiti)):
        count, right, _clean = accepted(said, label, threshold)
        assert right >= precision * (count + 1)
        count, right, _clean = accepted(said, label, threshold - 0.01)
        assert threshold == min(ACCEPT) / 100 or right < precision * (count + 1)


def test_a_label_that_is_never_right_is_never_accepted() -> None:
    said = predictions(30)
    wrong = replace(said, truth=np.where(said.truth == 0, 1, said.truth))
    assert accept_thresholds(wrong, Demands())[0] == NEVER


def test_a_few_right_ones_are_too_few_to_accept_a_label_by() -> None:
    said = predictions(30, {"north": 9.0})
    few = np.flatnonzero((said.truth == 0) & (said.probabilities.argmax(axis=1) == 0))[:5]
    part = said.only(np.concatenate([few, np.flatnonzero(said.truth != 0)]))
    assert accept_thresholds(part, Demands(precision=0.95))[0] == NEVER
    assert accept_thresholds(part, Demands(precision=0.8))[0] != NEVER


def test_a_person_is_asked_about_as_few_clean_pictures_as_demanded_and_no_fewer_than_need_be() -> None:
    said = predictions(100)
    temperature, rule = choose(said, Demands(clean_to_review=0.1))
    judged = judge(said, temperature, rule)
    assert judged.to_review[judged.clean].mean() <= 0.1
    lower = judge(said, temperature, Rule(rule.labels, rule.accept, rule.review - 0.01))
    assert lower.to_review[lower.clean].mean() > 0.1


def test_the_same_predictions_choose_the_same_in_any_order() -> None:
    said = predictions(30)
    shuffled = said.only(np.random.default_rng(2).permutation(len(said)))
    assert choose(said, Demands()) == choose(shuffled, Demands())


def test_no_source_has_a_say_in_its_own_cross_fitted_thresholds() -> None:
    said = predictions(60)
    lying = np.array(said.sources) == "east"
    other = replace(said, truth=np.where(lying, (said.truth + 1) % len(LABELS), said.truth))
    honest, changed = cross_fitted(said, Demands()), cross_fitted(other, Demands())
    assert honest.decisions[lying].tolist() == changed.decisions[lying].tolist()
    assert honest.decisions[~lying].tolist() != changed.decisions[~lying].tolist()


def test_sources_of_one_group_are_left_out_together() -> None:
    said = predictions(4)
    grouped = replace(said, groups=tuple("coast" if name != "north" else name for name in said.groups))
    assert set(folds(grouped)) == {"coast", "north"}


def test_the_only_source_of_a_label_is_left_out_by_halves_of_its_names() -> None:
    said = predictions(5)
    alone = said.only(np.array([path.split("/")[0] != "graffiti" or "north" in path for path in said.paths]))
    found = dict(zip(alone.paths, folds(alone), strict=True))
    assert set(found.values()) == {"north, first half", "north, second half", "south", "east"}
    halves = [found[f"graffiti/north-{index:04d}.jpg"] for index in range(5)]
    assert halves == ["north, first half"] * 3 + ["north, second half"] * 2


def test_demands_are_those_that_a_run_was_made_with() -> None:
    assert Demands.of({"precision": 0.9, "epochs": 6}) == Demands(precision=0.9)
