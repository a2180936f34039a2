"""The likeliest way between two fixes that are far apart in time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.pipeline.bridge import RESTLESSNESS, Span, bridge, spread

STEP = 1e-5  # seconds, for differences


@st.composite
def ways(draw: st.DrawFn) -> tuple[float, float, float, float, list[Span]]:
    """Seconds, metres, both speeds, and up to three stops."""
    count = draw(st.integers(0, 3))
    edges = np.cumsum(draw(st.lists(st.floats(1.0, 60.0), min_size=2 * count + 1, max_size=2 * count + 1))).tolist()
    stops = [(edges[2 * stop], edges[2 * stop + 1]) for stop in range(count)]
    metres, start, end = draw(st.floats(-3000, 3000)), draw(st.floats(-30, 30)), draw(st.floats(-30, 30))
    return edges[-1], metres, start, end, stops


def energy(gap: float, metres: float, start: float, end: float, knots: Sequence[tuple[float, float, float]]) -> float:
    """The acceleration squared of the cubic pieces through knots (seconds, metres, metres per second), summed up."""
    points = [(0.0, 0.0, start), *knots, (gap, metres, end)]
    total = 0.0
    for (t, x, v), (u, y, w) in pairwise(points):
        length, way = u - t, y - x
        share = (np.arange(1000) + 0.5) / 1000
        # The second derivative of the cubic Hermite piece.
        acceleration = (6 - 12 * share) * way / length**2 + (6 * share - 4) * v / length + (6 * share - 2) * w / length
        total += float((acceleration**2).mean()) * length
    return total


@pytest.mark.parametrize("at", [0.0, 3.7, 8.0, 20.0])
def test_at_an_even_speed_the_way_is_even(at: float) -> None:
    assert bridge(20.0, 200.0, 10.0, 10.0, [], at) == pytest.approx((10.0 * at, 10.0))


@given(ways())
def test_both_ends_are_where_and_as_fast_as_they_were_told(
    way: tuple[float, float, float, float, list[Span]],
) -> None:
    gap, metres, start, end, _stops = way
    assert bridge(*way, 0.0) == pytest.approx((0.0, start), abs=1e-6)
    assert bridge(*way, gap) == pytest.approx((metres, end), abs=1e-6)


def test_who_brakes_evenly_is_where_mechanics_says() -> None:
    gone, pace = bridge(10.0, 50.0, 10.0, 0.0, [], 4.0)
    assert (gone, pace) == pytest.approx((10.0 * 4 - 0.5 * 1.0 * 16, 6.0))


@given(ways(), st.floats(0, 1))
def test_a_way_is_finite_and_its_pace_is_its_slope(
    way: tuple[float, float, float, float, list[Span]], share: float
) -> None:
    gap, metres, start, end, _stops = way
    at = share * (gap - STEP)
    here, pace = bridge(*way, at)
    there, after = bridge(*way, at + STEP)
    assert math.isfinite(here)
    assert math.isfinite(pace)
    # Also over the edge of a stop, neither the place nor the pace jumps.
    hardest = 12 * (abs(metres) + gap * (abs(start) + abs(end) + 1))  # no piece is shorter than a second
    assert there - here == pytest.approx(pace * STEP, abs=hardest * STEP**2)
    assert after == pytest.approx(pace, abs=hardest * STEP)


def test_the_vehicle_stands_during_a_stop_and_drives_on_from_there() -> None:
    way = (60.0, 300.0, 12.0, 8.0, [(20.0, 35.0)])
    places = [bridge(*way, at) for at in (20.0, 27.0, 34.999)]
    assert {round(place, 6) for place, _pace in places} == {round(places[0][0], 6)}
    assert [pace for _place, pace in places] == pytest.approx([0.0, 0.0, 0.0])
    assert 0 < places[0][0] < 300.0
    assert bridge(*way, 19.0)[1] > 0
    assert bridge(*way, 36.0)[1] > 0
    assert bridge(*way, 37.0)[0] > places[0][0]


@pytest.mark.parametrize(
    ("start", "end"), [(12.0, 8.0), (0.0, 0.0), (3.0, 14.0), (-4.0, 9.0)], ids=["even", "standing", "slow", "turning"]
)
def test_one_stop_is_where_it_takes_the_least_acceleration(start: float, end: float) -> None:
    gap, metres, (begin, until) = 60.0, 300.0, (18.0, 31.0)
    tried = np.linspace(-200, 500, 1401)  # every half metre
    costs = [energy(gap, metres, start, end, [(begin, p, 0.0), (until, p, 0.0)]) for p in tried]
    found, _pace = bridge(gap, metres, start, end, [(begin, until)], 20.0)
    assert found == pytest.approx(tried[int(np.argmin(costs))], abs=0.5)


def test_three_stops_are_where_they_take_the_least_acceleration_together() -> None:
    gap, metres, start, end = 120.0, 700.0, 13.0, 6.0
    stops = [(20.0, 30.0), (48.0, 50.0), (90.0, 101.0)]

    def cost(places: Sequence[float]) -> float:
        pairs = zip(stops, places, strict=True)
        knots = [(edge, place, 0.0) for stop, place in pairs for edge in stop]
        return energy(gap, metres, start, end, knots)

    found = [bridge(gap, metres, start, end, stops, begin + 1.0)[0] for begin, _until in stops]
    least = cost(found)
    for stop in range(3):
        for metres_off in (-3.0, -0.5, 0.5, 3.0):
            others = [place + metres_off * (number == stop) for number, place in enumerate(found)]
            assert cost(others) > least
    # And none of a coarse net over all three is better.
    net = np.arange(0.0, 701.0, 50.0)
    assert all(cost((a, b, c)) >= least for a in net for b in net if b >= a for c in net if c >= b)


def test_a_stop_that_lasts_the_whole_gap_leaves_the_way_finite() -> None:
    for at in (0.0, 5.0, 10.0):
        assert all(map(math.isfinite, bridge(10.0, 0.0, 0.0, 0.0, [(0.0, 10.0)], at)))
    assert spread(10.0, [(0.0, 10.0)], 5.0) == 0.0


@given(ways())
def test_nothing_is_uncertain_at_the_ends_and_most_in_the_middle(
    way: tuple[float, float, float, float, list[Span]],
) -> None:
    gap, _metres, _start, _end, stops = way
    assert spread(gap, stops, 0.0) == 0.0
    assert spread(gap, stops, gap) == pytest.approx(0.0, abs=1e-6)
    everywhere = [spread(gap, stops, gap * share) for share in np.linspace(0, 1, 41)]
    assert all(0 <= one <= of_the_middle(gap) + 1e-9 for one in everywhere)


def of_the_middle(gap: float) -> float:
    """Metres, of a gap without stops."""
    return math.sqrt(RESTLESSNESS * (gap / 4) ** 3 / 3)


def test_the_spread_is_that_of_a_vehicle_whose_speed_changes_at_random() -> None:
    assert spread(16.0, [], 8.0) == pytest.approx(of_the_middle(16.0))
    # Drawn: positions of an integrated random walk, given that it ends where and as fast as it should.
    rng, gap, steps = np.random.default_rng(5), 16.0, 160
    pushes = rng.normal(0, math.sqrt(RESTLESSNESS * gap / steps), (4000, steps))
    pace = pushes.cumsum(axis=1)
    place = (pace * gap / steps).cumsum(axis=1)
    for at in (0.25, 0.5, 0.8):
        here = place[:, int(at * steps) - 1]
        told = np.column_stack([place[:, -1], pace[:, -1]])
        left = here - told @ np.linalg.lstsq(told, here, rcond=None)[0]
        assert spread(gap, [], at * gap) == pytest.approx(float(left.std()), rel=0.05)


def test_standing_adds_nothing_to_the_spread() -> None:
    assert spread(50.0, [(10.0, 30.0)], 10.0) == spread(30.0, [], 10.0)
    assert spread(50.0, [(10.0, 30.0)], 25.0) == spread(30.0, [], 10.0)
    assert spread(50.0, [(10.0, 30.0)], 40.0) == spread(30.0, [], 20.0)
