"""A patrol that is drawn, not driven: its route, its vehicle's motion, and what there is to see along it.

All of it follows from the seed and the seconds since the start.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from agent.domain import Pixels, Region
from agent.simulation.conditions import Conditions, Range
from agent.simulation.lamps import ADAPTING
from agent.simulation.lens import soil
from agent.simulation.light import Light, develop, random_light
from agent.simulation.motion import AFTER, STEP, drive
from agent.simulation.rain import drops, streaks
from agent.simulation.scenery import DEFECTS
from agent.simulation.street import FLAT, HUNG, Street, Thing, place, random_street
from agent.simulation.view import View
from agent.simulation.weather import paint_weather, shutter, weathered

Place = tuple[float, float]  # degrees of latitude and longitude, WGS 84

METRES_PER_DEGREE = 111_320.0  # of latitude; the earth is a sphere here
CENTRE: Place = (43.2965, 5.3698)
CORNERS = ((0, 0), (-20, 170), (120, 230), (260, 180), (390, 235), (440, 60), (300, 20), (250, -110), (110, -80))
BLOCK = ((0, 0), (0, 110), (62, 110), (62, 0))
SPACING = (36.0, 62.0)  # metres between two defects
FAR_SIDE = 0.08  # of the defects are on the side from which the camera looks away
APART, HIDING = 6.0, 14.0  # metres between a defect and what would cover it, and what would hide it
MOSTLY = 0.5  # of a defect is within the frame that shows it
BEFORE = 22.0  # metres of street that a camera needs in front of a defect
BEYOND = 80.0  # metres that a street goes on after the corner where the vehicle leaves it


@dataclass(frozen=True, slots=True)
class Defect:
    """A defect that is truly there."""

    label: str
    metres: float  # along the route
    aside: float  # metres right of the middle of the road
    lat: float  # degrees, WGS 84
    lon: float  # degrees, WGS 84


@dataclass(frozen=True, slots=True)
class Leg:
    """The route between two corners: one straight street in one light."""

    start: float  # metres along the route
    length: float  # metres
    begin: Place
    track: float  # degrees true
    street: Street
    light: Light
    defects: tuple[tuple[Defect, Thing], ...] = ()

    def at(self, metres: float, aside: float = 0.0) -> Place:
        """The place so many metres along the leg, and so many to the right of the middle of the road."""
        heading = math.radians(self.track)
        north = metres * math.cos(heading) - aside * math.sin(heading)
        east = metres * math.sin(heading) + aside * math.cos(heading)
        return moved(self.begin, north, east)


def moved(origin: Place, north: float, east: float) -> Place:
    """The place so many metres north and east of another, some kilometres at most."""
    lat = origin[0] + north / METRES_PER_DEGREE
    return lat, origin[1] + east / (METRES_PER_DEGREE * math.cos(math.radians(origin[0])))


def metres_between(first: Place, second: Place) -> tuple[float, float]:
    """Metres north and east from one place to another, some kilometres away at most."""
    scale = METRES_PER_DEGREE * math.cos(math.radians(first[0]))
    return (second[0] - first[0]) * METRES_PER_DEGREE, (second[1] - first[1]) * scale


def default_route() -> tuple[Place, ...]:
    """The corners of a loop of streets in Marseille, about 1.4 km long."""
    return tuple(moved(CENTRE, north, east) for north, east in CORNERS)


def short_route() -> tuple[Place, ...]:
    """The corners of one block in Marseille, about 340 m round: a patrol of a minute sees it all, and begins again."""
    return tuple(moved(CENTRE, north, east) for north, east in BLOCK)


class Patrol:
    """A vehicle that goes round a loop of streets with a camera on its roof.

    `route` names the corners of the loop; `tunnel` (or that of the conditions) the metres along it between
    which there is neither daylight nor sky. A vehicle that comes round again finds the same streets, in the
    same light and weather.
    """

    def __init__(
        self,
        seed: int,
        duration: float = 120.0,
        route: Sequence[Place] | None = None,
        tunnel: Range | None = None,
        conditions: Conditions | None = None,
    ) -> None:
        """Lay out the streets and drive for `duration` seconds. Raises ValueError for fewer than two corners."""
        corners = tuple(route) if route is not None else default_route()
        if len(corners) < 2:
            raise ValueError("a route needs at least two corners")
        self.seed = seed
        self.duration = duration
        self.conditions = conditions or Conditions()
        if tunnel is not None:
            self.conditions = replace(self.conditions, tunnel=tunnel)
        self.tunnel = self.conditions.tunnel
        self.legs = _legs(seed, corners)
        self.length = sum(leg.length for leg in self.legs)
        stops = self.conditions.stops
        lengths = [leg.length for leg in self.legs]
        self._metres, self._speed = drive(np.random.default_rng((seed, 1)), lengths, duration, stops)
        self._times = np.arange(len(self._metres)) * STEP

    def truth(self) -> tuple[Defect, ...]:
        """Every defect on the route, in the order in which the vehicle comes to it."""
        return tuple(defect for leg in self.legs for defect, _ in leg.defects)

    def metres(self, seconds: float) -> float:
        """Metres driven so many seconds after the start."""
        return float(np.interp(seconds, self._times, self._metres))

    def speed(self, seconds: float) -> float:
        """Metres per second."""
        return float(np.interp(seconds, self._times, self._speed))

    def track(self, seconds: float) -> float:
        """Degrees true."""
        return self._leg(seconds)[0].track

    def place(self, seconds: float) -> Place:
        """Where the vehicle is."""
        leg, along = self._leg(seconds)
        return leg.at(along, _lane(leg.street))

    def in_tunnel(self, seconds: float) -> bool:
        """Whether there is neither daylight nor sky above the vehicle."""
        if self.tunnel is None:
            return False
        return self.tunnel[0] <= self.metres(seconds) % self.length < self.tunnel[1]

    def weather(self, seconds: float) -> str:
        """`clear`, `rain` or `night`."""
        return self.conditions.weather_of(self.legs.index(self._leg(seconds)[0]), self.seed)

    def view(self, seconds: float, columns: int = 640, rows: int = 360) -> View:
        """The camera's, in the street that the vehicle is in."""
        leg, along = self._leg(seconds)
        return _view(leg.street, along, columns, rows)

    def frame(self, seconds: float, columns: int, rows: int) -> Pixels:
        """What the camera sees: rows x columns x 3, BGR."""
        leg, along = self._leg(seconds)
        view = _view(leg.street, along, columns, rows)
        weather, speed, covered = self.weather(seconds), self.speed(seconds), self.in_tunnel(seconds)
        rng = np.random.default_rng((self.seed, 2, round(seconds * 1000)))
        light = weathered(leg.light, weather, covered)
        frame = paint_weather(leg.street, view, light, weather, self._tunnel_of(leg), speed * shutter(weather, covered))
        if weather == "rain":
            if not covered:
                streaks(frame, rng, speed)
            drops(frame, self.seed, seconds)
        soil(frame, self.seed, self.conditions.dirt)
        return develop(frame, light, rng)

    def in_sight(self, seconds: float, least: float = 0.01) -> tuple[tuple[Defect, Region], ...]:
        """The defects that fill at least that part of the frame, and where in it, whatever the light."""
        leg, along = self._leg(seconds)
        view = _view(leg.street, along, 640, 360)
        seen = []
        for defect, thing in leg.defects:
            region, within = thing.region(view)
            if within > MOSTLY and (region[2] - region[0]) * (region[3] - region[1]) >= least:
                seen.append((defect, region))
        return tuple(seen)

    def _tunnel_of(self, leg: Leg) -> Range | None:
        """Where the tunnel is, in metres along the leg's street; None where there is none to be seen."""
        if self.tunnel is None:
            return None
        begin, end = self.tunnel[0] - leg.start, self.tunnel[1] - leg.start
        return (begin, end) if begin < leg.length and end > -2 * ADAPTING else None

    def _leg(self, seconds: float) -> tuple[Leg, float]:
        """The leg that the vehicle is on, and how many metres along it."""
        metres = self.metres(seconds) % self.length
        leg = next(leg for leg in reversed(self.legs) if leg.start <= metres)
        return leg, metres - leg.start


