"""What a network said of labelled photographs: the table that thresholds are chosen on and every figure comes from."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import numpy.typing as npt

from training.folder import whole
from training.judging.metrics import Floats, Integers, tempered
from training.photographs.dataset import DatasetError, Photograph, Picture

ROUNDING = 0.01  # at most, of a row's sum
COLUMNS = ("path", "source", "group", "label")  # then one column a label of the network


@dataclass(frozen=True, slots=True, eq=False)
class Predictions:
    """One row a picture. On disk always at temperature 1: the network's own softmax.

    As made, probabilities have the digits that the file keeps, so that whoever reads it finds the same figures to the
    last digit, and chooses the same thresholds.
    """

    labels: tuple[str, ...]
    probabilities: Floats  # pictures x labels
    truth: Integers  # the index of each picture's label
    sources: tuple[str, ...]
    groups: tuple[str, ...]  # of sources that are one camera or one collection; else the source
    paths: tuple[str, ...]  # names within the folder of photographs, which need not be there

    @classmethod
    def of(
        cls, labels: Sequence[str], probabilities: Floats, pictures: Sequence[Picture], folder: Path = Path()
    ) -> Predictions:
        """What was said of these pictures, whose files are named within `folder`; drawn scenes by their count."""
        return cls(
            tuple(labels),
            np.array([[float(_written(value)) for value in row] for row in probabilities], dtype=np.float64),
            np.array([labels.index(picture.label) for picture in pictures], dtype=np.int64),
            tuple(picture.source for picture in pictures),
            tuple(picture.group if isinstance(picture, Photograph) else picture.source for picture in pictures),
            tuple(
                _within(folder, picture.path)
                if isinstance(picture, Photograph)
                else f"{picture.label}/{picture.source}-{index:04d}"
                for index, picture in enumerate(pictures)
            ),
        )

    def __len__(self) -> int:
        return len(self.truth)

    def at(self, temperature: float) -> Predictions:
        """The same at that temperature."""
        return replace(self, probabilities=tempered(self.probabilities, temperature))

    def only(self, rows: npt.NDArray[Any]) -> Predictions:
        """Some of the rows, by a mask or by their numbers."""
        kept = np.arange(len(self))[rows].tolist()
        return replace(
            self,
            probabilities=self.probabilities[kept],
            truth=self.truth[kept],
            sources=tuple(self.sources[row] for row in kept),
            groups=tuple(self.groups[row] for row in kept),
            paths=tuple(self.paths[row] for row in kept),
        )

    def save(self, path: Path) -> None:
        """A CSV that a person can read and a repository can keep: names and numbers, no picture."""
        with whole(path) as partial, partial.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow([*COLUMNS, *self.labels])
            names = zip(self.paths, self.sources, self.groups, strict=True)
            for name, label, row in zip(names, self.truth, self.probabilities, strict=True):
                writer.writerow([*name, self.labels[label], *map(_written, row)])

    @classmethod
    def load(cls, path: Path) -> Predictions:
        """What `save` wrote. Raises DatasetError where it is no such table."""
        try:
            with path.open(newline="", encoding="utf-8") as file:
                heads, *rows = [row for row in csv.reader(file) if row]
        except (OSError, UnicodeDecodeError, csv.Error, ValueError) as error:
            reason = getattr(error, "strerror", None) or "it is empty or no CSV"
            raise DatasetError(
                f"{path}: predictions can not be read ({reason}); name the file that a run left"
            ) from error
        labels = tuple(heads[len(COLUMNS) :])
        if tuple(heads[: len(COLUMNS)]) != COLUMNS or len(labels) < 2:  # noqa: PLR2004 - one label is no choice
            raise DatasetError(f"{path}: its first line must be {','.join(COLUMNS)} and the labels; name another file")
        try:
            probabilities = np.array([[float(cell) for cell in row[len(COLUMNS) :]] for row in rows])
            truth = np.array([labels.index(row[3]) for row in rows], dtype=np.int64)
            if probabilities.shape != (len(rows), len(labels)) or not _all_probabilities(probabilities):
                raise ValueError("not probabilities")
        except (ValueError, IndexError) as error:
            raise DatasetError(
                f"{path}: a row is not path, source, group, label and {len(labels)} probabilities; make the file again"
            ) from error
        paths, sources, groups = (tuple(row[column] for row in rows) for column in range(3))
        for name in paths:
            if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
                raise DatasetError(f"{path}: {name!r} leaves the folder of photographs; make the file again")
        return cls(labels, probabilities, truth, sources, groups, paths)


def _within(folder: Path, path: Path) -> str:
    return (path.relative_to(folder) if path.is_relative_to(folder) else path).as_posix()


def _all_probabilities(rows: Floats) -> bool:
    return bool((rows >= 0).all()) and np.allclose(rows.sum(axis=1), 1, atol=ROUNDING)


def _written(value: float) -> str:
    return f"{value:.4g}"
