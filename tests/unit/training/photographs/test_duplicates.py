"""The same photograph is found again, however it was saved, and another is not taken for it."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
import pytest

from agent.domain import Pixels
from training.photographs.duplicates import ALIKE, SAME, clusters, fingerprint, linked, pairs, plain

Scene = Callable[[int], Pixels]


@dataclass(frozen=True)
class Seen:
    """Something with a fingerprint."""

    fingerprint: bytes


def seen(pixels: Pixels) -> Seen:
    return Seen(fingerprint(cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY).astype(np.uint8)))


def difference(first: Pixels, second: Pixels) -> float:
    found = pairs([seen(first), seen(second)], limit=0.5)
    return float(found.difference[0]) if len(found.difference) else 0.5


def saved_again(pixels: Pixels) -> Pixels:
    half = cv2.resize(pixels, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    _, encoded = cv2.imencode(".jpg", half, [cv2.IMWRITE_JPEG_QUALITY, 40])
    return np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR), np.uint8)


def in_other_light(pixels: Pixels) -> Pixels:
    return (255 * (pixels / 255) ** 1.5).astype(np.uint8)


@pytest.mark.parametrize("change", [saved_again, in_other_light])
@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("turns", range(4))
def test_a_photograph_is_the_same_when_saved_again_in_other_light_mirrored_or_turned(
    scene: Scene, change: Callable[[Pixels], Pixels], mirrored: bool, turns: int
) -> None:
    other = change(scene(1))
    other = np.ascontiguousarray(np.rot90(other[:, ::-1] if mirrored else other, turns))
    assert difference(scene(1), other) <= SAME


def test_the_next_frame_is_alike_but_not_the_same_and_one_of_another_place_is_neither(scene: Scene) -> None:
    pixels = scene(1)
    assert SAME < difference(pixels[:, 3:], pixels[:, :-3]) <= ALIKE
    assert difference(pixels[:, 80:], pixels[:, :80]) > ALIKE


def test_other_scenes_are_far_beyond_the_limit(scene: Scene) -> None:
    assert min(difference(scene(a), scene(b)) for a, b in itertools.combinations(range(12), 2)) > ALIKE + 0.1


def test_what_is_plain_or_was_not_read_is_like_nothing(scene: Scene) -> None:
    grey = [seen(np.full((60, 80, 3), level, np.uint8)) for level in (90, 90, 92)]
    assert [plain(thing.fingerprint) for thing in (*grey, seen(scene(1)), Seen(b""))] == [True] * 3 + [False] * 2
    assert len(pairs([*grey, Seen(b""), Seen(b""), seen(scene(1))]).first) == 0


def test_the_black_of_two_nights_is_no_likeness(scene: Scene) -> None:
    nights = []
    for number in (1, 2):
        night = np.zeros((120, 160, 3), np.uint8)
        night[80:110, 60:110] = scene(number)[80:110, 60:110]  # what a lamp shows
        nights.append(night)
    assert difference(*nights) > ALIKE


def test_pairs_come_once_the_least_different_first_and_count_from_the_given_list(scene: Scene) -> None:
    things = [Seen(b""), seen(scene(1)), seen(scene(2)), seen(saved_again(scene(1))), seen(scene(1)[:, ::-1])]
    found = pairs(things)
    assert sorted(zip(found.first.tolist(), found.second.tolist(), strict=True)) == [(1, 3), (1, 4), (3, 4)]
    assert found.difference.tolist() == sorted(found.difference.tolist())


def test_a_symmetrical_scene_is_paired_with_its_copy_once(scene: Scene) -> None:
    half = scene(1)
    both = np.concatenate([half, half[:, ::-1]], axis=1)
    assert len(pairs([seen(both), seen(both)]).first) == 1


def test_pairs_are_found_across_blocks(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.photographs.duplicates.BLOCK", 3)
    things = [seen(scene(number)) for number in (*range(7), 0, 3)]
    found = pairs(things)
    assert sorted(zip(found.first.tolist(), found.second.tolist(), strict=True)) == [(0, 7), (3, 8)]


def test_what_is_linked_by_others_is_one_cluster(scene: Scene) -> None:
    things = [seen(scene(1)), seen(scene(2)), seen(saved_again(scene(1))), seen(in_other_light(scene(1))), Seen(b"")]
    assert clusters(things).tolist() == [0, 1, 0, 0, 2]
    assert clusters([]).tolist() == []


def test_a_long_chain_is_one_cluster() -> None:
    random = np.random.default_rng(3)
    order = random.permutation(200)
    chain = np.sort(np.stack([order[:-1], order[1:]]), axis=0)
    found = pairs([])._replace(first=chain[0], second=chain[1])
    assert set(linked(201, found)[:200].tolist()) == {0}
    assert linked(201, found)[200] == 1
