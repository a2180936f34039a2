"""Reports as GeoJSON (RFC 7946)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from agent.export.target import replacing
from agent.store.outbox import Entry
from agent.sync.messages import feature

OPENING, CLOSING = b'{"type":"FeatureCollection","features":[\n', b"\n]}\n"


def write(path: Path, entries: Iterable[Entry]) -> int:
    """How many were written, each as it is sent. Raises OSError and StoreError; then there is no half file."""
    number, now = 0, datetime.now(UTC)
    with replacing(path) as partial, partial.open("wb") as file:
        file.write(OPENING)
        for entry in entries:
            file.write((b",\n" if number else b"") + feature(entry, now))
            number += 1
        file.write(CLOSING)
    return number
