"""The metadata in a model's file: beside the weights, which stay as they are, and the same on any day."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import flatbuffers  # type: ignore[import-untyped] # comes with ai-edge-litert, and has no types
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from agent.drivers.tflite import TfliteClassifier
from agent.manifest import Input, load_manifest
from tests.unit.builders import manifest
from tests.unit.toy_model import toy_model, write_toy
from training.metadata import embed

FEED = Input(width=4, height=4, mean=127.5, scale=127.5)
LABELS = {label.id: {"en": label.en, "fr": label.fr} for label in manifest().labels}


def embedded(path: Path, content: bytes | None = None) -> bytes:
    """The file with metadata."""
    path.write_bytes(toy_model() if content is None else content)
    embed(path, LABELS, FEED, "toy", "1.0.0")
    return path.read_bytes()


def metadata_of(content: bytes) -> bytes:
    model = schema.ModelT.InitFromPackedBuf(content, 0)
    (entry,) = [one for one in model.metadata if one.name == b"TFLITE_METADATA"]
    return bytes(model.buffers[entry.buffer].data)


def test_the_labels_stand_in_an_archive_behind_the_model_as_ids_and_in_each_language(tmp_path: Path) -> None:
    embedded(tmp_path / "model.tflite")
    with zipfile.ZipFile(tmp_path / "model.tflite") as archive:
        assert archive.testzip() is None
        assert {one.compress_type for one in archive.infolist()} == {zipfile.ZIP_STORED}
        texts = {name: archive.read(name).decode() for name in archive.namelist()}
    assert texts == {
        "labels.txt": "pothole\ngraffiti\nno_defect\n",
        "labels_en.txt": "pothole\ngraffiti\nno defect\n",
        "labels_fr.txt": "nid-de-poule\ntag\naucun défaut\n",
    }


def test_the_description_is_a_flatbuffer_with_name_version_licence_and_files(tmp_path: Path) -> None:
    metadata = metadata_of(embedded(tmp_path / "model.tflite"))
    assert flatbuffers.util.BufferHasIdentifier(metadata, 0, b"M001")
    for text in (b"toy", b"1.0.0", b"fidamia-agent", b"Apache-2.0", b"pothole, graffiti, no_defect", b"labels.txt"):
        assert text in metadata
    for number in (127.5, 1.0, -1.0):  # mean and std, greatest and least value
        assert np.float32(number).tobytes() in metadata


def test_a_model_with_metadata_says_what_it_said(tmp_path: Path) -> None:
    bare = TfliteClassifier(write_toy(tmp_path / "bare"))
    write_toy(tmp_path / "described", embedded(tmp_path / "model.tflite"))
    described = TfliteClassifier(load_manifest(str(tmp_path / "described")))
    for seed in range(5):
        pixels = np.random.default_rng(seed).integers(0, 256, (6, 5, 3), dtype=np.uint8)
        assert np.array_equal(bare.probabilities(pixels), described.probabilities(pixels))


def test_the_same_model_and_words_make_the_same_bytes(tmp_path: Path) -> None:
    assert embedded(tmp_path / "one.tflite") == embedded(tmp_path / "other.tflite")


def test_the_shipped_models_weights_are_kept_to_the_byte_and_aligned(tmp_path: Path) -> None:
    shipped = load_manifest()
    path = tmp_path / "model.tflite"
    content = shipped.path.read_bytes()
    path.write_bytes(content)
    if b"TFLITE_METADATA" not in content:
        labels = {label.id: {"en": label.en, "fr": label.fr} for label in shipped.labels}
        embed(path, labels, shipped.input, shipped.name, shipped.version)
    after = path.read_bytes()
    assert buffers(after)[: len(buffers(content))] == buffers(content)
    model = schema.Model.GetRootAs(after, 0)
    for index in range(model.BuffersLength()):
        buffer = model.Buffers(index)
        if buffer.DataLength():
            assert buffer._tab.Vector(buffer._tab.Offset(4)) % 16 == 0


def buffers(content: bytes) -> list[bytes]:
    """What each buffer holds, within the FlatBuffer or behind it."""
    found = []
    for buffer in schema.ModelT.InitFromPackedBuf(content, 0).buffers:
        if buffer.offset > 1:
            found.append(content[buffer.offset : buffer.offset + buffer.size])
        else:
            found.append(b"" if buffer.data is None else bytes(buffer.data))
    return found


def test_weights_that_lie_behind_the_flatbuffer_are_taken_into_it(tmp_path: Path) -> None:
    outside = behind(toy_model())
    assert len(outside) > len(toy_model())
    described = embedded(tmp_path / "model.tflite", outside)
    assert buffers(described)[:2] == buffers(toy_model())
    write_toy(tmp_path / "outside", described)
    classifier = TfliteClassifier(load_manifest(str(tmp_path / "outside")))
    assert classifier.probabilities(np.full((4, 4, 3), (255, 0, 0), np.uint8)).argmax() == 0


def behind(content: bytes) -> bytes:
    """The model as the quantiser writes a large one: its weights after the FlatBuffer, which says where they begin."""
    model: Any = schema.ModelT.InitFromPackedBuf(content, 0)
    buffer = model.buffers[1]
    weights, buffer.data = bytes(buffer.data), None
    buffer.offset, buffer.size = 2, len(weights)
    buffer.offset = len(packed(model))  # as long as with any other number in its place
    return packed(model) + weights


def packed(model: Any) -> bytes:
    builder = flatbuffers.Builder(0)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def test_a_file_is_not_described_twice(tmp_path: Path) -> None:
    content = embedded(tmp_path / "model.tflite")
    with pytest.raises(ValueError, match="metadata already"):
        embed(tmp_path / "model.tflite", LABELS, FEED, "toy", "1.0.0")
    assert (tmp_path / "model.tflite").read_bytes() == content
