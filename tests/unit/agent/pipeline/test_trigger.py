"""Which frames are looked at."""

from __future__ import annotations

from agent.domain import Position
from agent.pipeline.locate import NOWHERE
from agent.pipeline.trigger import Trigger
from tests.unit.builders import frame, position


def due(trigger: Trigger, *places: Position, interval: float = 0.1) -> list[bool]:
    """Whether each frame is looked at, one every `interval` seconds."""
    return [trigger.due(frame(number * interval), place) for number, place in enumerate(places)]


def test_one_frame_every_few_metres_is_looked_at() -> None:
    places = [position(north=metres) for metres in range(10)]
    assert due(Trigger(4.0, 1.0), *places) == [number % 4 == 0 for number in range(10)]


def test_metres_count_from_the_last_frame_that_was_looked_at() -> None:
    places = [position(north=metres) for metres in (0.0, 3.9, 7.8, 8.1, 11.7)]
    assert due(Trigger(4.0, 1.0), *places) == [True, False, True, False, False]


def test_a_vehicle_that_stands_is_not_looked_from_again() -> None:
    assert due(Trigger(4.0, 1.0), position(), position(), position(), interval=60.0) == [True, False, False]


def test_without_a_position_a_frame_every_few_seconds_is_looked_at() -> None:
    assert due(Trigger(4.0, 1.0), *[NOWHERE] * 5, interval=0.5) == [True, False, True, False, True]


def test_time_counts_where_the_position_is_lost_or_found_again() -> None:
    places = [position(), NOWHERE, NOWHERE, position(), position(north=5)]
    assert due(Trigger(4.0, 1.0), *places, interval=0.6) == [True, False, True, False, True]


def test_a_factor_of_two_halves_the_rate_in_metres_and_in_seconds() -> None:
    for every_m, every_s, places, each in (
        (4.0, 1.0, [position(north=metres) for metres in range(20)], 8),
        (4.0, 1.0, [NOWHERE] * 20, 4),  # half a second apart
    ):
        trigger = Trigger(every_m, every_s)
        trigger.factor = 2.0
        assert due(trigger, *places, interval=0.5) == [number % each == 0 for number in range(20)]


def test_zero_takes_every_frame() -> None:
    assert due(Trigger(0.0, 0.0), position(), position(), NOWHERE, NOWHERE) == [True] * 4
