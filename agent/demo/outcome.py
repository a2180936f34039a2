"""What came of a demonstration: is it the same on both sides, and is it what was there to be seen?"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from agent.store.store import Store
from agent.sync.messages import feature
from central.store import EmbeddedStore

# What differs between a report and the same one sent again, or is only known when it is sent.
SENDING = ("sent_at", "historical")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What device and centre hold."""

    reports: list[dict[str, Any]]  # GeoJSON Features, as the centre holds them, in the order they were seen
    found: int  # reports in the device's store
    missing: list[str]  # ids that the centre lacks
    unexpected: list[str]  # ids that the device never had
    different: list[str]  # ids whose content is not what the device stored
    doubled: list[str]  # ids that the centre holds more than once

    @property
    def exactly_once(self) -> bool:
        """Whether device and centre hold the same reports, each once."""
        return not (self.missing or self.unexpected or self.different or self.doubled)


def compare(device: Path, centre: Path) -> Outcome:
    """Hold the two stores against each other. Raises StoreError."""
    store = Store(device, read_only=True)
    entries = list(store.outbox.entries())
    store.close()
    embedded = EmbeddedStore(centre, read_only=True)
    held = embedded.features()
    embedded.close()
    now = datetime.now(UTC)
    sent = {entry.report.id: _content(msgspec.json.decode(feature(entry, now))) for entry in entries}
    stored = {one["id"]: _content(one) for one in held}
    return Outcome(
        reports=sorted(held, key=lambda one: one["properties"]["sequence"]),
        found=len(entries),
        missing=sorted(sent.keys() - stored.keys()),
        unexpected=sorted(stored.keys() - sent.keys()),
        different=sorted(key for key in sent.keys() & stored.keys() if sent[key] != stored[key]),
        doubled=sorted(key for key, count in Counter(one["id"] for one in held).items() if count > 1),
    )


def _content(one: dict[str, Any]) -> dict[str, Any]:
    properties = {key: value for key, value in one["properties"].items() if key not in SENDING}
    return {**one, "properties": properties}
