"""Is a message what the contract says? Nothing from outside is believed before it has passed here."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from typing import Any

import fastjsonschema
import msgspec

from agent.config import DEVICE_NAME
from agent.interfaces import Message
from agent.sync.messages import LARGEST_PAYLOAD, MalformedMessage
from agent.sync.topics import device_of

_DEVICE = re.compile(DEVICE_NAME)


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
    reports: list[dict[str, Any]]  # GeoJSON Features that fit the schema
    refusals: list[Refusal]


class Validator:
    """The JSON Schema of reports, compiled once."""

    def __init__(self) -> None:
        schema = msgspec.json.decode((files("agent.schema") / "reports.json").read_bytes())
        self._check_collection = fastjsonschema.compile(schema)
        self._check_report = fastjsonschema.compile(
            {"$ref": "#/definitions/report", "definitions": schema["definitions"]}
        )

    def check(self, prefix: str, message: Message) -> Checked | None:
        """Take a message of reports apart; None where its topic names no device, so that nobody can be answered."""
        device = device_of(prefix, message.topic)
        if device is None or not _DEVICE.fullmatch(device):
            return None
        try:
            features = self._features(message.payload)
        except MalformedMessage as error:
            identifier = message.properties.get("id", "")[:64]
            return Checked(device, [], [Refusal(device, message.topic, identifier, str(error), message.payload)])
        reports, refusals = [], []
        for feature in features:
            reason = self._fault(feature, device)
            if reason is None:
                reports.append(feature)
            else:
                identifier = feature.get("id", "") if isinstance(feature, dict) else ""
                identifier = identifier[:64] if isinstance(identifier, str) else ""
                payload = msgspec.json.encode(feature)
                refusals.append(Refusal(device, message.topic, identifier, reason, payload))
        return Checked(device, reports, refusals)

    def _features(self, payload: bytes) -> list[Any]:
        if len(payload) > LARGEST_PAYLOAD:
            raise MalformedMessage(f"{len(payload)} bytes, more than {LARGEST_PAYLOAD}")
        try:
            content = msgspec.json.decode(payload)
            self._check_collection(content)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise MalformedMessage(f"not JSON: {error}") from error
        except fastjsonschema.JsonSchemaValueException as error:
            raise MalformedMessage(error.message) from error
        features: list[Any] = content["features"]
        return features

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
            datetime.fromisoformat(properties["observed_at"])
            datetime.fromisoformat(properties["sent_at"])
        except ValueError as error:
            return f"no such day or time: {error}"
        return None
