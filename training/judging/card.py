"""The model card: what a model is for, what it learnt from, what was measured, where it fails."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from string import Template
from typing import Any

from agent.domain import NO_DEFECT
from training.judging.report import CROSS_FITTED, FIGURES, INTERVALS, NEW_SOURCES, PREDICTIONS, SETS
from training.judging.tables import HEADLINES, NONE, mistaken, percent
from training.judging.targets import verdicts

HERE = Path(__file__).parent
TEMPLATE = HERE / "card.md"
NOTES = HERE / "notes"  # NAME.md: what is known of one model and not of all
CROSS_FITTED_BELOW = "What is below is cross-fitted, where it does not say “as shipped”."
NOTHING = {"value": None}
PLOTS = {
    "outcomes": "What the device does with the photographs of each label, and the false alarms of each clean source",
    "confusion": "Confusion matrix: what each label is taken for",
    "sources": "Recall of each label and source with its interval, and what it is most taken for",
    "reliability": "Reliability diagram: the share that is right against the probability that is said, with counts",
    "precision-recall": "Precision against recall of each label, with the operating point as shipped",
    "coverage": "Accuracy against the share of photographs that is answered, with the device's operating points",
}


def write_card(folder: Path, found: Mapping[str, Any], plots: Path | None = None, home: Path | None = None) -> None:
    """`CARD.md` of the model in `folder`, with the plots in `plots` linked as from `home`, where it will be read.

    `found` holds what was measured: `photographs`, `cross_fitted` (figures each), `comparison`, `quantisation` and,
    where there are, `drawn`.
    """
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    made = manifest["training"]
    fair = found["cross_fitted"]
    notes = NOTES / f"{manifest['name']}.md"
    card = Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        name=manifest["name"],
        version=manifest["version"],
        sha256=manifest["sha256"],
        labels=", ".join(f"`{label['id']}`" for label in manifest["labels"]),
        review=manifest["review"],
        learnt=f"{made['photographs']:,} photographs, and {made['drawn']:,} scenes drawn by the simulator",
        sources=_sources(made["sources"]),
        settings=", ".join(f"{key} {value}" for key, value in made["settings"].items()),
        judging=made["judging"],
        targets=_targets(fair),
        overall=_overall(found),
        reading=_reading(manifest, found),
        plots=_plots(home or folder, plots),
        per_label=_per_label(manifest, found),
        per_source=_per_source(fair),
        compared=_compared(found.get("comparison")),
        quantisation=", ".join(f"{key.replace('_', ' ')} {value}" for key, value in found["quantisation"].items()),
        notes=notes.read_text(encoding="utf-8").rstrip() if notes.is_file() else "",
    )
    (folder / "CARD.md").write_text(card, encoding="utf-8")


def _sources(sources: Sequence[Mapping[str, Any]]) -> str:
    rows = [(s["name"], s["what"], s["licence"], s["photographs"]) for s in sources]
    return _table(("source", "what it shows", "licence stated at its origin", "photographs"), rows)


def _targets(fair: Mapping[str, Any]) -> str:
    rows = [(row["what"], row["asked"], _bare(row["value"]), _between(row), row["verdict"]) for row in verdicts(fair)]
    return _table(("target", "asked", "measured", "95 % interval", ""), rows)


def _overall(found: Mapping[str, Any]) -> str:
    heads = ("as shipped", "cross-fitted", "new sources", "drawn scenes")
    there = {head: found[key] for head, key in zip(heads, SETS, strict=True) if found.get(key)}
    rows = [(what, *(percent(figures[name]) for figures in there.values())) for name, what in HEADLINES.items()]
    counts = ("pictures (number)", *(f"{figures['n']:,}" for figures in there.values()))
    return _table(("per cent", *there), [counts, *rows])


def _reading(manifest: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    shipped = (
        f"As shipped: with the temperature ({manifest['temperature']}) and the thresholds that these photographs chose."
    )
    new = [NEW_SOURCES] if found.get("new_sources") else []
    return "\n".join([INTERVALS, shipped, CROSS_FITTED, *new, CROSS_FITTED_BELOW])


def _plots(folder: Path, plots: Path | None) -> str:
    if plots is None:
        return ""
    # The model's folder is installed on vehicles, and they have no use for plots: these live elsewhere.
    where = Path(os.path.relpath(plots.resolve(), folder.resolve())).as_posix()
    lines = [f"![{what}]({where}/{name}.png)\n" for name, what in PLOTS.items()]
    lines.append(
        f"The plots and the figures of photographs can be computed again without one, from\n"
        f"[what was said of each]({where}/{PREDICTIONS}) "
        f"(`python -m training evaluate`); all of them stand in [{FIGURES}]({where}/{FIGURES}).\n\n"
    )
    return "\n".join(lines)


def _per_label(manifest: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    accept = {label["id"]: label["accept"] for label in manifest["labels"]}
    rows = []
    for label, fair in found["cross_fitted"]["labels"].items():
        clean = label == NO_DEFECT
        shipped = found["photographs"]["labels"][label]
        taken = "accepted_wrongly" if clean else "accepted_rightly"
        cells = [fair["recall"], fair["precision"]]
        for figures in (shipped, fair):
            cells += [figures[taken], figures["to_review"], NOTHING if clean else figures["accepted_precision"]]
        rows.append((label, f"{fair['recall']['n']:,}", NONE if clean else accept[label], *map(percent, cells)))
    heads = ("label", "photographs", "accept from", "recall", "precision", "as shipped: accepted", "to review")
    more = ("precision of accepted", "cross-fitted: accepted", "to review", "precision of accepted")
    return _table((*heads, *more), rows)


def _per_source(fair: Mapping[str, Any]) -> str:
    rows = []
    for row in fair["sources"]:
        count = row["recall"]["n"]
        taken = row["accepted_wrongly" if row["label"] == NO_DEFECT else "accepted_rightly"]
        shown = (percent(row["recall"]), percent(taken), percent(row["to_review"]), ", ".join(mistaken(row)) or NONE)
        rows.append((row["label"], row["source"], f"{count:,}", *shown))
    return _table(("label", "source", "photographs", "recall", "accepted", "to review", "taken for"), rows)


def _compared(comparison: Mapping[str, Any] | None) -> str:
    if not comparison:
        return ""
    networks, gains = comparison["figures"], comparison["gains"]
    last = list(networks)[-1]
    rows = [
        (what, *(percent(found[name]) for found in networks.values()), *(_gain(gain[name]) for gain in gains.values()))
        for name, what in HEADLINES.items()
    ]
    heads = ("per cent, all cross-fitted", *networks, *(f"{last} over {other}" for other in gains))
    return (
        "The same photographs, judged by networks made in other ways. A gain's interval is of the difference on the\n"
        f"same photographs:\n\n{_table(heads, rows)}\n\n"
    )


def _gain(found: Mapping[str, Any]) -> str:
    if found["value"] is None:
        return NONE
    value, low, high = (f"{100 * found[key]:+.1f}" for key in ("value", "low", "high"))
    return f"{value} ({low} to {high})"


def _between(row: Mapping[str, Any]) -> str:
    return NONE if row["value"] is None else f"{row['low']:.3f} to {row['high']:.3f}"


def _bare(value: float | None) -> str:
    return NONE if value is None else f"{value:.3f}"


def _table(heads: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(map(_cell, line)) + " |" for line in lines)


def _cell(value: object) -> str:
    """What a city wrote of its sources stays in its cell."""
    return "" if value is None else " ".join(str(value).replace("|", "\\|").split())
