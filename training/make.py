"""From a folder of photographs to a model's folder: read, split, fit, quantise, judge, write."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from agent.errors import FidamiaError
from agent.manifest import Short
from training import golden
from training.fitting.drawn import CLEAN, scenes, simulator
from training.folder import FILE, Entries, Made, alone, origins, replacing, write_manifest
from training.judging import report
from training.judging.calibrate import Demands, choose
from training.judging.card import write_card
from training.judging.compare import compare
from training.judging.evaluate import Inputs, probabilities, quantisation_loss
from training.judging.figures import figures
from training.judging.judged import judge
from training.judging.metrics import Integers, Rule, tempered
from training.judging.predictions import Predictions
from training.photographs.archive import described
from training.photographs.dataset import KEPT, DatasetError, Photograph, Picture, read
from training.photographs.split import divided_groups, faults, folds
from training.settings import Settings
from training.wording import counted

if TYPE_CHECKING:
    from training.fitting.crossvalidate import HeldOut

FROZEN, PLAIN, SHIPPED = "frozen head", "plain fine-tuning", "shipped"  # ways of training, side by side
JUDGING = (
    "No figure is of a photograph that the network had learnt from: {folds} networks were trained, each on the "
    "photographs outside one part, and judged on that part. A source is in one part, so that another camera and "
    "another place judge it.{divided} The model itself then learnt from all photographs, as long as the {folds} did: "
    "what it is worth itself can be measured on your streets only."
)
DIVIDED = (
    " Not so {groups}: what holds more than half of a label is on both sides, by blocks of its names, which flatters "
    "the figures. That is {share:.0%} of the photographs; the column “new sources” is of the others."
)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a person asked for, beside the settings."""

    out: Path  # the model's folder
    version: str
    work: Path  # for work in progress
    report: Path | None = None  # for plots, figures and predictions
    compared: bool = False  # also fine-tune as in any tutorial, to see what the rest is worth


@dataclass(frozen=True, slots=True)
class Material:
    """What a run learns from, and is judged by."""

    photos: Path
    categories: Entries  # of the labels that there are, in the taxonomy's order
    sources: list[dict[str, object]]
    photographs: Sequence[Photograph]
    scenes: Sequence[Picture]
    judging_scenes: Sequence[Picture]
    fold: Integers  # of each photograph
    kept: Path  # folder of work in progress on this material

    @property
    def labels(self) -> tuple[str, ...]:
        """In the order of the output."""
        return tuple(self.categories)

    @property
    def pictures(self) -> list[Picture]:
        """All to learn from."""
        return [*self.photographs, *self.scenes]


def make(inputs: Inputs, asked: Asked, settings: Settings) -> dict[str, Any]:
    """Write the model's folder; what was measured, as figures.json has it.

    What is there stays as it is until all is done. Raises FidamiaError where the photographs can not make a model, or a
    package is missing.
    """
    _refuse_early(inputs, asked)
    material = gather(inputs, settings, asked.work)
    learnt_from = counted(len(material.photographs), "photograph"), counted(len(material.scenes), "drawn scene")
    click.echo(f"{' and '.join(learnt_from)} to learn from", err=True)
    with alone(asked.work), replacing(asked.out) as folder:
        held_out = _learn(material, settings, asked, folder / FILE)
        found = _judge(held_out, material, settings, asked, folder)
        write_card(folder, found, asked.report, asked.out)
    return found


def _refuse_early(inputs: Inputs, asked: Asked) -> None:
    """Raise FidamiaError for what a person should not learn after an hour."""
    if inputs.photos and asked.out.resolve() == inputs.photos.resolve():
        raise FidamiaError(f"{asked.out} holds the photographs; give the model a folder of its own. {KEPT}")
    for option, what, value in (("--out", "name", asked.out.name), ("--version", "version", asked.version)):
        try:
            msgspec.convert(value, Short)
        except msgspec.ValidationError as error:
            raise FidamiaError(f"{option}: {value!r} is no model's {what} ({error}). {KEPT}") from error
    if asked.report:
        report.drawing()
    for option, folder in (("--out", asked.out.resolve().parent), ("--work", asked.work), ("--report", asked.report)):
        try:
            if folder:
                folder.mkdir(parents=True, exist_ok=True)
                tempfile.TemporaryFile(dir=folder).close()
        except OSError as error:
            raise FidamiaError(f"{option} {folder}: {error.strerror}; name another folder. {KEPT}") from error


def gather(inputs: Inputs, settings: Settings, work: Path) -> Material:
    """Read, check and split the photographs, and add drawn scenes of their labels."""
    photos = inputs.photos
    if photos is None:
        raise ValueError("no photographs")
    categories, known = described(photos, inputs.taxonomy, inputs.sources)
    photographs = read(photos, categories, known, drop_contradictions=inputs.drop_contradictions)
    present = {photograph.label for photograph in photographs}
    labels = [label for label in categories if label in present]
    fold = folds(photographs, settings.folds)
    if torn := faults(photographs, fold):
        raise DatasetError("\n".join(torn) + f" {KEPT}")
    kept = work / _key(photographs, fold, labels, settings)
    each = round(settings.drawn * len(photographs) / (len(labels) - 1 + CLEAN))
    return Material(
        photos,
        {label: categories[label] for label in labels},
        origins(photographs, known),
        photographs,
        scenes(labels, each, settings.seed, False, kept / "scenes"),
        scenes(labels, settings.drawn_judging, settings.seed, True, kept / "scenes"),
        fold,
        kept,
    )


