"""The figures as pictures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure

from agent.domain import NO_DEFECT
from training.judging.curves import coverage, precision_recall
from training.judging.judged import Judged
from training.judging.look import (
    BLUE,
    COLOURS,
    FAINT,
    GREY,
    INK,
    LIGHT,
    ORANGE,
    PALE,
    SHARE,
    TITLE,
    band,
    canvas,
    dots,
    words,
    write,
)
from training.judging.metrics import BINS

if TYPE_CHECKING:
    from training.judging.report import Evaluation

OUTCOMES = {  # colour of the bar, and of the number in it
    "accepted_rightly": ("accepted, right label", BLUE, "white"),
    "to_review": ("to review", LIGHT, INK),
    "silent": ("silent: no defect", PALE, INK),
    "accepted_wrongly": ("accepted, wrong label", ORANGE, "white"),
}
ALARMS = (("accepted_wrongly", "accepted as a defect", ORANGE, "o", -0.13), ("to_review", "to review", BLUE, "s", 0.13))
DARK = 0.55  # of a cell's shade, from which on its text is white
ROOM = 0.03  # of a bar's width, which a number needs
ABOVE: dict[str, Any] = {  # the plot, at the left
    "loc": "lower left",
    "bbox_to_anchor": (-0.01, 1.0),
    "borderaxespad": 0,
    "handlelength": 1,
    "handletextpad": 0.5,
    "columnspacing": 1.2,
}
NAMED = 0.05  # of a source, from which on what it is taken for is named


def draw(evaluation: Evaluation, folder: Path) -> list[Path]:
    """Write every plot into `folder`; the files, in the order in which a reader wants them.

    Precision against recall is with the thresholds as shipped, since its lines are of other thresholds, and is left out
    without a photograph of a defect; the rest is cross-fitted where that was done.
    """
    judged, figures = evaluation.fair
    suffix = "" if evaluation.cross_figures is None else ", cross-fitted"
    pictures: dict[str, Callable[[], Figure]] = {
        "outcomes": lambda: outcomes(figures, suffix),
        "confusion": lambda: confusion(figures),
        "sources": lambda: sources(figures),
        "reliability": lambda: reliability(figures),
        "precision-recall": lambda: precision_recalls(evaluation.judged, evaluation.figures),
        "coverage": lambda: coverages(judged, figures),
    }
    if set(figures["labels"]) <= {NO_DEFECT}:
        del pictures["precision-recall"]
    folder.mkdir(parents=True, exist_ok=True)
    for name, make in pictures.items():
        write(make, folder / f"{name}.png")
    return [folder / f"{name}.png" for name in pictures]


def outcomes(figures: Mapping[str, Any], suffix: str = "") -> Figure:
    """What becomes of each label's photographs, and the false alarms of each clean source, if there is one."""
    labels = figures["labels"]
    clean = [row for row in figures["sources"] if row["label"] == NO_DEFECT]
    if NO_DEFECT in labels:
        clean.append({"source": "all clean", **labels[NO_DEFECT]})
    figure = Figure(figsize=(7.6, 1.9 + 0.3 * len(labels) + 0.26 * len(clean)))
    heights = [len(labels) + 1, *([len(clean) + 1] if clean else [])]
    above, *below = figure.subplots(len(heights), 1, height_ratios=heights, squeeze=False)[:, 0]
    above.set_title(f"What the device does with the photographs of each label{suffix}", pad=20)
    starts = np.zeros(len(labels))
    for key, (what, colour, ink) in OUTCOMES.items():
        widths = np.array([found[key]["value"] for found in labels.values()])
        bars = above.barh(range(len(labels)), widths, 0.72, starts, color=colour, edgecolor="white", label=what)
        texts = [f"{100 * width:.0f}" if width >= ROOM else "" for width in widths]
        above.bar_label(bars, texts, label_type="center", fontsize=8, color=ink)
        starts += widths
    above.set_yticks(range(len(labels)), [_counted(words(name), found) for name, found in labels.items()])
    above.set(xlim=(0, 1), ylim=(len(labels) - 0.5, -0.5), xlabel="per cent of the label's photographs")
    above.legend(ncols=4, **ABOVE)
    for axes in below:
        axes.set_title("False alarms per 100 clean photographs of each source", pad=20)
        for key, what, colour, marker, shift in ALARMS:
            places = [place + shift for place in range(len(clean))]
            dots(axes, [row[key] for row in clean], places, colour, marker=marker, label=what)
        axes.set_yticks(range(len(clean)), [_counted(row["source"], row) for row in clean])
        axes.set(ylim=(len(clean) - 0.5, -0.5), xlabel="per cent, with the 95 % interval (Wilson)")
        axes.set_xlim(left=0)
        axes.legend(ncols=2, **ABOVE)
    for axes in (above, *below):
        axes.grid(False, axis="y")
        axes.xaxis.set_major_formatter(lambda share, _: f"{100 * share:g}")
    return figure


