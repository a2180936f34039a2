"""What the running daemon says of its parts."""

from __future__ import annotations

import pytest

from agent.domain import Heat
from agent.health import Part
from agent.pipeline.heat import Cooling
from agent.pipeline.regions import Cost
from agent.vitals import board_part, cost_figures


def test_what_a_frame_costs_is_said_in_looks_and_milliseconds() -> None:
    said = cost_figures(Cost(regions=6, looks=3.04, seconds=0.04256))
    assert said == {"frame_ms": 42.6, "look_ms": 14.0, "looks": 3.0, "regions": 6}


def test_before_the_first_frame_nothing_is_said_of_its_cost() -> None:
    assert cost_figures(None) == {}


@pytest.mark.parametrize(
    ("heat", "state", "figures"),
    [
        (Heat(40.0, False, False), "ok", {"celsius": 40.0}),
        (Heat(None, False, False), "off", {}),
        (Heat(81.0, False, False), "waiting", {"celsius": 81.0, "halved": 1}),
        (Heat(60.0, True, False), "waiting", {"celsius": 60.0, "throttled": 1, "halved": 1}),
        (Heat(40.0, False, True), "failed", {"celsius": 40.0, "undervoltage": 1}),
        (Heat(40.0, True, True), "failed", {"celsius": 40.0, "throttled": 1, "undervoltage": 1, "halved": 1}),
    ],
)
def test_the_board_says_how_hot_it_is_and_what_that_costs(heat: Heat, state: str, figures: dict[str, float]) -> None:
    cooling = Cooling(80.0, 75.0)
    assert board_part(cooling) == Part("waiting")
    cooling.factor(heat)
    part = board_part(cooling)
    assert part.state == state
    assert {name: figure for name, figure in part.figures.items() if figure is not None} == figures
