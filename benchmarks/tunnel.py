"""`python -m benchmarks.tunnel`: how far off positions in a tunnel are, and whether their stated accuracy holds.

Vehicles are drawn with the accelerations of real ones; the receiver is the simulator's, whose error drifts. Beside ours
stand the straight line in time between the fixes at both ends, and the last fix.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import cast

import click
import numpy as np
import numpy.typing as npt

from agent.domain import Fix
from agent.drivers.simulated import SimulatedGps
from agent.pipeline import bridge
from agent.pipeline.locate import Fixes
from agent.pipeline.trigger import RETRY, When
from agent.plane import between, moved
from agent.simulation.patrol import Patrol, Place

Series = npt.NDArray[np.float64]  # at every STEP

START = datetime(2026, 5, 12, 9, 0, tzinfo=UTC)
ORIGIN = (43.2965, 5.3698)
LENGTHS = (100.0, 300.0, 1000.0, 2500.0)  # metres
OPEN = 200.0  # metres of road under the sky on both sides
STEP = 0.1  # seconds
CRUISE = (7.0, 19.0)  # metres per second that a driver may wish for: 25 to 70 km/h
STEADY = 20.0  # seconds in the mean, for which a driver wishes for the same
LEISURE = 3.0  # seconds in which a driver takes a difference in speed away
GAINING, BRAKING = (0.8, 2.0), (1.2, 2.0)  # metres per second squared at most: drivers differ
RED = (5.0, 40.0)  # seconds
LINE = 0.3  # metres before it at which a vehicle has stopped
ARC = 200.0  # metres of one curvature
CURVATURE = 1 / 1000  # a metre, standard deviation
STILL = 0.02  # metres: less does not change the picture
RESTLESS = (0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0)  # for bridge.RESTLESSNESS


@dataclass(frozen=True, slots=True)
class Traffic:
    """What happens in the tunnel."""

    name: str
    lights: float = 0.0  # that are red, in the mean
    are_seen: bool = True  # by the camera: that the vehicle stands there


TRAFFIC = (Traffic("flowing"), Traffic("red lights", 1.0), Traffic("red lights unseen", 1.0, are_seen=False))


@dataclass(frozen=True, slots=True)
class Vehicle:
    """A drive through one tunnel: what SimulatedGps asks of a patrol."""

    seed: int
    metres: Series
    speeds: Series
    north: Series  # metres
    east: Series  # metres
    tracks: Series  # degrees true
    tunnel: tuple[float, float]  # metres

    @property
    def duration(self) -> float:
        """Seconds."""
        return (len(self.metres) - 1) * STEP

    def place(self, seconds: float) -> Place:
        """Where it is."""
        return moved(*ORIGIN, self._at(self.north, seconds), self._at(self.east, seconds))

    def way(self, seconds: float) -> float:
        """Metres since the start."""
        return self._at(self.metres, seconds)

    def speed(self, seconds: float) -> float:
        """Metres per second."""
        return self._at(self.speeds, seconds)

    def track(self, seconds: float) -> float:
        """Degrees true."""
        return self._at(self.tracks, seconds) % 360

    def in_tunnel(self, seconds: float) -> bool:
        """Whether the receiver hears nothing."""
        return self.tunnel[0] <= self.way(seconds) < self.tunnel[1]

    @staticmethod
    def _at(series: Series, seconds: float) -> float:
        place = min(max(seconds / STEP, 0.0), len(series) - 1.0)
        before = min(int(place), len(series) - 2)
        return float(series[before] + (series[before + 1] - series[before]) * (place - before))


@dataclass(slots=True)
class Errors:
    """At instants in tunnels, in metres."""

    ours: list[float] = field(default_factory=list)
    straight: list[float] = field(default_factory=list)
    last: list[float] = field(default_factory=list)
    ends: list[float] = field(default_factory=list)  # stated for ours, of it what the fixes at the ends have
    moves: list[float] = field(default_factory=list)  # stated for ours, the rest where RESTLESSNESS is 1

    def covered(self, restlessness: float) -> float:
        """Share of ours that are within their stated accuracy."""
        stated = np.array(self.ends) + math.sqrt(restlessness) * np.array(self.moves)
        return float((np.array(self.ours) <= stated).mean())


def draw(seed: int, length: float, lights: float) -> Vehicle:
    """A vehicle in a tunnel of so many metres."""
    rng = np.random.default_rng((seed, int(length)))
    gaining, braking = rng.uniform(*GAINING), rng.uniform(*BRAKING)
    red = sorted(rng.uniform(OPEN, OPEN + length, rng.poisson(lights)), reverse=True)
    metres, waits = 0.0, 0.0
    speed = wish = float(rng.uniform(*CRUISE))
    ways, speeds = [], []
    while metres < 2 * OPEN + length:
        ways.append(metres)
        speeds.append(speed)
        if rng.random() < STEP / STEADY:
            wish = float(rng.uniform(*CRUISE))
        left = red[-1] - LINE - metres if red else math.inf
        speed = max(0.0, speed + min(gaining, max(-braking, (wish - speed) / LEISURE)) * STEP)
        speed = min(speed, math.sqrt(2 * braking * max(0.0, left)))
        if left < LINE:
            speed = 0.0
            waits = (waits or float(rng.uniform(*RED))) - STEP
            if waits <= 0:
                red.pop()
                waits = 0.0
        metres += speed * STEP
    way = np.array(ways)
    curvature = np.repeat(rng.normal(0, CURVATURE, int((2 * OPEN + length) / ARC) + 2), int(ARC))
    bearing = rng.uniform(0, 360) + np.degrees(np.cumsum(curvature))  # at every metre
    tracks = np.interp(way, np.arange(len(bearing)), bearing)
    steps = np.diff(way, prepend=0.0)
    north, east = (np.cumsum(steps * turn(np.radians(tracks))) for turn in (np.cos, np.sin))
    return Vehicle(seed, way, np.array(speeds), north, east, tracks, (OPEN, OPEN + length))


def _located(vehicle: Vehicle, are_seen: bool) -> tuple[Fixes, Sequence[Fix]]:
    """All that is known of the drive at its end."""
    gps = SimulatedGps(cast(Patrol, vehicle), START)
    gps.open()
    told = gps.take(math.inf)
    fixes = Fixes()
    for fix in told:
        fixes.add([fix])
    for since, until in _stood(vehicle) if are_seen else ():
        fixes.stood(since, until)
    return fixes, told


def _stood(vehicle: Vehicle) -> Iterator[tuple[float, float]]:
    """As the pipeline sees it: two frames in a row that show the same."""
    before = at = 0.0
    while at < vehicle.duration:
        is_same = at > before and vehicle.way(at) - vehicle.way(before) < STILL
        if is_same:
            yield before, at
        before, at = at, at + (RETRY if is_same else When().every_s)


def _measure(errors: Errors, vehicle: Vehicle, are_seen: bool) -> None:
    fixes, told = _located(vehicle, are_seen)
    instants = [float(second) for second in np.arange(0.0, vehicle.duration, 1.0) if vehicle.in_tunnel(second)]
    positions = _positions(fixes, instants, 1.0)
    ends = _positions(fixes, instants, 0.0)
    for at, place, end in zip(instants, positions, ends, strict=True):
        before = max((fix for fix in told if fix.monotonic <= at), key=lambda one: one.monotonic)
        after = min((fix for fix in told if fix.monotonic > at), key=lambda one: one.monotonic)
        share = (at - before.monotonic) / (after.monotonic - before.monotonic)
        lat, lon = (a + share * (b - a) for a, b in ((before.lat, after.lat), (before.lon, after.lon)))
        true = vehicle.place(at)
        errors.ours.append(math.hypot(*between(*true, place[0], place[1])))
        errors.straight.append(math.hypot(*between(*true, lat, lon)))
        errors.last.append(math.hypot(*between(*true, before.lat, before.lon)))
        errors.ends.append(end[2])
        errors.moves.append(place[2] - end[2])


def _positions(fixes: Fixes, instants: Sequence[float], restlessness: float) -> list[tuple[float, float, float]]:
    """Latitude, longitude and accuracy with that RESTLESSNESS."""
    before, bridge.RESTLESSNESS = bridge.RESTLESSNESS, restlessness
    try:
        found = [fixes.position(at) for at in instants]
    finally:
        bridge.RESTLESSNESS = before
    return [(one.lat or 0.0, one.lon or 0.0, one.accuracy or 0.0) for one in found]


@click.command()
@click.option("--vehicles", default=200, show_default=True, help="In each kind of tunnel.")
def main(vehicles: int) -> None:
    """Measure; a minute or two."""
    click.echo(f"{vehicles} vehicles in each; metres off: median, 95 of 100; share within the stated accuracy (95 %)")
    click.echo(f"{'':<28}{'ours':>14}{'straight':>16}{'last fix':>16}   within")
    found = {}
    for traffic in TRAFFIC:
        for length in LENGTHS:
            errors = found[traffic, length] = Errors()
            for seed in range(vehicles):
                _measure(errors, draw(seed, length, traffic.lights), traffic.are_seen)
            sides = (np.quantile(side, (0.5, 0.95)) for side in (errors.ours, errors.straight, errors.last))
            cells = "".join(f"{median:>9.1f}{largest:>7.1f}" for median, largest in sides)
            click.echo(f"{traffic.name:<20}{length:>6.0f} m{cells}{errors.covered(bridge.RESTLESSNESS):>9.1%}")
    click.echo("\nthe share within, for each RESTLESSNESS")
    click.echo(f"{'':<28}" + "".join(f"{one:>7}" for one in RESTLESS))
    for (traffic, length), errors in found.items():
        shares = "".join(f"{errors.covered(one):>7.1%}" for one in RESTLESS)
        click.echo(f"{traffic.name:<20}{length:>6.0f} m{shares}")
    means = (sum(errors.covered(one) for errors in found.values()) / len(found) for one in RESTLESS)
    click.echo(f"{'mean of these':<28}" + "".join(f"{mean:>7.1%}" for mean in means))


if __name__ == "__main__":
    main()
