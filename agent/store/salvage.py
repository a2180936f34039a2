"""Saves what can be read of a damaged store into a new one. The damaged file is kept beside it."""

from __future__ import annotations

import logging
import os
import shutil
import sqlite3
import struct
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import uuid6

from agent.domain import Loss
from agent.errors import StoreError
from agent.i18n import _
from agent.store import leaves
from agent.store.damage import DAMAGES, FURTHEST, MARK, begins_well, empty, is_damage, look
from agent.store.disk import sync
from agent.store.losses import DAMAGED, MOST, plausible, runs
from agent.store.quota import SEVERITIES
from agent.store.wal import PAGE, is_cut, log_of

log = logging.getLogger(__name__)

KEPT = "-damaged-"  # in the name of a damaged file, before its time
STEP = 4096  # reports that are copied at once while all goes well
ATTEMPTS = 20_000  # failures, before what is left is given up: a few seconds
IN_LOG = 4096  # reports that the write-ahead log holds at most
UNKNOWN = 1_000_000  # where to look for reports if nothing says how many there are
LOG = "-wal", "-shm"
LAST = (
    "SELECT seq FROM damaged.sqlite_sequence WHERE name = 'report' AND typeof(seq) = 'integer'",
    "SELECT max(sequence) FROM damaged.report",
    "SELECT max(sequence) FROM damaged.report INDEXED BY report_pending WHERE state = 'pending'",
    "SELECT max(sequence) FROM damaged.evidence",
)


@dataclass(frozen=True, slots=True)
class Salvaged:
    """What came of it."""

    reports: int  # that were saved
    lost: tuple[tuple[int, int], ...]  # sequences that could not be read, first and last of each run
    kept: Path  # the damaged file


def finish(path: Path) -> None:
    """Go on with a salvage that a crash cut off once all was copied. Raises StoreError."""
    if _ready(path).is_file():
        with _errors(path):
            _swap(path)


def salvage(path: Path) -> Salvaged:
    """Put a new file in the place of a damaged one. Raises StoreError.

    A crash at any moment leaves the damaged file, or the new one whole: `finish` goes on from there.
    """
    fresh = path.with_suffix(".partial")
    with _errors(path):
        fresh.unlink(missing_ok=True)
        try:
            with closing(empty(fresh)) as database:
                reports, lost = _copy(path, database)
            sync(fresh)
            fresh.rename(_ready(path))
        except (OSError, sqlite3.Error):
            fresh.unlink(missing_ok=True)  # it may be what fills the disk
            raise
        return Salvaged(reports, lost, _swap(path))


def discard(path: Path) -> bool:
    """Make room where there is too little: the oldest damaged file that is kept; whether there was one.

    Raises StoreError.
    """
    with _errors(path):
        kept = (one for one in path.parent.glob(f"{path.stem}{KEPT}*{path.suffix}") if one.is_file())
        oldest = min(kept, default=None)
        if oldest is None:
            return False
        for suffix in ("", *LOG):
            Path(f"{oldest}{suffix}").unlink(missing_ok=True)
    log.warning("there is no room for it any more: %s is removed", oldest)
    return True


def _ready(path: Path) -> Path:
    return path.with_suffix(".saved")


def _swap(path: Path) -> Path:
    """Where the damaged file is now."""
    kept = path.with_name(f"{path.stem}{KEPT}{datetime.now(UTC):%Y%m%dT%H%M%S}{path.suffix}")
    for suffix in ("", *LOG):
        with suppress(FileNotFoundError):
            Path(f"{path}{suffix}").rename(f"{kept}{suffix}")
    _ready(path).rename(path)
    (path.parent / MARK).unlink(missing_ok=True)
    sync(path.parent)
    return kept


@contextmanager
def _errors(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, sqlite3.Error, UnicodeDecodeError) as error:
        raise StoreError(
            _("{path}: damaged, and can not be saved ({reason}); nothing was changed; check the disk").format(
                path=path, reason=error
            )
        ) from error


