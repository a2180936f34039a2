"""What a drawn patrol truly was: where the vehicle drove, what there was to be seen, and when it was in sight."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from agent.simulation.patrol import Defect, Patrol
from agent.sync.messages import timestamp

PATH_STEP = 0.5  # seconds between two places of the path
APART = 2.0  # seconds out of sight after which a defect is passed again
RATE = 5.0  # frames a second
FAINT = 0.001  # of the frame: a defect that fills less can not be made out
LONGEST = 30.0  # seconds for which one is made out before it is in sight
FORMAT = "fidamia.truth.v1"

Stamp = Callable[[float], str]  # seconds since the start to a time
Instants = list[tuple[float, float]]  # seconds, and the share of the frame that the defect fills then


def truth(patrol: Patrol, start: datetime, rate: float = RATE) -> dict[str, Any]:
    """The whole truth, as JSON takes it. `start` (aware UTC) is the time of second 0; `rate` in frames a second.

    All times are RFC 3339, by the patrol's own clock, which is also that of the simulated frames and fixes. A defect
    is in sight while it fills a hundredth of the frame and most of it is within, whether or not the light lets it be
    seen.
    """

    def at(seconds: float) -> str:
        return timestamp(start + timedelta(seconds=seconds))

    seen = _seen(patrol, rate)
    return {
        "format": FORMAT,
        "seed": patrol.seed,
        "start": at(0),
        "seconds": patrol.duration,
        "rate": rate,
        "route_m": round(patrol.length, 2),
        "conditions": asdict(patrol.conditions),
        "camera": mounting(patrol),
        "path": [_place(patrol, float(s), at(float(s))) for s in np.arange(0, patrol.duration, PATH_STEP)],
        "defects": [_defect(patrol, defect, seen.get(defect, []), at) for defect in patrol.truth()],
    }


def write_truth(path: Path, patrol: Patrol, start: datetime, rate: float = RATE) -> None:
    """Write the truth to a file. Raises OSError."""
    path.write_bytes(msgspec.json.format(msgspec.json.encode(truth(patrol, start, rate)), indent=1))


def mounting(patrol: Patrol) -> dict[str, float]:
    """How the camera is mounted: metres above the road, degrees to the right, degrees of view across, the horizon."""
    view = patrol.view(0.0)
    return {
        "height_m": view.height,
        "yaw_deg": round(math.degrees(view.yaw), 2),
        "fov_deg": round(2 * math.degrees(math.atan(0.5 / view.focal)), 2),
        "horizon": view.horizon,
    }


def passes(instants: Iterable[tuple[float, float]], apart: float = APART) -> Iterator[Instants]:
    """Each run of instants (in order) that lie less than `apart` seconds from the one before."""
    run: Instants = []
    for instant in instants:
        if run and instant[0] - run[-1][0] >= apart:
            yield run
            run = []
        run.append(instant)
    if run:
        yield run


def _seen(patrol: Patrol, rate: float) -> dict[Defect, Instants]:
    seen: dict[Defect, Instants] = {}
    for number in range(math.ceil(patrol.duration * rate)):
        seconds = number / rate
        for defect, (left, top, right, bottom) in patrol.in_sight(seconds):
            seen.setdefault(defect, []).append((seconds, (right - left) * (bottom - top)))
    return seen


def _place(patrol: Patrol, seconds: float, at: str) -> dict[str, Any]:
    lat, lon = patrol.place(seconds)
    return {
        "at": at,
        "lat": round(lat, 7),
        "lon": round(lon, 7),
        "speed": round(patrol.speed(seconds), 2),
        "track": round(patrol.track(seconds), 1),
        "in_tunnel": patrol.in_tunnel(seconds),
    }


def _defect(patrol: Patrol, defect: Defect, instants: Instants, at: Stamp) -> dict[str, Any]:
    runs = [_run(patrol, defect, run, at) for run in passes(instants)]
    return {
        "label": defect.label,
        "lat": round(defect.lat, 7),
        "lon": round(defect.lon, 7),
        "metres": round(defect.metres, 2),
        "first_seen": runs[0]["from"] if runs else None,
        "last_seen": runs[-1]["to"] if runs else None,
        "passes": runs,
    }


def _earliest(patrol: Patrol, defect: Defect, begin: float) -> float:
    """Seconds when it could first be made out, from far away, before it was in sight."""
    seconds = begin
    while seconds > begin - LONGEST and any(one == defect for one, _region in patrol.in_sight(seconds, FAINT)):
        seconds -= 1 / RATE
    return max(0.0, seconds)


def _run(patrol: Patrol, defect: Defect, run: Instants, at: Stamp) -> dict[str, Any]:
    covered = sum(patrol.in_tunnel(seconds) for seconds, _share in run)
    return {
        "from": at(run[0][0]),
        "to": at(run[-1][0]),
        "earliest": at(_earliest(patrol, defect, run[0][0])),
        "frames": len(run),
        "largest": round(max(share for _seconds, share in run), 4),
        "in_tunnel": covered * 2 > len(run),
    }
