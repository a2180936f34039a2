"""Drawn scenes for training: the same again, and never one that judges among those learnt from."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from training.fitting.augment import squash, view
from training.fitting.drawn import CLEAN, scenes


def test_scenes_that_judge_share_no_seed_with_those_to_learn_from(tmp_path: Path) -> None:
    learning = scenes(["pothole", "no_defect"], 5, 1, False, tmp_path)
    judging = scenes(["pothole", "no_defect"], 5, 1, True, tmp_path)
    assert [scene.label for scene in learning] == ["pothole"] * 5 + ["no_defect"] * 5 * CLEAN
    assert not {scene.seed for scene in learning} & {scene.seed for scene in judging}


def test_a_label_that_the_simulator_does_not_draw_has_no_scenes(tmp_path: Path) -> None:
    assert {scene.label for scene in scenes(["fallen_tree", "graffiti"], 5, 1, False, tmp_path)} == {"graffiti"}


def test_clean_scenes_are_not_drawn_for_defects_that_are_not(tmp_path: Path) -> None:
    assert scenes(["fallen_tree", "no_defect"], 5, 1, False, tmp_path) == []


def test_a_scene_is_the_same_when_drawn_and_when_kept(tmp_path: Path) -> None:
    (whole, part) = scenes(["pothole"], 2, 1, False, tmp_path)
    drawn = [whole.pixels(), part.pixels()]
    assert all(
        np.array_equal(before, after) for before, after in zip(drawn, (whole.pixels(), part.pixels()), strict=True)
    )
    assert whole.part is False
    assert drawn[1].size < drawn[0].size


def test_half_of_the_clean_scenes_are_what_a_patrol_sees(tmp_path: Path) -> None:
    drawn = scenes(["pothole", "no_defect"], 4, 1, False, tmp_path)
    clean = [scene for scene in drawn if scene.label == "no_defect"]
    assert sum(scene.driven for scene in clean) == len(clean) / 2
    whole = next(scene for scene in clean if scene.driven and not scene.part)
    assert whole.pixels().shape == (360, 640, 3)


def test_a_view_has_the_networks_size_and_the_same_chance_gives_the_same_view(tmp_path: Path) -> None:
    (scene,) = scenes(["graffiti"], 1, 2, False, tmp_path)
    pixels = scene.pixels()
    first, second = (view(scene, pixels, np.random.default_rng(3), (64, 48)) for _ in range(2))
    assert first.shape == (48, 64, 3)
    assert np.array_equal(first, second)
    assert squash(pixels, 64, 48).shape == (48, 64, 3)
