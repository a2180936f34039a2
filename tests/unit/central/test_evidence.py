"""Pictures come in pieces, in any order and more than once, and are believed when they are whole."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.domain import Ranges
from agent.errors import StoreError
from agent.interfaces import Message
from central.evidence import FOLDER, LARGEST, LARGEST_PIECE, Piece, without
from central.ingest import Ingest
from central.store import EmbeddedStore
from central.validation import Validator
from tests.unit.builders import DEVICE, PREFIX, identifier
from tests.unit.central.builders import MESSAGE_ID, message, right
from tests.unit.central.test_ingest import MemoryBroker

JPEG = np.random.default_rng(1).bytes(70_000)
SHA256 = hashlib.sha256(JPEG).hexdigest()
FACTS = {
    "sha256": SHA256,
    "bytes": len(JPEG),
    "width": 64,
    "height": 48,
    "blurred": {"model": "faces 1", "faces": 0, "plates": 0},
}
VALIDATOR = Validator()


def pictured(number: int = 1, **changes: Any) -> dict[str, Any]:
    return right(number, evidence={**FACTS, **changes}, evidence_withheld=None)


def piece(start: int, end: int, content: bytes = JPEG, **changes: Any) -> Piece:
    given = {"device": DEVICE, "report": identifier(1), "total": len(JPEG), "sha256": SHA256, **changes}
    return Piece(start=start, content=content[start:end], **given)


def sent(start: int, end: int, number: int = 1, **properties: str) -> Message:
    """The piece as a message."""
    given = {"id": MESSAGE_ID, "offset": str(start), "total": str(len(JPEG)), "sha256": SHA256, **properties}
    return Message(f"{PREFIX}/{DEVICE}/evidence/{identifier(number)}", JPEG[start:end], "image/jpeg", given)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EmbeddedStore]:
    opened = EmbeddedStore(tmp_path)
    opened.save([pictured()], [])
    yield opened
    opened.close()


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), max_size=12))
def test_what_is_missing_is_what_was_not_sent(pieces: list[tuple[int, int]]) -> None:
    missing: Ranges = ((0, 50),)
    there: set[int] = set()
    for one, other in pieces:
        start, end = sorted((one, other))
        missing = without(missing, start, end)
        there |= set(range(start, end))
    assert {byte for start, end in missing for byte in range(start, end)} == set(range(50)) - there
    assert list(missing) == sorted(missing)
    assert all(start < end for start, end in missing)


def test_a_picture_is_whole_when_its_last_piece_is_there(store: EmbeddedStore) -> None:
    assert store.add_piece(piece(0, 0)) == ((0, 70_000),)
    assert store.add_piece(piece(40_000, 70_000)) == ((0, 40_000),)
    assert store.add_piece(piece(10_000, 20_000)) == ((0, 10_000), (20_000, 40_000))
    assert store.picture(DEVICE, identifier(1)) is None
    assert store.add_piece(piece(0, 30_000)) == ((30_000, 40_000),)
    assert store.add_piece(piece(30_000, 40_000)) == ()
    path = store.picture(DEVICE, identifier(1))
    assert path is not None
    assert path.read_bytes() == JPEG
    assert store.add_piece(piece(0, 30_000)) == (), "again changes nothing"
    assert path.read_bytes() == JPEG
    assert [one.name for one in path.parent.iterdir()] == [path.name]


def test_a_picture_goes_on_after_the_centre_was_started_again(tmp_path: Path, store: EmbeddedStore) -> None:
    store.add_piece(piece(0, 30_000))
    store.close()
    again = EmbeddedStore(tmp_path)
    assert again.add_piece(piece(0, 0)) == ((30_000, 70_000),)
    assert again.add_piece(piece(30_000, 70_000)) == ()
    again.close()


def test_a_picture_that_is_not_what_its_hash_says_is_dropped_and_asked_for_again(
    tmp_path: Path, store: EmbeddedStore
) -> None:
    assert store.add_piece(piece(0, 70_000, content=bytes(70_000))) == ((0, 70_000),)
    assert not list((tmp_path / FOLDER).rglob("*.*"))
    assert store.add_piece(piece(0, 70_000)) == ()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"report": identifier(2)}, "a picture of a report that is not here"),
        ({"device": "veh-043"}, "a picture of a report that is not here"),
        ({"sha256": "0" * 64}, "not the picture that the report speaks of"),
        ({"total": 80_000}, "not the picture that the report speaks of"),
    ],
)
def test_only_the_picture_that_a_report_speaks_of_is_taken(
    tmp_path: Path, store: EmbeddedStore, changes: dict[str, Any], reason: str
) -> None:
    assert store.add_piece(piece(0, 1000, **changes)) == reason
    assert not (tmp_path / FOLDER).exists()


def test_a_report_that_speaks_of_no_picture_gets_none(store: EmbeddedStore) -> None:
    store.save([right(3)], [])
    assert store.add_piece(piece(0, 10, report=identifier(3))) == "not the picture that the report speaks of"


def test_a_folder_that_can_not_be_written_is_a_sentence_and_nothing_is_noted(
    tmp_path: Path, store: EmbeddedStore
) -> None:
    (tmp_path / FOLDER).write_bytes(b"")
    with pytest.raises(StoreError, match=r"evidence.*; what was stored before is kept"):
        store.add_piece(piece(0, 1000))
    (tmp_path / FOLDER).unlink()
    assert store.add_piece(piece(0, 0)) == ((0, 70_000),)


def test_a_piece_is_read_from_its_message() -> None:
    found = VALIDATOR.check(PREFIX, sent(10, 40))
    assert found is not None
    assert found.pieces == [(MESSAGE_ID, piece(10, 40))]
    assert (found.reports, found.losses, found.refusals) == ([], [], [])


@pytest.mark.parametrize(
    "wrong",
    [
        sent(0, 10, offset="-1"),
        sent(0, 10, offset="x"),
        sent(0, 10, total=str(LARGEST + 1)),
        sent(0, 10, total="5"),
        sent(0, 10, sha256="../../../etc/passwd"),
        sent(0, 10, offset="69999"),
        sent(0, LARGEST_PIECE + 1),
        Message(f"{PREFIX}/{DEVICE}/evidence/../../etc", b"x", properties=sent(0, 1).properties),
        Message(f"{PREFIX}/{DEVICE}/evidence/{identifier(1)}", b"x", properties={"id": MESSAGE_ID}),
    ],
)
def test_a_piece_that_makes_no_sense_is_refused_with_its_reason(wrong: Message) -> None:
    found = VALIDATOR.check(PREFIX, wrong)
    assert found is not None
    assert found.pieces == []
    (refusal,) = found.refusals
    assert refusal.id == MESSAGE_ID
    assert refusal.reason


def test_the_device_is_told_what_is_missing_after_all_pieces_that_came_together(tmp_path: Path) -> None:
    broker, store = MemoryBroker(), EmbeddedStore(tmp_path)
    ingest = Ingest(broker, store, PREFIX)
    broker.kept = [message(pictured()), sent(0, 30_000), sent(40_000, 70_000), sent(0, 10, number=9)]
    ingest.step()
    ingest.step()
    told = [answer for device, answer in broker.answers if device == DEVICE]
    assert [answer["stored"] for answer in told if answer["stored"]] == [[identifier(1)]]
    assert {"evidence_missing": {identifier(1): [[30_000, 40_000]]}}.items() <= told[-1].items()
    assert told[-1]["rejected"] == [{"id": MESSAGE_ID, "reason": "a picture of a report that is not here"}]
    broker.kept = [sent(30_000, 40_000)]
    ingest.step()
    ingest.step()
    assert broker.answers[-1][1]["evidence"] == [identifier(1)]
    assert broker.answers[-1][1]["evidence_missing"] == {}
    store.close()


LOSS = {
    "id": identifier(77),
    "what": "report",
    "reason": "quota",
    "count": 3,
    "labels": {"pothole": 2, "graffiti": 1},
    "sequences": [[1, 2], [5, 5]],
    "from": "2026-11-22T12:00:00.000Z",
    "to": "2026-11-22T12:00:00.000Z",
}


def test_a_loss_is_kept_once_and_acknowledged(tmp_path: Path) -> None:
    broker, store = MemoryBroker(), EmbeddedStore(tmp_path)
    ingest = Ingest(broker, store, PREFIX)
    loss = Message(f"{PREFIX}/{DEVICE}/losses", msgspec.json.encode(LOSS), properties={"id": MESSAGE_ID})
    broker.kept = [loss, loss]
    ingest.step()
    ingest.step()
    assert store.losses() == [(DEVICE, LOSS)]
    assert set(broker.answers[-1][1]["stored"]) == {LOSS["id"]}
    store.close()


@pytest.mark.parametrize("changes", [{"what": "person"}, {"count": 0}, {"sequences": [[1]]}, {"more": 1}])
def test_a_loss_that_makes_no_sense_is_refused(changes: dict[str, Any]) -> None:
    payload = msgspec.json.encode({**LOSS, **changes})
    found = VALIDATOR.check(PREFIX, Message(f"{PREFIX}/{DEVICE}/losses", payload, properties={"id": MESSAGE_ID}))
    assert found is not None
    assert found.losses == []
    assert found.refusals[0].id == MESSAGE_ID
