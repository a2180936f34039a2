"""The figures of a model card, and the thresholds that a device decides by."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from agent.manifest import Label, Manifest
from agent.pipeline.classify import decide
from training.dataset import DRAWN, Photograph, Picture
from training.drawn import Scene
from training.metrics import (
    Rule,
    accept_threshold,
    calibration_error,
    fit_temperature,
    review_threshold,
    tempered,
    wilson,
)
from training.sampling import sampling
from training.settings import INPUT

LABELS = ("pothole", "graffiti", "no_defect")


def test_the_interval_is_wilsons() -> None:
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=1e-4)  # Newcombe 1998, table I
    assert wilson(0, 0) == (0.0, 1.0)


def test_the_temperature_that_made_the_probabilities_too_sure_is_found_again() -> None:
    random = np.random.default_rng(5)
    logits = random.normal(0, 2, (4000, 3))
    exact = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    truth = np.array([random.choice(3, p=row) for row in exact])
    said = tempered(exact, 0.5)
    temperature = fit_temperature(said, truth, np.ones(len(truth)))
    assert temperature == pytest.approx(2.0, rel=0.1)
    assert calibration_error(tempered(said, temperature), truth) < calibration_error(said, truth)


def test_what_is_accepted_is_right_as_often_as_asked() -> None:
    scores = np.linspace(0.99, 0.5, 50)
    right = np.array([True] * 38 + [False] * 12)
    threshold = accept_threshold(scores, right, 0.95)
    assert right[scores >= threshold].mean() >= 0.95
    assert accept_threshold(scores, np.zeros(50, bool), 0.95) == 0.97


def test_few_clean_pictures_go_to_review() -> None:
    defect = np.linspace(0, 1, 1000) ** 3
    assert (defect >= review_threshold(defect, 0.05)).mean() <= 0.05


def test_a_rule_decides_as_the_device_does() -> None:
    rule = Rule(LABELS, (0.8, 0.6, None), 0.5)
    labels = [
        Label(label, label, label, "low" if accept else None, "team" if accept else None, accept)
        for label, accept in zip(LABELS, rule.accept, strict=True)
    ]
    manifest = Manifest("m", "1", "m.tflite", "0" * 64, INPUT, 1.0, rule.review, labels)
    said = np.random.default_rng(6).dirichlet((0.5, 0.5, 0.5), 300)
    decisions = rule.decide(said)
    assert decisions == [decide(row, manifest).decision for row in said]
    assert set(decisions) == {"accepted", "to_review", "no_defect"}


def test_no_large_source_decides_alone_and_drawn_scenes_have_their_share() -> None:
    large = [Photograph(Path(f"{i}.jpg"), "pothole", "large") for i in range(400)]
    small = [Photograph(Path(f"{i}.jpg"), "pothole", "small") for i in range(4)]
    clean = [Photograph(Path(f"{i}.jpg"), "no_defect", "large") for i in range(404)]
    scenes = [Scene("pothole", (1, i), False, Path()) for i in range(10)]
    pictures: list[Picture] = [*large, *small, *clean, *scenes]
    chances = sampling(pictures, 0.12)
    assert chances.sum() == pytest.approx(1)
    assert sum(c for c, p in zip(chances, pictures, strict=True) if p.source == DRAWN) == pytest.approx(0.12)
    assert chances[:400].sum() == pytest.approx(10 * chances[400:404].sum())
    assert chances[:404].sum() == pytest.approx(chances[404:808].sum())
