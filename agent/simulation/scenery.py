"""Draws streets as the camera of a patrol vehicle sees them, with and without defects."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from agent.domain import NO_DEFECT, Pixels, Region
from agent.simulation.clutter import CAR_LENGTH, CAR_WIDTH
from agent.simulation.conditions import Range
from agent.simulation.lamps import paint_tunnel
from agent.simulation.light import Light, develop, paint_sky, random_light
from agent.simulation.street import FLAT, HUNG, UPRIGHT, Street, Thing, place, random_street, sprite
from agent.simulation.textures import polygon
from agent.simulation.view import Card, View, paint, roughen
from agent.simulation.walls import front as front_sprite

DEFECTS = ("pothole", "road_crack", "graffiti", "illegal_dumping", "overflowing_bin")
LABELS = (*DEFECTS, NO_DEFECT)
DECOYS = ("closed_bin", "closed_bin", "cover", "patch", "stain", "poster", "tree", "planter", "leaves", "car", "")
SIGHT = 70.0  # metres drawn ahead of the camera


@dataclass(frozen=True, slots=True)
class Scene:
    """A frame's pixels, its label, and where in it the defect is (None for no defect)."""

    pixels: Pixels
    label: str
    region: Region | None


def draw(label: str, rng: np.random.Generator, width: int = 640, height: int = 360) -> Pixels:
    """A random scene that shows that defect, or none: height x width x 3, BGR."""
    return compose(label, rng, width, height).pixels


def compose(label: str, rng: np.random.Generator, width: int = 640, height: int = 360) -> Scene:
    """A random scene that shows that defect, or none, and where the defect is in it.

    The defect covers roughly a fortieth to a quarter of the frame. A clean scene is composed in
    the same way around something that is no defect, so that size and place do not tell.
    Raises ValueError for a label that is not one of LABELS.
    """
    if label not in LABELS:
        raise ValueError(f"no such label: {label}")
    street, light = random_street(rng, 60.0), random_light(rng)
    kind = str(rng.choice(DECOYS)) if label == NO_DEFECT else label
    if not kind:
        return Scene(render(street, _random_view(rng, street, 1, width, height), light, rng), label, None)
    thing, view = _composed(kind, rng, street, width, height)
    street = replace(street, things=(*_unobstructed(street.things, thing, view), thing))
    return Scene(render(street, view, light, rng), label, None if label == NO_DEFECT else thing.region(view)[0])


def _random_view(rng: np.random.Generator, street: Street, side: int, width: int, height: int) -> View:
    """Any mounting of the camera; it looks ahead, or more or less to that side."""
    turn = rng.choice(
        [rng.normal(0, 0.15), side * rng.uniform(0.3, 0.9), side * rng.uniform(0.9, 1.57)], p=[0.5, 0.3, 0.2]
    )
    return View(
        along=rng.uniform(8, 14),
        aside=rng.uniform(-0.7, 0.8) * (street.road - 1.0),
        height=rng.uniform(1.1, 2.4),
        yaw=float(turn),
        horizon=rng.uniform(0.2, 0.5),
        focal=rng.uniform(0.6, 1.1),
        columns=width,
        rows=height,
    )


def _composed(kind: str, rng: np.random.Generator, street: Street, width: int, height: int) -> tuple[Thing, View]:
    """A thing and a view of it, such that it covers about the wanted part of the frame."""
    wanted = rng.uniform(np.log(1 / 35), np.log(1 / 4))
    seed = int(rng.integers(1 << 31))
    tries = []
    for _ in range(40):
        side = int(rng.choice([-1, 1]))
        view = _random_view(rng, street, side, width, height)
        distance = float(np.exp(rng.uniform(np.log(1.6), np.log(15))))
        thing = place(kind, seed, rng, street, side, view.along + distance * np.cos(view.yaw))
        (left, top, right, bottom), within = thing.region(view)
        fault = abs(np.log(max((right - left) * (bottom - top), 1e-6)) - wanted) + 6 * max(0.0, 0.9 - within)
        tries.append((fault, thing, view))
        if fault < 0.25:
            break
    _, thing, view = min(tries, key=lambda t: t[0])
    return thing, view


