"""The reports that were found, and which of them the centre has: pending, settled or rejected."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import peewee

from agent.domain import Report
from agent.store.database import columns, open_database, open_read_only, store_errors
from agent.store.lock import create_directory
from agent.store.schema import APPLICATION_ID, MIGRATIONS

log = logging.getLogger(__name__)

FILE_NAME = "outbox.sqlite"
IDS = 500  # a statement, below SQLite's limit of variables


class DamagedReport(peewee.DatabaseError):
    """A row whose content is not what was written."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A report in the outbox."""

    sequence: int  # of this device, without holes
    state: str  # "pending", "settled" or "rejected"
    created_at: float  # seconds since 1970, UTC
    report: Report


@dataclass(frozen=True, slots=True)
class Counts:
    """How many reports are in which state."""

    pending: int
    settled: int
    rejected: int
    settled_today: int


class Outbox:
    """The store's file. Any thread may use it; each has its own connection."""

    def __init__(self, directory: Path, read_only: bool = False) -> None:
        """Open, creating and migrating it where needed. Raises StoreError."""
        self._path = directory / FILE_NAME
        if read_only:
            self._database = open_read_only(self._path)
        else:
            create_directory(directory)
            self._database = open_database(self._path, APPLICATION_ID, MIGRATIONS)
        self._reports = peewee.Table("report").bind(self._database)
        self._inode = self._path.stat().st_ino

    @property
    def _entry(self) -> tuple[object, ...]:
        return self._reports.c.sequence, self._reports.c.state, self._reports.c.created_at, self._reports.c.payload

    def append(self, report: Report) -> int:
        """Commit the report, durable when this returns; its sequence. Raises StoreError."""
        row = {
            "id": report.id,
            "label": report.label,
            "severity": report.severity,
            "created_at": time.time(),
            "payload": msgspec.json.encode(report),
        }
        with store_errors(self._path):
            return int(self._reports.insert(columns(self._reports, row)).execute())

    def pending(self, after: int, limit: int) -> list[Entry]:
        """Reports that the centre has not confirmed, oldest first, of a sequence above `after`.

        One that a bad page of the disk has damaged is put aside, so that it does not hold up those behind it.
        """
        query = (
            self._reports.select(*self._entry)
            .where((self._reports.c.state == "pending") & (self._reports.c.sequence > after))
            .order_by(self._reports.c.sequence)
            .limit(limit)
        )
        entries = []
        with store_errors(self._path):
            for row in list(query):
                try:
                    entries.append(_entry(row))
                except DamagedReport as error:
                    log.error("%s; it is put aside", error)
                    self._close(self._reports.c.sequence == row["sequence"], "rejected", str(error))
        return entries

    def settle(self, ids: Iterable[str]) -> int:
        """Note that the centre has these; returns how many were pending."""
        return self._close_all(ids, "settled", None)

    def reject(self, ids: Iterable[str], reason: str) -> int:
        """Put these aside, with the centre's reason; returns how many were pending."""
        return self._close_all(ids, "rejected", reason)

    def counts(self, since: float) -> Counts:
        """How many are in which state; `since` (seconds since 1970) is where today began."""
        with store_errors(self._path):
            states = dict(self._database.execute_sql("SELECT state, count(*) FROM report GROUP BY state").fetchall())
            today = self._database.execute_sql(
                "SELECT count(*) FROM report WHERE state = 'settled' AND settled_at >= ?", (since,)
            ).fetchone()[0]
        return Counts(states.get("pending", 0), states.get("settled", 0), states.get("rejected", 0), today)

    def entries(self) -> list[Entry]:
        """Every report, oldest first."""
        with store_errors(self._path):
            return [_entry(row) for row in self._reports.select(*self._entry).order_by(self._reports.c.sequence)]

    def is_gone(self) -> bool:
        """Whether the file was removed or replaced: what is committed now would be lost with this process."""
        try:
            return self._path.stat().st_ino != self._inode
        except OSError:
            return True

    def close(self) -> None:
        """Close this thread's connection."""
        self._database.close()

    def _close_all(self, ids: Iterable[str], state: str, reason: str | None) -> int:
        wanted = list(ids)
        with store_errors(self._path), self._database.atomic("IMMEDIATE"):
            return sum(
                self._close(self._reports.c.id.in_(wanted[start : start + IDS]), state, reason)
                for start in range(0, len(wanted), IDS)
            )

    def _close(self, which: peewee.Expression, state: str, reason: str | None) -> int:
        """End the pending ones among `which`; how many those were."""
        changes = columns(self._reports, {"state": state, "reason": reason, "settled_at": time.time()})
        return int(self._reports.update(changes).where(which & (self._reports.c.state == "pending")).execute())


def _entry(row: dict[str, Any]) -> Entry:
    try:
        report = msgspec.json.decode(row["payload"], type=Report)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        # A page of the disk went bad: SQLite notices it in its own structures only.
        raise DamagedReport(f"report {row['sequence']} is damaged: {error}") from error
    return Entry(row["sequence"], row["state"], row["created_at"], report)
