"""Who judges has not been learnt from: neither its camera, nor its street, nor its twin."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from training.photographs.dataset import Photograph
from training.photographs.split import divided_groups, faults, folds


def photographs(label: str, source: str, count: int, group: str = "") -> list[Photograph]:
    return [Photograph(Path(f"{label}/{source}-{index:04d}.jpg"), label, source, group=group) for index in range(count)]


def test_a_group_of_sources_is_in_one_fold() -> None:
    every = [
        *photographs("pothole", "truck", 40),
        *photographs("no_defect", "truck", 30),
        *photographs("pothole", "phone", 20, "field"),
        *photographs("pothole", "tablet", 20, "field"),
        *photographs("no_defect", "walk", 30),
        *photographs("no_defect", "tram", 30),
    ]
    found = folds(every, 3)
    assert not divided_groups((one.group, one.label) for one in every)
    for group in {photograph.group for photograph in every}:
        assert len({int(fold) for fold, one in zip(found, every, strict=True) if one.group == group}) == 1
    assert set(found.tolist()) == {0, 1, 2}


def test_two_groups_are_no_more_than_two_folds() -> None:
    every = [
        one
        for source in ("north", "south")
        for label in ("pothole", "no_defect")
        for one in photographs(label, source, 30)
    ]
    assert set(folds(every, 4).tolist()) == {0, 1}


def test_two_groups_of_a_label_are_put_apart_so_that_there_is_always_something_to_learn_it_from() -> None:
    every = [
        *photographs("graffiti", "north", 30),
        *photographs("graffiti", "south", 30),
        *(one for place in "abcdef" for one in photographs("no_defect", place, 30 + ord(place))),
    ]
    for count in (2, 3, 4):
        found = folds(every, count)
        for fold in range(count):
            learnt = {one.label for one, held in zip(every, found, strict=True) if held != fold}
            assert learnt == {"graffiti", "no_defect"}


def test_a_group_that_holds_most_of_a_label_is_divided_by_blocks_of_names() -> None:
    every = [
        *photographs("graffiti", "walls", 60),
        *photographs("no_defect", "walls", 20),
        *photographs("graffiti", "phone", 20),
        *photographs("no_defect", "tram", 20),
        *photographs("no_defect", "walk", 20),
    ]
    assert divided_groups((one.group, one.label) for one in every) == {"walls"}
    found = folds(every[::-1], 4)[::-1]
    assert found[:60].tolist() == np.repeat(range(4), 15).tolist()
    assert found[60:80].tolist() == np.repeat(range(4), 5).tolist()


def test_near_duplicates_are_on_one_side() -> None:
    random = np.random.default_rng(1)
    every = [
        replace(one, fingerprint=random.integers(0, 256, 289, np.uint8).tobytes())
        for one in photographs("graffiti", "walls", 40)
    ]
    apart = folds(every, 4)
    assert apart[2] != apart[35]
    every[35] = replace(every[35], fingerprint=every[2].fingerprint)
    together = folds(every, 4)
    assert together[2] == together[35]
    assert np.delete(together, 35).tolist() == np.delete(apart, 35).tolist()


def test_a_label_that_lies_in_one_fold_can_not_be_learnt_and_judged() -> None:
    every = [*photographs("pothole", "truck", 4), *photographs("no_defect", "truck", 4)]
    (fault,) = faults(every, np.array([1, 1, 1, 1, 0, 1, 0, 1]))
    assert fault.startswith("The photographs of pothole resemble each other")
    assert faults(every, np.array([0, 1] * 4)) == []
