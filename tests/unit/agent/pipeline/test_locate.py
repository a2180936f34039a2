"""Where a frame was taken, and how well that is known."""

from __future__ import annotations

import math

import pytest

from agent.domain import Position
from agent.pipeline.locate import FRESH, LOST, NOWHERE, UNKNOWN_EPH, distance, locate, travel
from tests.unit.builders import MARSEILLE, fix, frame, position

LAT, LON = MARSEILLE


def metres(found: Position) -> tuple[float, float]:
    """North and east of the fix."""
    assert found.lat is not None
    assert found.lon is not None
    north = math.radians(found.lat - LAT) * 6_371_008.8
    return north, math.radians(found.lon - LON) * 6_371_008.8 * math.cos(math.radians(LAT))


def test_a_fix_of_the_same_instant_is_the_position() -> None:
    found = locate(frame(5.0), fix(5.0))
    assert found == Position("gnss", LAT, LON, 0.0, 3.0, 10.0, 90.0)


@pytest.mark.parametrize(
    ("track", "north", "east"), [(0.0, 20.0, 0.0), (90.0, 0.0, 20.0), (180.0, -20.0, 0.0), (225.0, -14.142, -14.142)]
)
def test_a_fresh_fix_is_carried_forward_along_its_track(track: float, north: float, east: float) -> None:
    found = locate(frame(2.0), fix(0.0, speed=10.0, track=track))
    assert metres(found) == pytest.approx((north, east), abs=0.01)
    assert (found.source, found.age, found.accuracy) == ("gnss", 2.0, 3.0)


def test_north_is_a_track_like_any_other_and_zero_a_speed() -> None:
    assert metres(locate(frame(1.0), fix(track=0.0))) == pytest.approx((10.0, 0.0), abs=0.01)
    standing = locate(frame(1.0), fix(speed=0.0))
    assert metres(standing) == pytest.approx((0.0, 0.0), abs=1e-6)


def test_without_a_track_the_position_stays_and_its_error_grows() -> None:
    found = locate(frame(2.0), fix(track=None))
    assert metres(found) == (0.0, 0.0)
    assert found.accuracy == 3.0 + 20.0


def test_a_receiver_that_states_no_error_is_given_a_wide_one() -> None:
    assert locate(frame(), fix(eph=None)).accuracy == UNKNOWN_EPH


def test_a_fix_just_after_the_frame_is_not_carried_backwards() -> None:
    assert locate(frame(1.0), fix(1.2)) == locate(frame(1.2), fix(1.2))


def test_an_old_fix_is_the_last_known_position_within_a_radius_that_grows() -> None:
    near, far = locate(frame(FRESH + 1), fix()), locate(frame(FRESH + 61), fix())
    assert (near.source, near.lat, near.lon) == ("last_known", LAT, LON)
    assert (near.speed, near.track) == (None, None)
    assert near.accuracy == 3.0 + 10.0 * 4
    assert far.accuracy == 3.0 + 10.0 * 64


def test_the_radius_also_grows_for_a_vehicle_that_stood_or_whose_speed_is_not_known() -> None:
    assert locate(frame(100.0), fix(speed=0.0)).accuracy == 103.0
    assert locate(frame(100.0), fix(speed=None)).accuracy == 1403.0


def test_the_borders_belong_to_the_better_word() -> None:
    assert locate(frame(FRESH), fix()).source == "gnss"
    assert locate(frame(LOST), fix()).source == "last_known"


def test_where_nothing_is_known_nothing_is_said() -> None:
    for found in (locate(frame(), None), locate(frame(LOST + 0.1), fix())):
        assert found == NOWHERE
        assert (found.lat, found.lon, found.age, found.accuracy) == (None, None, None, None)


def test_a_distance_is_in_metres_and_none_from_nowhere() -> None:
    assert distance(position(), position(north=100.0)) == pytest.approx(100.0, abs=0.1)
    lat, lon = travel(LAT, LON, 250.0, 37.0)
    assert distance(Position("gnss", LAT, LON), Position("gnss", lat, lon)) == pytest.approx(250.0, abs=0.1)
    assert distance(position(), NOWHERE) is None
    assert distance(NOWHERE, position()) is None
