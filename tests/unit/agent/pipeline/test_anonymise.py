"""What of an observation may be kept."""

from __future__ import annotations

import dataclasses
import uuid
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from agent.domain import WHOLE_FRAME, Candidate, Classification, Dated, Observation, Position, Report
from agent.pipeline.anonymise import Identity, anonymise
from agent.pipeline.classify import CANDIDATES
from agent.pipeline.locate import NOWHERE
from tests.unit.builders import BOOT, DEVICE, NOON, classification, frame, manifest, position

IDENTITY = Identity(DEVICE, BOOT)


DATED = Dated(NOON + timedelta(seconds=7), "gps", 0.2)


def reported(place: Position | None = None, dated: Dated = DATED, **seen: Any) -> Report:
    observation = Observation(frame(5.0), classification(**seen), place or position(), frames=3)
    return anonymise(observation, dated, IDENTITY, manifest())


def test_a_report_says_what_was_seen_where_when_and_by_whom() -> None:
    found = reported(label="graffiti", probability=0.85)
    assert (found.device, found.boot) == (DEVICE, BOOT)
    assert (found.label, found.probability, found.decision) == ("graffiti", 0.85, "accepted")
    assert (found.severity, found.frames) == ("low", 3)
    assert found.region == WHOLE_FRAME
    assert found.position == position()
    assert found.model == manifest().identity
    assert uuid.UUID(found.id).version == 7


def test_a_report_is_dated_by_the_clock_that_was_believed_and_remembers_the_frames_own() -> None:
    found = reported()
    assert (found.observed_at, found.clock, found.clock_error) == (NOON + timedelta(seconds=7), "gps", 0.2)
    assert found.monotonic == 5.0
    undated = reported(dated=Dated(NOON, "rtc", None))
    assert (undated.observed_at, undated.clock, undated.clock_error) == (NOON, "rtc", None)


def test_a_report_is_new_and_nobodys_yet() -> None:
    found = reported()
    assert (found.commune, found.team, found.evidence) == (None, None, None)
    assert (found.revision, found.seen_again, found.first_observed_at) == (0, None, None)


def test_a_report_names_the_few_labels_that_come_into_question() -> None:
    one, *others = classification().candidates
    many = Classification("to_review", (one, *(Candidate(f"other_{n}", 0.01) for n in range(9))), WHOLE_FRAME)
    found = anonymise(Observation(frame(), many, position(), 2), DATED, IDENTITY, manifest())
    assert found.candidates == many.candidates[:CANDIDATES]
    assert reported().candidates == (one, *others)


def test_no_report_holds_a_picture_and_each_says_why() -> None:
    found = reported()
    assert found.evidence_withheld == "no_anonymiser"
    parts = dataclasses.asdict(found)
    assert not any(isinstance(value, np.ndarray | bytes) for value in parts.values())


def test_two_reports_of_the_same_observation_are_told_apart() -> None:
    assert reported().id != reported().id


def test_a_defect_that_was_seen_nowhere_is_reported_nowhere() -> None:
    assert reported(NOWHERE).position == NOWHERE


def test_an_observation_without_a_defect_is_a_bug() -> None:
    with pytest.raises(ValueError, match="no_defect is not a defect"):
        reported(label="no_defect", decision="no_defect")
