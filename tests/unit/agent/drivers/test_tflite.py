"""TensorFlow Lite's runtime with the model that is shipped."""

from __future__ import annotations

from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest

from agent.drivers.tflite import TfliteClassifier, _quantisation_table, load_runtime
from agent.errors import ConfigError
from agent.manifest import Input, load_manifest
from agent.simulation.scenery import LABELS, draw
from tests.unit.builders import manifest, write_model
from tests.unit.french import in_french
from tests.unit.toy_model import toy_model, write_toy


@pytest.fixture(scope="module")
def shipped() -> TfliteClassifier:
    return TfliteClassifier(load_manifest())


@pytest.mark.parametrize("size", [(1, 1), (3, 4000), (4000, 3), (224, 224), (7, 5), (1080, 1920)])
def test_the_probabilities_of_a_picture_of_any_size_sum_to_one(
    shipped: TfliteClassifier, size: tuple[int, int]
) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (*size, 3), dtype=np.uint8)
    probabilities = shipped.probabilities(pixels)
    assert probabilities.shape == (len(shipped.manifest.labels),)
    assert probabilities.sum() == pytest.approx(1.0, abs=1e-6)
    assert (probabilities >= 0).all()


@pytest.mark.parametrize("shade", [0, 128, 255])
def test_a_picture_of_one_colour_is_a_picture_like_any_other(shipped: TfliteClassifier, shade: int) -> None:
    probabilities = shipped.probabilities(np.full((48, 64, 3), shade, np.uint8))
    assert np.isfinite(probabilities).all()
    assert probabilities.sum() == pytest.approx(1.0, abs=1e-6)


def test_the_same_picture_has_the_same_probabilities_and_is_left_as_it_was(shipped: TfliteClassifier) -> None:
    pixels = np.random.default_rng(2).integers(0, 256, (300, 400, 3), dtype=np.uint8)
    before = pixels.copy()
    first = shipped.probabilities(pixels)
    assert np.array_equal(first, shipped.probabilities(pixels))
    assert np.array_equal(pixels, before)


def test_a_part_of_a_picture_is_looked_at_without_a_copy(shipped: TfliteClassifier) -> None:
    pixels = np.random.default_rng(3).integers(0, 256, (300, 400, 3), dtype=np.uint8)
    part = pixels[100:250, 50:350]
    assert np.array_equal(shipped.probabilities(part), shipped.probabilities(part.copy()))


def test_a_runtime_that_is_not_installed_is_told_with_what_to_install() -> None:
    try:
        assert load_runtime("tflite-runtime").name == "tflite-runtime"
    except ConfigError as error:
        assert "tflite-runtime" in str(error)  # noqa: PT017 - installed or not, either is right
        assert "pip install" in str(error)  # noqa: PT017


def test_the_first_runtime_installed_is_taken() -> None:
    assert load_runtime("auto").name in ("ai-edge-litert", "tflite-runtime")


def refused(directory: Path, content: bytes) -> tuple[str, ...]:
    """What is said of a file that does not fit the toy model's manifest, less the file's name."""
    with pytest.raises(ConfigError) as error:
        TfliteClassifier(write_toy(directory, content))
    path = str(directory / "model.tflite")
    assert all(fault.startswith(path) for fault in error.value.faults)
    return tuple(fault.removeprefix(path).lstrip(" :") for fault in error.value.faults)


def test_a_model_that_fits_its_manifest_sees_the_colour_it_was_made_for(tmp_path: Path) -> None:
    classifier = TfliteClassifier(write_toy(tmp_path))
    for index, colour in enumerate([(255, 0, 0), (0, 255, 0), (0, 0, 255)]):
        probabilities = classifier.probabilities(np.full((9, 7, 3), colour, np.uint8))
        assert probabilities.argmax() == index
        assert probabilities.max() > 0.9


def test_a_model_of_another_input_is_told_with_both_shapes(tmp_path: Path) -> None:
    said = refused(tmp_path, toy_model(side=5))
    assert said == ("input shape is [1, 5, 5, 3], the manifest says [1, 4, 4, 3]",)


def test_a_model_of_more_labels_than_its_manifest_is_told_with_both_shapes(tmp_path: Path) -> None:
    assert refused(tmp_path, toy_model(outputs=4)) == ("output shape is [1, 4], the manifest says [1, 3]",)


def test_a_model_of_floats_is_told_with_its_types(tmp_path: Path) -> None:
    reason = "only full-integer models run here, with int8 or uint8"
    assert refused(tmp_path, toy_model(kind="float32")) == (
        f"input type is float32; {reason}",
        f"output type is float32; {reason}",
    )


def test_an_output_without_a_scale_is_told(tmp_path: Path) -> None:
    assert refused(tmp_path, toy_model(scale=0)) == ("output scale is 0.0, where a positive number is expected",)


def test_every_difference_is_told_at_once_and_in_french(tmp_path: Path) -> None:
    with in_french():
        said = refused(tmp_path, toy_model(outputs=2, side=3, kind="float32"))
    reason = "seuls des modèles entièrement en entiers tournent ici, en int8 ou uint8"
    assert said == (
        "la forme d'entrée est [1, 3, 3, 3], le manifeste dit [1, 4, 4, 3]",
        "la forme de sortie est [1, 2], le manifeste dit [1, 3]",
        f"le type d'entrée est float32 ; {reason}",
        f"le type de sortie est float32 ; {reason}",
    )


def test_a_file_that_is_no_model_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"model\.tflite: .* can not load the model: "):
        TfliteClassifier(load_manifest(str(write_model(tmp_path))))


def test_the_table_normalises_as_trained_and_quantises_as_the_file_says() -> None:
    trained = msgspec.structs.replace(manifest(), input=Input(width=4, height=4, mean=127.5, scale=127.5))
    table = _quantisation_table(trained, {"quantization": (2 / 255, -1), "dtype": np.int8})
    assert table.dtype == np.int8
    assert table[[0, 127, 128, 255]].tolist() == [-128, -2, -0, 126]
    unsigned = _quantisation_table(trained, {"quantization": (1 / 127.5, 128), "dtype": np.uint8})
    assert unsigned.dtype == np.uint8
    assert unsigned[[0, 255]].tolist() == [0, 255]


def test_what_the_file_can_not_hold_is_cut_off_and_not_wrapped_round() -> None:
    table = _quantisation_table(manifest(), {"quantization": (0.001, 0), "dtype": np.int8})
    assert table[[0, 255]].tolist() == [-128, 127]
    assert (np.diff(table.astype(int)) >= 0).all()


def test_halving_a_large_frame_first_changes_no_label_and_hardly_a_probability(shipped: TfliteClassifier) -> None:
    gaps = []
    for seed in range(12):
        pixels = draw(LABELS[seed % len(LABELS)], np.random.default_rng(seed), 1280, 720)
        at_once = np.asarray(cv2.resize(pixels, (224, 224), interpolation=cv2.INTER_AREA), np.uint8)
        by_halves, single = shipped.probabilities(pixels), shipped.probabilities(at_once)
        assert by_halves.argmax() == single.argmax()
        gaps.append(np.abs(by_halves - single).max())
    assert np.mean(gaps) < 0.03
