"""Neither a large label nor a large source decides alone, and who is less believed is shown less."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from agent.domain import Pixels
from training.fitting.sampling import sampling
from training.photographs.dataset import DRAWN, Photograph, Picture


@dataclass(frozen=True)
class Scene:
    label: str
    source: str = DRAWN
    least: float = 0.7

    def pixels(self) -> Pixels:
        return np.zeros((8, 8, 3), np.uint8)


def photographs(label: str, source: str, count: int, weight: float = 1.0) -> list[Picture]:
    return [Photograph(Path(f"{label}/{source}-{index}.jpg"), label, source, weight) for index in range(count)]


def test_labels_and_sources_are_taken_by_the_root_of_their_counts() -> None:
    chances = sampling(
        [*photographs("pothole", "a", 90), *photographs("pothole", "b", 10), *photographs("no_defect", "c", 400)],
        0.0,
        0.5,
    )
    assert chances.sum() == pytest.approx(1)
    assert chances[:100].sum() == pytest.approx(1 / 3)  # 10 of 10 + 20
    assert chances[:90].sum() == pytest.approx(3 * chances[90:100].sum())


def test_a_source_that_is_half_believed_is_shown_half_as_often() -> None:
    every = [*photographs("pothole", "a", 50), *photographs("pothole", "b", 50, 0.5)]
    chances = sampling(every, 0.0)
    assert chances[0] == pytest.approx(2 * chances[50])


def test_drawn_scenes_have_their_share_and_no_more() -> None:
    chances = sampling([*photographs("pothole", "a", 50), *[Scene("pothole")] * 5], 0.1)
    assert chances[50:].sum() == pytest.approx(0.1)
    assert chances.sum() == pytest.approx(1)


@pytest.mark.parametrize(("balanced", "label", "source"), [(0.0, 2 / 6, 0.9), (1.0, 1 / 2, 0.5)])
def test_counts_decide_or_do_not(balanced: float, label: float, source: float) -> None:
    every = [*photographs("pothole", "a", 90), *photographs("pothole", "b", 10), *photographs("no_defect", "c", 200)]
    chances = sampling(every, 0.0, balanced)
    assert chances[:100].sum() == pytest.approx(label)
    assert chances[:90].sum() == pytest.approx(source * chances[:100].sum())
