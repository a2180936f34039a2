"""Of a damaged store, what can be read is kept, and what can not is told."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.errors import StoreError
from agent.store import damage, salvage, wal
from agent.store.quota import Limits
from agent.store.store import FILE_NAME, Store, open_whole
from tests.unit.agent.store.old_store import write_old
from tests.unit.builders import BOOT, MARSEILLE, identifier, report

PAGE = 4096
REPORTS = 400


def fill(directory: Path) -> Path:
    """A store of reports, some of which the centre has, and of one loss."""
    store = Store(directory)
    with store._database.transaction():
        for number in range(1, REPORTS + 1):
            store.outbox.append(report(number))
    store.outbox.settle(identifier(number) for number in range(1, 101))
    store.outbox.reject([identifier(150)], "no such label")
    store.losses.add("report", "quota", store.outbox.remove([200, 201]))
    store.close()
    return directory / FILE_NAME


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return fill(tmp_path)


def pages_of(path: Path, table: str, kind: str = "leaf") -> list[int]:
    """The numbers of a table's pages of that kind."""
    connection = sqlite3.connect(path)
    try:
        rows = connection.execute("SELECT pageno FROM dbstat WHERE name = ? AND pagetype = ?", (table, kind)).fetchall()
    finally:
        connection.close()
    return [number for (number,) in rows]


def destroy(path: Path, *numbers: int) -> None:
    with path.open("r+b") as file:
        for number in numbers:
            file.seek((number - 1) * PAGE)
            file.write(b"\xa5" * PAGE)


def kept(path: Path) -> dict[int, str]:
    store = Store(path.parent)
    found = {entry.sequence: entry.state for entry in store.outbox.entries()}
    store.close()
    return found


def test_a_whole_store_needs_nothing(path: Path) -> None:
    assert not damage.is_there(path)
    assert not damage.is_there(path.with_name("none.sqlite"))


def test_a_daemon_that_met_damage_asks_the_next_start(path: Path) -> None:
    assert damage.mark(path)
    assert damage.is_there(path)
    salvage.salvage(path)
    assert not damage.is_there(path)


def test_what_can_be_read_is_kept_and_the_rest_is_told(path: Path) -> None:
    before = kept(path)
    destroy(path, *pages_of(path, "report")[10:13])
    assert damage.is_there(path)
    found = salvage.salvage(path)
    after = kept(path)
    missing = set(before) - set(after)
    told = {number for first, last in found.lost for number in range(first, last + 1)}
    assert 0 < len(missing) < 40
    assert missing <= told
    assert len(told) < 40
    assert after.items() <= before.items()
    assert found.reports == len(after)
    assert found.kept.is_file()
    assert not damage.is_there(path)
    store = Store(path.parent)
    losses = store.losses.pending(10)
    assert [loss.reason for loss in losses] == ["quota", "damaged"]
    assert losses[1].sequences == found.lost
    assert store.append(report(9999)) == REPORTS + 1
    store.close()


def test_a_damaged_page_on_the_way_to_reports_costs_none_of_them(path: Path) -> None:
    before = kept(path)
    (way,) = pages_of(path, "report", "internal")
    destroy(path, way)
    assert damage.is_there(path)
    found = salvage.salvage(path)
    assert found.lost == ((200, 201),)  # which were dropped before: nothing says so any more
    assert kept(path) == before


@given(st.lists(st.tuples(st.floats(0, 0.999), st.sampled_from([1, 100, PAGE, 20_000]), st.booleans()), max_size=5))
def test_whatever_is_damaged_no_report_is_lost_in_silence(
    tmp_path_factory: pytest.TempPathFactory, holes: list[tuple[float, int, bool]]
) -> None:
    path = fill(tmp_path_factory.mktemp("store"))
    before = kept(path)
    content = bytearray(path.read_bytes())
    for place, size, noise in holes:
        start = int(place * len(content))
        content[start : start + size] = np.random.default_rng(size).bytes(size) if noise else bytes(size)
    path.write_bytes(content)
    damage.mark(path)
    salvage.salvage(path)
    store = Store(path.parent)
    sound = {entry.sequence for entry in store.outbox.pending(0, REPORTS)}
    losses = store.losses.pending(REPORTS)
    store.close()
    told = {number for loss in losses for first, last in loss.sequences for number in range(first, last + 1)}
    assert {number for number, state in before.items() if state == "pending"} <= sound | told
    if not holes:
        assert told == {200, 201}


def test_a_damaged_index_costs_no_report(path: Path) -> None:
    before = kept(path)
    destroy(path, *pages_of(path, "sqlite_autoindex_report_1"), *pages_of(path, "report_pending"))
    assert damage.is_there(path)
    found = salvage.salvage(path)
    assert found.lost == ()
    assert kept(path) == before


