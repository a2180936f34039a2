"""Where the vehicle was, and how well that is known."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.domain import Fix, Position
from agent.pipeline.bridge import RESTLESSNESS
from agent.pipeline.locate import (
    AGREEING,
    FASTEST,
    FRESH,
    FROZEN,
    KEPT,
    LOST,
    NOWHERE,
    SHORTEST_STOP,
    UNKNOWN_EPH,
    UNKNOWN_SPEED,
    Fixes,
)
from agent.plane import STANDING, between, travel
from tests.unit.builders import MARSEILLE, fix

LAT, LON = MARSEILLE
SOON = FRESH / 2  # seconds: well within what is fresh
TUNNEL = 10 * FRESH  # seconds: well beyond, and nowhere near lost
ERROR = 3.0  # metres, of the fixes here


def driven(seconds: float, east: float = 0.0, **changes: object) -> Fix:
    """A fix so many seconds after noon, so many metres east of Marseille."""
    lat, lon = travel(LAT, LON, east, 90.0)
    return fix(seconds, **{"lat": lat, "lon": lon, **changes})


def drive(speed: float, seconds: Iterable[float], **changes: object) -> list[Fix]:
    """Fixes of a vehicle that passes Marseille at noon, driving east."""
    return [driven(second, speed * second, speed=speed, **changes) for second in seconds]


def heard(*fixes: Fix) -> Fixes:
    found = Fixes()
    found.add(fixes)
    return found


def metres(found: Position) -> tuple[float, float]:
    """North and east of Marseille."""
    assert found.lat is not None
    assert found.lon is not None
    return between(LAT, LON, found.lat, found.lon)


def east(found: Position) -> float:
    return metres(found)[1]


def test_a_fix_of_the_same_instant_is_the_position() -> None:
    assert heard(fix(5.0)).position(5.0) == Position("gnss", LAT, LON, 0.0, ERROR, 10.0, 90.0)
    between_two = heard(*drive(10.0, [4.0, 5.0, 6.0])).position(5.0)
    assert (between_two.source, between_two.age, between_two.accuracy) == ("gnss", 0.0, ERROR)
    assert east(between_two) == pytest.approx(50.0)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.8])
def test_between_two_fixes_the_vehicle_is_on_the_way_from_the_one_to_the_other(share: float) -> None:
    found = heard(*drive(10.0, [0.0, SOON])).position(share * SOON)
    assert metres(found) == pytest.approx((0.0, 10.0 * share * SOON), abs=0.01)
    assert found.source == "gnss"
    assert found.age == pytest.approx(min(share, 1 - share) * SOON)
    assert (found.speed, found.track) == pytest.approx((10.0, 90.0))


def test_who_brakes_is_ahead_of_the_middle_in_half_the_time() -> None:
    found = heard(driven(0.0, speed=8.0), driven(2.0, 8.0, speed=0.0, track=None)).position(1.0)
    assert east(found) == pytest.approx(6.0, abs=0.01)
    assert found.speed == pytest.approx(4.0)


def test_between_two_fixes_the_error_passes_from_the_one_to_the_other() -> None:
    fixes = heard(driven(0.0, eph=2.0), driven(1.0, 10.0, eph=10.0))
    quarter = fixes.position(0.25).accuracy
    assert quarter is not None
    assert 4.0 < quarter < 4.5
    assert fixes.position(0.0).accuracy == 2.0


def test_a_curve_is_driven_as_a_curve() -> None:
    # A quarter of a circle of 20 m about (20 m north, 0), from east to north, in 3 s.
    pace = 20.0 * math.pi / 2 / 3
    lat, lon = travel(*travel(LAT, LON, 20.0, 0.0), 20.0, 90.0)
    fixes = heard(fix(0.0, speed=pace), fix(3.0, lat=lat, lon=lon, speed=pace, track=0.0))
    middle = fixes.position(1.5)
    assert metres(middle) == pytest.approx((20.0 - 14.14, 14.14), abs=0.3)
    assert middle.track == pytest.approx(45.0, abs=0.01)


def test_where_no_velocity_is_told_the_way_is_even() -> None:
    fixes = heard(driven(0.0, speed=None, track=None), driven(SOON, 12.0, speed=None, track=None))
    assert east(fixes.position(SOON / 3)) == pytest.approx(4.0)
    assert fixes.position(SOON / 3).speed == pytest.approx(12.0 / SOON)


@pytest.mark.parametrize(
    ("track", "north", "aside"), [(0.0, 15.0, 0.0), (90.0, 0.0, 15.0), (180.0, -15.0, 0.0), (225.0, -10.607, -10.607)]
)
def test_a_fresh_fix_is_carried_forward_along_its_track(track: float, north: float, aside: float) -> None:
    found = heard(fix(0.0, speed=10.0, track=track)).position(1.5)
    assert metres(found) == pytest.approx((north, aside), abs=0.01)
    assert (found.source, found.age, found.speed, found.track) == ("gnss", 1.5, 10.0, track)


def test_the_error_grows_the_farther_a_fix_is_carried() -> None:
    fixes = heard(fix())
    first, second, third = (fixes.position(FRESH * share).accuracy for share in (0.0, 0.5, 1.0))
    assert first is not None
    assert second is not None
    assert third is not None
    assert first == ERROR < second < third < ERROR + 10.0 * FRESH
    assert third - second > second - first


def test_without_a_track_the_position_stays_and_its_error_grows_with_the_speed() -> None:
    found = heard(fix(track=None)).position(2.0)
    assert metres(found) == (0.0, 0.0)
    assert found.accuracy == ERROR + 20.0
    assert heard(fix(speed=None)).position(2.0).lat == LAT


def test_a_receiver_that_states_no_error_is_given_a_wide_one() -> None:
    assert heard(fix(eph=None)).position(0.0).accuracy == UNKNOWN_EPH


def test_an_old_fix_is_the_last_known_position_within_a_radius_that_grows() -> None:
    near, far = (heard(fix()).position(FRESH + seconds) for seconds in (1.0, 61.0))
    assert (near.source, near.lat, near.lon, near.age) == ("last_known", LAT, LON, FRESH + 1)
    assert (near.speed, near.track) == (None, None)
    assert near.accuracy == ERROR + 10.0 * (FRESH + 1)
    assert far.accuracy == ERROR + 10.0 * (FRESH + 61)


def test_the_radius_also_grows_for_a_vehicle_that_stood_or_whose_speed_is_not_known() -> None:
    standing, unknown = heard(fix(speed=0.0)).position(100.0), heard(fix(speed=None)).position(100.0)
    assert (standing.accuracy, unknown.accuracy) == (ERROR + 100.0, ERROR + 100 * UNKNOWN_SPEED)


def test_the_borders_belong_to_the_better_word() -> None:
    assert heard(fix()).position(FRESH).source == "gnss"
    assert heard(fix()).position(LOST).source == "last_known"
    assert heard(*drive(5.0, [0.0, FRESH])).position(1.0).source == "gnss"
    assert heard(*drive(5.0, [0.0, LOST])).position(1.0).source == "interpolated"


def test_where_nothing_is_known_nothing_is_said() -> None:
    for found in (Fixes().position(0.0), heard(fix()).position(LOST + 0.1), heard(fix()).position(-LOST - 0.1)):
        assert found == NOWHERE
        assert (found.lat, found.lon, found.age, found.accuracy) == (None, None, None, None)


def test_before_the_first_fix_the_vehicle_is_somewhere_around_it() -> None:
    found = heard(fix(20.0)).position(18.0)
    assert (found.source, found.lat, found.age) == ("last_known", LAT, 2.0)
    assert found.accuracy == ERROR + 20.0


def test_in_a_tunnel_the_vehicle_is_between_its_ends_once_both_are_known() -> None:
    fixes = heard(*drive(10.0, [0.0]))
    middle = TUNNEL / 2
    assert fixes.position(middle).source == "last_known"
    assert not fixes.is_final(middle)
    fixes.add(drive(10.0, [TUNNEL]))
    assert fixes.is_final(middle)
    found = fixes.position(middle)
    assert found.source == "interpolated"
    assert metres(found) == pytest.approx((0.0, 10.0 * middle), abs=0.01)
    assert (found.age, found.speed, found.track) == pytest.approx((middle, 10.0, 90.0))
    assert found.accuracy is not None
    assert found.accuracy > 2 * ERROR
    # Soon after the last fix it is not far from where the entry says, whatever the exit says.
    early = fixes.position(1.0).accuracy
    assert early is not None
    assert early < ERROR + 2.0


def test_nothing_more_will_be_told_of_an_instant_with_a_fix_after_it() -> None:
    fixes = heard(fix(1.0), fix(2.0))
    assert [fixes.is_final(at) for at in (0.0, 1.0, 1.9, 2.0, 9.0)] == [True, True, True, False, False]
    assert not Fixes().is_final(0.0)


def test_a_gap_that_no_vehicle_crosses_in_its_time_is_not_interpolated() -> None:
    far = FASTEST * TUNNEL * 1.5
    fixes = heard(driven(0.0), *(driven(TUNNEL + second, far + 10.0 * second) for second in range(AGREEING)))
    before, after = fixes.position(FRESH + 1), fixes.position(TUNNEL - 1.0)
    assert (before.source, after.source) == ("last_known", "last_known")
    assert east(before) == pytest.approx(0.0)
    assert east(after) == pytest.approx(far, rel=0.01)
    assert after.age == 1.0


def test_a_gap_beyond_which_everything_is_lost_is_not_interpolated() -> None:
    gap = 1.5 * LOST
    fixes = heard(*drive(5.0, [0.0, gap]))
    assert [fixes.position(share * gap).source for share in (0.4, 0.6)] == ["last_known"] * 2
    assert [east(fixes.position(share * gap)) for share in (0.4, 0.6)] == pytest.approx([0.0, 5.0 * gap])
    assert heard(*drive(5.0, [0.0, 2.5 * LOST])).position(1.25 * LOST) == NOWHERE


def test_the_place_of_a_stop_in_a_tunnel_is_seen_to() -> None:
    """100 m at 10 m/s into the tunnel, a stop, and 100 m more: without the stop it would be thought slow throughout."""
    stop = 15.0
    fixes = heard(driven(0.0, 0.0), driven(20.0 + stop, 200.0))
    fixes.stood(9.5, 9.5 + stop + 1.0)
    standing = [fixes.position(at) for at in (10.0, 17.0, 25.0)]
    assert [east(one) for one in standing] == pytest.approx([east(standing[0])] * 3)
    assert east(standing[0]) == pytest.approx(100.0, abs=5.0)
    assert [one.speed for one in standing] == pytest.approx([0.0] * 3, abs=1e-6)
    assert [one.track for one in standing] == [90.0] * 3
    without = heard(driven(0.0, 0.0), driven(20.0 + stop, 200.0)).position(17.0)
    assert without.accuracy is not None
    assert standing[1].accuracy is not None
    assert standing[1].accuracy < without.accuracy


def test_the_time_of_a_stop_does_not_make_the_rest_of_the_way_slower() -> None:
    """Where the receiver told no velocity at either end."""
    ends = driven(0.0, speed=None, track=None), driven(40.0, 200.0, speed=None, track=None)
    fixes = heard(*ends)
    assert fixes.position(0.0).speed == pytest.approx(5.0)
    fixes.stood(15.0, 25.0)
    for at in (0.0, 39.999):
        assert fixes.position(at).speed == pytest.approx(200.0 / 30.0, rel=0.01)


def test_what_is_seen_of_one_stop_piece_by_piece_is_one_stop() -> None:
    whole, pieces = (heard(driven(0.0), driven(40.0, 200.0)) for _ in range(2))
    whole.stood(10.0, 20.0)
    for at in range(20):
        pieces.stood(10.0 + at / 2, 10.5 + at / 2)
    assert pieces.position(15.0) == whole.position(15.0)


@pytest.mark.parametrize(
    "seen",
    [(10.0, 10.0 + SHORTEST_STOP / 2), (-5.0, 1.0), (39.0, 45.0), (50.0, 60.0)],
    ids=["a glimpse of it", "before the tunnel and into it", "at its end", "after it"],
)
def test_only_what_is_seen_to_stand_within_the_tunnel_is_a_stop_in_it(seen: tuple[float, float]) -> None:
    fixes = heard(driven(0.0), driven(40.0, 200.0))
    moving = fixes.position(15.0)
    fixes.stood(*seen)
    assert fixes.position(15.0) == moving


def test_the_receivers_word_goes_before_the_cameras_where_there_is_a_fix() -> None:
    fixes = heard(*drive(10.0, [0.0, FRESH]))
    moving = fixes.position(1.0)
    fixes.stood(0.5, 0.5 + SHORTEST_STOP)
    assert fixes.position(1.0) == moving


def test_standing_is_counted_from_the_first_slow_fix_in_a_row() -> None:
    fixes = heard(
        driven(0.0, speed=0.0), driven(1.0), *(driven(second, speed=STANDING / 2) for second in (2.0, 3.0, 4.0))
    )
    assert fixes.standing(4.5) == 2.5
    assert fixes.standing(2.0) == 0.0
    assert fixes.standing(3.0) == 1.0
    assert fixes.standing(1.5) == 0.0


def test_nobody_is_said_to_stand_of_whom_nothing_is_known_of_late() -> None:
    fixes = heard(driven(0.0, speed=0.0), driven(1.0, speed=0.0))
    assert fixes.standing(1.0 + FRESH) == 1.0 + FRESH
    assert fixes.standing(1.1 + FRESH) == 0.0
    assert fixes.standing(-1.0) == 0.0
    assert Fixes().standing(0.0) == 0.0
    assert heard(driven(0.0, speed=None)).standing(1.0) == 0.0
    assert heard(driven(0.0, speed=STANDING)).standing(1.0) == 0.0


def test_a_vehicle_that_stands_looks_where_it_drove() -> None:
    noise = [driven(second, 10.0, speed=0.1, track=track) for second, track in ((2.0, 200.0), (3.0, None))]
    fixes = heard(driven(0.0), driven(1.0, 10.0), *noise)
    assert [fixes.position(at).track for at in (2.0, 2.5, 3.0, 3.5)] == [90.0] * 4


def test_where_it_stood_elsewhere_says_nothing_of_where_it_looks_now() -> None:
    def standing(second: float, metres_east: float) -> Fix:
        return driven(second, metres_east, speed=0.0, track=None)

    assert heard(driven(0.0), standing(1.0, 5.0), standing(2.0, 5.0 + ERROR / 2)).position(3.0).track == 90.0
    assert heard(driven(0.0), standing(1.0, 5.0), standing(20.0, 5.0 + 2 * ERROR)).position(21.0).track is None


def far_away(second: float) -> Fix:
    """One of a vehicle that drives on kilometres from the others."""
    return driven(second, 5000.0 + 10.0 * second)


def test_a_fix_that_jumps_is_refused_and_those_that_follow_in_the_old_place_are_not() -> None:
    fixes = heard(*drive(10.0, [0.0, 1.0]), far_away(2.0), *drive(10.0, [3.0, 4.0]))
    assert fixes.refused == 1
    assert east(fixes.position(2.0)) == pytest.approx(20.0)
    assert fixes.last == drive(10.0, [4.0])[0]


def test_a_jump_is_believed_once_enough_fixes_in_a_row_agree_with_it() -> None:
    fixes = heard(*drive(10.0, [0.0, 1.0]))
    for number in range(AGREEING):
        assert fixes.last == drive(10.0, [1.0])[0]
        fixes.add([far_away(2.0 + number)])
    assert fixes.last == far_away(1.0 + AGREEING)
    assert east(fixes.position(2.5)) == pytest.approx(5025.0, rel=0.01)


def test_jumps_that_do_not_agree_with_each_other_or_are_interrupted_are_never_believed() -> None:
    wild = [driven(2.0 + number, 5000.0 * (-1) ** number * (1 + number)) for number in range(3 * AGREEING)]
    fixes = heard(*drive(10.0, [0.0, 1.0]), *wild)
    assert (fixes.last, fixes.refused) == (drive(10.0, [1.0])[0], len(wild))
    turns = [(drive(10.0, [second])[0], far_away(second + 0.5)) for second in range(3 * AGREEING)]
    fixes = heard(*(one for pair in turns for one in pair))
    assert fixes.last == turns[-1][0]


def test_between_two_places_that_do_not_agree_the_vehicle_was_at_one_of_them() -> None:
    fixes = heard(*drive(10.0, [0.0, 1.0]), *(far_away(2.0 + number) for number in range(AGREEING)))
    found = fixes.position(1.5)
    assert east(found) == pytest.approx(15.0)


def test_an_inexact_receiver_may_jump_within_its_error() -> None:
    jump = FASTEST + 50.0
    assert heard(driven(0.0, eph=30.0), driven(1.0, jump, eph=30.0)).refused == 0
    assert heard(driven(0.0, eph=30.0), driven(1.0, jump, eph=5.0)).refused == 1
    assert heard(driven(0.0, eph=None), driven(1.0, FASTEST + 2 * UNKNOWN_EPH - 1, eph=None)).refused == 0


def test_a_place_that_freezes_while_the_vehicle_moves_is_refused() -> None:
    frozen = [driven(1.0 + number, 10.0) for number in range(FROZEN + 5)]
    fixes = heard(driven(0.0), *frozen)
    assert fixes.refused == 5
    assert fixes.last == frozen[FROZEN - 1]
    fixes.add([driven(20.0, 200.0), driven(21.0, 210.0)])
    assert (fixes.refused, fixes.last) == (5, driven(21.0, 210.0))


def test_a_place_may_stay_the_same_where_the_vehicle_stands() -> None:
    assert heard(*(driven(second, speed=0.0, track=None) for second in range(20))).refused == 0
    assert heard(*(driven(second, speed=None, track=None) for second in range(20))).refused == 0
    hesitating = [driven(second, speed=10.0 * (second % FROZEN == 1)) for second in range(20)]
    assert heard(*hesitating).refused == 0


def test_a_fix_that_is_not_later_than_the_last_is_refused() -> None:
    fixes = heard(*drive(10.0, [0.0, 2.0]))
    fixes.add(drive(10.0, [2.0, 1.0]))
    assert fixes.refused == 2
    assert fixes.last == drive(10.0, [2.0])[0]
    assert east(fixes.position(1.0)) == pytest.approx(10.0)


def test_fixes_that_jump_are_not_believed_in_the_wrong_order() -> None:
    inexact = [driven(second, 5000.0, eph=500.0) for second in (5.0, 4.0, 6.0)]
    fixes = heard(driven(0.0), *inexact)
    assert fixes.last == driven(0.0)
    fixes.add([driven(7.0, 5000.0, eph=500.0)])
    assert fixes.last == driven(7.0, 5000.0, eph=500.0)
    assert fixes.position(4.5).age == 0.5


def test_minutes_of_fixes_are_remembered_and_no_more() -> None:
    fixes = heard(*drive(10.0, [second / 2 for second in range(int(4 * KEPT))]))
    newest = 2 * KEPT
    assert len(fixes._fixes) <= 2 * KEPT + 1
    assert fixes.position(newest - LOST).source == "gnss"
    assert fixes.position(newest - KEPT - LOST - 1) == NOWHERE


def test_the_stops_of_a_day_without_a_receiver_do_not_fill_the_memory() -> None:
    fixes = Fixes()
    for stop in range(10_000):
        fixes.stood(60.0 * stop, 60.0 * stop + 30.0)
    assert len(fixes._stood) <= KEPT / 60.0 + 2


ANY_FIX = st.builds(
    lambda second, metres_east, speed, track, eph: driven(second, metres_east, speed=speed, track=track, eph=eph),
    st.floats(0, 60),
    st.floats(-5000, 5000),
    st.none() | st.floats(0, 50),
    st.none() | st.floats(0, 360),
    st.none() | st.floats(0, 500),
)


@given(st.lists(ANY_FIX, max_size=15), st.floats(-10, 400))
def test_whatever_a_receiver_tells_what_is_believed_is_in_order_and_a_position_finite(
    told: list[Fix], at: float
) -> None:
    fixes = heard(*told)
    instants = [one.monotonic for one in fixes._fixes]
    assert all(first < second for first, second in itertools.pairwise(instants))
    found = fixes.position(at)
    numbers = (found.lat, found.lon, found.age, found.accuracy, found.speed, found.track)
    assert all(one is None or math.isfinite(one) for one in numbers)
    assert (found.source == "none") == (found.lat is None) == (found.accuracy is None)
    assert found.age is None or found.age >= 0
    assert found.track is None or 0 <= found.track <= 360
    assert 0 <= fixes.standing(at) <= 400


def test_in_a_tunnel_the_error_bounds_the_truth_nineteen_times_in_twenty() -> None:
    """Of vehicles whose speed changes at random by so much, in half a minute."""
    rng, gap, steps = np.random.default_rng(2), TUNNEL, 300
    hits = []
    for _ in range(200):
        pushes = rng.normal(0, math.sqrt(RESTLESSNESS * gap / steps), steps)
        speeds = 30.0 + np.concatenate([[0.0], pushes.cumsum()])
        ways = np.concatenate([[0.0], ((speeds[1:] + speeds[:-1]) / 2 * gap / steps).cumsum()])
        fixes = heard(
            driven(0.0, speed=float(speeds[0]), eph=0.01),
            driven(gap, float(ways[-1]), speed=float(speeds[-1]), eph=0.01),
        )
        step = int(rng.integers(steps // 10, steps - steps // 10))
        found = fixes.position(step * gap / steps)
        assert found.accuracy is not None
        hits.append(abs(east(found) - ways[step]) <= found.accuracy)
    assert 0.9 <= np.mean(hits) < 1.0


def test_a_first_fix_that_all_others_contradict_is_not_where_the_vehicle_was() -> None:
    fixes = heard(far_away(0.0), *drive(10.0, [1.0, 2.0, 3.0]))
    found = fixes.position(0.5)
    assert found.source == "last_known"
    assert east(found) == pytest.approx(10.0)
    assert found.accuracy is not None
    assert found.accuracy > FASTEST
