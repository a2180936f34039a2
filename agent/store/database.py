"""Opening an SQLite file that must survive a power cut, and bringing an older one to the newest version."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import peewee

from agent.errors import StoreError
from agent.i18n import _

# FULL: a power cut loses nothing that was committed (NORMAL did, measured). WAL: readers never block the writer.
PRAGMAS = {"journal_mode": "wal", "synchronous": "full", "cache_size": -4000}
TIMEOUT = 5  # seconds to wait for another process's write


def open_database(path: Path, application: int, migrations: Sequence[str]) -> peewee.SqliteDatabase:
    """Open for reading and writing, created and migrated where needed. Raises StoreError."""
    if os.path.exists(path):
        _refuse_foreign(path, application, len(migrations))
    database = peewee.SqliteDatabase(str(path), timeout=TIMEOUT, pragmas=PRAGMAS)
    with store_errors(path):
        database.connect()
        os.chmod(path, 0o640)
        _migrate(database, application, migrations)
    return database


def open_read_only(path: Path) -> peewee.SqliteDatabase:
    """Open beside whoever writes. Raises StoreError."""
    # SQLite makes a -wal file where there is none, which somebody who may only read the folder can not; but
    # without one nobody writes.
    written = os.path.exists(f"{path}-wal") or os.access(path.parent, os.W_OK, effective_ids=True)
    how = "mode=ro" if written else "mode=ro&immutable=1"
    database = peewee.SqliteDatabase(
        f"{path.absolute().as_uri()}?{how}", uri=True, timeout=TIMEOUT, pragmas={"query_only": 1}
    )
    with store_errors(path):
        database.connect()
    return database


@contextmanager
def store_errors(path: Path) -> Iterator[None]:
    """SQLite's own failures (disk full, damaged, locked, read-only) as StoreError; a broken constraint is a bug."""
    try:
        yield
    except (peewee.IntegrityError, sqlite3.IntegrityError):
        raise
    # peewee does not translate what happens while rows are fetched.
    except (peewee.DatabaseError, sqlite3.DatabaseError) as error:
        # Where the roll-back failed too, the first failure is the cause.
        cause = error
        while isinstance(cause.__context__, peewee.DatabaseError | sqlite3.DatabaseError):
            cause = cause.__context__
        raise StoreError(
            _("{path}: {reason}; what was stored before is kept; check the disk's space and health").format(
                path=path, reason=cause
            )
        ) from error


def columns(table: peewee.Table, row: dict[str, Any]) -> dict[peewee.Column, Any]:
    """The row with the table's columns as keys, as peewee's insert wants them."""
    return {getattr(table.c, name): value for name, value in row.items()}


def _refuse_foreign(path: Path, application: int, known: int) -> None:
    """Raise StoreError for a file that is not ours to write to; the pragmas alone would already change it."""
    database = open_read_only(path)
    with store_errors(path):
        tables = database.execute_sql("SELECT count(*) FROM sqlite_master").fetchone()[0]
        found, version = _pragma(database, "application_id"), _pragma(database, "user_version")
    database.close()
    if tables and found != application:
        raise StoreError(
            _("{path}: not a store of fidamia; nothing was changed; set [store] directory to another folder").format(
                path=path
            )
        )
    if version > known:
        raise StoreError(
            _(
                "{path}: written by a newer version of fidamia-agent (store version {found}, this one knows {known}); "
                "nothing was changed; install the newer version again"
            ).format(path=path, found=version, known=known)
        )


def _migrate(database: peewee.SqliteDatabase, application: int, migrations: Sequence[str]) -> None:
    """Run the scripts that the file has not seen, one transaction a script."""
    for number, script in enumerate(migrations, start=1):
        with database.atomic("IMMEDIATE"):
            # Asked anew within the transaction: another process may have been faster.
            if _pragma(database, "user_version") >= number:
                continue
            for statement in script.split(";\n"):
                if statement.strip():
                    database.execute_sql(statement)
            database.execute_sql(f"PRAGMA application_id = {application}")
            database.execute_sql(f"PRAGMA user_version = {number}")


def _pragma(database: peewee.SqliteDatabase, name: str) -> int:
    return int(database.execute_sql(f"PRAGMA {name}").fetchone()[0])