def test_the_first_page_says_where_everything_is_and_may_be_damaged_too(path: Path) -> None:
    before = kept(path)
    destroy(path, 1)
    assert damage.is_there(path)
    found = salvage.salvage(path)
    assert found.lost == ()
    assert kept(path) == before


@pytest.mark.parametrize("content", [b"", b"x", b"\0" * 100_000, b"SQLite format 3\0" + b"\xff" * 50_000])
def test_a_file_of_which_nothing_can_be_read_makes_room_for_a_new_one(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    assert damage.is_there(path) == (len(content) > PAGE)  # what is smaller counts as empty
    if damage.is_there(path):
        found = salvage.salvage(path)
        assert found.kept.read_bytes() == content
    store = Store(path.parent)
    store.append(report(1))
    store.close()


def test_what_is_in_the_log_belongs_to_the_store(path: Path) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA wal_autocheckpoint = 0")
    connection.execute("UPDATE report SET reason = 'in the log' WHERE sequence = 7")
    log = Path(f"{path}-wal").read_bytes()
    connection.close()
    Path(f"{path}-wal").write_bytes(log)
    damage.mark(path)
    salvage.salvage(path)
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT reason FROM report WHERE sequence = 7").fetchone() == ("in the log",)
    connection.close()


def test_a_crash_at_any_moment_leaves_the_damaged_file_or_the_new_one(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    destroy(path, *pages_of(path, "report")[3:5])
    steps = 0

    def crash(*_arguments: object) -> None:
        nonlocal steps
        steps += 1
        raise KeyboardInterrupt

    for name, times in (("_copy", 1), ("_swap", 1)):
        with monkeypatch.context() as patch:
            patch.setattr(salvage, name, crash)
            with pytest.raises(KeyboardInterrupt):
                salvage.salvage(path)
        assert steps == times
        steps = 0
    salvage.finish(path)
    assert not damage.is_there(path)
    assert len(kept(path)) > REPORTS - 40
    assert len(list(path.parent.glob("outbox-damaged-*.sqlite"))) == 1
    assert {one.name for one in path.parent.iterdir() if one.suffix in {".partial", ".saved", ".copy"}} == set()


def change(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("PRAGMA ignore_check_constraints = on")
        database.execute("PRAGMA writable_schema = on")
        database.execute(statement)


@pytest.mark.parametrize("given", ["400 + 256", "400 - 256", "'abc'", "1 << 40", "9223372036854775807", "NULL"])
def test_a_wrong_last_sequence_costs_no_report_and_none_is_given_twice(path: Path, given: str) -> None:
    before = kept(path)
    change(path, f"UPDATE sqlite_sequence SET seq = {given} WHERE name = 'report'")
    destroy(path, pages_of(path, "report")[10])
    assert damage.is_there(path)
    salvage.salvage(path)
    store = Store(path.parent)
    told = {n for loss in store.losses.pending(10) for first, last in loss.sequences for n in range(first, last + 1)}
    assert store.append(report(9999)) in (REPORTS + 1, REPORTS + 257)
    store.close()
    assert set(before) - set(kept(path)) <= told


def test_where_it_is_lost_what_was_dropped_everything_that_is_gone_is_told(path: Path) -> None:
    destroy(path, *pages_of(path, "loss"))
    damage.mark(path)
    assert salvage.salvage(path).lost == ((200, 201),)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE report SET state = 'pendinf' WHERE sequence = 300",
        "UPDATE sqlite_master SET sql = replace(sql, 'created_at', 'creaued_at') WHERE name = 'report'",
        "PRAGMA user_version = 4",
        "PRAGMA application_id = 7",
        "UPDATE sqlite_sequence SET seq = 9223372036854775807",
    ],
)
def test_what_sqlite_itself_does_not_notice_is_damage_too(path: Path, statement: str) -> None:
    before = kept(path)
    change(path, statement)
    assert damage.is_there(path)
    lost = {number for first, last in salvage.salvage(path).lost for number in range(first, last + 1)}
    assert set(before) <= set(kept(path)) | lost
    assert len(kept(path)) >= len(before) - 1
    assert not damage.is_there(path)


@pytest.mark.parametrize("marked", [False, True])
@pytest.mark.parametrize("statement", ["CREATE TABLE news (x)", "DROP TABLE traffic"])
def test_another_programs_or_versions_file_is_left_alone(path: Path, statement: str, marked: bool) -> None:
    change(path, statement)
    change(path, "PRAGMA user_version = 99" if "CREATE" in statement else "PRAGMA application_id = 7")
    if marked:
        damage.mark(path)
    content = path.read_bytes()
    with pytest.raises(StoreError, match="nothing was changed"):
        open_whole(path.parent, Limits(2_000_000_000, 0))
    assert path.read_bytes() == content


def test_more_losses_than_one_message_takes_are_told_in_several(tmp_path: Path) -> None:
    path = fill(tmp_path)
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute(
            "WITH RECURSIVE n(i) AS (SELECT 500 UNION ALL SELECT i + 2 FROM n WHERE i < 6500) "
            "INSERT INTO report (sequence, id, label, severity, created_at, payload) "
            "SELECT i, 'x' || i, 'x', 'low', 0, x'00' FROM n"
        )
    destroy(path, *pages_of(path, "report", "internal"))
    salvage.salvage(path)
    store = Store(tmp_path)
    losses = [loss for loss in store.losses.pending(10_000) if loss.reason == "damaged"]
    assert len(losses) > 1
    assert max(len(loss.sequences) for loss in losses) <= 1000
    store.close()


@pytest.mark.parametrize("kind", ["leaf", "internal"])
def test_of_a_damaged_store_of_the_version_before_no_more_is_lost(tmp_path: Path, kind: str) -> None:
    path = write_old(tmp_path, range(1, REPORTS + 1), settled=range(1, 101))
    destroy(path, *pages_of(path, "report", kind)[-3:])
    assert damage.is_there(path)
    lost = {number for first, last in salvage.salvage(path).lost for number in range(first, last + 1)}
    states = kept(path)
    assert set(states) | lost == set(range(1, REPORTS + 1))
    assert len(lost) < 40
    assert lost if kind == "leaf" else not lost
    assert {number for number, state in states.items() if state == "settled"} == set(range(1, 101)) - lost
    store = Store(tmp_path)
    assert [entry.report for entry in store.outbox.pending(0, REPORTS)] == [
        report(number) for number in range(101, REPORTS + 1) if number not in lost
    ]
    assert not any(entry.held for entry in store.outbox.entries())
    assert store.outbox.revise(101, lambda old: old)
    store.close()
    assert not damage.is_there(path)


def test_what_was_revised_or_held_in_a_damaged_store_stays_so(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with store._database.transaction():
        for number in range(1, REPORTS + 1):
            store.outbox.append(report(number, clock="rtc", monotonic=float(number)), held=number % 2 == 0)
    store.outbox.revise(1, lambda old: old)
    store.close()
    path = tmp_path / FILE_NAME
    destroy(path, *pages_of(path, "report", "internal"))
    salvage.salvage(path)
    store = Store(tmp_path)
    assert [entry.sequence for entry in store.outbox.pending(0, REPORTS)] == list(range(1, REPORTS, 2))
    assert store.outbox.pending(0, 1)[0].report.revision == 1
    store.outbox.settle([identifier(1)])
    assert store.outbox.pending(0, 1)[0].sequence == 1, "its revision was not sent"
    assert len(store.outbox.near(["pothole"], *MARSEILLE, 1.0)) == REPORTS // 2
    assert len(store.outbox.undated(BOOT)) == REPORTS
    store.close()


@pytest.fixture
def crashed(tmp_path: Path) -> Path:
    """A store as a crash leaves it, with a hundred reports in its log."""
    store = Store(tmp_path / "living")
    for number in range(1, 101):
        store.append(report(number))
    left = tmp_path / "left"
    shutil.copytree(tmp_path / "living", left)
    store.close()
    return left / FILE_NAME


def test_the_log_that_a_crash_leaves_is_no_damage(crashed: Path) -> None:
    log = wal.log_of(crashed)
    assert log.stat().st_size > 100_000
    assert not damage.is_there(crashed)
    content = bytearray(log.read_bytes())
    content[-PAGE // 2 :] = bytes(PAGE // 2)  # the power was cut while the last one was written
    log.write_bytes(content)
    assert not damage.is_there(crashed)
    assert set(kept(crashed)) == set(range(1, 100))


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_damaged_log_costs_no_more_than_what_is_told(crashed: Path, share: float) -> None:
    log = wal.log_of(crashed)
    content = bytearray(log.read_bytes())
    frame = int(share * (len(content) - 32) // 4120)
    content[32 + frame * 4120 + 24 + 100] ^= 1
    log.write_bytes(content)
    assert damage.is_there(crashed)
    lost = {number for first, last in salvage.salvage(crashed).lost for number in range(first, last + 1)}
    assert set(kept(crashed)) | lost == set(range(1, 101))
    assert len(lost) < 10
    store = Store(crashed.parent)
    assert store.append(report(999)) == 101
    store.close()
