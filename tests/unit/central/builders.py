"""Builds messages of reports, right and wrong."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec

from agent.domain import SeenAgain
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


def told_anew(number: int = 1, revision: int = 1, **changes: Any) -> dict[str, Any]:
    """The same as it is told of later; `changes` are made to the report."""
    later = report(
        number,
        revision=revision,
        seen_again=SeenAgain(2, NOON + timedelta(days=3)),
        first_observed_at=NOON - timedelta(days=365),
        **changes,
    )
    content: dict[str, Any] = msgspec.json.decode(feature(Entry(number, "pending", 0.0, later), NOON))
    return content


def raw(payload: bytes, topic: str = TOPIC) -> Message:
    return Message(topic, payload, properties={"id": MESSAGE_ID})


def message(*features: Any, topic: str = TOPIC) -> Message:
    return raw(msgspec.json.encode({"type": "FeatureCollection", "features": features}), topic)
