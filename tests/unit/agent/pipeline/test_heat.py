"""When a board is spared."""

from __future__ import annotations

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.domain import Heat
from agent.pipeline.heat import Cooling


def factors(*celsius: float | None, throttled: bool = False) -> list[float]:
    cooling = Cooling(80.0, 75.0)
    return [cooling.factor(Heat(one, throttled, undervoltage=False)) for one in celsius]


def test_from_hot_until_below_cool_the_rate_is_halved() -> None:
    assert factors(79.9, 80.0, 79.0, 75.0, 74.9, 79.9) == [1.0, 2.0, 2.0, 2.0, 1.0, 1.0]


def test_a_sensor_that_is_not_there_or_falls_silent_changes_nothing() -> None:
    assert factors(None, None) == [1.0, 1.0]
    assert factors(81.0, None, None, 74.0, None) == [2.0, 2.0, 2.0, 1.0, 1.0]


def test_a_board_that_its_firmware_slows_down_is_spared_however_cool_and_while_it_is() -> None:
    assert factors(40.0, None, throttled=True) == [2.0, 2.0]
    cooling = Cooling(80.0, 75.0)
    steps = [(None, True), (None, False), (77.0, True), (77.0, False), (74.0, False), (82.0, True), (74.0, True)]
    said = [cooling.factor(Heat(celsius, throttled, undervoltage=False)) for celsius, throttled in steps]
    assert said == [2.0, 1.0, 2.0, 2.0, 1.0, 2.0, 2.0]


def test_low_voltage_alone_does_not_halve_the_rate() -> None:
    assert Cooling(80.0, 75.0).factor(Heat(40.0, throttled=False, undervoltage=True)) == 1.0


def test_each_change_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "agent.pipeline.heat")
    cooling = Cooling(80.0, 75.0)
    for heat in [Heat(81.0, False, False)] * 3 + [Heat(70.0, False, False)] * 3 + [Heat(None, True, True)] * 2:
        cooling.factor(heat)
    cooling.factor(Heat(None, False, False))
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("WARNING", "the board is hot (81 °C); half as many frames are looked at"),
        ("INFO", "the board has cooled down (70 °C); as many frames as before are looked at"),
        ("WARNING", "the firmware slows the board down (70 °C); half as many frames are looked at"),
        ("WARNING", "the supply voltage is too low; check the power supply and its cable"),
        ("INFO", "the board has cooled down (70 °C); as many frames as before are looked at"),
        ("INFO", "the supply voltage is high enough again"),
    ]


@given(st.lists(st.floats(74.9, 80.1), min_size=1))
def test_between_cool_and_hot_nothing_changes(celsius: list[float]) -> None:
    before = 1.0
    for one, after in zip(celsius, factors(*celsius), strict=True):
        assert after == (2.0 if one >= 80.0 else 1.0 if one < 75.0 else before)
        before = after
