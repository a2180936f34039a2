"""The reports that were found, and which of them the centre has."""

from __future__ import annotations

import resource
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import peewee
import pytest

from agent.domain import Report, SeenAgain
from agent.errors import StoreError
from agent.store.database import IDS
from agent.store.outbox import Counts, Outbox
from agent.store.store import FILE_NAME, Store
from tests.unit.builders import BOOT, MARSEILLE, NOON, identifier, position, report
from tests.unit.somebody_else import somebody_else


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    opened = Store(tmp_path)
    yield opened.outbox
    opened.close()


@contextmanager
def full_disk(path: Path) -> Iterator[None]:
    """No file grows beyond the size that this one has."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def fill(outbox: Outbox, *numbers: int) -> list[int]:
    return [outbox.append(report(number)) for number in numbers]


def states(outbox: Outbox) -> list[tuple[int, str]]:
    return [(entry.sequence, entry.state) for entry in outbox.entries()]


def test_a_report_comes_back_as_it_was_put_in(outbox: Outbox) -> None:
    kept = report(1, observed_at=datetime(2026, 3, 1, 6, 7, 8, 123456, tzinfo=UTC), clock_error=None, team=None)
    outbox.append(kept)
    (entry,) = outbox.pending(0, 10)
    assert entry.report == kept
    assert isinstance(entry.report, Report)
    assert entry.state == "pending"


def test_reports_are_numbered_from_one_without_holes(outbox: Outbox) -> None:
    assert fill(outbox, 1, 2, 3) == [1, 2, 3]


def test_numbers_go_on_after_the_store_was_closed(tmp_path: Path) -> None:
    for number in (1, 2, 3):
        store = Store(tmp_path)
        assert fill(store.outbox, number) == [number]
        store.close()


def test_no_number_is_used_twice_after_rows_were_deleted(tmp_path: Path, outbox: Outbox) -> None:
    fill(outbox, 1, 2, 3)
    connection = sqlite3.connect(tmp_path / FILE_NAME)
    connection.execute("DELETE FROM report")
    connection.commit()
    connection.close()
    assert fill(outbox, 4) == [4]


def test_a_report_that_was_not_taken_leaves_no_hole(tmp_path: Path, outbox: Outbox) -> None:
    fill(outbox, 1)
    with pytest.raises(peewee.IntegrityError):
        outbox.append(report(1))
    connection = sqlite3.connect(tmp_path / FILE_NAME, isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    connection.execute(
        "INSERT INTO report (id, label, severity, created_at, payload) VALUES ('x', 'pothole', 'low', 0, '')"
    )
    connection.execute("ROLLBACK")
    connection.close()
    assert fill(outbox, 2) == [2]


def test_pending_reports_come_oldest_first_after_a_number_and_no_more_than_asked(outbox: Outbox) -> None:
    fill(outbox, 5, 3, 4, 1)
    assert [entry.report.id for entry in outbox.pending(0, 10)] == [identifier(n) for n in (5, 3, 4, 1)]
    assert [entry.sequence for entry in outbox.pending(1, 2)] == [2, 3]
    assert outbox.pending(4, 10) == []


def test_what_the_centre_has_is_no_longer_pending(outbox: Outbox) -> None:
    fill(outbox, 1, 2, 3)
    assert outbox.settle([identifier(1), identifier(3)]) == 2
    assert states(outbox) == [(1, "settled"), (2, "pending"), (3, "settled")]
    assert [entry.sequence for entry in outbox.pending(0, 10)] == [2]


def test_what_the_centre_refused_is_put_aside_with_its_reason(tmp_path: Path, outbox: Outbox) -> None:
    fill(outbox, 1, 2)
    assert outbox.reject([identifier(1)], "no such label") == 1
    assert states(outbox) == [(1, "rejected"), (2, "pending")]
    connection = sqlite3.connect(tmp_path / FILE_NAME)
    assert connection.execute("SELECT reason FROM report WHERE sequence = 1").fetchone() == ("no such label",)
    connection.close()


def test_only_what_is_pending_is_settled_or_rejected(outbox: Outbox) -> None:
    fill(outbox, 1, 2)
    outbox.settle([identifier(1)])
    outbox.reject([identifier(2)], "first reason")
    both = [identifier(1), identifier(2)]
    assert outbox.settle(both) == 0
    assert outbox.reject(both, "second reason") == 0
    assert states(outbox) == [(1, "settled"), (2, "rejected")]


def test_ids_that_are_not_known_and_none_at_all_are_no_failure(outbox: Outbox) -> None:
    fill(outbox, 1)
    assert outbox.settle(["", "x", identifier(99), "'; DROP TABLE report; --"]) == 0
    assert outbox.settle([]) == 0
    assert outbox.reject(iter([identifier(98)]), "why") == 0
    assert states(outbox) == [(1, "pending")]


def test_more_ids_than_a_statement_can_hold_are_settled(outbox: Outbox) -> None:
    fill(outbox, 1, 2)
    outbox._database._inner.connection().setlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, IDS + 10)
    others = [f"x{number}" for number in range(IDS * 3)]
    assert outbox.settle([identifier(1), *others, identifier(2)]) == 2


def test_reports_are_counted_by_state_and_those_of_today_by_when_they_were_settled(outbox: Outbox) -> None:
    assert outbox.counts(since=0) == Counts(0, 0, 0, 0)
    fill(outbox, 1, 2, 3, 4)
    outbox.settle([identifier(1), identifier(2)])
    outbox.reject([identifier(3)], "why")
    assert outbox.counts(since=0) == Counts(pending=1, settled=2, rejected=1, settled_today=2)
    assert outbox.counts(since=datetime.now(UTC).timestamp() + 60).settled_today == 0


def test_two_threads_use_one_outbox(tmp_path: Path) -> None:
    store = Store(tmp_path)
    outbox = store.outbox

    def write() -> None:
        fill(store.outbox, *range(10))
        store.close()

    writer = threading.Thread(target=write)
    writer.start()
    fill(outbox, *range(10, 20))
    writer.join()
    assert [entry.sequence for entry in outbox.entries()] == list(range(1, 21))


def told(outbox: Outbox) -> list[tuple[int, int]]:
    """Sequence and revision of what is to be sent."""
    return [(entry.sequence, entry.report.revision) for entry in outbox.pending(0, 100)]


def again(old: Report) -> Report:
    """It was seen again."""
    return replace(old, seen_again=SeenAgain(1 + (old.seen_again.times if old.seen_again else 0), NOON))


def test_what_is_told_anew_is_sent_again_with_a_higher_revision(outbox: Outbox) -> None:
    fill(outbox, 1, 2)
    outbox.sent(outbox.pending(0, 10))
    outbox.settle([identifier(1)])
    assert outbox.revise(1, lambda old: replace(again(old), revision=77, severity="urgent", label="graffiti"))
    assert outbox.revise(2, again)
    assert outbox.revise(1, again)
    assert told(outbox) == [(1, 2), (2, 1)]
    found = outbox.find("1")
    assert found is not None
    assert found.report == replace(
        report(1), revision=2, severity="urgent", label="graffiti", seen_again=SeenAgain(2, NOON)
    )
    assert not outbox.revise(3, again), "there is none"


def test_what_follows_from_a_report_is_revised_with_it(outbox: Outbox) -> None:
    fill(outbox, 1)
    outbox.revise(1, lambda old: replace(old, severity="low", label="graffiti", position=position(1000.0)))
    assert (outbox.oldest("normal", 1), outbox.oldest("low", 1)) == ([], [1])
    assert outbox.near(["pothole"], *MARSEILLE, 10.0) == []
    assert outbox.near(["graffiti"], *MARSEILLE, 10.0) == []
    place = position(1000.0)
    assert place.lat is not None
    assert place.lon is not None
    assert [entry.sequence for entry in outbox.near(["graffiti"], place.lat, place.lon, 1.0)] == [1]


def test_a_change_that_fails_leaves_the_report_as_it_was(outbox: Outbox) -> None:
    fill(outbox, 1)

    def fail(_old: Report) -> Report:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        outbox.revise(1, fail)
    assert told(outbox) == [(1, 0)]


def test_what_is_held_is_not_sent_and_released_with_its_first_revision(outbox: Outbox) -> None:
    outbox.append(report(1), held=True)
    outbox.append(report(2))
    outbox.append(report(3), held=True)
    assert told(outbox) == [(2, 0)]
    assert [entry.held for entry in outbox.entries()] == [True, False, True]
    assert outbox.counts(since=0).pending == 3
    outbox.revise(1, again)
    assert told(outbox) == [(1, 0), (2, 0)]
    outbox.revise(1, again)
    assert told(outbox) == [(1, 1), (2, 0)]
    assert outbox.release([1, 2]) == 0
    assert outbox.release() == 1
    assert told(outbox) == [(1, 1), (2, 0), (3, 0)]


def test_some_of_what_is_held_is_released_alone(outbox: Outbox) -> None:
    for number in (1, 2, 3):
        outbox.append(report(number), held=True)
    assert outbox.release([2, 99]) == 1
    assert told(outbox) == [(2, 0)]
    assert outbox.release([]) == 0


def test_a_report_that_is_revised_on_its_way_is_not_settled_by_the_answer_to_what_was_sent(outbox: Outbox) -> None:
    fill(outbox, 1)
    outbox.sent(outbox.pending(0, 10))
    outbox.revise(1, again)
    assert outbox.settle([identifier(1)]) == 0
    assert told(outbox) == [(1, 1)]
    outbox.sent(outbox.pending(0, 10))
    assert outbox.settle([identifier(1)]) == 1
    assert outbox.settle([identifier(1)]) == 0


def test_what_was_revised_between_reading_and_sending_is_still_to_be_sent(outbox: Outbox) -> None:
    fill(outbox, 1, 2)
    read = outbox.pending(0, 10)
    outbox.revise(1, again)
    outbox.sent(read)
    assert states(outbox) == [(1, "pending"), (2, "sent")]


def test_a_late_answer_to_what_was_never_revised_settles_it_also_where_it_was_taken_back(outbox: Outbox) -> None:
    fill(outbox, 1, 2)
    outbox.sent(outbox.pending(0, 10))
    outbox.take_back()
    outbox.revise(2, again)
    assert outbox.settle([identifier(1), identifier(2)]) == 1
    assert states(outbox) == [(1, "settled"), (2, "pending")]


def test_what_was_refused_stays_refused_however_often_it_is_seen(outbox: Outbox) -> None:
    fill(outbox, 1)
    outbox.reject([identifier(1)], "no such label")
    outbox.revise(1, again)
    (entry,) = outbox.entries()
    assert (entry.state, entry.reason, entry.report.revision) == ("rejected", "no such label", 1)
    assert outbox.retry() == 1
    assert told(outbox) == [(1, 1)]


@pytest.mark.parametrize("answer", ["before", "after"])
def test_of_what_the_centre_has_had_dropping_a_revision_is_no_loss(outbox: Outbox, answer: str) -> None:
    fill(outbox, 1, 2, 3)
    outbox.sent(outbox.pending(0, 2))
    if answer == "before":
        outbox.settle([identifier(1)])
    outbox.revise(1, again)
    if answer == "after":
        outbox.settle([identifier(1)])
    outbox.revise(2, again)
    outbox.settle([identifier(3)])
    assert outbox.oldest("normal", 10**6) == [1, 2]
    assert [dropped.sequence for dropped in outbox.remove([1, 2, 3])] == [2]
    assert list(outbox.entries()) == []


def test_of_what_was_refused_dropping_it_is_a_loss(outbox: Outbox) -> None:
    fill(outbox, 1)
    outbox.sent(outbox.pending(0, 1))
    outbox.settle([identifier(1)])
    outbox.revise(1, again)
    outbox.reject([identifier(1)], "no such label")
    assert [dropped.sequence for dropped in outbox.remove([1])] == [1]


def test_the_nearest_of_the_labels_come_first_and_none_that_is_farther_or_held(outbox: Outbox) -> None:
    for number, metres, label in (
        (1, 9.0, "pothole"),
        (2, -4.0, "road_crack"),
        (3, 10.5, "pothole"),
        (4, 1.0, "graffiti"),
        (5, 2.0, "pothole"),
    ):
        outbox.append(report(number, label=label, position=position(metres)), held=number == 5)
    east = replace(position(), lon=MARSEILLE[1] + 0.001)  # as far north, and eighty metres away
    outbox.append(report(6, position=east))
    outbox.append(report(7, position=replace(position(), lat=None, lon=None)))
    found = outbox.near(["pothole", "road_crack"], *MARSEILLE, 10.0)
    assert [entry.sequence for entry in found] == [2, 1]
    assert outbox.near([], *MARSEILLE, 10.0) == []


def test_places_are_found_by_an_index_and_not_one_by_one(tmp_path: Path, outbox: Outbox) -> None:
    connection = sqlite3.connect(tmp_path / FILE_NAME)
    plan = connection.execute(
        "EXPLAIN QUERY PLAN SELECT sequence FROM report WHERE label IN ('a', 'b') AND lat BETWEEN 1 AND 2 AND held = 0"
    ).fetchall()
    connection.close()
    assert "report_place" in str(plan)


@pytest.mark.parametrize(
    ("change", "is_undated"),
    [
        (lambda one: one, True),
        (lambda one: replace(one, clock="rtc"), True),
        (lambda one: replace(one, clock="gps"), False),
        (lambda one: replace(one, clock="ntp"), False),
        (lambda one: replace(one, boot=identifier(5)), False),
        (lambda one: replace(one, monotonic=None), False),
    ],
)
def test_of_a_boot_those_reports_are_known_whose_time_is_not_to_be_trusted(
    outbox: Outbox, change: Callable[[Report], Report], is_undated: bool
) -> None:
    outbox.append(change(report(1, clock="unknown", monotonic=12.5)))
    assert [entry.report.monotonic for entry in outbox.undated(BOOT)] == [12.5] * is_undated
    for entry in outbox.undated(BOOT):
        outbox.revise(entry.sequence, lambda old: replace(old, clock="gps"))
    assert outbox.undated(BOOT) == []


def test_a_reader_looks_on_while_another_writes(tmp_path: Path, outbox: Outbox) -> None:
    fill(outbox, 1)
    reader = Store(tmp_path, read_only=True)
    fill(outbox, 2)
    assert reader.outbox.counts(since=0).pending == 2
    with pytest.raises(StoreError, match="readonly"):
        reader.outbox.settle([identifier(1)])
    reader.close()


def test_a_reader_makes_no_store(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="unable to open database file"):
        Store(tmp_path / "nothing", read_only=True)
    assert not (tmp_path / "nothing").exists()


def test_somebody_who_may_only_read_the_folder_reads_a_store_that_nobody_writes(public: Path) -> None:
    folder = public / "store"
    writer = Store(folder)
    fill(writer.outbox, 1, 2)
    writer.close()
    (folder / FILE_NAME).chmod(0o644)
    folder.chmod(0o555)
    try:
        with somebody_else():
            reader = Store(folder, read_only=True)
            assert reader.outbox.counts(since=0).pending == 2
            reader.close()
    finally:
        folder.chmod(0o755)


def test_a_folder_that_can_not_be_written_is_told_and_left_as_it_is(public: Path) -> None:
    public.chmod(0o555)
    try:
        with (
            somebody_else(),
            pytest.raises(StoreError, match=r"can not be made \(Permission denied\); check the keys of \[store\]"),
        ):
            Store(public / "store")
        with somebody_else(), pytest.raises(StoreError, match="unable to open database file"):
            Store(public)
    finally:
        public.chmod(0o755)
    assert list(public.iterdir()) == []


def test_a_full_disk_is_told_and_what_was_stored_is_kept(tmp_path: Path, outbox: Outbox) -> None:
    fill(outbox, 1, 2)
    with full_disk(tmp_path / f"{FILE_NAME}-wal"), pytest.raises(StoreError, match="what was stored before is kept"):
        fill(outbox, *range(3, 100))
    taken = len(list(outbox.entries()))
    assert [entry.sequence for entry in outbox.entries()] == list(range(1, taken + 1))
    assert fill(outbox, 200) == [taken + 1]


@pytest.mark.parametrize(
    ("column", "content"),
    [
        *(("payload", content) for content in (b"", b"{}", b"{", b'{"id": "\xff"}', b"\xa5" * 100, 7)),
        *(("label", content) for content in (b"\xff", 7)),
    ],
)
def test_a_damaged_report_is_told_and_does_not_hold_up_the_rest(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, column: str, content: bytes | int
) -> None:
    store = Store(tmp_path)
    outbox = store.outbox
    fill(outbox, 1, 2, 3)
    connection = sqlite3.connect(tmp_path / FILE_NAME)
    connection.execute("UPDATE report SET payload = substr(payload, 9) WHERE sequence = 2")
    value = "CAST(? AS TEXT)" if column == "label" else "?"
    connection.execute(f"UPDATE report SET {column} = {value} WHERE sequence = 2", (content,))
    connection.commit()
    connection.close()
    assert [entry.sequence for entry in outbox.entries()] == [1, 3]
    assert [entry.sequence for entry in outbox.newest(5, "pending")] == [1, 3]
    assert outbox.find("2") is None
    assert "report 2 is damaged: " in caplog.text
    assert [fault[:20] for fault in store.faults()] == ["report 2 is damaged:"]
    assert [entry.sequence for entry in outbox.pending(0, 10)] == [1, 3]
    assert [(loss.reason, loss.sequences) for loss in store.losses.pending(10)] == [("damaged", ((2, 2),))]
    assert (outbox.counts(0).pending, outbox.counts(0).rejected) == (2, 0)
    assert store.faults() == []
    store.close()


def test_a_damaged_file_is_told_and_left_as_it_is(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for number in range(20):
        store.outbox.append(report(number, evidence_withheld="x" * 4096))
    store.close()
    path = tmp_path / FILE_NAME
    content = bytearray(path.read_bytes())
    content[4096 * 2 : 4096 * 8] = b"\xa5" * (4096 * 6)
    path.write_bytes(content)
    damaged = Store(tmp_path)
    with pytest.raises(StoreError, match=r"outbox\.sqlite: .*(malformed|damaged)"):
        list(damaged.outbox.entries())
    damaged.close()
    assert path.read_bytes() == bytes(content)
