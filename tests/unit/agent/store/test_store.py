"""Reports, their pictures and what was dropped, under one quota."""

from __future__ import annotations

import hashlib
import os
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import time_machine

from agent.domain import Blurring, Evidence, Loss, Report, SeenAgain
from agent.errors import StoreError
from agent.store import quota
from agent.store.database import LOG_LIMIT
from agent.store.evidence import FOLDER, Picture
from agent.store.quota import BALLAST, BALLAST_BYTES, Limits
from agent.store.store import FILE_NAME, Store, open_whole
from tests.unit.agent.store.old_store import write_old
from tests.unit.builders import MARSEILLE, NOON, identifier, report

MEGABYTE = 1_000_000
QUOTA = 20 * MEGABYTE
LAST = 10  # of the least severe: those that came last may fit into what was made free by then
ROOMY = Limits(quota=QUOTA, free=0)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path, ROOMY)
    opened.recover()
    yield opened
    opened.close()


def picture(number: int, size: int = 40_000) -> Evidence:
    """So many bytes, of which no two are alike."""
    return Evidence(np.random.default_rng(number).bytes(size), 1280, 720, Blurring("faces 1", 1, 0))


def keep(store: Store, number: int, severity: str = "normal", size: int = 0) -> int:
    evidence = picture(number, size) if size else None
    withheld = None if evidence else "no_anonymiser"
    facts = evidence and evidence.facts
    return store.append(report(number, severity=severity, evidence=facts, evidence_withheld=withheld), evidence)


def kept(store: Store) -> Counter[str]:
    """How many reports of each severity are kept, and of each of them with a picture."""
    found: Counter[str] = Counter()
    for entry in store.outbox.entries():
        found[entry.report.severity] += 1
        found[f"{entry.report.severity} with picture"] += entry.report.evidence is not None
    return found


def told(store: Store, what: str) -> set[int]:
    """The sequences of which a loss was written down."""
    losses = store.losses.pending(10_000)
    return {
        number
        for loss in losses
        if loss.what == what
        for first, last in loss.sequences
        for number in range(first, last + 1)
    }


def on_disk(folder: Path) -> int:
    return sum(path.stat().st_blocks * 512 for path in folder.rglob("*") if path.is_file())


def test_a_picture_comes_back_as_it_was_put_in(store: Store) -> None:
    sequence = keep(store, 1, size=70_000)
    assert store.pictures.pending(10) == []  # its report comes first
    store.outbox.settle([identifier(1)])
    (waiting,) = store.pictures.pending(10)
    assert (waiting.sequence, waiting.id, waiting.bytes, waiting.begun) == (sequence, identifier(1), 70_000, False)
    whole = (store.pictures.read(waiting, 0, 32_768) or b"") + (store.pictures.read(waiting, 32_768, 70_000) or b"")
    assert whole == picture(1, 70_000).jpeg
    assert waiting.sha256 == hashlib.sha256(whole).hexdigest()
    store.pictures.begin(waiting)
    assert store.pictures.pending(10)[0].begun
    assert store.pictures.settle([identifier(1), "unknown"]) == 1
    assert store.pictures.pending(10) == []


def test_a_picture_that_the_centre_has_leaves_the_disk(tmp_path: Path, store: Store) -> None:
    keep(store, 1, size=40_000)
    assert [path.name for path in (tmp_path / FOLDER).iterdir()] == [f"{identifier(1)}.jpg"]
    store.pictures.settle([identifier(1)])
    assert list((tmp_path / FOLDER).iterdir()) == []


def test_a_picture_that_is_not_the_reports_is_a_bug(store: Store) -> None:
    with pytest.raises(ValueError, match="not the report's"):
        store.append(report(1), picture(1))
    with pytest.raises(ValueError, match="not the report's"):
        store.append(report(1, evidence=picture(1).facts), None)


def test_what_a_crash_left_is_repaired_at_the_next_start(tmp_path: Path) -> None:
    store = Store(tmp_path, ROOMY)
    for number in (1, 2, 3):
        keep(store, number, size=40_000)
    store.outbox.sent(store.outbox.pending(0, 1))
    store.close()
    folder = tmp_path / FOLDER
    (folder / f"{identifier(2)}.jpg").unlink()
    os.truncate(folder / f"{identifier(3)}.jpg", 100)
    (folder / f"{identifier(99)}.jpg").write_bytes(b"its report was never committed")
    (folder / f"{identifier(98)}.partial").write_bytes(b"half")
    again = Store(tmp_path, ROOMY)
    again.recover()
    assert [entry.state for entry in again.outbox.entries()] == ["pending"] * 3
    assert sorted(path.name for path in folder.iterdir()) == [f"{identifier(1)}.jpg"]
    assert [entry.report.evidence_withheld for entry in again.outbox.entries()] == [None, "damaged", "damaged"]
    assert told(again, "evidence") == {2, 3}
    assert told(again, "report") == set()
    again.recover()
    assert len(again.losses.pending(10)) == 1
    again.close()


