"""Light that is not the day's: street lamps, headlights, the lamps of a tunnel, and how a camera adapts to them."""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np

from agent.domain import Pixels
from agent.simulation.conditions import Range
from agent.simulation.street import Street
from agent.simulation.surfaces import CEILING, Surfaces
from agent.simulation.textures import Floats, polygon, stroke
from agent.simulation.view import View

AMBIENT = (0.085, 0.07, 0.06)  # blue, green, red: of daylight, in a town's night
NIGHT_SKY = (0.10, 0.075, 0.065)
SODIUM = (0.42, 0.78, 1.05)
HEADLIGHT = (0.95, 1.0, 1.02)
LAMP_SPACING, LAMP_HEIGHT = 26.0, 6.5  # metres
LAMP_LIGHT = 24.0  # of daylight at 1 m
TUNNEL_LIGHT, TUNNEL_SPACING = 0.2, 10.0  # of daylight; metres between two lamps
TUNNEL_TINT = (0.82, 1.0, 1.08)
PORTAL = 8.5  # metres above the road
MOUTH = 6.0  # metres into a tunnel at which daylight has fallen to a third
ADAPTED = 3.8  # times the exposure outside, of a camera in a tunnel by day
ADAPTING = 7.0  # metres of travel in which the exposure follows what fills the frame
AHEAD = 75.0  # metres


def adaptation(along: float, tunnel: Range | None) -> float:
    """How far the exposure has gone over to the light in the tunnel: 0 outside to 1."""
    if tunnel is None:
        return 0.0
    entered, left = (along - tunnel[0]) / ADAPTING, (along - tunnel[1]) / ADAPTING + 1
    return min(1.0, max(0.0, entered)) - min(1.0, max(0.0, left))


def illuminate(frame: Pixels, view: View, street: Street, seen: Surfaces, *, night: bool, tunnel: Range | None) -> None:
    """Make what is painted in daylight what it is in this light, in place."""
    gains = _night(view, street, seen) if night else np.ones((*seen.depth.shape, 3), np.float32)
    exposure = 1.0
    if tunnel is not None:
        exposure = ADAPTED if night else ADAPTED ** adaptation(view.along, tunnel)
        gains = np.where(seen.covered[..., None], _inside(seen, tunnel, night=night), gains / (ADAPTED if night else 1))
    gains = gains * exposure
    largest = float(gains.max())
    small = np.clip(gains * (255 / largest), 0, 255).astype(np.uint8)
    whole = cv2.resize(small, (view.columns, view.rows), interpolation=cv2.INTER_LINEAR)
    frame[:] = cv2.multiply(frame, whole, scale=largest / 255)


def _night(view: View, street: Street, seen: Surfaces) -> Floats:
    gains = np.empty((*seen.depth.shape, 3), np.float32)
    gains[:] = AMBIENT
    for aside, along in _street_lamps(view, street):
        squared = (seen.aside - aside) ** 2 + (seen.up - LAMP_HEIGHT) ** 2 + (seen.along - along) ** 2
        gains += (LAMP_LIGHT / (squared + 8))[..., None] * np.asarray(SODIUM, np.float32)
    forward, across = seen.along - view.along - 0.5, seen.aside - view.aside
    far = np.hypot(forward, across)
    cone = np.exp(-((np.arctan2(across, np.maximum(forward, 0.1)) / 0.42) ** 2))
    cone *= np.clip(11 / np.maximum(far, 1), 0, 1) ** 1.4 * np.clip((forward - 1.0) / 3, 0, 1)
    cone *= np.exp(-((np.maximum(0, seen.up - 0.9) / 0.7) ** 2))
    gains += 0.62 * cone[..., None] * np.asarray(HEADLIGHT, np.float32)
    gains[seen.sky] = NIGHT_SKY
    return gains


def _inside(seen: Surfaces, tunnel: Range, *, night: bool) -> Floats:
    ripple = 0.78 + 0.22 * np.cos(seen.along * (2 * np.pi / TUNNEL_SPACING))
    light = TUNNEL_LIGHT * ripple * np.where(seen.up > 2.5, 0.8, 1.0)
    gains = light[..., None] * np.asarray(TUNNEL_TINT, np.float32)
    if not night:
        mouth = np.minimum(seen.along - tunnel[0], tunnel[1] - seen.along)
        gains = gains + 0.75 * np.exp(-np.maximum(0, mouth) / MOUTH)[..., None]
    return np.asarray(gains, np.float32)


def _street_lamps(view: View, street: Street) -> list[tuple[float, float]]:
    """Metres aside and along of the lamps that light what is seen; they stand on either side in turn."""
    first = int(np.floor((view.along - 10) / LAMP_SPACING))
    last = int(np.ceil((view.along + AHEAD) / LAMP_SPACING))
    return [((1 if n % 2 else -1) * (street.road + 0.5), n * LAMP_SPACING) for n in range(first, last)]


