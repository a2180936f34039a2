"""Photographs with labels: read from a folder, checked, and split so that no place is on both sides."""

from __future__ import annotations

import csv
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Protocol

import cv2

from agent.domain import NO_DEFECT, Pixels
from agent.errors import FidamiaError
from training.progress import shown

MINIMUM = 20  # photographs of a label: below it, a held-out figure says nothing
NAMED = 5  # faulty files that a message names
SUFFIXES = frozenset({".jpg", ".jpeg", ".png"})
DRAWN = "drawn"  # the source of what the simulator draws
KEPT = "Nothing was written."


class DatasetError(FidamiaError):
    """The photographs can not make a model. Exit code 65 (EX_DATAERR, sysexits.h)."""

    exit_code = 65


class Picture(Protocol):
    """Anything to learn from: a photograph or a drawn scene."""

    @property
    def label(self) -> str: ...

    @property
    def source(self) -> str: ...

    @property
    def least(self) -> float:
        """The least part of its area that is taken to show the label still."""
        ...

    def pixels(self) -> Pixels:
        """The whole picture, BGR."""
        ...


@dataclass(frozen=True, slots=True)
class Photograph:
    """One file, what it shows, and where it comes from."""

    path: Path
    label: str
    source: str
    least: ClassVar[float] = 0.25

    def pixels(self) -> Pixels:
        """The whole picture, BGR. Raises DatasetError where the file is no picture."""
        pixels = cv2.imread(str(self.path), cv2.IMREAD_COLOR)
        if pixels is None:
            raise DatasetError(f"{self.path} can not be read as a picture; replace or remove it. {KEPT}")
        return pixels.astype("uint8", copy=False)


def read(folder: Path, categories: Iterable[str]) -> list[Photograph]:
    """The photographs of `folder`, sorted by path: from its labels.csv (path, label, source), else from label/*.jpg.

    Without labels.csv the source is the file's name before its number: `street-0012.jpg` is of `street`.
    Raises DatasetError, with one sentence, where the folder can not make a model.
    """
    table = folder / "labels.csv"
    photographs = _listed(folder, table) if table.is_file() else _foldered(folder)
    photographs.sort(key=lambda photograph: photograph.path)
    _check_labels(folder, photographs, {*categories, NO_DEFECT})
    _check_files(photographs)
    return photographs


def split(
    photographs: Sequence[Photograph], whole_sources: Iterable[str], block: float
) -> tuple[list[Photograph], list[Photograph]]:
    """(training, held out): whole sources where named, else the last `block` share of each source's names.

    Neighbouring names are often the same place: a block keeps them on one side. No drawing of lots.
    """
    whole = set(whole_sources)
    groups: defaultdict[tuple[str, str], list[Photograph]] = defaultdict(list)
    for photograph in photographs:
        groups[photograph.label, photograph.source].append(photograph)
    training: list[Photograph] = []
    held_out: list[Photograph] = []
    for (_, source), group in sorted(groups.items()):
        ordered = sorted(group, key=lambda photograph: photograph.path)
        cut = 0 if source in whole else len(ordered) - round(block * len(ordered))
        training += ordered[:cut]
        held_out += ordered[cut:]
    missing = {photograph.label for photograph in photographs} - {photograph.label for photograph in training}
    if missing:
        raise DatasetError(
            f"Every photograph of {_sentence(missing)} is of a held-out source; add another source. {KEPT}"
        )
    return training, held_out


def _listed(folder: Path, table: Path) -> list[Photograph]:
    with table.open(newline="", encoding="utf-8") as lines:
        reader = csv.DictReader(lines)
        absent = {"path", "label", "source"} - set(reader.fieldnames or ())
        if absent:
            raise DatasetError(f"{table} lacks the column {_sentence(absent)}; add it. {KEPT}")
        return [Photograph(folder / row["path"], row["label"] or "", row["source"] or "") for row in reader]


def _foldered(folder: Path) -> list[Photograph]:
    return [
        Photograph(path, path.parent.name, re.sub(r"[-_]?\d+$", "", path.stem) or "unnamed")
        for path in folder.glob("*/*")
        if path.suffix.lower() in SUFFIXES
    ]


def _check_labels(folder: Path, photographs: Sequence[Photograph], known: set[str]) -> None:
    counts = Counter(photograph.label for photograph in photographs)
    unlabelled = counts.pop("", 0)
    if unlabelled:
        raise DatasetError(f"{unlabelled} photographs of {folder} have no label; add it in labels.csv. {KEPT}")
    if not counts:
        raise DatasetError(f"{folder} holds no photographs; give a folder with labels.csv or LABEL/*.jpg. {KEPT}")
    if strange := set(counts) - known:
        raise DatasetError(f"{_sentence(strange)} is not in the taxonomy; rename it or add it there. {KEPT}")
    if NO_DEFECT not in counts or len(counts) == 1:
        raise DatasetError(
            f"{folder} holds only {_sentence(counts)}; a model needs {NO_DEFECT} and at least one defect. {KEPT}"
        )
    if few := _few(counts):
        raise DatasetError(f"Too few photographs: {few}; {MINIMUM} of each label are the least. {KEPT}")


def _check_files(photographs: Sequence[Photograph]) -> None:
    faulty = [p.path for p in shown(photographs, "reading") if cv2.imread(str(p.path)) is None]
    if faulty:
        names = ", ".join(str(path) for path in faulty[:NAMED]) + (", ..." if len(faulty) > NAMED else "")
        raise DatasetError(f"{len(faulty)} files can not be read as pictures ({names}); remove them. {KEPT}")


def _few(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{label} {count}" for label, count in sorted(counts.items()) if count < MINIMUM)


def _sentence(words: Iterable[str]) -> str:
    return ", ".join(sorted(words))
