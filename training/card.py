"""The model card: what a model is for, what it learnt from, what was measured, where it fails."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from string import Template
from typing import Any

HERE = Path(__file__).parent
TEMPLATE = HERE / "card.md"
NOTES = HERE / "notes"  # NAME.md: what is known of one model and not of all
OVERALL = (
    "top1",
    "macro_recall",
    "top3",
    "calibration_error",
    "defects_accepted_rightly",
    "defects_accepted_or_reviewed",
    "accepted_precision",
    "clean_accepted",
    "clean_to_review",
)
PER_LABEL = ("recall", "precision", "accepted_rightly", "accepted_precision")


def write_card(folder: Path) -> None:
    """`CARD.md`, from the manifest's own figures."""
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    metrics, made = manifest["metrics"], manifest["training"]
    real = metrics["photographs"]
    notes = NOTES / f"{manifest['name']}.md"
    template = Template(TEMPLATE.read_text(encoding="utf-8"))
    card = template.substitute(
        name=manifest["name"],
        version=manifest["version"],
        sha256=manifest["sha256"],
        labels=", ".join(f"`{label['id']}`" for label in manifest["labels"]),
        sources=_table(
            ("source", "what it shows", "licence stated at its origin", "photographs", "held out"),
            [(s["name"], s["what"], s["licence"], s["photographs"], s["held_out"]) for s in made["sources"]],
        ),
        learnt=made["photographs"],
        judged=made["held_out"],
        drawn=made["drawn"],
        settings=", ".join(f"{key} {value}" for key, value in made["settings"].items()),
        overall=_table(
            ("figure", "real photographs held out", "drawn scenes held out"),
            [(key.replace("_", " "), _shown(real[key]), _shown(metrics["drawn"].get(key))) for key in OVERALL],
        ),
        per_label=_table(
            ("label", "recall", "precision", "accepted rightly", "precision of what is accepted", "accept from"),
            [
                (
                    label["id"],
                    *(_shown(real["labels"].get(label["id"], {}).get(key)) for key in PER_LABEL),
                    label["accept"],
                )
                for label in manifest["labels"]
            ],
        ),
        per_source=_table(
            ("label", "source", "recall"),
            [
                (label, source, _shown(value))
                for label, found in real["labels"].items()
                for source, value in found["sources"].items()
            ],
        ),
        quantisation=", ".join(f"{key.replace('_', ' ')} {value}" for key, value in metrics["quantisation"].items()),
        temperature=manifest["temperature"],
        review=manifest["review"],
        notes=notes.read_text(encoding="utf-8").rstrip() if notes.is_file() else "",
    )
    (folder / "CARD.md").write_text(card, encoding="utf-8")


def _shown(value: Any) -> str:
    if value is None:
        return "-"
    if not isinstance(value, dict):
        return str(value)
    return "-" if value["share"] is None else f"{value['share']} ({value['low']} to {value['high']}, n = {value['n']})"


def _table(heads: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join("" if cell is None else str(cell) for cell in line) + " |" for line in lines)