def paint_posts(frame: Pixels, view: View, street: Street, tunnel: Range | None) -> None:
    """The posts of the street lamps, in place."""
    for aside, along in _street_lamps(view, street):
        if _outside(along, tunnel) and along > view.along + 1:
            arm = aside - np.sign(aside) * 1.2
            line = np.array([(aside, 0.0, along), (aside, LAMP_HEIGHT, along), (arm, LAMP_HEIGHT + 0.1, along)])
            seen = view.project(line)
            if seen is not None:
                wide = 0.12 * view.focal * view.columns / max(1.0, along - view.along)
                stroke(frame, seen.clip(-8000, 8000), (70, 72, 72), wide)


def paint_glow(frame: Pixels, view: View, street: Street, tunnel: Range | None) -> None:
    """The heads of the street lamps, too bright for the camera, and the haze of light around them, in place."""
    glow: Pixels = np.zeros((max(1, view.rows // 4), max(1, view.columns // 4), 3), np.uint8)
    for aside, along in _street_lamps(view, street):
        if not _outside(along, tunnel) or along < view.along + 2:
            continue
        arm = aside - np.sign(aside) * 1.2
        seen = view.project(np.array([(arm, LAMP_HEIGHT, along)] * 3))
        if seen is not None and np.abs(seen[0]).max() < 4 * view.columns:
            size = max(1.2, 0.30 * view.focal * view.columns / (along - view.along) / 4)
            at = (round(seen[0, 0] * 4), round(seen[0, 1] * 4))
            cv2.circle(glow, at, round(size * 16), (150, 215, 255), -1, cv2.LINE_AA, 4)
    glow = np.asarray(cv2.GaussianBlur(glow, (0, 0), 0.8), np.uint8)
    halo = cv2.GaussianBlur(glow, (0, 0), view.columns / 130)
    whole = cv2.resize(cv2.addWeighted(glow, 1.0, halo, 0.9, 0), (view.columns, view.rows))
    frame[:] = cv2.add(frame, whole)


def _outside(along: float, tunnel: Range | None) -> bool:
    return tunnel is None or not tunnel[0] - 1 <= along < tunnel[1] + 1


def paint_tunnel(frame: Pixels, view: View, street: Street, tunnel: Range) -> None:
    """The walls and the ceiling of a tunnel over the fronts and the sky, as they would be in daylight, in place."""
    begin, end = max(tunnel[0], view.along - 5), min(tunnel[1], view.along + 160)
    if begin >= end:
        return
    left, right = street.wall(-1), street.wall(1)
    tone = 150 + street.seed % 40
    edges = np.unique(np.clip(np.append(np.arange(np.floor(begin / 5) * 5, end, 5.0), [begin, end]), begin, end))
    for near, far in pairwise(edges):
        overhead = [(left, CEILING, near), (right, CEILING, near), (right, CEILING, far), (left, CEILING, far)]
        _fill(frame, view, overhead, (tone * 0.6, tone * 0.62, tone * 0.63))
        for wall in (left, right):
            shade = 1.0 if int(near // 5) % 2 else 0.965
            grey = tone * shade
            _fill(frame, view, _upright(wall, near, far, 0, CEILING), (grey * 0.97, grey, grey * 1.01))
            _fill(frame, view, _upright(wall, near, far, 0.0, 0.9), (grey * 0.62, grey * 0.64, grey * 0.66))
            _fill(frame, view, _upright(wall, near, near + 0.06, 0.0, CEILING), (grey * 0.6,) * 3)
            _fill(frame, view, _upright(wall, near, far, 3.6, 3.75), (grey * 0.45,) * 3)
    if view.along < tunnel[0]:
        for high, colour in ((PORTAL, (138, 145, 150)), (CEILING + 0.4, (95, 100, 104))):
            facade = [(left, CEILING, begin), (right, CEILING, begin), (right, high, begin), (left, high, begin)]
            _fill(frame, view, facade, colour)


def paint_tunnel_lamps(frame: Pixels, view: View, street: Street, tunnel: Range) -> None:
    """The lamps along the ceiling, which shine, in place."""
    begin, end = max(tunnel[0], view.along - 2), min(tunnel[1], view.along + 120)
    middle = (street.wall(-1) + street.wall(1)) / 2
    for along in np.arange(np.ceil(begin / TUNNEL_SPACING) * TUNNEL_SPACING, end - 1.5, TUNNEL_SPACING):
        for aside in (middle - 1.6, middle + 1.3):
            high, other, far = CEILING - 0.05, aside + 0.3, along + 1.5
            corners = [(aside, high, along), (other, high, along), (other, high, far), (aside, high, far)]
            _fill(frame, view, corners, (205, 240, 252))


def _upright(wall: float, near: float, far: float, low: float, high: float) -> list[tuple[float, float, float]]:
    return [(wall, low, near), (wall, low, far), (wall, high, far), (wall, high, near)]


def _fill(
    frame: Pixels, view: View, corners: list[tuple[float, float, float]], colour: tuple[float, float, float]
) -> None:
    seen = view.project(np.array(corners, np.float64))
    if seen is not None:
        # Generous, for a corner that is moved turns an edge that is seen.
        polygon(frame, seen.clip(-60_000, 60_000), colour)
