"""A loop on its own thread: what it retries, what it says of it, and what ends it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from threading import Event

import pytest

from agent import worker
from agent.errors import DeviceError, RecordingEnded, StoreError
from agent.worker import FIRST_BACKOFF, GLANCE, LONGEST_BACKOFF, Worker, backoff

PATIENCE = 10.0  # seconds until a thread that hangs fails the test


class Script:
    """Steps that end as told, one after the other; the last of them stops the worker."""

    def __init__(self, *ends: Exception | None, finish: Exception | None = None) -> None:
        self._ends = list(ends)
        self._finish = finish
        self.steps = 0
        self.finishes = 0
        self.looks: list[str | None] = []  # the trouble before each step
        self.worker = Worker("agent.patrol", self.step, self.finish)

    def step(self) -> None:
        trouble = self.worker.trouble
        self.looks.append(str(trouble.error) if trouble else None)
        end = self._ends[self.steps]
        self.steps += 1
        if self.steps == len(self._ends):
            self.worker.stop.set()
        if end is not None:
            raise end

    def finish(self) -> None:
        self.finishes += 1
        if self._finish is not None:
            raise self._finish

    def run(self) -> Worker:
        self.worker.start()
        assert self.worker.join(PATIENCE)
        return self.worker


@pytest.fixture
def _no_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "FIRST_BACKOFF", 0.0)
    monkeypatch.setattr(worker, "LONGEST_BACKOFF", 0.0)


def said(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    return [(record.levelname, record.getMessage()) for record in caplog.records if record.name == "agent.patrol"]


def test_steps_follow_each_other_until_stopped_and_then_finish_comes_once() -> None:
    script = Script(None, None, None)
    done = script.run()
    assert (script.steps, script.finishes) == (3, 1)
    assert (done.crash, done.trouble) == (None, None)


def test_a_worker_stopped_before_it_began_only_finishes() -> None:
    script = Script(None)
    script.worker.stop.set()
    script.run()
    assert (script.steps, script.finishes) == (0, 1)


@pytest.mark.usefixtures("_no_wait")
@pytest.mark.parametrize("kind", [DeviceError, StoreError])
def test_a_device_or_store_that_is_away_is_tried_again(kind: Callable[[str], Exception]) -> None:
    script = Script(kind("away"), kind("away"), None, None)
    done = script.run()
    assert script.looks == [None, "away", "away", None]
    assert (script.steps, script.finishes) == (4, 1)
    assert (done.crash, done.trouble) == (None, None)


@pytest.mark.usefixtures("_no_wait")
def test_the_first_failure_is_a_warning_its_repeats_are_not_and_the_recovery_is_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    Script(DeviceError("no signal"), DeviceError("no signal"), DeviceError("no signal"), None, None).run()
    assert said(caplog) == [
        ("WARNING", "no signal"),
        ("DEBUG", "no signal"),
        ("DEBUG", "no signal"),
        ("INFO", "works again"),
    ]


@pytest.mark.usefixtures("_no_wait")
def test_another_failure_is_a_warning_again_but_lasts_since_the_first(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    script = Script(DeviceError("no signal"), DeviceError("refused"), DeviceError("refused"))
    done = script.run()
    assert [level for level, _message in said(caplog)] == ["WARNING", "WARNING", "DEBUG"]
    assert str(done.trouble.error) == "refused" if done.trouble else False, "a good end is no recovery"


@pytest.mark.usefixtures("_no_wait")
def test_a_bug_ends_the_worker_and_is_kept_with_its_traceback(caplog: pytest.LogCaptureFixture) -> None:
    bug = ZeroDivisionError("a bug")
    script = Script(None, bug, None)
    done = script.run()
    assert script.steps == 2
    assert done.crash is bug
    assert done.stop.is_set()
    (record,) = (record for record in caplog.records if record.levelno == logging.CRITICAL)
    assert record.exc_info is not None
    assert record.exc_info[1] is bug


@pytest.mark.usefixtures("_no_wait")
def test_a_failure_while_finishing_is_told_and_ends_all_the_same(caplog: pytest.LogCaptureFixture) -> None:
    script = Script(None, finish=StoreError("the disk is full"))
    done = script.run()
    assert script.finishes == 1
    assert done.crash is None
    assert said(caplog) == [("WARNING", "the disk is full")]


def test_a_bug_while_finishing_is_a_bug() -> None:
    bug = KeyError("a bug")
    assert Script(None, finish=bug).run().crash is bug


def test_a_worker_that_waits_to_try_again_stops_at_once() -> None:
    failed = Event()

    def step() -> None:
        failed.set()
        raise DeviceError("away")

    waiting = Worker("agent.patrol", step, lambda: None)
    waiting.start()
    assert failed.wait(PATIENCE)
    waiting.stop.set()
    assert waiting.join(PATIENCE)


def test_a_worker_that_hangs_is_not_waited_for_longer_than_asked() -> None:
    release = Event()

    def step() -> None:
        release.wait(PATIENCE)

    hanging = Worker("agent.patrol", step, lambda: None)
    hanging.start()
    hanging.stop.set()
    assert not hanging.join(0.01)
    release.set()
    assert hanging.join(PATIENCE)


def test_a_step_that_comes_back_has_moved_whether_it_went_well_or_not() -> None:
    script = Script(None)
    before = script.worker.moved
    assert script.run().moved > before


@pytest.mark.parametrize("failures", [1, 2, 5, 8, 20, 10_000])
def test_the_wait_grows_doubling_with_jitter_and_has_a_bound(failures: int) -> None:
    waits = [backoff(failures) for _time in range(200)]
    ceiling = min(LONGEST_BACKOFF, FIRST_BACKOFF * 2.0 ** min(failures - 1, 100))
    assert min(waits) >= FIRST_BACKOFF / 2
    assert max(waits) <= ceiling
    assert max(waits) > ceiling * 0.8


def test_a_recording_that_has_ended_ends_the_loop_in_an_orderly_way() -> None:
    calls: list[str] = []

    def step() -> None:
        calls.append("step")
        if len(calls) == 3:
            raise RecordingEnded("the recording has ended")

    worker = Worker("pipeline", step, lambda: calls.append("finish"))
    worker.start()
    assert worker.join(5)
    assert calls == ["step", "step", "step", "finish"]
    assert worker.ended
    assert worker.crash is None


def test_a_loop_that_asks_for_it_is_tried_again_sooner() -> None:
    assert max(backoff(failures, longest=5.0) for failures in range(1, 40) for _draw in range(20)) <= 5.0


@pytest.mark.usefixtures("_no_wait")
def test_trouble_that_was_over_before_the_recording_ended_is_no_trouble() -> None:
    done = Script(DeviceError("no signal"), RecordingEnded("the recording has ended")).run()
    assert done.ended
    assert done.trouble is None


def test_a_wait_that_is_of_no_more_use_ends_at_once_and_the_next_one_is_short_again() -> None:
    calls: list[float] = []
    there_again = Event()

    def step() -> None:
        calls.append(time.monotonic())
        if len(calls) == 40:
            loop.stop.set()
        raise DeviceError("away")

    loop = Worker("test", step, lambda: None, hurry=there_again.is_set)
    there_again.set()
    begun = time.monotonic()
    loop.start()
    assert loop.join(40 * 2 * GLANCE)
    assert len(calls) == 40
    assert time.monotonic() - begun < 40 * 2 * GLANCE
