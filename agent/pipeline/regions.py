"""Where in a frame is looked: the regions of a road, as many of them as there is time for."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from agent.domain import WHOLE_FRAME, Position, Region
from agent.pipeline.locate import UNKNOWN_SPEED

LEAST = 2  # looks at a frame, however little time there is: the first region and one whose turn it is
MEMORY = 0.1  # weight of the newest frame in what a frame is said to cost


def road(horizon: float) -> tuple[Region, ...]:
    """The whole frame, both halves of what is below the horizon, and three parts of its upper half, the distance.

    `horizon` is a fraction of the frame's height, from the top. Far things are small, so the parts of the distance are
    half as large as the near ones; there is none of the outer edges, which are beside the road until they are near.
    Neighbours overlap, so that what lies on a border is whole in one of them.
    """
    middle = (1.0 + horizon) / 2
    halves = ((0.0, horizon, 0.6, 1.0), (0.4, horizon, 1.0, 1.0))
    distance = ((0.1, horizon, 0.4, middle), (0.35, horizon, 0.65, middle), (0.6, horizon, 0.9, middle))
    return (WHOLE_FRAME, *halves, *distance)


@dataclass(frozen=True, slots=True)
class Pace:
    """How often a frame is looked at, and which share of the time until the next one looking may take."""

    every_m: float = 0.0  # metres, as the trigger has them
    every_s: float = 0.0  # seconds
    share: float = 1.0

    def budget(self, position: Position) -> float:
        """Seconds for a frame taken there; endless where the next one comes whenever this one is done with."""
        if position.lat is None:
            return self.share * self.every_s or math.inf
        speed = UNKNOWN_SPEED if position.speed is None else position.speed
        return self.share * self.every_m / speed if self.every_m and speed else math.inf


@dataclass(frozen=True, slots=True)
class Cost:
    """What a frame costs of late."""

    regions: int  # that there are
    looks: float  # of them are looked at in a frame
    seconds: float  # that takes


class Rota:
    """Whose turn it is: the first region in every frame, the others one after the other as time allows."""

    def __init__(self, regions: Sequence[Region] = (WHOLE_FRAME,), clock: Callable[[], float] = time.perf_counter):
        """`clock` gives seconds."""
        self._first, *others = regions
        self._others = deque(others)
        self._clock = clock
        self.cost: Cost | None = None  # None before the first frame

    def turns(self, budget: float) -> Iterator[Region]:
        """The regions of one frame, each to be looked at before the next is asked for.

        Ends before a look that would take longer than is left of `budget` seconds, judged by the looks before it at
        this very frame: where the processor grows hot and slow there are fewer, and more again when it has cooled.
        """
        started = self._clock()
        yield self._first
        looks, spent = 1, self._clock() - started
        while looks <= len(self._others) and (looks < LEAST or spent + spent / looks <= budget):
            yield self._others[0]
            self._others.rotate(-1)
            looks, spent = looks + 1, self._clock() - started
        self.cost = self._blended(looks, spent)

    def _blended(self, looks: int, seconds: float) -> Cost:
        regions = 1 + len(self._others)
        if self.cost is None:
            return Cost(regions, looks, seconds)
        before = self.cost
        return Cost(
            regions,
            before.looks + MEMORY * (looks - before.looks),
            before.seconds + MEMORY * (seconds - before.seconds),
        )
