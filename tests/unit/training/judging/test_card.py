"""The card says what was measured, what the plots show, and where networks stand side by side."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.toy_model import write_toy
from tests.unit.training.invented import SKILL, predictions
from training.judging.calibrate import Demands, choose
from training.judging.card import PLOTS, write_card
from training.judging.compare import compare
from training.judging.report import Evaluation, evaluate, in_manifest
from training.photographs.dataset import DatasetError

TRAINING = {
    "photographs": 300,
    "drawn": 20,
    "settings": {"seed": 1},
    "judging": "By who had not seen them.",
    "sources": [{"name": "north", "what": "one street", "licence": "CC0", "photographs": 120}],
}


@pytest.fixture
def judged() -> Evaluation:
    said = predictions()
    return evaluate(said, *choose(said, Demands()), Demands())


def card(folder: Path, found: dict[str, object], plots: Path | None = None) -> str:
    write_toy(folder, training=TRAINING)
    write_card(folder, {"quantisation": {"agreement": 0.98}, **found}, plots)
    return (folder / "CARD.md").read_text(encoding="utf-8")


def test_the_card_holds_each_target_label_and_source_with_its_interval(judged: Evaluation, tmp_path: Path) -> None:
    text = card(tmp_path / "toy", judged.as_json())
    fair = judged.fair[1]
    top1 = fair["top1"]
    assert f"| top-1 | ≥ 0.90 | {top1['value']:.3f} | {top1['low']:.3f} to {top1['high']:.3f} | not met |" in text
    for row in fair["sources"]:
        assert f"| {row['label']} | {row['source']} | {row['recall']['n']} |" in text
    assert "By who had not seen them." in text
    assert "cross-fitted" in text
    assert "![" not in text
    assert "$" not in text


def test_a_group_that_holds_most_of_a_label_is_not_among_the_new_sources(tmp_path: Path) -> None:
    said = predictions()
    divided = replace(said, groups=tuple("field" if source != "east" else source for source in said.sources))
    judged = evaluate(divided, *choose(divided, Demands()), Demands())
    assert judged.new_figures is not None
    assert {row["source"] for row in judged.new_figures["sources"]} == {"east"}
    assert judged.new_figures["n"] == said.sources.count("east")
    text = card(tmp_path / "toy", judged.as_json())
    assert (
        f"| as shipped | cross-fitted | new sources |\n| --- | --- | --- | --- |\n| pictures (number) | {len(said)} "
        in text
    )


def test_the_plots_are_linked_from_where_they_live(judged: Evaluation, tmp_path: Path) -> None:
    text = card(tmp_path / "models" / "toy", judged.as_json(), tmp_path / "docs" / "model" / "toy")
    assert all(f"](../../docs/model/toy/{name}.png)" in text for name in PLOTS)
    assert "(../../docs/model/toy/predictions.csv)" in text


def test_networks_stand_side_by_side_with_what_the_last_one_gains(tmp_path: Path) -> None:
    worse, better = predictions(skill=dict.fromkeys(SKILL, 0.5)), predictions(skill=dict.fromkeys(SKILL, 3.0))
    found = compare({"frozen": worse, "shipped": better}, Demands())
    gain = found["gains"]["frozen"]["top1"]
    assert 0 < gain["low"] < gain["value"] < gain["high"]
    shipped, frozen = (found["figures"][name]["top1"]["value"] for name in ("shipped", "frozen"))
    assert gain["value"] == pytest.approx(shipped - frozen, abs=2e-4)
    judged = evaluate(better, *choose(better, Demands()), Demands())
    text = card(tmp_path / "toy", {**judged.as_json(), "comparison": found})
    assert "| per cent, all cross-fitted | frozen | shipped | shipped over frozen |" in text


def test_networks_judged_on_other_photographs_are_not_compared() -> None:
    with pytest.raises(DatasetError, match="frozen and shipped were not judged on the same"):
        compare({"frozen": predictions(5), "shipped": predictions(6)}, Demands())


def test_a_manifest_carries_the_figures_as_json_and_without_details(judged: Evaluation) -> None:
    found = {**judged.as_json(), "drawn": None, "comparison": {"figures": {}}, "quantisation": {"agreement": 0.98}}
    carried = json.loads(json.dumps(in_manifest(found)))
    assert set(carried) == {"photographs", "cross_fitted", "new_sources", "targets", "quantisation"}
    assert carried["photographs"]["top1"] == judged.figures["top1"]
    assert "sources" not in carried["photographs"]
