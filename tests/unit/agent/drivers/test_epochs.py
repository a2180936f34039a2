"""From gpsd's answers to fixes, without a gpsd."""

from __future__ import annotations

import json
import math
import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.drivers.epochs import HELD_UP, LEAP, TIMES, WINDOW, Epoch, Epochs, Instants, Tpv, fix_of, parse
from agent.drivers.track import RefusedFix
from tests.unit.builders import NOON

REPORT: dict[str, object] = {
    "class": "TPV",
    "device": "/dev/ttyUSB0",
    "mode": 3,
    "time": "2026-11-22T10:00:00.000Z",
    "lat": 43.2965,
    "lon": 5.3698,
    "alt": 12.0,
    "eph": 17.1,
    "epx": 3.0,
    "epy": 4.0,
    "speed": 9.98,
    "track": 120.0,
}


def tpv(**changed: object) -> Tpv:
    """The report as gpsd would send it; a field changed to None is left out."""
    report = {name: value for name, value in (REPORT | changed).items() if value is not None}
    return parse(json.dumps({"class": "POLL", "active": 1, "tpv": [report], "sky": [{}]})).tpv[-1]


def test_a_complete_report_becomes_a_fix_in_the_units_of_the_domain() -> None:
    fix = fix_of(tpv(), 7.5)
    assert (fix.lat, fix.lon, fix.monotonic) == (43.2965, 5.3698, 7.5)
    assert fix.at == datetime(2026, 11, 22, 10, tzinfo=UTC)
    assert (fix.eph, fix.speed, fix.track) == (17.1, 9.98, 120.0)


def test_an_absent_track_stays_unknown_and_north_stays_north() -> None:
    assert fix_of(tpv(track=None), 0).track is None
    assert fix_of(tpv(track=0.0), 0).track == 0.0


def test_an_absent_speed_stays_unknown_and_standing_stays_zero() -> None:
    assert fix_of(tpv(speed=None), 0).speed is None
    assert fix_of(tpv(speed=0), 0).speed == 0.0


def test_the_error_comes_from_both_axes_where_gpsd_gives_no_eph() -> None:
    assert fix_of(tpv(eph=None), 0).eph == pytest.approx(5.0)


@pytest.mark.parametrize("axes", [{"epx": None}, {"epx": 0.0}, {"epy": math.nan}, {"epx": None, "epy": None}])
def test_an_error_that_is_not_known_along_both_axes_stays_unknown(axes: dict[str, object]) -> None:
    assert fix_of(tpv(eph=None, **axes), 0).eph is None


@pytest.mark.parametrize(
    "changed",
    [
        {"lat": 0.0, "lon": 0.0},
        {"lat": math.nan},
        {"lon": math.inf},
        {"lat": 90.1},
        {"lon": -180.1},
        {"lat": None},
        {"lon": None},
        {"time": None},
        {"time": "yesterday"},
        {"time": "2026-11-22T10:00:00"},
        {"time": "1980-01-06T00:00:00.000Z"},
        {"time": "2007-04-08T10:00:00.000Z"},
        {"time": "2080-01-06T00:00:00.000Z"},
        {"time": "2101-01-01T00:00:00.000Z"},
    ],
)
def test_a_report_that_can_not_be_true_is_refused_and_its_position_is_not_told(changed: dict[str, object]) -> None:
    with pytest.raises(RefusedFix) as refusal:
        fix_of(tpv(**changed), 0)
    assert "43.2" not in str(refusal.value)
    assert "5.36" not in str(refusal.value)


def test_a_position_on_the_equator_or_on_the_meridian_of_greenwich_is_accepted() -> None:
    assert fix_of(tpv(lat=0.0), 0).lat == 0.0
    assert fix_of(tpv(lon=0.0), 0).lon == 0.0


