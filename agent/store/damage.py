"""Whether a store's file is damaged, as far as a quick look at each start tells: SQLite itself notices only a part."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from functools import cache
from pathlib import Path

from agent.store.database import BEGINNING, CORRUPT
from agent.store.schema import APPLICATION_ID, MIGRATIONS
from agent.store.wal import is_cut, log_of, pages

MARK = "damaged"  # a file that a daemon leaves which met damage while it ran
SMALL = 64 * 1024 * 1024  # bytes: a file that is looked through whole at each start, in less than a second
FURTHEST = 1_000_000_000  # a sequence that no vehicle ever gives
# https://www.sqlite.org/fileformat.html, 1.3: what never changes in the beginning of a store.
HEADER = 100  # bytes
FIXED = slice(0, 18), slice(20, 24), slice(44, 48), slice(56, 64), slice(68, 72)
DAMAGES = sqlite3.DatabaseError, UnicodeDecodeError  # Python can not always put SQLite's complaint into words
# What SQLite's own check does not see: a row that one of these finds is damage.
WRONG_SEQUENCE = f"SELECT 1 FROM sqlite_sequence WHERE typeof(seq) != 'integer' OR seq NOT BETWEEN 0 AND {FURTHEST}"
WRONG_STATE = "SELECT 1 FROM report WHERE state NOT IN ('pending', 'sent', 'settled', 'rejected')"
ENDS = "SELECT min(sequence) FROM report", "SELECT max(sequence) FROM report", "SELECT max(id) FROM report"


def mark(path: Path) -> bool:
    """Ask the next start to salvage; whether that could be written."""
    try:
        (path.parent / MARK).touch()
    except OSError:
        return False
    return True


def is_there(path: Path) -> bool:
    """Whether the store's file is damaged, as far as a quick look tells."""
    if not path.is_file() or path.stat().st_size == 0:
        return False
    marked = (path.parent / MARK).is_file()
    try:
        with closing(look(path)) as database:
            if _is_foreign(database):
                return False
            return marked or is_cut(log_of(path)) or not begins_well(path, database) or _is_wrong(path, database)
    except DAMAGES as error:
        return marked or is_damage(error)


def _is_foreign(database: sqlite3.Connection) -> bool:
    """Whether it is another program's, or a newer version's: not ours to touch."""
    if _schema(database) == _own()[1]:
        return False
    (application,), (version,) = (
        database.execute(f"PRAGMA {name}").fetchone() for name in ("application_id", "user_version")
    )
    return bool(application != APPLICATION_ID or version > len(MIGRATIONS))


def begins_well(path: Path, database: sqlite3.Connection) -> bool:
    """Whether the first page says what an empty store's says, or that of an older version."""
    header, schema = _own()
    (version,) = database.execute("PRAGMA user_version").fetchone()
    if 0 < version < len(MIGRATIONS):
        return any(name == "report" for name, _sql in _schema(database))
    if _schema(database) != schema:
        return False
    if pages(log_of(path)).size:
        return True  # there may be a newer first page in it
    with path.open("rb") as file:
        found = file.read(len(header))
    return found[18] == found[19] and all(found[part] == header[part] for part in FIXED)


def _is_wrong(path: Path, database: sqlite3.Connection) -> bool:
    for statement in ENDS:
        database.execute(statement).fetchall()
    if database.execute(WRONG_SEQUENCE).fetchone():
        return True
    if path.stat().st_size > SMALL:
        return False
    sound = database.execute("PRAGMA quick_check(1)").fetchone()[0] == "ok"
    return not sound or database.execute(WRONG_STATE).fetchone() is not None


def look(path: Path) -> sqlite3.Connection:
    """Open it and change nothing; what its log holds belongs to it."""
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)


def empty(path: Path) -> sqlite3.Connection:
    """An empty store, at `path` or in memory. Quick, since nothing is lost where it does not come to its end."""
    database = sqlite3.connect(path, isolation_level=None, uri=True)
    for name, value in {**BEGINNING, "journal_mode": "memory", "synchronous": "off", "cache_size": -32_000}.items():
        database.execute(f"PRAGMA {name} = {value}")
    for script in MIGRATIONS:
        database.executescript(script)
    database.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    database.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
    if path.exists():
        path.chmod(0o640)
    return database


def is_damage(error: Exception) -> bool:
    """Whether what SQLite complains of is damage, and not a full disk or a lock."""
    return isinstance(error, UnicodeDecodeError) or getattr(error, "sqlite_errorcode", 0) & 0xFF in CORRUPT


def _schema(database: sqlite3.Connection) -> list[tuple[str, str]]:
    """What its tables and indexes are."""
    statement = "SELECT name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_stat%' ORDER BY name"
    return [(name, sql) for name, sql in database.execute(statement)]


@cache
def _own() -> tuple[bytes, list[tuple[str, str]]]:
    """The first bytes, and the tables and indexes, of an empty store."""
    with closing(empty(Path(":memory:"))) as database:
        return database.serialize()[:HEADER], _schema(database)
