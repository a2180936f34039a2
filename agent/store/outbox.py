"""The reports that were found, and which of them the centre has: pending, sent, settled or rejected."""

from __future__ import annotations

import logging
import math
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec
import peewee

from agent.domain import TRUSTED, Report
from agent.plane import EARTH_RADIUS, between
from agent.store.database import IDS, Database, columns, parts
from agent.store.losses import DAMAGED, Dropped, Losses, plausible

log = logging.getLogger(__name__)

STATES = ("pending", "sent", "settled", "rejected")
OPEN = ("pending", "sent")  # the centre has not answered for these
LABEL = 128  # characters that are told of one
LONGEST_SEQUENCE = 18  # digits
PAGE = 1000  # rows read at once, so that nobody who looks on keeps the log from being emptied


class DamagedReport(Exception):
    """A row whose content is not what was written."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A report in the outbox."""

    sequence: int  # of this device, without holes
    state: str  # "pending", "sent", "settled" or "rejected"
    created_at: float  # seconds since 1970, UTC
    report: Report
    reason: str | None = None  # why it was rejected
    held: bool = False  # is not sent before it is released


@dataclass(frozen=True, slots=True)
class Counts:
    """How many reports are in which state."""

    pending: int  # or sent, and not answered yet
    settled: int
    rejected: int
    settled_today: int


