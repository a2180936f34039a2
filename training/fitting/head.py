"""Fits a last layer to the features of the pretrained, unchanged network; needs torch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from agent.domain import Pixels
from training.fitting.augment import squash, view
from training.fitting.network import DEVICE, pretrained, tensor, without_head
from training.fitting.samples import Samples, ahead
from training.folder import remembered
from training.photographs.dataset import Picture
from training.progress import shown
from training.settings import Settings

STEPS = 1500
BATCH = 512
RATE = 2e-3
TOGETHER = 8  # pictures whose views are one batch

Features = npt.NDArray[np.float16]  # pictures x views x 1280


def features(pictures: Sequence[Picture], settings: Settings, cache: Path) -> Features:
    """Of the whole picture first, then of random views. Kept in `cache`, where a second call finds them."""
    return np.asarray(remembered(cache, lambda: {"features": _extract(pictures, settings)})["features"])


def _extract(pictures: Sequence[Picture], settings: Settings) -> Features:
    size = settings.input.width, settings.input.height
    extract = without_head(pretrained(1).eval())

    def views(first: int) -> list[Pixels]:
        seen = []
        for index in range(first, min(first + TOGETHER, len(pictures))):
            picture, pixels = pictures[index], pictures[index].pixels()
            random = np.random.default_rng([settings.seed, 1, index])
            seen += [squash(pixels, *size), *(view(picture, pixels, random, size) for _ in range(settings.views))]
        return seen

    found = []
    with torch.no_grad(), torch.autocast(DEVICE.type, dtype=torch.bfloat16):
        firsts = range(0, len(pictures), TOGETHER)
        for seen in shown(ahead(views, firsts), "features", len(firsts)):
            found.append(extract(tensor(seen, settings.input)).float().cpu().numpy().astype(np.float16))
    return np.concatenate(found).reshape(len(pictures), settings.views + 1, -1)


def fit_head(found: Features, samples: Samples, labels: int, settings: Settings) -> Any:
    """The last layer, fitted to the features of the samples, a row each."""
    torch.manual_seed(settings.seed)
    head = torch.nn.Linear(found.shape[2], labels)
    random = np.random.default_rng([settings.seed, 0])
    optimiser = torch.optim.AdamW(head.parameters(), RATE, weight_decay=settings.weight_decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=STEPS)
    loss = torch.nn.CrossEntropyLoss(label_smoothing=settings.smoothing)
    for _ in shown(range(STEPS), "head"):
        chosen = random.choice(len(samples.pictures), BATCH, p=samples.chances)
        views = random.integers(0, found.shape[1], BATCH)
        batch = torch.from_numpy(found[chosen, views].astype(np.float32))
        optimiser.zero_grad()
        loss(head(batch), torch.from_numpy(samples.targets[chosen])).backward()
        optimiser.step()
        schedule.step()
    return head
