"""Judges an exported file through the agent's own classifier, on pictures that training never saw."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from agent.domain import NO_DEFECT
from agent.drivers.tflite import TfliteClassifier
from agent.manifest import load_manifest
from training.dataset import Picture
from training.metrics import (
    Floats,
    Integers,
    Rule,
    accept_threshold,
    calibration_error,
    fit_temperature,
    review_threshold,
    share,
    tempered,
)
from training.progress import shown
from training.settings import Settings


def probabilities(folder: Path, pictures: Sequence[Picture]) -> Floats:
    """What the model in `folder` says of each picture: pictures x labels."""
    classifier = TfliteClassifier(load_manifest(str(folder.resolve())))
    said = [classifier.probabilities(p.pixels()) for p in shown(pictures, "judging")]
    return np.asarray(said, dtype=np.float64).reshape(len(pictures), -1)


def truth(pictures: Sequence[Picture], labels: Sequence[str]) -> Integers:
    """The index of each picture's label."""
    return np.array([labels.index(picture.label) for picture in pictures], dtype=np.int64)


def choose(said: Floats, pictures: Sequence[Picture], labels: Sequence[str], settings: Settings) -> tuple[float, Rule]:
    """(temperature, rule) for a model of temperature 1 that said this of held-out photographs.

    Each label, and in it each source, weighs the same in the temperature: no source's camera decides alone.
    """
    right = truth(pictures, labels)
    groups = [(picture.label, picture.source) for picture in pictures]
    weights = np.array([1 / groups.count(group) for group in groups])
    temperature = fit_temperature(said, right, weights)
    said = tempered(said, temperature)
    top = said.argmax(axis=1)
    accept = tuple(
        None
        if label == NO_DEFECT
        else accept_threshold(said[top == index, index], right[top == index] == index, settings.precision)
        for index, label in enumerate(labels)
    )
    clean = labels.index(NO_DEFECT)
    review = review_threshold(1 - said[right == clean, clean], settings.clean_to_review)
    return temperature, Rule(tuple(labels), accept, review)


def figures(said: Floats, pictures: Sequence[Picture], rule: Rule) -> dict[str, Any]:
    """What the model card says of these pictures; shares with their 95 % intervals."""
    labels = rule.labels
    right = truth(pictures, labels)
    sources = np.array([picture.source for picture in pictures])
    top = said.argmax(axis=1)
    decisions = np.array(rule.decide(said))
    accepted, defect = decisions == "accepted", right != labels.index(NO_DEFECT)
    recalls = [(top == right)[right == index].mean() for index in sorted(set(right.tolist()))]
    return {
        "top1": share(top == right),
        "macro_recall": round(float(np.mean(recalls)), 3),
        "top3": share([index in row for index, row in zip(right, np.argsort(-said)[:, :3], strict=True)]),
        "calibration_error": round(calibration_error(said, right), 3),
        "defects_accepted_rightly": share((accepted & (top == right))[defect]),
        "defects_accepted_or_reviewed": share((decisions != NO_DEFECT)[defect]),
        "accepted_precision": share((top == right)[accepted]),
        "clean_accepted": share(accepted[~defect]),
        "clean_to_review": share((decisions == "to_review")[~defect]),
        "labels": {
            label: {
                "recall": share((top == right)[right == index]),
                "precision": share((top == right)[top == index]),
                "accepted_rightly": share((accepted & (top == right))[right == index]),
                "accepted_precision": share((top == right)[accepted & (top == index)]),
                "sources": {
                    str(source): share((top == right)[(right == index) & (sources == source)])
                    for source in sorted(set(sources[right == index].tolist()))
                },
            }
            for index, label in enumerate(labels)
            if (right == index).any()
        },
        "confusion": [[int(((right == a) & (top == b)).sum()) for b in range(len(labels))] for a in range(len(labels))],
    }


def quantisation_loss(exact: Floats, said: Floats, right: Integers) -> dict[str, float]:
    """What int8 cost against the float network: agreement of the top label, and top-1 of both."""
    return {
        "agreement": round(float((exact.argmax(axis=1) == said.argmax(axis=1)).mean()), 3),
        "float_top1": round(float((exact.argmax(axis=1) == right).mean()), 3),
        "int8_top1": round(float((said.argmax(axis=1) == right).mean()), 3),
    }
