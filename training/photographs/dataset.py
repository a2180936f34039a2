"""Photographs with labels: read from a folder, and checked."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, Protocol

import cv2
import numpy as np
import numpy.typing as npt

from agent.domain import NO_DEFECT, Pixels
from agent.drivers.pictures import UNREDUCED, read_picture
from agent.errors import FidamiaError, PictureError
from training.photographs.duplicates import SAME, SIDE, Pairs, fingerprint, pairs
from training.photographs.listing import Entry, listed
from training.progress import shown
from training.wording import NAMED, counted, named

MINIMUM = 20  # photographs of a label: below it, a held-out figure says nothing
GLANCE = 8 * SIDE  # pixels of the shorter side that are enough to tell pictures apart
DRAWN = "drawn"  # the source of what the simulator draws
KEPT = "Nothing was written."

Sources = Mapping[str, Mapping[str, Any]]


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
    weight: float = 1.0  # how far its label is believed, above 0 and at most 1
    group: str = ""  # of sources that are one camera or one collection; by default the source alone
    fingerprint: bytes = field(default=b"", repr=False, compare=False)  # of its picture, once that was read
    least: ClassVar[float] = 0.25

    def __post_init__(self) -> None:
        if not self.group:
            object.__setattr__(self, "group", self.source)

    def pixels(self) -> Pixels:
        """The whole picture, BGR, as the device reads it. Raises DatasetError where the file is no picture."""
        try:
            return read_picture(self.path, UNREDUCED).pixels
        except PictureError as error:
            raise DatasetError(f"{error}. {KEPT}") from error


@dataclass(frozen=True, slots=True)
class Survey:
    """What a folder holds, and each reason why it can not make a model."""

    photographs: list[Photograph]  # that can be read, sorted by path
    alike: Pairs  # of them
    dropped: frozenset[int]  # of them, since they are one picture under two labels
    faults: list[str]
    files: frozenset[Path]  # that were looked at
    left_out: frozenset[Path]  # of them, as their source says
    not_left_out: list[str]  # what a source says to leave out and does not have

    @property
    def kept(self) -> list[Photograph]:
        """The photographs to work with."""
        return [photograph for index, photograph in enumerate(self.photographs) if index not in self.dropped]


def read(
    folder: Path,
    categories: Iterable[str],
    sources: Sources | None = None,
    *,
    drop_contradictions: bool = False,
    to_learn: bool = True,
) -> list[Photograph]:
    """The photographs of `folder`, sorted by path, with the labels and sources of its labels.csv or its file names.

    `sources` is what sources.toml says of each: its weight, its group, and what to leave out. Raises DatasetError, with
    a sentence for each fault, where the folder can not make a model. Where it is not `to_learn` from, one label or few
    photographs will do.
    """
    found = survey(folder, categories, sources, drop_contradictions=drop_contradictions, to_learn=to_learn)
    if found.faults:
        raise DatasetError("\n".join(found.faults) + f" {KEPT}")
    return found.kept


def survey(
    folder: Path,
    categories: Iterable[str],
    sources: Sources | None = None,
    *,
    drop_contradictions: bool = False,
    to_learn: bool = True,
) -> Survey:
    """As `read`, with the faults as values. Each file is opened once."""
    listed_entries, faults = listed(folder)
    left_out, not_left_out, ambiguous = _left_out(folder, listed_entries, sources or {})
    faults += ambiguous
    strange = [entry.path for entry in listed_entries if not _is_text(str(entry.path))]
    if strange:
        faults.append(
            f"{counted(len(strange), 'file')} whose name is not in UTF-8 ({named(within(folder, strange))}); rename."
        )
    entries = [entry for entry in listed_entries if entry.path not in left_out.union(strange)]
    photographs, unreadable = _seen(entries, sources or {})
    for reason, paths in unreadable.items():
        names = named(within(folder, paths))
        faults.append(f"{counted(len(paths), 'file')} without a whole picture: {reason}, or remove it ({names}).")
    alike = pairs(photographs)
    torn = alike.where((alike.difference <= SAME) & differing(photographs, alike))
    dropped = frozenset({*torn.first.tolist(), *torn.second.tolist()}) if drop_contradictions else frozenset()
    if len(torn.first) and not drop_contradictions:
        faults.append(
            f"Different labels for one picture, perhaps mirrored or turned, in {counted(len(torn.first), 'pair')} "
            f"({equations(folder, photographs, torn)}); correct the labels, remove the wrong ones, or leave all of "
            "them out with --drop-contradictions."
        )
    files = frozenset(entry.path for entry in listed_entries)
    found = Survey(photographs, alike, dropped, faults, files, left_out, not_left_out)
    counts = Counter(photograph.label for photograph in found.kept)
    if any(entry.source == DRAWN for entry in entries):
        faults.append(f"{DRAWN} is the source of what the simulator draws; name that of the photographs otherwise.")
    if counts or not faults:
        faults += _label_faults(folder, counts, {*categories, NO_DEFECT}, to_learn)
    return found


def differing(photographs: Sequence[Photograph], found: Pairs, what: str = "label") -> npt.NDArray[np.bool_]:
    """Of which pairs the two photographs have another label, or another `group`."""
    values = np.array([getattr(photograph, what) for photograph in photographs], dtype=str)
    return np.asarray(values[found.first] != values[found.second])


def equations(folder: Path, photographs: Sequence[Photograph], found: Pairs) -> str:
    """Names the least different pairs, `pothole/a.jpg = graffiti/b.jpg`, and how many more there are."""
    few = zip(found.first[:NAMED].tolist(), found.second[:NAMED].tolist(), strict=True)
    names = (" = ".join(within(folder, [photographs[index].path for index in pair])) for pair in few)
    return named(names, count=len(found.first))


def within(folder: Path, paths: Iterable[Path]) -> list[str]:
    """The paths as seen from the folder that holds them."""
    return [str(path.relative_to(folder)) for path in paths]


def _left_out(folder: Path, entries: Sequence[Entry], sources: Sources) -> tuple[frozenset[Path], list[str], list[str]]:
    """(files that their source leaves out, by name or by path; names it has no file of; a sentence for each fault)."""
    named_so: defaultdict[tuple[str, str], set[Path]] = defaultdict(set)
    for entry in entries:
        named_so[entry.source, entry.path.name].add(entry.path)
        named_so[entry.source, entry.path.relative_to(folder).as_posix()].add(entry.path)
    present = {entry.source for entry in entries}
    found: set[Path] = set()
    absent, faults = [], []
    for source in sorted(present & set(sources)):
        for name in sources[source].get("leave_out", ()):
            files = named_so.get((source, name), set())
            if not files:
                absent.append(f"{source}: {name}")
            elif len(files) > 1:
                paths = named(within(folder, sorted(files)))
                faults.append(f"{source} leaves out {name}, which may be {paths}; give the path in sources.toml.")
            found |= files
    return frozenset(found), absent, faults


def _is_text(name: str) -> bool:
    """Whether it is in UTF-8: what is not, no list of predictions can hold."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _seen(entries: Sequence[Entry], sources: Sources) -> tuple[list[Photograph], dict[str, list[Path]]]:
    """(photographs with their fingerprints, the other files by what is wrong with them), sorted by path."""
    ordered = sorted(entries, key=lambda entry: entry.path)
    with ThreadPoolExecutor() as pool:
        prints = list(shown(pool.map(_fingerprint, (entry.path for entry in ordered)), "reading", len(ordered)))
    photographs: list[Photograph] = []
    wrong: defaultdict[str, list[Path]] = defaultdict(list)
    for entry, found in zip(ordered, prints, strict=True):
        if isinstance(found, PictureError):
            wrong[found.reason].append(entry.path)
            continue
        known = sources.get(entry.source, {})
        weight = known.get("weight", 1.0) if entry.weight is None else entry.weight
        group = known.get("group") or entry.source
        photographs.append(Photograph(entry.path, entry.label, entry.source, weight, group, found))
    return _in_blocks(photographs, sources), wrong


