"""The ledger of what was dropped: each loss is itself delivered, and leaves only when the centre has it."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec
import uuid6

from agent.domain import Loss
from agent.store.database import Database, columns, parts

log = logging.getLogger(__name__)

# Why something was dropped; what was merged is told by another report.
QUOTA, DISK, DAMAGED, PURGED, MERGED = "quota", "disk", "damaged", "purged", "merged"
LATEST = 253402300799.0  # seconds since 1970: the end of the year 9999
MOST = 1000  # reports in one loss, so that its message stays within the contract's size


@dataclass(frozen=True, slots=True)
class Dropped:
    """A report, or the picture of one, that is no longer kept."""

    sequence: int
    label: str
    created_at: float  # seconds since 1970, UTC


class Losses:
    """The losses that the centre does not know of yet. Any thread may use it."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._losses = database.table("loss")

    def add(self, what: str, reason: str, dropped: Sequence[Dropped]) -> None:
        """Note what was dropped; in the transaction that drops it. Raises StoreError."""
        ordered = sorted(dropped, key=lambda one: one.sequence)
        with self._database.transaction():
            for start in range(0, len(ordered), MOST):
                loss = _loss(what, reason, ordered[start : start + MOST])
                row = columns(self._losses, {"id": loss.id, "payload": msgspec.json.encode(loss)})
                self._losses.insert(row).execute()

    def pending(self, limit: int) -> list[Loss]:
        """The oldest ones. Raises StoreError."""
        query = (
            self._losses.select(self._losses.c.number, self._losses.c.payload)
            .order_by(self._losses.c.number)
            .limit(limit)
        )
        with self._database.errors():
            rows = list(query)
        found = []
        for row in rows:
            try:
                found.append(msgspec.json.decode(row["payload"], type=Loss))
            except (msgspec.DecodeError, UnicodeDecodeError, TypeError) as error:
                log.error("loss %d is damaged and can not be told: %s", row["number"], error)
                with self._database.errors():
                    self._losses.delete().where(self._losses.c.number == row["number"]).execute()
        return found

    def settle(self, ids: Iterable[str]) -> int:
        """The centre has these; returns how many were kept. Raises StoreError."""
        with self._database.transaction():
            return sum(int(self._losses.delete().where(self._losses.c.id.in_(part)).execute()) for part in parts(ids))


def plausible(value: object) -> float:
    """Seconds since 1970 that a calendar knows; 0 for what damage has made of them."""
    return float(value) if isinstance(value, int | float) and 0 <= value <= LATEST else 0.0


def runs(numbers: Iterable[int]) -> tuple[tuple[int, int], ...]:
    """First and last of each run of ascending numbers."""
    found: list[tuple[int, int]] = []
    for number in numbers:
        if found and number == found[-1][1] + 1:
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))
    return tuple(found)


def _loss(what: str, reason: str, dropped: Sequence[Dropped]) -> Loss:
    times = [one.created_at for one in dropped]
    return Loss(
        id=str(uuid6.uuid7()),
        what=what,
        reason=reason,
        labels=dict(Counter(one.label for one in dropped)),
        sequences=runs(one.sequence for one in dropped),
        since=datetime.fromtimestamp(min(times), UTC),
        until=datetime.fromtimestamp(max(times), UTC),
    )
