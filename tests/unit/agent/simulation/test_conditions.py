"""Weather, dirt, tunnel and stops of the drawn patrol: the same from the same seed, and what they do to a frame."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import cv2
import numpy as np
import pytest

from agent.domain import Pixels
from agent.simulation.conditions import STREETS, Conditions, Weather
from agent.simulation.lens import blur
from agent.simulation.patrol import Patrol, short_route
from agent.simulation.scenery import paint_street
from agent.simulation.surfaces import find_surfaces
from agent.simulation.view import View

SIZE = 320, 180
WEATHERS: tuple[Weather, ...] = ("rain", "night")


def _patrol(conditions: Conditions | None = None, duration: float = 40.0) -> Patrol:
    return Patrol(7, duration, conditions=conditions)


def _sharpness(pixels: Pixels) -> float:
    """Of what is near, on the right, and coarser than the sensor's noise."""
    near = cv2.GaussianBlur(pixels[:, pixels.shape[1] // 2 :], (0, 0), 2.0)
    return float(cv2.Sobel(near, cv2.CV_64F, 1, 0).var())


def _runs(standing: list[bool]) -> Iterator[int]:
    length = 0
    for now in [*standing, False]:
        if not now and length:
            yield length
        length = length + 1 if now else 0


@pytest.mark.parametrize("weather", WEATHERS)
def test_weather_changes_what_is_seen_and_not_what_is_there(weather: Weather) -> None:
    clear, other, again = _patrol(), _patrol(Conditions(weather)), _patrol(Conditions(weather))

    assert other.truth() == clear.truth()
    assert other.place(25.0) == clear.place(25.0)
    assert np.array_equal(other.frame(25.0, *SIZE), again.frame(25.0, *SIZE))
    assert other.frame(25.0, *SIZE).mean() < 0.95 * clear.frame(25.0, *SIZE).mean()


def test_rain_lowers_the_contrast_and_night_the_light() -> None:
    clear, rain, night = (_patrol(Conditions(w)).frame(25.0, *SIZE) for w in ("clear", "rain", "night"))

    assert rain.std() < clear.std()
    assert night.mean() < 0.6 * rain.mean()
    assert night[:20].mean() < 0.5 * clear[:20].mean(), "the sky is dark"


def test_the_dark_blurs_what_is_passed_quickly() -> None:
    night = _patrol(Conditions("night"))
    instants = [float(s) for s in np.arange(3, 40, 0.5)]
    fast = max(instants, key=night.speed)
    slow = _patrol(Conditions("night", stops=((night.metres(fast), 20.0),)))
    parked = next(s for s in np.arange(fast - 5, 40, 0.5) if slow.speed(s) == 0)

    assert abs(slow.metres(parked) - night.metres(fast)) < 0.1
    assert _sharpness(night.frame(fast, 640, 360)) < 0.7 * _sharpness(slow.frame(parked, 640, 360))


def test_motion_draws_out_what_is_near_and_leaves_the_rest_where_it_is() -> None:
    patrol = _patrol()
    leg, along = patrol.legs[0], 40.0
    view = View(along, 1.0, yaw=0.3, horizon=0.27, columns=640, rows=360)
    sharp = paint_street(leg.street, view, leg.light)
    seen = find_surfaces(view, leg.street, None)
    blurred = blur(sharp.copy(), view, seen, 0.4)

    assert np.abs(sharp.astype(int) - blurred).mean() < 0.5 * sharp.std()
    assert _sharpness(blurred) < 0.7 * _sharpness(sharp)
    assert np.abs(sharp[:40, :160].astype(int) - blurred[:40, :160]).mean() < 12, "far ahead"
    assert np.array_equal(blur(sharp.copy(), view, seen, 0.0), sharp)


def test_mixed_weather_changes_from_street_to_street() -> None:
    patrol = Patrol(7, 120.0, conditions=Conditions("mixed"))
    starts = [next(s for s in np.arange(0, 120, 0.5) if patrol.metres(s) >= leg.start) for leg in patrol.legs[:4]]
    met = [patrol.weather(s + 1) for s in starts]

    assert set(met) == set(STREETS)
    assert all(one != other for one, other in pairwise(met))


def test_a_tunnel_has_walls_and_no_sky_but_lets_defects_be_seen() -> None:
    patrol = _patrol(Conditions(tunnel=(60.0, 300.0)))
    open_street = _patrol()
    inside = next(float(s) for s in np.arange(0, 40, 0.2) if patrol.metres(s) > 90)
    frame, before = patrol.frame(inside, *SIZE), open_street.frame(inside, *SIZE)

    assert patrol.in_tunnel(inside)
    assert 25 < frame.mean() < 0.8 * before.mean()
    assert frame[:30].mean() < 0.6 * before[:30].mean()
    assert patrol.in_sight(inside) == open_street.in_sight(inside)


@pytest.mark.parametrize("share", [0.1, 0.4])
def test_dirt_covers_about_its_share_of_every_frame_at_the_same_places(share: float) -> None:
    clean, dirty = _patrol(), _patrol(Conditions(dirt=share))
    changed = []
    for seconds in (12.0, 25.0):
        apart = np.abs(clean.frame(seconds, *SIZE).astype(int) - dirty.frame(seconds, *SIZE)).max(axis=2)
        changed.append(apart > 12)

    assert 0.5 * share < changed[0].mean() < 1.6 * share
    both, either = (changed[0] & changed[1]).mean(), (changed[0] | changed[1]).mean()
    assert both > 0.6 * either


def test_the_vehicle_parks_where_it_is_told_and_drives_on() -> None:
    patrol = Patrol(7, 90.0, conditions=Conditions(stops=((40.0, 12.0), (200.0, 15.0))))
    driven = Patrol(7, 90.0)
    standing = [patrol.speed(n / 10) == 0 for n in range(900)]
    parked = [run for run in _runs(standing) if run > 100]

    assert parked == pytest.approx([120, 150], abs=3)
    assert any(abs(patrol.metres(n / 10) - 40.0) < 0.1 for n in range(900) if standing[n])
    assert patrol.metres(89.0) < driven.metres(89.0) - 100


def test_the_second_pass_sees_what_the_first_saw() -> None:
    patrol = Patrol(7, 150.0, short_route(), conditions=Conditions("mixed", tunnel=(120.0, 180.0)))
    instants = np.arange(0, 150, 0.1)
    metres = np.array([patrol.metres(float(s)) for s in instants])

    assert 250 < patrol.length < 400
    assert metres[-1] > 2.2 * patrol.length
    compared = 0
    for at in np.arange(20.0, patrol.length, 7.0):
        first, second = (float(np.interp(at + turn * patrol.length, metres, instants)) for turn in (0, 1))
        seen, again = (dict(patrol.in_sight(s)) for s in (first, second))
        compared += len(seen)
        assert seen.keys() == again.keys()
        assert all(seen[defect] == pytest.approx(again[defect], abs=0.02) for defect in seen)
        assert patrol.weather(first) == patrol.weather(second)
        assert patrol.in_tunnel(first) == patrol.in_tunnel(second)
    assert compared >= 5


@pytest.mark.parametrize(
    "faulty",
    [
        {"weather": "snow"},
        {"dirt": 1.5},
        {"tunnel": (90.0, 30.0)},
        {"stops": ((-1.0, 10.0),)},
        {"stops": ((5.0, 0.0),)},
    ],
)
def test_conditions_that_can_not_be_are_refused(faulty: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"weather|dirt|tunnel|stop"):
        Conditions(**faulty)  # type: ignore[arg-type]
