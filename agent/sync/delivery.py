"""Empties the store towards the centre: what was found leaves only when the centre says that it has it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum

from agent.domain import Acknowledgement
from agent.errors import DeviceError, StoreError
from agent.i18n import _
from agent.interfaces import Message, Publisher
from agent.store.evidence import Picture
from agent.store.losses import DAMAGED
from agent.store.outbox import Entry
from agent.store.store import Store
from agent.sync.messages import (
    LARGEST_PAYLOAD,
    MalformedMessage,
    batches,
    birth,
    decode_acknowledgement,
    feature,
    health_message,
    loss_message,
    piece_message,
    report_message,
)
from agent.sync.topics import topic
from agent.sync.transfer import Piece, Transfers
from agent.sync.window import Window

log = logging.getLogger(__name__)

BATCH = 50  # reports a message, at most
AHEAD = 4  # messages that a window is divided into at least, so that a new report waits for no more than one
BACKLOG = 0.3  # of the window, that what is old has while new reports come
EXCHANGE_TIMEOUT = 0.25  # seconds: how long a step waits for the broker, and so how late a new report is noticed
LAST_EXCHANGES = 3  # at the end: enough to send what came last and hear that it was stored
UNUSABLE = 3  # malformed acknowledgements that are logged; the rest is counted
LOSSES = 10  # on their way at once
DIAGNOSIS = 60.0  # seconds between two words on how the device is
STALLED = 30.0  # seconds: connected, and yet nothing moves
SMALL_REPORT = 500  # bytes: more than so many of them need not be read to fill a message
SMALLEST_MESSAGE = 2048  # bytes: at least one report


class Lane(Enum):
    """What goes first where not everything can."""

    LIVE = "live"  # found since the connection stands
    BACKLOG = "backlog"  # found before
    LOSSES = "losses"
    EVIDENCE = "evidence"


@dataclass(slots=True)
class Counters:
    """What the delivery has done since it started."""

    sent: int = 0
    settled: int = 0
    rejected: int = 0
    resent: int = 0
    pictures: int = 0
    malformed: int = 0


@dataclass(slots=True)
class _Sending:
    """A message on its way."""

    lane: Lane
    sent: float  # seconds, monotonic
    size: int  # bytes
    sequences: dict[str, int] = field(default_factory=dict)  # of its reports that are not answered, by id
    names: set[str] = field(default_factory=set)  # ids of its losses that are not answered
    piece: Piece | None = None


class Delivery:
    """One step sends what fits the window and takes in what the centre answered."""

    def __init__(  # noqa: PLR0913 - all of it is configuration
        self,
        store: Store,
        publisher: Publisher,
        device: str,
        prefix: str,
        *,
        window: int = 20,
        resend_after: float = 60.0,
        facts: dict[str, str] | None = None,
        diagnose: Callable[[], bytes] | None = None,
        may_send_pictures: Callable[[], bool] = lambda: True,
    ) -> None:
        """`window` of the largest messages on their way at most; after `resend_after` seconds without an answer a
        report is sent again; `facts` for the birth; `diagnose` says how the device is, as JSON; `may_send_pictures`
        whether the network is one for them.
        """
        self.counters = Counters()
        self.connected = False
        self._store = store
        self._outbox = store.outbox
        self._transfers = Transfers(store.pictures, self._give_up)
        self._publisher = publisher
        self._device = device
        self._prefix = prefix
        self._window = Window(window * LARGEST_PAYLOAD)
        self._resend_after = resend_after
        self._facts = facts or {}
        self._diagnose = diagnose
        self._may_send_pictures = may_send_pictures
        self._diagnosed = float("-inf")  # seconds, monotonic
        self._on_the_way: dict[str, _Sending] = {}  # by the message's id
        self._live_after = 0  # sequence of the last report that was found before the connection stood
        self._unanswered_since: float | None = None  # seconds, monotonic: on this connection
        self._silent_since: float | None = None  # seconds, monotonic: on this one or those before

    @property
    def waiting(self) -> int:
        """Reports sent and not yet answered."""
        return sum(len(sending.sequences) for sending in self._on_the_way.values())

    def silence(self, now: float) -> float:
        """Seconds for which something has been sent to the centre and it has answered nothing; 0 where it owes none."""
        return 0.0 if self._silent_since is None else now - self._silent_since

    def step(self, now: float) -> None:
        """Send and receive once; `now` in monotonic seconds.

        Raises DeviceError where the broker is away or nothing moves, StoreError where the store can not be read or
        written.
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
            self._begin()
            outgoing.append(birth(self._prefix, self._device, datetime.now(UTC), **self._facts))
        if self._diagnose is not None and now - self._diagnosed >= DIAGNOSIS:
            outgoing.append(health_message(self._prefix, self._device, self._diagnose(), datetime.now(UTC)))
            self._diagnosed = now
        self._forget_unanswered(now)
        outgoing += self._next_messages(now)
        for message in self._publisher.exchange(outgoing, EXCHANGE_TIMEOUT):
            self._take(message, now)
        if not self._on_the_way:
            self._silent_since = None
        stalled = 0.0 if self._unanswered_since is None else now - self._unanswered_since
        if stalled > STALLED:
            raise DeviceError(
                _("the centre has not answered for {seconds} s; the connection is made anew").format(
                    seconds=round(stalled)
                )
            )

    def _begin(self) -> None:
        self.connected = True
        log.info("connected to the broker")
        self._outbox.take_back()
        self._live_after = self._outbox.last()
        self._window.restart()
        self._transfers.restart()

    def _disconnect(self) -> None:
        if self._on_the_way:
            with suppress(StoreError):  # else it is done once there is a connection
                self._outbox.take_back()
        self._publisher.close()
        self.connected = False
        self._on_the_way.clear()
        self._unanswered_since = None

    def _forget_unanswered(self, now: float) -> None:
        """What the centre did not answer in time is sent again, the oldest first; it knows what it has already."""
        late = [name for name, sending in self._on_the_way.items() if now - sending.sent > self._resend_after]
        for name in late:
            sending = self._on_the_way.pop(name)
            self.counters.resent += len(sending.sequences)
            self._outbox.take_back(sending.sequences.values())
            if sending.piece is not None:
                self._transfers.ask(sending.piece.picture.id)
        if late:
            self._window.lost(now)

    def _next_messages(self, now: float) -> list[Message]:
        """New reports first, but what is old has its share; then what was dropped, and pictures last."""
        sent_at = datetime.now(UTC)
        free = self._window.size - self._bytes()
        backlog = self._outbox.pending(0, 1, until=self._live_after)
        kept_for_backlog = max(0, int(BACKLOG * self._window.size) - self._bytes(Lane.BACKLOG)) if backlog else 0
        messages = self._reports(Lane.LIVE, free - kept_for_backlog, now, sent_at)
        if backlog:
            free = self._window.size - self._bytes()
            messages += self._reports(Lane.BACKLOG, free, now, sent_at)
        messages += self._losses(now, sent_at)
        if self._may_send_pictures():
            messages += self._pieces(self._window.size - self._bytes(), now, sent_at)
        if messages and self._unanswered_since is None:
            self._unanswered_since = now
            if self._silent_since is None:
                self._silent_since = now
        return messages

    def _bytes(self, lane: Lane | None = None) -> int:
        """On their way, in that lane or in all."""
        return sum(one.size for one in self._on_the_way.values() if lane is None or one.lane is lane)

    def _reports(self, lane: Lane, budget: int, now: float, sent_at: datetime) -> list[Message]:
        """Messages of pending reports while the budget lasts; one in any case where none of the lane is on its way."""
        if budget <= 0 and self._bytes(lane):
            return []
        after, until = (self._live_after, None) if lane is Lane.LIVE else (0, self._live_after)
        known = {name for sending in self._on_the_way.values() for name in sending.sequences}
        # Of a report that was revised since it was sent, the answer would be taken for both.
        entries = [
            entry
            for entry in self._outbox.pending(after, 1 + max(0, budget) // SMALL_REPORT, until)
            if entry.report.id not in known
        ]
        largest = max(SMALLEST_MESSAGE, min(LARGEST_PAYLOAD, self._window.size // AHEAD))
        messages: list[Message] = []
        sent: list[Entry] = []
        for batch in batches(((entry, feature(entry, sent_at)) for entry in entries), largest, BATCH):
            message = report_message(self._prefix, self._device, (encoded for _entry, encoded in batch), sent_at)
            sending = _Sending(lane, now, len(message.payload), {e.report.id: e.sequence for e, _ in batch})
            self._on_the_way[message.properties["id"]] = sending
            sent += [entry for entry, _encoded in batch]
            messages.append(message)
            budget -= sending.size
            if budget <= 0:
                break
        if sent:
            self._outbox.sent(sent)
            self.counters.sent += len(sent)
        return messages

    def _losses(self, now: float, sent_at: datetime) -> list[Message]:
        known = {name for sending in self._on_the_way.values() for name in sending.names}
        messages = []
        for loss in self._store.losses.pending(LOSSES):
            if loss.id not in known:
                message = loss_message(self._prefix, self._device, loss, sent_at)
                sending = _Sending(Lane.LOSSES, now, len(message.payload), names={loss.id})
                self._on_the_way[message.properties["id"]] = sending
                messages.append(message)
        return messages

    def _pieces(self, budget: int, now: float, sent_at: datetime) -> list[Message]:
        messages = []
        for piece in self._transfers.pieces(budget, self._window.size // AHEAD):
            content = self._store.pictures.read(piece.picture, piece.start, piece.end)
            if content is None:
                self._give_up(piece.picture)
                continue
            message = piece_message(self._prefix, self._device, piece, content, sent_at)
            self._on_the_way[message.properties["id"]] = _Sending(Lane.EVIDENCE, now, len(content), piece=piece)
            messages.append(message)
        return messages

    def _give_up(self, picture: Picture) -> None:
        """Its file is not what was put in, or gone."""
        self._transfers.ended(picture.id)
        if self._store.drop_picture(picture, DAMAGED):
            log.error("the picture of report %d is damaged or gone; the centre is told", picture.sequence)

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
            self._store.losses.settle(answer.stored)
        for name, reason in answer.rejected:
            self._reject(name, reason)
        if answer.evidence:
            self.counters.pictures += self._store.pictures.settle(answer.evidence)
        self._clear(answer, now)
        for name in answer.evidence:
            self._transfers.ended(name)
        for name, ranges in answer.evidence_missing.items():
            if not any(one.piece and one.piece.picture.id == name for one in self._on_the_way.values()):
                self._transfers.missing(name, ranges)

    def _reject(self, name: str, reason: str) -> None:
        """Put aside a report, or all reports of a message."""
        sending = self._on_the_way.get(name)
        refused = {name} if sending is None else set(sending.sequences)
        count = self._outbox.reject(refused, reason)
        self.counters.rejected += count
        if sending is not None and sending.piece is not None:
            if self._store.drop_picture(sending.piece.picture, "refused"):
                log.warning("the centre refused a picture: %r", reason)
            self._transfers.ended(sending.piece.picture.id)
        lost = {name} if sending is None else sending.names
        if self._store.losses.settle(lost):
            log.error("the centre refused to hear of a loss, which is given up: %r", reason)
        if count:
            # Quoted: what comes from outside must not look like lines of ours.
            log.warning("the centre refused %d report(s): %r", count, reason)

    def _clear(self, answer: Acknowledgement, now: float) -> None:
        """Forget what is answered of what is on its way."""
        answered = {*answer.stored, *(name for name, _reason in answer.rejected)}
        moved = False
        for name, sending in list(self._on_the_way.items()):
            before = len(sending.sequences) + len(sending.names)
            for one in answered:
                sending.sequences.pop(one, None)
                sending.names.discard(one)
            moved |= len(sending.sequences) + len(sending.names) < before
            if name in answered or self._is_answered(sending, answer):
                del self._on_the_way[name]
                self._window.answered(sending.size, sending.sent, now)
                moved = True
        if moved:
            self._unanswered_since = self._silent_since = now if self._on_the_way else None

    @staticmethod
    def _is_answered(sending: _Sending, answer: Acknowledgement) -> bool:
        if sending.piece is None:
            return not sending.sequences and not sending.names
        name = sending.piece.picture.id
        missing = answer.evidence_missing.get(name)
        return name in answer.evidence or (missing is not None and not sending.piece.is_within(missing))
