"""TensorFlow Lite's runtime with the model that is shipped."""

from __future__ import annotations

from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest

from agent.drivers.tflite import TfliteClassifier, _quantisation_table, load_runtime
from agent.errors import ConfigError
from agent.manifest import Input, Label, load_manifest
from agent.simulation.scenery import LABELS, draw
from tests.unit.builders import manifest, write_model


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


def test_a_model_of_another_shape_is_told_with_both_shapes() -> None:
    right = load_manifest()
    wrong = msgspec.structs.replace(
        right,
        input=Input(width=96, height=64, mean=0.0, scale=1.0),
        labels=[*right.labels, Label("person", "person", "personne", "low", "none", 0.5)],
    )
    with pytest.raises(ConfigError) as refused:
        TfliteClassifier(wrong)
    first, second = refused.value.faults
    width, height, count = right.input.width, right.input.height, len(right.labels)
    assert f"input shape is [1, {height}, {width}, 3], the manifest says [1, 64, 96, 3]" in first
    assert f"output shape is [1, {count}], the manifest says [1, {count + 1}]" in second


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
