"""What is measured of judged predictions, on a table small enough to count by hand."""

from __future__ import annotations

import numpy as np
import pytest

from tests.unit.training.invented import LABELS
from training.judging.curves import LEAST, coverage, precision_recall
from training.judging.figures import figures, summary
from training.judging.judged import judge
from training.judging.metrics import Rule
from training.judging.predictions import Predictions
from training.judging.targets import MET, NARROWLY, NOT_MEASURED, NOT_MET, TARGETS, Target, verdicts

RULE = Rule(LABELS, (0.8, 0.8, None), 0.7)
ROWS = [  # truth, source, probabilities; what the rule makes of it
    ("pothole", "a", (0.9, 0.05, 0.05)),  # accepted rightly
    ("pothole", "a", (0.7, 0.2, 0.1)),  # to review
    ("pothole", "b", (0.1, 0.1, 0.8)),  # silent
    ("graffiti", "b", (0.9, 0.1, 0.0)),  # accepted as a pothole
    ("no_defect", "a", (0.85, 0.05, 0.1)),  # false alarm
    ("no_defect", "a", (0.1, 0.2, 0.7)),
    ("no_defect", "b", (0.1, 0.0, 0.9)),
    ("no_defect", "b", (0.4, 0.35, 0.25)),  # to review
]


@pytest.fixture
def said() -> Predictions:
    sources = tuple(source for _, source, _ in ROWS)
    truth = np.array([LABELS.index(label) for label, _, _ in ROWS])
    paths = tuple(f"{index}.jpg" for index in range(len(ROWS)))
    return Predictions(LABELS, np.array([row for *_, row in ROWS]), truth, sources, sources, paths)


def test_headlines_are_what_a_hand_counts(said: Predictions) -> None:
    found = figures(judge(said, 1.0, RULE))
    expected = {
        "top1": 4 / 8,
        "macro_recall": (2 / 3 + 0 + 2 / 4) / 3,
        "top3": 1.0,
        "defects_accepted_rightly": 1 / 4,
        "defects_accepted_wrongly": 1 / 4,
        "defects_accepted_or_reviewed": 3 / 4,
        "accepted_precision": 1 / 3,
        "clean_accepted": 1 / 4,
        "clean_to_review": 1 / 4,
    }
    assert {name: found[name]["value"] for name in expected} == pytest.approx(expected, abs=1e-4)
    assert (found["clean_accepted"]["n"], found["accepted_precision"]["n"]) == (4, 3)


def test_labels_and_sources_say_what_becomes_of_their_pictures(said: Predictions) -> None:
    found = figures(judge(said, 1.0, RULE))
    pothole = found["labels"]["pothole"]
    shares = [pothole[key]["value"] for key in ("accepted_rightly", "accepted_wrongly", "to_review", "silent")]
    assert shares == pytest.approx([1 / 3, 0, 1 / 3, 1 / 3], abs=1e-4)
    assert pothole["precision"]["value"] == pytest.approx(2 / 5, abs=1e-4)
    rows = {(row["label"], row["source"]): row for row in found["sources"]}
    assert list(rows) == [("pothole", "a"), ("pothole", "b"), ("graffiti", "b"), ("no_defect", "a"), ("no_defect", "b")]
    assert rows["pothole", "a"]["taken_for"] == {}
    assert rows["pothole", "b"]["taken_for"] == {"no_defect": 1}
    assert found["confusion"] == {"labels": list(LABELS), "counts": [[2, 0, 1], [1, 0, 0], [2, 0, 2]]}
    assert sum(row["right"]["n"] for row in found["reliability"]) == len(ROWS)


def test_what_is_decided_without_a_person_is_right_where_silence_meets_a_clean_street(said: Predictions) -> None:
    found = {row["what"]: row for row in figures(judge(said, 1.0, RULE))["coverage"]}
    alone = found["decided without a person"]
    assert (alone["share"]["value"], alone["right"]["value"]) == (6 / 8, 0.5)
    assert found["the surest 50 %"]["right"]["n"] == 4


def test_photographs_without_a_clean_street_have_no_false_alarms_to_count(said: Predictions) -> None:
    found = figures(judge(said.only(said.truth != 2), 1.0, RULE))
    assert found["clean_accepted"]["value"] is None
    assert "no_defect" not in found["labels"]


def test_a_manifest_carries_the_figures_without_the_details(said: Predictions) -> None:
    found = summary(figures(judge(said, 1.0, RULE)))
    assert {"top1", "labels"} <= set(found)
    assert not {"sources", "coverage"} & set(found)


def test_a_curve_ends_where_every_first_label_is_taken(said: Predictions) -> None:
    judged = judge(said.only(np.repeat(np.arange(len(said)), LEAST)), 1.0, RULE)
    assert (coverage(judged).x[-1], coverage(judged).y[-1]) == (1.0, judged.right.mean())
    curve = precision_recall(judged, 0)
    assert (curve.x[-1], curve.y[-1]) == pytest.approx((2 / 3, 2 / 5))
    assert np.all((curve.low < curve.y) & (curve.y < curve.high + 1e-9))


def test_a_target_is_not_met_surely_while_its_interval_reaches_beyond() -> None:
    least, most = Target("f", "f", 0.9), Target("f", "f", 0.05, at_least=False)
    assert least.verdict({"value": 0.95, "low": 0.91, "high": 0.97}) == MET
    assert least.verdict({"value": 0.95, "low": 0.89, "high": 0.97}) == NARROWLY
    assert least.verdict({"value": 0.89, "low": 0.85, "high": 0.93}) == NOT_MET
    assert most.verdict({"value": 0.04, "low": 0.01, "high": 0.06}) == NARROWLY
    assert most.verdict({"value": None, "low": 0.0, "high": 1.0}) == NOT_MEASURED


def test_every_target_is_a_figure_that_is_measured(said: Predictions) -> None:
    assert [row["figure"] for row in verdicts(figures(judge(said, 1.0, RULE)))] == [t.figure for t in TARGETS]