class Outbox:
    """The reports of the store. Any thread may use it."""

    def __init__(self, database: Database, losses: Losses) -> None:
        """What can not be read any more is written down in `losses`."""
        self._database = database
        self._losses = losses
        self._reports = database.table("report")
        self._pictures = database.table("evidence")

    @property
    def _entry(self) -> tuple[object, ...]:
        names = ("sequence", "id", "state", "created_at", "payload", "reason", "held")
        return tuple(getattr(self._reports.c, name) for name in names)

    def append(self, report: Report, held: bool = False) -> int:
        """Commit the report, durable when this returns; its sequence. Raises StoreError.

        One that is `held` is not sent before it is released.
        """
        row = {"id": report.id, "created_at": time.time(), "held": int(held), **_content(report)}
        with self._database.errors():
            return int(self._reports.insert(columns(self._reports, row)).execute())

    def revise(self, sequence: int, change: Callable[[Report], Report], release: bool = True) -> bool:
        """Tell anew what is no longer as it was told; whether it was still there. Raises StoreError.

        What was held is released, unless it is said otherwise. What the centre has refused stays refused.
        """
        with self._database.transaction():
            entry = self.find(str(sequence))
            if entry is None:
                return False
            report = change(entry.report)
            # What was held is not known to anybody yet.
            report = replace(report, revision=entry.report.revision + (not entry.held))
            state = "rejected" if entry.state == "rejected" else "pending"
            row = columns(self._reports, {"state": state, "held": int(entry.held and not release), **_content(report)})
            self._reports.update(row).where(self._reports.c.sequence == sequence).execute()
        return True

    def release(self, sequences: Iterable[int] | None = None) -> int:
        """What was held (of these, or all of it) is to be sent as it is; how many. Raises StoreError."""
        changes = columns(self._reports, {"held": 0})
        count = 0
        with self._database.transaction():
            for part in parts(sequences) if sequences is not None else (None,):
                wanted = self._reports.c.held == 1
                if part is not None:
                    wanted &= self._reports.c.sequence.in_(part)
                count += int(self._reports.update(changes).where(wanted).execute())
        return count

    def near(self, labels: Iterable[str], lat: float, lon: float, metres: float) -> list[Entry]:
        """The reports of these labels at most so far away, the nearest first; not those that are held or refused.

        A band of latitudes of one label is few of them, so that an index of it finds them in no time.
        """
        band = math.degrees(metres / EARTH_RADIUS)
        c = self._reports.c
        wanted = c.label.in_(tuple(labels)) & c.lat.between(lat - band, lat + band)
        wanted &= (c.held == 0) & (c.state != "rejected")
        found = []
        with self._database.errors():
            places = list(self._reports.select(c.sequence, c.lat, c.lon).where(wanted).tuples())
            for sequence, other_lat, other_lon in places:
                apart = math.hypot(*between(lat, lon, other_lat, other_lon))
                if apart <= metres:
                    found.append((apart, sequence))
        entries = (self.find(str(sequence)) for _apart, sequence in sorted(found))
        return [entry for entry in entries if entry is not None]

    def undated(self, boot: str) -> list[Entry]:
        """The reports of that boot whose time is not to be trusted."""
        with self._database.errors():
            return list(_readable(list(self._reports.select(*self._entry).where(self._reports.c.undated == boot))))

    def pending(self, after: int, limit: int, until: int | None = None) -> list[Entry]:
        """Reports that are to be sent, oldest first, of a sequence above `after` and not above `until`.

        One that a bad page of the disk has damaged is given up, so that it does not hold up those behind it.
        """
        wanted = (self._reports.c.state == "pending") & (self._reports.c.sequence > after) & (self._reports.c.held == 0)
        if until is not None:
            wanted &= self._reports.c.sequence <= until
        query = self._reports.select(*self._entry).where(wanted).order_by(self._reports.c.sequence).limit(limit)
        entries = []
        with self._database.errors():
            for row in list(query):
                try:
                    entries.append(_entry(row))
                except DamagedReport as error:
                    log.error("%s; it is given up, and the centre is told", error)
                    with self._database.transaction():
                        self._losses.add("report", DAMAGED, self.remove([row["sequence"]]))
        return entries

    def last(self) -> int:
        """The greatest sequence that was given; 0 before the first."""
        with self._database.errors():
            row = self._database.execute("SELECT seq FROM sqlite_sequence WHERE name = 'report'").fetchone()
        return row[0] if row else 0

    def sent(self, entries: Sequence[Entry]) -> None:
        """Note that these are on their way, as they were read: what was revised since is still to be sent."""
        by_revision: dict[int, list[int]] = defaultdict(list)
        for entry in entries:
            by_revision[entry.report.revision].append(entry.sequence)
        with self._database.transaction():
            for revision, sequences in by_revision.items():
                for part in parts(sequences):
                    those = self._reports.c.sequence.in_(part) & (self._reports.c.revision == revision)
                    self._move(those, "sent", None)

    def take_back(self, sequences: Iterable[int] | None = None) -> None:
        """What was sent and not answered (of these, or all of it) is to be sent again."""
        changes = columns(self._reports, {"state": "pending"})
        with self._database.transaction():
            for part in parts(sequences) if sequences is not None else (None,):
                wanted = self._reports.c.state == "sent"
                if part is not None:
                    wanted &= self._reports.c.sequence.in_(part)
                self._reports.update(changes).where(wanted).execute()

    def settle(self, ids: Iterable[str]) -> int:
        """Note that the centre has these; returns how many it was not known to have.

        One that was revised since it was sent is still to be sent.
        """
        return self._close(ids, "settled", None, (self._reports.c.revision == 0) | (self._reports.c.state == "sent"))

    def reject(self, ids: Iterable[str], reason: str) -> int:
        """Put these aside, with the centre's reason; returns how many were open."""
        return self._close(ids, "rejected", reason)

    def rejected(self) -> list[int]:
        """The sequences of what the centre refused."""
        with self._database.errors():
            rows = self._database.execute("SELECT sequence FROM report WHERE state = 'rejected'").fetchall()
        return [sequence for (sequence,) in rows]

    def retry(self, sequences: Sequence[int] | None = None) -> int:
        """Offer the centre again what it refused (of these, or all of it); returns how many."""
        changes = columns(self._reports, {"state": "pending", "reason": None, "settled_at": None})
        refused = self._reports.c.state == "rejected"
        with self._database.transaction():
            return sum(
                int(self._reports.update(changes).where(refused & self._reports.c.sequence.in_(part)).execute())
                for part in parts(self.rejected() if sequences is None else sequences)
            )

    def oldest(self, severity: str, size: int) -> list[int]:
        """Sequences of the oldest reports of a severity that the centre has not, but for those on their way.

        As many as it takes for `size` bytes, and IDS at most.
        """
        found = []
        with self._database.errors():
            for sequence, taken in self._database.execute(
                "SELECT sequence, length(payload) FROM report WHERE severity = ? AND state IN ('pending', 'rejected') "
                "ORDER BY sequence LIMIT ?",
                (severity, IDS),
            ):
                found.append(sequence)
                size -= taken
                if size <= 0:
                    break
        return found

    def remove(self, sequences: Iterable[int]) -> list[Dropped]:
        """Drop these; what they were, for the ledger."""
        dropped = []
        with self._database.transaction():
            for part in parts(sequences):
                those = self._reports.c.sequence.in_(part)
                # Of what it has had already, the centre misses no more than the last revision.
                is_new = self._reports.c.settled_at.is_null() | (self._reports.c.state == "rejected")
                dropped += self._dropped(those & is_new)
                self._reports.delete().where(those).execute()
        return dropped

    def withhold(self, sequences: Iterable[int], why: str) -> list[Dropped]:
        """The pictures of these are dropped: they go without, and say why; what they were, for the ledger."""
        dropped = []
        with self._database.transaction():
            for part in parts(sequences):
                those = self._reports.c.sequence.in_(part)
                dropped += self._dropped(those)
                for entry in _readable(list(self._reports.select(*self._entry).where(those))):
                    report = replace(entry.report, evidence=None, evidence_withheld=why)
                    payload = columns(self._reports, {"payload": msgspec.json.encode(report)})
                    self._reports.update(payload).where(self._reports.c.sequence == entry.sequence).execute()
        return dropped

    def forget(self, limit: int, before: float | None = None) -> int:
        """Drop the oldest reports that the centre has, with their pictures; how many.

        `before` (seconds since 1970) spares those that it has had for less long.
        """
        with self._database.transaction():
            return int(
                self._database.execute(
                    "DELETE FROM report WHERE sequence IN (SELECT sequence FROM report WHERE state = 'settled' "
                    "AND (?1 IS NULL OR settled_at < ?1) AND sequence NOT IN (SELECT sequence FROM evidence) "
                    "ORDER BY settled_at LIMIT ?2)",
                    (before, limit),
                ).rowcount
            )

    def counts(self, since: float) -> Counts:
        """How many are in which state; `since` (seconds since 1970) is where today began."""
        with self._database.errors():
            numbers = [
                self._database.execute(f"SELECT count(*) FROM report WHERE {which}").fetchone()[0]
                for which in ("state = 'pending'", "state = 'sent'", "state = 'settled'", "state = 'rejected'")
            ]
            today = self._database.execute(
                "SELECT count(*) FROM report WHERE state = 'settled' AND settled_at >= ?", (since,)
            ).fetchone()[0]
        pending, sent, settled, rejected = numbers
        return Counts(pending + sent, settled, rejected, today)

    def find(self, which: str) -> Entry | None:
        """The report of that sequence, or of that id or the only one whose id begins so."""
        name = self._reports.c.id
        if not which.isascii():
            return None
        wanted = name.startswith(which) if which else name == which
        if which.isdecimal():
            if len(which) > LONGEST_SEQUENCE:
                return None
            wanted = self._reports.c.sequence == int(which)
        with self._database.errors():
            rows = list(self._reports.select(*self._entry).where(wanted).limit(2))
            return next(_readable(rows), None) if len(rows) == 1 else None

    def newest(self, count: int, *states: str) -> list[Entry]:
        """The last ones in these states, oldest first."""
        query = self._reports.select(*self._entry).where(self._reports.c.state.in_(states))
        with self._database.errors():
            return list(_readable(query.order_by(self._reports.c.sequence.desc()).limit(count)))[::-1]

    def entries(self, *states: str) -> Iterator[Entry]:
        """Every report in these states, or in any, oldest first; read in pages, each as it is when it is read."""
        wanted = self._reports.c.state.in_(states) if states else None
        for page in self._pages(wanted):
            yield from _readable(page)

    def damaged(self) -> list[str]:
        """What is wrong with the reports of which only a part can be read."""
        found = []
        for page in self._pages():
            for row in page:
                try:
                    _entry(row)
                except DamagedReport as error:
                    found.append(str(error))
        return found

    def _pages(self, which: peewee.Expression | None = None) -> Iterator[list[dict[str, Any]]]:
        """All rows, or those, oldest first."""
        after = 0
        while True:
            wanted = self._reports.c.sequence > after
            if which is not None:
                wanted &= which
            query = self._reports.select(*self._entry).where(wanted).order_by(self._reports.c.sequence).limit(PAGE)
            with self._database.errors():
                page = list(query)
            yield page
            if len(page) < PAGE:
                return
            after = page[-1]["sequence"]

    def _dropped(self, which: peewee.Expression) -> list[Dropped]:
        rows = self._reports.select(self._reports.c.sequence, self._reports.c.label, self._reports.c.created_at)
        return [
            Dropped(row["sequence"], str(row["label"])[:LABEL], plausible(row["created_at"]))
            for row in rows.where(which)
        ]

    def _close(self, ids: Iterable[str], state: str, reason: str | None, which: peewee.Expression | None = None) -> int:
        count = 0
        with self._database.transaction():
            for part in parts(ids):
                those = self._reports.c.id.in_(part)
                count += self._move(those if which is None else those & which, state, reason)
                if state == "settled":
                    # Also of one that was revised since: the centre has had it, and its picture follows.
                    self._reports.update(columns(self._reports, {"settled_at": time.time()})).where(
                        those & (self._reports.c.state == "pending") & (self._reports.c.revision > 0)
                    ).execute()
                    self._pictures.update(columns(self._pictures, {"ready": 1})).where(
                        self._pictures.c.id.in_(part)
                    ).execute()
        return count

    def _move(self, which: peewee.Expression, state: str, reason: str | None) -> int:
        """Bring the open ones among `which` to the state; how many those were."""
        content: dict[str, Any] = {"state": state, "reason": reason}
        if state != "sent":
            content["settled_at"] = time.time()
        changes = columns(self._reports, content)
        return int(self._reports.update(changes).where(which & self._reports.c.state.in_(OPEN)).execute())


