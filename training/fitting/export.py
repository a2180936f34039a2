"""Writes the network as a full-integer TFLite file: int8 in, int8 logits out; needs torch."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import click
import numpy as np
import numpy.typing as npt
import torch
from ai_edge_litert.interpreter import Interpreter
from litert_quantizer import recipe
from litert_quantizer.calibrator import Calibrator
from litert_quantizer.quantizer import Quantizer
from litert_quantizer.recipe_manager import RecipeManager
from litert_quantizer.utils.qsv_utils import min_max_update

from agent.domain import Pixels
from agent.manifest import Input
from training.fitting.augment import squash
from training.fitting.depthwise import restore
from training.fitting.network import prepare
from training.photographs.dataset import Picture
from training.settings import Settings

STDOUT, STDERR = 1, 2  # the process's own


def calibrating(pictures: Sequence[Picture], settings: Settings) -> list[Pixels]:
    """Views that span what the network will see: evenly of all pictures, as the device feeds them."""
    step = max(1, len(pictures) // settings.calibration)
    return [squash(one.pixels(), settings.input.width, settings.input.height) for one in pictures[::step]]


def export(network: Any, views: Sequence[Pixels], feed: Input, path: Path) -> None:
    """Quantise with the ranges that `views` (BGR, of the network's size) span, and write to `path`."""
    float_path = path.with_suffix(".float.tflite")
    restore(network)
    example = torch.zeros(1, feed.height, feed.width, 3)
    network = network.to("cpu", memory_format=torch.contiguous_format).eval()
    with _silent():
        import litert_torch  # noqa: PLC0415 - complains of what is not installed and not needed

        litert_torch.convert(litert_torch.to_channel_last_io(network, args=[0]), (example,)).export(str(float_path))
        ranges = _ranges(float_path, views, feed)
        quantizer = Quantizer(str(float_path), recipe.static_wi8_ai8())
        path.write_bytes(bytes(quantizer.quantize(ranges, enable_progress_report=False).quantized_model))
    float_path.unlink()


@contextmanager
def _silent() -> Iterator[None]:
    """The converter and its libraries tell their steps in some hundred lines, which are of use where it fails only.

    Some of them write to the process's own standard error, past Python's.
    """
    with TemporaryFile() as told, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        streams = {stream: os.dup(stream) for stream in (STDOUT, STDERR)}
        _redirect(dict.fromkeys(streams, told.fileno()))
        try:
            yield
        except Exception:
            _redirect(streams)
            told.seek(0)
            click.echo(told.read(), err=True)
            raise
        finally:
            _redirect(streams)
            for kept in streams.values():
                os.close(kept)


def _redirect(streams: Mapping[int, int]) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    for stream, to in streams.items():
        os.dup2(to, stream)


def _ranges(float_path: Path, views: Sequence[Pixels], feed: Input) -> dict[str, dict[str, npt.NDArray[np.float32]]]:
    """The least and the greatest value of each tensor over all views.

    The quantiser's own calibration averages them over samples, which clips the logits of the clearest pictures.
    """
    manager = RecipeManager()
    manager.load_quantization_recipe(recipe.static_wi8_ai8())
    calibrator = Calibrator(str(float_path), num_threads=torch.get_num_threads(), qsv_update_func=min_max_update)
    interpreter = Interpreter(str(float_path))
    ((signature, ends),) = interpreter.get_signature_list().items()
    samples = [{ends["inputs"][0]: prepare([view], feed)} for view in views]
    calibrator.calibrate({signature: samples}, manager)
    ranges: dict[str, dict[str, npt.NDArray[np.float32]]] = calibrator.get_model_qsvs()
    return ranges