def test_a_picture_whose_row_is_lost_is_sent_after_all(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    store = Store(tmp_path, ROOMY)
    for number in (1, 2, 3):
        keep(store, number, size=40_000)
    store.outbox.settle([identifier(1)])
    store.close()
    os.truncate(tmp_path / FOLDER / f"{identifier(3)}.jpg", 100)
    with closing(sqlite3.connect(tmp_path / FILE_NAME, isolation_level=None)) as database:
        database.execute("DELETE FROM evidence")
    again = Store(tmp_path, ROOMY)
    again.recover()
    assert "3 picture(s) of which the store had lost the row" in caplog.text
    assert [one.sequence for one in again.pictures.pending(10)] == [1]
    again.outbox.settle([identifier(2)])
    assert [again.pictures.read(one) for one in again.pictures.pending(10)] == [picture(1).jpeg, picture(2).jpeg]
    assert told(again, "evidence") == {3}
    again.close()


def test_pictures_go_before_reports_and_the_least_severe_and_oldest_first(tmp_path: Path) -> None:
    store = Store(tmp_path, Limits(quota=24 * MEGABYTE, free=0))
    store.recover()
    number = 0
    for severity in ("urgent", "normal", "low", "urgent", "normal", "low"):
        for _ in range(40):
            number += 1
            keep(store, number, severity, size=80_000)
    found = kept(store)
    assert (found["urgent"], found["normal"], found["low"]) == (80, 80, 80)
    assert found["urgent with picture"] == 80
    assert 0 < found["normal with picture"] < 80
    assert found["low with picture"] <= LAST
    without = {entry.sequence: entry.report for entry in store.outbox.entries() if entry.report.evidence is None}
    never_kept = without.keys() - told(store, "evidence")  # their report says so itself
    assert {without[sequence].severity for sequence in never_kept} <= {"low"}
    assert {report.evidence_withheld for report in without.values()} == {"quota"}
    normal = [entry for entry in store.outbox.entries() if entry.report.severity == "normal"]
    assert [entry.report.evidence is None for entry in normal] == sorted(
        (entry.report.evidence is None for entry in normal), reverse=True
    )
    assert on_disk(tmp_path) <= 1.01 * 24 * MEGABYTE
    store.close()


def test_reports_go_when_no_pictures_are_left_and_each_is_told(tmp_path: Path) -> None:
    store = Store(tmp_path, ROOMY)
    store.recover()
    padding = "x" * 20_000
    for number in range(1, 601):
        severity = ("urgent", "low", "normal")[number % 3]
        store.append(report(number, severity=severity, evidence_withheld=padding))
        assert on_disk(tmp_path) <= 1.01 * QUOTA
    found = kept(store)
    assert found["urgent"] == 200
    assert found["low"] <= LAST
    assert LAST < found["normal"] < 200
    assert told(store, "report") == set(range(1, 601)) - {entry.sequence for entry in store.outbox.entries()}
    counts = sum((Counter(loss.labels) for loss in store.losses.pending(10_000)), Counter[str]())
    assert counts["pothole"] == len(told(store, "report"))
    store.close()


def test_what_is_left_of_a_damaged_store_goes_before_any_picture(tmp_path: Path) -> None:
    store = Store(tmp_path, ROOMY)
    store.recover()
    for year in (2025, 2026):
        (tmp_path / f"outbox-damaged-{year}0101T000000.sqlite").write_bytes(bytes(3 * MEGABYTE))
    (tmp_path / "outbox-damaged-20250101T000000.sqlite-wal").write_bytes(b"log")
    store.append(report(1))
    assert len(list(tmp_path.glob("outbox-damaged-*"))) == 3
    number = 1
    while len(list(tmp_path.glob("outbox-damaged-*"))) > 1:
        number += 1
        keep(store, number, "low", size=80_000)
        assert on_disk(tmp_path) <= 1.01 * QUOTA
    assert (tmp_path / "outbox-damaged-20260101T000000.sqlite").exists()
    assert kept(store)["low with picture"] == number - 1
    assert store.losses.pending(10) == []
    store.close()


def test_what_the_centre_has_goes_first_and_costs_nobody_anything(tmp_path: Path) -> None:
    store = Store(tmp_path, Limits(quota=16 * MEGABYTE, free=0))
    store.recover()
    padding = "x" * 20_000
    for number in range(1, 601):
        store.append(report(number, severity="urgent" if number % 2 else "low", evidence_withheld=padding))
        store.outbox.settle([identifier(number)])
    assert store.losses.pending(10) == []
    assert store.outbox.counts(0).settled < 600
    store.close()


def test_a_report_that_is_worth_less_than_all_that_is_kept_is_told_and_not_kept(tmp_path: Path) -> None:
    store = Store(tmp_path, Limits(quota=14 * MEGABYTE, free=0))
    store.recover()
    padding = "x" * 20_000
    number = 0
    while not told(store, "report"):
        number += 1
        store.append(report(number, severity="urgent", evidence_withheld=padding))
    urgent = kept(store)["urgent"]
    sequence = store.append(report(number + 1, severity="low", evidence_withheld=padding))
    assert sequence == number + 1
    assert sequence in told(store, "report")
    assert kept(store)["urgent"] == urgent
    assert kept(store)["low"] == 0
    store.close()


def test_a_loss_is_kept_until_the_centre_has_it(store: Store) -> None:
    keep(store, 1)
    keep(store, 2)
    store.losses.add("report", "purged", store.outbox.remove([1, 2]))
    (loss,) = store.losses.pending(10)
    assert isinstance(loss, Loss)
    assert (loss.what, loss.reason, loss.labels, loss.sequences) == ("report", "purged", {"pothole": 2}, ((1, 2),))
    assert loss.since <= loss.until
    assert store.losses.settle([loss.id, "unknown"]) == 1
    assert store.losses.pending(10) == []


def test_pictures_leave_the_disks_floor_free(tmp_path: Path) -> None:
    store = Store(tmp_path, Limits(quota=QUOTA, free=10**15))
    store.recover()
    keep(store, 1, size=40_000)
    assert [entry.report.evidence_withheld for entry in store.outbox.entries()] == ["quota"]
    assert list((tmp_path / FOLDER).glob("*")) == []
    store.close()


def test_the_ballast_is_larger_than_the_log_and_counts(tmp_path: Path, store: Store) -> None:
    assert (tmp_path / BALLAST).stat().st_blocks * 512 >= BALLAST_BYTES > LOG_LIMIT
    assert store.used() >= BALLAST_BYTES
    assert store.used() >= on_disk(tmp_path)
    assert quota.shrink_ballast(tmp_path)
    assert BALLAST_BYTES > (tmp_path / BALLAST).stat().st_blocks * 512 > LOG_LIMIT
    assert not quota.shrink_ballast(tmp_path)
    assert quota.drop_ballast(tmp_path)
    assert not quota.drop_ballast(tmp_path)


def test_what_is_dropped_is_given_back_to_the_disk(tmp_path: Path, store: Store) -> None:
    for number in range(300):
        store.append(report(number, evidence_withheld="x" * 20_000))
    before = (tmp_path / FILE_NAME).stat().st_size
    store.outbox.settle([identifier(number) for number in range(300)])
    while store.outbox.forget(100):
        assert store._database.give_back()
    assert (tmp_path / FILE_NAME).stat().st_size < before / 10


def test_now_and_then_what_the_centre_has_had_long_enough_is_forgotten_and_its_room_given_back(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.store.store.KEPT_SPARE", 0)
    for number in range(300):
        store.append(report(number, evidence_withheld="x" * 15_000))
    before = (tmp_path / FILE_NAME).stat().st_size
    store.outbox.settle([identifier(number) for number in range(290)])
    quota.drop_ballast(tmp_path)
    store.tidy(before=time.time() - 1000)
    assert store.outbox.counts(0).settled == 290
    assert (tmp_path / BALLAST).exists()
    store.tidy(before=time.time() + 1000)
    assert (store.outbox.counts(0).settled, store.outbox.counts(0).pending) == (0, 10)
    assert (tmp_path / FILE_NAME).stat().st_size < before / 10


def test_the_journal_has_its_share_of_the_quota(tmp_path: Path) -> None:
    store = Store(tmp_path, Limits(quota=40 * MEGABYTE, free=0, logs=20 * MEGABYTE))
    store.recover()
    for number in range(600):
        store.append(report(number, severity="urgent", evidence_withheld="x" * 40_000))
        assert on_disk(tmp_path) <= 20 * MEGABYTE
    assert on_disk(tmp_path) > 18 * MEGABYTE
    store.close()


def test_an_unwritable_folder_of_pictures_costs_the_picture_alone(
    tmp_path: Path, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / FOLDER).write_bytes(b"a file where the folder should be")
    keep(store, 1, size=1000)
    assert [entry.report.evidence_withheld for entry in store.outbox.entries()] == ["disk"]
    assert "the report goes without its picture" in caplog.text


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE loss SET payload = substr(payload, 2)",
        "UPDATE loss SET payload = 7",
        "UPDATE report SET created_at = 1e300, payload = substr(payload, 2) WHERE sequence = 1",
        "UPDATE report SET created_at = 'when' WHERE sequence = 1",
        "UPDATE report SET id = '01930000-0000-7000-8000-00000000000f' WHERE sequence = 1",
        "UPDATE evidence SET id = '01930000-0000-7000-8000-00000000000f' WHERE sequence = 1",
        "UPDATE evidence SET id = '../' || char(0) WHERE sequence = 1",
    ],
)
def test_no_damaged_row_keeps_the_others_from_the_centre(tmp_path: Path, statement: str) -> None:
    store = Store(tmp_path, ROOMY)
    for number in (1, 2, 3):
        keep(store, number, size=1000)
    store.losses.add("report", "quota", store.outbox.remove([3]))
    store.close()
    (tmp_path / FOLDER / f"{identifier(3)}.jpg").unlink()
    with closing(sqlite3.connect(tmp_path / FILE_NAME, isolation_level=None)) as database:
        database.execute(statement)
    for _life in range(3):
        again = Store(tmp_path, ROOMY)
        again.recover()
        pending = [entry.sequence for entry in again.outbox.pending(0, 10)]
        again.losses.pending(10)
        assert again.drop_picture(Picture(2, identifier(2), 1000, "", False), "refused") == (_life == 0)
        again.close()
    assert 2 in pending
    again = Store(tmp_path, ROOMY)
    assert 1 in pending or 1 in told(again, "report")
    again.close()


