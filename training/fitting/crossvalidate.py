"""Judges a way of training by photographs of sources that the network did not learn from; needs torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch

from agent.manifest import NEVER
from training.fitting import export, network, train
from training.fitting.head import Features, fit_head
from training.fitting.samples import Samples
from training.folder import FILE, Entries, Made, remembered, write_manifest
from training.judging.calibrate import fit_temperature
from training.judging.evaluate import probabilities
from training.judging.metrics import Floats, Integers, Rule, evenly, log_loss, tempered
from training.photographs.dataset import Photograph, Picture
from training.settings import Settings


@dataclass(frozen=True, slots=True)
class Folded:
    """What is learnt from and judged by in turn."""

    photographs: Sequence[Photograph]
    scenes: Sequence[Picture]  # only learnt from
    features: Features  # a row for each photograph, then for each scene
    fold: Integers  # of each photograph; not all numbers need occur
    categories: Entries  # of the labels, in their order

    @property
    def numbers(self) -> list[int]:
        """Those of the folds that there are."""
        return sorted(set(self.fold.tolist()))


@dataclass(frozen=True, slots=True)
class HeldOut:
    """What networks that had not seen a photograph's fold said of it: photographs x labels, at temperature 1."""

    frozen: Floats  # the last layer alone was fitted
    exact: Floats  # all of it was, in float32
    said: Floats  # the same as the int8 file
    epochs: int  # after which it was best, on average


def crossvalidate(folded: Folded, settings: Settings, kept: Path) -> HeldOut:
    """For each fold, learn from the others and from the scenes.

    What is done is kept in `kept`, and a second call goes on from there.
    """
    frozen, exact, said = (np.zeros((len(folded.photographs), len(folded.categories))) for _ in range(3))
    epochs = []
    for number in folded.numbers:
        cache = kept / f"fold-{number}" / f"said-{settings.epochs}.npz"
        saved = remembered(cache, partial(_judge_fold, folded, number, settings, cache.parent))
        judging = folded.fold == number
        frozen[judging], exact[judging], said[judging] = saved["frozen"], saved["exact"], saved["said"]
        epochs.append(int(saved["epochs"]))
    return HeldOut(frozen, exact, said, round(float(np.mean(epochs))))


def _judge_fold(folded: Folded, number: int, settings: Settings, kept: Path) -> dict[str, Any]:
    """The fields of `HeldOut` for one fold."""
    click.echo(f"fold {1 + folded.numbers.index(number)} of {len(folded.numbers)}", err=True)
    labels = tuple(folded.categories)
    judging = np.flatnonzero(folded.fold == number).tolist()
    learning = np.flatnonzero(folded.fold != number).tolist()
    judged = [folded.photographs[index] for index in judging]
    samples = Samples.of([*(folded.photographs[index] for index in learning), *folded.scenes], labels, settings)
    rows = [*learning, *range(len(folded.photographs), len(folded.features))]
    head = fit_head(folded.features[rows], samples, len(labels), settings)
    with torch.no_grad():
        frozen = torch.softmax(head(torch.from_numpy(folded.features[judging, 0].astype(np.float32))), 1).numpy()
    begun = train.start(len(labels))
    tuned, worth = train.fit(begun, samples, settings, kept / "network.pt", _log_loss(judged, labels, settings))
    exact = network.probabilities(tuned, judged, settings.input)
    export.export(tuned, export.calibrating(samples.pictures, settings), settings.input, kept / FILE)
    write_manifest(kept, Made("fold", "0", settings.input, _undecided(labels)), folded.categories)
    said = probabilities(kept, judged)
    return {"frozen": frozen, "exact": exact, "said": said, "epochs": 1 + int(np.argmin(worth)) if worth else 0}


def _log_loss(judged: Sequence[Photograph], labels: Sequence[str], settings: Settings) -> train.Judge:
    """That of the photographs judged by, weighed evenly, at the temperature that suits it: one is fitted in the end."""
    weights = evenly([(photograph.label, photograph.source) for photograph in judged])
    right = np.array([labels.index(photograph.label) for photograph in judged])

    def judge(candidate: Any) -> float:
        said = network.probabilities(candidate, judged, settings.input, exactly=False)
        return log_loss(tempered(said, fit_temperature(said, right, weights)), right, weights)

    return judge


def _undecided(labels: Sequence[str]) -> Rule:
    """That of a model whose thresholds are not chosen yet: it accepts nothing."""
    return Rule(tuple(labels), (*[NEVER] * (len(labels) - 1), None), NEVER)
