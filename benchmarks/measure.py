"""Taking two things in turn, so that the machine's moods fall on both."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import msgspec


class Figure(msgspec.Struct, frozen=True):
    """One figure and its peer; the ratio is ours to theirs, the spread the quartiles of ours."""

    name: str
    ours: float
    peer: float | None
    peer_name: str
    ratio: float | None
    unit: str
    spread: tuple[float, float] | None = None
    note: str = ""


def compare(  # noqa: PLR0913 - the two sides and what the figure is called
    name: str,
    ours: Callable[[], object],
    peer: Callable[[], object],
    peer_name: str,
    *,
    rounds: int = 100,
    note: str = "",
) -> Figure:
    """Median milliseconds of each, called in turn after a warm-up of five."""
    mine: list[float] = []
    theirs: list[float] = []
    for round_ in range(rounds + 5):
        for work, times in ((ours, mine), (peer, theirs)):
            started = time.perf_counter()
            work()
            if round_ >= 5:  # noqa: PLR2004 - the warm-up
                times.append((time.perf_counter() - started) * 1000)
    low, median, high = statistics.quantiles(mine, n=4)
    other = statistics.median(theirs)
    return Figure(name, median, other, peer_name, median / other, "ms", (low, high), note)


def line(figure: Figure) -> str:
    """The figure for people."""
    ratio = "" if figure.ratio is None else f" ({figure.ratio:.3g})"
    note = f"; {figure.note}" if figure.note else ""
    peer = f"{figure.peer_name}: {_side(figure.peer, figure)}{ratio}"
    return f"{figure.name:<28} {_side(figure.ours, figure)}   {peer}{note}"


def _side(value: float | None, figure: Figure) -> str:
    return "-" if value is None else f"{value:.4g} {figure.unit}"