def _in_blocks(photographs: Sequence[Photograph], sources: Sources) -> list[Photograph]:
    """The same, sorted by path, each block of the names of a source that has several as a group of its own."""
    found = []
    members: defaultdict[tuple[str, str], list[Photograph]] = defaultdict(list)
    for one in photographs:
        members[one.source, one.label].append(one)
    for (source, _), ones in members.items():
        count = sources.get(source, {}).get("blocks", 1)
        for place, one in enumerate(sorted(ones, key=lambda one: one.path)):
            block = f", block {1 + place * count // len(ones)}" if count > 1 else ""
            found.append(replace(one, group=one.group + block))
    return sorted(found, key=lambda one: one.path)


def _fingerprint(path: Path) -> bytes | PictureError:
    """Of the file's picture, or why it has none."""
    try:
        pixels = read_picture(path, GLANCE).pixels
    except PictureError as error:
        return error
    return fingerprint(cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY).astype(np.uint8, copy=False))


def _label_faults(folder: Path, counts: Counter[str], known: set[str], to_learn: bool) -> list[str]:
    if not counts:
        return [f"{folder} holds no photographs; give a folder with labels.csv or LABEL/*.jpg."]
    faults = []
    if unlabelled := counts.pop("", 0):
        faults.append(f"{counted(unlabelled, 'photograph')} of {folder} without a label; add it in labels.csv.")
    if strange := sorted(set(counts) - known):
        faults.append(f"Not in the taxonomy: {named(strange)}; rename the label, or add it there.")
    if not to_learn or not counts:
        return faults
    if NO_DEFECT not in counts or len(counts) == 1:
        faults.append(
            f"{folder} holds only {', '.join(sorted(counts))}; a model needs {NO_DEFECT} and at least one defect."
        )
    if few := [f"{label} {count}" for label, count in sorted(counts.items()) if count < MINIMUM]:
        faults.append(f"Too few photographs: {', '.join(few)}; {MINIMUM} of each label are the least.")
    return faults
