"""Opening an SQLite file that must survive a power cut, and bringing an older one to the newest version."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import peewee

from agent.errors import DamagedStore, StoreError
from agent.i18n import _
from agent.store.schema import APPLICATION_ID, MIGRATIONS

# TOOBIG: nothing of ours is a thousandth of what a damaged row may claim to be.
CORRUPT = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_TOOBIG)
IDS = 500  # a statement, below SQLite's limit of variables
TIMEOUT = 5  # seconds to wait for another process's write
LOG_LIMIT = 4 * 1024 * 1024  # bytes of the write-ahead log, once all of it is in the database
BEGINNING = {"auto_vacuum": "incremental"}  # of a new file: what is dropped can be given back to the disk
# FULL: a power cut loses nothing that was committed (NORMAL did, measured). WAL: readers never block the writer.
PRAGMAS = {
    "journal_mode": "wal",
    "journal_size_limit": LOG_LIMIT,
    "synchronous": "full",
    "cache_size": -4000,
}


def open_database(path: Path, application: int, migrations: Sequence[str]) -> peewee.SqliteDatabase:
    """Open for reading and writing, created and migrated where needed. Raises StoreError."""
    exists = os.path.exists(path)
    if exists:
        _refuse_foreign(path, application, len(migrations))
    pragmas = PRAGMAS if exists else BEGINNING | PRAGMAS
    database = peewee.SqliteDatabase(str(path), timeout=TIMEOUT, pragmas=pragmas, factory=_Connection)
    with store_errors(path):
        database.connect()
        if not exists:
            path.chmod(0o640)
        _migrate(database, application, migrations)
    return database


def open_read_only(path: Path) -> peewee.SqliteDatabase:
    """Open beside whoever writes. Raises StoreError."""
    # SQLite makes a -wal file where there is none, which somebody who may only read the folder can not; but
    # without one nobody writes.
    written = os.path.exists(f"{path}-wal") or os.access(path.parent, os.W_OK, effective_ids=True)
    how = "mode=ro" if written else "mode=ro&immutable=1"
    database = peewee.SqliteDatabase(
        f"{path.absolute().as_uri()}?{how}",
        uri=True,
        timeout=TIMEOUT,
        pragmas={"query_only": 1},
        factory=_Connection,
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
        if getattr(cause, "sqlite_errorcode", 0) & 0xFF in CORRUPT:
            raise DamagedStore(
                _("{path}: damaged ({reason}); nothing was changed").format(path=path, reason=cause)
            ) from error
        raise StoreError(
            _("{path}: {reason}; what was stored before is kept; check the disk's space and health").format(
                path=path, reason=cause
            )
        ) from error


class _Connection(sqlite3.Connection):
    """Reads text that the disk has damaged too, so that its row can be put aside."""

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self.text_factory = partial(str, encoding="utf-8", errors="replace")


class Database:
    """The device's file, opened: each thread has its own connection."""

    def __init__(self, path: Path, read_only: bool = False) -> None:
        """Open, creating and migrating it where needed. Raises StoreError."""
        self.path = path
        self._inner = open_read_only(path) if read_only else open_database(path, APPLICATION_ID, MIGRATIONS)

    def table(self, name: str) -> peewee.Table:
        """The table of that name, to make statements of."""
        return peewee.Table(name).bind(self._inner)

    def execute(self, statement: str, parameters: Sequence[object] = ()) -> Any:
        """A statement as it is; its cursor. Within `errors` or `transaction`."""
        return self._inner.execute_sql(statement, parameters)

    def errors(self) -> AbstractContextManager[None]:
        """SQLite's failures as StoreError."""
        return store_errors(self.path)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All of the block, or nothing; one within another is a part of it. Raises StoreError."""
        with self.errors(), self._inner.atomic("IMMEDIATE"):
            yield

    def check(self) -> list[tuple[str]]:
        """What SQLite finds wrong with the file, or `ok`. Raises StoreError."""
        with self.errors():
            return list(self._inner.execute_sql("PRAGMA integrity_check").fetchall())

    def size(self) -> int:
        """Bytes that the file takes once all of its log is in it. Raises StoreError."""
        with self.errors():
            return _pragma(self._inner, "page_count") * _pragma(self._inner, "page_size")

    def spare(self) -> int:
        """Bytes of the file that hold nothing, and are filled before it grows. Raises StoreError."""
        with self.errors():
            return _pragma(self._inner, "freelist_count") * _pragma(self._inner, "page_size")

    def give_back(self, size: int | None = None) -> bool:
        """Cut off what holds nothing, all of it or `size` bytes; whether there was anything. Raises StoreError."""
        before = self.spare()
        with self.errors():
            pages = 0 if size is None else size // _pragma(self._inner, "page_size")
            # `execute` takes one step of a statement without columns, and so would free one page.
            self._inner.connection().executescript(
                f"PRAGMA incremental_vacuum({pages}); PRAGMA wal_checkpoint(TRUNCATE)"
            )
        return self.spare() < before

    def close(self) -> None:
        """Close this thread's connection."""
        self._inner.close()


def parts(items: Iterable[Any]) -> Iterator[list[Any]]:
    """As many at a time as a statement takes."""
    rest = iter(items)
    while part := list(islice(rest, IDS)):
        yield part


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
