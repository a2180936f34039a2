"""`fidamia mark`."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from agent.cli.main import main
from agent.store.store import Store
from tests.unit.builders import identifier, report, write_config
from tests.unit.french import in_french


def mark(directory: Path, *arguments: str) -> Result:
    result = CliRunner().invoke(main, ["mark", "--config", str(write_config(directory)), *arguments])
    assert isinstance(result.exception, SystemExit | None), "a traceback"
    return result


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = Store(tmp_path / "store")
    made.append(report(1, label="graffiti", severity="normal", team="propreté"))
    made.append(report(2, label="graffiti", severity="normal"), held=True)
    return made


def test_an_insulting_tag_becomes_urgent_and_is_told_anew(tmp_path: Path, store: Store) -> None:
    store.outbox.sent(store.outbox.pending(0, 1))
    store.outbox.settle([identifier(1)])
    result = mark(tmp_path, "1", "insulting")
    assert (result.exit_code, result.stdout) == (
        0,
        "Report 1 is marked insulting: urgent. The centre will be told.\n",
    )
    (entry,) = store.outbox.pending(0, 10)
    assert (entry.report.severity, entry.report.mark, entry.report.revision) == ("urgent", "insulting", 1)
    assert entry.report.team == "propreté"


def test_what_is_held_stays_held(tmp_path: Path, store: Store) -> None:
    assert mark(tmp_path, "2", "insulting").exit_code == 0
    entry = store.outbox.find("2")
    assert entry is not None
    assert (entry.held, entry.report.severity) == (True, "urgent")


def test_a_report_or_a_word_that_nobody_knows_is_told_and_changes_nothing(tmp_path: Path, store: Store) -> None:
    assert mark(tmp_path, "7", "insulting").exit_code == 1
    refused = mark(tmp_path, "1", "insultng")
    assert refused.exit_code == 2
    assert "did you mean insulting?" in refused.stderr
    assert {entry.report.mark for entry in store.outbox.entries()} == {None}


def test_it_is_said_in_french(tmp_path: Path, store: Store) -> None:
    with in_french():
        said = mark(tmp_path, "1", "insulting").stdout
    assert said == "Signalement 1 marqué insulting : urgent. Le centre en sera informé.\n"


def test_where_the_agent_has_never_run_no_store_is_made(tmp_path: Path) -> None:
    result = mark(tmp_path, "1", "insulting")
    assert result.exit_code == 74
    assert "the agent has never run here" in result.stderr
    assert not (tmp_path / "store").exists()


def test_what_is_no_number_is_told_in_one_line(tmp_path: Path, store: Store) -> None:
    assert mark(tmp_path, "1\n2", "insulting").stderr.count("\n") == 1
