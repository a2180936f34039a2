"""The embedded store of the centre."""

from __future__ import annotations

import hashlib
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from agent.domain import Blurring, EvidenceFacts, Position
from agent.errors import StoreError
from agent.store.database import open_database
from agent.store.store import Store
from central.evidence import Piece
from central.store import APPLICATION_ID, FILE_NAME, MIGRATIONS, ROWS, EmbeddedStore
from central.validation import Refusal
from tests.unit.builders import DEVICE, identifier
from tests.unit.central.builders import TOPIC, right, told_anew


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EmbeddedStore]:
    opened = EmbeddedStore(tmp_path)
    yield opened
    opened.close()


def ids(store: EmbeddedStore) -> list[str]:
    return [feature["id"] for feature in store.features()]


def refusal(number: int = 1) -> Refusal:
    return Refusal(DEVICE, TOPIC, identifier(number), "no such label", b"\xff\x00")


def rows(directory: Path, query: str) -> list[Any]:
    connection = sqlite3.connect(directory / FILE_NAME)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


def test_a_report_is_kept_as_it_was_sent_and_its_figures_can_be_asked_for(tmp_path: Path, store: EmbeddedStore) -> None:
    store.save([right(7)], [])
    assert store.features() == [right(7)]
    asked = "SELECT id, device, sequence, observed_at, label, probability, lat, lon, commune, team FROM report"
    assert rows(tmp_path, asked) == [
        (identifier(7), DEVICE, 7, "2026-11-22T12:00:00.000Z", "pothole", 0.93, 43.29648, 5.36978, None, "voirie")
    ]


def test_a_report_without_a_position_is_kept_without_one(tmp_path: Path, store: EmbeddedStore) -> None:
    store.save([{**right(), "geometry": None}], [])
    assert rows(tmp_path, "SELECT lat, lon FROM report") == [(None, None)]


def test_a_report_is_kept_once_however_often_it_arrives(store: EmbeddedStore) -> None:
    store.save([right(1), right(1), right(2)], [])
    store.save([right(2), right(1), right(3)], [])
    assert ids(store) == [identifier(n) for n in (1, 2, 3)]


def test_the_first_word_stands(store: EmbeddedStore) -> None:
    store.save([right(1)], [])
    store.save([right(1, label="graffiti")], [])
    store.save([right(2), right(2, label="graffiti")], [])
    assert [feature["properties"]["label"] for feature in store.features()] == ["pothole", "pothole"]


def test_what_is_told_anew_replaces_what_was_told_and_its_figures_and_keeps_its_arrival(
    tmp_path: Path, store: EmbeddedStore
) -> None:
    store.save([right(1)], [])
    connection = sqlite3.connect(tmp_path / FILE_NAME)
    connection.execute("UPDATE report SET received_at = 'then'")
    connection.commit()
    connection.close()
    place = Position("interpolated", 43.3, 5.4, 20.0, 12.0)
    later = told_anew(1, 2, label="graffiti", severity="urgent", position=place, commune="13055", team="x")
    store.save([later], [])
    assert store.features() == [later]
    asked = "SELECT id, device, received_at, label, severity, lat, lon, commune, team, revision FROM report"
    assert rows(tmp_path, asked) == [(identifier(1), DEVICE, "then", "graffiti", "urgent", 43.3, 5.4, "13055", "x", 2)]


@pytest.mark.parametrize("revision", [1, 2])
def test_what_was_told_before_replaces_nothing_that_was_told_since(store: EmbeddedStore, revision: int) -> None:
    store.save([told_anew(1, 2)], [])
    store.save([told_anew(1, revision, label="graffiti"), right(1)], [])
    assert store.features() == [told_anew(1, 2)]


def test_in_one_message_the_highest_revision_counts_in_whichever_order(store: EmbeddedStore) -> None:
    store.save([right(1), told_anew(1, 1), told_anew(2, 2), right(2), told_anew(2, 1)], [])
    assert [one["properties"].get("revision", 0) for one in store.features()] == [1, 2]


def test_another_device_tells_nothing_of_a_report_that_is_not_its_own(store: EmbeddedStore) -> None:
    store.save([right(1)], [])
    store.save([told_anew(1, 5, device="veh-043", label="graffiti")], [])
    assert store.features() == [right(1)]


