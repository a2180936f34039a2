"""What a frame shows: the model's probabilities over its regions, turned into one decision."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from agent.domain import NO_DEFECT, WHOLE_FRAME, Candidate, Classification, Pixels, Region
from agent.interfaces import Classifier
from agent.manifest import Manifest

CANDIDATES = 3


def classify(
    pixels: Pixels, classifier: Classifier, manifest: Manifest, regions: Sequence[Region] = ()
) -> Classification:
    """Look at the regions (the whole picture where none is given); the most telling one decides.

    An accepted defect tells more than one to review, and that more than none; among equals the
    higher probability of a defect.
    """
    looks = [
        decide(classifier.probabilities(cut(pixels, region)), manifest, region) for region in regions or [WHOLE_FRAME]
    ]
    return max(looks, key=_weight)


def cut(pixels: Pixels, region: Region) -> Pixels:
    """The region of the picture, without a copy."""
    height, width = pixels.shape[:2]
    left, top, right, bottom = region
    first_row, first_column = min(round(top * height), height - 1), min(round(left * width), width - 1)
    return pixels[
        first_row : max(round(bottom * height), first_row + 1),
        first_column : max(round(right * width), first_column + 1),
    ]


def decide(probabilities: npt.NDArray[np.float32], manifest: Manifest, region: Region = WHOLE_FRAME) -> Classification:
    """Accepted where the best label is a defect and probable enough, to review where any defect is, else none."""
    order = np.argsort(-probabilities, kind="stable")
    candidates = tuple(Candidate(manifest.labels[i].id, float(probabilities[i])) for i in order)
    best = manifest.labels[order[0]]
    if best.accept is not None and candidates[0].probability >= best.accept:
        decision = "accepted"
    elif 1.0 - next(c.probability for c in candidates if c.label == NO_DEFECT) >= manifest.review:
        decision = "to_review"
    else:
        decision = NO_DEFECT
    return Classification(decision, candidates, region)


def _weight(look: Classification) -> tuple[int, float]:
    rank = {"accepted": 2, "to_review": 1, NO_DEFECT: 0}[look.decision]
    probability = look.best.probability
    return rank, -probability if rank == 0 else probability
