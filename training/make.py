"""From a folder of photographs to a model's folder: read, split, fit, quantise, judge, write."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from agent.errors import FidamiaError
from training.augment import squash
from training.card import write_card
from training.dataset import Photograph, Picture, read, split
from training.drawn import CLEAN, scenes, simulator
from training.evaluate import choose, figures, probabilities, quantisation_loss, truth
from training.folder import FILE, Made, known_sources, origins, replacing, taxonomy, write_manifest
from training.metrics import Floats, Rule, tempered
from training.settings import Settings


@dataclass(frozen=True, slots=True)
class Material:
    """What a run learns from, and what it is judged by."""

    labels: tuple[str, ...]
    sources: list[dict[str, object]]
    photographs: Sequence[Picture]
    scenes: Sequence[Picture]
    judging: Sequence[Picture]
    judging_scenes: Sequence[Picture]
    kept: Path  # folder of work in progress on this material

    @property
    def pictures(self) -> list[Picture]:
        """All to learn from."""
        return [*self.photographs, *self.scenes]


def make(photos: Path, out: Path, version: str, settings: Settings, work: Path) -> str:
    """Write the model's folder `out` and return its card; what is there stays as it is until all is done.

    Raises FidamiaError where the photographs can not make a model, or a package is missing.
    """
    material = gather(photos, settings, work)
    click.echo(
        f"{len(material.photographs)} photographs and {len(material.scenes)} drawn scenes to learn from, "
        f"{len(material.judging)} photographs to judge by",
        err=True,
    )
    feed = settings.input
    with replacing(out) as folder:
        exact = _learn(material, settings, folder / FILE)
        undecided = Rule(material.labels, (*[1.0] * (len(material.labels) - 1), None), 1.0)
        write_manifest(folder, Made(out.name, version, feed, undecided))
        temperature, rule, metrics = _judge(folder, material, exact, settings)
        training = {
            "sources": material.sources,
            "photographs": len(material.photographs),
            "held_out": len(material.judging),
            "drawn": len(material.scenes),
            "seed": settings.seed,
            "settings": settings.as_json(),
        }
        write_manifest(folder, Made(out.name, version, feed, rule, temperature, training, metrics))
        write_card(folder)
    return (out / "CARD.md").read_text(encoding="utf-8")


def gather(photos: Path, settings: Settings, work: Path) -> Material:
    """Read, check and split the photographs, and add drawn scenes of their labels."""
    categories = taxonomy()
    photographs = read(photos, categories)
    whole = {name for name, source in known_sources().items() if source.get("held_out")}
    learning, judging = split(photographs, whole, settings.held_out)
    present = {photograph.label for photograph in photographs}
    labels = tuple(label for label in categories if label in present)
    kept = work / _key(photographs, settings)
    each = round(settings.drawn * len(learning) / (len(labels) - 1 + CLEAN))
    return Material(
        labels,
        origins(photographs),
        learning,
        scenes(labels, each, settings.seed, False, kept / "scenes"),
        judging,
        scenes(labels, settings.drawn_judging, settings.seed, True, kept / "scenes"),
        kept,
    )


def _learn(material: Material, settings: Settings, file: Path) -> Floats:
    """Fit the network and write it as `file`; what it says in float32 of the pictures to judge by."""
    try:  # torch takes seconds to load and is no part of the agent: only once the photographs are known to be good
        from training import export, network, train  # noqa: PLC0415 - as said
    except ModuleNotFoundError as error:
        raise FidamiaError(
            f'{error.name} is not installed; install it: pip install "fidamia-agent[train]". Nothing was written.'
        ) from error
    material.kept.mkdir(parents=True, exist_ok=True)
    pictures, feed = material.pictures, settings.input
    fitted = train.fit(pictures, material.labels, settings, material.kept)
    exact = network.probabilities(fitted, material.judging, feed)
    step = max(1, len(pictures) // settings.calibration)
    views = [squash(picture.pixels(), feed.width, feed.height) for picture in pictures[::step]]
    export.export(fitted, views, feed, file)
    return exact


def _judge(folder: Path, material: Material, exact: Floats, settings: Settings) -> tuple[float, Rule, dict[str, Any]]:
    """(temperature, rule, figures) of the file in `folder`; drawn scenes enter none but their own figures."""
    said = probabilities(folder, material.judging)
    temperature, rule = choose(said, material.judging, material.labels, settings)
    metrics = {
        "photographs": figures(tempered(said, temperature), material.judging, rule),
        "quantisation": quantisation_loss(exact, said, truth(material.judging, material.labels)),
        "drawn": {},
    }
    if material.judging_scenes:
        drawn = tempered(probabilities(folder, material.judging_scenes), temperature)
        metrics["drawn"] = figures(drawn, material.judging_scenes, rule)
    return temperature, rule, metrics


def _key(photographs: Sequence[Photograph], settings: Settings) -> str:
    """Names what is kept of a run's pictures, so that a run on others never takes it for its own."""
    listed = [(p.label, p.source, str(p.path), p.path.stat().st_size) for p in photographs]
    chosen = settings.seed, settings.held_out, settings.drawn, settings.views
    made_of = json.dumps([listed, chosen, simulator()])
    return hashlib.sha256(made_of.encode()).hexdigest()[:16]
