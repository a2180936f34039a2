"""What each part of a frame shows of a street: road, fronts, a tunnel's ceiling, or sky; coarse, to light it by."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from agent.simulation.conditions import Range
from agent.simulation.street import Street
from agent.simulation.textures import Floats
from agent.simulation.view import View

COLUMNS, ROWS = 96, 54  # of the grid
CEILING = 5.0  # metres above the road
ROOFS = 11.0  # metres above the road: what is seen higher is sky
SIGHT = 110.0  # metres
CLOSEST = 1.5  # metres


@dataclass(frozen=True, slots=True)
class Surfaces:
    """The places seen at the middles of a grid of ROWS x COLUMNS over the frame, in metres, each an array of it."""

    aside: Floats
    up: Floats
    along: Floats
    depth: Floats
    foot: Floats  # depth at which each column of the frame (COLUMNS) meets the fronts
    sky: npt.NDArray[np.bool_]
    covered: npt.NDArray[np.bool_]  # in the tunnel


def find_surfaces(view: View, street: Street, tunnel: Range | None) -> Surfaces:
    """Look along a ray through each point of the grid. `tunnel` in metres along the street."""
    slant = ((np.arange(COLUMNS) + 0.5) / COLUMNS - 0.5) / view.focal
    level = (view.horizon - (np.arange(ROWS) + 0.5) / ROWS) * view.rows / (view.focal * view.columns)
    sin, cos = np.sin(view.yaw), np.cos(view.yaw)
    rightwards, onwards = sin + slant * cos, cos - slant * sin
    walls = np.where(rightwards > 0, street.wall(1), street.wall(-1)) - view.aside
    with np.errstate(divide="ignore", invalid="ignore"):
        foot = np.clip(walls / rightwards, CLOSEST, SIGHT)
        ground = np.where(level < 0, -view.height / level, np.inf)
        ceiling = np.where(level > 0, (CEILING - view.height) / level, np.inf)
    depth = np.minimum(foot[None, :], ground[:, None])
    if tunnel is not None:
        above = np.minimum(ceiling, SIGHT)[:, None]
        roofed = view.along + onwards * above
        inside = (roofed >= tunnel[0]) & (roofed < tunnel[1]) & (above < depth)
        depth = np.where(inside, above, depth)
    along = view.along + onwards * depth
    up = view.height + level[:, None] * depth
    covered = np.zeros(depth.shape, np.bool_)
    if tunnel is not None:
        covered = (along >= tunnel[0]) & (along < tunnel[1]) & (up <= CEILING + 0.01)
    sky = ~covered & ((up > ROOFS) | ((depth >= SIGHT) & (level[:, None] > 0)))
    return Surfaces(
        aside=(view.aside + rightwards * depth).astype(np.float32),
        up=up.astype(np.float32),
        along=along.astype(np.float32),
        depth=np.maximum(depth, CLOSEST).astype(np.float32),
        foot=foot.astype(np.float32),
        sky=sky,
        covered=covered,
    )
