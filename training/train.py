"""Fits the network: first its head on frozen features, then all of it; needs torch."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click
import numpy as np
import numpy.typing as npt
import torch
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from agent.domain import Pixels
from training.augment import squash, view
from training.dataset import Picture
from training.network import pretrained, tensor, without_head
from training.progress import shown
from training.sampling import sampling
from training.settings import Settings

T = TypeVar("T")

HEAD_STEPS = 1500
HEAD_BATCH = 512
HEAD_RATE = 2e-3
TOGETHER = 8  # pictures whose views are one batch
WARM = 0.2  # of the steps, while the learning rate rises


@dataclass(frozen=True, slots=True)
class Samples:
    """What is learnt from: pictures, the index of each one's label, and its chance of being drawn."""

    pictures: Sequence[Picture]
    targets: npt.NDArray[np.int64]
    chances: npt.NDArray[np.float64]


def fit(pictures: Sequence[Picture], labels: Sequence[str], settings: Settings, work: Path) -> Any:
    """The trained network, in evaluation mode. What is done is kept in `work`, and a second call goes on from there."""
    torch.manual_seed(settings.seed)
    network = pretrained(len(labels))
    targets = np.array([labels.index(picture.label) for picture in pictures])
    samples = Samples(pictures, targets, sampling(pictures, settings.drawn))
    _fit_head(network, samples, settings, work / "features.npz")
    if settings.epochs:
        network = _fit_all(network, samples, settings, work / "network.pt")
    return network.eval()


def _fit_head(network: Any, samples: Samples, settings: Settings, cache: Path) -> None:
    features = _features(network, samples.pictures, settings, cache)  # pictures x views x 1280
    random = np.random.default_rng([settings.seed, 0])
    optimiser = torch.optim.AdamW(network._fc.parameters(), HEAD_RATE, weight_decay=settings.weight_decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, HEAD_RATE, total_steps=HEAD_STEPS)
    loss = torch.nn.CrossEntropyLoss(label_smoothing=settings.smoothing)
    for _ in shown(range(HEAD_STEPS), "head"):
        chosen = random.choice(len(samples.pictures), HEAD_BATCH, p=samples.chances)
        views = random.integers(0, features.shape[1], HEAD_BATCH)
        batch = torch.from_numpy(features[chosen, views].astype(np.float32))
        optimiser.zero_grad()
        error = loss(network._fc(batch), torch.from_numpy(samples.targets[chosen]))
        error.backward()
        optimiser.step()
        schedule.step()


def _features(network: Any, pictures: Sequence[Picture], settings: Settings, cache: Path) -> npt.NDArray[np.float16]:
    """Of the whole picture first, then of random views."""
    if cache.is_file():
        return np.asarray(np.load(cache)["features"])
    size = settings.input.width, settings.input.height
    extract = without_head(network.eval())

    def views(first: int) -> list[Pixels]:
        seen = []
        for index in range(first, min(first + TOGETHER, len(pictures))):
            picture, pixels = pictures[index], pictures[index].pixels()
            random = np.random.default_rng([settings.seed, 1, index])
            seen += [squash(pixels, *size), *(view(picture, pixels, random, size) for _ in range(settings.views))]
        return seen

    found = []
    with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16):
        firsts = range(0, len(pictures), TOGETHER)
        for seen in shown(ahead(views, firsts), "features", len(firsts)):
            batch = tensor(seen, settings.input).contiguous(memory_format=torch.channels_last)
            found.append(extract(batch).float().numpy().astype(np.float16))
    features = np.concatenate(found).reshape(len(pictures), settings.views + 1, -1)
    with _whole(cache) as partial, partial.open("wb") as file:
        np.savez(file, features=features)
    return features


def _fit_all(network: Any, samples: Samples, settings: Settings, checkpoint: Path) -> Any:
    steps = len(samples.pictures) // settings.batch
    averaged = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(settings.averaging), use_buffers=True)
    still = [network._conv_stem, network._bn0, *network._blocks[: settings.frozen]]
    for layer in still:
        layer.requires_grad_(False)
    learning = [parameter for parameter in network.parameters() if parameter.requires_grad]
    optimiser = torch.optim.AdamW(learning, settings.learning_rate, weight_decay=settings.weight_decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, settings.learning_rate, total_steps=steps * settings.epochs, pct_start=WARM
    )
    parts = {"network": network, "averaged": averaged, "optimiser": optimiser, "schedule": schedule}
    done = _resume(parts, settings, checkpoint)
    loss = torch.nn.CrossEntropyLoss(label_smoothing=settings.smoothing)
    for epoch in range(done, settings.epochs):
        torch.manual_seed(settings.seed + epoch)  # so that a run that goes on equals one in a piece
        network.train()
        for layer in still:
            layer.eval()
        errors = 0.0
        for chosen, views in shown(_batches(samples, settings, epoch, steps), f"epoch {epoch + 1}", steps):
            batch = tensor(views, settings.input).contiguous(memory_format=torch.channels_last)
            optimiser.zero_grad()
            with torch.autocast("cpu", dtype=torch.bfloat16):
                logits = network(batch)
            error = loss(logits.float(), torch.from_numpy(samples.targets[chosen]))
            error.backward()
            optimiser.step()
            schedule.step()
            averaged.update_parameters(network)
            errors += error.item()
        state = {name: part.state_dict() for name, part in parts.items()}
        with _whole(checkpoint) as partial:
            torch.save(state | {"done": epoch + 1, "settings": settings.as_json()}, partial)
        click.echo(f"epoch {epoch + 1} of {settings.epochs}: loss {errors / steps:.3f}", err=True)
    return averaged.module


def _resume(parts: Mapping[str, Any], settings: Settings, checkpoint: Path) -> int:
    """Load the parts as an interrupted run of the same settings left them; the epochs it had done."""
    if not checkpoint.is_file():
        return 0
    state = torch.load(checkpoint)
    if state["settings"] != settings.as_json():
        return 0
    for name, part in parts.items():
        part.load_state_dict(state[name])
    return int(state["done"])


@contextmanager
def _whole(path: Path) -> Iterator[Path]:
    """Another path to write to, which becomes `path` once it is written: a run that is stopped leaves no half file."""
    partial = path.with_suffix(".partial")
    yield partial
    partial.replace(path)


def _batches(
    samples: Samples, settings: Settings, epoch: int, steps: int
) -> Iterator[tuple[npt.NDArray[np.int64], list[Pixels]]]:
    size = settings.input.width, settings.input.height

    def batch(step: int) -> tuple[npt.NDArray[np.int64], list[Pixels]]:
        random = np.random.default_rng([settings.seed, 2, epoch, step])
        chosen = random.choice(len(samples.pictures), settings.batch, p=samples.chances)
        return chosen, [
            view(taken, taken.pixels(), random, size) for taken in (samples.pictures[index] for index in chosen)
        ]

    return ahead(batch, range(steps))


def ahead(make: Callable[[int], T], indices: Sequence[int], depth: int = 4) -> Iterator[T]:
    """`make(index)` for each index in turn, made by a thread up to `depth` before it is asked for."""
    with ThreadPoolExecutor(1) as pool:
        rest = iter(indices)
        waiting = [pool.submit(make, index) for index in itertools.islice(rest, depth)]
        while waiting:
            yield waiting.pop(0).result()
            waiting += [pool.submit(make, index) for index in itertools.islice(rest, 1)]
