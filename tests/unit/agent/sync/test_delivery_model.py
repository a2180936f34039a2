"""Whatever happens between device and centre: each report is at the centre, refused or pending, and never twice."""

from __future__ import annotations

from contextlib import ExitStack

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from agent.errors import DeviceError
from agent.store.store import Store
from agent.sync.delivery import Delivery
from tests.unit.agent.sync.centre import Centre
from tests.unit.builders import DEVICE, PREFIX, identifier, report
from tests.unit.memory import memory_folder

RESEND_AFTER = 60.0


class World(RuleBasedStateMachine):
    """An outbox, its delivery, and a centre that misbehaves in every way it can."""

    def __init__(self) -> None:
        super().__init__()
        self.cleaning = ExitStack()
        self.store = Store(self.cleaning.enter_context(memory_folder()))
        self.outbox = self.store.outbox
        self.centre = Centre()
        self.now = 0.0
        self.committed: list[str] = []
        self.start()

    @rule()
    def start(self) -> None:
        """The process starts, and after the first time: starts again."""
        self.delivery = Delivery(self.store, self.centre, DEVICE, PREFIX, window=2, resend_after=RESEND_AFTER)
        self.centre.close()

    @rule(count=st.sampled_from((1, 2, 55)), refused=st.booleans())
    def find(self, count: int, refused: bool) -> None:
        with self.outbox._database.transaction():  # one wait for the disk instead of many
            for _one in range(count):
                self.committed.append(identifier(len(self.committed) + 1))
                self.outbox.append(report(len(self.committed)))
        if refused:
            self.centre.refused[self.committed[-1]] = "no such label"

    @rule(seconds=st.sampled_from((0.0, 1.0, RESEND_AFTER + 1)))
    def step(self, seconds: float) -> None:
        self.now += seconds
        try:
            self.delivery.step(self.now)
        except DeviceError:
            assert self.centre.away

    @rule()
    def change_the_weather(self) -> None:
        self.centre.away = not self.centre.away

    @rule()
    def lose_or_find_answers(self) -> None:
        self.centre.silent = not self.centre.silent

    @precondition(lambda self: bool(self.centre.answers))
    @rule(which=st.integers(0, 10_000))
    def repeat_an_answer(self, which: int) -> None:
        self.centre.says.append(self.centre.answers[which % len(self.centre.answers)])

    @precondition(lambda self: bool(self.centre.says))
    @rule()
    def lose_what_is_said(self) -> None:
        self.centre.says.clear()

    @invariant()
    def each_report_is_in_one_place(self) -> None:
        states = {entry.report.id: entry.state for entry in self.outbox.entries()}
        assert list(states) == self.committed
        for name, state in states.items():
            if state == "settled":
                assert name in self.centre.stored
            if state == "rejected":
                assert name in self.centre.refused
                assert name not in self.centre.stored
        assert set(self.centre.stored) <= set(self.committed)

    def teardown(self) -> None:
        """In the end the weather is fine, and everything arrives in the order it was found."""
        self.centre.away = self.centre.silent = False
        for _time in range(len(self.committed) + 3):
            self.step(RESEND_AFTER + 1)
        assert self.outbox.counts(since=0).pending == 0
        self.each_report_is_in_one_place()
        assert set(self.centre.stored) | set(self.centre.refused) == set(self.committed)
        sequences = [feature["properties"]["sequence"] for feature in self.centre.stored.values()]
        assert sequences == sorted(sequences)
        self.store.close()
        self.cleaning.close()


TestWorld = World.TestCase
TestWorld.settings = settings(max_examples=10, stateful_step_count=20)
