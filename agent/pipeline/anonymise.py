"""From the exact picture, in memory only, to what may be kept: the report, without any picture."""

from __future__ import annotations

from dataclasses import dataclass

import uuid6

from agent.domain import Fix, Frame, Observation, Report
from agent.manifest import Manifest
from agent.pipeline.classify import CANDIDATES

# Until faces and number plates can be made unrecognisable, no picture leaves memory.
NO_ANONYMISER = "no_anonymiser"

TRUSTED_CLOCK = 1.0  # seconds: how far the clock may be from the receiver's time and still count as set by it


@dataclass(frozen=True, slots=True)
class Identity:
    """Who reports."""

    device: str
    boot: str  # UUID of this boot


def anonymise(observation: Observation, fix: Fix | None, identity: Identity, manifest: Manifest) -> Report:
    """The report of an observation; `fix` is the newest one at its frame, or None."""
    classification = observation.classification
    best = classification.best
    label = manifest.label(best.label)
    if label.severity is None:
        raise ValueError(f"{best.label} is not a defect")
    clock, clock_error = judge_clock(observation.frame, fix)
    return Report(
        id=str(uuid6.uuid7()),
        device=identity.device,
        boot=identity.boot,
        observed_at=observation.frame.captured_at,
        clock=clock,
        clock_error=clock_error,
        label=best.label,
        probability=best.probability,
        decision=classification.decision,
        candidates=classification.candidates[:CANDIDATES],
        severity=label.severity,
        frames=observation.frames,
        region=classification.region,
        position=observation.position,
        commune=None,
        team=label.team if observation.position.lat is not None else None,
        model=manifest.identity,
        evidence_withheld=NO_ANONYMISER,
    )


def judge_clock(frame: Frame, fix: Fix | None) -> tuple[str, float | None]:
    """How far the frame's time can be trusted: `gps` and the error in seconds, or `unknown` and None."""
    if fix is None:
        return "unknown", None
    by_receiver = (fix.at - frame.captured_at).total_seconds() + (frame.monotonic - fix.monotonic)
    if abs(by_receiver) > TRUSTED_CLOCK:
        return "unknown", None
    return "gps", abs(by_receiver)
