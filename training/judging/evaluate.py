"""Judges an exported file through the agent's own classifier, on photographs or on predictions that a run left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
from rich.text import Text

from agent.drivers.tflite import TfliteClassifier
from agent.errors import FidamiaError
from agent.manifest import Manifest, load_manifest
from training.judging import report
from training.judging.calibrate import Demands
from training.judging.metrics import Floats, Integers, Rule, tempered
from training.judging.predictions import Predictions
from training.photographs.archive import described
from training.photographs.dataset import KEPT, DatasetError, Picture, read
from training.progress import shown
from training.wording import counted

SHEET = "mistakes.jpg"  # .gitignore knows it by this name


@dataclass(frozen=True, slots=True)
class Outputs:
    """Where an evaluation is written; None: nowhere."""

    report: Path | None = None
    figures: Path | None = None
    mistakes: Path | None = None


@dataclass(frozen=True, slots=True)
class Inputs:
    """What a model is judged by: saved predictions if there are, else photographs and what is said of them."""

    photos: Path | None = None
    predictions: Path | None = None
    taxonomy: Path | None = None  # where not the one beside the photographs, or the shipped one
    sources: Path | None = None
    drop_contradictions: bool = False


def evaluate_model(folder: Path, inputs: Inputs, outputs: Outputs) -> None:
    """Show and write what the model in `folder` is worth.

    Raises FidamiaError where the model, the photographs or the predictions are no good, or nothing can be written.
    """
    manifest = load_manifest(str(folder.resolve()))
    if outputs.report or outputs.mistakes:
        report.drawing()  # where nothing can be drawn, a person should not learn it after minutes
    if inputs.predictions is not None:
        predictions, demands = _load(inputs.predictions, manifest), _demands(manifest)
    else:
        predictions, demands = _predict(folder, inputs, manifest), None
    rule = _rule(manifest)
    evaluation = report.evaluate(predictions, manifest.temperature, rule, demands)
    console = report.console()
    photographs, sources = counted(len(predictions), "photograph"), counted(len(set(predictions.sources)), "source")
    heading = f"{manifest.name} {manifest.version} on {photographs} of {sources}"
    console.print(Text(heading, style="bold"))
    if demands is None:
        console.print(Text(_seen(manifest, predictions)))
    else:
        same = report.chosen_again(predictions, manifest.temperature, rule, demands)
        console.print(
            Text(f"Temperature and thresholds are {'' if same else 'not '}those that these predictions choose.")
        )
    console.print()
    report.show(evaluation, console)
    found = {"model": {"name": manifest.name, "version": manifest.version, "sha256": manifest.sha256}}
    _write(evaluation, found | evaluation.as_json(), inputs.photos, outputs)


def probabilities(folder: Path, pictures: Sequence[Picture]) -> Floats:
    """What the model in `folder` says of each picture: pictures x labels."""
    classifier = TfliteClassifier(load_manifest(str(folder.resolve())))
    said = [classifier.probabilities(p.pixels()) for p in shown(pictures, "judging")]
    return np.asarray(said, dtype=np.float64).reshape(len(pictures), -1)


def _rule(manifest: Manifest) -> Rule:
    labels = manifest.labels
    return Rule(tuple(label.id for label in labels), tuple(label.accept for label in labels), manifest.review)


def _demands(manifest: Manifest) -> Demands:
    settings = manifest.training.get("settings")
    try:
        return Demands.of(settings if isinstance(settings, dict) else {})
    except (TypeError, ValueError) as error:
        raise FidamiaError(f"{manifest.directory}: the settings in its manifest are no numbers: {error}.") from error


def _load(saved: Path, manifest: Manifest) -> Predictions:
    predictions = Predictions.load(saved)
    if predictions.labels != _rule(manifest).labels:
        raise DatasetError(
            f"{saved} has other labels than the model {manifest.name}; name the file that this model's run left. {KEPT}"
        )
    return predictions


def _predict(folder: Path, inputs: Inputs, manifest: Manifest) -> Predictions:
    photos = inputs.photos
    if photos is None:
        raise ValueError("neither photographs nor predictions")
    categories, sources = described(photos, inputs.taxonomy, inputs.sources)
    labels = _rule(manifest).labels
    known = {*categories, *labels}
    photographs = read(photos, known, sources, drop_contradictions=inputs.drop_contradictions, to_learn=False)
    strange = sorted({photograph.label for photograph in photographs} - set(labels))
    if strange:
        raise DatasetError(
            f"The model {manifest.name} has no label {', '.join(strange)}; leave these photographs out, or give them "
            f"the names it knows. {KEPT}"
        )
    said = tempered(probabilities(folder, photographs), 1 / manifest.temperature)
    return Predictions.of(labels, said, photographs, photos)


def _seen(manifest: Manifest, predictions: Predictions) -> str:
    listed = manifest.training.get("sources")
    names = (
        {str(source.get("name")) for source in listed if isinstance(source, dict)} if isinstance(listed, list) else ()
    )
    seen = sum(source in names for source in predictions.sources)
    if not seen:
        return "The model learnt from no source of these names."
    return f"{seen} of these photographs are of sources that the model learnt from: expect less elsewhere."


def _write(evaluation: report.Evaluation, found: Mapping[str, Any], photos: Path | None, outputs: Outputs) -> None:
    sheet = outputs.mistakes or (outputs.report / SHEET if outputs.report and photos else None)
    try:
        if outputs.report:
            report.write(evaluation, found, outputs.report)
            click.echo(f"Plots, figures and predictions: {outputs.report}", err=True)
        if outputs.figures:
            report.write_figures(found, outputs.figures)
        if sheet and photos:
            from training.judging import mistakes  # noqa: PLC0415 - needs matplotlib, as the plots do

            count = mistakes.sheet(evaluation.fair[0], photos, sheet)
            click.echo(
                f"The worst {counted(count, 'mistake')}: {sheet}. It shows photographs: it is not for publication."
                if count
                else "No mistakes to show: no sheet of them was written.",
                err=True,
            )
    except OSError as error:
        place = error.filename or outputs.report or outputs.figures or sheet
        raise FidamiaError(
            f"{place}: {error.strerror}; name a place that can be written to, or make room there. What it replaces "
            "is kept."
        ) from error


def quantisation_loss(exact: Floats, said: Floats, right: Integers) -> dict[str, float]:
    """What int8 cost against the float network: agreement of the top label, and top-1 of both."""
    return {
        "agreement": round(float((exact.argmax(axis=1) == said.argmax(axis=1)).mean()), 3),
        "float_top1": round(float((exact.argmax(axis=1) == right).mean()), 3),
        "int8_top1": round(float((said.argmax(axis=1) == right).mean()), 3),
    }