def seen_again(old: Report) -> Report:
    return replace(old, seen_again=SeenAgain(1 + (old.seen_again.times if old.seen_again else 0), NOON))


def test_what_was_held_when_the_process_died_is_sent_as_it_is(tmp_path: Path) -> None:
    store = Store(tmp_path, ROOMY)
    store.append(report(1), held=True)
    store.append(report(2, evidence=picture(2).facts, evidence_withheld=None), picture(2), held=True)
    assert store.outbox.pending(0, 10) == []
    store.close()
    again = Store(tmp_path, ROOMY)
    again.recover()
    assert [(entry.sequence, entry.report.revision) for entry in again.outbox.pending(0, 10)] == [(1, 0), (2, 0)]
    again.close()


def test_a_held_report_is_merged_into_the_one_that_tells_of_it_and_its_picture_goes(
    tmp_path: Path, store: Store
) -> None:
    keep(store, 1)
    sequence = store.append(report(2, evidence=picture(2).facts, evidence_withheld=None), picture(2), held=True)
    assert store.merge(sequence, 1, seen_again)
    (left,) = store.outbox.entries()
    assert (left.report.id, left.report.revision, left.report.seen_again) == (identifier(1), 1, SeenAgain(1, NOON))
    assert (told(store, "report"), store.pictures.count(), list((tmp_path / FOLDER).iterdir())) == ({2}, 0, [])
    assert [loss.reason for loss in store.losses.pending(10)] == ["merged"]


