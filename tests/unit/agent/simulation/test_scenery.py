"""The drawn streets: the same from the same seed, honest about where the defect is, and quick enough."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest

from agent.simulation.light import Light
from agent.simulation.scenery import DEFECTS, LABELS, compose, draw, render
from agent.simulation.street import FLAT, Street, Thing, place, random_street
from agent.simulation.view import View


def _street_with(kind: str, along: float) -> tuple[Street, Thing]:
    rng = np.random.default_rng(5)
    street = random_street(rng, 60.0)
    return street, place(kind, 11, rng, street, 1, along)


@pytest.mark.parametrize("label", LABELS)
def test_a_scene_is_a_frame_of_the_wanted_size(label: str) -> None:
    pixels = draw(label, np.random.default_rng(1), 320, 180)

    assert pixels.shape == (180, 320, 3)
    assert pixels.dtype == np.uint8
    assert pixels.std() > 8


def test_the_same_seed_draws_the_same_scene_and_another_seed_another() -> None:
    first, again, other = (draw("pothole", np.random.default_rng(seed), 320, 180) for seed in (3, 3, 4))

    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_an_unknown_label_is_refused() -> None:
    with pytest.raises(ValueError, match="no such label: dragon"):
        draw("dragon", np.random.default_rng(1))


@pytest.mark.parametrize("label", DEFECTS)
def test_the_defect_is_where_the_scene_says(label: str) -> None:
    areas = []
    for seed in range(8):
        scene = compose(label, np.random.default_rng(seed), 160, 90)
        assert scene.region is not None
        left, top, right, bottom = scene.region
        assert 0 <= left < right <= 1
        assert 0 <= top < bottom <= 1
        areas.append((right - left) * (bottom - top))

    assert 1 / 60 < float(np.median(areas)) < 1 / 3


def test_a_clean_scene_has_no_region() -> None:
    assert compose("no_defect", np.random.default_rng(2), 160, 90).region is None


@pytest.mark.parametrize("label", DEFECTS)
def test_only_the_region_of_a_defect_differs_from_the_clean_street(label: str) -> None:
    street, thing = _street_with(label, 14.0)
    view = View(along=thing.along - 9.0, yaw=0.35, horizon=0.3)
    light = Light(sun=0.0, noise=0.0)

    clean = render(replace(street, things=()), view, light, np.random.default_rng(0)).astype(int)
    found = render(replace(street, things=(thing,)), view, light, np.random.default_rng(0)).astype(int)
    (left, top, right, bottom), within = thing.region(view)

    rows, columns = np.nonzero(np.abs(clean - found).max(axis=2) > 40)
    inside = (
        (columns >= left * 640 - 8)
        & (columns <= right * 640 + 8)
        & (rows >= top * 360 - 8)
        & (rows <= bottom * 360 + 8)
    )
    assert within > 0.5
    assert len(rows) > 150
    assert inside.mean() > 0.85


@pytest.mark.parametrize("label", DEFECTS)
def test_a_defect_grows_as_the_camera_comes_nearer(label: str) -> None:
    _, thing = _street_with(label, 40.0)
    areas = []
    for distance in (30.0, 20.0, 12.0, 8.0):
        (left, top, right, bottom), _ = thing.region(View(along=thing.along - distance, yaw=0.2, horizon=0.3))
        areas.append((right - left) * (bottom - top))

    assert areas == sorted(areas)
    assert areas[-1] > 5 * areas[0]


def test_what_is_behind_the_camera_is_out_of_sight() -> None:
    _, thing = _street_with("pothole", 10.0)

    assert thing.region(View(along=30.0))[1] == 0


def test_a_street_has_clutter_but_no_defect_of_its_own() -> None:
    kinds = {t.kind for seed in range(12) for t in random_street(np.random.default_rng(seed), 100.0).things}

    assert kinds & set(FLAT)
    assert {"closed_bin", "poster", "tree", "car", "cover"} <= kinds
    assert not kinds & set(DEFECTS)


def test_a_frame_is_drawn_in_a_fraction_of_its_period() -> None:
    street = random_street(np.random.default_rng(1), 60.0)
    views = [View(along=5.0 + n) for n in range(8)]
    for view in views:
        render(street, view, Light(), np.random.default_rng(0))
    started = time.process_time()
    for view in views:
        render(street, view, Light(), np.random.default_rng(0))

    assert (time.process_time() - started) / len(views) < 0.1