def _learn(material: Material, settings: Settings, asked: Asked, file: Path) -> dict[str, HeldOut]:
    """Write the model's file; by the name of each way of training, what networks said of photographs new to them."""
    try:  # torch takes seconds to load and is no part of the agent: only once the photographs are known to be good
        from training import metadata  # noqa: PLC0415 - as said
        from training.fitting import crossvalidate, export, head, memory, samples, train  # noqa: PLC0415 - as said
    except ModuleNotFoundError as error:
        raise FidamiaError(
            f'{error.name} is not installed; install it: pip install "fidamia-agent[train]". Nothing was written.'
        ) from error
    memory.keep_freed_memory()
    features = head.features(material.pictures, settings, material.kept / "features.npz")

    def judged(way: Settings, drawn: Sequence[Picture], name: str) -> HeldOut:
        rows = features[: len(material.photographs) + len(drawn)]
        folded = crossvalidate.Folded(material.photographs, drawn, rows, material.fold, material.categories)
        return crossvalidate.crossvalidate(folded, way, material.kept / name)

    held_out = {SHIPPED: judged(settings, material.scenes, "shipped")}
    if asked.compared:
        held_out[PLAIN] = judged(settings.plain(), (), "plain")
    epochs = held_out[SHIPPED].epochs
    all_samples = samples.Samples.of(material.pictures, material.labels, settings)
    begun = train.start(len(material.labels))
    click.echo(f"all photographs, {counted(epochs, 'epoch')}", err=True)
    fitted, _ = train.fit(begun, all_samples, replace(settings, epochs=epochs), material.kept / "all" / "network.pt")
    export.export(fitted, export.calibrating(material.pictures, settings), settings.input, file)
    metadata.embed(file, material.categories, settings.input, asked.out.name, asked.version)
    return held_out


def _judge(
    held_out: Mapping[str, HeldOut], material: Material, settings: Settings, asked: Asked, folder: Path
) -> dict[str, Any]:
    """Write all that belongs to the model's file but its card; what was measured."""

    def predictions(said: Any) -> Predictions:
        return Predictions.of(material.labels, said, material.photographs, material.photos)

    judged = held_out[SHIPPED]
    shipped, demands = predictions(judged.said), Demands.of(settings.as_json())
    temperature, rule = choose(shipped, demands)
    evaluation = report.evaluate(shipped, temperature, rule, demands)
    networks = {FROZEN: judged.frozen, **{name: held_out[name].said for name in (PLAIN, SHIPPED) if name in held_out}}
    found = {
        **evaluation.as_json(),
        "quantisation": quantisation_loss(judged.exact, judged.said, shipped.truth),
        "comparison": compare({name: predictions(said) for name, said in networks.items()}, demands),
    }
    training = _training(material, settings, judged.epochs)
    made = Made(asked.out.name, asked.version, settings.input, rule, temperature, training)
    write_manifest(folder, made, material.categories)
    if material.judging_scenes:
        found["drawn"] = _drawn(folder, material, temperature, rule)
    write_manifest(folder, replace(made, metrics=report.in_manifest(found)), material.categories)
    try:
        golden.write(folder)
    except golden.NothingSeenError as error:  # the model is whole without
        click.echo(str(error), err=True)
    if asked.report:
        report.write(evaluation, found, asked.report)
    return found


def _drawn(folder: Path, material: Material, temperature: float, rule: Rule) -> dict[str, Any]:
    """Figures of the model on drawn scenes that it did not learn from."""
    said = tempered(probabilities(folder, material.judging_scenes), 1 / temperature)
    return figures(judge(Predictions.of(material.labels, said, material.judging_scenes), temperature, rule))


def _training(material: Material, settings: Settings, epochs: int) -> dict[str, Any]:
    photographs = material.photographs
    groups = divided_groups((photograph.group, photograph.label) for photograph in photographs)
    share = sum(photograph.group in groups for photograph in photographs) / len(photographs)
    divided = DIVIDED.format(groups=", ".join(f"`{group}`" for group in sorted(groups)), share=share) if groups else ""
    return {
        "sources": material.sources,
        "photographs": len(photographs),
        "drawn": len(material.scenes),
        "seed": settings.seed,
        "epochs": epochs,
        "judging": JUDGING.format(folds=len(set(material.fold.tolist())), divided=divided),
        "settings": settings.as_json(),
    }


def _key(photographs: Sequence[Photograph], fold: Integers, labels: Sequence[str], settings: Settings) -> str:
    """Names what is kept of a run's pictures, so that a run on others never takes it for its own.

    The order of the labels is that of the network's output; the photographs' contents stand for their names.
    """
    listed = [
        (one.label, one.source, one.weight, one.path.name, one.path.stat().st_size, one.fingerprint.hex(), number)
        for one, number in zip(photographs, fold.tolist(), strict=True)
    ]
    made_of = json.dumps([list(labels), listed, settings.of_learning(), simulator()])
    return hashlib.sha256(made_of.encode()).hexdigest()[:16]
