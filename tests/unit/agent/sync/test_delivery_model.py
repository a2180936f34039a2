"""Whatever happens between device and centre: each report is at the centre, refused, pending or told as dropped."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from agent.domain import Blurring, Evidence, Report, SeenAgain
from agent.errors import DeviceError
from agent.store.store import Store
from agent.sync.delivery import Delivery
from tests.unit.agent.sync.centre import Centre, revision_of
from tests.unit.builders import DEVICE, NOON, PREFIX, identifier, report
from tests.unit.memory import memory_folder

RESEND_AFTER = 60.0
PICTURE = Evidence(np.random.default_rng(1).bytes(70_000), 1280, 720, Blurring("faces 1", 0, 0))


def see_again(old: Report) -> Report:
    return replace(old, seen_again=SeenAgain(1 + (old.seen_again.times if old.seen_again else 0), NOON))


class World(RuleBasedStateMachine):
    """A store, its delivery, and a centre that misbehaves in every way it can."""

    def __init__(self) -> None:
        super().__init__()
        self.cleaning = ExitStack()
        self.folder = self.cleaning.enter_context(memory_folder())
        self.store = Store(self.folder)
        self.centre = Centre()
        self.now = 0.0
        self.committed: list[str] = []
        self.pictured: set[str] = set()
        self.crash()

    @rule()
    def crash(self) -> None:
        """The process dies and starts again; at the beginning: starts."""
        self.store.close()
        self.store = Store(self.folder)
        self.store.recover()
        self.delivery = Delivery(self.store, self.centre, DEVICE, PREFIX, window=2, resend_after=RESEND_AFTER)
        self.centre.close()

    @rule(count=st.sampled_from((1, 2, 55)), refused=st.booleans())
    def find(self, count: int, refused: bool) -> None:
        with self.store._database.transaction():  # one wait for the disk instead of many
            for _one in range(count):
                self.committed.append(identifier(len(self.committed) + 1))
                self.store.outbox.append(report(len(self.committed)))
        if refused:
            self.centre.refused[self.committed[-1]] = "no such label"

    @rule()
    def find_with_a_picture(self) -> None:
        self.committed.append(identifier(len(self.committed) + 1))
        self.pictured.add(self.committed[-1])
        self.store.append(report(len(self.committed), evidence=PICTURE.facts, evidence_withheld=None), PICTURE)

    @rule()
    def find_in_a_tunnel(self) -> None:
        """It waits for its place."""
        self.committed.append(identifier(len(self.committed) + 1))
        self.store.append(report(len(self.committed)), held=True)

    @rule(which=st.integers(0, 10_000))
    def leave_the_tunnel(self, which: int) -> None:
        """Some go with their place, one as it is, and one turns out to be known."""
        held = [entry.sequence for entry in self.store.outbox.entries() if entry.held]
        known = [entry.sequence for entry in self.store.outbox.entries() if not entry.held]
        if held and known:
            self.store.merge(held.pop(), known[which % len(known)], see_again)
        self.store.outbox.release(held[:1])
        for sequence in held[1:]:
            self.store.outbox.revise(sequence, lambda old: old)

    @precondition(lambda self: bool(self.committed))
    @rule(which=st.integers(0, 10_000))
    def tell_anew(self, which: int) -> None:
        """One was seen again."""
        self.store.outbox.revise(1 + which % len(self.committed), see_again)

    @rule(seconds=st.sampled_from((0.0, 1.0, RESEND_AFTER + 1)))
    def step(self, seconds: float) -> None:
        self.now += seconds
        reason = ""
        try:
            self.delivery.step(self.now)
        except DeviceError as error:
            reason = str(error)
        assert not reason or self.centre.away or "has not answered" in reason

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

    @rule()
    def drop_what_was_refused(self) -> None:
        self.store.purge()

    @rule()
    def reach_the_quota(self) -> None:
        """The oldest of what the centre has not is dropped, or the oldest picture."""
        self.store._shed("urgent", pictures_only=False)

    def told(self, what: str) -> set[str]:
        """Ids of what was dropped, as the centre knows it or will."""
        waiting = [run for loss in self.store.losses.pending(10_000) if loss.what == what for run in loss.sequences]
        known = [run for loss in self.centre.losses.values() if loss["what"] == what for run in loss["sequences"]]
        return {identifier(number) for first, last in (*waiting, *known) for number in range(first, last + 1)}

    @invariant()
    def each_report_is_accounted_for(self) -> None:
        entries = {entry.report.id: entry for entry in self.store.outbox.entries()}
        states = {name: entry.state for name, entry in entries.items()}
        dropped = self.told("report")
        for name in self.committed:
            state = states.get(name)
            assert state is not None or name in dropped or name in self.centre.stored
            if state == "settled":
                assert revision_of(self.centre.stored[name]) == entries[name].report.revision
            if state == "rejected":
                assert name in self.centre.refused
        assert set(self.centre.stored) <= set(self.committed)
        assert set(states) <= set(self.committed)

    def teardown(self) -> None:
        """In the end the weather is fine, and everything arrives."""
        self.centre.away = self.centre.silent = False
        self.store.outbox.release()
        for _time in range(2 * len(self.committed) + 5):
            self.step(RESEND_AFTER + 1)
        assert self.store.outbox.counts(since=0).pending == 0
        assert self.store.losses.pending(10) == []
        assert self.store.pictures.pending(10) == []
        self.each_report_is_accounted_for()
        refused = set(self.centre.refused)
        assert set(self.centre.stored) | refused | self.told("report") >= set(self.committed)
        assert set(self.centre.pictures) | self.told("evidence") | self.told("report") >= self.pictured
        assert all(picture == PICTURE.jpeg for picture in self.centre.pictures.values())
        self.store.close()
        self.cleaning.close()


TestWorld = World.TestCase
TestWorld.settings = settings(max_examples=10, stateful_step_count=20, deadline=None)
