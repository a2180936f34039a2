"""What it costs to ask whether a defect is known already, of a store that remembers a month of them."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import uuid6

from agent.domain import Position, Report
from agent.store.quota import Limits
from agent.store.store import FILE_NAME, Store
from benchmarks.measure import Figure, compare
from benchmarks.reports import report

MANY = 60_000  # reports: 30 days of 10 hours, 200 an hour
LABELS = ("pothole", "road_crack")  # of one group, as the filing asks
OTHERS = ("illegal_dumping", "overflowing_bin", "graffiti")
BOX = (43.20, 5.30, 43.36, 5.50)  # south, west, north, east: a town
RADIUS = 10.0  # metres
BAND = 1e-4  # degrees, which is a little more


def near() -> Figure:
    """A look-up around any place, against the same question where there is no index."""
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        store = Store(Path(folder), Limits(quota=10_000_000_000, free=0))
        _fill(Path(folder))
        rng = np.random.default_rng(3)
        places = _places(rng)
        found: list[int] = []

        def ours() -> None:
            found.append(len(store.outbox.near(LABELS, *next(places), RADIUS)))

        with closing(sqlite3.connect(Path(folder) / FILE_NAME)) as plain:

            def scan() -> None:
                lat, lon = next(places)
                # The plus keeps SQLite from using an index.
                near = plain.execute(
                    "SELECT payload FROM report"
                    " WHERE +label IN (?, ?) AND +lat BETWEEN ? AND ? AND +lon BETWEEN ? AND ?",
                    (*LABELS, lat - BAND, lat + BAND, lon - BAND, lon + BAND),
                )
                for (payload,) in near.fetchall():
                    msgspec.json.decode(payload, type=Report)

            figure = compare("store-near", ours, scan, "SQLite reading all reports", rounds=100)
        store.close()
        note = f"{MANY} reports, {sum(found) / len(found):.1f} found in the mean"
        return msgspec.structs.replace(figure, note=note)


def _places(rng: np.random.Generator) -> Iterator[tuple[float, float]]:
    south, west, north, east = BOX
    while True:
        yield float(rng.uniform(south, north)), float(rng.uniform(west, east))


def _fill(directory: Path) -> None:
    """As the store would, but in one transaction."""
    rng = np.random.default_rng(1)
    labels = (*LABELS, *OTHERS)
    blank = report()
    rows = []
    for (lat, lon), _number in zip(_places(rng), range(MANY), strict=False):
        one = _report(blank, labels[int(rng.integers(len(labels)))], lat, lon)
        rows.append((one.id, one.label, one.severity, 0.0, lat, lon, msgspec.json.encode(one)))
    with closing(sqlite3.connect(directory / FILE_NAME)) as plain, plain:
        plain.executemany(
            "INSERT INTO report (id, label, severity, created_at, lat, lon, payload) VALUES (?, ?, ?, ?, ?, ?, ?)", rows
        )


def _report(blank: Report, label: str, lat: float, lon: float) -> Report:
    place = Position("gnss", lat, lon, age=0.2, accuracy=3.1, speed=8.2, track=123.0)
    return replace(blank, id=str(uuid6.uuid7()), label=label, position=place)
