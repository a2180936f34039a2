"""`python -m training`: checks photographs, makes a model of them that the agent can run, and judges a model."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from pathlib import Path
from typing import Any

import click

from agent.cli.guard import GuardedGroup
from training.settings import Settings

FOLDER = click.Path(path_type=Path, file_okay=False)
FILE = click.Path(path_type=Path, dir_okay=False)

photos_option = click.option("--photos", required=True, type=FOLDER, help="holds labels.csv, or LABEL/*.jpg")

BESIDE = "[default: the one beside the photographs, else the shipped one]"
sources_option = click.option("--sources", type=FILE, help=f"what is known of the sources  {BESIDE}")
taxonomy_option = click.option("--taxonomy", type=FILE, help=f"the labels  {BESIDE}")
contradictions_option = click.option(
    "--drop-contradictions", is_flag=True, help="leave out what is one picture under two labels"
)


class Guarded(GuardedGroup):
    """Also says what the disk refuses, and tidies up when it is told to stop."""

    def invoke(self, context: click.Context) -> Any:
        """See click. Exit code 74 (EX_IOERR, sysexits.h) where the disk refuses."""
        signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
        try:
            return super().invoke(context)
        except BrokenPipeError:
            raise  # click ends quietly
        except OSError as error:
            place = f"{error.filename}: " if error.filename else ""
            click.echo(
                f"{place}{error.strerror or error}. Correct that, and give the same command again: what was there "
                "before is as it was, and what was learnt is kept.",
                err=True,
            )
            sys.exit(os.EX_IOERR)


@click.group(cls=Guarded, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Check photographs, make a model of them, judge a model."""


@main.command(short_help="Make a model of photographs.")
@photos_option
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
@click.option("--report", type=FOLDER, help="for the plots, the predictions and the figures")
@click.option("--set", "choices", multiple=True, metavar="NAME=VALUE", help="of training/settings.py; may be repeated")
@click.option("--compare", is_flag=True, help="also fine-tune as in any tutorial, to see what the rest is worth")
@sources_option
@taxonomy_option
@contradictions_option
def train(  # noqa: PLR0913, PLR0917 - one parameter an option
    photos: Path,
    out: Path,
    version: str,
    seed: int,
    epochs: int,
    work: Path,
    report: Path | None,
    choices: tuple[str, ...],
    compare: bool,
    sources: Path | None,
    taxonomy: Path | None,
    drop_contradictions: bool,
) -> None:
    """Train a classifier on labelled photographs, quantise it, judge it, and write its folder."""
    from training.judging import report as report_  # noqa: PLC0415 - the other commands do without these
    from training.judging import tables  # noqa: PLC0415
    from training.judging.evaluate import Inputs  # noqa: PLC0415
    from training.make import Asked, make  # noqa: PLC0415

    inputs = Inputs(photos, None, taxonomy, sources, drop_contradictions)
    try:
        settings = Settings.of({"seed": seed, "epochs": epochs, **dict(_pair(choice) for choice in choices)})
    except ValueError as error:
        raise click.UsageError(f"{error}. Nothing was written.") from None
    found = make(inputs, Asked(out, version, work, report, compare), settings)
    report_.console().print(tables.targets(found["targets"]))
    click.echo(
        f"\nThe model is in {out}; what was measured stands in {out / 'CARD.md'}.\n"
        f"Judge it by photographs of another place: python -m training evaluate {out} --photos DIR"
    )


def _pair(choice: str) -> tuple[str, str]:
    name, equals, value = choice.partition("=")
    if not equals:
        raise ValueError(f"--set {choice}: give NAME=VALUE")
    return name.strip(), value.strip()


@main.command(short_help="Look over photographs before a model is made of them.")
@photos_option
@sources_option
@taxonomy_option
@contradictions_option
def check(photos: Path, sources: Path | None, taxonomy: Path | None, drop_contradictions: bool) -> None:
    """Look over photographs before a model is made of them. Exit code 65 where none can be."""
    from training.photographs import checks  # noqa: PLC0415 - loads OpenCV
    from training.photographs.dataset import DatasetError  # noqa: PLC0415

    found = checks.check(photos, taxonomy, sources, drop_contradictions=drop_contradictions)
    click.echo(found.text(min(checks.WIDTH, shutil.get_terminal_size((checks.WIDTH, 0)).columns)))
    if found.faults:
        sys.exit(DatasetError.exit_code)


@main.command(short_help="Judge a model by photographs, or by saved predictions.")
@click.argument("model", type=FOLDER, metavar="MODEL_DIR")
@click.option("--photos", type=FOLDER, help="holds labels.csv, or LABEL/*.jpg: what the model says of them is judged")
@click.option(
    "--predictions",
    type=FILE,
    help="judge what this file holds instead; training left it in its report. With --photos: the sheet shows those",
)
@sources_option
@taxonomy_option
@contradictions_option
@click.option("--report", type=FOLDER, help="for the plots, the predictions and the figures")
@click.option("--json", "json_file", type=FILE, help="for the figures")
@click.option("--mistakes", type=FILE, help="for a sheet of the worst mistakes  [default: in --report, with --photos]")
def evaluate(  # noqa: PLR0913, PLR0917 - one parameter an option
    model: Path,
    photos: Path | None,
    predictions: Path | None,
    sources: Path | None,
    taxonomy: Path | None,
    drop_contradictions: bool,
    report: Path | None,
    json_file: Path | None,
    mistakes: Path | None,
) -> None:
    """Judge a model: by photographs, or by the predictions that its thresholds were chosen on."""
    from training.judging.evaluate import Inputs, Outputs, evaluate_model  # noqa: PLC0415 - loads OpenCV and the runtime

    if photos is None and predictions is None:
        raise click.UsageError("give --photos to judge the model by, or --predictions of a run")
    if mistakes is not None and photos is None:
        raise click.UsageError("--mistakes shows photographs: give their folder with --photos")
    inputs = Inputs(photos, predictions, taxonomy, sources, drop_contradictions)
    evaluate_model(model, inputs, Outputs(report, json_file, mistakes))


if __name__ == "__main__":
    os.environ["LANGUAGE"] = "en"  # training speaks English alone, and so do the agent's parts in it
    main(prog_name="python -m training")
