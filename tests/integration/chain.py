"""Daemon and centre as processes beside a real broker, which the test cuts wherever it likes."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec

from agent import health
from agent.store.outbox import OPEN, Entry
from agent.store.store import Store
from central.store import EmbeddedStore

DEVICE = "veh-1"

SIMULATED = """
[camera]
source = "simulator"
[gps]
source = "simulator"
[simulator]
speed_factor = 8.0
seconds = 240.0
[aggregate]
reach_m = 4.0
"""


class Chain:
    """One vehicle and one centre."""

    def __init__(self, directory: Path, port: int, sources: str = SIMULATED) -> None:
        """`port` is the broker's; `sources` are sections of agent.toml."""
        self.directory = directory
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        broker = f'[broker]\nhost = "127.0.0.1"\nport = {port}\ntls = false\nkeepalive_s = 5\n'
        (directory / "agent.toml").write_text(
            f'{sources}\n[agent]\ndevice = "{DEVICE}"\n[store]\ndirectory = "{directory}/device"\n'
            f"[sync]\nresend_after_s = 3\n{broker}"
        )
        (directory / "central.toml").write_text(f'[store]\ndirectory = "{directory}/central"\n{broker}')

    def start_agent(self) -> subprocess.Popen[bytes]:
        """Start `fidamia run`."""
        return self._start("agent", "run")

    def start_centre(self) -> subprocess.Popen[bytes]:
        """Start `fidamia-central ingest`."""
        return self._start("central", "ingest")

    def kill(self, name: str, number: int = signal.SIGKILL) -> int:
        """Send the process a signal and wait for its end; its exit code."""
        process = self._processes.pop(name)
        process.send_signal(number)
        return process.wait(timeout=20)

    def close(self) -> None:
        """Kill what still runs."""
        for name in list(self._processes):
            self.kill(name)

    def log(self, name: str) -> str:
        """What the process has said so far."""
        return (self.directory / f"{name}.log").read_text()

    def on_device(self) -> list[Entry]:
        """Every report in the vehicle's store."""
        store = Store(self.directory / "device", read_only=True)
        entries = list(store.outbox.entries())
        store.close()
        return entries

    def at_centre(self) -> list[dict[str, Any]]:
        """Every report in the centre's store."""
        store = EmbeddedStore(self.directory / "central", read_only=True)
        features = store.features()
        store.close()
        return features

    def pending(self) -> int:
        """Reports that the centre has not confirmed."""
        return sum(entry.state in OPEN for entry in self.on_device())

    def figure(self, part: str, name: str) -> Any:
        """A figure of the daemon's last word."""
        word = health.read(self.directory / "device" / "status.json")
        return None if word is None else word.parts[part].figures.get(name)

    def status(self) -> tuple[int, dict[str, Any]]:
        """Exit code and answer of `fidamia status --json`."""
        command = [sys.executable, "-P", "-m", "agent", "status", "--json"]
        command += ["--config", str(self.directory / "agent.toml")]
        done = subprocess.run(command, capture_output=True, timeout=30, check=False)
        return done.returncode, msgspec.json.decode(done.stdout)

    def _start(self, module: str, verb: str) -> subprocess.Popen[bytes]:
        log = (self.directory / f"{module}.log").open("ab")
        with log:
            command = [sys.executable, "-P", "-m", module, verb, "--config", str(self.directory / f"{module}.toml")]
            self._processes[module] = subprocess.Popen(command, stdout=log, stderr=log)
        return self._processes[module]
