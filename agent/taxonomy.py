"""The categories of defects that there are, whichever of them a model sees: names, who repairs them, how soon."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from typing import Literal

import msgspec

from agent.errors import ConfigError
from agent.i18n import _

Severity = Literal["low", "normal", "urgent"]


class Category(msgspec.Struct, frozen=True):
    """One category, whose id is a report's label."""

    id: str
    en: str
    fr: str
    team: str
    severity: Severity
    deadline_h: float | None = None  # hours, where they are others than its severity's


class _Taxonomy(msgspec.Struct, frozen=True):
    category: list[Category]


def categories() -> list[Category]:
    """The categories of models/taxonomy.toml, in its order. Raises ConfigError where the file is wrong."""
    path = files("agent.models") / "taxonomy.toml"
    try:
        return msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), _Taxonomy).category
    except ValueError as error:
        raise ConfigError(
            _("{path}: the list of categories is wrong: {error}; correct it, or install the program again").format(
                path=path, error=error
            )
        ) from error
