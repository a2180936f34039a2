"""One run through everything that is drawn."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.unit.training.invented import predictions
from training.judging.calibrate import Demands, choose
from training.judging.card import PLOTS
from training.judging.mistakes import EACH, sheet, worst
from training.judging.report import FIGURES, PREDICTIONS, evaluate, write

MOST = 60_000  # bytes of a plot, which the repository keeps


def test_every_plot_is_drawn_and_small_and_photographs_are_shown_only_where_asked(tmp_path: Path) -> None:
    said = predictions(20)
    judged = evaluate(said, *choose(said, Demands()))
    report = tmp_path / "report"
    written = write(judged, judged.as_json(), report)
    assert [path.name for path in written] == [PREDICTIONS, FIGURES, *(f"{name}.png" for name in PLOTS)]
    assert sorted(report.iterdir()) == sorted(written)
    assert all(path.stat().st_size < MOST for path in written if path.suffix == ".png")

    rows = worst(judged.judged, 0)
    (tmp_path / said.paths[rows[0]]).parent.mkdir()
    cv2.imwrite(str(tmp_path / said.paths[rows[0]]), np.full((40, 60, 3), 90, np.uint8))
    count = sheet(judged.judged, tmp_path, tmp_path / "sheet" / "mistakes.jpg")
    assert len(rows) <= EACH
    assert not judged.judged.right[rows].any()
    assert count >= len(rows) > 0
    assert cv2.imread(str(tmp_path / "sheet" / "mistakes.jpg")) is not None


@pytest.mark.parametrize("kept", [{"no_defect"}, {"pothole", "graffiti"}])
def test_a_drive_without_a_defect_and_one_without_a_clean_street_are_drawn_as_well(
    tmp_path: Path, kept: set[str]
) -> None:
    every = predictions(20)
    said = every.only(np.isin([every.labels[index] for index in every.truth], list(kept)))
    written = write(evaluate(said, *choose(every, Demands())), {}, tmp_path)
    assert ("precision-recall.png" in [path.name for path in written]) == ("pothole" in kept)
    assert sorted(tmp_path.iterdir()) == sorted(written)
