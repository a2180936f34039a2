"""Metres on the ground."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.domain import Position
from agent.pipeline.locate import NOWHERE
from agent.plane import STANDING, apart, between, distance, moved, travel, velocity
from tests.unit.builders import MARSEILLE, fix, position

LAT, LON = MARSEILLE
METRES = st.floats(-2000, 2000)


def great_circle(lat: float, lon: float, other_lat: float, other_lon: float) -> float:
    """Metres on the sphere, by the law of haversines."""
    a, b = math.radians(lat), math.radians(other_lat)
    half = math.sin((b - a) / 2) ** 2 + math.cos(a) * math.cos(b) * math.sin(math.radians(other_lon - lon) / 2) ** 2
    return 2 * 6_371_008.8 * math.asin(math.sqrt(half))


@pytest.mark.parametrize(
    ("track", "north", "east"),
    [(0.0, 20.0, 0.0), (90.0, 0.0, 20.0), (180.0, -20.0, 0.0), (270.0, 0.0, -20.0), (225.0, -14.142, -14.142)],
)
def test_a_way_leads_where_its_track_points(track: float, north: float, east: float) -> None:
    assert between(LAT, LON, *travel(LAT, LON, 20.0, track)) == pytest.approx((north, east), abs=0.001)


@given(METRES, METRES, st.floats(-70, 70), st.floats(-179, 179))
def test_the_way_back_is_known_to_the_centimetre(north: float, east: float, lat: float, lon: float) -> None:
    there = moved(lat, lon, north, east)
    assert between(lat, lon, *there) == pytest.approx((north, east), abs=0.01)


@given(METRES, METRES)
def test_the_plane_differs_little_from_the_globe(north: float, east: float) -> None:
    there = moved(LAT, LON, north, east)
    assert great_circle(LAT, LON, *there) == pytest.approx(math.hypot(north, east), rel=1e-3, abs=0.01)


def test_a_distance_is_in_metres_and_none_from_nowhere() -> None:
    lat, lon = travel(LAT, LON, 250.0, 37.0)
    assert distance(Position("gnss", LAT, LON), Position("last_known", lat, lon)) == pytest.approx(250.0)
    assert distance(position(), position()) == 0.0
    assert distance(position(), NOWHERE) is None
    assert distance(NOWHERE, position()) is None


def test_two_fixes_are_as_far_apart_as_their_places() -> None:
    lat, lon = travel(LAT, LON, 75.0, 200.0)
    assert apart(fix(), fix(9.0, lat=lat, lon=lon)) == pytest.approx(75.0)


@pytest.mark.parametrize(
    ("speed", "track", "expected"),
    [
        (10.0, 0.0, (10.0, 0.0)),
        (10.0, 90.0, (0.0, 10.0)),
        (10.0, 240.0, (-5.0, -8.66)),
        (0.0, None, (0.0, 0.0)),
        (STANDING - 0.01, None, (0.0, 0.0)),
        (STANDING, None, None),
        (None, 90.0, None),
        (None, None, None),
    ],
)
def test_a_velocity_is_known_where_speed_and_track_are_or_the_vehicle_stands(
    speed: float | None, track: float | None, expected: tuple[float, float] | None
) -> None:
    found = velocity(fix(speed=speed, track=track))
    if expected is None or found is None:
        assert found == expected
    else:
        assert found == pytest.approx(expected, abs=0.001)
