"""A program of the product in a process of its own, which the test starts, cuts and listens to."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path


class Process:
    """Runs a command, again after each end; all that it ever said is in one file."""

    def __init__(self, command: Sequence[str], log: Path, environment: Mapping[str, str] | None = None) -> None:
        self._command = command
        self._log = log
        self._environment = environment
        self._running: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Of the process that runs, or that ran last."""
        return self._current.pid

    @property
    def is_running(self) -> bool:
        """Whether it has not ended, nor been ended."""
        return self._running is not None and self._running.poll() is None

    @property
    def log(self) -> str:
        """What it has said so far."""
        return self._log.read_text() if self._log.exists() else ""

    def start(self) -> subprocess.Popen[bytes]:
        """Begin another life."""
        with self._log.open("ab") as log:
            self._running = subprocess.Popen(self._command, env=self._environment, stdout=log, stderr=log)
        return self._running

    def send(self, number: int) -> None:
        """Send it a signal; one that has ended does not hear it."""
        self._current.send_signal(number)

    def kill(self, number: int = signal.SIGKILL, patience: float = 20.0) -> int:
        """Send it a signal and wait for its end, so many seconds at most; its exit code."""
        self.send(number)
        return self._current.wait(patience)

    def close(self, patience: float = 0.0) -> None:
        """End it, kindly first where there is patience; nothing happens where it does not run."""
        if self.is_running and patience:
            with suppress(subprocess.TimeoutExpired):
                self.kill(signal.SIGTERM, patience)
        if self.is_running:
            self.kill()

    @property
    def _current(self) -> subprocess.Popen[bytes]:
        if self._running is None:
            raise RuntimeError("it was never started")
        return self._running
