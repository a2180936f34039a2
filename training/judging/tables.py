"""The figures as tables that are read in a terminal of eighty columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from agent.domain import NO_DEFECT
from training.judging.targets import MET, NOT_MET

NONE = "-"
OTHERS = 2  # labels that a source's row names that it is taken for
LEAST = 0.01  # of a source, from which on a mistake is named
HEADLINES = {
    "top1": "first label right (top-1)",
    "macro_recall": "the same, each label alike (macro recall)",
    "top3": "right label among three (top-3)",
    "calibration_error": "calibration error (ECE)",
    "defects_accepted_rightly": "defects accepted with the right label",
    "defects_accepted_wrongly": "defects accepted with a wrong one",
    "defects_accepted_or_reviewed": "defects accepted or sent to review",
    "accepted_precision": "of what is accepted, right",
    "clean_accepted": "of 100 clean photographs, accepted as a defect",
    "clean_to_review": "of 100 clean photographs, sent to review",
}


def percent(found: Mapping[str, Any], digits: int = 1) -> str:
    """`94.4 (91.4-96.6)`, in per cent; a dash where nothing was counted."""
    if found["value"] is None:
        return NONE
    value, low, high = (f"{100 * found[key]:.{digits}f}" for key in ("value", "low", "high"))
    return f"{value} ({low}-{high})"


def headlines(columns: Mapping[str, Mapping[str, Any]]) -> Table:
    """The headlines, a column for each set of figures."""
    table = _table("per cent, with 95 % interval", *columns)
    table.add_row("photographs (number)", *(f"{figures['n']:,}" for figures in columns.values()))
    for name, what in HEADLINES.items():
        table.add_row(what, *(percent(figures[name]) for figures in columns.values()))
    return table


def labels(figures: Mapping[str, Any]) -> Table:
    """How well each label is found, and how much of what is called so is so."""
    table = _table("label", "n", "recall", "precision", "precision of\naccepted")
    for label, found in figures["labels"].items():
        accepted = NONE if label == NO_DEFECT else percent(found["accepted_precision"])
        count = f"{found['recall']['n']:,}"
        table.add_row(label, count, percent(found["recall"]), percent(found["precision"]), accepted)
    return table


def outcomes(figures: Mapping[str, Any]) -> Table:
    """What the device does with a hundred pictures of each label."""
    table = _table("of 100 of", "accepted", "as another", "to review", "silent")
    for label, found in figures["labels"].items():
        keys = ("accepted_rightly", "accepted_wrongly", "to_review", "silent")
        cells = [NONE if (label, key) == (NO_DEFECT, keys[0]) else percent(found[key], digits=0) for key in keys]
        table.add_row(label, *cells)
    return table


def confusion(figures: Mapping[str, Any]) -> Table:
    """The truth in rows, the first label in columns, as counts; what is right is bold."""
    names = figures["confusion"]["labels"]
    table = _table("true label", *(name.replace("_", "\n") for name in names))
    for row, (name, counts) in enumerate(zip(names, figures["confusion"]["counts"], strict=True)):
        cells = [Text(str(count), style="bold" if row == column else "") for column, count in enumerate(counts)]
        table.add_row(name, *cells)
    return table


def sources(figures: Mapping[str, Any]) -> Table:
    """Each label of each source: what of it is recognised, accepted and sent to review, and what it is taken for.

    Accepted is with the right label, and of clean photographs as a defect.
    """
    table = _table("per cent of", "n", "recall", "accepted", "to\nreview", "taken for", left=(0, 5))
    last = None
    for row in figures["sources"]:
        if row["label"] != last:
            table.add_row(Text(row["label"], style="bold"))
            last = row["label"]
        count = row["recall"]["n"]
        wrong = mistaken(row)[:OTHERS]
        taken = row["accepted_wrongly" if row["label"] == NO_DEFECT else "accepted_rightly"]
        table.add_row(
            f"  {row['source']}",
            f"{count:,}",
            percent(row["recall"], digits=0),
            f"{100 * taken['value']:.0f}",
            f"{100 * row['to_review']['value']:.0f}",
            ", ".join(wrong) or NONE,
        )
    return table


def mistaken(row: Mapping[str, Any]) -> list[str]:
    """What a source's pictures are wrongly taken for, in per cent of all of them."""
    count = row["recall"]["n"]
    return [f"{label} {100 * n / count:.0f}" for label, n in row["taken_for"].items() if n >= LEAST * count]


def reliability(figures: Mapping[str, Any]) -> Table:
    """What is said against what is right, for each bin of the highest probability."""
    table = _table("highest probability", "n", "said", "right", "said - right")
    for row in figures["reliability"]:
        gap = row["said"] - row["right"]["value"]
        table.add_row(
            f"{row['from']:.2f}-{row['to']:.2f}",
            str(row["right"]["n"]),
            f"{100 * row['said']:.1f}",
            percent(row["right"]),
            f"{100 * gap:+.1f}",
        )
    return table


def coverage(figures: Mapping[str, Any]) -> Table:
    """How right the surest photographs are, and what the device decides by itself."""
    table = _table("of all photographs", "per cent", "of these, right")
    for row in figures["coverage"]:
        table.add_row(row["what"], f"{100 * row['share']['value']:.1f}", percent(row["right"]))
    return table


def targets(verdicts: Sequence[Mapping[str, Any]]) -> Table:
    """What is asked beside what is measured."""
    table = _table("target", "asked", "measured", "95 % interval", "", left=(0, 4))
    for row in verdicts:
        colour = {MET: "green", NOT_MET: "red"}.get(row["verdict"], "yellow")
        table.add_row(
            row["what"],
            row["asked"],
            NONE if row["value"] is None else f"{row['value']:.3f}",
            NONE if row["value"] is None else f"{row['low']:.3f}-{row['high']:.3f}",
            Text(row["verdict"], style=colour),
        )
    return table


def _table(*heads: str, left: Iterable[int] = (0,)) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False, collapse_padding=True)
    for index, head in enumerate(heads):
        table.add_column(head, justify="left" if index in left else "right", no_wrap=index not in left)
    return table
