"""Views are what another camera and another day would have given, and never anything else than a picture."""

from __future__ import annotations

import numpy as np
import pytest

from agent.domain import Pixels
from training.fitting.augment import CHANGES, PLAIN, Change, squash, view
from training.photographs.dataset import Photograph

PICTURE = Photograph.__new__(Photograph)  # only its `least` is looked at
SIZE = (64, 48)


@pytest.fixture(scope="module")
def street() -> Pixels:
    random = np.random.default_rng(0)
    return squash(random.integers(0, 256, (30, 40, 3), np.uint8), 352, 264)


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change[0].__name__)
def test_each_change_gives_a_picture_of_the_same_size_and_spares_its_input(
    change: tuple[Change, float], street: Pixels
) -> None:
    square = squash(street, 96, 96)
    before = square.copy()
    for seed in range(20):
        seen = change[0](square, np.random.default_rng(seed))
        assert seen.shape == (96, 96, 3)
        assert seen.dtype == np.uint8
        assert (square == before).all()


def test_the_same_seed_gives_the_same_view_and_another_seed_another(street: Pixels) -> None:
    views = [view(PICTURE, street, np.random.default_rng(seed), SIZE) for seed in (1, 1, 2)]
    assert [seen.shape for seen in views] == [(48, 64, 3)] * 3
    assert (views[0] == views[1]).all()
    assert (views[0] != views[2]).any()


def test_a_plain_view_is_a_part_of_the_picture_or_its_mirror_image() -> None:
    ramp = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 256, 0).repeat(3, 2)  # brighter to the right
    for seed in range(20):
        columns = view(PICTURE, ramp, np.random.default_rng(seed), SIZE, PLAIN)[:, :, 0].astype(int)
        assert np.ptp(columns, axis=0).max() <= 1  # each resized column is of one grey, but for rounding
        steps = np.diff(columns[0])
        assert (steps >= 0).all() or (steps <= 0).all()