def confusion(figures: Mapping[str, Any]) -> Figure:
    """What each label is taken for: shares, with counts."""
    names, counts = figures["confusion"]["labels"], np.array(figures["confusion"]["counts"])
    shares = counts / np.maximum(1, counts.sum(axis=1, keepdims=True))
    figure, axes = canvas(7.2, 5.0, "What each label is taken for: per cent of the true label, and photographs")
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for row, column in np.ndindex(*counts.shape):
        if counts[row, column]:
            text = f"{100 * shares[row, column]:.0f} %\n{counts[row, column]}"
            ink = "white" if shares[row, column] > DARK else INK
            axes.text(column, row, text, ha="center", va="center", fontsize=8, color=ink)
    axes.set_xticks(range(len(names)), [words(name, "\n") for name in names])
    axes.set_yticks(range(len(names)), [f"{words(n)}\nn = {c}" for n, c in zip(names, counts.sum(axis=1), strict=True)])
    axes.set(xlabel="first label of the model", ylabel="true label")
    axes.grid(False)
    axes.spines[:].set_visible(False)
    return figure


def sources(figures: Mapping[str, Any]) -> Figure:
    """Recall of each label and source, and what most of the rest is taken for."""
    rows, labels = figures["sources"], list(figures["labels"])
    ticks: list[tuple[str, str, str]] = []  # text, colour, weight
    lines = len(rows) + len(labels)
    figure, axes = canvas(7.4, 1.0 + 0.2 * lines, "Recall of each label and source, with its 95 % interval (Wilson)")
    for label in labels:
        colour = COLOURS[labels.index(label) % len(COLOURS)]
        axes.axhline(len(ticks), color=FAINT, linewidth=0.8)
        ticks.append((words(label), colour, "bold"))
        for row in (row for row in rows if row["label"] == label):
            dots(axes, [row["recall"]], [len(ticks)], colour)
            other, count = next(iter(row["taken_for"].items()), ("", 0))
            if count >= NAMED * row["recall"]["n"]:
                text = f"{words(other)} {100 * count / row['recall']['n']:.0f} %"
                axes.text(1.03, len(ticks), text, va="center", fontsize=8, color=GREY)
            ticks.append((_counted(row["source"], row), GREY, "normal"))
    axes.text(1.03, 0, "most taken for", va="center", fontsize=8, color=GREY, style="italic")
    axes.set_yticks(range(len(ticks)), [text for text, _, _ in ticks])
    for tick, (_, colour, weight) in zip(axes.get_yticklabels(), ticks, strict=True):
        tick.set(color=colour, fontweight=weight)
    axes.set(xlabel="recall", xlim=(0, 1), ylim=(len(ticks) - 0.4, -0.6))
    axes.tick_params(axis="y", length=0)
    axes.grid(False, axis="y")
    axes.xaxis.set_major_formatter(SHARE)
    return figure


