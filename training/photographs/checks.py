"""Looks over an archive before anything is learnt from it, and says what to do about what it finds."""

from __future__ import annotations

import textwrap
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from training.photographs import remarks, split
from training.photographs.archive import SOURCES, chosen, described
from training.photographs.dataset import Photograph, survey
from training.settings import Settings
from training.wording import counted, named

WIDTH = 100  # characters of a line
SOURCES_NAMED = 12  # of a label


@dataclass(frozen=True, slots=True)
class Report:
    """What was found. With a fault, no model can be made."""

    folder: Path
    photographs: list[Photograph]  # that would be used
    faults: list[str]
    remarks: list[str]

    def __str__(self) -> str:
        return self.text(WIDTH)

    def text(self, width: int) -> str:
        """For people, in lines of that many characters."""
        parts = []
        if self.photographs:
            labels = counted(len({photograph.label for photograph in self.photographs}), "label")
            parts += [f"{counted(len(self.photographs), 'photograph')} of {labels} in {self.folder}", ""]
            parts += [_overview(self.photographs, width), ""]
        parts.append("No model can be made of this:" if self.faults else "A model can be made of this.")
        parts += _items(self.faults, width)
        if self.remarks:
            parts += ["", "Worth a look:", *_items(self.remarks, width)]
        return "\n".join(parts)


def check(
    photos: Path,
    taxonomy_file: Path | None = None,
    sources_file: Path | None = None,
    *,
    drop_contradictions: bool = False,
) -> Report:
    """Look over the archive in `photos`, with the two files named, else those beside the photographs, else the shipped.

    Raises DatasetError where one of those two files is no good. What is wrong with the photographs is in the report.
    """
    categories, sources = described(photos, taxonomy_file, sources_file)
    found = survey(photos, categories, sources, drop_contradictions=drop_contradictions)
    faults = found.faults or split.faults(found.kept, split.folds(found.kept, Settings.folds))
    said = [*remarks.on_files(photos, found), *remarks.on_pairs(photos, found), *remarks.on_balance(found.kept)]
    said += remarks.on_sources(found.kept, sources)
    if (own := chosen(sources_file, photos, SOURCES)) != SOURCES:
        said += remarks.on_description(own, found, sources)
    return Report(photos, found.kept, faults, said)


def _overview(photographs: Iterable[Photograph], width: int) -> str:
    """Each label with its count and its sources, as a table."""
    labels: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for photograph in photographs:
        labels[photograph.label][photograph.source] += 1
    table = Table("label", box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("photographs", justify="right")
    table.add_column("sources")
    for label, sources in sorted(labels.items()):
        table.add_row(
            label,
            f"{sources.total():,}",
            named((f"{source} {count}" for source, count in sources.most_common()), SOURCES_NAMED),
        )
    # A file's name is no markup.
    console = Console(file=StringIO(), width=width, markup=False, emoji=False, highlight=False)
    with console.capture() as capture:
        console.print(table)
    return "\n".join(line.rstrip() for line in capture.get().splitlines())


def _items(sentences: Iterable[str], width: int) -> list[str]:
    return [
        textwrap.fill(
            sentence,
            width,
            initial_indent="- ",
            subsequent_indent="  ",
            break_long_words=False,
            break_on_hyphens=False,
        )
        for sentence in sentences
    ]