def _copy(path: Path, database: sqlite3.Connection) -> tuple[int, tuple[tuple[int, int], ...]]:
    """How many reports were copied, and the sequences of which none was although there may have been one."""
    readable = _readable(path)
    lost: tuple[tuple[int, int], ...] = ()
    known = last = 0
    try:
        database.execute("ATTACH ? AS damaged", (f"{readable.absolute().as_uri()}?mode=ro",))
        known = _highest(database, LAST)
        last = known or UNKNOWN
        missing = _copy_rows(database, "report", "sequence", last) | _hidden(database, last)
        if is_cut(log_of(path)):
            missing |= set(range(last + 1, last + 1 + IN_LOG))
        missing -= _rescue(readable, database, missing)
        (highest,) = database.execute("SELECT max(sequence) FROM report").fetchone()
        last = max(known, highest or 0)
        missing = {sequence for sequence in missing if sequence <= last}
        _copy_rows(database, "evidence", "sequence", last)
        database.execute("DELETE FROM evidence WHERE sequence NOT IN (SELECT sequence FROM report)")
        losses = _highest(database, ("SELECT max(number) FROM damaged.loss",)) or STEP
        if _copy_rows(database, "loss", "number", losses):
            # Nobody knows what they told: it may be of any report that is not here.
            copied = {sequence for (sequence,) in database.execute("SELECT sequence FROM report")}
            missing |= set(range(1, min(last, UNKNOWN) + 1)) - copied
        lost = runs(sorted(missing))
        with suppress(*DAMAGES):
            database.execute("INSERT OR IGNORE INTO main.traffic SELECT * FROM damaged.traffic")
        database.execute("DETACH damaged")
    except DAMAGES as error:
        if not is_damage(error):
            raise
        log.error("%s: nothing of it can be read: %s", path, error)
    finally:
        if readable != path:
            for suffix in ("", *LOG):
                Path(f"{readable}{suffix}").unlink(missing_ok=True)
    database.execute("DELETE FROM sqlite_sequence WHERE name = 'report'")
    # No sequence is given twice, as far as anybody can know.
    database.execute("INSERT INTO sqlite_sequence VALUES ('report', ?)", (last if known else last + IN_LOG,))
    _tell(database, lost)
    return database.execute("SELECT count(*) FROM report").fetchone()[0], lost


def _tell(database: sqlite3.Connection, lost: tuple[tuple[int, int], ...]) -> None:
    """Write down what is lost, for the centre."""
    since, until = database.execute("SELECT min(created_at), max(created_at) FROM report").fetchone()
    for start in range(0, len(lost), MOST):
        part = lost[start : start + MOST]
        loss = Loss(
            id=str(uuid6.uuid7()),
            what="report",
            reason=DAMAGED,
            labels={"unknown": sum(1 + last - first for first, last in part)},
            sequences=part,
            since=datetime.fromtimestamp(plausible(since) or time.time(), UTC),
            until=datetime.fromtimestamp(plausible(until) or time.time(), UTC),
        )
        database.execute("INSERT INTO loss (id, payload) VALUES (?, ?)", (loss.id, msgspec.json.encode(loss)))


def _highest(database: sqlite3.Connection, statements: Iterable[str]) -> int:
    """The highest number that any of them gives, as one may be damaged; 0 where none does."""
    found = [0]
    for statement in statements:
        with suppress(*DAMAGES):
            found += [row[0] for row in database.execute(statement) if isinstance(row[0], int) and row[0] <= FURTHEST]
    return max(found)


def _copy_rows(database: sqlite3.Connection, table: str, key: str, last: int) -> set[int]:
    """Copy what can be read of a table and is what its columns take.

    The keys of the other rows, and those that can not be looked up, whether there was a row or not.
    """
    # A file of an older version lacks the newest columns.
    old, new = (
        [name for _, name, *_rest in database.execute(f"PRAGMA {side}.table_info({table})")]
        for side in ("damaged", "main")
    )
    names = ", ".join(name for name in new if name in old)
    statement = (
        f"INSERT OR IGNORE INTO main.{table} ({names}) SELECT {names} FROM damaged.{table} WHERE {key} BETWEEN ? AND ?"
    )
    ignored: set[int] = set()

    def work(first: int, until: int) -> None:
        if database.execute(statement, (first, until)).rowcount <= until - first:
            among = f"{table} WHERE {key} BETWEEN ?1 AND ?2"
            missing = f"SELECT {key} FROM damaged.{among} EXCEPT SELECT {key} FROM main.{among}"
            ignored.update(one for (one,) in database.execute(missing, (first, until)))

    return _through(((1, last),), work) | ignored


