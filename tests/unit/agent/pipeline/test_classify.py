"""From probabilities to a decision."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import msgspec
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.domain import NO_DEFECT, WHOLE_FRAME, Pixels, Region
from agent.pipeline.classify import classify, cut, decide
from tests.unit.builders import manifest

LEFT, RIGHT = (0.0, 0.0, 0.5, 1.0), (0.5, 0.0, 1.0, 1.0)


class ByShade:
    """A model that knows each picture by its first pixel."""

    def __init__(self, looks: Mapping[int, Sequence[float]]) -> None:
        self._looks = looks

    def probabilities(self, pixels: Pixels) -> npt.NDArray[np.float32]:
        return np.array(self._looks[int(pixels[0, 0, 0])], np.float32)


def halves(left: int, right: int) -> Pixels:
    pixels = np.zeros((4, 8, 3), np.uint8)
    pixels[:, :4], pixels[:, 4:] = left, right
    return pixels


@pytest.mark.parametrize(
    ("probabilities", "decision", "label"),
    [
        ((0.6, 0.1, 0.3), "accepted", "pothole"),
        ((0.59, 0.1, 0.31), "to_review", "pothole"),
        ((0.2, 0.79, 0.01), "to_review", "graffiti"),
        ((0.1, 0.8, 0.1), "accepted", "graffiti"),
        ((0.25, 0.2, 0.55), "to_review", "pothole"),
        ((0.2, 0.15, 0.65), "no_defect", "no_defect"),
        ((0.0, 0.0, 1.0), "no_defect", "no_defect"),
    ],
)
def test_each_label_is_believed_from_its_own_probability_on(
    probabilities: tuple[float, ...], decision: str, label: str
) -> None:
    found = decide(np.array(probabilities), manifest())
    assert (found.decision, found.best.label) == (decision, label)


def test_a_threshold_of_one_is_reached_by_nothing() -> None:
    never = msgspec.structs.replace(manifest(), review=1.0)
    never = msgspec.structs.replace(never, labels=[msgspec.structs.replace(one, accept=1.0) for one in never.labels])
    assert decide(np.array([1.0, 0.0, 0.0]), never).decision == NO_DEFECT


@pytest.mark.parametrize(
    ("probability", "region", "parts", "decision"),
    [
        (0.6, LEFT, 1, "accepted"),
        (0.79, LEFT, 2, "to_review"),  # 0.4 of doubt for one look are 0.2 for each of two
        (0.81, LEFT, 2, "accepted"),
        (0.89, LEFT, 4, "to_review"),
        (0.91, LEFT, 4, "accepted"),
        (0.6, WHOLE_FRAME, 4, "accepted"),  # what the label was measured with
        (0.84, LEFT, 4, NO_DEFECT),  # 0.6 for one look to be left to a person are 0.15
        (0.86, LEFT, 4, "to_review"),
    ],
)
def test_the_parts_of_a_frame_share_the_doubt_that_one_look_is_allowed(
    probability: float, region: Region, parts: int, decision: str
) -> None:
    found = decide(np.array([probability, 0.0, 1.0 - probability]), manifest(), region, parts)
    assert found.decision == decision


@given(likely=st.lists(st.floats(0.01, 1.0), min_size=3, max_size=3), parts=st.integers(1, 9), more=st.integers(1, 9))
def test_a_part_of_more_is_never_believed_sooner(likely: list[float], parts: int, more: int) -> None:
    ranks = {NO_DEFECT: 0, "to_review": 1, "accepted": 2}
    probabilities = np.array(likely, np.float32) / np.float32(sum(likely))
    few, many = (decide(probabilities, manifest(), LEFT, number).decision for number in (parts, parts + more))
    assert ranks[many] <= ranks[few]


def test_the_candidates_are_all_labels_most_probable_first() -> None:
    found = decide(np.array([0.2, 0.7, 0.1]), manifest())
    assert [(c.label, c.probability) for c in found.candidates] == [
        ("graffiti", 0.7),
        ("pothole", 0.2),
        ("no_defect", 0.1),
    ]


def test_a_defect_behind_no_defect_is_named_where_a_person_is_to_look() -> None:
    found = decide(np.array([0.3, 0.2, 0.5]), manifest())
    assert found.candidates[0].label == "no_defect"
    assert (found.decision, found.best.label, found.best.probability) == ("to_review", "pothole", 0.3)


def test_without_regions_the_whole_frame_is_looked_at() -> None:
    found = classify(halves(1, 2), ByShade({1: (0.9, 0.05, 0.05)}), manifest())
    assert (found.best.label, found.region) == ("pothole", WHOLE_FRAME)


@pytest.mark.parametrize(
    ("left", "right", "telling"),
    [
        ((0.81, 0.1, 0.09), (0.1, 0.85, 0.05), LEFT),  # accepted before to review
        ((0.1, 0.1, 0.8), (0.5, 0.3, 0.2), RIGHT),  # to review before none
        ((0.85, 0.1, 0.05), (0.9, 0.05, 0.05), RIGHT),  # the more probable defect
        ((0.0, 0.1, 0.9), (0.0, 0.3, 0.7), RIGHT),  # no defect, but the less sure of it
    ],
)
def test_the_most_telling_region_decides(
    left: tuple[float, ...], right: tuple[float, ...], telling: tuple[float, ...]
) -> None:
    found = classify(halves(1, 2), ByShade({1: left, 2: right}), manifest(), [LEFT, RIGHT])
    assert found.region == telling


def test_regions_are_looked_at_one_after_the_other() -> None:
    log: list[str] = []

    class Logged(ByShade):
        def probabilities(self, pixels: Pixels) -> npt.NDArray[np.float32]:
            log.append("looked")
            return super().probabilities(pixels)

    def regions() -> Iterator[Region]:
        for region in (LEFT, RIGHT):
            log.append("asked")
            yield region

    classify(halves(1, 1), Logged({1: (0.0, 0.0, 1.0)}), manifest(), regions())
    assert log == ["asked", "looked"] * 2, "what a look took is not known when the next region is chosen"


@pytest.mark.parametrize(
    ("regions", "decision"),
    [
        ([LEFT], "accepted"),
        ([LEFT, RIGHT], "to_review"),
        ([WHOLE_FRAME, LEFT], "accepted"),
        ([LEFT, WHOLE_FRAME, RIGHT], "accepted"),  # by the whole, which shows the left first
        ([RIGHT], NO_DEFECT),
    ],
)
def test_only_parts_that_were_looked_at_count(regions: Sequence[Region], decision: str) -> None:
    looks = {1: (0.75, 0.0, 0.25), 2: (0.0, 0.0, 1.0)}
    assert classify(halves(1, 2), ByShade(looks), manifest(), regions).decision == decision


def test_a_single_part_beside_the_whole_frame_has_nobody_to_share_with() -> None:
    looks = {1: (0.0, 0.0, 1.0), 2: (0.75, 0.0, 0.25)}
    found = classify(halves(1, 2), ByShade(looks), manifest(), [WHOLE_FRAME, RIGHT])
    assert (found.decision, found.region) == ("accepted", RIGHT)


def test_a_region_is_cut_without_a_copy_and_never_empty() -> None:
    pixels = np.arange(10 * 20 * 3, dtype=np.uint8).reshape(10, 20, 3)
    part = cut(pixels, (0.5, 0.2, 0.75, 1.0))
    assert part.shape == (8, 5, 3)
    assert np.shares_memory(part, pixels)
    assert cut(pixels, (0.001, 0.001, 0.002, 0.002)).shape == (1, 1, 3)
    assert cut(pixels, WHOLE_FRAME).shape == pixels.shape


def test_a_region_at_the_very_edge_still_shows_something() -> None:
    pixels = np.zeros((10, 10, 3), np.uint8)
    assert cut(pixels, (0.9999, 0.9999, 1.0, 1.0)).shape == (1, 1, 3)
    assert cut(pixels, (0.0, 0.0, 0.0001, 0.0001)).shape == (1, 1, 3)
