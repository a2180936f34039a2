"""TensorFlow Lite's runtime: finds the one installed, feeds it pictures, reads its probabilities."""

from __future__ import annotations

import importlib.util
import logging
import math
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from agent.domain import Pixels
from agent.errors import ConfigError
from agent.i18n import _
from agent.manifest import Manifest

log = logging.getLogger(__name__)

# ai-edge-litert is TensorFlow Lite's runtime under its current name; tflite-runtime its last release under the old.
RUNTIMES = {"ai-edge-litert": "ai_edge_litert.interpreter", "tflite-runtime": "tflite_runtime.interpreter"}


@dataclass(frozen=True, slots=True)
class Runtime:
    """The runtime taken, and its class of interpreters."""

    name: str
    interpreter: Any


def load_runtime(wanted: str = "auto") -> Runtime:
    """The runtime named, or with `auto` the first one installed.

    Raises ConfigError where it is not installed, or can not work with the numpy installed.
    """
    names = list(RUNTIMES) if wanted == "auto" else [wanted]
    for name in names:
        if name == "tflite-runtime" and not np.__version__.startswith("1."):
            # Built against numpy 1 without declaring it: with numpy 2 the import works and Interpreter() raises
            # SystemError.
            if importlib.util.find_spec("tflite_runtime") is None:
                continue
            raise ConfigError(
                _(
                    "tflite-runtime needs numpy 1, and numpy {version} is installed: "
                    'pip install "fidamia-agent[tflite]", or [model] runtime = "ai-edge-litert"'
                ).format(version=np.__version__)
            )
        try:
            module = importlib.import_module(RUNTIMES[name])
        except ModuleNotFoundError:
            continue
        return Runtime(name, module.Interpreter)
    raise ConfigError(
        _("no TensorFlow Lite runtime found ({names}); install one: pip install ai-edge-litert").format(
            names=", ".join(names)
        )
    )


class TfliteClassifier:
    """A full-integer classifier (int8 or uint8 in, quantised logits out) as its manifest describes it."""

    def __init__(self, manifest: Manifest, runtime: str = "auto", threads: int = 1) -> None:
        """Load the model. Raises ConfigError where it does not load, and with each difference from its manifest."""
        loaded = load_runtime(runtime)
        self.runtime = loaded.name
        self.manifest = manifest
        try:
            with _greeting_to_log():
                self._interpreter = loaded.interpreter(model_path=str(manifest.path), num_threads=threads)
                self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise ConfigError(
                _("{path}: {runtime} can not load the model: {error}").format(
                    path=manifest.path, runtime=loaded.name, error=error
                )
            ) from error
        entries, exits = self._interpreter.get_input_details(), self._interpreter.get_output_details()
        if (len(entries), len(exits)) != (1, 1):
            raise ConfigError(
                _("{path}: {inputs} inputs and {outputs} outputs, where one of each is expected").format(
                    path=manifest.path, inputs=len(entries), outputs=len(exits)
                )
            )
        (entry,), (exit_,) = entries, exits
        if faults := list(_differences(manifest, entry, exit_)):
            raise ConfigError(*faults)
        self._input, self._output = entry["index"], exit_["index"]
        self._output_scale, self._output_zero = exit_["quantization"]
        self._table = _quantisation_table(manifest, entry)

    def probabilities(self, pixels: Pixels) -> npt.NDArray[np.float32]:
        """One probability a label, in the manifest's order, for a BGR picture of any size; they sum to 1."""
        rgb = cv2.cvtColor(_shrink(pixels, self.manifest.input.width, self.manifest.input.height), cv2.COLOR_BGR2RGB)
        self._interpreter.set_tensor(self._input, cv2.LUT(rgb, self._table)[np.newaxis])
        self._interpreter.invoke()
        quantised = self._interpreter.get_tensor(self._output)[0].astype(np.float32)
        logits = (quantised - self._output_zero) * self._output_scale / self.manifest.temperature
        exponentials = np.exp(logits - logits.max())
        return np.asarray(exponentials / exponentials.sum(), dtype=np.float32)


def _differences(manifest: Manifest, entry: Any, exit_: Any) -> Iterator[str]:
    """Where the model is not what its manifest says, or not what can be run here."""
    feed = manifest.input
    for what, tensor, wanted in (
        (_("input shape"), entry, [1, feed.height, feed.width, 3]),
        (_("output shape"), exit_, [1, len(manifest.labels)]),
    ):
        if tensor["shape"].tolist() != wanted:
            yield _("{path}: {what} is {found}, the manifest says {wanted}").format(
                path=manifest.path, what=what, found=tensor["shape"].tolist(), wanted=wanted
            )
    for what, tensor in (_("input type"), entry), (_("output type"), exit_):
        if tensor["dtype"] not in (np.int8, np.uint8):
            yield _("{path}: {what} is {found}; only full-integer models run here, with int8 or uint8").format(
                path=manifest.path, what=what, found=np.dtype(tensor["dtype"]).name
            )
    for what, tensor in (_("input scale"), entry), (_("output scale"), exit_):
        scale, _zero = tensor["quantization"]
        # 0 stands for none, and for several, one a channel, of which only weights can have any use.
        if tensor["dtype"] in (np.int8, np.uint8) and not 0 < scale < math.inf:
            yield _("{path}: {what} is {found}, where a positive number is expected").format(
                path=manifest.path, what=what, found=scale
            )


def _shrink(pixels: Pixels, width: int, height: int) -> Pixels:
    """The mean of each area. By halves first, for which OpenCV has a fast path: a third of the time from 720p."""
    rows, columns = pixels.shape[:2]
    while rows >= 2 * height and columns >= 2 * width:
        rows, columns = rows // 2, columns // 2
        pixels = np.asarray(cv2.resize(pixels, (columns, rows), interpolation=cv2.INTER_AREA), np.uint8)
    return np.asarray(cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


@contextmanager
def _greeting_to_log() -> Iterator[None]:
    """The runtime greets on the process's standard error, where people read our sentences: log it instead."""
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with os.fdopen(os.memfd_create("greeting"), "r", errors="replace") as greeting:
            os.dup2(greeting.fileno(), 2)
            try:
                yield
            finally:
                os.dup2(kept, 2)
                greeting.seek(0)
                for line in greeting:
                    log.debug("%s", line.rstrip())
    finally:
        os.close(kept)


def _quantisation_table(manifest: Manifest, entry: Any) -> npt.NDArray[Any]:
    """What each of the 256 values of a pixel becomes: normalised as trained, then quantised as the file says."""
    scale, zero = entry["quantization"]
    limits = np.iinfo(entry["dtype"])
    normalised = (np.arange(256) - manifest.input.mean) / manifest.input.scale
    quantised = np.clip(np.round(normalised / scale + zero), limits.min, limits.max).astype(entry["dtype"])
    return np.asarray(quantised)
