"""Which frames are looked at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta, timezone
from typing import Any

import pytest

from agent.domain import Position
from agent.interfaces import Demand
from agent.pipeline.locate import NOWHERE
from agent.pipeline.trigger import RETRY, Trigger, When
from tests.unit.builders import NOON, position

DAY = (time(8), time(18))
NIGHT = (time(22), time(5, 30))


def trigger(**changes: Any) -> Trigger:
    return Trigger(When(**{"every_m": 4.0, "every_s": 1.0, **changes}))


def looked_at(
    one: Trigger, places: Sequence[Position], interval: float = 0.1, standing: float = 0.0, factor: float = 1.0
) -> list[bool]:
    """Whether each frame is looked at, one every `interval` seconds."""
    found = []
    for number, place in enumerate(places):
        at = number * interval
        demand = one.demand(at, place, standing, None, factor)
        assert demand is not Demand.NONE
        found.append(demand is Demand.NOW)
        if found[-1]:
            one.taken(at, place)
    return found


def asked(one: Trigger, place: Position | None = None, standing: float = 0.0, wall: datetime | None = None) -> Demand:
    """What it wants of the first frame."""
    return one.demand(0.0, place or position(), standing, wall)


def test_one_frame_every_few_metres_is_looked_at() -> None:
    places = [position(north=metres) for metres in range(10)]
    assert looked_at(trigger(), places) == [number % 4 == 0 for number in range(10)]


def test_metres_count_from_the_last_frame_that_was_looked_at() -> None:
    places = [position(north=metres) for metres in (0.0, 3.9, 7.8, 8.1, 11.7)]
    assert looked_at(trigger(), places) == [True, False, True, False, False]


def test_a_question_changes_nothing() -> None:
    one = trigger()
    assert [one.demand(at, position(), 0.0, None) for at in (0.0, 0.1, 5.0)] == [Demand.NOW] * 3
    one.taken(5.0, position())
    assert one.demand(5.1, position(), 0.0, None) is Demand.LATER


def test_a_vehicle_that_stands_is_not_looked_from_again() -> None:
    assert looked_at(trigger(), [position()] * 3, interval=60.0) == [True, False, False]


def test_without_a_position_a_frame_every_few_seconds_is_looked_at() -> None:
    assert looked_at(trigger(), [NOWHERE] * 5, interval=0.5) == [True, False, True, False, True]


@pytest.mark.parametrize("source", ["interpolated", "last_known"])
def test_in_a_tunnel_time_counts_and_not_the_metres_that_are_guessed(source: str) -> None:
    guessed = [replace(position(north=8.0 * number), source=source) for number in range(5)]
    assert looked_at(trigger(), guessed, interval=0.5) == [True, False, True, False, True]
    assert looked_at(trigger(), [replace(position(), source=source)] * 3, interval=1.0) == [True] * 3


def test_time_counts_where_the_position_is_lost_or_found_again() -> None:
    places = [position(), NOWHERE, NOWHERE, position(), position(north=5)]
    assert looked_at(trigger(), places, interval=0.6) == [True, False, True, False, True]


def test_a_factor_of_two_halves_the_rate_in_metres_and_in_seconds() -> None:
    places = [position(north=metres) for metres in range(20)]
    assert looked_at(trigger(), places, factor=2.0) == [number % 8 == 0 for number in range(20)]
    assert looked_at(trigger(), [NOWHERE] * 20, interval=0.5, factor=2.0) == [number % 4 == 0 for number in range(20)]


def test_zero_takes_every_frame() -> None:
    places = [position(), position(), NOWHERE, NOWHERE]
    assert looked_at(trigger(every_m=0.0, every_s=0.0), places, factor=3.0) == [True] * 4


def test_after_a_frame_of_no_use_another_one_is_wanted_soon() -> None:
    one = trigger()
    one.refused(10.0)
    assert one.demand(10.0 + RETRY / 2, position(), 0.0, None) is Demand.LATER
    assert one.demand(10.0 + RETRY, position(), 0.0, None) is Demand.NOW


def test_a_frame_of_no_use_does_not_count_as_looked_at() -> None:
    one = trigger()
    one.taken(0.0, position())
    one.refused(1.0)
    assert one.demand(1.0 + RETRY, position(north=4.5), 0.0, None) is Demand.NOW
    assert one.demand(1.0 + RETRY, position(north=3.5), 0.0, None) is Demand.LATER


def test_who_wants_every_frame_also_wants_that_after_one_of_no_use() -> None:
    one = trigger(every_m=0.0, every_s=0.0)
    one.refused(10.0)
    assert one.demand(10.0 + RETRY / 10, NOWHERE, 0.0, None) is Demand.NOW


def test_a_parked_vehicle_wants_nothing_for_a_while() -> None:
    one = trigger(parked_s=10.0)
    assert [asked(one, standing=seconds) for seconds in (0.0, 10.0, 10.1, 9999.0)] == [
        Demand.NOW,
        Demand.NOW,
        Demand.NONE,
        Demand.NONE,
    ]


def test_a_vehicle_that_never_parks_is_asked_on() -> None:
    assert asked(trigger(parked_s=0.0), standing=9999.0) is Demand.NOW


@pytest.mark.parametrize(
    ("kmh", "expected"),
    [(9.9, Demand.LATER), (10.1, Demand.NOW), (49.9, Demand.NOW), (50.1, Demand.LATER)],
)
def test_only_between_two_speeds_are_frames_looked_at(kmh: float, expected: Demand) -> None:
    one = trigger(slowest_kmh=10.0, fastest_kmh=50.0)
    assert asked(one, replace(position(), speed=kmh / 3.6)) is expected


def test_a_speed_that_is_not_known_limits_nothing() -> None:
    assert asked(trigger(slowest_kmh=10.0, fastest_kmh=50.0), NOWHERE) is Demand.NOW


@pytest.mark.parametrize(
    ("hours", "clock", "expected"),
    [
        ([DAY], time(7, 59, 59), Demand.NONE),
        ([DAY], time(8), Demand.NOW),
        ([DAY], time(17, 59, 59), Demand.NOW),
        ([DAY], time(18), Demand.NONE),
        ([NIGHT], time(21, 59), Demand.NONE),
        ([NIGHT], time(22), Demand.NOW),
        ([NIGHT], time(0), Demand.NOW),
        ([NIGHT], time(5, 29), Demand.NOW),
        ([NIGHT], time(5, 30), Demand.NONE),
        ([NIGHT], time(12), Demand.NONE),
        ([DAY, NIGHT], time(12), Demand.NOW),
        ([DAY, NIGHT], time(23), Demand.NOW),
        ([DAY, NIGHT], time(20), Demand.NONE),
        ([], time(3), Demand.NOW),
    ],
)
def test_only_in_its_hours_is_anything_wanted_also_over_midnight(
    hours: Sequence[tuple[time, time]], clock: time, expected: Demand
) -> None:
    assert asked(trigger(hours=hours), wall=datetime.combine(NOON.date(), clock, NOON.tzinfo)) is expected


def test_a_clock_that_is_not_to_be_trusted_keeps_nobody_from_looking() -> None:
    assert asked(trigger(hours=[(time(0), time(0, 0, 1))])) is Demand.NOW


def test_the_hours_are_local_time_whatever_it_is_in_utc() -> None:
    early = datetime(2026, 11, 22, 9, tzinfo=timezone(timedelta(hours=14)))
    assert asked(trigger(hours=[DAY]), wall=early) is Demand.NOW
    assert asked(trigger(hours=[DAY]), wall=early.astimezone(UTC)) is Demand.NONE
