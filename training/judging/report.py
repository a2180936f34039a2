"""A model judged as a whole: every figure with its interval, shown in a terminal and written for a repository."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table
from rich.text import Text

from agent.errors import FidamiaError
from training.folder import whole
from training.judging import tables
from training.judging.calibrate import Demands, choose, cross_fitted
from training.judging.figures import figures, summary
from training.judging.judged import Judged, judge
from training.judging.metrics import Rule
from training.judging.predictions import Predictions
from training.judging.targets import verdicts
from training.photographs.split import divided_groups

WIDTH = 100  # characters, where the output is no terminal
PREDICTIONS, FIGURES = "predictions.csv", "figures.json"
SETS = "photographs", "cross_fitted", "new_sources", "drawn"  # of figures
INTERVALS = """\
Headlines: bootstrap of 1000 draws, in which each label's sources are drawn, and in each source its blocks of ten
neighbouring names, since photographs of one street resemble each other; those of shares and of macro recall are no
narrower than Wilson's. Labels and sources: Wilson, photograph by photograph, which is too narrow for another street."""
CROSS_FITTED = """\
Cross-fitted: each source judged with the temperature and the thresholds that the other sources choose; where a label
has one source only, half of it by name."""
NEW_SOURCES = """\
New sources: of these, the photographs of which the network had seen no other of the same source, or of the same block
of names where a source is of many places. A group of sources that holds more than half of a label is on both sides, by
blocks of names, and not among them."""


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """Predictions judged with the model's temperature and thresholds, and cross-fitted where they chose these."""

    predictions: Predictions  # at temperature 1
    judged: Judged
    figures: dict[str, Any]
    cross_judged: Judged | None = None
    cross_figures: dict[str, Any] | None = None
    new_figures: dict[str, Any] | None = None  # cross-fitted, of the sources that are on one side only

    @property
    def fair(self) -> tuple[Judged, dict[str, Any]]:
        """What owes nothing to thresholds having been chosen on the photographs that they are judged on."""
        if self.cross_judged is None or self.cross_figures is None:
            return self.judged, self.figures
        return self.cross_judged, self.cross_figures

    def as_json(self) -> dict[str, Any]:
        """All figures, and the targets beside the fair ones."""
        more = {"cross_fitted": self.cross_figures, "new_sources": self.new_figures}
        found = {"photographs": self.figures, "targets": verdicts(self.fair[1])}
        return found | {name: figures for name, figures in more.items() if figures is not None}


def evaluate(
    predictions: Predictions,
    temperature: float,
    rule: Rule,
    demands: Demands | None = None,
) -> Evaluation:
    """Judge predictions at temperature 1.

    With the `demands` that these same predictions chose the thresholds by, also cross-fitted.
    """
    judged = judge(predictions, temperature, rule)
    found = figures(judged)
    if demands is None:
        return Evaluation(predictions, judged, found)
    crossed = cross_fitted(predictions, demands)
    divided = divided_groups(zip(predictions.groups, predictions.truth.tolist(), strict=True))
    new = np.array([group not in divided for group in predictions.groups])
    apart = figures(Judged(crossed.predictions.only(new), crossed.decisions[new])) if new.any() else None
    return Evaluation(predictions, judged, found, crossed, figures(crossed), apart)


def chosen_again(predictions: Predictions, temperature: float, rule: Rule, demands: Demands) -> bool:
    """Whether these predictions choose exactly this temperature and these thresholds."""
    return choose(predictions, demands) == (temperature, rule)


def console() -> Console:
    """Of the standard output."""
    # A file's name is no markup.
    return Console(width=None if sys.stdout.isatty() else WIDTH, markup=False, emoji=False, highlight=False)


def show(evaluation: Evaluation, screen: Console) -> None:
    """Every table, the targets last."""
    fair = evaluation.fair[1]
    crossed = evaluation.cross_figures is not None
    columns = {"as shipped": evaluation.figures} | ({"cross-fitted": fair} if crossed else {})
    notes = [INTERVALS, *([CROSS_FITTED] if crossed else [])]
    if evaluation.new_figures is not None:
        columns["new sources"] = evaluation.new_figures
        notes.append(NEW_SOURCES)
    suffix = ", cross-fitted" if crossed else ""
    _print(screen, "All together", tables.headlines(columns))
    for note in notes:
        screen.print(Text(note.replace("\n", " "), style="dim"))
    screen.print()
    _print(screen, "Labels, per cent", tables.labels(fair))
    _print(screen, f"What the device does, per cent; silent: it says no defect{suffix}", tables.outcomes(fair))
    _print(screen, "What each label is taken for, photographs", tables.confusion(fair))
    _print(screen, f"Sources; accepted: with the right label, clean ones as a defect{suffix}", tables.sources(fair))
    _print(screen, f"Is a probability what it says? Per cent{suffix}", tables.reliability(fair))
    _print(screen, f"The surest photographs, and the device's rule{suffix}", tables.coverage(fair))
    _print(screen, f"Targets{suffix}", tables.targets(verdicts(fair)))


def _print(screen: Console, title: str, table: Table) -> None:
    screen.print(Text(title, style="bold"))
    screen.print(table)
    screen.print()


def write(evaluation: Evaluation, found: Mapping[str, Any], folder: Path) -> list[Path]:
    """Plots, figures and the predictions that they come from, into `folder`; no photograph. The files.

    `found` is what figures.json holds: `evaluation.as_json()`, with whatever belongs to it. Raises FidamiaError where
    matplotlib is missing.
    """
    plots = drawing()
    evaluation.predictions.save(folder / PREDICTIONS)
    write_figures(found, folder / FIGURES)
    return [folder / PREDICTIONS, folder / FIGURES, *plots.draw(evaluation, folder)]


def in_manifest(found: Mapping[str, Any]) -> dict[str, Any]:
    """What a manifest carries of it: each set of figures without its details, and no comparison."""
    kept = {name: found[name] for name in ("targets", "quantisation") if name in found}
    return kept | {name: summary(found[name]) for name in SETS if found.get(name)}


def write_figures(found: Mapping[str, Any], path: Path) -> None:
    """The figures as JSON."""
    with whole(path) as partial:
        partial.write_text(json.dumps(found, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def drawing() -> ModuleType:
    """`training.judging.plots`. Raises FidamiaError where matplotlib is missing."""
    try:  # takes a second to load, and the tables need no more than the agent does
        from training.judging import plots  # noqa: PLC0415 - as said
    except ModuleNotFoundError as error:
        raise FidamiaError(
            f'{error.name} is not installed, and the plots need it; install it: pip install "fidamia-agent[train]". '
            "Nothing was written."
        ) from error
    return plots