def test_a_held_report_that_says_nothing_new_is_merged_without_a_word(store: Store) -> None:
    keep(store, 1)
    store.append(report(2), held=True)
    assert store.merge(2, 1, None)
    assert [(entry.sequence, entry.report.revision) for entry in store.outbox.entries()] == [(1, 0)]
    assert told(store, "report") == {2}


@pytest.mark.parametrize("change", [None, seen_again])
def test_a_report_is_not_merged_into_one_that_is_gone(store: Store, change: Callable[[Report], Report] | None) -> None:
    store.append(report(1), held=True)
    assert not store.merge(1, 99, change)
    assert [(entry.sequence, entry.held) for entry in store.outbox.entries()] == [(1, True)]
    assert store.losses.pending(10) == []


def test_a_merge_that_fails_changes_neither(tmp_path: Path, store: Store) -> None:
    keep(store, 1)
    store.append(report(2), held=True)
    with closing(sqlite3.connect(tmp_path / FILE_NAME, isolation_level=None)) as database:
        database.execute("ALTER TABLE loss RENAME TO elsewhere")
        with pytest.raises(StoreError):
            store.merge(2, 1, seen_again)
        database.execute("ALTER TABLE elsewhere RENAME TO loss")
    assert [(entry.sequence, entry.held, entry.report.revision) for entry in store.outbox.entries()] == [
        (1, False, 0),
        (2, True, 0),
    ]
    assert store.losses.pending(10) == []


