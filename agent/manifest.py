"""A model's manifest: what it sees, how it is fed, when it is believed; and the check that it fits its file."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterator
from importlib.resources import files
from itertools import zip_longest
from pathlib import Path
from typing import IO, Annotated, Literal

import msgspec
from msgspec import Meta

from agent.archive import UNREADABLE
from agent.domain import NO_DEFECT, ModelIdentity
from agent.errors import ConfigError
from agent.i18n import _, language

LABELS_FILE = "labels.txt"  # in the archive behind a TensorFlow Lite model that carries metadata
LARGEST_LABELS = 100_000  # bytes of it that are read

Probability = Annotated[float, Meta(ge=0, le=1)]
NEVER = 1.0  # as a threshold: nothing reaches it, not even what is rounded to 1
Side = Annotated[int, Meta(ge=1, le=4096)]  # pixels
Short = Annotated[str, Meta(min_length=1, max_length=64)]  # as a report can carry it
Words = Annotated[str, Meta(min_length=1, max_length=128)]  # likewise
FileName = Annotated[str, Meta(pattern=r"^[A-Za-z0-9._-]+\Z")]
Sha256 = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]


class Input(msgspec.Struct, frozen=True):
    """How a picture is fed: resized to width x height, RGB, `(value - mean) / scale`."""

    width: Side
    height: Side
    mean: Annotated[float, Meta(ge=-1000, le=1000)]
    scale: Annotated[float, Meta(ge=0.001, le=1000)]


class Label(msgspec.Struct, frozen=True):
    """One class of the model, with its names and what follows from it."""

    id: Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]*\Z", max_length=64)]
    en: Words
    fr: Words
    severity: Literal["low", "normal", "urgent"] | None
    team: Words | None
    accept: Probability | None  # believed without a person from this probability on, or NEVER
    group: Short | None = None  # labels of one group are mistaken for one another
    above: Annotated[float, Meta(ge=0, le=20)] = 0.0  # metres: its middle above the ground, 0 for what lies flat

    @property
    def name(self) -> str:
        """In the reader's language."""
        return self.fr if language() == "fr" else self.en


class Manifest(msgspec.Struct, frozen=True):
    """`manifest.json` of a model's folder. `training` and `metrics` are for people."""

    name: Short
    version: Short
    file: FileName
    sha256: Sha256
    input: Input
    temperature: Annotated[float, Meta(ge=0.01, le=100)]
    review: Probability  # a person looks from this probability of any defect on, or NEVER
    labels: Annotated[list[Label], Meta(min_length=2)]
    directory: Path = Path()  # where it was read from
    training: dict[str, object] = {}
    metrics: dict[str, object] = {}

    @property
    def identity(self) -> ModelIdentity:
        """What a report says of the model."""
        return ModelIdentity(self.name, self.version, self.sha256)

    @property
    def path(self) -> Path:
        """The model file."""
        return self.directory / self.file

    def groups(self) -> dict[str, list[int]]:
        """The indices of the defects, those that are mistaken for one another together."""
        found: dict[str, list[int]] = {}
        for index, label in enumerate(self.labels):
            if label.id != NO_DEFECT:
                found.setdefault(label.group or label.id, []).append(index)
        return found

    @property
    def kinds(self) -> dict[str, str]:
        """The group of each label: its own name where it is mistaken for no other."""
        return {label.id: label.group or label.id for label in self.labels}

    def label(self, identifier: str) -> Label:
        """The label of that id; KeyError where the model has none."""
        for label in self.labels:
            if label.id == identifier:
                return label
        raise KeyError(identifier)


def shipped_models() -> list[str]:
    """The names of the models that came with the program."""
    names = (path.parent.name for path in _shipped().glob("*/manifest.json"))
    return sorted(name for name in names if not name.startswith("."))  # one that is being made is hidden


def load_manifest(name: str = "defects") -> Manifest:
    """Read the manifest of a shipped model by its name, or of a folder by its path, and hold its file against it.

    Raises ConfigError where anything is missing or malformed, and with each difference between the two.
    """
    directory = Path(name) if "/" in name else _shipped() / name
    path = directory / "manifest.json"
    try:
        manifest = msgspec.json.decode(path.read_bytes(), type=Manifest)
    except OSError as error:
        raise ConfigError(
            _("{path}: the model's manifest can not be read ({reason}); set [model] name to a shipped model").format(
                path=path, reason=error.strerror
            )
        ) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError(
            _("{path}: the model's manifest is wrong: {error}; install the model again").format(path=path, error=error)
        ) from error
    manifest = msgspec.structs.replace(manifest, directory=directory)
    faults = [*_label_faults(manifest, path), *_file_faults(manifest)]
    if faults:
        raise ConfigError(*faults)
    return manifest


def _shipped() -> Path:
    return Path(str(files("agent.models")))


def _label_faults(manifest: Manifest, path: Path) -> Iterator[str]:
    identifiers = [label.id for label in manifest.labels]
    if NO_DEFECT not in identifiers or len(set(identifiers)) != len(identifiers):
        yield _("{path}: labels must be unique and hold {label}; install the model again").format(
            path=path, label=NO_DEFECT
        )
    if any(label.accept is not None for label in manifest.labels if label.id == NO_DEFECT):
        yield _("{path}: {label} can not be accepted as a defect; install the model again").format(
            path=path, label=NO_DEFECT
        )
    incomplete = [
        label.id
        for label in manifest.labels
        if label.id != NO_DEFECT and (label.accept is None or label.severity is None or label.team is None)
    ]
    if incomplete:
        yield _("{path}: labels without accept, severity or team: {labels}").format(
            path=path, labels=", ".join(incomplete)
        )


def _file_faults(manifest: Manifest) -> Iterator[str]:
    """Where the model's file is not the one that the manifest describes, as far as it shows without running it."""
    try:
        with manifest.path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
            if found != manifest.sha256:
                yield _(
                    "{path}: the model's SHA-256 is {found}, the manifest says {expected}: "
                    "the file is damaged or was replaced; install the model again"
                ).format(path=manifest.path, found=found, expected=manifest.sha256)
                return
            own = _own_labels(file)
    except OSError as error:
        yield _("{path}: the model can not be read ({reason}); install the model again").format(
            path=manifest.path, reason=error.strerror
        )
        return
    if own is None:
        return
    pairs = zip_longest(own, [label.id for label in manifest.labels], fillvalue="-")
    differences = [
        _("{number}. {found} (the manifest: {expected})").format(number=number, found=found, expected=expected)
        for number, (found, expected) in enumerate(pairs, start=1)
        if found != expected
    ]
    if differences:
        yield _("{path}: the labels in the model's file are others than the manifest's: {differences}").format(
            path=manifest.path, differences=", ".join(differences)
        )


def _own_labels(file: IO[bytes]) -> list[str] | None:
    """The labels that the file itself carries, in the order of its output; None where it carries none."""
    try:
        with zipfile.ZipFile(file) as archive, archive.open(LABELS_FILE) as labels:
            content = labels.read(LARGEST_LABELS)
    except UNREADABLE:
        return None  # no archive, none that is ours, or one that only other programs can read
    return content.decode("utf-8", "replace").splitlines()
