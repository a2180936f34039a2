"""The list of categories."""

from __future__ import annotations

from agent.manifest import load_manifest
from agent.taxonomy import categories


def test_the_list_knows_every_defect_that_the_shipped_model_sees_with_the_same_team_and_severity() -> None:
    listed = {category.id: (category.team, category.severity) for category in categories()}
    for label in load_manifest().labels:
        if label.id != "no_defect":
            assert listed[label.id] == (label.team, label.severity)


def test_hours_of_its_own_has_what_the_city_has_promised() -> None:
    assert {one.id: one.deadline_h for one in categories() if one.deadline_h is not None} == {"illegal_dumping": 48}
