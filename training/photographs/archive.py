"""What a city says of its photographs: its categories (taxonomy.toml) and its sources (sources.toml)."""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from agent.domain import NO_DEFECT
from agent.manifest import Words
from training.photographs.dataset import KEPT, DatasetError

TRAINING = Path(__file__).parent.parent
TAXONOMY = TRAINING.parent / "models" / "taxonomy.toml"
SOURCES = TRAINING / "sources.toml"

ALLOWED = {  # in words, where msgspec's are not for everybody
    "severity": "low, normal or urgent",
    "id": "small letters, digits and _, a letter first, and not no_defect, which has an entry of its own",
    "weight": "above 0 and at most 1",
}
Entries = dict[str, dict[str, Any]]


class Category(msgspec.Struct):
    """What a model's manifest takes from an entry of the taxonomy; there may be more in it."""

    id: Annotated[str, Meta(pattern=r"^(?!no_defect\Z)[a-z][a-z0-9_]*\Z", max_length=64)]
    en: Words
    fr: Words
    severity: Literal["low", "normal", "urgent"]
    team: Words
    group: Annotated[str, Meta(min_length=1, max_length=64)] | None = None
    above: Annotated[float, Meta(ge=0, le=20)] = 0.0


class Clean(msgspec.Struct):
    """The names of `no_defect`."""

    en: Words
    fr: Words


class Source(msgspec.Struct, forbid_unknown_fields=True):
    """What is known of where photographs come from."""

    name: Annotated[str, Meta(min_length=1)]
    what: str = "not described"
    licence: str = "not stated"
    weight: Annotated[float, Meta(gt=0, le=1)] = 1.0  # how far its labels are believed
    group: str = ""  # of sources that are one camera or one collection, and are held out together
    blocks: Annotated[int, Meta(ge=1, le=100)] = 1  # of names that are groups of their own: of many places and cameras
    leave_out: list[str] = []  # files whose label is wrong, or that nobody can tell


def chosen(option: Path | None, photos: Path, shipped: Path) -> Path:
    """The file that a person named, else the one of that name beside the photographs, else the shipped one."""
    beside = photos / shipped.name
    return option or (beside if beside.is_file() else shipped)


def described(photos: Path, taxonomy_file: Path | None, sources_file: Path | None) -> tuple[Entries, Entries]:
    """(categories, sources) that hold for the photographs of that folder. Raises DatasetError, with each fault."""
    return taxonomy(chosen(taxonomy_file, photos, TAXONOMY)), known_sources(chosen(sources_file, photos, SOURCES))


def taxonomy(path: Path = TAXONOMY) -> Entries:
    """The categories by id, in the taxonomy's order, and `no_defect` last. Raises DatasetError, with each fault."""
    data = _toml(path)
    clean = data.get(NO_DEFECT, {})
    faults = _faults([clean], Clean, NO_DEFECT) + _faults(data.get("category", []), Category, "category")
    _refuse(path, faults)
    return {category["id"]: category for category in data["category"]} | {NO_DEFECT: clean}


def known_sources(path: Path = SOURCES) -> Entries:
    """What is known of the photographs' sources, by name, every key of `Source` filled in: `group` with the name.

    Raises DatasetError, with each fault.
    """
    entries = _toml(path).get("source", [])
    faults = _faults(entries, Source, "source")
    _refuse(path, faults)
    sources = [msgspec.convert(entry, Source) for entry in entries]
    for source in sources:
        source.group = source.group or source.name
    return {source.name: msgspec.to_builtins(source) for source in sources}


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DatasetError(f"{path} can not be read ({error.strerror}). {KEPT}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DatasetError(f"{path} is not TOML in UTF-8 ({error}); correct it. {KEPT}") from error


def _faults(entries: Any, kind: type[msgspec.Struct], word: str) -> list[str]:
    """One by one: msgspec stops at the first fault of what it is given."""
    if not isinstance(entries, list) or not entries:
        return [f"there is no [[{word}]]; describe one"]
    faults, names = [], Counter[str]()
    for number, entry in enumerate(entries, 1):
        try:
            msgspec.convert(entry, kind)
        except msgspec.ValidationError as error:
            name = entry.get("id") or entry.get("name") if isinstance(entry, dict) else None
            which = " ".join([word, *([str(number)] if len(entries) > 1 else []), *([f"({name})"] if name else [])])
            allowed = next(
                (f"; {field} is {hint}" for field, hint in ALLOWED.items() if f"$.{field}`" in str(error)), ""
            )
            faults.append(f"{which}: {error}{allowed}")
        else:
            names[entry.get("id") or entry.get("name") or word] += 1
    return faults + [f"{word} {name} stands there {count} times" for name, count in names.items() if count > 1]


def _refuse(path: Path, faults: Sequence[str]) -> None:
    if faults:
        raise DatasetError("\n".join(f"{path}: {fault}." for fault in faults) + f" {KEPT}")
