"""A real mosquitto on a loopback port, which the test starts, kills and configures."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path

from .process import Process
from .receiver import wait_until

PATH = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/usr/local/sbin"
MOSQUITTO = shutil.which("mosquitto", path=PATH)

OPEN = "allow_anonymous true\n"


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    return port


class Broker(Process):
    """One mosquitto; keeps its port over restarts, and its sessions where `persistent`."""

    def __init__(
        self, directory: Path, settings: str = OPEN, persistent: bool = False, inside: Sequence[str] = ()
    ) -> None:
        """`settings` are lines of mosquitto.conf(5); `inside` is what to put before its command."""
        self.port = free_port()
        self.directory = directory
        lines = [f"listener {self.port} 127.0.0.1", f"user {os.environ.get('USER', 'root')}", settings]
        if persistent:
            lines += ["persistence true", f"persistence_location {directory}/", "autosave_interval 1"]
        configuration = directory / "mosquitto.conf"
        configuration.write_text("\n".join(lines))
        assert MOSQUITTO is not None
        super().__init__([*inside, MOSQUITTO, "-v", "-c", str(configuration)], directory / "mosquitto.log")

    def start(self) -> subprocess.Popen[bytes]:
        """Start it and wait until it listens."""
        lives = self._lives()
        started = super().start()
        if not wait_until(lambda: self._lives() > lives, 10):
            raise RuntimeError(self.log)
        return started

    def _lives(self) -> int:
        """How often it was ready; what it says then it says once it listens."""
        return self.log.count(" running\n")
