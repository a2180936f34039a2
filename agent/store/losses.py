"""The ledger of what was dropped: each loss is itself delivered, and leaves only when the centre has it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec
import uuid6

from agent.domain import Loss
from agent.store.database import Database, columns

QUOTA, DISK, DAMAGED, PURGED = "quota", "disk", "damaged", "purged"  # why something was dropped
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
        query = self._losses.select(self._losses.c.payload).order_by(self._losses.c.number).limit(limit)
        with self._database.errors():
            return [msgspec.json.decode(row["payload"], type=Loss) for row in query]

    def settle(self, ids: Iterable[str]) -> int:
        """The centre has these; returns how many were kept. Raises StoreError."""
        wanted = self._losses.c.id.in_(list(ids))
        with self._database.transaction():
            return int(self._losses.delete().where(wanted).execute())


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