def reliability(figures: Mapping[str, Any]) -> Figure:
    """What is right against what is said, with the number of photographs below."""
    rows, error = figures["reliability"], figures["calibration_error"]
    figure = Figure(figsize=(5.6, 5.6))
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    found = f"ECE {error['value']:.3f} ({error['low']:.3f}-{error['high']:.3f})"
    above.set_title(f"Is a probability what it says?  {found}")
    above.plot((0, 1), (0, 1), color=FAINT, linestyle="--", linewidth=1)
    above.text(0.03, 0.06, "as said", color=GREY, rotation=45, rotation_mode="anchor", transform_rotates_text=True)
    dots(above, [row["said"] for row in rows], [row["right"] for row in rows], BLUE)
    above.set(ylabel="share with the right first label", xlim=(0, 1), ylim=(0, 1.02))
    above.yaxis.set_major_formatter(SHARE)
    counts = [row["right"]["n"] for row in rows]
    bars = below.bar([row["from"] for row in rows], counts, 1 / BINS, align="edge", color=BLUE, edgecolor="white")
    below.bar_label(bars, fontsize=7, color=GREY)
    below.set(xlabel="probability of the first label", ylabel="photographs", ylim=(0, 1.18 * max(counts)))
    below.xaxis.set_major_formatter(SHARE)
    return figure


def precision_recalls(judged: Judged, figures: Mapping[str, Any]) -> Figure:
    """A panel a defect: what other thresholds would give, and where the device stands."""
    names = judged.predictions.labels
    labels = [label for label in names if label in figures["labels"] and label != NO_DEFECT]
    columns = min(3, len(labels))
    rows = -(-len(labels) // columns)
    figure = Figure(figsize=(7.6, 0.6 + 2.5 * rows))
    figure.suptitle(
        "Accepted as each label: precision against recall. Lines: other thresholds; dots: as shipped", **TITLE
    )
    panels = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    curves = {label: precision_recall(judged, names.index(label)) for label in labels}
    lows = [float(curve.low.min(initial=1.0)) for curve in curves.values()]
    lows += [figures["labels"][label]["accepted_precision"]["low"] for label in labels if _accepts(figures, label)]
    for place, (label, axes) in enumerate(zip(labels, panels.flat, strict=False)):
        colour, found = COLOURS[place % len(COLOURS)], figures["labels"][label]
        band(axes, curves[label], colour)
        if _accepts(figures, label):
            dots(axes, [found["accepted_rightly"]], [found["accepted_precision"]], INK, zorder=3)
        axes.set_title(words(label), fontsize=9, color=colour)
        axes.set(xlim=(0, 1), ylim=(np.floor(10 * min(lows)) / 10, 1))
        axes.xaxis.set_major_formatter(SHARE)
        axes.yaxis.set_major_formatter(SHARE)
        if place + columns >= len(labels):  # nothing below it
            axes.tick_params(labelbottom=True)
            axes.set_xlabel("recall")
        if place % columns == 0:
            axes.set_ylabel("precision")
    for axes in panels.flat[len(labels) :]:
        axes.set_visible(False)
    return figure


def coverages(judged: Judged, figures: Mapping[str, Any]) -> Figure:
    """How right the surest photographs are, and where the device stands."""
    figure, axes = canvas(6.4, 4.2, "The surer the model must be, the fewer it answers, and the more are right")
    curve = coverage(judged)
    band(axes, curve, BLUE)
    points = [row for row in figures["coverage"][-2:] if row["right"]["value"] is not None]
    for row, marker in zip(points, "os", strict=False):
        dots(axes, [row["share"]], [row["right"]], INK, marker=marker, label=f"device: {row['what']}")
    low = min([curve.low.min(initial=1.0), *(row["right"]["low"] for row in points)])
    axes.set(
        xlabel="share of the photographs that are answered, the surest first",
        ylabel="share of these answered rightly",
        xlim=(0, 1),
        ylim=(np.floor(20 * low) / 20, 1),
    )
    axes.legend(loc="lower left")
    axes.xaxis.set_major_formatter(SHARE)
    axes.yaxis.set_major_formatter(SHARE)
    return figure


def _counted(name: str, found: Mapping[str, Any]) -> str:
    return f"{name}  (n = {found['recall']['n']})"


def _accepts(figures: Mapping[str, Any], label: str) -> bool:
    return figures["labels"][label]["accepted_precision"]["value"] is not None
