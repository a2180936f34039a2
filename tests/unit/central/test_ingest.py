"""What arrives is committed before it is acknowledged, with a broker in memory."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from agent.errors import DeviceError, StoreError
from agent.interfaces import Message
from central.ingest import Ingest, subscriptions
from central.store import FILE_NAME, EmbeddedStore
from tests.unit.builders import DEVICE, PREFIX, identifier
from tests.unit.central.builders import MESSAGE_ID, message, raw, right


class MemoryBroker:
    """Keeps each message until it is acknowledged, and gives it again to whoever connects anew."""

    def __init__(self) -> None:
        self.kept: list[Message] = []
        self.published: list[Message] = []
        self.away = False
        self.log: list[str] = []
        self._given = 0

    def open(self) -> None:
        if self.away:
            raise DeviceError("the broker is away")
        self.log.append("open")
        self._given = 0

    def exchange(self, outgoing: Sequence[Message], timeout: float) -> list[Message]:
        assert timeout >= 0
        if self.away:
            raise DeviceError("the broker is away")
        self.published += outgoing
        given, self._given = self.kept[self._given :], len(self.kept)
        return given

    def acknowledge(self) -> None:
        self.log.append("acknowledge")
        del self.kept[: self._given]
        self._given = 0

    def close(self) -> None:
        self.log.append("close")

    @property
    def answers(self) -> list[tuple[str, dict[str, Any]]]:
        """Device and content of each acknowledgement published."""
        return [
            (one.topic.removeprefix(f"{PREFIX}/").removesuffix("/ack"), msgspec.json.decode(one.payload))
            for one in self.published
        ]


class Watched(EmbeddedStore):
    """A store that says in the broker's log when it has committed."""

    def __init__(self, directory: Path, log: list[str]) -> None:
        super().__init__(directory)
        self._log = log

    def save(self, *arguments: Any) -> None:
        super().save(*arguments)
        self._log.append("commit")


@pytest.fixture
def broker() -> MemoryBroker:
    return MemoryBroker()


@pytest.fixture
def store(tmp_path: Path, broker: MemoryBroker) -> Iterator[EmbeddedStore]:
    opened = Watched(tmp_path, broker.log)
    yield opened
    opened.close()


@pytest.fixture
def ingest(broker: MemoryBroker, store: EmbeddedStore) -> Ingest:
    return Ingest(broker, store, PREFIX)


def stored(store: EmbeddedStore) -> list[str]:
    return [feature["id"] for feature in store.features()]


def answer(stored: Sequence[str] = (), rejected: Sequence[tuple[str, str]] = ()) -> dict[str, Any]:
    return {
        "stored": list(stored),
        "evidence": [],
        "evidence_missing": {},
        "rejected": [{"id": name, "reason": reason} for name, reason in rejected],
    }


def test_all_processes_of_the_centre_share_their_subscriptions() -> None:
    assert subscriptions(PREFIX) == [
        f"$share/fidamia-ingest/fidamia/v1/+/{channel}" for channel in ("reports", "losses", "evidence/+")
    ]


def test_a_report_is_committed_then_taken_from_the_broker_then_answered(
    broker: MemoryBroker, store: EmbeddedStore, ingest: Ingest
) -> None:
    broker.kept.append(message(right(1), right(2)))
    ingest.step()
    assert broker.log == ["open", "commit", "acknowledge"]
    assert broker.answers == []
    ingest.step()
    assert broker.answers == [(DEVICE, answer([identifier(1), identifier(2)]))]
    ingest.step()
    assert len(broker.answers) == 1
    assert stored(store) == [identifier(1), identifier(2)]
    assert (ingest.counters.messages, ingest.counters.reports, ingest.counters.refused) == (1, 2, 0)


def test_a_report_that_comes_again_is_answered_again_and_stored_once(
    broker: MemoryBroker, store: EmbeddedStore, ingest: Ingest
) -> None:
    for _time in range(2):
        broker.kept.append(message(right(1)))
        ingest.step()
        ingest.step()
    assert broker.answers == [(DEVICE, answer([identifier(1)]))] * 2
    assert stored(store) == [identifier(1)]


def test_each_device_is_answered_on_its_own_topic(broker: MemoryBroker, ingest: Ingest) -> None:
    broker.kept += [
        message(right(1)),
        message(right(2, device="veh-043"), topic=f"{PREFIX}/veh-043/reports"),
        message(right(3)),
    ]
    ingest.step()
    ingest.step()
    assert sorted(broker.answers, key=lambda one: one[0]) == [
        (DEVICE, answer([identifier(1), identifier(3)])),
        ("veh-043", answer([identifier(2)])),
    ]


