"""A report as a vehicle makes it."""

from __future__ import annotations

from datetime import UTC, datetime

import uuid6

from agent.domain import Candidate, ModelIdentity, Position, Report


def report() -> Report:
    """A new one."""
    return Report(
        id=str(uuid6.uuid7()),
        device="bench",
        boot="01934f5e-0000-4000-8000-000000000000",
        observed_at=datetime.now(UTC),
        clock="gps",
        clock_error=0.1,
        label="pothole",
        probability=0.9,
        decision="accepted",
        candidates=(Candidate("pothole", 0.9), Candidate("road_crack", 0.05), Candidate("no_defect", 0.05)),
        severity="normal",
        frames=4,
        region=(0.1, 0.5, 0.4, 0.8),
        position=Position("gnss", 43.29648, 5.36978, age=0.2, accuracy=3.1, speed=8.2, track=123.0),
        commune="13055",
        team="voirie-13055",
        model=ModelIdentity("defects", "1.0.0", "0" * 64),
        evidence_withheld="no_anonymiser",
    )
