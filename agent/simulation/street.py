"""A street in metres: its section, the fronts along it, and the things at their places in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from agent.domain import WHOLE_FRAME, Region
from agent.simulation import bins, clutter, ground, tags
from agent.simulation.rubbish import illegal_dumping
from agent.simulation.textures import Colour, Sprite
from agent.simulation.view import Card, View
from agent.simulation.walls import KINDS, front

Painter = Callable[[np.random.Generator], Sprite]
FLAT: dict[str, Painter] = {
    "pothole": ground.pothole,
    "road_crack": ground.road_crack,
    "cover": ground.cover,
    "patch": ground.patch,
    "stain": ground.stain,
    "leaves": ground.leaves,
}
HUNG: dict[str, Painter] = {"graffiti": tags.graffiti, "poster": tags.poster}
UPRIGHT: dict[str, Painter] = {
    "illegal_dumping": illegal_dumping,
    "overflowing_bin": bins.overflowing_bin,
    "closed_bin": bins.closed_bin,
    "tree": clutter.tree,
    "post": clutter.post,
    "planter": clutter.planter,
}
CARS: dict[str, Painter] = {"car": clutter.car_side, "car_rear": clutter.car_rear}
PAINTERS = FLAT | HUNG | UPRIGHT | CARS
SPECKS = (0.005, 0.995)  # what lies beyond is loose grit, and not counted
VARIETIES = 14  # sprites of each kind of clutter, and fronts of each kind: drawn once, then kept


@lru_cache(maxsize=256)
def sprite(kind: str, seed: int) -> Sprite:
    """The sprite of that kind and seed: always the same."""
    return PAINTERS[kind](np.random.default_rng(seed))


@lru_cache(maxsize=512)
def extent(kind: str, seed: int) -> Region:
    """The part of the sprite that shows something, as fractions."""
    shown = sprite(kind, seed).pixels[..., 3] > 96
    rows, columns = np.nonzero(shown)
    if not len(rows):
        return WHOLE_FRAME
    height, width = shown.shape
    (top, bottom), (left, right) = np.quantile(rows, SPECKS), np.quantile(columns, SPECKS)
    return float(left) / width, float(top) / height, float(right + 1) / width, float(bottom + 1) / height


@dataclass(frozen=True, slots=True)
class Thing:
    """Something at a place in the street: a defect, or clutter."""

    kind: str
    seed: int
    along: float  # metres
    aside: float  # metres, right positive
    up: float = 0.0  # metres, of its centre on a wall

    def parts(self) -> tuple[Thing, ...]:
        """What it is painted as, the hindmost first: a parked car has a back and a side."""
        if self.kind != "car":
            return (self,)
        middle = self.aside + float(np.sign(self.aside)) * clutter.CAR_WIDTH / 2
        return Thing("car_rear", self.seed, self.along - clutter.CAR_LENGTH / 2, middle), self

    def card(self, view: View) -> Card:
        """Its sprite in the world; what is upright turns to the camera."""
        own = sprite(self.kind, self.seed)
        right, down = np.array([1.0, 0.0, 0.0]), np.array([0.0, -1.0, 0.0])
        foot = np.array([self.aside, self.up, self.along])
        if self.kind in FLAT:
            down = np.array([0.0, 0.0, -1.0])
        elif self.kind in UPRIGHT:
            right = view.right
        elif self.kind != "car_rear":
            right = np.array([0.0, 0.0, -1.0 if self.aside > view.aside else 1.0])
        lift = own.height if self.kind in UPRIGHT or self.kind in CARS else own.height / 2
        return Card(own, foot - right * own.width / 2 - down * lift, right, down)

    def region(self, view: View) -> tuple[Region, float]:
        """Where it is seen (fractions of the frame), and how much of it is within the frame: 0 is out of sight."""
        outline = view.project(self.card(view).corners(extent(self.kind, self.seed)))
        if outline is None:
            return (0.0, 0.0, 0.0, 0.0), 0.0
        low = outline.min(axis=0) / (view.columns, view.rows)
        high = outline.max(axis=0) / (view.columns, view.rows)
        (left, top), (right, bottom) = low.clip(0, 1), high.clip(0, 1)
        whole = max(1e-9, float((high - low).clip(0, 50).prod()))
        return (float(left), float(top), float(right), float(bottom)), float((right - left) * (bottom - top)) / whole


@dataclass(frozen=True, slots=True)
class Front:
    """A building's front along one side."""

    kind: str
    seed: int
    start: float  # metres
    end: float  # metres
    height: float  # metres
    tint: tuple[float, float, float]  # gains of blue, green, red


