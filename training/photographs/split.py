"""Splits photographs into folds, so that each is judged by a network that has not seen its street."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

import numpy as np

from training.judging.metrics import Floats, Integers
from training.photographs.dataset import Photograph
from training.photographs.duplicates import clusters

HALF = 0.5  # of a label's photographs: without the group that holds more, little would be left to learn the label from


def folds(photographs: Sequence[Photograph], count: int) -> Integers:
    """The fold of each photograph, from 0 to `count` - 1; fewer folds than that where there are fewer groups.

    A group of sources is in one fold, so that another camera and another place judge. A group that holds more than half
    of a label is divided, by blocks of the names of each label and source: neighbouring names are often one street.
    Near-duplicates are in one fold. No drawing of lots.
    """
    members: defaultdict[str, list[int]] = defaultdict(list)
    for index, photograph in enumerate(photographs):
        members[photograph.group].append(index)
    totals = Counter(photograph.label for photograph in photographs)
    divided = divided_groups((photograph.group, photograph.label) for photograph in photographs)
    found = np.zeros(len(photographs), np.int64)
    shares: defaultdict[str, Floats] = defaultdict(lambda: np.zeros(count))  # of a label, that each fold holds
    for group, indices in sorted(members.items(), key=lambda item: (-len(item[1]), item[0])):
        if group in divided:
            for block in _by_names(photographs, indices):
                found[block] = np.arange(len(block)) * count // len(block)
        else:
            more = {
                label: held / totals[label] for label, held in Counter(photographs[i].label for i in indices).items()
            }
            # A label is never held out with all its groups, since two of them are put apart.
            fold = np.max([shares[label] for label in more], axis=0).argmin()
            found[indices] = fold
            for label, share in more.items():
                shares[label][fold] += share
    return _together(found, clusters(photographs))


def faults(photographs: Sequence[Photograph], fold: Integers) -> list[str]:
    """A sentence for each label that lies in one fold: the network that is judged by it had never learnt it."""
    places: defaultdict[str, set[int]] = defaultdict(set)
    for photograph, number in zip(photographs, fold.tolist(), strict=True):
        places[photograph.label].add(number)
    return [
        f"The photographs of {label} resemble each other so much that none can be learnt from while others judge; add "
        "other places."
        for label, numbers in sorted(places.items())
        if len(numbers) == 1
    ]


def divided_groups(photographs: Iterable[tuple[str, object]]) -> set[str]:
    """Of the group and the label of each photograph: the groups that hold more than half of a label.

    They are on both sides, by blocks of names.
    """
    held = Counter(photographs)
    totals: Counter[object] = Counter()
    for (_, label), count in held.items():
        totals[label] += count
    return {group for (group, label), count in held.items() if count > HALF * totals[label]}


def _by_names(photographs: Sequence[Photograph], indices: Sequence[int]) -> list[list[int]]:
    """The indices of each label and source, in the order of their names."""
    blocks: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    for index in sorted(indices, key=lambda index: photographs[index].path):
        blocks[photographs[index].label, photographs[index].source].append(index)
    return list(blocks.values())


def _together(found: Integers, cluster: Integers) -> Integers:
    """Each cluster in the fold of its first member."""
    _, first = np.unique(cluster, return_index=True)
    return np.asarray(found[first][cluster])
