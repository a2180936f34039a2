"""Takes in what devices send: checks, commits, and only then tells the device that it is stored."""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from dataclasses import dataclass
from itertools import zip_longest
from typing import Protocol, TypeVar

from agent.domain import Acknowledgement, Ranges
from agent.errors import FidamiaError
from agent.interfaces import Message, Publisher
from agent.sync.messages import acknowledgement
from central.store import EmbeddedStore
from central.validation import Checked, Validator

log = logging.getLogger(__name__)

Item = TypeVar("Item")

SHARE = "fidamia-ingest"  # the processes of one share divide the messages among them (MQTT 5, 4.8.2)
EXCHANGE_TIMEOUT = 0.5  # seconds
IDS, REASONS = 1000, 100  # in one acknowledgement: at 40 and 600 bytes each it stays below what brokers take


class Connection(Publisher, Protocol):
    """A way to the broker that keeps each message there until it was dealt with."""

    def acknowledge(self) -> None:
        """Let the broker forget what `exchange` has returned so far."""


@dataclass(slots=True)
class Counters:
    """What this process has done since it started."""

    messages: int = 0
    reports: int = 0
    losses: int = 0
    pictures: int = 0
    refused: int = 0


def subscriptions(prefix: str) -> list[str]:
    """The shared subscriptions of all ingest processes."""
    return [f"$share/{SHARE}/{prefix}/+/{channel}" for channel in ("reports", "losses", "evidence/+")]


class Intake:
    """Where messages end, whichever way they came. What comes twice is stored once."""

    def __init__(self, store: EmbeddedStore, prefix: str) -> None:
        self.counters = Counters()
        self._store = store
        self._prefix = prefix
        self._validator = Validator()

    def take(self, arrived: list[Message]) -> list[Message]:
        """Store what is right, put aside what is not, and say so to each device. Raises StoreError."""
        checked = [found for message in arrived if (found := self._validator.check(self._prefix, message))]
        reports = [feature for found in checked for feature in found.reports]
        losses = [(found.device, loss) for found in checked for loss in found.losses]
        refusals = [refusal for found in checked for refusal in found.refusals]
        self._store.save(reports, refusals, losses)
        self.counters.messages += len(arrived)
        self.counters.reports += len(reports)
        self.counters.losses += len(losses)
        self.counters.refused += len(refusals)
        for device, count in Counter(refusal.device for refusal in refusals).items():
            first = next(refusal for refusal in refusals if refusal.device == device)
            # Quoted: what comes from outside must not look like lines of ours.
            log.warning("refused %d from %s, among them %r: %r", count, device, first.id, first.reason)
        return self._answer(checked) + self._take_pieces(checked)

    def _take_pieces(self, checked: list[Checked]) -> list[Message]:
        """Keep the pieces of pictures; the answer to the last one of each says what is missing after all of them."""
        whole: dict[str, dict[str, None]] = defaultdict(dict)
        missing: dict[str, dict[str, Ranges]] = defaultdict(dict)
        rejected: dict[str, list[tuple[str, str]]] = defaultdict(list)
        refused: dict[str, set[str]] = defaultdict(set)
        for found in checked:
            for name, piece in found.pieces:
                left = self._store.add_piece(piece)
                if isinstance(left, str):
                    rejected[found.device].append((name, left))
                    refused[found.device].add(piece.report)
                elif left:
                    missing[found.device][piece.report] = left
                else:
                    missing[found.device].pop(piece.report, None)
                    self.counters.pictures += piece.report not in whole[found.device]
                    whole[found.device][piece.report] = None
        self.counters.refused += sum(len(names) for names in refused.values())
        return [
            acknowledgement(
                self._prefix,
                device,
                Acknowledgement((), tuple(rejected[device]), tuple(whole[device]), missing[device]),
            )
            for device in sorted({*whole, *missing, *rejected})
        ]

    def _answer(self, checked: list[Checked]) -> list[Message]:
        stored: dict[str, list[str]] = defaultdict(list)
        rejected: dict[str, list[tuple[str, str]]] = defaultdict(list)
        for found in checked:
            stored[found.device] += [one["id"] for one in (*found.reports, *found.losses)]
            rejected[found.device] += [(refusal.id, refusal.reason) for refusal in found.refusals if refusal.id]
        return [
            acknowledgement(self._prefix, device, Acknowledgement(ids, refused))
            for device in stored
            for ids, refused in zip_longest(
                _pieces(stored[device], IDS), _pieces(rejected[device], REASONS), fillvalue=()
            )
        ]


class Ingest:
    """One step takes in what has arrived and acknowledges what it stored."""

    def __init__(self, connection: Connection, store: EmbeddedStore, prefix: str) -> None:
        """`connection` keeps messages at the broker until acknowledged."""
        self._intake = Intake(store, prefix)
        self.counters = self._intake.counters
        self._connection = connection
        self._store = store
        self._connected = False
        self._answers: list[Message] = []

    def step(self) -> None:
        """Receive, commit, answer. Raises DeviceError (broker away) and StoreError (nothing stored or answered)."""
        try:
            if not self._connected:
                self._answers.clear()
                self._connection.open()
                self._connected = True
                log.info("connected to the broker")
            arrived = self._connection.exchange(self._answers, EXCHANGE_TIMEOUT)
            self._answers.clear()
            if arrived:
                self._answers = self._intake.take(arrived)
                self._connection.acknowledge()
        except FidamiaError:
            # A new connection makes the broker send again what was not acknowledged.
            self._connected = False
            self._connection.close()
            raise

    def finish(self) -> None:
        """Send the last answers and disconnect."""
        try:
            if self._connected:
                self._connection.exchange(self._answers, 0.0)
        finally:
            self._connection.close()
            self._store.close()


def _pieces(items: list[Item], size: int) -> list[tuple[Item, ...]]:
    return [tuple(items[start : start + size]) for start in range(0, len(items), size)]
