"""A model's manifest: what it sees, how it is fed, when it is believed; and the check that it fits its file."""

from __future__ import annotations

import hashlib
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from agent.domain import NO_DEFECT, ModelIdentity
from agent.errors import ConfigError
from agent.i18n import _

Probability = Annotated[float, Meta(ge=0, le=1)]


class Input(msgspec.Struct, frozen=True):
    """How a picture is fed: resized to width x height, RGB, `(value - mean) / scale`."""

    width: Annotated[int, Meta(ge=1)]
    height: Annotated[int, Meta(ge=1)]
    mean: float
    scale: Annotated[float, Meta(ge=0.001, le=1000)]


class Label(msgspec.Struct, frozen=True):
    """One class of the model, with its names and what follows from it."""

    id: Annotated[str, Meta(pattern="^[a-z][a-z0-9_]*$")]
    en: str
    fr: str
    severity: Literal["low", "normal", "urgent"] | None
    team: str | None
    accept: Probability | None  # believed without a person from this probability on


class Manifest(msgspec.Struct, frozen=True):
    """`manifest.json` of a model's folder. `training` and `metrics` are for people."""

    name: str
    version: Annotated[str, Meta(max_length=64)]
    file: Annotated[str, Meta(pattern=r"^[A-Za-z0-9._-]+\Z")]
    sha256: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
    input: Input
    temperature: Annotated[float, Meta(ge=0.01, le=100)]
    review: Probability  # a person looks from this probability of any defect on
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

    def label(self, identifier: str) -> Label:
        """The label of that id; KeyError where the model has none."""
        for label in self.labels:
            if label.id == identifier:
                return label
        raise KeyError(identifier)


def load_manifest(name: str = "defects") -> Manifest:
    """Read the manifest of a shipped model by its name, or of a folder by its path, and check the file's hash.

    Raises ConfigError where anything is missing, malformed or does not match.
    """
    directory = Path(name) if "/" in name else Path(str(files("agent.models") / name))
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
    _check_labels(manifest, path)
    _check_hash(manifest)
    return manifest


def _check_labels(manifest: Manifest, path: Path) -> None:
    identifiers = [label.id for label in manifest.labels]
    if NO_DEFECT not in identifiers or len(set(identifiers)) != len(identifiers):
        raise ConfigError(
            _("{path}: labels must be unique and hold {label}; install the model again").format(
                path=path, label=NO_DEFECT
            )
        )
    incomplete = [
        label.id
        for label in manifest.labels
        if label.id != NO_DEFECT and (label.accept is None or label.severity is None or label.team is None)
    ]
    if incomplete:
        raise ConfigError(
            _("{path}: labels without accept, severity or team: {labels}").format(
                path=path, labels=", ".join(incomplete)
            )
        )


def _check_hash(manifest: Manifest) -> None:
    try:
        found = hashlib.sha256(manifest.path.read_bytes()).hexdigest()
    except OSError as error:
        raise ConfigError(
            _("{path}: the model can not be read ({reason}); install the model again").format(
                path=manifest.path, reason=error.strerror
            )
        ) from error
    if found != manifest.sha256:
        raise ConfigError(
            _(
                "{path}: the model's SHA-256 is {found}, the manifest says {expected}: "
                "the file is damaged or was replaced; install the model again"
            ).format(path=manifest.path, found=found, expected=manifest.sha256)
        )