def _unobstructed(things: Iterable[Thing], defect: Thing, view: View) -> list[Thing]:
    """The things that neither hide nor touch the defect in this view."""
    return [
        thing
        for thing in things
        if (thing.kind not in FLAT and _depth(thing, view) > _depth(defect, view) + 2)
        or not any(_overlap(part.region(view), defect.region(view)) for part in thing.parts())
    ]


def _overlap(one: tuple[Region, float], other: tuple[Region, float]) -> bool:
    (left, top, right, bottom), within = one
    (x0, y0, x1, y1), other_within = other
    return bool(within and other_within and left < x1 and right > x0 and top < y1 and bottom > y0)


def render(street: Street, view: View, light: Light, rng: np.random.Generator) -> Pixels:
    """The street as seen from there in that light; `rng` gives the noise of the sensor."""
    return develop(paint_street(street, view, light), light, rng)


def paint_street(
    street: Street,
    view: View,
    light: Light,
    tunnel: Range | None = None,
    over_ground: Callable[[Pixels], None] = lambda _frame: None,
) -> Pixels:
    """The street before a sensor makes anything of it.

    `tunnel` in metres along the street: no trees, but walls and a ceiling. `over_ground` changes the frame in place
    before what stands in the street is painted.
    """
    frame: Pixels = np.empty((view.rows, view.columns, 3), np.uint8)
    paint_sky(frame, view.horizon, light, street.seed)
    _paint_surface(frame, view, street)
    roughen(frame, view, street.seed)
    near = [t for t in street.things if view.along - 8 < t.along < view.along + SIGHT and not _roofed(t, tunnel)]
    for thing in sorted(near, key=lambda t: t.kind in DEFECTS):
        if thing.kind in FLAT:
            paint(frame, view, thing.card(view))
    _paint_shadows(frame, view, street, light, near)
    _paint_fronts(frame, view, street, light)
    if tunnel is not None:
        paint_tunnel(frame, view, street, tunnel)
    over_ground(frame)
    for thing in sorted((t for t in near if t.kind not in FLAT), key=lambda t: -_depth(t, view)):
        dim = 1 - 0.35 * light.sun if thing.aside * light.side > 0 else 1.0
        for part in thing.parts():
            if part.kind != "car_rear" or part.along > view.along + 0.5:
                paint(frame, view, replace(part.card(view), gains=(dim, dim, dim)))
    return frame


def _roofed(thing: Thing, tunnel: Range | None) -> bool:
    """Whether there is no room for it, for it is a tree in a tunnel."""
    return tunnel is not None and thing.kind == "tree" and tunnel[0] - 3 < thing.along < tunnel[1] + 3


def _depth(thing: Thing, view: View) -> float:
    """Metres ahead of the camera; what hangs on a wall counts as behind all that stands."""
    depth = (thing.aside - view.aside) * np.sin(view.yaw) + (thing.along - view.along) * np.cos(view.yaw)
    return float(depth) + (1000.0 if thing.kind in HUNG else 0.0)


def _strip(
    frame: Pixels, view: View, across: tuple[float, float], along: tuple[float, float], colour: Sequence[float]
) -> None:
    """Fill a rectangle of the ground."""
    corners = [(across[0], 0, along[0]), (across[1], 0, along[0]), (across[1], 0, along[1]), (across[0], 0, along[1])]
    seen = view.project(np.array(corners, np.float64))
    if seen is not None:
        polygon(frame, seen.clip(-8000, 8000), colour)