def _hidden(database: sqlite3.Connection, last: int) -> set[int]:
    """Reports that the centre had not, that an index knows, and that were not copied: damage may hide them silently."""
    found: set[int] = set()

    def compare(index: str, condition: str) -> Callable[[int, int], None]:
        among = f"report INDEXED BY {index} WHERE {condition} AND sequence BETWEEN ? AND ?"

        def work(first: int, until: int) -> None:
            # Counting takes a fraction of the time, and nearly everywhere nothing is hidden.
            known, copied = (
                database.execute(f"SELECT count(*) FROM {side}.{among}", (first, until)).fetchone()
                for side in ("damaged", "main")
            )
            if known != copied:
                statement = f"SELECT sequence FROM damaged.{among} EXCEPT SELECT sequence FROM main.report"
                found.update(sequence for (sequence,) in database.execute(statement, (first, until)))

        return work

    unknown: set[int] = set()
    for state in ("pending", "sent", "rejected"):
        unknown |= _through(((1, last),), compare(f"report_{state}", f"state = '{state}'"), smallest=STEP)
    # Where these are damaged too, there is another index of the same reports.
    for severity in SEVERITIES:
        condition = f"state IN ('pending', 'sent', 'rejected') AND severity = '{severity}'"
        _through(runs(sorted(unknown)), compare("report_worth", condition))
    return found


def _rescue(readable: Path, database: sqlite3.Connection, missing: set[int]) -> set[int]:
    """Copy those of the missing reports whose page is whole, and only the way to it is not; which these are."""
    (definition,) = database.execute("SELECT sql FROM main.sqlite_master WHERE name = 'report'").fetchone()
    found = leaves.rows(readable, "report", definition, missing) if missing else ()
    return {
        sequence
        for sequence, *rest in found
        if database.execute(
            f"INSERT OR IGNORE INTO main.report VALUES (?{', ?' * len(rest)})", (sequence, *rest)
        ).rowcount
    }


def _through(spans: Iterable[tuple[int, int]], work: Callable[[int, int], object], smallest: int = 1) -> set[int]:
    """Do it for the keys in these spans, range by range; the keys for which damage makes it fail.

    A range that fails is halved, until it is no larger than `smallest`.
    """
    failed: set[int] = set()
    attempts = 0
    for start, end in ((at, min(at + STEP - 1, last)) for first, last in spans for at in range(first, last + 1, STEP)):
        ranges = [(start, end)]
        while ranges:
            first, last = ranges.pop()
            try:
                work(first, last)
            except DAMAGES as error:
                if not is_damage(error):
                    raise
                attempts += 1
                if last - first < smallest or attempts > ATTEMPTS:
                    failed.update(range(first, last + 1))
                else:
                    middle = (first + last) // 2
                    ranges += [(middle + 1, last), (first, middle)]
    return failed


def _readable(path: Path) -> Path:
    """The file, or a copy of it whose first page, which says where everything is, is that of an empty store.

    Every store begins with the same pages, since the same statements have made them.
    """
    try:
        with closing(look(path)) as database:
            if begins_well(path, database):
                return path
    except DAMAGES as error:
        log.debug("the first page is damaged: %s", error)
    copy = path.with_suffix(".copy")
    with closing(empty(Path(":memory:"))) as database:
        first = bytearray(database.serialize()[:PAGE])
    first[18:20] = 2, 2  # https://www.sqlite.org/fileformat.html, 1.3: it has a write-ahead log
    for suffix in ("", *LOG):
        if Path(f"{path}{suffix}").exists():
            shutil.copyfile(f"{path}{suffix}", f"{copy}{suffix}")
    with copy.open("r+b") as file:
        pages = file.seek(0, os.SEEK_END) // PAGE
        # https://www.sqlite.org/fileformat.html, 1.3: the size in pages; no page is free.
        struct.pack_into(">III", first, 28, pages, 0, 0)
        file.seek(0)
        file.write(first)
    return copy
