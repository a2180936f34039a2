"""Daemon and centre as processes beside a real broker, which the test cuts wherever it likes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec

from agent import health
from agent.health import Part
from agent.store.outbox import OPEN, Entry
from agent.store.store import Store

from .centre import Centre
from .process import Process

DEVICE = "veh-1"

SIMULATED = """
[camera]
source = "simulator"
[gps]
source = "simulator"
[simulator]
speed_factor = 4.0
seconds = 240.0
[aggregate]
reach_m = 4.0
[seen_again]
days = 0
"""


class Chain:
    """One vehicle and one centre."""

    def __init__(self, directory: Path, port: int, sources: str = SIMULATED, store: Path | None = None) -> None:
        """`port` is the broker's; `sources` are sections of agent.toml; `store` is where the vehicle keeps its own."""
        self.directory = directory
        self._store = store or directory / "device"
        self.centre = Centre(directory, port)
        self.config = directory / "agent.toml"
        command = [sys.executable, "-P", "-m", "agent", "run", "--config", str(self.config)]
        self.agent = Process(command, directory / "agent.log")
        broker = f'[broker]\nhost = "127.0.0.1"\nport = {port}\ntls = false\nkeepalive_s = 5\n'
        self.config.write_text(
            f'{sources}\n[agent]\ndevice = "{DEVICE}"\n[sync]\nresend_after_s = 3\n{broker}'
            f'[store]\ndirectory = "{self._store}"\nruntime_directory = "{directory}"\n'
        )

    def forbid(self, south: float, west: float, north: float, east: float) -> None:
        """Let nothing be captured between these degrees, from the agent's next start on."""
        ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
        zone = {
            "type": "Feature",
            "properties": {"kind": "no_capture", "name": "barracks"},
            "geometry": {"type": "Polygon", "coordinates": [ring]},
        }
        file = self.directory / "zones.geojson"
        file.write_bytes(msgspec.json.encode({"type": "FeatureCollection", "features": [zone]}))
        command = [sys.executable, "-P", "-m", "agent", "zones", "import", str(file), "--config", str(self.config)]
        subprocess.run(command, capture_output=True, timeout=30, check=True)

    def close(self) -> None:
        """Kill what still runs."""
        self.agent.close()
        self.centre.close()

    def on_device(self) -> list[Entry]:
        """Every report in the vehicle's store."""
        store = Store(self._store, read_only=True)
        entries = list(store.outbox.entries())
        store.close()
        return entries

    def pending(self) -> int:
        """Reports that the centre has not confirmed."""
        return sum(entry.state in OPEN for entry in self.on_device())

    def part(self, name: str) -> Part:
        """How a part is, by the daemon's last word."""
        word = health.read(self.directory / "status.json")
        return Part("off") if word is None else word.parts[name]

    def figure(self, part: str, name: str) -> Any:
        """A figure of the daemon's last word."""
        return self.part(part).figures.get(name)

    def status(self) -> tuple[int, dict[str, Any]]:
        """Exit code and answer of `fidamia status --json`."""
        command = [sys.executable, "-P", "-m", "agent", "status", "--json"]
        command += ["--config", str(self.config)]
        done = subprocess.run(command, capture_output=True, timeout=30, check=False)
        return done.returncode, msgspec.json.decode(done.stdout)
