"""Holds an example configuration against the keys that there are."""

from __future__ import annotations

import re
import tomllib
import typing
from pathlib import Path
from typing import Any

import msgspec

SYSTEMD = Path(__file__).parents[2] / "systemd"

_COMMENTED = re.compile(r"^# ([a-z0-9_]+ = .*|\[[a-z0-9_.]+\])$", re.MULTILINE)
_NONE_BY_DEFAULT: tuple[Any, ...] = (None, "", [], msgspec.NODEFAULT)


def uncommented(path: Path) -> str:
    """The file with each key that stands as a comment switched on."""
    return _COMMENTED.sub(r"\1", path.read_text(encoding="utf-8"))


def documented_faults(path: Path, schema: type[msgspec.Struct]) -> list[str]:
    """Keys that the file does not show, and keys shown as a comment with another value than their default.

    A key without a default is shown by an example.
    """
    whole, said = tomllib.loads(uncommented(path)), tomllib.loads(path.read_text(encoding="utf-8"))
    faults = []
    for section, kind in typing.get_type_hints(schema).items():
        if typing.get_origin(kind) is dict:  # sections of any name
            if not whole.get(section):
                faults.append(f"[{section}.NAME] is not there")
            continue
        for field in msgspec.structs.fields(kind):
            shown = whole.get(section, {}).get(field.name)
            default = _default(field)
            if shown is None:
                faults.append(f"[{section}] {field.name} is not there")
            elif field.name not in said.get(section, {}) and default not in _NONE_BY_DEFAULT and shown != default:
                faults.append(f"[{section}] {field.name} is {default} by default, not {shown}")
    return faults


def _default(field: msgspec.structs.FieldInfo) -> Any:
    return field.default if field.default_factory is msgspec.NODEFAULT else field.default_factory()
