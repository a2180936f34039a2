"""A broker and the centre behind it, in memory: loses answers, repeats them, refuses, and goes away when told to."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from agent.domain import Acknowledgement, Ranges
from agent.errors import DeviceError
from agent.interfaces import Message
from agent.sync.messages import acknowledgement
from agent.sync.topics import topic
from central.evidence import Piece, without
from central.validation import Validator
from tests.unit.builders import DEVICE, PREFIX

VALIDATOR = Validator()


def revision_of(feature: dict[str, Any]) -> int:
    """Of a report as it was sent."""
    return int(feature["properties"].get("revision", 0))


class Centre:
    """A Publisher whose other end stores each report once, as it was told last, and answers in the same exchange."""

    def __init__(self) -> None:
        self.stored: dict[str, dict[str, Any]] = {}  # by id, with the highest revision
        self.received: list[list[str]] = []  # ids of each message of reports
        self.revisions: list[tuple[str, int]] = []  # of each report that arrived, with its id
        self.sizes: list[int] = []  # of them, in bytes
        self.losses: dict[str, dict[str, Any]] = {}  # by id
        self.pictures: dict[str, bytes] = {}  # whole ones, by the report's id
        self.piece_sizes: list[int] = []  # in bytes, of each piece that arrived
        self.states: list[Message] = []
        self.healths: list[Message] = []
        self.answers: list[Message] = []  # everything ever answered
        self.refused: dict[str, str] = {}  # ids that are refused, and why
        self.refuses_messages = False
        self.refuses_pictures = False
        self.away = False  # the connection breaks
        self.silent = False  # takes everything in and answers nothing
        self.says: list[Message] = []  # put to the device at its next exchange
        self._parts: dict[str, bytearray] = {}  # of pictures
        self._missing: dict[str, Ranges] = {}  # of them
        self.openings = 0
        self.is_open = False

    def open(self) -> None:
        if self.away:
            raise DeviceError("the broker is away")
        self.openings += 1
        self.is_open = True

    def exchange(self, outgoing: Sequence[Message], timeout: float) -> list[Message]:
        assert self.is_open, "used while closed"
        assert timeout >= 0
        if self.away:
            raise DeviceError("the broker is away")
        for message in outgoing:
            if message.topic == topic(PREFIX, DEVICE, "state"):
                self.states.append(message)
            elif message.topic == topic(PREFIX, DEVICE, "health"):
                self.healths.append(message)
            else:
                self._take(message)
        said, self.says = self.says, []
        return said

    def close(self) -> None:
        self.is_open = False

    def _take(self, message: Message) -> None:
        checked = VALIDATOR.check(PREFIX, message)
        assert checked is not None
        assert checked.refusals == [], "the device sent what is not in the contract"
        if checked.pieces:
            ((name, piece),) = checked.pieces
            self._take_piece(name, piece)
            return
        if checked.losses:
            (loss,) = checked.losses
            self.losses[loss["id"]] = loss
            self._answer(Acknowledgement((loss["id"],), ()))
            return
        ids = [feature["id"] for feature in checked.reports]
        self.received.append(ids)
        self.sizes.append(len(message.payload))
        self.revisions += [(feature["id"], revision_of(feature)) for feature in checked.reports]
        if self.refuses_messages:
            self._answer(Acknowledgement((), ((message.properties["id"], "unreadable"),)))
            return
        for feature in checked.reports:
            if feature["id"] not in self.refused:
                known = self.stored.setdefault(feature["id"], feature)
                if revision_of(feature) > revision_of(known):
                    self.stored[feature["id"]] = feature
        good = tuple(identifier for identifier in ids if identifier not in self.refused)
        self._answer(Acknowledgement(good, tuple((i, self.refused[i]) for i in ids if i in self.refused)))

    def _take_piece(self, name: str, piece: Piece) -> None:
        assert piece.report in self.stored, "reports come before their pictures"
        self.piece_sizes.append(len(piece.content))
        if self.refuses_pictures:
            self._answer(Acknowledgement((), ((name, "not the picture that the report speaks of"),)))
            return
        part = self._parts.setdefault(piece.report, bytearray(piece.total))
        part[piece.start : piece.end] = piece.content
        left = without(self._missing.get(piece.report, ((0, piece.total),)), piece.start, piece.end)
        self._missing[piece.report] = left
        if left:
            self._answer(Acknowledgement((), (), (), {piece.report: left}))
        else:
            assert hashlib.sha256(part).hexdigest() == piece.sha256
            self.pictures[piece.report] = bytes(part)
            self._answer(Acknowledgement((), (), (piece.report,)))

    def _answer(self, content: Acknowledgement) -> None:
        answer = acknowledgement(PREFIX, DEVICE, content)
        self.answers.append(answer)
        if not self.silent:
            self.says.append(answer)
