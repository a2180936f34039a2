"""What a folder of photographs says of itself: its labels.csv, or a folder for each label."""

from __future__ import annotations

import csv
import io
import os
import re
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from agent.drivers.pictures import SUFFIXES
from training.wording import counted, named

TABLE = "labels.csv"
COLUMNS = frozenset({"path", "label", "source"})
FOREIGN = frozenset({".avif", ".dng", ".heic", ".heif", ".jp2"})  # of cameras, and not to be read
UNNAMED = "unnamed"  # the source of what says none


@dataclass(frozen=True, slots=True)
class Entry:
    """One photograph as it is listed; a label may be empty, and a weight unsaid."""

    path: Path
    label: str
    source: str
    weight: float | None = None


def listed(folder: Path) -> tuple[list[Entry], list[str]]:
    """The photographs of `folder` as its labels.csv lists them, else label/*.jpg; and a sentence for each fault.

    Without labels.csv the source is the file's name before its number: `street-0012.jpg` is of `street`.
    """
    if not folder.is_dir():
        return [], [f"{folder} is not a folder; give the one that holds the photographs."]
    table = folder / TABLE
    return _tabled(folder, table) if os.path.lexists(table) else _foldered(folder)


def overlooked(folder: Path, taken: Collection[Path]) -> list[Path]:
    """The pictures below `folder` that are not among those taken."""
    every = (path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES | FOREIGN)
    return sorted(path for path in set(every) - set(taken) if not _hidden(path.relative_to(folder)))


def _foldered(folder: Path) -> tuple[list[Entry], list[str]]:
    entries, faults = [], []
    try:
        labels = sorted(path for path in folder.iterdir() if path.is_dir() and not _hidden(path.relative_to(folder)))
        for label in labels:
            entries += [
                Entry(path, label.name, re.sub(r"[-_ ]?\d+$", "", path.stem) or UNNAMED)
                for path in sorted(label.iterdir())
                if path.suffix.lower() in SUFFIXES and not _hidden(path.relative_to(folder))
            ]
    except OSError as error:
        faults.append(f"{error.filename} can not be read ({error.strerror}); correct that.")
    return entries, faults


def _hidden(path: Path) -> bool:
    """Such as the `._a.jpg` that a Mac leaves beside `a.jpg`, which is no picture."""
    return any(part.startswith((".", "__MACOSX")) for part in path.parts)


def _tabled(folder: Path, table: Path) -> tuple[list[Entry], list[str]]:
    try:
        text = table.read_text(encoding="utf-8-sig")  # a spreadsheet writes a byte-order mark
    except UnicodeDecodeError:
        return [], [f"{table} is not in UTF-8; save it again as “CSV UTF-8”."]
    except OSError as error:
        return [], [f"{table} can not be read ({error.strerror}); correct that."]
    first = text.partition("\n")[0]
    # A French spreadsheet separates by semicolons.
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=";" if ";" in first else ",", strict=True)
    try:
        reader.fieldnames = [name.strip().lower() for name in reader.fieldnames or ()]
        if absent := COLUMNS - set(reader.fieldnames):
            return [], [f"{table} lacks the column {', '.join(sorted(absent))}; add it to its first line."]
        rows = [(reader.line_num, {name: (row[name] or "").strip() for name in reader.fieldnames}) for row in reader]
    except csv.Error as error:
        return [], [f"{table}, after line {reader.line_num}: {error}; correct the quotation marks."]
    return _entries(folder, rows)


def _entries(folder: Path, rows: list[tuple[int, dict[str, str]]]) -> tuple[list[Entry], list[str]]:
    entries: dict[PurePosixPath, Entry] = {}
    wrong: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for line, row in rows:
        path = PurePosixPath(row["path"])
        if "\\" in row["path"] and not (folder / path).is_file():  # as Windows writes it
            path = PurePosixPath(row["path"].replace("\\", "/"))
        weight = _weight(row.get("weight") or "1")
        if path.is_absolute() or ".." in path.parts:
            wrong["a path that leaves the folder", "give one below it"].append(f"line {line}")
        elif path in entries:
            wrong["a file named before", "keep one of the lines"].append(f"line {line}: {path}")
        elif not (folder / path).is_file():
            wrong["a file that is not there", "add it, or remove the line"].append(f"line {line}: {path}")
        else:
            if weight is None:
                wrong["a weight not above 0 and at most 1", "write 1 for a label that is sure, or nothing"].append(
                    f"line {line}: {row['weight']}"
                )
            said = weight if row.get("weight") else None
            entries[path] = Entry(folder / path, row["label"], row["source"] or UNNAMED, said)
    faults = [
        f"{TABLE} has {what} in {counted(len(lines), 'line')} ({named(lines)}); {remedy}."
        for (what, remedy), lines in wrong.items()
    ]
    return list(entries.values()), faults


def _weight(text: str) -> float | None:
    try:
        weight = float(text.replace(",", "."))  # as a French spreadsheet writes it
    except ValueError:
        return None
    return weight if 0 < weight <= 1 else None
