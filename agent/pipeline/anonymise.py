"""From the exact picture, in memory only, to what may be kept: the report, without any picture."""

from __future__ import annotations

from dataclasses import dataclass

import uuid6

from agent.domain import Dated, Observation, Report
from agent.manifest import Manifest
from agent.pipeline.classify import CANDIDATES

# Until faces and number plates can be made unrecognisable, no picture leaves memory.
NO_ANONYMISER = "no_anonymiser"


@dataclass(frozen=True, slots=True)
class Identity:
    """Who reports."""

    device: str
    boot: str  # UUID of this boot


def anonymise(observation: Observation, dated: Dated, identity: Identity, manifest: Manifest) -> Report:
    """The report of an observation, placed where the vehicle was; the filing knows the object's place and its team."""
    classification = observation.classification
    best = classification.best
    label = manifest.label(best.label)
    if label.severity is None:
        raise ValueError(f"{best.label} is not a defect")
    return Report(
        id=str(uuid6.uuid7()),
        device=identity.device,
        boot=identity.boot,
        observed_at=dated.at,
        clock=dated.clock,
        clock_error=dated.error,
        label=best.label,
        probability=best.probability,
        decision=classification.decision,
        candidates=classification.candidates[:CANDIDATES],
        severity=label.severity,
        frames=observation.frames,
        region=classification.region,
        position=observation.position,
        commune=None,
        team=None,
        model=manifest.identity,
        evidence_withheld=NO_ANONYMISER,
        monotonic=observation.frame.monotonic,
    )
