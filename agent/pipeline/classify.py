"""What a frame shows: the model's probabilities over its regions, turned into one decision."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from agent.domain import NO_DEFECT, WHOLE_FRAME, Candidate, Classification, Look, Pixels, Probabilities, Region
from agent.interfaces import Classifier
from agent.manifest import NEVER, Manifest

CANDIDATES = 3


def look(pixels: Pixels, classifier: Classifier, regions: Iterable[Region] = (WHOLE_FRAME,)) -> tuple[Look, ...]:
    """Look at the regions, each before the next is asked for."""
    return tuple(Look(region, classifier.probabilities(cut(pixels, region))) for region in regions)


def classify(
    pixels: Pixels, classifier: Classifier, manifest: Manifest, regions: Iterable[Region] = (WHOLE_FRAME,)
) -> Classification:
    """Look at the regions; the most telling one decides."""
    return most_telling(look(pixels, classifier, regions), manifest)


def most_telling(looks: Sequence[Look], manifest: Manifest) -> Classification:
    """One decision of the looks at one frame.

    An accepted defect tells more than one to review, and that more than none; among equals the
    higher probability of a defect.
    """
    parts = sum(one.region != WHOLE_FRAME for one in looks)
    return max((decide(one.probabilities, manifest, one.region, parts) for one in looks), key=weight)


def cut(pixels: Pixels, region: Region) -> Pixels:
    """The region of the picture, without a copy."""
    height, width = pixels.shape[:2]
    left, top, right, bottom = region
    first_row, first_column = min(round(top * height), height - 1), min(round(left * width), width - 1)
    return pixels[
        first_row : max(round(bottom * height), first_row + 1),
        first_column : max(round(right * width), first_column + 1),
    ]


def decide(
    probabilities: Probabilities, manifest: Manifest, region: Region = WHOLE_FRAME, parts: int = 1
) -> Classification:
    """Accepted where the best label is a defect and probable enough, to review where any defect is, else none.

    The doubt that the manifest leaves a label is for one look at a picture. Where several `parts` of a frame were
    looked at they share it, so that together they are no more often wrong than one look is. The whole frame keeps
    its own.
    """
    share = 1.0 if region == WHOLE_FRAME else 1.0 / parts
    order = np.argsort(-probabilities, kind="stable")
    candidates = tuple(Candidate(manifest.labels[i].id, float(probabilities[i])) for i in order)
    best = manifest.labels[order[0]]
    if best.accept is not None and _is_sure(candidates[0].probability, best.accept, share):
        decision = "accepted"
    elif _is_sure(1.0 - next(c.probability for c in candidates if c.label == NO_DEFECT), manifest.review, share):
        decision = "to_review"
    else:
        decision = NO_DEFECT
    return Classification(decision, candidates, region)


def _is_sure(probability: float, threshold: float, share: float) -> bool:
    return threshold < NEVER and 1.0 - probability <= (1.0 - threshold) * share


def weight(look: Classification) -> tuple[int, float]:
    """What a look tells, to be compared."""
    rank = {"accepted": 2, "to_review": 1, NO_DEFECT: 0}[look.decision]
    probability = look.best.probability
    return rank, -probability if rank == 0 else probability
