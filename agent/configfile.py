"""Reads a TOML file into typed sections, and names every fault at once with file, line and what is allowed."""

from __future__ import annotations

import difflib
import re
import tomllib
import typing
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from msgspec import inspect

from agent.errors import ConfigError
from agent.i18n import _, shown

ENVIRONMENT_PREFIX = "FIDAMIA_"
SECTION = re.compile(r"\[\s*([A-Za-z0-9_.-]+)\s*\]\s*(?:#|$)")
NAME = re.compile(r"[A-Za-z0-9_-]+")  # what TOML takes without quotation marks

Config = TypeVar("Config", bound=msgspec.Struct)


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a key, or with a section where there is no key."""

    section: str
    key: str | None
    sentence: str


def located(faults: Iterable[Fault], path: Path | None) -> list[str]:
    """The faults in words, each with where it stands in the file, as far as that is known."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines() if path else []
    except (OSError, UnicodeDecodeError):
        lines = []
    reader = _Reader(path, lines, {})
    return [reader.fault(fault.section, fault.key, fault.sentence) for fault in faults]


def load(path: Path, schema: type[Config], environment: Mapping[str, str]) -> Config:
    """Read `path` into `schema`, a Struct whose fields are the sections: Structs, or a dict of them by name.

    `FIDAMIA_<SECTION>_<KEY>` in the environment wins over the file. Raises ConfigError with all faults.
    """
    text = _read(path)
    try:
        document = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigError(_("{path}: not valid TOML: {error}").format(path=path, error=error)) from error
    reader = _Reader(path, text.splitlines(), environment)
    sections = {name: section for name, section in typing.get_type_hints(schema).items()}
    faults = list(reader.unknown_sections(document, list(sections)))
    values = {}
    for name, section in sections.items():
        content = document.get(name, {})
        if not isinstance(content, dict):
            faults.append(reader.fault(None, name, _("must be a section: [{name}]").format(name=name)))
            continue
        if typing.get_origin(section) is dict:
            value, found = reader.named_sections(name, typing.get_args(section)[1], content)
        else:
            value, found = reader.section(name, section, content)
        faults += found
        values[name] = value
    if faults:
        raise ConfigError(*faults)
    return schema(**values)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise ConfigError(
            _("{path}: there is no such configuration file; name one with --config PATH or FIDAMIA_CONFIG").format(
                path=path
            )
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigError(_("{path}: not a text file in UTF-8").format(path=path)) from error
    except OSError as error:
        raise ConfigError(_("{path}: can not be read: {reason}").format(path=path, reason=error.strerror)) from error


class _Reader:
    """One file being read: knows its lines, so that a fault can say where it is."""

    def __init__(self, path: Path | None, lines: list[str], environment: Mapping[str, str]) -> None:
        self._path = path
        self._lines = lines
        self._environment = environment

    def unknown_sections(self, document: dict[str, Any], known: list[str]) -> Iterator[str]:
        for name in document:
            if name not in known:
                yield self.fault(name, None, unknown(name, known, _("unknown section")))

    def named_sections(self, name: str, schema: type[Any], content: dict[str, Any]) -> tuple[Any, list[str]]:
        """Any number of sections [name.NAME] of one kind, by their names, and their faults."""
        values, faults = {}, []
        for key, inner in content.items():
            if not isinstance(inner, dict) or not NAME.fullmatch(key):
                sentence = _("must be a section of letters, digits, - and _: [{name}.NAME]").format(name=name)
                faults.append(self.fault(name, shown(key), sentence))
                continue
            values[key], found = self.section(f"{name}.{key}", schema, inner)
            faults += found
        return values, faults

    def section(self, name: str, schema: type[Any], content: dict[str, Any]) -> tuple[Any, list[str]]:
        """The section's value (None where it has faults) and its faults."""
        fields = {field.name: field for field in msgspec.structs.fields(schema)}
        faults = [
            self.fault(name, key, unknown(key, list(fields), _("unknown key"))) for key in content if key not in fields
        ]
        values = {}
        for key, field in fields.items():
            variable = f"{ENVIRONMENT_PREFIX}{name}_{key}".upper().replace(".", "_")
            if variable in self._environment:
                raw, strict = _from_environment(self._environment[variable], field.type), False
            elif key in content:
                raw, strict = content[key], True
            else:
                if field.required:
                    faults.append(self.fault(name, key, _("is missing; {allowed}").format(allowed=allowed(field.type))))
                continue
            try:
                if isinstance(raw, str) and not raw.isprintable():
                    raise msgspec.ValidationError("control characters")
                values[key] = msgspec.convert(raw, field.type, strict=strict)
            except msgspec.ValidationError:
                shown = f"{variable}={raw!r}" if not strict else _shown(raw)
                sentence = _("{value} is not allowed; {allowed}").format(value=shown, allowed=allowed(field.type))
                faults.append(self.fault(name, key, sentence))
        try:
            value = schema(**values)
        except ValueError as error:
            # Where a key of its own is wrong as well, its default stands in for it here.
            return None, [*faults, self.fault(name, None, str(error))]
        except TypeError:
            return None, faults  # a required key is missing, which is among the faults
        return (None if faults else value), faults

    def fault(self, section: str | None, key: str | None, sentence: str) -> str:
        """`file:line: [section] key: what is wrong`; without a file from its section on."""
        line = self._line(section, key)
        where = "" if self._path is None else f"{self._path}:{line}: " if line else f"{self._path}: "
        name = " ".join(part for part in (f"[{section}]" if section else "", key or "") if part)
        return f"{where}{name}: {sentence}"

    def _line(self, section: str | None, key: str | None) -> int | None:
        """Where the key stands, or else its section; None where neither is in the file."""
        current: str | None = None
        found = None
        for number, line in enumerate(self._lines, start=1):
            stripped = line.strip()
            if header := SECTION.match(stripped):
                current = header[1]
                if current == section:
                    found = number
            elif current == section and key and stripped.split("=")[0].strip(" \"'") == key:
                return number
        return found


def _shown(raw: Any) -> str:
    """The value as TOML has it; a list or a table in short."""
    return str(raw).lower() if isinstance(raw, bool) else repr(raw)


def _from_environment(raw: str, kind: Any) -> Any:
    """A list is written as in the file, everything else as it is."""
    info = inspect.type_info(kind)
    allowed_types = info.types if isinstance(info, inspect.UnionType) else (info,)
    if not any(isinstance(one, inspect.ListType | inspect.TupleType) for one in allowed_types):
        return raw
    try:
        return tomllib.loads(f"value = {raw}")["value"]
    except tomllib.TOMLDecodeError:
        return raw


def unknown(name: str, known: Collection[str], what: str) -> str:
    """`what`, and the known name that is meant, or else all of them."""
    close = difflib.get_close_matches(name, known, n=1)
    if close:
        return _("{what}; did you mean {name}?").format(what=what, name=close[0])
    return _("{what}; allowed are: {names}").format(what=what, names=", ".join(known))


def allowed(kind: Any) -> str:
    """What a key of that type may be, in words."""
    return _("expected is {values}").format(values=_words(inspect.type_info(kind)))


def _words(info: inspect.Type) -> str:  # noqa: PLR0911, PLR0912 - one line a type
    match info:
        case inspect.BoolType():
            return _("true or false")
        case inspect.IntType() | inspect.FloatType():
            number = _("a whole number") if isinstance(info, inspect.IntType) else _("a number")
            if info.gt is not None and info.le is not None:
                return _("{number} above {low:g}, up to {high:g}").format(number=number, low=info.gt, high=info.le)
            if info.gt is not None:
                return _("{number} above {low:g}").format(number=number, low=info.gt)
            if info.ge is not None and info.le is not None:
                return _("{number} from {low:g} to {high:g}").format(number=number, low=info.ge, high=info.le)
            return number
        case inspect.LiteralType():
            return _("one of {values}").format(values=", ".join(str(value) for value in info.values))
        case inspect.Metadata(type=inspect.StrType(), extra_json_schema={"examples": [str(example), *_rest]}):
            return _("a text such as {example}").format(example=example)
        case inspect.Metadata():
            return _words(info.type)
        case inspect.StrType(pattern=str(pattern)):
            return _("a text that matches {pattern}").format(pattern=pattern)
        case inspect.StrType():
            return _("a text in quotation marks")
        case inspect.DateTimeType():
            return _("a date and time with its zone, for instance 2026-05-12T09:00:00Z")
        case inspect.ListType() | inspect.VarTupleType():
            return _("a list, each entry {entry}").format(entry=_words(info.item_type))
        case inspect.TupleType():
            return _("[{entries}]").format(entries=", ".join(_words(entry) for entry in info.item_types))
        case inspect.UnionType():
            return _(" or ").join(_words(member) for member in info.types if not isinstance(member, inspect.NoneType))
    return str(info)
