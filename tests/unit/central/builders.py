"""Builds messages of reports, right and wrong."""

from __future__ import annotations

from typing import Any

import msgspec

from agent.interfaces import Message
from agent.store.outbox import Entry
from agent.sync.messages import feature
from tests.unit.builders import DEVICE, NOON, PREFIX, report

TOPIC = f"{PREFIX}/{DEVICE}/reports"
MESSAGE_ID = "0193a000-0000-7000-8000-000000000001"


def right(number: int = 1, **changes: Any) -> dict[str, Any]:
    """A report as a device sends it; `changes` are made to its properties."""
    content: dict[str, Any] = msgspec.json.decode(feature(Entry(number, "pending", 0.0, report(number)), NOON))
    content["properties"].update(changes)
    return content


def raw(payload: bytes, topic: str = TOPIC) -> Message:
    return Message(topic, payload, properties={"id": MESSAGE_ID})


def message(*features: Any, topic: str = TOPIC) -> Message:
    return raw(msgspec.json.encode({"type": "FeatureCollection", "features": features}), topic)