def _paint_surface(frame: Pixels, view: View, street: Street) -> None:
    """Pavements, kerbs, the road and its markings in flat colours."""
    start, end = view.along - 6, view.along + 300
    road, paving = street.road, street.paving
    _strip(frame, view, (-60, 60), (start, end), [c * 0.9 for c in paving])
    if street.slabs:
        first = np.floor(view.along - 4)
        for line in np.arange(first, first + 24, street.slabs):
            _strip(frame, view, (street.wall(-1), street.wall(1)), (line, line + 0.02), [c * 0.72 for c in paving])
    _strip(frame, view, (-road - 0.18, road + 0.18), (start, end), [min(255, c * 1.12) for c in paving])
    _strip(frame, view, (-road - 0.02, road + 0.02), (start, end), [c * 0.6 for c in street.asphalt])
    _strip(frame, view, (-road + 0.25, road - 0.25), (start, end), street.asphalt)
    for track in (-0.7, -0.3, 0.3, 0.7):
        _strip(
            frame, view, (track * road - 0.25, track * road + 0.25), (start, end), [c * 0.95 for c in street.asphalt]
        )
    white = [c * 0.4 + 120 for c in street.asphalt]
    if street.edge_lines:
        for side in (-1, 1):
            _strip(frame, view, (side * (road - 0.5), side * (road - 0.38)), (start, end), white)
    if street.centre_line:
        for dash in np.arange(np.floor(start / 4.33) * 4.33, view.along + SIGHT, 4.33):
            _strip(frame, view, (-0.06, 0.06), (dash, dash + 1.33), white)
    if street.seed % 3 == 0:
        crossing = (street.seed // 3) % 60 + np.floor(view.along / 120) * 120
        for bar in np.arange(-road + 0.5, road - 0.5, 1.0):
            _strip(frame, view, (bar, bar + 0.5), (crossing, crossing + 2.6), white)


def _paint_shadows(frame: Pixels, view: View, street: Street, light: Light, things: Sequence[Thing]) -> None:
    """The shade of the fronts and of what stands, on the ground, in place."""
    small = replace(view, columns=view.columns // 2, rows=view.rows // 2)
    mask: Pixels = np.zeros((small.rows, small.columns), np.uint8)
    wall = street.wall(light.side)
    for front in street.fronts[(light.side + 1) // 2]:
        if front.end > view.along - 6 and front.start < view.along + SIGHT:
            reach = wall - light.side * front.height * light.slant
            _strip(mask, small, (wall, reach), (front.start, front.end), (150 * light.sun,))
    for thing in things:
        if thing.kind in UPRIGHT or thing.kind == "car":
            own = sprite(thing.kind, thing.seed)
            outer = thing.aside + np.sign(thing.aside) * (CAR_WIDTH if thing.kind == "car" else 0.0)
            long = min(CAR_LENGTH if thing.kind == "car" else 1.8, own.width) / 2
            far = -light.side * own.height * light.slant * min(1.0, light.sun * 2)
            across = (min(thing.aside, outer, thing.aside + far), max(thing.aside, outer, outer + far))
            _strip(mask, small, across, (thing.along - long, thing.along + long), (max(90, 150 * light.sun),))
    mask = np.asarray(cv2.GaussianBlur(mask, (0, 0), 1.5 + 3 * (1 - light.sun)), np.uint8)
    clear = cv2.cvtColor(255 - cv2.resize(mask, (view.columns, view.rows)), cv2.COLOR_GRAY2BGR)
    frame[:] = cv2.multiply(frame, clear, scale=1 / 255)


def _paint_fronts(frame: Pixels, view: View, street: Street, light: Light) -> None:
    """The fronts of both sides, darker on the sun's side, the far ones first."""
    shown = [
        (front, side)
        for side in (-1, 1)
        for front in street.fronts[(side + 1) // 2]
        if front.end > view.along - 30 and front.start < view.along + SIGHT
    ]
    for front, side in sorted(shown, key=lambda pair: -abs(pair[0].start - view.along)):
        bright = 1 - 0.45 * light.sun if side == light.side else 1 + 0.1 * light.sun
        blue, green, red = (bright * gain for gain in front.tint)
        origin = np.array([street.wall(side), front.height, front.end if side > 0 else front.start])
        right, down = np.array([0.0, 0.0, float(-side)]), np.array([0.0, -1.0, 0.0])
        paint(frame, view, Card(front_sprite(front.kind, front.seed), origin, right, down, (blue, green, red)))