def _readable(rows: Iterable[dict[str, Any]]) -> Iterator[Entry]:
    """Those that are not damaged; the others are named in the log."""
    for row in rows:
        try:
            yield _entry(row)
        except DamagedReport as error:
            log.error("%s", error)


def _entry(row: dict[str, Any]) -> Entry:
    try:
        report = msgspec.json.decode(row["payload"], type=Report)
    except (msgspec.DecodeError, UnicodeDecodeError, TypeError) as error:
        # A page of the disk went bad: SQLite notices it in its own structures only.
        raise DamagedReport(f"report {row['sequence']} is damaged: {error}") from error
    if report.id != row["id"]:  # the centre's answer would find no row
        raise DamagedReport(f"report {row['sequence']} is damaged: its id is not that of its row")
    created_at = plausible(row["created_at"])
    return Entry(row["sequence"], row["state"], created_at, report, row["reason"], bool(row["held"]))


def _content(report: Report) -> dict[str, Any]:
    """The columns that follow from what the report says."""
    is_trusted = report.clock in TRUSTED
    return {
        "label": report.label,
        "severity": report.severity,
        "revision": report.revision,
        "undated": None if is_trusted or report.monotonic is None else report.boot,
        "lat": report.position.lat,
        "lon": report.position.lon,
        "payload": msgspec.json.encode(report),
    }