def _lane(street: Street) -> float:
    """Metres right of the middle of the road at which the vehicle drives."""
    return 0.38 * street.road


def _view(street: Street, along: float, columns: int, rows: int) -> View:
    """The camera's: on the roof, turned to the right and down, so that the lane and the right side are seen."""
    return View(along, _lane(street), height=2.0, yaw=0.3, horizon=0.27, focal=0.78, columns=columns, rows=rows)


def _legs(seed: int, corners: Sequence[Place]) -> tuple[Leg, ...]:
    rng = np.random.default_rng((seed, 0))
    labels: list[str] = []
    legs: list[Leg] = []
    start, due = 0.0, BEFORE
    for begin, end in zip(corners, (*corners[1:], corners[0]), strict=True):
        north, east = metres_between(begin, end)
        length = math.hypot(north, east)
        street = random_street(rng, length + BEYOND)
        things = []
        along = max(due - start, BEFORE)
        while along < length - AFTER:
            # All five in a random order before any comes again.
            labels = labels or [str(label) for label in rng.permutation(DEFECTS)]
            thing = _placed(labels.pop(), rng, street, along)
            if BEFORE <= thing.along < length - AFTER:
                things.append(thing)
            along += rng.uniform(*SPACING)
        due = start + along
        clear = tuple(t for t in street.things if not any(_in_the_way(t, thing) for thing in things))
        leg = Leg(start, length, begin, math.degrees(math.atan2(east, north)) % 360, street, random_light(rng))
        things.sort(key=lambda t: t.along)
        defects = tuple((Defect(t.kind, start + t.along, t.aside, *leg.at(t.along, t.aside)), t) for t in things)
        legs.append(replace(leg, street=replace(street, things=(*clear, *things)), defects=defects))
        start += length
    return tuple(legs)


def _placed(label: str, rng: np.random.Generator, street: Street, along: float) -> Thing:
    """A defect in the vehicle's lane, or on the side to which the camera looks; a few are on the other."""
    side = -1 if rng.random() < FAR_SIDE else 1
    thing = place(label, int(rng.integers(1 << 31)), rng, street, side, along)
    if label in FLAT:
        return replace(thing, aside=_lane(street) + rng.uniform(-0.25, 0.4) * street.road)
    return thing


def _in_the_way(thing: Thing, defect: Thing) -> bool:
    """Whether the thing lies on the defect, or stands between it and a camera that comes along."""
    ahead = defect.along - thing.along
    if defect.kind in FLAT:
        return abs(ahead) < APART and (thing.kind in FLAT or thing.kind == "car")
    if thing.kind in FLAT or thing.aside * defect.aside < 0:
        return False
    return abs(ahead) < APART or (thing.kind not in HUNG and 0 < ahead < HIDING)
