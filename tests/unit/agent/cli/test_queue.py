"""`fidamia queue`: what the device keeps, looked at and put right by hand."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import pytest
from click.testing import CliRunner, Result

from agent.cli.main import main
from agent.domain import Blurring, Evidence
from agent.store.store import FILE_NAME, Store
from tests.unit.builders import identifier, report, write_config

REASON = "no such label\nin the taxonomy"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """One report of each state, the refused one with a picture."""
    write_config(tmp_path)
    store = Store(tmp_path / "store")
    picture = Evidence(np.random.default_rng(1).bytes(5000), 64, 48, Blurring("faces 1", 0, 0))
    for number in (1, 2, 3):
        store.append(report(number))
    store.append(report(4, evidence=picture.facts, evidence_withheld=None), picture)
    store.outbox.settle([identifier(1)])
    store.outbox.sent(store.outbox.pending(1, 1))
    store.outbox.reject([identifier(4)], REASON)
    yield store
    store.close()


def queue(store: Store, *arguments: str) -> Result:
    folder = store.directory.parent
    result = CliRunner().invoke(main, ["queue", arguments[0], "--config", str(folder / "agent.toml"), *arguments[1:]])
    assert isinstance(result.exception, SystemExit | None), "a traceback"
    return result


def states(store: Store) -> dict[int, str]:
    return {entry.sequence: entry.state for entry in store.outbox.entries()}


def test_what_is_not_delivered_is_listed_with_the_reason_of_a_refusal(store: Store) -> None:
    result = queue(store, "ls")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert [line.split()[0] for line in lines[:3]] == ["2", "3", "4"]
    assert "on its way" in lines[0]
    assert lines[2].endswith(f"refused     pothole  {REASON!r}")
    assert lines[3] == "2 waiting, 1 refused, 1 delivered and not yet cleared away"
    assert len(lines) == 4


def test_the_list_is_for_machines_too(store: Store) -> None:
    lines = [msgspec.json.decode(line) for line in queue(store, "ls", "--json", "--all").stdout.splitlines()]
    assert [(line["sequence"], line["state"]) for line in lines] == [(2, "sent"), (3, "pending"), (4, "rejected")]
    assert lines[2]["reason"] == REASON
    only = queue(store, "ls", "--json", "--state", "settled").stdout
    assert msgspec.json.decode(only)["id"] == identifier(1)


def test_a_long_list_shows_its_end_and_says_so(store: Store) -> None:
    with store._database.transaction():
        for number in range(10, 70):
            store.outbox.append(report(number))
    lines = queue(store, "ls").stdout.splitlines()
    assert len(lines) == 52
    assert lines[-1] == "Shown are the last 50; all of them: fidamia queue ls --all"
    assert len(queue(store, "ls", "--all").stdout.splitlines()) == 64


@pytest.mark.parametrize("which", ["4", identifier(4)])
def test_a_report_is_shown_as_the_centre_gets_it(store: Store, which: str) -> None:
    found = msgspec.json.decode(queue(store, "show", which).stdout)
    assert (found["state"], found["reason"]) == ("rejected", REASON)
    assert found["report"]["id"] == identifier(4)
    assert found["report"]["properties"]["evidence"]["bytes"] == 5000


@pytest.mark.parametrize("which", ["99", "0193", "", "x\x1b[2J", "9" * 600, "%"])
def test_a_report_that_is_not_there_is_a_sentence(store: Store, which: str) -> None:
    result = queue(store, "show", "--", which)
    assert result.exit_code == 1
    assert result.stderr.startswith("no report ")
    assert "\x1b" not in result.stderr


def test_a_whole_store_is_whole(store: Store) -> None:
    result = queue(store, "check")
    assert (result.exit_code, result.stdout) == (0, "The store is whole: 4 reports were read.\n")


def test_what_is_wrong_with_a_store_is_said(store: Store) -> None:
    (store.directory / "evidence" / f"{identifier(4)}.jpg").unlink()
    (store.directory / "evidence" / "x.jpg").write_bytes(b"")
    result = queue(store, "check")
    assert result.exit_code == 1
    assert "report 4: its picture is lost or cut short" in result.stdout
    assert "x.jpg: the picture of no report" in result.stdout


def test_a_damaged_report_is_found(store: Store) -> None:
    connection = sqlite3.connect(store.directory / FILE_NAME)
    connection.execute("UPDATE report SET payload = x'00' WHERE sequence = 2")
    connection.commit()
    connection.close()
    result = queue(store, "check")
    assert result.exit_code == 1
    assert "report 2 is damaged" in result.stdout


def test_the_reports_are_written_as_geojson(tmp_path: Path, store: Store) -> None:
    target = tmp_path / "out.geojson"
    result = queue(store, "export", str(target))
    assert (result.exit_code, result.stdout) == (0, f"4 reports written to {target}\n")
    features = msgspec.json.decode(target.read_bytes())["features"]
    assert [feature["id"] for feature in features] == [identifier(number) for number in (1, 2, 3, 4)]
    assert states(store)[3] == "pending"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["agent.toml", "out.geojson", "store"]


def test_the_ending_says_what_is_written(tmp_path: Path, store: Store) -> None:
    assert queue(store, "export", str(tmp_path / "OUT.GPKG"), "--state", "pending").exit_code == 0
    assert (tmp_path / "OUT.GPKG").read_bytes().startswith(b"SQLite format 3")
    for name, more in (("out.csv", []), ("out", []), ("out.zip", ["--state", "pending"])):
        assert queue(store, "export", str(tmp_path / name), *more).exit_code == 2
        assert not (tmp_path / name).exists()


def test_a_file_that_can_not_be_written_is_a_sentence(tmp_path: Path, store: Store) -> None:
    result = queue(store, "export", str(tmp_path / "nowhere" / "out.geojson"))
    assert result.exit_code == 1
    assert "can not be written (No such file or directory); nothing was changed" in result.stderr


def test_what_was_refused_is_offered_again(store: Store) -> None:
    result = queue(store, "retry", "4")
    assert (result.exit_code, result.stdout) == (0, "1 report will be sent again.\n")
    assert states(store)[4] == "pending"
    assert queue(store, "retry", "--all").stdout == "0 reports will be sent again.\n"


def test_what_was_refused_is_dropped_for_good_and_that_is_told(store: Store) -> None:
    result = queue(store, "purge", "--all")
    assert (result.exit_code, result.stdout) == (0, "1 report was dropped.\n")
    assert 4 not in states(store)
    (loss,) = store.losses.pending(10)
    assert (loss.reason, loss.sequences) == ("purged", ((4, 4),))
    assert list((store.directory / "evidence").iterdir()) == []


@pytest.mark.parametrize("verb", ["retry", "purge"])
@pytest.mark.parametrize("arguments", [["3"], ["99"], ["4", "3"]])
def test_only_what_was_refused_is_touched(store: Store, verb: str, arguments: list[str]) -> None:
    before = states(store)
    result = queue(store, verb, *arguments)
    assert result.exit_code == 1
    assert "nothing was changed" in result.stderr
    assert states(store) == before


@pytest.mark.parametrize("arguments", [[], ["4", "--all"]])
def test_it_must_be_said_which(store: Store, arguments: list[str]) -> None:
    assert queue(store, "purge", *arguments).exit_code == 2


@pytest.mark.parametrize("verb", [["ls"], ["check"], ["show", "1"], ["retry", "--all"]])
def test_where_the_agent_has_never_run_nothing_is_made(tmp_path: Path, verb: list[str]) -> None:
    path = write_config(tmp_path)
    result = CliRunner().invoke(main, ["queue", *verb, "--config", str(path)])
    assert result.exit_code == 74
    assert "there is no store" in result.stderr
    assert not (tmp_path / "store").exists()
