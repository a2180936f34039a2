"""What the running daemon says of its parts."""

from __future__ import annotations

from agent.pipeline.regions import Cost
from agent.vitals import cost_figures


def test_what_a_frame_costs_is_said_in_looks_and_milliseconds() -> None:
    said = cost_figures(Cost(regions=6, looks=3.04, seconds=0.04256))
    assert said == {"frame_ms": 42.6, "look_ms": 14.0, "looks": 3.0, "regions": 6}


def test_before_the_first_frame_nothing_is_said_of_its_cost() -> None:
    assert cost_figures(None) == {}
