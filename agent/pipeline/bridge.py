"""The likeliest way between two fixes that are far apart in time: that of the least acceleration."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

# Metres squared per second cubed: how much a vehicle's speed changes at random, as the spectral density of white
# acceleration (Bar-Shalom, Estimation with Applications to Tracking and Navigation, 6.2.2). With 2.0 the stated error
# covers 95 % of drawn vehicles' ways through tunnels (benchmarks/tunnel.py).
RESTLESSNESS = 2.0

Span = tuple[float, float]  # seconds: from, to


def bridge(  # noqa: PLR0913, PLR0917 - both ends, and when
    gap: float, metres: float, start: float, end: float, stops: Sequence[Span], at: float
) -> tuple[float, float]:
    """Metres from the beginning and metres per second on one axis, `at` seconds after it.

    The way is `metres` long and takes `gap` seconds, `start` and `end` are the speeds at both ends; between the
    seconds of `stops` (in order, within the gap) the vehicle stands, nobody knows where. Of all such ways this one has
    the least acceleration, which makes it the likeliest where that is white noise: cubic pieces.
    """
    places = _stand(gap, metres, start, end, stops)
    edges = [0.0, *(edge for stop in stops for edge in stop), gap]
    knots = [0.0, *(place for place in places for _ in range(2)), metres]
    speeds = [start, *([0.0] * (2 * len(stops))), end]
    piece = max(0, min(int(np.searchsorted(edges, at, side="right")) - 1, len(edges) - 2))
    length = edges[piece + 1] - edges[piece]
    if length <= 0:
        return knots[piece], speeds[piece]
    share = (at - edges[piece]) / length
    gone, pace = _cubic(share, length, knots[piece + 1] - knots[piece], speeds[piece], speeds[piece + 1])
    return knots[piece] + gone, pace


def spread(gap: float, stops: Sequence[Span], at: float) -> float:
    """Metres, standard deviation: how far off that may be.

    Of an integrated Brownian bridge, whose variance is q t^3 (T-t)^3 / 3 T^3, over the time in which the vehicle moves.
    """
    moving = _moving(stops, gap)
    if moving <= 0:
        return 0.0
    share = min(max(_moving(stops, at) / moving, 0.0), 1.0)
    return math.sqrt(RESTLESSNESS * (moving * share * (1 - share)) ** 3 / 3)


def _moving(stops: Sequence[Span], until: float) -> float:
    return until - sum(max(0.0, min(until, end) - begin) for begin, end in stops)


def _stand(gap: float, metres: float, start: float, end: float, stops: Sequence[Span]) -> list[float]:
    """Metres at each stop, where the sum over the pieces of their acceleration squared is least.

    A cubic piece of d metres and T seconds between the speeds v and w has 4 (v^2 + vw + w^2) / T - 12 d (v + w) / T^2
    + 12 d^2 / T^3 of it; its derivatives by the places of the stops are zero.
    """
    if not stops:
        return []
    begins, ends = [0.0, *(stop[1] for stop in stops)], [*(stop[0] for stop in stops), gap]
    lengths = [max(1e-3, until - since) for since, until in zip(begins, ends, strict=True)]
    count = len(stops)
    matrix, right = np.zeros((count, count)), np.zeros(count)
    for stop in range(count):
        before, after = 2 / lengths[stop] ** 3, 2 / lengths[stop + 1] ** 3
        matrix[stop, stop] = before + after
        if stop > 0:
            matrix[stop, stop - 1] = -before
        else:
            right[stop] += start / lengths[0] ** 2
        if stop < count - 1:
            matrix[stop, stop + 1] = -after
        else:
            right[stop] += after * metres - end / lengths[-1] ** 2
    return [float(place) for place in np.linalg.solve(matrix, right)]


def _cubic(share: float, length: float, metres: float, start: float, end: float) -> tuple[float, float]:
    """Metres and metres per second, that `share` of the way through (cubic Hermite)."""
    gone = (
        (share**3 - 2 * share**2 + share) * length * start
        + (3 * share**2 - 2 * share**3) * metres
        + (share**3 - share**2) * length * end
    )
    pace = (
        (3 * share**2 - 4 * share + 1) * start
        + 6 * (share - share**2) * metres / length
        + (3 * share**2 - 2 * share) * end
    )
    return gone, pace