def test_a_revision_that_is_dropped_for_want_of_room_of_what_the_centre_has_is_not_told(tmp_path: Path) -> None:
    store = Store(tmp_path, Limits(quota=16 * MEGABYTE, free=0))
    store.recover()
    padding = "x" * 20_000
    for number in range(1, 101):
        store.append(report(number, severity="low", evidence_withheld=padding))
    store.outbox.settle(identifier(number) for number in range(1, 101))
    for number in range(1, 101):
        store.outbox.revise(number, seen_again)
    for number in range(101, 400):
        store.append(report(number, evidence_withheld=padding))
    assert kept(store)["low"] < 100
    assert min(told(store, "report"), default=101) > 100
    store.close()


def test_a_report_that_is_held_counts_and_goes_like_any_other(tmp_path: Path) -> None:
    store = Store(tmp_path, Limits(quota=14 * MEGABYTE, free=0))
    store.recover()
    for number in range(1, 400):
        store.append(report(number, evidence_withheld="x" * 20_000), held=True)
        assert on_disk(tmp_path) <= 1.01 * 14 * MEGABYTE
    gone = told(store, "report")
    assert 1 in gone
    assert gone | {entry.sequence for entry in store.outbox.entries()} == set(range(1, 400))
    assert not store.outbox.revise(1, seen_again)
    store.close()


def test_a_store_of_the_version_before_is_taken_over_whole(tmp_path: Path) -> None:
    write_old(tmp_path, range(1, 51), settled=range(1, 11))
    store = open_whole(tmp_path, ROOMY)
    pending = store.outbox.pending(0, 100)
    assert [entry.report for entry in pending] == [report(number) for number in range(11, 51)]
    assert not any(entry.held for entry in pending)
    assert (store.outbox.counts(0).settled, store.faults()) == (10, [])
    assert store.append(report(51)) == 51
    assert store.outbox.revise(5, seen_again)
    (revised,) = store.outbox.pending(0, 1)
    assert (revised.sequence, revised.report.revision) == (5, 1)
    known = store.outbox.near(["pothole"], *MARSEILLE, 1.0)
    assert sorted(entry.sequence for entry in known) == list(range(1, 52))
    assert not list(tmp_path.glob("outbox-damaged-*"))
    store.close()


def test_what_others_put_into_the_folders_is_left_alone_and_costs_nothing(tmp_path: Path, store: Store) -> None:
    keep(store, 1, size=1000)
    (tmp_path / FOLDER / "@eaDir").mkdir()
    (tmp_path / FOLDER / ("9" * 30)).write_bytes(b"x")
    (tmp_path / FOLDER / os.fsdecode(b"\xff.jpg")).write_bytes(b"x")
    (tmp_path / "outbox-damaged-x.sqlite").mkdir()
    (tmp_path / "export.zip").write_bytes(bytes(2 * QUOTA))
    store.recover()
    keep(store, 2, size=1000)
    assert kept(store)["normal with picture"] == 2
    assert sorted(path.name for path in (tmp_path / FOLDER).iterdir()) == [
        f"{identifier(1)}.jpg", f"{identifier(2)}.jpg", "@eaDir"
    ]  # fmt: skip


def test_a_wrong_clock_does_not_make_what_the_centre_has_worth_more(tmp_path: Path) -> None:
    store = Store(tmp_path, Limits(quota=16 * MEGABYTE, free=0))
    with time_machine.travel(4.1e9):
        for number in range(1, 200):
            store.append(report(number, evidence_withheld="x" * 20_000))
        store.outbox.settle(identifier(number) for number in range(1, 200))
    for number in range(200, 500):
        store.append(report(number, evidence_withheld="x" * 20_000))
    assert store.outbox.counts(0).pending == 300
    store.close()


def test_only_what_is_refused_is_purged(store: Store) -> None:
    for number in (1, 2):
        keep(store, number)
    store.outbox.reject([identifier(1)], "no such label")
    assert store.purge([1, 2]) == 1
    assert told(store, "report") == {1}
