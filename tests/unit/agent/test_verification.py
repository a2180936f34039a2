"""The verdict on a model, and what it does not confuse."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

from agent.golden import FILE
from agent.verification import RUNS, verify
from tests.unit.french import in_french
from tests.unit.golden_folder import paint, write_golden
from tests.unit.toy_model import toy_model, write_toy


def test_the_shipped_model_is_right_here() -> None:
    verdict = verify("defects")
    assert verdict.right, verdict
    assert verdict.faults == ()
    assert len(verdict.pictures) >= 5
    assert verdict.tolerance is not None
    assert max(answer.gap for answer in verdict.pictures) <= verdict.tolerance
    assert verdict.milliseconds is not None
    assert 0 < verdict.milliseconds.median <= verdict.milliseconds.p95
    assert RUNS >= 20  # below that, the 95th percentile is more than the slowest


def test_a_model_that_says_what_it_said_is_right(tmp_path: Path) -> None:
    manifest = write_golden(tmp_path)
    verdict = verify(str(tmp_path))
    assert verdict.right
    assert (
        verdict.sentence == "The model toy 1.0.0 is right: it says of 3 golden pictures what it said when it was made."
    )
    assert verdict.model == manifest.identity
    assert verdict.path == str(tmp_path / "model.tflite")
    assert verdict.runtime


def swap(directory: Path, one: str, other: str) -> None:
    """Exchange two labels in golden.json: the model then answers otherwise than it says there."""
    path = directory / FILE
    path.write_text(path.read_text().replace(one, "?").replace(other, one).replace("?", other))


def test_a_model_that_answers_otherwise_is_told_with_what_and_how_far(tmp_path: Path) -> None:
    write_golden(tmp_path)
    swap(tmp_path, "pothole", "graffiti")
    verdict = verify(str(tmp_path))
    assert not verdict.right
    assert verdict.sentence == (
        "The model toy 1.0.0 answers wrongly: of 3 golden pictures, 2 are not recognised as they were when the model "
        "was made."
    )
    first, second, remedy = verdict.faults
    assert first == "golden-blue.png: pothole has the probability 0.925, expected is 0.038"
    assert second.startswith("golden-green.png: ")
    assert "The file of the model is unaltered" in remedy
    assert len(verdict.pictures) == 3


def test_the_verdict_is_spoken_in_french(tmp_path: Path) -> None:
    write_golden(tmp_path)
    with in_french():
        assert verify(str(tmp_path)).sentence == (
            "Le modèle toy 1.0.0 répond bien : il dit de 3 images de référence ce qu'il en disait quand il a été fait."
        )
        swap(tmp_path, "pothole", "graffiti")
        verdict = verify(str(tmp_path))
    assert verdict.sentence.startswith("Le modèle toy 1.0.0 répond mal : sur 3 images de référence, 2 ne sont pas")
    assert verdict.faults[0] == "golden-blue.png : nid-de-poule a la probabilité 0.925, attendue 0.038"


@pytest.mark.parametrize(("tolerance", "right"), [(0.0, False), (0.05, True)])
def test_a_small_difference_is_allowed_and_no_more(tmp_path: Path, tolerance: float, right: bool) -> None:
    write_golden(tmp_path, tolerance=tolerance)
    path = tmp_path / FILE
    path.write_text(path.read_text().replace("0.9246", "0.9000"))
    assert verify(str(tmp_path)).right is right


def test_a_damaged_picture_is_no_fault_of_the_model(tmp_path: Path) -> None:
    manifest = write_golden(tmp_path)
    paint(tmp_path, "red", (255, 0, 0))
    verdict = verify(str(tmp_path))
    assert not verdict.right
    assert verdict.sentence == (
        "The model toy 1.0.0 fits its manifest and loads, but without its golden pictures it can not be told whether "
        "it answers rightly."
    )
    fault, remedy = verdict.faults
    assert fault == f"{tmp_path}/golden-red.png: not the golden picture as it was drawn"
    assert remedy.endswith(f"python -m training.golden {tmp_path}")
    assert (verdict.model, verdict.pictures, verdict.milliseconds) == (manifest.identity, (), None)


def test_a_model_without_golden_pictures_is_not_called_right(tmp_path: Path) -> None:
    write_toy(tmp_path)
    verdict = verify(str(tmp_path))
    assert not verdict.right
    assert "golden.json: the golden pictures can not be read" in verdict.faults[0]


def test_a_model_that_was_replaced_is_not_even_asked(tmp_path: Path) -> None:
    write_golden(tmp_path)
    (tmp_path / "model.tflite").write_bytes(toy_model(scale=0.2))
    verdict = verify(str(tmp_path))
    assert not verdict.right
    assert verdict.sentence == f"The model {tmp_path} can not be used."
    assert "the model's SHA-256 is " in verdict.faults[0]
    assert (verdict.model, verdict.pictures) == (None, ())


def test_a_model_of_another_shape_can_not_be_used(tmp_path: Path) -> None:
    write_toy(tmp_path, toy_model(side=3))
    assert "input shape is [1, 3, 3, 3]" in verify(str(tmp_path)).faults[0]


@pytest.mark.skipif(find_spec("tflite_runtime") is not None, reason="it is there")
def test_a_runtime_that_is_not_there_is_told_and_nothing_breaks() -> None:
    verdict = verify("defects", runtime="tflite-runtime")
    assert not verdict.right
    assert "no TensorFlow Lite runtime found (tflite-runtime)" in verdict.faults[0]
