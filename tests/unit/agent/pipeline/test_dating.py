"""When a frame was taken, and by which clock."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from agent.domain import Dated, Fix, Reading
from agent.pipeline.dating import AGREEING, APART, DRIFT, RECEIVER_ERROR, Dating
from tests.unit.builders import NOON, fix, frame

FALSE = timedelta(days=-400)  # how far off a clock is that nothing has set


class Computer:
    """The computer's clock, as it stands at an instant of its own."""

    def __init__(self, source: str = "rtc", error: float | None = None, off: timedelta = FALSE) -> None:
        self.reading = Reading(NOON + off, 0.0, source, error)

    def __call__(self) -> Reading:
        return self.reading


def receiver(*seconds: float, off: float = 0.0) -> list[Fix]:
    """Fixes whose time is that many seconds off."""
    return [fix(second, at=NOON + timedelta(seconds=second + off)) for second in seconds]


def test_a_frame_is_dated_by_the_receiver_as_soon_as_enough_fixes_agree_on_the_time() -> None:
    dating = Dating(Computer())
    for second in range(AGREEING):
        assert dating.date(frame(5.0)) == Dated(NOON + timedelta(seconds=5), "rtc", None)
        assert dating.best(5.0) is None
        dating.hear(receiver(float(second)))
    assert dating.date(frame(2.0)) == Dated(NOON + timedelta(seconds=2), "gps", RECEIVER_ERROR)


def test_a_receivers_time_holds_for_frames_before_and_after_it() -> None:
    dating = Dating()
    dating.hear(receiver(100.0, 101.0, 102.0, off=7.0))
    for at in (40.0, 102.0, 200.0):
        found = dating.best(at)
        assert found is not None
        assert (found.at, found.monotonic, found.source) == (NOON + timedelta(seconds=at + 7), at, "gps")
        assert found.error == pytest.approx(RECEIVER_ERROR + abs(at - 102.0) * DRIFT)


@pytest.mark.parametrize("jump", [-3600.0, -1.5 * APART, 1.5 * APART, 3600.0])
def test_one_fix_whose_time_jumps_is_not_believed_and_some_that_agree_are(jump: float) -> None:
    dating = Dating()
    dating.hear(receiver(0.0, 1.0, 2.0))
    dating.hear(receiver(3.0, off=jump))
    kept = dating.best(3.0)
    assert kept is not None
    assert kept.at == NOON + timedelta(seconds=3)
    dating.hear(receiver(*(4.0 + number for number in range(AGREEING - 1)), off=jump))
    found = dating.best(10.0)
    assert found is not None
    assert found.at == NOON + timedelta(seconds=10 + jump)


def test_times_that_do_not_agree_are_never_believed() -> None:
    dating = Dating()
    for second in range(3 * AGREEING):
        dating.hear(receiver(float(second), off=APART * second))
    assert dating.best(0.0) is None


def test_fixes_told_at_once_count_as_those_told_one_by_one() -> None:
    dating = Dating()
    dating.hear(receiver(*(float(second) for second in range(AGREEING))))
    assert dating.best(0.0) is not None


def test_a_clock_that_a_network_sets_is_believed_without_a_receiver() -> None:
    dating = Dating(Computer("ntp", 0.03, timedelta(seconds=2)))
    assert dating.date(frame(10.0)) == Dated(NOON + timedelta(seconds=12), "ntp", 0.03 + 10.0 * DRIFT)


@pytest.mark.parametrize(("error", "source"), [(RECEIVER_ERROR / 2, "ntp"), (RECEIVER_ERROR * 2, "gps")])
def test_of_two_clocks_that_are_trusted_the_better_dates(error: float, source: str) -> None:
    dating = Dating(Computer("ntp", error, timedelta()))
    dating.hear(receiver(0.0, 1.0, 2.0))
    found = dating.best(2.0)
    assert found is not None
    assert found.source == source


def test_a_receiver_that_fell_silent_gives_way_to_a_network_in_time() -> None:
    computer = Computer("ntp", RECEIVER_ERROR * 1.5, timedelta())
    dating = Dating(computer)
    dating.hear(receiver(0.0, 1.0, 2.0))
    later = 3600.0 * 24
    computer.reading = Reading(NOON + timedelta(seconds=later), later, "ntp", RECEIVER_ERROR * 1.5)
    assert [one.source if (one := dating.best(at)) else None for at in (3.0, later)] == ["gps", "ntp"]


@pytest.mark.parametrize("source", ["rtc", "unknown"])
def test_a_clock_that_nothing_sets_is_named_and_not_trusted(source: str) -> None:
    dating = Dating(Computer(source))
    assert dating.best(1.0) is None
    assert dating.date(frame(1.0)) == Dated(NOON + timedelta(seconds=1), source, None)


def test_a_recording_without_fixes_is_dated_by_itself() -> None:
    assert Dating().date(frame(30.0)) == Dated(NOON + timedelta(seconds=30), "unknown", None)


def test_every_date_is_in_utc() -> None:
    dating = Dating()
    dates: list[datetime] = [dating.date(frame()).at]
    dating.hear(receiver(0.0, 1.0, 2.0))
    dates.append(dating.date(frame()).at)
    assert [one.utcoffset() for one in dates] == [timedelta(0)] * 2


def test_a_receiver_that_lives_in_another_year_is_not_believed_against_the_network() -> None:
    told = Reading(NOON, 10.0, "ntp", 0.5)
    dating = Dating(lambda: told)
    dating.hear([fix(float(second), at=NOON + timedelta(days=7168, seconds=second)) for second in range(8, 11)])
    best = dating.best(10.0)
    assert best is not None
    assert (best.source, best.at) == ("ntp", NOON)
