"""Opening a store's file, whatever lies where it should be."""

from __future__ import annotations

import sqlite3
import stat
from pathlib import Path

import pytest

from agent.errors import DamagedStore, StoreError
from agent.store.database import open_database, open_read_only, store_errors

OURS = 0x46494441
FIRST = "CREATE TABLE one (number INTEGER PRIMARY KEY)"
SECOND = "CREATE TABLE two (number INTEGER);\nINSERT INTO two VALUES (2)"
BROKEN = "CREATE TABLE three (number INTEGER);\nINSERT INTO nowhere VALUES (3)"


def pragma(path: Path, name: str) -> int:
    connection = sqlite3.connect(path)
    try:
        return int(connection.execute(f"PRAGMA {name}").fetchone()[0])
    finally:
        connection.close()


def tables(path: Path) -> list[str]:
    connection = sqlite3.connect(path)
    try:
        return [name for (name,) in connection.execute("SELECT name FROM sqlite_master ORDER BY name")]
    finally:
        connection.close()


def foreign(path: Path, application: int = 0, version: int = 0) -> bytes:
    """Somebody's SQLite file; its content."""
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE bookmarks (address TEXT)")
    connection.execute(f"PRAGMA application_id = {application}")
    connection.execute(f"PRAGMA user_version = {version}")
    connection.commit()
    connection.close()
    path.chmod(0o600)
    return path.read_bytes()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.sqlite"


def test_a_new_file_gets_every_script_its_mark_and_is_closed_to_others(path: Path) -> None:
    open_database(path, OURS, [FIRST, SECOND]).close()
    assert tables(path) == ["one", "two"]
    assert (pragma(path, "application_id"), pragma(path, "user_version")) == (OURS, 2)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_what_is_committed_survives_a_power_cut_and_readers_do_not_block(path: Path) -> None:
    database = open_database(path, OURS, [FIRST])
    assert database.execute_sql("PRAGMA journal_mode").fetchone() == ("wal",)
    assert database.execute_sql("PRAGMA synchronous").fetchone() == (2,)  # FULL
    database.close()


@pytest.mark.parametrize("content", [None, b""])
def test_a_file_of_version_zero_is_brought_to_the_newest(path: Path, content: bytes | None) -> None:
    if content is None:
        sqlite3.connect(path).execute("PRAGMA journal_mode = wal").close()  # killed before its first table
    else:
        path.write_bytes(content)
    open_database(path, OURS, [FIRST, SECOND]).close()
    assert tables(path) == ["one", "two"]


def test_an_older_file_gets_only_the_scripts_it_has_not_seen(path: Path) -> None:
    open_database(path, OURS, [FIRST]).close()
    open_database(path, OURS, [FIRST, SECOND]).close()
    database = open_database(path, OURS, [FIRST, SECOND])
    assert database.execute_sql("SELECT number FROM two").fetchall() == [(2,)]
    assert pragma(path, "user_version") == 2
    database.close()


def test_a_script_that_fails_leaves_the_file_as_it_was(path: Path) -> None:
    open_database(path, OURS, [FIRST]).close()
    with pytest.raises(StoreError, match="no such table: nowhere"):
        open_database(path, OURS, [FIRST, BROKEN])
    assert tables(path) == ["one"]
    assert pragma(path, "user_version") == 1
    open_database(path, OURS, [FIRST, SECOND]).close()
    assert tables(path) == ["one", "two"]


def test_a_file_of_a_newer_version_is_refused_and_left_as_it_is(path: Path) -> None:
    open_database(path, OURS, [FIRST, SECOND]).close()
    before = path.read_bytes()
    with pytest.raises(StoreError, match=r"newer version of fidamia-agent \(store version 2, this one knows 1\)"):
        open_database(path, OURS, [FIRST])
    assert path.read_bytes() == before


@pytest.mark.parametrize(("application", "version"), [(0, 0), (0x46494443, 1), (0, 99)])
def test_a_file_of_another_program_is_refused_and_left_as_it_is(path: Path, application: int, version: int) -> None:
    before = foreign(path, application, version)
    with pytest.raises(StoreError, match=r"not a store of fidamia; nothing was changed; set \[store\] directory"):
        open_database(path, OURS, [FIRST])
    assert path.read_bytes() == before
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_a_file_that_is_no_database_is_told_and_left_as_it_is(path: Path) -> None:
    path.write_bytes(b"nothing that SQLite has ever written\n" * 100)
    before = path.read_bytes()
    with pytest.raises(StoreError, match=r"damaged .file is not a database.; nothing was changed"):
        open_database(path, OURS, [FIRST])
    assert path.read_bytes() == before


def test_a_row_that_claims_to_be_larger_than_any_is_damage(path: Path) -> None:
    database = open_database(path, OURS, ["CREATE TABLE one (content BLOB)"])
    database.execute_sql("INSERT INTO one VALUES (zeroblob(2000))")
    database.connection().setlimit(sqlite3.SQLITE_LIMIT_LENGTH, 1000)
    with pytest.raises(DamagedStore, match="too big"), store_errors(path):
        database.execute_sql("SELECT content || content FROM one").fetchone()
    database.close()


def test_a_folder_in_place_of_the_file_is_told(path: Path) -> None:
    path.mkdir()
    with pytest.raises(StoreError, match=r"store\.sqlite: .*; what was stored before is kept"):
        open_database(path, OURS, [FIRST])


def test_a_reader_sees_what_the_writer_commits_and_can_not_write(path: Path) -> None:
    writer = open_database(path, OURS, [FIRST])
    reader = open_read_only(path)
    writer.execute_sql("INSERT INTO one VALUES (1)")
    assert reader.execute_sql("SELECT number FROM one").fetchall() == [(1,)]
    with pytest.raises(Exception, match="readonly"):
        reader.execute_sql("INSERT INTO one VALUES (2)")
    reader.close()
    writer.close()
