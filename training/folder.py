"""The model's folder: its file and its manifest, put in place together with its card or not at all."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import tempfile
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
import msgspec
import numpy as np

from agent.errors import FidamiaError
from agent.manifest import Input
from training.judging.metrics import Rule
from training.photographs.archive import Source
from training.photographs.dataset import Photograph

FILE = "model.tflite"
MANIFEST = "manifest.json"
GOLDEN = "golden*"
Entries = Mapping[str, Mapping[str, Any]]
Arrays = Mapping[str, Any]  # or numbers, by name


@contextmanager
def replacing(folder: Path) -> Iterator[Path]:
    """An empty folder whose files take the place of those in `folder` if the block ends well; it is removed if not.

    Golden pictures are of one model only: those that the block did not make go. The manifest comes last, so that a
    model that was put in place by halves is refused for its hash.
    """
    folder = folder.resolve()  # where a link leads, also one that leads to nothing yet
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as name:
        fresh = Path(name)
        yield fresh
        folder.mkdir(exist_ok=True)
        for old in folder.glob(GOLDEN):
            if not (fresh / old.name).exists():
                old.unlink()
        for path in sorted(fresh.iterdir(), key=lambda path: path.name == MANIFEST):
            path.replace(folder / path.name)


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Another path to write to, which becomes `path` once it is written: a run that is stopped leaves no half file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    try:
        yield partial
        with partial.open("rb") as file:
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        if error.filename is None:  # what a write does not say
            error.filename = str(path)
        raise
    finally:
        partial.unlink(missing_ok=True)  # also where the disk is full


def remembered(path: Path, make: Callable[[], Arrays]) -> Arrays:
    """What `make` gives, from `path` where an earlier run kept it; it is made again where that is damaged."""
    if path.is_file():
        try:
            with np.load(path) as kept:
                return dict(kept)
        except (OSError, ValueError, EOFError, zipfile.BadZipFile):
            click.echo(f"{path} is damaged; its content is made again", err=True)
    made = make()
    with whole(path) as partial, partial.open("wb") as file:
        np.savez(file, **made)
    return made


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold the folder for this run. Raises FidamiaError where another run holds it."""
    with (folder / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise FidamiaError(
                f"Another run works in {folder}; wait until it ends, or give this one a --work of its own. Nothing was "
                "written."
            ) from error
        yield


@dataclass(frozen=True, slots=True)
class Made:
    """A model, and all that its manifest says of it."""

    name: str
    version: str
    feed: Input
    rule: Rule
    temperature: float = 1.0
    training: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, Any] = field(default_factory=dict)


def write_manifest(folder: Path, made: Made, categories: Entries) -> None:
    """`manifest.json` for the model file in `folder`; the labels' names are of `categories`."""
    manifest = {
        "name": made.name,
        "version": made.version,
        "file": FILE,
        "sha256": hashlib.sha256((folder / FILE).read_bytes()).hexdigest(),
        "input": {
            "width": made.feed.width,
            "height": made.feed.height,
            "mean": made.feed.mean,
            "scale": made.feed.scale,
        },
        "temperature": made.temperature,
        "review": made.rule.review,
        "labels": [
            {"id": label, "accept": accept}
            | {key: categories[label].get(key) for key in ("en", "fr", "severity", "team")}
            | {key: categories[label][key] for key in ("group", "above") if key in categories[label]}
            for label, accept in zip(made.rule.labels, made.rule.accept, strict=True)
        ],
        "training": made.training,
        "metrics": made.metrics,
    }
    text = json.dumps(manifest, ensure_ascii=False, indent=1)
    (folder / MANIFEST).write_text(text + "\n", encoding="utf-8")


def origins(photographs: Sequence[Photograph], known: Entries) -> list[dict[str, object]]:
    """The sources of the photographs with their counts, and what `known_sources` has of each."""
    counts = sorted(Counter(photograph.source for photograph in photographs).items())
    said = {name: known.get(name) or msgspec.to_builtins(Source(name)) for name, _ in counts}
    return [
        {"name": name, "what": said[name]["what"], "licence": said[name]["licence"], "photographs": count}
        for name, count in counts
    ]
