"""What a drawn patrol goes through: weather, dirt on the lens, a tunnel, stops."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

Weather = Literal["clear", "rain", "night", "mixed"]
Range = tuple[float, float]  # metres along the route, from and to
Stop = tuple[float, float]  # metres driven since the start, and seconds that the vehicle is parked there
STREETS = ("clear", "rain", "night")  # that `mixed` has in turn


@dataclass(frozen=True, slots=True)
class Conditions:
    """The same conditions and the same seed give the same patrol, frame by frame."""

    weather: Weather = "clear"
    dirt: float = 0.0  # share of the frame that dirt on the lens covers, 0..1
    tunnel: Range | None = None
    stops: tuple[Stop, ...] = ()

    def __post_init__(self) -> None:
        """Raises ValueError for what can not be."""
        if self.weather not in get_args(Weather):
            raise ValueError(f"no such weather: {self.weather}")
        if not 0 <= self.dirt <= 1:
            raise ValueError("dirt is a share of the frame, from 0 to 1")
        if self.tunnel is not None and not 0 <= self.tunnel[0] < self.tunnel[1]:
            raise ValueError("a tunnel ends after it begins")
        if any(metres < 0 or seconds <= 0 for metres, seconds in self.stops):
            raise ValueError("a stop is made at 0 metres or later, for more than 0 seconds")

    def weather_of(self, street: int, seed: int) -> str:
        """The weather of that street of the route: `mixed` goes round all of them, in the seed's order."""
        if self.weather != "mixed":
            return self.weather
        order = np.random.default_rng((seed, 4)).permutation(len(STREETS))
        return STREETS[int(order[street % len(STREETS)])]
