"""Which regions a frame is looked at in, with the time that there is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.domain import WHOLE_FRAME, Position, Region
from agent.pipeline.regions import Pace, Rota, road
from tests.unit.builders import position

ROAD = road(0.3)
SECONDS = st.floats(0.001, 0.2)  # of a look


class Watch:
    """A clock that stands still, except while something is looked at."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


class Gaze:
    """Looks as told, each for as long as told."""

    def __init__(self, regions: Sequence[Region] = ROAD) -> None:
        self._watch = Watch()
        self.rota = Rota(regions, self._watch)
        self.looks: list[float] = []  # seconds each took, of the newest frame

    def frame(self, budget: float, *seconds: float) -> list[Region]:
        """The regions looked at, the first `seconds[0]` long and so on, the last of them for all that follow."""
        self.looks = []
        seen = []
        for region in self.rota.turns(budget):
            self.looks.append(seconds[min(len(self.looks), len(seconds) - 1)])
            self._watch.seconds += self.looks[-1]
            seen.append(region)
        return seen


@given(horizon=st.floats(0.0, 0.9))
def test_the_road_is_the_whole_frame_and_parts_below_the_horizon_that_are_within_it(horizon: float) -> None:
    whole, *parts = road(horizon)
    assert whole == WHOLE_FRAME
    for left, top, right, bottom in parts:
        assert 0.0 <= left < right <= 1.0
        assert horizon <= top < bottom <= 1.0


@given(horizon=st.floats(0.0, 0.9), across=st.floats(0.0, 1.0), below=st.floats(0.0, 1.0))
def test_no_place_below_the_horizon_is_left_to_the_whole_frame_alone(
    horizon: float, across: float, below: float
) -> None:
    down = min(1.0, horizon + below * (1.0 - horizon))
    holding = [part for part in road(horizon)[1:] if part[0] <= across <= part[2] and part[1] <= down <= part[3]]
    assert holding


def test_parts_that_lie_side_by_side_overlap() -> None:
    _whole, *parts = ROAD
    for row in (parts[:2], parts[2:]):
        for one, next_ in pairwise(row):
            assert one[2] - next_[0] > 0.015


def test_with_time_for_all_every_region_is_looked_at_in_every_frame_the_whole_one_first() -> None:
    gaze = Gaze()
    for _frame in range(3):
        assert gaze.frame(0.065, 0.01) == list(ROAD)


def test_without_time_for_all_the_whole_frame_is_looked_at_in_each_and_the_parts_take_turns() -> None:
    gaze = Gaze()
    assert gaze.frame(0.065, 0.02) == [WHOLE_FRAME, ROAD[1], ROAD[2]]
    assert gaze.frame(0.065, 0.02) == [WHOLE_FRAME, ROAD[3], ROAD[4]]
    assert gaze.frame(0.065, 0.02) == [WHOLE_FRAME, ROAD[5], ROAD[1]]


def test_a_single_region_is_looked_at_once() -> None:
    assert Gaze([WHOLE_FRAME]).frame(1.0, 0.01) == [WHOLE_FRAME]


def test_a_region_listed_first_is_looked_at_in_every_frame_also_where_it_is_a_part() -> None:
    gaze = Gaze(ROAD[1:])
    assert [gaze.frame(0.025, 0.01)[0] for _frame in range(4)] == [ROAD[1]] * 4


@given(budget=st.floats(0.0, 1.0), seconds=st.lists(SECONDS, min_size=6, max_size=6))
def test_the_budget_is_never_exceeded_by_more_than_one_look_beyond_the_two_that_are_always_taken(
    budget: float, seconds: list[float]
) -> None:
    gaze = Gaze()
    gaze.frame(budget, *seconds)
    assert len(gaze.looks) >= 2
    assert len(gaze.looks) == 2 or sum(gaze.looks[:-1]) <= budget


@given(frames=st.lists(st.tuples(st.floats(0.0, 1.0), SECONDS), min_size=5, max_size=30))
def test_every_region_is_looked_at_within_five_frames_however_little_time_there_is(
    frames: list[tuple[float, float]],
) -> None:
    gaze = Gaze()
    seen = [gaze.frame(budget, seconds) for budget, seconds in frames]
    for first in range(len(seen) - 4):
        assert set().union(*seen[first : first + 5]) == set(ROAD)


@given(budget=st.floats(0.01, 1.0), seconds=st.lists(SECONDS, min_size=2, max_size=2))
def test_slower_looks_are_never_more_looks(budget: float, seconds: list[float]) -> None:
    quick, slow = sorted(seconds)
    assert len(Gaze().frame(budget, quick)) >= len(Gaze().frame(budget, slow))


def test_a_board_that_grows_hot_looks_at_fewer_regions_one_by_one_and_at_all_again_when_it_has_cooled() -> None:
    gaze = Gaze()
    heat = [0.015 + 0.002 * degree for degree in range(16)]  # from 15 to 45 ms a look
    counts = [len(gaze.frame(0.101, seconds)) for seconds in [*heat, *reversed(heat)]]
    assert (counts[0], min(counts), counts[-1]) == (6, 2, 6)
    assert max(abs(after - before) for before, after in pairwise(counts)) == 1


def test_one_slow_look_costs_that_frame_only() -> None:
    gaze = Gaze()
    assert len(gaze.frame(0.065, 0.01, 0.05, 0.01)) == 2
    assert len(gaze.frame(0.065, 0.01)) == 6


def test_what_a_frame_costs_is_said_and_follows_slowly() -> None:
    gaze = Gaze()
    assert gaze.rota.cost is None
    gaze.frame(1.0, 0.01)
    cost = gaze.rota.cost
    assert cost is not None
    assert (cost.regions, cost.looks, cost.seconds) == (6, 6, pytest.approx(0.06))
    for _frame in range(50):
        gaze.frame(0.065, 0.02)
        after = gaze.rota.cost
        assert after is not None
        assert 3 <= after.looks <= cost.looks
        assert cost.looks - after.looks < 0.5
        cost = after
    assert (cost.looks, cost.seconds) == (pytest.approx(3, abs=0.1), pytest.approx(0.06))


def at(speed: float | None) -> Position:
    where = position()
    return Position("gnss", where.lat, where.lon, speed=speed)


@pytest.mark.parametrize(
    ("pace", "where", "seconds"),
    [
        (Pace(4.0, 1.0, 0.5), at(8.0), 0.25),
        (Pace(4.0, 1.0, 0.25), at(8.0), 0.125),
        (Pace(4.0, 1.0, 1.0), at(None), 4.0 / 14.0),  # 50 km/h, to be on the safe side
        (Pace(4.0, 1.0, 0.5), Position("none"), 0.5),
        (Pace(4.0, 1.0, 0.5), at(0.0), math.inf),  # a vehicle that stands has time
        (Pace(0.0, 1.0, 0.5), at(8.0), math.inf),  # every frame, as fast as they are done with
        (Pace(4.0, 0.0, 0.5), Position("none"), math.inf),
        (Pace(), at(8.0), math.inf),
    ],
)
def test_the_time_for_a_frame_is_a_share_of_that_until_the_next(pace: Pace, where: Position, seconds: float) -> None:
    assert pace.budget(where) == pytest.approx(seconds)
