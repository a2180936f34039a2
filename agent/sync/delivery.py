"""Empties the outbox towards the centre: a report leaves only when the centre says that it has it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice

from agent.domain import Acknowledgement
from agent.errors import DeviceError, StoreError
from agent.interfaces import Message, Publisher
from agent.store.outbox import Entry, Outbox
from agent.sync.messages import (
    MalformedMessage,
    batches,
    birth,
    decode_acknowledgement,
    feature,
    report_message,
)
from agent.sync.topics import topic

log = logging.getLogger(__name__)

BATCH = 50  # reports a message, at most
EXCHANGE_TIMEOUT = 0.25  # seconds: how long a step waits for the broker, and so how late a new report is noticed
LAST_EXCHANGES = 3  # at the end: enough to send what came last and hear that it was stored
UNUSABLE = 3  # malformed acknowledgements that are logged; the rest is counted


@dataclass(slots=True)
class Counters:
    """What the delivery has done since it started."""

    sent: int = 0
    settled: int = 0
    rejected: int = 0
    resent: int = 0
    malformed: int = 0


@dataclass(slots=True)
class _Batch:
    """A message on its way."""

    sent: float  # seconds, monotonic
    ids: set[str] = field(default_factory=set)


class Delivery:
    """One step sends what fits the window and takes in what the centre answered."""

    def __init__(  # noqa: PLR0913 - all of it is configuration
        self,
        outbox: Outbox,
        publisher: Publisher,
        device: str,
        prefix: str,
        *,
        window: int = 20,
        resend_after: float = 60.0,
        facts: dict[str, str] | None = None,
    ) -> None:
        """`window` messages on their way at most; `resend_after` seconds without an answer; `facts` for the birth."""
        self.counters = Counters()
        self.connected = False
        self._outbox = outbox
        self._publisher = publisher
        self._device = device
        self._prefix = prefix
        self._window = window
        self._resend_after = resend_after
        self._facts = facts or {}
        self._on_the_way: dict[str, _Batch] = {}  # by the message's id
        self._last_sequence = 0  # everything pending up to here is on its way
        self._unanswered_since: float | None = None  # seconds, monotonic

    @property
    def waiting(self) -> int:
        """Reports sent and not yet answered."""
        return sum(len(batch.ids) for batch in self._on_the_way.values())

    def silence(self, now: float) -> float:
        """Seconds for which reports have been sent to the centre and it has answered nothing; 0 where it owes none."""
        return 0.0 if self._unanswered_since is None else now - self._unanswered_since

    def step(self, now: float) -> None:
        """Send and receive once; `now` in monotonic seconds.

        Raises DeviceError where the broker is away, StoreError where the store can not be read or written.
        """
        try:
            self._exchange(now)
        except (DeviceError, StoreError):
            # Also without a store: a connection that nobody serves would only seem alive.
            self._disconnect()
            raise

    def finish(self, now: float) -> None:
        """A last short try, then goodbye. What was not acknowledged stays pending."""
        if self.connected:
            for _attempt in range(LAST_EXCHANGES):
                self.step(now)
                if not self._on_the_way:
                    break
        self._disconnect()

    def _exchange(self, now: float) -> None:
        outgoing = []
        if not self.connected:
            self._publisher.open()
            self.connected = True
            log.info("connected to the broker")
            outgoing.append(birth(self._prefix, self._device, datetime.now(UTC), **self._facts))
        self._forget_unanswered(now)
        outgoing += self._next_messages(now)
        for message in self._publisher.exchange(outgoing, EXCHANGE_TIMEOUT):
            self._take(message, now)

    def _disconnect(self) -> None:
        self._publisher.close()
        self.connected = False
        self._on_the_way.clear()
        self._last_sequence = 0
        self._unanswered_since = None

    def _forget_unanswered(self, now: float) -> None:
        """What the centre did not answer in time is sent again from the oldest on; it knows what it has already."""
        late = [name for name, batch in self._on_the_way.items() if now - batch.sent > self._resend_after]
        for name in late:
            self.counters.resent += len(self._on_the_way.pop(name).ids)
        if late:
            self._last_sequence = 0

    def _next_messages(self, now: float) -> list[Message]:
        free = self._window - len(self._on_the_way)
        if free <= 0:
            return []
        sent_at = datetime.now(UTC)
        on_the_way = {identifier for batch in self._on_the_way.values() for identifier in batch.ids}
        messages = []
        for entries in islice(self._batches(free, on_the_way, sent_at), free):
            message = report_message(self._prefix, self._device, (encoded for _entry, encoded in entries), sent_at)
            ids = {entry.report.id for entry, _encoded in entries}
            self._on_the_way[message.properties["id"]] = _Batch(now, ids)
            self._last_sequence = entries[-1][0].sequence
            if self._unanswered_since is None:
                self._unanswered_since = now
            self.counters.sent += len(ids)
            messages.append(message)
        return messages

    def _batches(self, free: int, on_the_way: set[str], sent_at: datetime) -> Iterator[list[tuple[Entry, bytes]]]:
        entries = self._outbox.pending(self._last_sequence, free * BATCH)
        fresh = [entry for entry in entries if entry.report.id not in on_the_way]
        for start in range(0, len(fresh), BATCH):
            yield from batches((entry, feature(entry, sent_at)) for entry in fresh[start : start + BATCH])

    def _take(self, message: Message, now: float) -> None:
        if message.topic != topic(self._prefix, self._device, "ack"):
            return
        try:
            answer = decode_acknowledgement(message.payload)
        except MalformedMessage as error:
            self.counters.malformed += 1
            if self.counters.malformed <= UNUSABLE:
                log.warning("ignored a message on %s: %s", message.topic, error)
            return
        self._settle(answer, now)

    def _settle(self, answer: Acknowledgement, now: float) -> None:
        if answer.stored:
            self.counters.settled += self._outbox.settle(answer.stored)
        for identifier, reason in answer.rejected:
            batch = self._on_the_way.get(identifier)
            refused = {identifier} if batch is None else set(batch.ids)
            count = self._outbox.reject(refused, reason)
            self.counters.rejected += count
            if count:
                # Quoted: what comes from outside must not look like lines of ours.
                log.warning("the centre refused %d report(s): %r", count, reason)
        answered = set(answer.stored) | {identifier for identifier, _reason in answer.rejected}
        for name in list(self._on_the_way):
            batch = self._on_the_way[name]
            batch.ids -= answered
            if not batch.ids or name in answered:
                del self._on_the_way[name]
        if answered:
            self._unanswered_since = now if self._on_the_way else None
