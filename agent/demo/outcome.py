"""What came of a demonstration: is it the same on both sides, and is it what was there to be seen?"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from agent.domain import Position
from agent.pipeline.locate import distance
from agent.simulation.patrol import Defect, Patrol
from agent.store.store import Store
from agent.sync.messages import feature
from central.store import EmbeddedStore

# What differs between a report and the same one sent again, or is only known when it is sent.
SENDING = ("sent_at", "historical")
NEAR = 25.0  # metres between a drawn defect and the vehicle that sees it


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


@dataclass(frozen=True, slots=True)
class Score:
    """How the model did on drawn defects."""

    passed: int  # defects that were in sight
    recognised: int  # of them, reported with the right label near their place
    unfounded: int  # reports accepted where no such defect was


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


def score(patrol: Patrol, reports: list[dict[str, Any]]) -> Score:
    """Hold the reports against what was drawn."""
    instants = range(int(patrol.duration * 5))  # five a second, as the simulated camera
    passed = {defect for instant in instants for defect, _region in patrol.in_sight(instant / 5)}
    accepted = [one for one in reports if one["properties"]["decision"] == "accepted"]
    return Score(
        passed=len(passed),
        recognised=sum(any(_is_of(one, defect) for one in reports) for defect in passed),
        unfounded=sum(not any(_is_of(one, defect) for defect in patrol.truth()) for one in accepted),
    )


def _is_of(report: dict[str, Any], defect: Defect) -> bool:
    if report["geometry"] is None or report["properties"]["label"] != defect.label:
        return False
    lon, lat = report["geometry"]["coordinates"]
    apart = distance(Position("gnss", lat, lon), Position("gnss", defect.lat, defect.lon))
    return apart is not None and apart < NEAR


def _content(one: dict[str, Any]) -> dict[str, Any]:
    properties = {key: value for key, value in one["properties"].items() if key not in SENDING}
    return {**one, "properties": properties}
