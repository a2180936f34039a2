"""Makes TensorFlow Lite models of one layer, in a millisecond, and models' folders that hold them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import flatbuffers  # type: ignore[import-untyped] # comes with ai-edge-litert, and has no types
import msgspec
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from agent.manifest import Manifest
from tests.unit.builders import LABELS, manifest

SIDE = 4  # pixels, as in the manifest of `builders`
TYPES = {"int8": schema.TensorType.INT8, "float32": schema.TensorType.FLOAT32}


def toy_model(outputs: int = len(LABELS), side: int = SIDE, kind: str = "int8", scale: float = 0.1) -> bytes:
    """A fully connected layer from pixels to logits; the first answers to blue, the second to green, and so on.

    `scale` is that of the output; 0 leaves it out.
    """
    weights = np.zeros((outputs, side, side, 3), kind)
    for output in range(outputs):
        weights[output, :, :, 2 - output % 3] = 100
    model, graph, layer = schema.ModelT(), schema.SubGraphT(), schema.OperatorT()
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.FULLY_CONNECTED
    code.version = 4  # the first with int8
    layer.inputs, layer.outputs = np.array([0, 1, -1], np.int32), np.array([2], np.int32)
    layer.builtinOptionsType = schema.BuiltinOptions.FullyConnectedOptions
    layer.builtinOptions = schema.FullyConnectedOptionsT()
    graph.tensors = [
        _tensor("image", [1, side, side, 3], kind, 1 / 127.5, 0),
        _tensor("weights", [outputs, side * side * 3], kind, 0.001, 1),
        _tensor("logits", [1, outputs], kind, scale, 0),
    ]
    graph.inputs, graph.outputs, graph.operators = np.array([0], np.int32), np.array([2], np.int32), [layer]
    full = schema.BufferT()
    full.data = weights.reshape(-1).view(np.uint8)
    model.version, model.operatorCodes, model.subgraphs = 3, [code], [graph]
    model.buffers = [schema.BufferT(), full]
    builder = flatbuffers.Builder(0)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def write_toy(directory: Path, content: bytes | None = None, **changes: Any) -> Manifest:
    """A model's folder whose file runs; `changes` are made to its manifest. The manifest as it is written."""
    content = toy_model() if content is None else content
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "model.tflite").write_bytes(content)
    document = msgspec.to_builtins(manifest(), enc_hook=str)
    document.pop("directory", None)
    document |= {"sha256": hashlib.sha256(content).hexdigest(), **changes}
    (directory / "manifest.json").write_bytes(msgspec.json.encode(document))
    return msgspec.structs.replace(msgspec.convert(document, Manifest), directory=directory)


def _tensor(name: str, shape: Sequence[int], kind: str, scale: float, buffer: int) -> Any:
    tensor = schema.TensorT()
    tensor.name, tensor.shape, tensor.type, tensor.buffer = name, np.array(shape, np.int32), TYPES[kind], buffer
    if kind == "int8" and scale:
        tensor.quantization = schema.QuantizationParametersT()
        tensor.quantization.scale = np.array([scale], np.float32)
        tensor.quantization.zeroPoint = np.array([0], np.int64)
    return tensor