@dataclass(frozen=True, slots=True)
class Street:
    """A straight street: its section, its fronts and the things in it."""

    seed: int
    road: float  # metres, half its width
    pavements: tuple[float, float]  # metres, left and right
    asphalt: Colour
    paving: Colour
    centre_line: bool
    edge_lines: bool
    slabs: float  # metres between the joints of the pavement, 0 for none
    fronts: tuple[tuple[Front, ...], tuple[Front, ...]]  # left and right
    things: tuple[Thing, ...] = ()

    def wall(self, side: int) -> float:
        """Metres aside of the fronts on the left (-1) or on the right (1)."""
        return side * (self.road + self.pavements[(side + 1) // 2])


def random_street(rng: np.random.Generator, length: float) -> Street:
    """A street so many metres long, with clutter and no defect."""
    grey, pale, warm = rng.uniform(75, 135), rng.uniform(110, 180), rng.normal(1, 2.5)
    street = Street(
        seed=int(rng.integers(1 << 31)),
        road=rng.uniform(2.8, 5.0),
        pavements=(rng.uniform(1.4, 3.6), rng.uniform(1.4, 3.6)),
        asphalt=(grey - warm, grey, grey + warm),
        paving=(pale + rng.normal(-6, 5), pale, pale + rng.normal(6, 5)),
        centre_line=bool(rng.random() < 0.6),
        edge_lines=bool(rng.random() < 0.3),
        slabs=float(rng.choice([0.0, rng.uniform(0.4, 1.2)])),
        fronts=(_random_fronts(rng, length), _random_fronts(rng, length)),
    )
    return replace(street, things=tuple(_random_clutter(rng, street, length)))


def _random_fronts(rng: np.random.Generator, length: float) -> tuple[Front, ...]:
    fronts = []
    start = -rng.uniform(4, 10)
    while start < length:
        kind = str(rng.choice(list(KINDS), p=list(KINDS.values())))
        seed = int(rng.integers(VARIETIES))
        own = front(kind, seed)
        bright = rng.uniform(0.8, 1.1)
        blue, green, red = (bright * rng.uniform(0.94, 1.06) for _ in range(3))
        fronts.append(Front(kind, seed, start, start + own.width, own.height, (blue, green, red)))
        start += own.width
    return tuple(fronts)


def _random_clutter(rng: np.random.Generator, street: Street, length: float) -> list[Thing]:
    """Cars where there is room to park, and what stands, hangs and lies here and there."""
    things: list[Thing] = []
    for side in (-1, 1):
        parking = street.road > 3.6 and rng.random() < 0.5
        along = rng.uniform(-2, 6)
        while along < length:
            seed = int(rng.integers(VARIETIES))
            if parking and rng.random() < 0.5:
                things.append(place("car", seed, rng, street, side, along))
            elif rng.random() < 0.6:
                kind = str(rng.choice(["tree", "post", "post", "planter", "closed_bin", "poster", "poster"]))
                things.append(place(kind, seed, rng, street, side, along))
            along += rng.uniform(5, 11)
    along = 0.0
    while along < length:
        kind = str(rng.choice(["cover", "cover", "patch", "stain", "stain", "leaves"]))
        things.append(place(kind, int(rng.integers(VARIETIES)), rng, street, int(rng.choice([-1, 1])), along))
        along += rng.uniform(3, 12)
    return things


def place(kind: str, seed: int, rng: np.random.Generator, street: Street, side: int, along: float) -> Thing:
    """The thing where things of its kind are found, on that side (-1 left, 1 right), near that many metres."""
    if kind in FLAT:
        reach = max(0.3, street.road - sprite(kind, seed).width / 2)
        return Thing(kind, seed, along, side * rng.uniform(0, 0.95) * reach)
    if kind == "car":
        return Thing(kind, seed, along, side * (street.road - 0.2 - clutter.CAR_WIDTH))
    if kind in HUNG:
        own = sprite(kind, seed)
        up = own.height / 2 + rng.uniform(0.1, 0.7)
        if kind == "graffiti":
            along, top = _blind(street.fronts[(side + 1) // 2], along, own.width)
            up = max(own.height / 2, min(up, top - 0.05 - own.height / 2))
        return Thing(kind, seed, along, street.wall(side) - side * 0.03, up)
    return Thing(kind, seed, along, side * (street.road + street.pavements[(side + 1) // 2] * rng.uniform(0.3, 0.75)))


def _blind(fronts: tuple[Front, ...], along: float, width: float) -> tuple[float, float]:
    """The metres nearest to `along` where so wide a thing fits on a blind wall, and the wall's height.

    `along` itself where there is no such wall within 15 m.
    """
    best, height = along, 3.0
    reach = 15.0
    for wall in fronts:
        if wall.kind in ("wall", "garage"):
            slack = max(0.0, (wall.end - wall.start - width) / 2)
            middle = (wall.start + wall.end) / 2
            spot = min(max(along, middle - slack), middle + slack)
            if abs(spot - along) < reach:
                best, height, reach = spot, wall.height, abs(spot - along)
    return best, height
