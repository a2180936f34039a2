"""What it costs to know in which commune a place lies: a look-up on board, and taking the zones up at the start."""

from __future__ import annotations

import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import numpy as np
import shapely

from agent.zones import intake, stored
from agent.zones.zone import COMMUNE, Zone
from agent.zones.zones import Zones
from benchmarks.measure import Figure, compare

COMMUNES = Path(os.environ.get("FIDAMIA_SHARED", Path(__file__).parents[2] / "shared")) / "geo" / "communes-amp.geojson"
DRAWN = 92  # communes where the file is not there, each of about as many corners as those have
PLACES = 2000
ROUNDS = 21
CORNER = 0.005  # degrees

Look = Callable[[float, float], object]


def lookup() -> Figure:
    """Places of which the zones are said, one by one, against asking each prepared polygon in one call of numpy."""
    geometries = np.array([zone.geometry for zone in _zones()], dtype=object)
    shapely.prepare(geometries)
    return _rate(
        "zones-lookup",
        lambda lat, lon: np.flatnonzero(shapely.covers(geometries, shapely.Point(lon, lat))),
        "brute force over shapely's prepared polygons",
    )


def lookup_bare() -> Figure:
    """The same against a bare tree, which says numbers instead of zones."""
    tree = shapely.STRtree([zone.geometry for zone in _zones()])
    return _rate(
        "zones-lookup-bare",
        lambda lat, lon: tree.query(shapely.Point(lon, lat), predicate="intersects"),
        "bare shapely STRtree",
    )


def load() -> Figure:
    """From the file in the store to the first look-up, against json and shapely alone, without checks."""
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        stored.replace(directory, {COMMUNE}, _zones())
        path = directory / stored.FILE_NAME

        def bare() -> object:
            features = json.loads(path.read_bytes())["features"]
            geometries = [shapely.geometry.shape(feature["geometry"]) for feature in features]
            shapely.prepare(geometries)
            return shapely.STRtree(geometries).query(shapely.Point(5.4, 43.3))

        note = f"{len(_zones())} communes, {path.stat().st_size} bytes"
        return compare(
            "zones-load",
            lambda: Zones.load(directory).at(43.3, 5.4),
            bare,
            "json, shapely's shape and STRtree",
            rounds=50,
            note=note,
        )


def _rate(name: str, peer: Look, peer_name: str) -> Figure:
    zones = Zones(_zones())
    rates: tuple[list[float], list[float]] = ([], [])
    for _round in range(ROUNDS):
        for look, found in ((zones.at, rates[0]), (peer, rates[1])):
            began = time.perf_counter()
            for lat, lon in _places():
                look(lat, lon)
            found.append(PLACES / (time.perf_counter() - began))
    low, ours, high = statistics.quantiles(rates[0], n=4)
    theirs = statistics.median(rates[1])
    corners = int(shapely.get_num_coordinates([zone.geometry for zone in _zones()]).sum())
    note = f"{len(_zones())} communes of {corners} corners"
    return Figure(name, ours, theirs, peer_name, ours / theirs, "look-ups/s", (low, high), note)


@cache
def _zones() -> Sequence[Zone]:
    if COMMUNES.is_file():
        return intake.examine(intake.read(COMMUNES)).zones
    chance = np.random.default_rng(1)
    sites = shapely.multipoints(chance.uniform((4.7, 43.1), (5.8, 43.8), (DRAWN, 2)))
    cells = shapely.get_parts(shapely.voronoi_polygons(sites))
    drawn = shapely.segmentize(shapely.intersection(cells, shapely.box(4.7, 43.1, 5.8, 43.8)), CORNER)
    return [Zone(COMMUNE, f"{13001 + number}", "drawn", geometry) for number, geometry in enumerate(drawn)]


@cache
def _places() -> list[tuple[float, float]]:
    """Anywhere within the rectangle around them all, latitude first."""
    west, south, east, north = shapely.total_bounds([zone.geometry for zone in _zones()])
    places = np.random.default_rng(2).uniform((south, west), (north, east), (PLACES, 2))
    return [(float(lat), float(lon)) for lat, lon in places]
