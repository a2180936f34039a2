"""From photographs to a model that the agent runs, by the one command: with drawn photographs, killed half way."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import cv2
import msgspec
import numpy as np
import pytest

from agent.simulation import scenery

from .conftest import ROOT
from .test_wheel import run

pytest.importorskip("litert_torch", reason="what trains is not installed: make .venv/.training")

pytestmark = pytest.mark.timeout(900)

LABELS = ("pothole", "graffiti", "no_defect")
EACH = 24  # of a label and a source
FIDAMIA = Path(sys.executable).with_name("fidamia")


class Trained(NamedTuple):
    """What the command left."""

    model: Path
    report: Path
    killed: str  # what it told until it was killed
    told: str  # what it told when it was run again


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """A model of drawn photographs of two sources, one of which is dim."""
    folder = tmp_path_factory.mktemp("training")
    photos, model, report = folder / "photos", folder / "toy", folder / "report"
    for number, label in enumerate(LABELS):
        (photos / label).mkdir(parents=True)
        for index in range(EACH):
            for dim, source in enumerate(("north", "south")):
                pixels = scenery.draw(label, np.random.default_rng([7, number, dim, index]), 320, 180)
                path = photos / label / f"{source}-{index:04d}.jpg"
                assert cv2.imwrite(str(path), (pixels * (0.6 if dim else 1.0)).astype(np.uint8))
    command = [sys.executable, "-m", "training", "train", "--epochs", "8", "--version", "0.0.1"]
    for choice in ("batch=4", "tuned=1", "averaging=0", "learning_rate=0.002"):  # of so few: many small steps, and far
        command += ["--set", choice]
    command += ["--photos", str(photos), "--out", str(model), "--work", str(folder / "work"), "--report", str(report)]
    killed = []
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as first:
        assert first.stderr is not None
        for line in first.stderr:
            killed.append(line)
            if "fold 2 of 2" in line:
                first.kill()
    assert not model.exists()
    again = run(*command, cwd=ROOT)
    return Trained(model, report, "".join(killed), again.stderr)


def test_a_second_run_goes_on_where_the_first_was_killed(trained: Trained) -> None:
    assert "fold 1 of 2" in trained.killed
    assert "fold 1 of 2" not in trained.told
    assert "fold 2 of 2" in trained.told


def test_no_library_talks_in_between(trained: Trained) -> None:
    assert not re.findall(r"^(?:INFO|WARNING|[IWEF]\d{4}).*", trained.killed + trained.told, re.MULTILINE)


def test_the_device_believes_the_model(trained: Trained) -> None:
    run(FIDAMIA, "model", "verify", trained.model, cwd=trained.report)
    assert (trained.model / "model.tflite").stat().st_size < 6_000_000


def test_it_has_learnt_what_it_was_shown(trained: Trained) -> None:
    fresh = {label: scenery.draw(label, np.random.default_rng([8, index])) for index, label in enumerate(LABELS)}
    for label, pixels in fresh.items():
        cv2.imwrite(str(trained.model.parent / f"{label}.png"), pixels)
    paths = [str(trained.model.parent / f"{label}.png") for label in LABELS]
    answered = run(FIDAMIA, "classify", "--json", "--model", trained.model, *paths, cwd=trained.report)
    answers = [msgspec.json.decode(line) for line in answered.stdout.splitlines()]
    assert all({one["label"] for one in answer["candidates"]} == set(LABELS) for answer in answers)
    metrics = msgspec.json.decode((trained.model / "manifest.json").read_bytes())["metrics"]
    assert metrics["drawn"]["top1"]["value"] > 0.6  # of three labels: guessing gives a third


def test_the_report_says_what_it_is_worth(trained: Trained) -> None:
    assert "# Model card: toy 0.0.1" in (trained.model / "CARD.md").read_text(encoding="utf-8")
    assert {"predictions.csv", "figures.json"} <= {path.name for path in trained.report.iterdir()}
    saved = trained.report / "predictions.csv"
    run(sys.executable, "-m", "training", "evaluate", trained.model, "--predictions", saved, cwd=ROOT)
