"""`python -m training --photos DIR --out models/NAME`: from photographs to a model that the agent can run."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import click

from agent.errors import FidamiaError
from training.make import make
from training.settings import Settings

FOLDER = click.Path(path_type=Path, file_okay=False)


@click.command()
@click.option("--photos", required=True, type=FOLDER, help="holds labels.csv, or LABEL/*.jpg")
@click.option("--out", required=True, type=FOLDER, help="the model's folder")
@click.option("--version", default="0.1.0", show_default=True, help="of the model")
@click.option("--seed", default=Settings.seed, show_default=True, help="the same seed makes the same model")
@click.option(
    "--epochs",
    default=Settings.epochs,
    show_default=True,
    help="through the photographs; 0: only the last layer learns",
)
@click.option("--work", default=".training", show_default=True, type=FOLDER, help="for work in progress")
def main(photos: Path, out: Path, version: str, seed: int, epochs: int, work: Path) -> None:  # noqa: PLR0913, PLR0917 - one parameter an option
    """Train a classifier on labelled photographs, quantise it, judge it, and write its folder."""
    settings = replace(Settings(), seed=seed, epochs=epochs)
    try:
        click.echo(make(photos, out, version, settings, work))
    except FidamiaError as error:
        click.echo(str(error), err=True)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main(prog_name="python -m training")
