"""Golden pictures are made of what a model sees clearly, and verify it."""

from __future__ import annotations

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from agent.errors import FidamiaError
from agent.golden import FILE, load_golden
from agent.manifest import load_manifest
from agent.simulation.scenery import LABELS
from agent.verification import verify
from tests.unit.toy_model import write_toy
from training import golden

SEEDS = range(1)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the shipped model with golden pictures of few seeds."""
    folder = tmp_path_factory.mktemp("model") / "defects"
    shutil.copytree(load_manifest().directory, folder)
    golden.write(folder, SEEDS)
    return folder


def test_a_model_is_verified_by_the_golden_pictures_made_of_it(made: Path) -> None:
    verdict = verify(str(made))
    assert verdict.right, verdict
    assert max(answer.gap for answer in verdict.pictures) < 0.001


def test_there_is_at_most_one_picture_a_label_and_the_model_is_sure_of_each(made: Path) -> None:
    pictures = load_golden(load_manifest(str(made))).pictures
    labels = [picture.label for picture in pictures]
    assert len(set(labels)) == len(labels) >= 2
    assert set(labels) <= set(LABELS)
    for picture in pictures:
        assert picture.probabilities[picture.label] >= golden.CLEAR
    assert {path.name for path in made.glob("golden-*.png")} == {picture.file for picture in pictures}


def test_each_picture_is_the_scene_that_its_label_and_seed_draw(made: Path) -> None:
    for picture in load_golden(load_manifest(str(made))).pictures:
        kept = np.asarray(cv2.imread(str(made / picture.file), cv2.IMREAD_COLOR))
        assert np.array_equal(kept, golden.scene(picture.label, picture.seed))


def test_the_golden_files_of_a_model_are_small(made: Path) -> None:
    for folder in (made, load_manifest().directory):
        assert sum(path.stat().st_size for path in folder.glob("golden*")) < 300_000


def test_made_again_they_are_the_same_and_old_ones_are_gone(made: Path) -> None:
    before = {path.name: path.read_bytes() for path in made.glob("golden*")}
    (made / "golden-flooding.png").touch()
    golden.write(made, SEEDS)
    assert {path.name: path.read_bytes() for path in made.glob("golden*")} == before


def test_a_model_that_sees_nothing_clearly_keeps_what_it_has(tmp_path: Path) -> None:
    write_toy(tmp_path)
    (tmp_path / "golden-pothole.png").touch()
    with pytest.raises(FidamiaError, match="sees no drawn scene clearly"):
        golden.write(tmp_path, SEEDS)
    assert (tmp_path / "golden-pothole.png").exists()
    assert not (tmp_path / FILE).exists()


def test_the_command_says_what_went_wrong_without_a_traceback(tmp_path: Path) -> None:
    result = CliRunner().invoke(golden.main, [str(tmp_path)])
    assert result.exit_code == 78
    assert "manifest.json: the model's manifest can not be read" in result.stderr
