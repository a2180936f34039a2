"""What looks alike, and what does not."""

from __future__ import annotations

import itertools

import cv2
import numpy as np
import pytest

from agent.domain import WHOLE_FRAME, Pixels, Region
from agent.pipeline.likeness import ALIKE, alike, fingerprint
from agent.simulation.patrol import Patrol

REGION: Region = (0.2, 0.3, 0.8, 0.9)


def passes(seed: int = 31) -> dict[float, list[int]]:
    """The fingerprints of each defect in the frames that show it large, about four metres apart."""
    patrol = Patrol(seed, 45.0)
    seen: dict[float, list[int]] = {}
    for half in range(10, 90):
        for defect, region in patrol.in_sight(half / 2, 0.004):
            seen.setdefault(defect.metres, []).append(fingerprint(patrol.frame(half / 2, 640, 360), region))
    return seen


def noise(seed: int, rows: int = 360, columns: int = 640) -> Pixels:
    rough = np.random.default_rng(seed).integers(0, 256, (9, 16, 3), np.uint8)
    return np.asarray(cv2.resize(rough, (columns, rows), interpolation=cv2.INTER_CUBIC), np.uint8)


def test_a_defect_looks_alike_from_frame_to_frame_and_no_other_does() -> None:
    seen = passes()
    following = [alike(*pair) for hashes in seen.values() for pair in itertools.pairwise(hashes)]
    others = [alike(one, other) for a, b in itertools.combinations(seen.values(), 2) for one in a for other in b]
    assert len(following) >= 8
    assert np.mean(following) > 0.75
    assert np.mean(others) < 0.05


@pytest.mark.parametrize(("times", "plus"), [(0.5, 0.0), (1.3, 8.0), (1.0, 40.0)])
def test_exposure_does_not_matter(times: float, plus: float) -> None:
    pixels = np.asarray(50 + noise(1) * 0.5, np.uint8)
    other = np.clip(pixels * times + plus, 0, 255).astype(np.uint8)
    assert (fingerprint(pixels, REGION) ^ fingerprint(other, REGION)).bit_count() <= 2


def test_resolution_does_not_matter() -> None:
    large = np.asarray(cv2.resize(noise(1), (1920, 1080), interpolation=cv2.INTER_AREA), np.uint8)
    assert (fingerprint(noise(1), REGION) ^ fingerprint(large, REGION)).bit_count() <= 4


def test_only_the_region_counts() -> None:
    pixels = noise(1)
    changed = pixels.copy()
    changed[:100] = 0
    assert fingerprint(pixels, REGION) == fingerprint(changed, REGION)
    assert fingerprint(pixels, WHOLE_FRAME) != fingerprint(changed, WHOLE_FRAME)


def test_different_pictures_and_a_mirrored_one_are_not_alike() -> None:
    hashes = [fingerprint(noise(seed), REGION) for seed in range(8)]
    assert not any(alike(*pair) for pair in itertools.combinations(hashes, 2))
    assert not alike(hashes[0], fingerprint(noise(0)[:, ::-1], REGION))


def test_alike_is_within_a_number_of_bits() -> None:
    assert alike(0, (1 << ALIKE) - 1)
    assert not alike(0, (1 << (ALIKE + 1)) - 1)
    assert alike(2**64 - 1, 2**64 - 1)


@pytest.mark.parametrize("shape", [(0, 0), (0, 4), (1, 1), (1, 900), (900, 1), (7, 5)])
def test_a_picture_of_any_size_has_a_fingerprint_of_sixty_four_bits(shape: tuple[int, int]) -> None:
    for region in (WHOLE_FRAME, REGION, (1.0, 1.0, 1.0, 1.0)):
        assert 0 <= fingerprint(np.full((*shape, 3), 7, np.uint8), region) < 2**64
