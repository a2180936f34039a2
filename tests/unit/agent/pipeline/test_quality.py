"""What the gate refuses, and beside each such frame a good one that it does not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as limits
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from agent.domain import Pixels
from agent.pipeline.detail import detail, reduce, sample
from agent.pipeline.quality import REASONS, Gate, Settings
from agent.simulation.light import Light
from agent.simulation.patrol import Patrol
from agent.simulation.scenery import LABELS, draw, render
from agent.simulation.street import random_street
from agent.simulation.view import View

Damage = Callable[[Pixels], Pixels]


@cache
def street(label: str = "pothole", seed: int = 1, width: int = 1280, height: int = 720) -> Pixels:
    return draw(label, np.random.default_rng(seed), width, height)


@cache
def drive(frames: int = 60) -> tuple[Pixels, ...]:
    """Frames four metres apart."""
    patrol = Patrol(33, 60.0)
    seconds = np.arange(0.0, 60.0, 0.1)
    metres = np.array([patrol.metres(second) for second in seconds])
    instants = [seconds[np.searchsorted(metres, 4.0 * number)] for number in range(1, frames + 1)]
    return tuple(patrol.frame(instant, 320, 180) for instant in instants)


@cache
def muddy_drive() -> tuple[Pixels, ...]:
    return tuple(muddy(pixels, 0.5) for pixels in drive())


def judge(pixels: Pixels, settings: Settings | None = None, *, moving: bool = False) -> str | None:
    """As the first frame of a camera."""
    return Gate(settings or Settings()).judge(pixels, "front", moving)


def exposed(times: float) -> Damage:
    return lambda pixels: np.clip(pixels * times, 0, 255).astype(np.uint8)


def unfocused(sigma: float) -> Damage:
    return lambda pixels: np.asarray(cv2.GaussianBlur(pixels, (0, 0), sigma), np.uint8)


def moved(length: int, across: bool = True) -> Damage:
    kernel = np.full((1, length) if across else (length, 1), 1 / length)
    return lambda pixels: np.asarray(cv2.filter2D(pixels, -1, kernel), np.uint8)


def concealed(share: float, left: int = 1200) -> Damage:
    """As a decoder shows what it could not decode: one grey, below what it could."""

    def damage(pixels: Pixels) -> Pixels:
        broken = pixels.copy()
        broken[round((1 - share) * len(broken)) :, :left] = 130
        return broken

    return damage


def muddy(pixels: Pixels, share: float, seed: int = 4) -> Pixels:
    """Behind mud the street is out of focus and veiled."""
    rng = np.random.default_rng(seed)
    rows, columns = pixels.shape[:2]
    mud = np.zeros((rows, columns), np.float32)
    while mud.mean() < share:
        centre = (int(rng.uniform(0, columns)), int(rng.uniform(0, rows)))
        axes = (int(rng.uniform(0.05, 0.14) * columns), int(rng.uniform(0.05, 0.1) * columns))
        cv2.ellipse(mud, centre, axes, 0, 0, 360, (1,), -1)
    veil = 0.9 * cv2.GaussianBlur(mud, (0, 0), 0.01 * columns)[:, :, np.newaxis]
    return np.asarray(pixels * (1 - veil) + (0.1 * unfocused(0.02 * columns)(pixels) + 100) * veil, np.uint8)


@pytest.mark.parametrize("label", LABELS)
@pytest.mark.parametrize("size", [(352, 198), (640, 360), (1280, 720), (3840, 2160)])
def test_a_drawn_street_is_good_at_any_resolution(label: str, size: tuple[int, int]) -> None:
    assert judge(np.asarray(cv2.resize(street(label, 3), size, interpolation=cv2.INTER_AREA), np.uint8)) is None


@pytest.mark.parametrize(
    ("reason", "worse", "better"),
    [
        ("dark", exposed(0.05), exposed(0.4)),
        ("overexposed", exposed(6.0), exposed(1.5)),
        ("out_of_focus", unfocused(6.0), unfocused(1.0)),
        ("motion_blur", moved(30), moved(4)),
        ("motion_blur", moved(30, across=False), moved(4, across=False)),
        ("grey", concealed(0.8), concealed(0.3)),
        ("grey", lambda pixels: np.full_like(pixels, 128), exposed(0.8)),
    ],
)
def test_a_damaged_frame_is_refused_and_one_that_is_only_less_good_is_not(
    reason: str, worse: Damage, better: Damage
) -> None:
    assert judge(worse(street())) == reason
    assert judge(better(street())) is None


@pytest.mark.parametrize("scale", [0.5, 1.0, 3.0])
def test_how_sharp_a_frame_is_does_not_depend_on_its_resolution(scale: float) -> None:
    size = (int(1280 * scale), int(720 * scale))
    large = np.asarray(cv2.resize(street(), size, interpolation=cv2.INTER_AREA), np.uint8)
    assert judge(unfocused(6.0 * scale)(large)) == "out_of_focus"


def test_how_sharp_a_frame_is_does_not_depend_on_its_contrast() -> None:
    pale = np.asarray(100 + 0.3 * street(), np.uint8)
    assert judge(pale) is None
    assert judge(unfocused(6.0)(pale)) == "out_of_focus"


def test_a_night_street_is_good_as_long_as_lamps_light_a_part_of_it() -> None:
    night = exposed(0.06)(street())
    assert judge(night) == "dark"
    lit = night.copy()
    lit[300:600, 500:800] = exposed(0.5)(street())[300:600, 500:800]
    assert judge(lit) is None
    lamps = night.copy()
    lamps[100:110, ::200] = 255
    assert judge(lamps) == "dark"


@pytest.mark.parametrize(
    ("setting", "damage"),
    [("darkest", exposed(0.05)), ("brightest", exposed(6.0)), ("blur", unfocused(6.0)), ("blur", moved(30))],
)
def test_zero_refuses_nothing_for_that_reason(setting: str, damage: Damage) -> None:
    assert judge(damage(street())) is not None
    assert judge(damage(street()), replace(Settings(), **{setting: 0.0})) is None


def noisy(pixels: Pixels, seed: int, level: float = 3.0) -> Pixels:
    noise = np.random.default_rng(seed).normal(0, level, pixels.shape)
    return np.clip(pixels + noise, 0, 255).astype(np.uint8)


def test_the_same_picture_again_is_frozen_where_the_vehicle_moves_and_unchanged_where_it_stands() -> None:
    gate = Gate(Settings())
    first, other = drive()[:2]
    assert gate.judge(first, "front", True) is None
    assert gate.judge(first, "front", True) == "frozen"
    assert gate.judge(noisy(first, 1), "front", True) == "frozen"
    assert gate.judge(noisy(first, 2), "front", False) == "unchanged"
    assert gate.judge(other, "front", False) is None
    assert gate.judge(first, "front", True) is None
    assert Gate(replace(Settings(), same=0.0)).judge(first, "front", True) is None


def test_zero_finds_no_picture_the_same() -> None:
    gate = Gate(replace(Settings(), same=0.0))
    assert [gate.judge(street(), "front", moving) for moving in (True, True, False, False)] == [None] * 4


def test_a_road_without_features_is_not_taken_for_a_frozen_picture() -> None:
    ground, light = random_street(np.random.default_rng(1), 60.0), Light(sun=0.0, noise=1.0)
    gate = Gate(Settings())
    rng = np.random.default_rng(2)
    frames = [render(ground, View(along=5.0 + 4 * n, horizon=0.05), light, rng) for n in range(6)]
    assert [gate.judge(pixels, "front", True) for pixels in frames] == [None] * 6


def test_a_scene_that_was_only_seen_blurred_is_looked_at_when_it_is_sharp() -> None:
    gate = Gate(replace(Settings(), same=8.0))
    assert gate.judge(unfocused(6.0)(street()), "front", False) == "out_of_focus"
    assert gate.judge(street(), "front", False) is None
    assert gate.judge(street(), "front", False) == "unchanged"


def test_each_camera_is_judged_by_its_own_past() -> None:
    gate = Gate(Settings())
    assert gate.judge(street(), "front", True) is None
    assert gate.judge(street(), "side", True) is None
    assert gate.judge(street(), "front", True) == "frozen"


def test_a_camera_that_changes_its_size_is_judged_as_a_new_one() -> None:
    gate = Gate(Settings())
    small = np.asarray(cv2.resize(street(), (640, 480), interpolation=cv2.INTER_AREA), np.uint8)
    for pixels in (street(), small, street()):
        assert gate.judge(pixels, "front", True) is None


def dirt_after(gate: Gate, frames: list[Pixels], *, moving: bool = True) -> list[float]:
    shares = []
    for pixels in frames:
        gate.judge(pixels, "front", moving)
        shares.append(gate.dirt("front"))
    return shares


def test_a_clean_lens_is_not_called_dirty_whatever_the_street() -> None:
    gate = Gate(Settings())
    assert max(dirt_after(gate, list(drive()))) < 0.15
    assert not gate.is_dirty("front")


def test_nothing_is_said_of_a_lens_before_thirty_frames_or_of_one_not_known() -> None:
    gate = Gate(Settings())
    shares = dirt_after(gate, list(muddy_drive()[:32]))
    assert shares[28] == 0.0
    assert shares[29] > 0.3
    assert gate.dirt("side") == 0.0
    assert not gate.is_dirty("side")


def test_a_lens_with_mud_is_called_dirty_and_clean_again_soon_after_it_was_wiped() -> None:
    gate = Gate(Settings())
    shares = dirt_after(gate, [*drive()[:20], *muddy_drive()[20:]])
    assert 0.3 < shares[-1] < 0.65
    assert gate.is_dirty("front")
    assert dirt_after(gate, list(drive()[:15]))[-1] < 0.3
    assert not gate.is_dirty("front")


def test_a_lens_that_is_covered_is_told_as_that_and_no_longer_when_it_is_not() -> None:
    gate = Gate(Settings())
    for pixels in drive()[:40]:
        assert gate.judge(pixels, "front", True) is None
    covered = [noisy(unfocused(3.0)(np.asarray(pixels * 0.05 + 100, np.uint8)), 1, 1.5) for pixels in drive()] * 4
    reasons = [gate.judge(pixels, "front", True) for pixels in covered]
    assert set(reasons[40:]) == {"covered"}
    assert [gate.judge(pixels, "front", True) for pixels in drive()[:40]][15:] == [None] * 25


def test_a_dirty_lens_still_sees_and_is_not_called_dirty_where_that_is_switched_off() -> None:
    gate = Gate(replace(Settings(), dirty_share=0.0))
    assert {gate.judge(pixels, "front", True) for pixels in muddy_drive()[:40]} == {None}
    assert gate.dirt("front") > 0.3
    assert not gate.is_dirty("front")


def test_a_bonnet_and_the_sky_are_not_dirt() -> None:
    frames = []
    for pixels in drive()[:45]:
        frame = pixels.copy()
        frame[-45:] = np.linspace(40, 90, 45)[:, np.newaxis, np.newaxis]
        frame[:50] = 200
        frames.append(frame)
    assert max(dirt_after(Gate(Settings()), frames)) < 0.2


def test_a_vehicle_that_stands_and_a_night_tell_nothing_of_the_lens() -> None:
    mud = list(muddy_drive()[:40])
    assert max(dirt_after(Gate(Settings()), mud, moving=False)) == 0.0
    assert max(dirt_after(Gate(Settings()), [exposed(0.2)(pixels) for pixels in mud])) == 0.0


@pytest.mark.parametrize("shape", [(0, 0), (0, 5), (1, 1), (1, 5000), (5000, 1), (31, 47), (33, 49), (179, 321)])
def test_a_frame_of_any_size_is_judged(shape: tuple[int, int]) -> None:
    gate = Gate(Settings())
    for value in (0, 128, 255):
        assert gate.judge(np.full((*shape, 3), value, np.uint8), "front", True) in REASONS
    assert gate.judge(np.zeros((0, 0, 3), np.uint8), "front", True) == "grey"


@limits(max_examples=60, deadline=None)
@given(
    frames=st.lists(
        st.tuples(
            arrays.arrays(np.uint8, st.tuples(st.integers(0, 90), st.integers(0, 90), st.just(3))), st.booleans()
        ),
        min_size=1,
        max_size=4,
    )
)
def test_whatever_a_camera_gives_never_raises(frames: list[tuple[Pixels, bool]]) -> None:
    gate = Gate(Settings())
    for pixels, moving in frames:
        assert gate.judge(pixels, "front", moving) in {None, *REASONS}


def test_what_is_not_a_frame_of_the_camera_is_left_as_it_was() -> None:
    pixels = street().copy()
    judge(pixels)
    assert np.array_equal(pixels, street())


def test_the_sharpness_of_a_perfect_edge_is_one_in_every_direction() -> None:
    for degrees in (0.0, 90.0):
        rows, columns = np.indices((240, 320))
        wave = (columns if degrees == 0 else rows) // 21 % 2
        other = (rows if degrees == 0 else columns) // 25 % 2
        grey = (wave * 80.0 + other * 80.0 + 20).astype(np.float32)
        gradients = detail(grey, reduce(grey)[0])
        assert gradients is not None
        worst, best = gradients.sharpness()
        assert 0.8 < worst <= best < 1.3


def test_a_sample_is_the_same_picture_at_any_resolution() -> None:
    small = sample(np.asarray(cv2.resize(street(), (320, 180), interpolation=cv2.INTER_AREA), np.uint8))
    for size in (640, 1280, 1920, 3840):
        large = np.asarray(cv2.resize(street(), (size, size * 9 // 16), interpolation=cv2.INTER_AREA), np.uint8)
        assert sample(large).shape == (180, 320)
        assert np.abs(sample(large) - small).mean() < 6