def test_the_figures_of_a_picture_are_those_that_were_told_last(store: EmbeddedStore) -> None:
    picture = b"picture"
    facts = EvidenceFacts(hashlib.sha256(picture).hexdigest(), len(picture), 1280, 720, Blurring("faces 1", 0, 0))
    store.save([told_anew(1, 1, evidence=facts, evidence_withheld=None)], [])
    store.save([told_anew(1, 2, evidence=None, evidence_withheld="quota")], [])
    piece = Piece(DEVICE, identifier(1), 0, len(picture), facts.sha256, picture)
    assert store.add_piece(piece) == "not the picture that the report speaks of"


def test_a_store_of_the_version_before_takes_what_is_told_anew(tmp_path: Path) -> None:
    path = tmp_path / FILE_NAME
    database = open_database(path, APPLICATION_ID, MIGRATIONS[:2])
    database.execute_sql(
        "INSERT INTO report VALUES (?, ?, 1, '', 'then', 'pothole', 1, 'accepted', 'normal', 0, 0, '', '', ?)",
        (identifier(1), DEVICE, msgspec.json.encode(right(1))),
    )
    database.close()
    store = EmbeddedStore(tmp_path)
    store.save([right(1, label="graffiti")], [])
    assert store.features() == [right(1)]
    store.save([told_anew(1, 1)], [])
    assert store.features() == [told_anew(1, 1)]
    store.close()


def test_reports_come_by_device_in_the_order_they_were_seen(store: EmbeddedStore) -> None:
    store.save([right(3), right(1, device="veh-043"), right(2)], [])
    assert ids(store) == [identifier(n) for n in (2, 3, 1)]


def test_more_reports_than_a_statement_can_hold_are_kept(store: EmbeddedStore) -> None:
    many = [right(number) for number in range(1, ROWS + 2)]
    store.save(many, [])
    assert len(store.features()) == ROWS + 1


def test_what_was_refused_is_kept_once_with_its_reason(tmp_path: Path, store: EmbeddedStore) -> None:
    store.save([], [refusal(1), refusal(1)])
    store.save([], [refusal(1), refusal(2)])
    assert store.refusals() == [(DEVICE, identifier(number), "no such label") for number in (1, 2)]
    assert rows(tmp_path, "SELECT topic, payload FROM refused")[0] == (TOPIC, b"\xff\x00")


def test_nothing_is_nothing(store: EmbeddedStore) -> None:
    store.save([], [])
    assert (store.features(), store.refusals()) == ([], [])


def test_all_of_it_is_stored_or_nothing(tmp_path: Path, store: EmbeddedStore) -> None:
    connection = sqlite3.connect(tmp_path / FILE_NAME)
    connection.execute("ALTER TABLE refused RENAME TO elsewhere")
    connection.commit()
    with pytest.raises(StoreError, match="no such table: refused"):
        store.save([right(1)], [refusal()])
    connection.execute("ALTER TABLE elsewhere RENAME TO refused")
    connection.commit()
    connection.close()
    assert (store.features(), store.refusals()) == ([], [])
    store.save([right(1)], [refusal()])
    assert len(store.features()) == len(store.refusals()) == 1


def test_what_was_stored_is_there_after_opening_again_also_for_a_reader(tmp_path: Path, store: EmbeddedStore) -> None:
    store.save([right(1)], [])
    reader = EmbeddedStore(tmp_path, read_only=True)
    assert ids(reader) == [identifier(1)]
    reader.close()
    store.close()
    again = EmbeddedStore(tmp_path)
    assert ids(again) == [identifier(1)]
    again.close()


def test_a_devices_store_is_not_taken_for_the_centres(tmp_path: Path) -> None:
    Store(tmp_path).close()
    (tmp_path / "outbox.sqlite").rename(tmp_path / FILE_NAME)
    with pytest.raises(StoreError, match="not a store of fidamia"):
        EmbeddedStore(tmp_path)


def test_two_processes_that_begin_a_store_at_once_both_succeed(tmp_path: Path) -> None:
    code = f"from pathlib import Path; from central.store import EmbeddedStore; EmbeddedStore(Path({str(tmp_path)!r}))"
    for _attempt in range(3):
        for file in tmp_path.iterdir():
            file.unlink()
        both = [subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE) for _process in range(2)]
        for process in both:
            assert process.wait(timeout=20) == 0, process.communicate()[1]
