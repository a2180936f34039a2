"""What a network learns from, and the batches of random views that it is shown."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from agent.domain import Pixels
from training.fitting.augment import PLAIN, view
from training.fitting.sampling import sampling
from training.judging.metrics import Integers
from training.photographs.dataset import Picture
from training.settings import Settings

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Samples:
    """Pictures, the index of each one's label, and its chance of being drawn."""

    pictures: Sequence[Picture]
    targets: Integers
    chances: npt.NDArray[np.float64]

    @classmethod
    def of(cls, pictures: Sequence[Picture], labels: Sequence[str], settings: Settings) -> Samples:
        """All pictures, as often as the settings say."""
        targets = np.array([labels.index(picture.label) for picture in pictures], dtype=np.int64)
        return cls(pictures, targets, sampling(pictures, settings.drawn, settings.balanced))

    def steps(self, settings: Settings) -> int:
        """Batches in an epoch."""
        return max(1, len(self.pictures) // settings.batch)

    def batches(self, settings: Settings, epoch: int) -> Iterator[tuple[Integers, list[Pixels]]]:
        """The targets and the views of each batch of an epoch; the same epoch draws the same."""
        size = settings.input.width, settings.input.height
        changes = None if settings.varied else PLAIN

        def batch(step: int) -> tuple[Integers, list[Pixels]]:
            random = np.random.default_rng([settings.seed, 2, epoch, step])
            chosen = random.choice(len(self.pictures), settings.batch, p=self.chances)
            taken = [self.pictures[index] for index in chosen]
            return self.targets[chosen], [view(one, one.pixels(), random, size, changes) for one in taken]

        return ahead(batch, range(self.steps(settings)))


def ahead(make: Callable[[int], T], indices: Sequence[int], depth: int = 4) -> Iterator[T]:
    """`make(index)` for each index in turn, made by a thread up to `depth` before it is asked for."""
    with ThreadPoolExecutor(1) as pool:
        rest = iter(indices)
        waiting = [pool.submit(make, index) for index in itertools.islice(rest, depth)]
        while waiting:
            yield waiting.pop(0).result()
            waiting += [pool.submit(make, index) for index in itertools.islice(rest, 1)]
