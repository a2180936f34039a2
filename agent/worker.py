"""Runs a loop's steps on a thread: the only place with backoff, and the only one that sees every exception."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Event, Thread

from agent.errors import DeviceError, RecordingEnded, StoreError

FIRST_BACKOFF = 0.5  # seconds
LONGEST_BACKOFF = 60.0  # seconds, unless the loop asks for less
GLANCE = 0.25  # seconds between two looks whether waiting is still of use


@dataclass(frozen=True, slots=True)
class Trouble:
    """What keeps a loop from its work, since when (seconds since 1970)."""

    error: DeviceError | StoreError
    since: float


class Worker:
    """A loop on its own thread."""

    def __init__(
        self,
        name: str,
        step: Callable[[], None],
        finish: Callable[[], None],
        longest_backoff: float = LONGEST_BACKOFF,
        hurry: Callable[[], bool] = lambda: False,
    ) -> None:
        """`name` is that of its thread and of its log lines.

        `step` is called until stopped or until it raises RecordingEnded, then `finish` once.

        After failures in a row it is called again after `longest_backoff` seconds at the latest, or as soon as `hurry`
        says that waiting is no longer of use; that is asked a few times a second.
        """
        self.stop = Event()
        self.crash: BaseException | None = None
        self.trouble: Trouble | None = None
        self.moved = time.monotonic()  # seconds, when a step last came back
        self.ended = False  # there is nothing left to do
        self._step = step
        self._finish = finish
        self._longest_backoff = longest_backoff
        self._hurry = hurry
        self._log = logging.getLogger(name)
        # A thread that hangs in a driver must not keep the process from ending.
        self._thread = Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def join(self, timeout: float) -> bool:
        """Wait for the end; whether it came within `timeout` seconds."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            self._repeat()
            self._attempt(self._finish)
        except Exception as error:  # noqa: BLE001 - a bug in any loop ends the process; systemd starts it again
            self._log.critical("died of a bug", exc_info=error)
            self.crash = error
            self.stop.set()
        self.ended = True

    def _repeat(self) -> None:
        failures = 0
        while not self.stop.is_set():
            try:
                failures = 0 if self._attempt(self._step) else failures + 1
            except RecordingEnded:
                self.trouble = None  # it raises so only once nothing is left undone
                return
            if failures and self._wait(backoff(failures, self._longest_backoff)):
                failures = 0

    def _wait(self, seconds: float) -> bool:
        """Whether the wait was cut short because there is reason to hope."""
        end = time.monotonic() + seconds
        while (rest := end - time.monotonic()) > 0 and not self.stop.wait(min(rest, GLANCE)):
            if self._hurry():
                return True
            self.moved = time.monotonic()
        return False

    def _attempt(self, work: Callable[[], None]) -> bool:
        """Whether it went well; a device or store that is away is not a bug."""
        try:
            work()
        except (DeviceError, StoreError) as error:
            level = logging.DEBUG
            if self.trouble is None or str(self.trouble.error) != str(error):
                level = logging.WARNING
            self._log.log(level, "%s", error)
            since = self.trouble.since if self.trouble else time.time()
            self.trouble = Trouble(error, since)
            return False
        else:
            if self.trouble is not None and work is self._step:
                self._log.info("works again")
                self.trouble = None
            return True
        finally:
            self.moved = time.monotonic()


def backoff(failures: int, longest: float = LONGEST_BACKOFF) -> float:
    """Seconds to wait after so many failures in a row: exponential with full jitter, bounded.

    Source: "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
    """
    ceiling = min(longest, FIRST_BACKOFF * 2.0 ** min(failures - 1, 10))
    return random.uniform(FIRST_BACKOFF / 2, ceiling)
