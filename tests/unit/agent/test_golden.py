"""Golden pictures: read whole and as they were drawn, or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from agent.domain import Pixels
from agent.drivers.tflite import TfliteClassifier
from agent.golden import FILE, GoldenError, ask, fingerprint, load_golden, read_pixels, timed
from agent.manifest import Manifest, load_manifest
from tests.unit.golden_folder import COLOURS, paint, write_golden


def test_a_model_says_of_its_golden_pictures_what_it_said(tmp_path: Path) -> None:
    manifest = write_golden(tmp_path)
    golden = load_golden(manifest)
    pixels = [read_pixels(tmp_path, picture) for picture in golden.pictures]
    answers = ask(TfliteClassifier(manifest), manifest, golden.pictures, pixels)
    assert [answer.file for answer in answers] == [f"golden-{name}.png" for name in COLOURS]
    assert max(answer.gap for answer in answers) < 0.001


class Sure:
    """A classifier that always says the same."""

    def __init__(self, *probabilities: float) -> None:
        self._probabilities = np.array(probabilities, np.float32)

    def probabilities(self, pixels: Pixels) -> Any:
        assert pixels.shape == (9, 16, 3)
        return self._probabilities


def test_an_answer_names_the_label_that_departs_most(tmp_path: Path) -> None:
    manifest = write_golden(tmp_path)
    (blue, *_others) = load_golden(manifest).pictures
    (answer,) = ask(Sure(0.2, 0.1, 0.7), manifest, [blue], [read_pixels(tmp_path, blue)])
    assert (answer.label, answer.found) == ("pothole", 0.2)
    assert answer.expected == pytest.approx(0.92, abs=0.01)
    assert answer.gap == pytest.approx(answer.expected - 0.2, abs=0.001)


def fault(manifest: Manifest) -> str:
    with pytest.raises(GoldenError) as refused:
        load_golden(manifest)
    return str(refused.value)


def test_pictures_of_another_model_are_refused(tmp_path: Path) -> None:
    manifest = write_golden(tmp_path, model="0" * 64)
    assert fault(manifest) == f"{tmp_path}/golden.json: the golden pictures are those of another model"


def test_pictures_of_other_labels_are_refused(tmp_path: Path) -> None:
    manifest = write_golden(tmp_path)
    path = tmp_path / FILE
    path.write_text(path.read_text().replace("graffiti", "flooding"))
    assert "those of another model" in fault(manifest)


def test_a_list_that_is_not_there_is_told(tmp_path: Path) -> None:
    manifest = write_golden(tmp_path)
    (tmp_path / FILE).unlink()
    assert fault(manifest) == f"{tmp_path}/golden.json: the golden pictures can not be read (No such file or directory)"


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[" * 100_000, b'{"model": "x", "pictures": []}'])
def test_a_list_that_is_none_is_told(tmp_path: Path, content: bytes) -> None:
    manifest = write_golden(tmp_path)
    (tmp_path / FILE).write_bytes(content)
    assert "golden.json: the list of golden pictures is wrong: " in fault(manifest)


@pytest.mark.parametrize("file", ["../golden-blue.png", "/etc/passwd", ""])
def test_no_picture_is_taken_from_another_folder(tmp_path: Path, file: str) -> None:
    manifest = write_golden(tmp_path)
    path = tmp_path / FILE
    path.write_text(path.read_text().replace("golden-blue.png", file))
    assert "$.pictures[0].file" in fault(manifest)


def test_a_picture_that_was_changed_is_told_from_one_that_is_damaged_or_missing(tmp_path: Path) -> None:
    blue = load_golden(write_golden(tmp_path)).pictures[0]
    path = tmp_path / blue.file
    paint(tmp_path, "blue", (254, 0, 0))
    with pytest.raises(GoldenError, match=r"golden-blue\.png: not the golden picture as it was drawn"):
        read_pixels(tmp_path, blue)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(GoldenError, match=r"golden-blue\.png: .*incomplete"):
        read_pixels(tmp_path, blue)
    path.unlink()
    with pytest.raises(GoldenError, match=r"golden-blue\.png: .*not there"):
        read_pixels(tmp_path, blue)


def test_a_picture_packed_otherwise_is_the_same_picture(tmp_path: Path) -> None:
    blue = load_golden(write_golden(tmp_path)).pictures[0]
    pixels = read_pixels(tmp_path, blue)
    cv2.imwrite(str(tmp_path / blue.file), pixels, [cv2.IMWRITE_PNG_COMPRESSION, 0])
    assert np.array_equal(read_pixels(tmp_path, blue), pixels)


def test_the_size_belongs_to_the_fingerprint() -> None:
    assert fingerprint(np.zeros((2, 8, 3), np.uint8)) != fingerprint(np.zeros((4, 4, 3), np.uint8))


def test_as_many_inferences_are_timed_as_asked_for(tmp_path: Path) -> None:
    classifier = TfliteClassifier(write_golden(tmp_path))
    times = list(timed(classifier, [np.zeros((4, 4, 3), np.uint8)], 5))
    assert len(times) == 5
    assert all(0 < milliseconds < 1000 for milliseconds in times)


def test_the_shipped_golden_pictures_tell_exchanged_colours() -> None:
    manifest = load_manifest()
    golden = load_golden(manifest)
    exchanged = [
        np.ascontiguousarray(read_pixels(manifest.directory, picture)[..., ::-1]) for picture in golden.pictures
    ]
    answers = ask(TfliteClassifier(manifest), manifest, golden.pictures, exchanged)
    assert max(answer.gap for answer in answers) > 2 * golden.tolerance