def test_a_report_that_is_wrong_is_kept_aside_and_its_device_is_told(
    broker: MemoryBroker, store: EmbeddedStore, ingest: Ingest, caplog: pytest.LogCaptureFixture
) -> None:
    broker.kept.append(message(right(1, device="veh-043"), right(2)))
    ingest.step()
    ingest.step()
    reason = f"device veh-043 sent on the topic of {DEVICE}"
    assert broker.answers == [(DEVICE, answer([identifier(2)], [(identifier(1), reason)]))]
    assert store.refusals() == [(DEVICE, identifier(1), reason)]
    assert [record.levelno for record in caplog.records] == [logging.WARNING]


@pytest.mark.parametrize(
    "poison",
    [
        b"",
        b"\xff",
        b'{"type":"\xff"}',
        b"[" * 60_000,
        b'{"type":"FeatureCollection","features":[%s]}' % (b"9" * 40),
        msgspec.json.encode({"type": "FeatureCollection", "features": [right(9, sequence=2**63)]}),
        msgspec.json.encode({"type": "FeatureCollection", "features": [right(9, frames=10**39)]}),
        b" " * 100_000,
    ],
    ids=lambda poison: f"{len(poison)} {poison[:10]!r}",
)
def test_a_poisonous_message_does_not_stop_the_rest(
    broker: MemoryBroker, store: EmbeddedStore, ingest: Ingest, poison: bytes
) -> None:
    broker.kept += [message(right(1)), raw(poison), message(right(2))]
    ingest.step()
    assert broker.kept == []
    assert stored(store) == [identifier(1), identifier(2)]
    assert ingest.counters.refused == 1
    ingest.step()
    ((_device, said),) = broker.answers
    assert said["stored"] == [identifier(1), identifier(2)]


def test_a_message_that_can_not_be_read_is_refused_by_its_own_id(broker: MemoryBroker, ingest: Ingest) -> None:
    broker.kept.append(raw(b"no JSON"))
    ingest.step()
    ingest.step()
    ((device, said),) = broker.answers
    assert device == DEVICE
    assert [one["id"] for one in said["rejected"]] == [MESSAGE_ID]


def test_a_message_of_nobody_is_taken_from_the_broker_and_forgotten(
    broker: MemoryBroker, store: EmbeddedStore, ingest: Ingest
) -> None:
    broker.kept.append(message(right(1), topic=f"{PREFIX}/NOBODY/reports"))
    ingest.step()
    ingest.step()
    assert (broker.kept, broker.answers, stored(store)) == ([], [], [])


def test_while_nothing_can_be_stored_nothing_is_acknowledged_and_all_of_it_comes_again(
    tmp_path: Path, broker: MemoryBroker, store: EmbeddedStore, ingest: Ingest
) -> None:
    broker.kept += [message(right(1)), message(right(2))]
    connection = sqlite3.connect(tmp_path / FILE_NAME)
    connection.execute("ALTER TABLE report RENAME TO elsewhere")
    connection.commit()
    for _time in range(2):
        with pytest.raises(StoreError):
            ingest.step()
    assert broker.log == ["open", "close", "open", "close"]
    assert (len(broker.kept), broker.answers) == (2, [])
    connection.execute("ALTER TABLE elsewhere RENAME TO report")
    connection.commit()
    connection.close()
    ingest.step()
    ingest.step()
    assert stored(store) == [identifier(1), identifier(2)]
    assert broker.answers == [(DEVICE, answer([identifier(1), identifier(2)]))]


def test_answers_of_a_connection_that_broke_are_not_sent_on_the_next(
    broker: MemoryBroker, store: EmbeddedStore, ingest: Ingest
) -> None:
    broker.kept.append(message(right(1)))
    ingest.step()
    broker.away = True
    for _time in range(2):
        with pytest.raises(DeviceError):
            ingest.step()
    broker.away = False
    ingest.step()
    assert (broker.answers, stored(store)) == ([], [identifier(1)])
    broker.kept.append(message(right(1)))  # the device has heard nothing and sends again
    ingest.step()
    ingest.step()
    assert broker.answers == [(DEVICE, answer([identifier(1)]))]


def test_at_the_end_the_last_answers_are_sent(broker: MemoryBroker, ingest: Ingest) -> None:
    broker.kept.append(message(right(1)))
    ingest.step()
    ingest.finish()
    assert broker.answers == [(DEVICE, answer([identifier(1)]))]
    assert broker.log[-1] == "close"


def test_at_the_end_what_arrives_too_late_stays_with_the_broker(
    broker: MemoryBroker, store: EmbeddedStore, ingest: Ingest
) -> None:
    ingest.step()
    broker.kept.append(message(right(1)))
    ingest.finish()
    assert (len(broker.kept), broker.answers) == (1, [])
    assert stored(store) == []


def test_at_the_end_everything_is_closed_also_where_the_broker_is_away(broker: MemoryBroker, ingest: Ingest) -> None:
    ingest.step()
    broker.away = True
    with pytest.raises(DeviceError):
        ingest.finish()
    assert broker.log[-1] == "close"
