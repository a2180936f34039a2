"""What is worth a look in an archive, though a model can be made of it: a sentence each, and what to do."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from agent.domain import NO_DEFECT
from training.photographs.dataset import Photograph, Survey, differing, equations, within
from training.photographs.duplicates import SAME, linked, plain
from training.photographs.listing import overlooked
from training.wording import counted, named

ENOUGH = 100  # photographs of a label: where 90 % of them are judged rightly, in truth 83 to 94 % may be
UNEVEN = 10  # times the photographs of the smallest label
SMALL = 5  # photographs of a source: fewer leave nothing to judge by


def on_files(photos: Path, found: Survey) -> list[str]:
    """Pictures that are not used, and those that show nothing."""
    remarks = []
    if unused := overlooked(photos, found.files):
        remarks.append(
            f"{counted(len(unused), 'picture')} not looked at: {named(within(photos, unused))}. Only what labels.csv "
            "lists is read, and without it what lies in LABEL/ itself; convert or move them if you want them used."
        )
    if found.dropped:
        paths = [found.photographs[index].path for index in sorted(found.dropped)]
        remarks.append(
            f"{counted(len(paths), 'photograph')} left out, which are one picture under two labels: "
            f"{named(within(photos, paths))}."
        )
    if found.left_out:
        remarks.append(
            f"{counted(len(found.left_out), 'photograph')} left out, as `leave_out` in sources.toml says: "
            f"{named(within(photos, sorted(found.left_out)))}."
        )
    if flat := [photograph.path for photograph in found.kept if plain(photograph.fingerprint)]:
        remarks.append(
            f"{counted(len(flat), 'photograph')} of nearly one grey: {named(within(photos, flat))}. They show nothing; "
            "remove them."
        )
    return remarks


def on_description(file: Path, found: Survey, sources: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """What a city's own sources.toml says of photographs that are not there."""
    remarks = []
    if absent := sorted(set(sources) - {photograph.source for photograph in found.photographs}):
        remarks.append(
            f"{file} describes {counted(len(absent), 'source')} without photographs: {named(absent)}. Correct the "
            "name, or remove the entry."
        )
    if found.not_left_out:
        remarks.append(
            f"{file} leaves out {counted(len(found.not_left_out), 'file')} that its source does not have: "
            f"{named(found.not_left_out)}. Give the name with its ending, or the path below the folder."
        )
    return remarks


def on_pairs(photos: Path, found: Survey) -> list[str]:
    """Copies, near-duplicates, and what their labels and sources say of each other."""
    photographs, dropped = found.photographs, sorted(found.dropped)
    alike = found.alike.where(~np.isin(found.alike.first, dropped) & ~np.isin(found.alike.second, dropped))
    other_label, other_group = (differing(photographs, alike, what) for what in ("label", "group"))
    copies = alike.where((alike.difference <= SAME) & ~other_label)
    doubtful = alike.where((alike.difference > SAME) & other_label)
    across = alike.where(other_group)
    remarks = []
    if count := len(photographs) - len(np.unique(linked(len(photographs), copies))):
        remarks.append(
            f"{counted(count, 'photograph')} too many: the same as another of its label, saved again, mirrored, turned "
            f"or taken in the same second ({equations(photos, photographs, copies)}). They count twice; keep one of "
            "each."
        )
    sizes = np.bincount(linked(len(photographs), alike)) if photographs else np.zeros(1, dtype=np.int64)
    if (sizes > 1).any():
        remarks.append(
            f"{counted(int(sizes[sizes > 1].sum()), 'photograph')} in {counted(int((sizes > 1).sum()), 'cluster')} of "
            f"near-duplicates, at most {sizes.max()} in one. Nothing to do: a cluster stays together, to learn from or "
            "to judge by."
        )
    if len(doubtful.first):
        remarks.append(
            f"{counted(len(doubtful.first), 'pair')} of near-duplicates with different labels "
            f"({equations(photos, photographs, doubtful)}). Right for a bin before and after it was emptied; correct "
            "the labels of the others."
        )
    if len(across.first):
        names = Counter(
            " and ".join(sorted((photographs[first].source, photographs[second].source)))
            for first, second in zip(across.first, across.second, strict=True)
        )
        shared = named(f"{both} ({counted(count, 'pair')})" for both, count in names.most_common())
        remarks.append(
            f"Sources that share near-duplicates: {shared}. Give them the same `group` in sources.toml, so that they "
            "are held out together."
        )
    return remarks


def on_balance(photographs: Sequence[Photograph]) -> list[str]:
    """Labels of few photographs."""
    counts = Counter(photograph.label for photograph in photographs).most_common()
    remarks = []
    if few := [f"{label} {count}" for label, count in counts if count < ENOUGH]:
        remarks.append(f"Fewer than {ENOUGH} photographs: {named(few)}. Enough to try, too few to know how good it is.")
    if counts and counts[0][1] > UNEVEN * counts[-1][1]:
        (most, many), (least, count) = counts[0], counts[-1]
        remarks.append(
            f"{most} has {many / count:.0f} times the photographs of {least}. Photograph {least} rather than more of "
            f"{most}."
        )
    return remarks


def on_sources(photographs: Sequence[Photograph], sources: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Where a model could learn the camera instead of the defect, and what is not known of a source."""
    counts = Counter(photograph.source for photograph in photographs)
    groups: defaultdict[str, set[str]] = defaultdict(set)  # of each label
    shown: defaultdict[str, set[bool]] = defaultdict(set)  # by each group: clean streets, defects or both
    for photograph in photographs:
        groups[photograph.label].add(photograph.group)
        shown[photograph.group].add(photograph.label == NO_DEFECT)
    remarks = []
    if single := [f"{label} ({', '.join(found)})" for label, found in sorted(groups.items()) if len(found) == 1]:
        remarks.append(
            f"From one source only: {named(single)}. A model may learn the look of its camera instead, and nothing can "
            "show that it works elsewhere; add another place and another camera."
        )
    defects, clean = (sorted(group for group, found in shown.items() if found == {kind}) for kind in (False, True))
    if defects and clean:
        remarks.append(
            f"Only defects: {named(defects)}. Only clean: {named(clean)}. A model may tell them by the camera instead "
            "of by the defect; add clean streets to the former, taken with the same camera in the same way."
        )
    if small := [source for source, count in sorted(counts.items()) if count < SMALL]:
        remarks.append(
            f"{counted(len(small), 'source')} of fewer than {SMALL} photographs: {named(small)}. Where these are one "
            "camera, name the files SOURCE-NUMBER.jpg, or give one source in labels.csv."
        )
    if strange := sorted(set(counts) - set(sources)):
        remarks.append(
            f"{counted(len(strange), 'source')} without a known licence: {named(strange)}. Describe them in a "
            "sources.toml in the photographs' folder; the model's card repeats it."
        )
    if weights := sorted({f"{p.source} {p.weight:g}" for p in photographs if p.weight < 1}):
        remarks.append(f"Counted less than others while learning, as their labels are less sure: {named(weights)}.")
    return remarks
