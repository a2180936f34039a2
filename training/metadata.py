"""Writes what a model sees and how it is fed into its own file, as TensorFlow Lite's metadata, for other programs.

A FlatBuffer beside the weights describes input and output (schema 1.0.0:
https://github.com/tensorflow/tflite-support/blob/v0.4.4/tensorflow_lite_support/metadata/metadata_schema.fbs);
the lists of labels that it names stand in a zip archive behind them. The libraries made for this are no way: that of
tflite-support ended with Python 3.11, mediapipe 1.2 lacks a part of its own, and both write a file whose weights lie
outside the FlatBuffer, as the quantiser's do, without its weights.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import flatbuffers  # type: ignore[import-untyped] # comes with ai-edge-litert, and has no types
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from agent.manifest import LABELS_FILE, Input

AUTHOR = "fidamia-agent"
LICENCE = "Apache-2.0"
LANGUAGES = ("en", "fr")

MODEL_MARK, METADATA_MARK, METADATA_NAME = b"TFL3", b"M001", b"TFLITE_METADATA"
ALIGNMENT = 16  # of the weights, as the model's schema demands; the Python builder alone gives 4
LONG_AGO = (1980, 1, 1, 0, 0, 0)  # the same labels make the same bytes on any day

# The schema's tables: their fields in order. A union takes two, its kind and its value.
MODEL = "name description version subgraphs author license files min_parser_version"
SUBGRAPH = "name description inputs outputs"
TENSOR = "name description dimension_names content process_units stats files"
CONTENT = "kind properties"
IMAGE = "color_space"
PROCESS_UNIT = "kind options"
NORMALISATION = "mean std"
STATS = "max min"
FILE = "name description kind locale"

FEATURES, PICTURE = 1, 2  # kinds of content
RGB = 1
NORMALISE = 1  # a kind of process unit
AXIS_LABELS = 2  # a kind of file: one label a line, in the order of the output

Table = dict[int, Any]


def embed(path: Path, labels: Mapping[str, Mapping[str, Any]], feed: Input, name: str, version: str) -> None:
    """Write the metadata of a classifier into its file; it computes as before.

    `labels`: by id, in the order of the output, each with its names `en` and `fr`, as the taxonomy has them. The same
    file and words always make the same bytes. Call it before `write_manifest`: it changes the file's hash. Raises
    ValueError where the file has metadata already.
    """
    files = _label_files(labels)
    metadata = flatbuffers.Builder(0)
    metadata.Finish(_write(metadata, _describe(files, feed, name, version)), METADATA_MARK)
    content = io.BytesIO(_with_buffer(path.read_bytes(), bytes(metadata.Output())))
    with zipfile.ZipFile(content, "a") as archive:
        for file, lines in files.items():
            entry = zipfile.ZipInfo(file, LONG_AGO)
            entry.create_system = 3  # Unix, wherever this runs
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, lines)  # not compressed: readers in C++ take nothing else
    path.write_bytes(content.getvalue())


def _label_files(labels: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """The labels' ids, then their names in each language, one a line."""
    lists = {LABELS_FILE: list(labels)}
    lists |= {f"labels_{language}.txt": [names[language] for names in labels.values()] for language in LANGUAGES}
    return {file: "".join(f"{line}\n" for line in lines) for file, lines in lists.items()}


def _describe(files: Mapping[str, str], feed: Input, name: str, version: str) -> Table:
    low, high = ((value - feed.mean) / feed.scale for value in (0, 255))
    picture = _table(
        TENSOR,
        name="image",
        description=f"{feed.width} x {feed.height} pixels, RGB, each (value - mean) / std, then quantised",
        content=_table(CONTENT, kind=PICTURE, properties=_table(IMAGE, color_space=RGB)),
        process_units=[
            _table(
                PROCESS_UNIT, kind=NORMALISE, options=_table(NORMALISATION, mean=[float(feed.mean)], std=[feed.scale])
            )
        ],
        stats=_table(STATS, max=[high], min=[low]),
    )
    logits = _table(
        TENSOR,
        name="logits",
        description="one logit a label: softmax makes them probabilities",
        content=_table(CONTENT, kind=FEATURES, properties={}),
        files=[
            _table(FILE, name=file, description="one label a line", kind=AXIS_LABELS)
            | ({} if file == LABELS_FILE else _table(FILE, locale=Path(file).stem.rpartition("_")[2]))
            for file in files
        ],
    )
    return _table(
        MODEL,
        name=name,
        description=f"Classifies a picture of the public space: {', '.join(files[LABELS_FILE].split())}.",
        version=version,
        subgraphs=[_table(SUBGRAPH, inputs=[picture], outputs=[logits])],
        author=AUTHOR,
        license=LICENCE,
        min_parser_version="1.0.0",
    )


def _table(fields: str, **values: Any) -> Table:
    """A table as its fields' places and values."""
    places = fields.split()
    return {places.index(field): value for field, value in values.items()}


def _write(builder: Any, table: Table) -> int:
    """Write a table and what it holds; where it stands."""
    held = {place: _write_value(builder, value) for place, value in table.items() if not isinstance(value, int)}
    builder.StartObject(max(table, default=-1) + 1)
    for place, value in table.items():
        if place in held:
            builder.PrependUOffsetTRelativeSlot(place, held[place], 0)
        else:
            builder.PrependUint8Slot(place, value, 0)
    return int(builder.EndObject())


def _write_value(builder: Any, value: Any) -> int:
    if isinstance(value, str):
        return int(builder.CreateString(value))
    if isinstance(value, dict):
        return _write(builder, value)
    if isinstance(value[0], float):
        return int(builder.CreateNumpyVector(np.array(value, np.float32)))
    tables = [_write(builder, table) for table in value]
    builder.StartVector(4, len(tables), 4)
    for table in reversed(tables):
        builder.PrependUOffsetTRelative(table)
    return int(builder.EndVector())


class _AligningBuilder(flatbuffers.Builder):  # type: ignore[misc] # see the import
    """Puts each array of bytes where the runtimes may read whole vectors of it."""

    def CreateNumpyVector(self, x: Any) -> Any:
        """See flatbuffers."""
        if x.dtype == np.uint8:
            self.Prep(ALIGNMENT, x.size)
        return super().CreateNumpyVector(x)


def _with_buffer(content: bytes, metadata: bytes) -> bytes:
    """The model with one more buffer, and every buffer within the FlatBuffer."""
    model = schema.ModelT.InitFromPackedBuf(content, 0)
    entries = model.metadata or []
    if METADATA_NAME in [entry.name for entry in entries]:
        raise ValueError("the file has metadata already")
    for buffer in model.buffers:
        if buffer.offset > 1:  # 0: none; 1: the mark of a large model's empty buffer
            buffer.data = np.frombuffer(content, np.uint8, buffer.size, buffer.offset)
        buffer.offset = buffer.size = 0
    entry = schema.MetadataT()
    entry.name, entry.buffer = METADATA_NAME, len(model.buffers)
    model.metadata = [*entries, entry]
    added = schema.BufferT()
    added.data = np.frombuffer(metadata, np.uint8)
    model.buffers = [*model.buffers, added]
    builder = _AligningBuilder(len(content))
    builder.Finish(model.Pack(builder), MODEL_MARK)
    return bytes(builder.Output())
