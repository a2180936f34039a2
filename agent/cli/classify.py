"""`fidamia classify`: what the model says of pictures on disk."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

import click
import msgspec

from agent.domain import NO_DEFECT, WHOLE_FRAME, Classification
from agent.drivers.pictures import UNREDUCED, Picture, find_pictures, read_picture
from agent.drivers.tflite import TfliteClassifier
from agent.errors import PictureError
from agent.i18n import _, language, shown
from agent.manifest import Manifest, load_manifest
from agent.pipeline.classify import CANDIDATES, classify
from agent.pipeline.regions import road


@click.command()
@click.argument("images", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="IMAGE…")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line and image.")
@click.option("--model", default="defects", show_default=True, help="A shipped model's name, or a model's folder.")
@click.option(
    "--road",
    "horizon",
    type=click.FloatRange(0.0, 0.9),
    metavar="HORIZON",
    help="Frames of a vehicle: look at the parts of the road too, below that share of the height.",
)
@click.option("--threads", default=1, show_default=True, type=click.IntRange(1, 16), help="Threads of the runtime.")
def command(images: tuple[Path, ...], as_json: bool, model: str, horizon: float | None, threads: int) -> None:
    """Classify pictures; a folder is walked. One that can not be read is named, and the rest goes on.

    Exit codes: 0; 1 if any file failed, or none was found.
    """
    manifest = load_manifest(model)
    classifier = TfliteClassifier(manifest, threads=threads)
    regions = (WHOLE_FRAME,) if horizon is None else road(horizon)
    # Parts of a frame need all of its pixels.
    shorter_side = min(manifest.input.width, manifest.input.height) if horizon is None else UNREDUCED
    count = failed = 0
    for path in find_pictures(images):
        count += 1
        started = time.perf_counter()
        try:
            picture = read_picture(path, shorter_side)
            result = classify(picture.pixels, classifier, manifest, regions)
        except PictureError as error:
            failed += 1
            click.echo(_line({"path": _name(path), "error": str(error)}) if as_json else str(error), err=not as_json)
            continue
        milliseconds = round((time.perf_counter() - started) * 1000, 2)
        if as_json:
            found = _result(path, picture, result, manifest, milliseconds)
            click.echo(_line(found if horizon is None else {**found, "region": result.region}))
        else:
            click.echo(f"{shown(path)}: {_sentence(result, manifest)}")
    if not count:
        click.echo(_("no pictures found in {paths}").format(paths=", ".join(map(shown, images))), err=True)
    sys.exit(1 if failed or not count else 0)


def _result(
    path: Path, picture: Picture, result: Classification, manifest: Manifest, milliseconds: float
) -> dict[str, Any]:
    best = result.best
    return {
        "path": _name(path),
        "decision": best.label if result.decision == "accepted" else result.decision,
        "candidates": [
            {"label": c.label, "probability": round(c.probability, 4)} for c in result.candidates[:CANDIDATES]
        ],
        "team": manifest.label(best.label).team if picture.fix is not None else None,
        "model": {"name": manifest.name, "version": manifest.version, "sha256": manifest.sha256},
        "milliseconds": milliseconds,
    }


def _sentence(result: Classification, manifest: Manifest) -> str:
    best = result.best
    label = manifest.label(best.label)
    name = label.fr if language() == "fr" else label.en
    percent = _("{name} ({percent}%)").format(name=name, percent=round(100 * best.probability))
    if result.decision in ("accepted", NO_DEFECT):
        return percent
    return _("to review: {name}").format(name=percent)


def _name(path: Path) -> str:
    """The path as text; bytes that are not UTF-8 become escapes, since JSON has none of them."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _line(content: dict[str, Any]) -> str:
    return msgspec.json.encode(content).decode()
