"""Everything that is measured of judged predictions, as one JSON object.

Each figure is `{value, low, high, n}`. Headlines have the intervals of `training.judging.intervals`, shares of one
label or of one source Wilson's, which take photographs for independent.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np

from training.judging.intervals import Headline, Statistic, draws, interval
from training.judging.judged import Judged
from training.judging.metrics import BINS, Floats, Mask, bins, mean_wilson, share, wilson

TOP = 3
COVERAGES = 100, 90, 80, 70, 60, 50  # per cent
DETAILS = "sources", "confusion", "reliability", "coverage"


def figures(judged: Judged) -> dict[str, Any]:
    """The headlines by name, then `labels`, `sources`, `confusion` (rows: the truth), `reliability` and `coverage`."""
    weights = draws(judged.predictions)
    return {
        "n": len(judged.predictions),
        **{name: interval(headline, weights) for name, headline in headlines(judged).items()},
        "labels": _labels(judged),
        "sources": _sources(judged),
        "confusion": {"labels": list(judged.predictions.labels), "counts": _confusion(judged)},
        "reliability": _reliability(judged),
        "coverage": _coverage(judged),
    }


def headlines(judged: Judged) -> dict[str, Headline]:
    """Each headline by name."""
    said, right, accepted, defect = judged.predictions, judged.right, judged.accepted, ~judged.clean
    best = np.argsort(-said.probabilities, axis=1, kind="stable")[:, :TOP]
    among = (best == said.truth[:, None]).any(axis=1)
    every = np.ones(len(said), bool)
    shares = {
        "top1": (right, every),
        "top3": (among, every),
        "defects_accepted_rightly": (accepted & right, defect),
        "defects_accepted_wrongly": (accepted & ~right, defect),
        "defects_accepted_or_reviewed": (~judged.silent, defect),
        "accepted_precision": (right, accepted),
        "clean_accepted": (accepted, ~defect),
        "clean_to_review": (judged.to_review, ~defect),
    }
    return {
        "macro_recall": _macro_recall(judged),
        "calibration_error": Headline(_calibration_error(judged), len(said)),
        **{
            name: Headline(_share(hits, of), int(of.sum()), wilson(int((hits & of).sum()), int(of.sum())))
            for name, (hits, of) in shares.items()
        },
    }


def _share(hits: Mask, of: Mask) -> Statistic:
    def statistic(weights: Floats) -> Floats:
        with np.errstate(invalid="ignore"):
            return np.asarray(weights @ (hits & of) / (weights @ of))

    return statistic


def _macro_recall(judged: Judged) -> Headline:
    masks = [judged.predictions.truth == label for label in sorted(set(judged.predictions.truth.tolist()))]
    recalls = [_share(judged.right, mask) for mask in masks]
    return Headline(
        lambda weights: np.asarray(np.mean([recall(weights) for recall in recalls], axis=0)),
        len(judged.right),
        mean_wilson([(int(judged.right[mask].sum()), int(mask.sum())) for mask in masks]),
    )


def _calibration_error(judged: Judged) -> Statistic:
    probabilities = judged.predictions.probabilities
    gaps = np.zeros((len(probabilities), BINS))
    gaps[np.arange(len(probabilities)), bins(probabilities)] = probabilities.max(axis=1) - judged.right
    return lambda weights: np.asarray(np.abs(weights @ gaps).sum(axis=1) / weights.sum(axis=1))


def _labels(judged: Judged) -> dict[str, Any]:
    found = {}
    for index, label in enumerate(judged.predictions.labels):
        true, first = judged.predictions.truth == index, judged.top == index
        if true.any():
            found[label] = {
                "recall": share(judged.right[true]),
                "precision": share(judged.right[first]),
                "accepted_precision": share(judged.right[judged.accepted & first]),
                **_outcomes(judged, true),
            }
    return found


def _sources(judged: Judged) -> list[dict[str, Any]]:
    """A row a label and source; `taken_for` counts the first labels that are wrong, the most frequent first."""
    labels, sources = judged.predictions.labels, np.array(judged.predictions.sources)
    rows = []
    for index, source in sorted(set(zip(judged.predictions.truth.tolist(), judged.predictions.sources, strict=True))):
        here = (judged.predictions.truth == index) & (sources == source)
        wrong = Counter(judged.top[here & ~judged.right].tolist())
        rows.append(
            {
                "label": labels[index],
                "source": source,
                "recall": share(judged.right[here]),
                "taken_for": {labels[other]: count for other, count in wrong.most_common()},
                **_outcomes(judged, here),
            }
        )
    return rows


def _outcomes(judged: Judged, chosen: Mask) -> dict[str, Any]:
    outcomes = {
        "accepted_rightly": judged.accepted & judged.right,
        "accepted_wrongly": judged.accepted & ~judged.right,
        "to_review": judged.to_review,
        "silent": judged.silent,
    }
    return {name: share(mask[chosen]) for name, mask in outcomes.items()}


def _confusion(judged: Judged) -> list[list[int]]:
    count = len(judged.predictions.labels)
    pairs = np.bincount(judged.predictions.truth * count + judged.top, minlength=count**2)
    return [[int(number) for number in row] for row in pairs.reshape(count, count)]


def _reliability(judged: Judged) -> list[dict[str, Any]]:
    """A row a bin that holds pictures: the mean probability that was said, and the share that was right."""
    placed, top = bins(judged.predictions.probabilities), judged.predictions.probabilities.max(axis=1)
    return [
        {
            "from": round(index / BINS, 4),
            "to": round((index + 1) / BINS, 4),
            "said": round(float(top[placed == index].mean()), 4),
            "right": share(judged.right[placed == index]),
        }
        for index in sorted(set(placed.tolist()))
    ]


def _coverage(judged: Judged) -> list[dict[str, Any]]:
    """How right the surest pictures are, and what the device decides: alone, silence being right where it is clean."""
    surest = np.argsort(-judged.predictions.probabilities.max(axis=1), kind="stable")
    ranks = np.empty(len(surest), dtype=np.int64)
    ranks[surest] = np.arange(len(surest))
    rows = {f"the surest {part} %": (ranks < part / 100 * len(ranks), judged.right) for part in COVERAGES}
    rows["decided without a person"] = (
        ~judged.to_review,
        (judged.accepted & judged.right) | (judged.silent & judged.clean),
    )
    rows["accepted, silence aside"] = (judged.accepted, judged.right)
    return [{"what": what, "share": share(taken), "right": share(hits[taken])} for what, (taken, hits) in rows.items()]


def summary(figures: Mapping[str, Any]) -> dict[str, Any]:
    """The headlines and each label's figures: what a manifest carries."""
    return {name: found for name, found in figures.items() if name not in DETAILS}
