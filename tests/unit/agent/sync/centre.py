"""A broker and the centre behind it, in memory: loses answers, repeats them, refuses, and goes away when told to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from agent.domain import Acknowledgement
from agent.errors import DeviceError
from agent.interfaces import Message
from agent.sync.messages import acknowledgement
from agent.sync.topics import topic
from central.validation import Validator
from tests.unit.builders import DEVICE, PREFIX

VALIDATOR = Validator()


class Centre:
    """A Publisher whose other end stores each report once and answers in the same exchange."""

    def __init__(self) -> None:
        self.stored: dict[str, dict[str, Any]] = {}  # by id, as first sent
        self.received: list[list[str]] = []  # ids of each message of reports
        self.states: list[Message] = []
        self.answers: list[Message] = []  # everything ever answered
        self.refused: dict[str, str] = {}  # ids that are refused, and why
        self.refuses_messages = False
        self.away = False  # the connection breaks
        self.silent = False  # takes everything in and answers nothing
        self.says: list[Message] = []  # put to the device at its next exchange
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
        ids = [feature["id"] for feature in checked.reports]
        self.received.append(ids)
        if self.refuses_messages:
            self._answer(Acknowledgement((), ((message.properties["id"], "unreadable"),)))
            return
        for feature in checked.reports:
            if feature["id"] not in self.refused:
                self.stored.setdefault(feature["id"], feature)
        good = tuple(identifier for identifier in ids if identifier not in self.refused)
        self._answer(Acknowledgement(good, tuple((i, self.refused[i]) for i in ids if i in self.refused)))

    def _answer(self, content: Acknowledgement) -> None:
        answer = acknowledgement(PREFIX, DEVICE, content)
        self.answers.append(answer)
        if not self.silent:
            self.says.append(answer)
