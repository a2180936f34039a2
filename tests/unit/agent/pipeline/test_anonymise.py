"""What of an observation may be kept."""

from __future__ import annotations

import dataclasses
import uuid
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from agent.domain import Fix, Observation, Position, Report
from agent.pipeline.anonymise import Identity, anonymise, judge_clock
from agent.pipeline.locate import NOWHERE
from tests.unit.builders import BOOT, DEVICE, NOON, classification, fix, frame, manifest, position

IDENTITY = Identity(DEVICE, BOOT)


def reported(place: Position, newest: Fix | None = None, **seen: Any) -> Report:
    observation = Observation(frame(5.0), classification(**seen), place, frames=3)
    return anonymise(observation, newest, IDENTITY, manifest())


def test_a_report_says_what_was_seen_where_when_and_by_whom() -> None:
    found = reported(position(), fix(5.0), label="graffiti", probability=0.85)
    assert (found.device, found.boot) == (DEVICE, BOOT)
    assert (found.label, found.probability, found.decision) == ("graffiti", 0.85, "accepted")
    assert (found.severity, found.team, found.frames) == ("low", "propreté", 3)
    assert found.observed_at == NOON + timedelta(seconds=5)
    assert found.position == position()
    assert found.model == manifest().identity
    assert uuid.UUID(found.id).version == 7


def test_no_report_holds_a_picture_and_each_says_why() -> None:
    found = reported(position())
    assert found.evidence_withheld == "no_anonymiser"
    parts = dataclasses.asdict(found)
    assert not any(isinstance(value, np.ndarray | bytes) for value in parts.values())


def test_two_reports_of_the_same_observation_are_told_apart() -> None:
    assert reported(position()).id != reported(position()).id


def test_a_team_is_only_named_where_the_position_is_known() -> None:
    assert reported(NOWHERE).team is None
    assert reported(position()).team == "voirie"


def test_an_observation_without_a_defect_is_a_bug() -> None:
    with pytest.raises(ValueError, match="no_defect is not a defect"):
        reported(position(), label="no_defect", decision="no_defect")


def test_a_clock_that_agrees_with_the_receiver_is_set_by_it() -> None:
    assert judge_clock(frame(5.0), fix(5.0)) == ("gps", 0.0)
    assert judge_clock(frame(5.0), fix(3.0)) == ("gps", 0.0)
    clock, error = judge_clock(frame(5.0), fix(5.0, at=NOON + timedelta(seconds=5.4)))
    assert (clock, error) == ("gps", 0.4)


def test_a_clock_that_does_not_agree_or_can_not_be_compared_is_not_believed() -> None:
    assert judge_clock(frame(5.0), fix(5.0, at=NOON - timedelta(days=365))) == ("unknown", None)
    assert judge_clock(frame(5.0), fix(5.0, at=NOON + timedelta(seconds=6.1))) == ("unknown", None)
    assert judge_clock(frame(5.0), None) == ("unknown", None)
