"""Is a message what the contract says? Nothing from outside is believed before it has passed here."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from importlib.resources import files
from typing import Annotated, Any

import fastjsonschema
import msgspec
from msgspec import Meta

from agent.config import DEVICE_NAME
from agent.interfaces import Message
from agent.sync.messages import LARGEST_PAYLOAD, MalformedMessage
from agent.sync.topics import device_of
from central.evidence import LARGEST, LARGEST_PIECE, Piece

_DEVICE = re.compile(DEVICE_NAME)
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class _PieceProperties(msgspec.Struct):
    offset: Annotated[int, Meta(ge=0, le=LARGEST)]
    total: Annotated[int, Meta(ge=1, le=LARGEST)]
    sha256: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]


@dataclass(frozen=True, slots=True)
class Refusal:
    """Something a device sent that can not be stored, and why."""

    device: str
    topic: str
    id: str  # of the report, or of the message; empty where neither has one
    reason: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class Checked:
    """What a message held."""

    device: str
    reports: list[dict[str, Any]] = field(default_factory=list)  # GeoJSON Features that fit the schema
    losses: list[dict[str, Any]] = field(default_factory=list)  # that fit theirs
    pieces: list[tuple[str, Piece]] = field(default_factory=list)  # of pictures, each with the id of its message
    refusals: list[Refusal] = field(default_factory=list)


class Validator:
    """The JSON Schemas, compiled once."""

    def __init__(self) -> None:
        schema, losses = (
            msgspec.json.decode((files("agent.schema") / name).read_bytes()) for name in ("reports.json", "losses.json")
        )
        self._check_loss = fastjsonschema.compile(losses)
        self._check_collection = fastjsonschema.compile(schema)
        self._check_report = fastjsonschema.compile(
            {"$ref": "#/definitions/report", "definitions": schema["definitions"]}
        )

    def check(self, prefix: str, message: Message) -> Checked | None:
        """Take a message apart; None where its topic names no device, so that nobody can be answered."""
        device = device_of(prefix, message.topic)
        if device is None or not _DEVICE.fullmatch(device):
            return None
        channel, _, rest = message.topic.removeprefix(f"{prefix}/{device}/").partition("/")
        try:
            if channel == "evidence":
                return Checked(device, pieces=[(_name(message), _piece(device, rest, message))])
            if channel == "losses":
                return Checked(device, losses=[_decoded(message.payload, self._check_loss)])
            features = _decoded(message.payload, self._check_collection)["features"]
        except MalformedMessage as error:
            refusal = Refusal(device, message.topic, _name(message), str(error), message.payload)
            return Checked(device, refusals=[refusal])
        found = Checked(device)
        for feature in features:
            reason = self._fault(feature, device)
            if reason is None:
                found.reports.append(feature)
            else:
                identifier = feature.get("id", "") if isinstance(feature, dict) else ""
                identifier = identifier[:64] if isinstance(identifier, str) else ""
                payload = msgspec.json.encode(feature)
                found.refusals.append(Refusal(device, message.topic, identifier, reason, payload))
        return found

    def _fault(self, feature: Any, device: str) -> str | None:
        """Why this report can not be stored, None where it can."""
        try:
            self._check_report(feature)
        except fastjsonschema.JsonSchemaValueException as error:
            return str(error.message)[:500]
        properties = feature["properties"]
        if properties["device"] != device:
            return f"device {properties['device']} sent on the topic of {device}"
        try:
            for instant in _instants(properties):
                datetime.fromisoformat(instant)
        except ValueError as error:
            return f"no such day or time: {error}"
        return None


def _instants(properties: dict[str, Any]) -> Iterator[str]:
    """Of which the schema knows the form, and not whether there was such a day."""
    yield from (properties[name] for name in ("observed_at", "sent_at", "first_observed_at") if name in properties)
    if "seen_again" in properties:
        yield properties["seen_again"]["last_at"]


def _name(message: Message) -> str:
    """The message's own id, as far as it is one."""
    return message.properties.get("id", "")[:64]


def _decoded(payload: bytes, check: Callable[[Any], Any]) -> Any:
    if len(payload) > LARGEST_PAYLOAD:
        raise MalformedMessage(f"{len(payload)} bytes, more than {LARGEST_PAYLOAD}")
    try:
        content = msgspec.json.decode(payload)
        check(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedMessage(f"not JSON: {error}") from error
    except fastjsonschema.JsonSchemaValueException as error:
        raise MalformedMessage(error.message) from error
    return content


def _piece(device: str, report: str, message: Message) -> Piece:
    if not _UUID.fullmatch(report):
        raise MalformedMessage("no report's id behind evidence/")
    try:
        said = msgspec.convert(message.properties, _PieceProperties, strict=False)
    except msgspec.ValidationError as error:
        raise MalformedMessage(f"a piece of a picture: {error}") from error
    if len(message.payload) > LARGEST_PIECE or said.offset + len(message.payload) > said.total:
        raise MalformedMessage(f"a piece of {len(message.payload)} bytes at {said.offset} of {said.total}")
    return Piece(device, report, said.offset, said.total, said.sha256, message.payload)