@pytest.mark.parametrize("line", ["", "{", "[]", '{"tpv": null}', '{"tpv": [{"lat": "north"}]}', '{"tpv": [3]}'])
def test_nonsense_is_refused_as_a_whole(line: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse(line)


def clock(second: int) -> str:
    return f"2026-11-22T10:00:{second:02d}.000Z"


def completed(*polls: tuple[float, Tpv]) -> list[tuple[float, Epoch]]:
    """The epochs that these polls complete and when, after a first poll that every connection passes over."""
    epochs = Epochs()
    epochs.add(tpv(mode=1, time=clock(0)), -1.0)
    return [(monotonic, epoch) for monotonic, report in polls if (epoch := epochs.add(report, monotonic)) is not None]


def test_an_epoch_polled_midway_is_held_back_for_its_track_and_keeps_the_instant_it_was_first_seen() -> None:
    midway, whole = tpv(time=clock(1), track=None, speed=0.2), tpv(time=clock(1))
    polls = ((0.0, midway), (0.2, midway), (0.4, midway), (0.6, whole), (0.8, whole), (1.0, whole))
    ((when, epoch),) = completed(*polls)
    assert epoch.tpv == whole
    assert (when, epoch.seen) == (1.0, 0.0)


def test_an_epoch_that_has_all_the_one_before_it_had_is_complete_at_once() -> None:
    midway, whole = tpv(time=clock(2), track=None), tpv(time=clock(2))
    *_, (when, epoch) = completed((0.0, tpv(time=clock(1))), (1.0, midway), (1.2, midway), (1.4, whole), (1.6, whole))
    assert epoch.tpv == whole
    assert (when, epoch.seen) == (1.4, 1.0)


def test_an_epoch_that_has_its_track_first_waits_for_the_rest() -> None:
    midway, whole = tpv(time=clock(2), mode=2, eph=None), tpv(time=clock(2))
    *_, (when, epoch) = completed((0.0, tpv(time=clock(1))), (1.0, midway), (1.2, whole), (1.4, whole))
    assert epoch.tpv == whole
    assert (when, epoch.seen) == (1.2, 1.0)


def test_one_poor_epoch_does_not_lower_what_is_expected_of_those_that_follow() -> None:
    poor = tpv(time=clock(2), eph=None)
    late, whole = tpv(time=clock(4), eph=None), tpv(time=clock(4))
    given = completed(
        (0.0, tpv(time=clock(1))), (1.0, poor), (2.0, tpv(time=clock(3))), (3.0, late), (3.2, whole), (4.0, whole)
    )
    assert [epoch.tpv.eph is None for _, epoch in given] == [False, True, False, False]


def test_an_epoch_without_a_track_is_complete_when_the_next_begins() -> None:
    standing = tpv(time=clock(1), track=None)
    ((when, epoch),) = completed((0.0, standing), (0.5, standing), (0.9, standing), (1.1, tpv(time=clock(2))))
    assert epoch.tpv == standing
    assert (when, epoch.seen) == (1.1, 0.0)


def test_an_epoch_without_a_track_is_complete_when_the_receiver_falls_silent() -> None:
    standing = tpv(time=clock(1), track=None)
    assert [when for when, _ in completed(*((float(second), standing) for second in range(9)))] == [2.0]


def test_a_field_that_gpsd_drops_within_an_epoch_is_kept() -> None:
    polls = ((0.0, tpv(time=clock(1))), (0.2, tpv(time=clock(1), eph=None)), (1.0, tpv(time=clock(2))))
    ((_, epoch),) = completed(*polls)
    assert epoch.tpv.eph == pytest.approx(17.1)


def test_the_last_fix_of_a_mute_receiver_is_never_taken_for_a_new_one() -> None:
    epochs = Epochs()
    assert [epochs.add(tpv(), float(second)) for second in range(100)] == [None] * 100


def test_an_epoch_is_given_out_once_even_if_gpsd_comes_back_to_it() -> None:
    whole, nothing = tpv(time=clock(1)), tpv(mode=0, time=None)
    polls = [*[whole] * 50, nothing, *[whole] * 50]
    assert len(completed(*((float(second), report) for second, report in enumerate(polls)))) == 1


def test_a_report_without_a_fix_completes_the_epoch_before_it_and_is_none_itself() -> None:
    lost = tpv(mode=1, time=clock(2), lat=None, lon=None)
    ((when, epoch),) = completed((0.0, tpv(time=clock(1))), (0.2, lost), (3.0, lost), (6.0, lost))
    assert (when, epoch.tpv.time) == (0.2, clock(1))


def test_an_epoch_whose_fix_is_lost_before_it_is_complete_is_dropped() -> None:
    assert completed((0.0, tpv(time=clock(1))), (0.2, tpv(mode=1, time=clock(1))), (1.0, tpv(time=clock(2)))) == []


LATENCY = 0.2  # seconds


def heard(instants: Instants, *pairs: tuple[float, float]) -> list[float]:
    """What is made of fixes of a second of the receiver, each heard at a second of the frames' clock."""
    return [instants.of(NOON + timedelta(seconds=second), at) for second, at in pairs]


def test_a_fix_was_at_its_latency_before_it_was_heard() -> None:
    assert heard(Instants(LATENCY), (0.0, 50.3)) == [pytest.approx(50.1)]


def test_fixes_that_are_heard_late_are_as_far_apart_as_the_receiver_says() -> None:
    late = random.Random(3)
    delays = [LATENCY, *(LATENCY + late.uniform(0, 0.8) for _ in range(59))]
    found = heard(Instants(LATENCY), *((float(second), 1000.0 + second + delay) for second, delay in enumerate(delays)))
    assert found == pytest.approx([1000.0 + second for second in range(60)])


def test_the_one_that_is_heard_soonest_tells_also_where_it_is_not_the_first() -> None:
    found = heard(Instants(LATENCY), (0.0, 1000.9), (1.0, 1001.2), (2.0, 1002.6), (3.0, 1003.9))
    assert found[1:] == pytest.approx([1001.0, 1002.0, 1003.0])


@pytest.mark.parametrize("jump", [-3600.0, -1.2 * HELD_UP, 1.2 * LEAP, 3600.0])
def test_a_receiver_whose_clock_was_set_is_followed_at_once(jump: float) -> None:
    instants = Instants(LATENCY)
    heard(instants, *((float(second), 1000.0 + second + LATENCY) for second in range(10)))
    found = heard(instants, *((second + jump, 1000.0 + second + LATENCY) for second in (10.0, 11.0)))
    assert found == pytest.approx([1010.0, 1011.0])


@pytest.mark.parametrize("delay", [1.2 * LEAP, 0.9 * HELD_UP])
def test_a_fix_that_is_told_late_for_once_was_no_later_than_the_receiver_says(delay: float) -> None:
    instants = Instants(LATENCY)
    heard(instants, *((float(second), 1000.0 + second + LATENCY) for second in range(10)))
    found = heard(instants, (10.0, 1010.0 + LATENCY + delay), (15.0, 1015.0 + LATENCY))
    assert found == pytest.approx([1010.0, 1015.0])


def test_a_receiver_whose_clock_was_set_back_a_little_is_followed_once_it_is_no_delay() -> None:
    instants = Instants(LATENCY)
    heard(instants, *((float(second), 1000.0 + second + LATENCY) for second in range(10)))
    found = heard(instants, *((second - 2.0, 1000.0 + second + LATENCY) for second in (10.0, 11.0, 12.0, 13.0)))
    assert found[TIMES:] == pytest.approx([1012.0, 1013.0])


def test_clocks_that_part_are_followed() -> None:
    """The receiver gains a thousandth, ten times what a bad oscillator does."""
    pairs = [(second * 1.001, 1000.0 + second + LATENCY) for second in range(3600)]
    found = heard(Instants(LATENCY), *pairs)
    assert found == pytest.approx([1000.0 + second for second in range(3600)], abs=1e-3 * WINDOW + 1e-3)
    pairs = [(second * 0.999, 1000.0 + second + LATENCY) for second in range(3600)]
    found = heard(Instants(LATENCY), *pairs)
    assert found == pytest.approx([1000.0 + second for second in range(3600)], abs=1e-3 * WINDOW + 1e-3)


@given(st.lists(st.tuples(st.floats(0.1, 5.0), st.floats(0, 0.9)), min_size=1, max_size=40))
def test_an_instant_is_never_before_it_was_nor_after_it_could_be_heard(fixes: list[tuple[float, float]]) -> None:
    instants, second = Instants(LATENCY), 0.0
    for step, delay in fixes:
        second += step
        (found,) = heard(instants, (second, 1000.0 + second + LATENCY + delay))
        assert 1000.0 + second - 1e-5 <= found <= 1000.0 + second + delay + 1e-5  # a date has microseconds


def test_an_hour_of_fixes_takes_no_more_memory_than_a_minute() -> None:
    instants = Instants(LATENCY)
    heard(instants, *((float(second), 1000.0 + second) for second in range(3600)))
    assert len(instants._heard) <= WINDOW + 1
