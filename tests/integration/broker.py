"""A real mosquitto on a loopback port, which the test starts, kills and configures."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from pathlib import Path

from .receiver import wait_until

PATH = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/usr/local/sbin"
MOSQUITTO = shutil.which("mosquitto", path=PATH)

OPEN = "allow_anonymous true\n"


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    return port


class Broker:
    """One mosquitto; keeps its port over restarts, and its sessions where `persistent`."""

    def __init__(self, directory: Path, settings: str = OPEN, persistent: bool = False) -> None:
        """`settings` are lines of mosquitto.conf(5)."""
        self.port = free_port()
        self.directory = directory
        self._process: subprocess.Popen[bytes] | None = None
        lines = [f"listener {self.port} 127.0.0.1", f"user {os.environ.get('USER', 'root')}", settings]
        if persistent:
            lines += ["persistence true", f"persistence_location {directory}/", "autosave_interval 1"]
        (directory / "mosquitto.conf").write_text("\n".join(lines))

    def start(self) -> None:
        """Start it and wait until it listens."""
        assert MOSQUITTO is not None
        log = (self.directory / "mosquitto.log").open("ab")
        with log:
            command = [MOSQUITTO, "-v", "-c", str(self.directory / "mosquitto.conf")]
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        if not wait_until(self._listens, 10):
            raise RuntimeError((self.directory / "mosquitto.log").read_text())

    def kill(self) -> None:
        """End it at once, as a power cut does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def send(self, number: int) -> None:
        """Send it a signal."""
        assert self._process is not None
        self._process.send_signal(number)

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0
