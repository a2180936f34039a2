"""One defect, one observation."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.domain import WHOLE_FRAME, Glimpse, Look, Observation, Position, Region
from agent.manifest import NEVER, Manifest
from agent.pipeline.aggregate import REMEMBERED, SEEN, SUREST, Aggregator, Belief, Span
from agent.pipeline.locate import NOWHERE
from agent.simulation.scenery import draw
from tests.unit.builders import LABELS, frame, manifest, position

SPAN = Span(reach=30.0, gap=9.0, patience=3.0)
STEP = 4.0  # metres from frame to frame
LEFT: Region = (0.0, 0.3, 0.4, 1.0)
RIGHT: Region = (0.6, 0.3, 1.0, 1.0)


def look(pothole: float = 0.0, graffiti: float = 0.0, region: Region = WHOLE_FRAME) -> Look:
    return Look(region, np.array([pothole, graffiti, 1 - pothole - graffiti], np.float32))


class Way:
    """A camera that is driven along, and what comes of its frames."""

    def __init__(self, of: Manifest | None = None, span: Span = SPAN, **belief: Any) -> None:
        self.aggregator = Aggregator(of or manifest(), span, Belief(**belief))
        self.found: list[Observation] = []

    def see(self, at: float, place: Position | float, *looks: Look) -> list[Observation]:
        """What a frame of that second completes, at that position or so many metres north."""
        where = position(north=place) if isinstance(place, float) else place
        complete = self.aggregator.add(frame(at), Glimpse(at, where, looks or (look(),)))
        self.found += complete
        return complete

    def end(self) -> list[Observation]:
        """All that was found on the way."""
        self.found += self.aggregator.flush()
        return self.found


def seen(*potholes: float, **belief: Any) -> list[Observation]:
    """What frames that follow each other come to, one probability of a pothole each."""
    way = Way(**belief)
    for number, probability in enumerate(potholes):
        way.see(float(number), STEP * number, look(probability))
    return way.end()


def summary(observations: Sequence[Observation]) -> list[tuple[str, int, float]]:
    """Label, frames, and the second of the best of them."""
    return [(o.classification.best.label, o.frames, o.frame.monotonic) for o in observations]


def multiplied(*probabilities: float) -> float:
    """The probability whose odds are the product of theirs."""
    odds = float(np.prod([one / (1 - one) for one in probabilities]))
    return odds / (1 + odds)


def test_frames_that_follow_each_other_show_one_defect() -> None:
    way = Way()
    assert [way.see(float(n), STEP * n, look(0.8)) for n in range(4)] == [[]] * 4
    assert summary(way.end()) == [("pothole", 4, 0.0)]


def test_the_best_frame_is_kept_with_its_own_position_and_region() -> None:
    way = Way()
    for number, probability in enumerate((0.7, 0.95, 0.8)):
        way.see(float(number), float(number), look(0.01), look(probability, region=(LEFT, RIGHT)[number % 2]))
    (found,) = way.end()
    assert summary([found]) == [("pothole", 3, 1.0)]
    assert found.position == position(north=1.0)
    assert found.classification.region == RIGHT


def test_two_frames_are_believed_as_their_odds_together() -> None:
    (found,) = seen(0.7, 0.8)
    assert found.classification.best.probability == pytest.approx(multiplied(0.7, 0.8))
    assert found.classification.decision == "accepted"


def test_only_the_two_most_telling_frames_count_and_the_others_take_nothing_from_them() -> None:
    for probabilities in itertools.permutations((0.35, 0.7, 0.5, 0.8)):
        (found,) = seen(*probabilities)
        assert found.classification.best.probability == pytest.approx(multiplied(0.7, 0.8))
        assert found.frames == 4


def test_frames_none_of_which_would_be_believed_alone_are_believed_together_where_they_tell_enough() -> None:
    accept, review = manifest().labels[0].accept, manifest().review
    assert accept is not None
    assert multiplied(0.55, 0.56) > accept
    assert [one.classification.decision for one in seen(0.55, 0.56)] == ["accepted"]
    assert review < multiplied(0.46, 0.47) < accept
    assert [one.classification.decision for one in seen(0.46, 0.47)] == ["to_review"]
    assert multiplied(0.4, 0.41) < review
    assert seen(0.4, 0.41) == []


def test_no_frame_is_believed_without_bounds() -> None:
    (found,) = seen(1.0, 1.0)
    assert found.classification.best.probability == pytest.approx(multiplied(SUREST, SUREST))


def test_what_is_not_believed_is_counted() -> None:
    way = Way()
    way.see(0.0, 0.0, look(0.4))
    way.see(1.0, STEP, look(0.4))
    assert (way.end(), way.aggregator.unbelieved) == ([], 1)


def test_a_frame_that_shows_too_little_of_it_is_none_of_it() -> None:
    (found,) = seen(0.9, SEEN - 0.01, 0.9, SEEN + 0.01)
    assert found.frames == 3
    assert seen(SEEN - 0.01, SEEN - 0.01) == []


def test_a_defect_is_over_where_it_was_not_seen_for_longer_than_the_gap() -> None:
    way = Way()
    way.see(0.0, 0.0, look(0.9))
    way.see(1.0, 4.0, look(0.9))
    assert way.see(100.0, 4.0 + SPAN.gap - 0.1) == []  # however long it takes
    assert summary(way.see(100.1, 4.0 + SPAN.gap + 0.1)) == [("pothole", 2, 0.0)]


def test_a_frame_that_misses_it_does_not_end_a_defect() -> None:
    way = Way()
    for number, probability in enumerate((0.9, 0.0, 0.9)):
        assert way.see(float(number), STEP * number, look(probability)) == []
    assert summary(way.end()) == [("pothole", 2, 0.0)]


def test_what_goes_on_beyond_reach_is_reported_again() -> None:
    way = Way()
    each = int(SPAN.reach / STEP) + 1
    for number in range(2 * each):
        way.see(float(number), STEP * number, look(0.9))
    assert summary(way.found) == [("pothole", each, 0.0)]
    assert summary(way.end()[1:]) == [("pothole", each, float(each))]


@pytest.mark.parametrize("source", ["none", "last_known", "interpolated"])
def test_where_the_way_is_not_known_patience_ends_a_defect(source: str) -> None:
    def place(metres: float) -> Position:
        return NOWHERE if source == "none" else replace(position(north=metres), source=source)

    way = Way()
    for second in range(15):
        assert way.see(float(second), place(STEP * second), look(0.9)) == []
    assert way.see(14.0 + SPAN.patience, place(999.0)) == []
    assert summary(way.see(14.1 + SPAN.patience, place(999.0))) == [("pothole", 15, 0.0)]


def test_where_the_way_is_not_known_what_never_ends_is_reported_again_and_again() -> None:
    """Walls of a tunnel, full of tags, or no receiver at all."""
    way = Way()
    for second in range(3600):
        way.see(float(second), NOWHERE, look(0.9))
    assert {one.frames for one in way.found} == {int(SPAN.longest) + 1}
    assert len(way.found) == 3600 // (int(SPAN.longest) + 1)


@pytest.mark.parametrize("last", [NOWHERE, position(north=60.0)])
def test_a_place_that_is_known_on_one_side_only_is_no_way(last: Position) -> None:
    way = Way()
    for second, place in enumerate((position(), NOWHERE)):
        way.see(float(second), place, look(0.9))
    assert way.see(1.0 + SPAN.patience, last) == []
    assert len(way.see(1.1 + SPAN.patience, last)) == 1


def test_two_labels_at_once_are_two_defects() -> None:
    way = Way()
    for number in range(3):
        way.see(float(number), STEP * number, look(0.9, region=LEFT), look(0.0, 0.95, region=RIGHT))
    found = {one.classification.best.label: one for one in way.end()}
    assert {label: one.frames for label, one in found.items()} == {"pothole": 3, "graffiti": 3}
    assert (found["pothole"].classification.region, found["graffiti"].classification.region) == (LEFT, RIGHT)


def test_no_defect_is_no_observation() -> None:
    way = Way()
    for number in range(9):
        way.see(float(number), STEP * number)
    assert (way.end(), way.aggregator.unbelieved) == ([], 0)


def test_flush_ends_everything_once() -> None:
    way = Way()
    way.see(0.0, 0.0, look(0.9))
    way.see(1.0, STEP, look(0.9))
    assert len(way.aggregator.flush()) == 1
    assert way.aggregator.flush() == []


# Single frames


@pytest.mark.parametrize(
    ("probability", "decision"), [(0.99, "accepted"), (0.9, "to_review"), (0.61, None), (0.59, None)]
)
def test_one_frame_where_two_are_needed_is_believed_if_certain_and_looked_at_if_it_nearly_is(
    probability: float, decision: str | None
) -> None:
    found = seen(probability, certain=0.97)
    assert [one.classification.decision for one in found] == ([decision] if decision else [])
    assert [one.frames for one in found] == [1] * len(found)


def test_a_frame_that_is_certain_has_the_word_also_where_others_are_missing() -> None:
    (found,) = seen(0.5, 0.99, 0.45, min_frames=4, certain=0.97)
    assert (found.classification.decision, found.frames, found.frame.monotonic) == ("accepted", 3, 1.0)
    assert found.classification.best.probability == pytest.approx(0.99)
    assert [one.classification.decision for one in seen(0.5, 0.9, 0.45, min_frames=4, certain=0.97)] == ["to_review"]


def test_photographs_that_look_alike_are_of_one_defect_and_others_not() -> None:
    way = Way(min_frames=1, are_single=True)
    pictures = [draw("graffiti", np.random.default_rng(seed)) for seed in (1, 2)]
    for number, (seed, probability) in enumerate(((0, 0.9), (0, 0.95), (1, 0.9), (1, 0.05), (1, 0.9))):
        shot = replace(frame(float(number)), pixels=pictures[seed])
        way.found += way.aggregator.add(shot, Glimpse(float(number), NOWHERE, (look(probability),)))
    assert [one.frames for one in way.end()] == [2, 1, 1]


@pytest.mark.parametrize(("probability", "decision"), [(0.99, "accepted"), (0.61, "accepted"), (0.5, "to_review")])
def test_of_photographs_one_is_enough_and_says_the_same_as_it_does_alone(probability: float, decision: str) -> None:
    (found,) = seen(probability, min_frames=1)
    assert (found.classification.decision, found.frames) == (decision, 1)
    assert found.classification.best.probability == pytest.approx(probability)
    assert seen(0.35, min_frames=1) == []


def test_a_single_frame_speaks_for_its_own_defect_only() -> None:
    way = Way()
    way.see(0.0, 0.0, look(0.5, region=LEFT), look(0.0, 0.95, region=RIGHT))
    way.see(1.0, STEP, look(0.0, 0.9))
    # The pothole was in one frame, which shows graffiti more surely.
    assert [(o.classification.best.label, o.frames) for o in way.end()] == [("graffiti", 2)]
    assert way.aggregator.unbelieved == 1


# Labels that can not be believed


def with_thresholds(accept: float, review: float) -> Manifest:
    first, *others = manifest().labels
    labels = [msgspec.structs.replace(first, accept=accept), *others]
    return msgspec.structs.replace(manifest(), labels=labels, review=review)


@pytest.mark.parametrize("frames", [1, 2, 5])
@pytest.mark.parametrize("min_frames", [1, 2])
def test_a_label_that_is_never_accepted_goes_to_a_person_and_one_that_nobody_looks_at_nowhere(
    frames: int, min_frames: int
) -> None:
    for accept, review, decisions in ((NEVER, 0.4, {"to_review"}), (NEVER, NEVER, set[str]())):
        way = Way(with_thresholds(accept, review), min_frames=min_frames)
        for number in range(frames):
            way.see(float(number), STEP * number, look(1.0))
        assert {one.classification.decision for one in way.end()} == decisions


def test_where_nobody_looks_a_sure_run_is_still_accepted_and_an_unsure_one_is_not() -> None:
    for probability, decisions in ((0.9, ["accepted"]), (0.5, [])):
        way = Way(with_thresholds(0.6, NEVER))
        way.see(0.0, 0.0, look(probability))
        way.see(1.0, STEP, look(probability))
        assert [one.classification.decision for one in way.end()] == decisions


# Labels that are mistaken for one another


def road() -> Manifest:
    """Potholes and cracks are of one group."""
    pothole, graffiti, clean = manifest().labels
    grouped = [
        msgspec.structs.replace(one, group="road") for one in (pothole, msgspec.structs.replace(pothole, id="crack"))
    ]
    return msgspec.structs.replace(manifest(), labels=[*grouped, graffiti, clean])


def road_look(pothole: float, crack: float, graffiti: float = 0.0) -> Look:
    return Look(WHOLE_FRAME, np.array([pothole, crack, graffiti, 1 - pothole - crack - graffiti], np.float32))


def test_labels_of_one_group_make_one_observation_of_the_one_that_the_frames_tell_together() -> None:
    way = Way(road())
    for number, (pothole, crack) in enumerate(((0.15, 0.80), (0.05, 0.93), (0.50, 0.38))):
        way.see(float(number), STEP * number, road_look(pothole, crack))
    (found,) = way.end()
    assert (found.classification.best.label, found.frames) == ("crack", 3)
    share = (0.80 + 0.93 + 0.38) / (0.95 + 0.98 + 0.88)
    assert found.classification.best.probability == pytest.approx(multiplied(0.95, 0.98) * share)


def test_where_frames_differ_on_the_label_it_is_believed_less_and_a_person_looks() -> None:
    way = Way(road())
    for number, (pothole, crack) in enumerate(((0.90, 0.06), (0.05, 0.88), (0.40, 0.55))):
        way.see(float(number), STEP * number, road_look(pothole, crack))
    (found,) = way.end()
    assert found.classification.best.label == "crack"
    assert found.classification.decision == "to_review"
    assert [one.label for one in found.classification.candidates[:2]] == ["crack", "pothole"]


def test_a_group_is_seen_where_its_labels_together_are() -> None:
    way = Way(road())
    half = SEEN / 2 + 0.01
    for number in range(2):
        way.see(float(number), STEP * number, road_look(half, half))
    assert (way.end(), way.aggregator.unbelieved) == ([], 1)


def test_a_group_that_is_sure_and_its_labels_are_not_goes_to_a_person() -> None:
    way = Way(road())
    for number in range(2):
        way.see(float(number), STEP * number, road_look(0.48, 0.46))
    (found,) = way.end()
    assert (found.classification.decision, found.classification.best.label) == ("to_review", "pothole")
    assert found.classification.best.probability == pytest.approx(multiplied(0.94, 0.94) * 0.48 / 0.94)


def test_a_label_of_no_group_stays_apart() -> None:
    way = Way(road())
    for number in range(2):
        way.see(float(number), STEP * number, road_look(0.5, 0.0, 0.5), road_look(0.9, 0.0), road_look(0.0, 0.0, 0.95))
    assert {one.classification.best.label for one in way.end()} == {"pothole", "graffiti"}


# What is told of the others, and of the way


@given(st.lists(st.tuples(st.floats(0, 0.999), st.floats(0, 1)), min_size=1, max_size=6), st.integers(1, 3))
def test_candidates_are_all_labels_whose_probabilities_sum_to_one(
    frames: list[tuple[float, float]], min_frames: int
) -> None:
    way = Way(min_frames=min_frames)
    for number, (defects, share) in enumerate(frames):
        way.see(float(number), STEP * number, look(defects * share, defects * (1 - share)))
    for found in way.end():
        candidates = found.classification.candidates
        assert sorted(one.label for one in candidates) == sorted(LABELS)
        assert all(0 <= one.probability <= 1 for one in candidates)
        assert sum(one.probability for one in candidates) == pytest.approx(1.0, abs=1e-6)
        assert found.classification.decision in ("accepted", "to_review")
        assert found.classification.best.label != "no_defect"


def test_what_a_label_leaves_is_shared_out_as_its_frames_do() -> None:
    way = Way()
    for number in range(2):
        way.see(float(number), STEP * number, look(0.7, 0.1))
    (found,) = way.end()
    best, second, third = found.classification.candidates
    assert (best.label, second.label, third.label) == ("pothole", "no_defect", "graffiti")
    assert second.probability == pytest.approx(2 * third.probability)


def test_an_observation_has_the_glimpses_of_the_way_past_it_also_those_that_do_not_show_it() -> None:
    way = Way()
    shown = range(20, 24)
    for number in range(40):
        way.see(float(number), STEP * number, look(0.9 if number in shown else 0.02))
    (found,) = way.found
    instants = [one.monotonic for one in found.glimpses]
    over = next(number for number in range(40) if STEP * number > STEP * shown[-1] + SPAN.gap)
    assert instants == [float(number) for number in range(20 - REMEMBERED, over)]
    assert found.glimpses[REMEMBERED].looks[0].probabilities[0] == pytest.approx(0.9)
    assert found.glimpses[0].position == position(north=STEP * (20 - REMEMBERED))


def test_after_it_no_more_glimpses_are_told_than_before_it() -> None:
    way = Way()
    for number in range(2):
        way.see(number / 10, NOWHERE, look(0.9))
    for number in range(2, 2 + 2 * REMEMBERED):
        way.see(number / 10, NOWHERE)
    (found,) = way.end()
    assert len(found.glimpses) == 2 + REMEMBERED


def test_a_long_way_takes_no_more_memory_than_a_short_one() -> None:
    way = Way()
    for number in range(5000):
        way.see(float(number), NOWHERE, look(0.0, 0.9 * (number % 100 < 3)))
    assert len(way.aggregator._way) <= 10 * REMEMBERED
    assert len(way.end()) == 50
    assert max(len(one.glimpses) for one in way.found) <= 3 * REMEMBERED
