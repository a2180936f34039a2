"""A model is judged by photographs or by saved predictions; a mistake of the caller gives a sentence."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest
from click.testing import CliRunner, Result

from agent.drivers.pictures import read_picture
from agent.drivers.tflite import TfliteClassifier
from agent.errors import ConfigError
from tests.unit.toy_model import write_toy
from tests.unit.training.invented import LABELS, predictions
from training.__main__ import main
from training.judging.calibrate import Demands, choose
from training.judging.predictions import Predictions
from training.photographs.dataset import DatasetError

CHANNELS = {"pothole": 0, "graffiti": 1, "no_defect": 2}  # of BGR, as the toy model tells them


def evaluate(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["evaluate", *map(str, arguments)])


@pytest.fixture
def model(tmp_path: Path) -> Path:
    write_toy(tmp_path / "toy")
    return tmp_path / "toy"


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "predictions.csv"
    predictions().save(path)
    return path


def photograph(photos: Path, label: str, source: str, count: int, shows: str) -> None:
    (photos / label).mkdir(exist_ok=True)
    for index in range(count):
        seed = [index, *f"{label}-{source}".encode()]  # no two are alike
        pixels = np.repeat(np.random.default_rng(seed).integers(0, 100, (32, 32, 1), np.uint8), 3, axis=2)
        pixels[..., CHANNELS[shows]] += 150
        cv2.imwrite(str(photos / label / f"{source}-{index}.png"), pixels)


def test_every_photograph_is_judged_and_the_targets_come_last(model: Path, photos: Path, tmp_path: Path) -> None:
    for label in LABELS:
        photograph(photos, label, "easy", 3, shows=label)
    photograph(photos, "graffiti", "hard", 1, shows="pothole")
    result = evaluate(model, "--photos", photos, "--json", tmp_path / "found.json")
    assert result.exit_code == 0, result.output
    found = json.loads((tmp_path / "found.json").read_text(encoding="utf-8"))
    assert found["model"]["name"] == "toy"
    assert found["photographs"]["confusion"] == {"labels": list(LABELS), "counts": [[3, 0, 0], [1, 3, 0], [0, 0, 3]]}
    assert "cross_fitted" not in found
    assert "learnt from no source of these names" in result.stdout
    assert result.stdout.index("Targets") > result.stdout.index("Sources")


def test_a_photographs_probability_is_the_one_that_the_device_says(photos: Path, tmp_path: Path) -> None:
    manifest = write_toy(tmp_path / "toy", temperature=2.5)
    photograph(photos, "pothole", "street", 1, shows="pothole")
    evaluate(tmp_path / "toy", "--photos", photos, "--json", tmp_path / "found.json")
    pixels = read_picture(photos / "pothole" / "street-0.png", 4).pixels
    said = float(TfliteClassifier(manifest).probabilities(pixels).max())
    found = json.loads((tmp_path / "found.json").read_text(encoding="utf-8"))
    assert found["photographs"]["reliability"][0]["said"] == pytest.approx(said, abs=2e-3)


def test_saved_predictions_are_judged_without_photographs_and_cross_fitted(
    model: Path, saved: Path, tmp_path: Path
) -> None:
    result = evaluate(model, "--predictions", saved, "--json", tmp_path / "found.json")
    assert result.exit_code == 0, result.output
    found = json.loads((tmp_path / "found.json").read_text(encoding="utf-8"))
    assert found["cross_fitted"]["n"] == len(predictions())
    assert "not those that these predictions choose" in result.stdout


def test_thresholds_are_known_for_those_that_the_predictions_choose(tmp_path: Path, saved: Path) -> None:
    temperature, rule = choose(Predictions.load(saved), Demands())
    manifest = write_toy(tmp_path / "first")
    labels = [
        msgspec.to_builtins(msgspec.structs.replace(label, accept=accept))
        for label, accept in zip(manifest.labels, rule.accept, strict=True)
    ]
    write_toy(tmp_path / "toy", temperature=temperature, review=rule.review, labels=labels)
    assert (
        "thresholds are those that these predictions choose"
        in evaluate(tmp_path / "toy", "--predictions", saved).stdout
    )


def test_a_line_fits_a_narrow_terminal(model: Path, saved: Path) -> None:
    lines = evaluate(model, "--predictions", saved).stdout.splitlines()
    assert max(map(len, lines)) <= 100


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("no table\n", "its first line must be"),
        ("path,source,group,label,pothole,no_defect\n../a.jpg,s,s,pothole,0.6,0.4\n", "leaves the folder"),
        ("path,source,group,label,pothole,no_defect\na.jpg,s,s,pothole,0.6,0.4\n", "has other labels than the model"),
    ],
)
def test_predictions_of_another_model_are_refused(model: Path, tmp_path: Path, content: str, sentence: str) -> None:
    (tmp_path / "other.csv").write_text(content)
    result = evaluate(model, "--predictions", tmp_path / "other.csv")
    assert result.exit_code == DatasetError.exit_code
    assert sentence in result.stderr


def test_photographs_of_a_label_that_the_model_lacks_are_refused(model: Path, photos: Path) -> None:
    photograph(photos, "pothole", "a", 2, shows="pothole")
    (photos / "road_crack").mkdir()
    (photos / "pothole" / "a-1.png").rename(photos / "road_crack" / "a-1.png")
    result = evaluate(model, "--photos", photos)
    assert result.exit_code == DatasetError.exit_code
    assert "The model toy has no label road_crack" in result.stderr


def test_a_folder_without_a_model_is_refused_before_anything_is_read(tmp_path: Path, saved: Path) -> None:
    result = evaluate(tmp_path, "--predictions", saved)
    assert result.exit_code == ConfigError("").exit_code
    assert "manifest" in result.stderr


def test_a_place_that_can_not_be_written_to_is_named(model: Path, saved: Path) -> None:
    result = evaluate(model, "--predictions", saved, "--json", saved / "found.json")
    assert result.exit_code == 1
    assert str(saved) in result.stderr
    assert "name a place that can be written to" in result.stderr


def test_options_that_lack_photographs_are_a_mistake_of_the_command_line(model: Path, saved: Path) -> None:
    for options in ((), ("--predictions", saved, "--mistakes", model / "mistakes.jpg")):
        result = evaluate(model, *options)
        assert result.exit_code == 2
        assert "--photos" in result.stderr
