"""One defect, one observation."""

from __future__ import annotations

import pytest

from agent.domain import Observation
from agent.pipeline.aggregate import Aggregator
from agent.pipeline.locate import NOWHERE
from tests.unit.builders import classification, frame, position

NOTHING = classification("no_defect", 0.9, "no_defect")


@pytest.fixture
def aggregator() -> Aggregator:
    return Aggregator(reach=10.0, patience=2.0)


def summary(observations: list[Observation]) -> list[tuple[str, int, float]]:
    """Label, frames, and the second of the best of them."""
    return [(o.classification.best.label, o.frames, o.frame.monotonic) for o in observations]


def test_frames_that_follow_each_other_show_one_defect(aggregator: Aggregator) -> None:
    for second in range(3):
        assert aggregator.add(frame(second), classification(), position(north=second * 4)) == []
    assert summary(aggregator.flush()) == [("pothole", 3, 0.0)]


def test_the_best_frame_is_kept_with_its_own_position(aggregator: Aggregator) -> None:
    for second, probability in enumerate((0.7, 0.95, 0.8)):
        aggregator.add(frame(second), classification("pothole", probability), position(north=second))
    (found,) = aggregator.flush()
    assert summary([found]) == [("pothole", 3, 1.0)]
    assert found.position == position(north=1)
    assert found.classification.best.probability == 0.95


def test_an_accepted_frame_is_better_than_one_to_review_however_probable(aggregator: Aggregator) -> None:
    aggregator.add(frame(0), classification("graffiti", 0.79, "to_review"), position())
    aggregator.add(frame(1), classification("graffiti", 0.70, "accepted"), position())
    aggregator.add(frame(2), classification("graffiti", 0.78, "to_review"), position())
    (found,) = aggregator.flush()
    assert (found.classification.decision, found.frame.monotonic, found.frames) == ("accepted", 1.0, 3)


def test_a_defect_out_of_reach_of_where_it_was_first_seen_is_another_one(aggregator: Aggregator) -> None:
    found = [aggregator.add(frame(s), classification(), position(north=s * 4)) for s in range(4)]
    assert [summary(one) for one in found] == [[], [], [], [("pothole", 3, 0.0)]]
    assert summary(aggregator.flush()) == [("pothole", 1, 3.0)]


def test_a_defect_is_over_when_it_was_not_seen_for_longer_than_patience(aggregator: Aggregator) -> None:
    aggregator.add(frame(0), classification(), position())
    assert aggregator.add(frame(1.9), NOTHING, position()) == []
    assert summary(aggregator.add(frame(2.1), NOTHING, position())) == [("pothole", 1, 0.0)]


def test_a_frame_that_misses_it_does_not_end_a_defect(aggregator: Aggregator) -> None:
    for second, seen in enumerate((classification(), NOTHING, classification())):
        assert aggregator.add(frame(second), seen, position(north=second)) == []
    assert summary(aggregator.flush()) == [("pothole", 2, 0.0)]


def test_two_labels_at_once_are_two_defects(aggregator: Aggregator) -> None:
    for second, label in enumerate(("pothole", "graffiti", "pothole", "graffiti")):
        assert aggregator.add(frame(second), classification(label), position(north=second)) == []
    assert summary(aggregator.flush()) == [("pothole", 2, 0.0), ("graffiti", 2, 1.0)]


def test_without_a_position_only_patience_ends_a_defect(aggregator: Aggregator) -> None:
    for second in range(30):
        assert aggregator.add(frame(second), classification(), NOWHERE) == []
    assert summary(aggregator.add(frame(32.5), classification(), NOWHERE)) == [("pothole", 30, 0.0)]


def test_no_defect_is_no_observation(aggregator: Aggregator) -> None:
    assert aggregator.add(frame(), NOTHING, position()) == []
    assert aggregator.flush() == []


def test_flush_ends_everything_once(aggregator: Aggregator) -> None:
    aggregator.add(frame(), classification(), position())
    assert len(aggregator.flush()) == 1
    assert aggregator.flush() == []
