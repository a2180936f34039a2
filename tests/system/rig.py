"""Cuts everything, at random and by a seed, and holds what arrived against what was committed."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from agent.store.store import Store
from central.store import EmbeddedStore
from tests.integration.broker import Broker
from tests.system.proxy import Link, Weather

DEVICE = "veh-1"
PAUSE = 0.02  # seconds between two reports, on average
QUOTA = 200  # MB
DRAINING = 120.0  # seconds for everything to arrive once all is well again
LOOP = 3  # times in a row that the vehicle ends of itself


@dataclass(slots=True)
class Verdict:
    """What became of what was committed."""

    committed: int = 0
    lost: list[str] = field(default_factory=list)  # ids that are neither at the centre nor told as dropped
    doubled: list[str] = field(default_factory=list)  # ids that the centre has more than once
    waiting: int = 0  # that have still not arrived
    loops: int = 0
    cuts: Counter[str] = field(default_factory=Counter)

    @property
    def is_good(self) -> bool:
        """Whether nothing was lost and nothing doubled."""
        return not (self.lost or self.doubled or self.waiting or self.loops)


class Rig:
    """A vehicle, a link, a broker and a centre."""

    def __init__(self, directory: Path, seed: int) -> None:
        self.verdict = Verdict()
        self._directory = directory
        self._random = random.Random(seed)
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        (directory / "broker").mkdir(parents=True)
        self._broker = Broker(directory / "broker", persistent=True)
        self._broker.start()
        self._link = Link(self._broker.port)
        for name, port, section in (
            ("vehicle", self._link.port, f'[agent]\ndevice = "{DEVICE}"\n[sync]\nresend_after_s = 5\n'),
            ("centre", self._broker.port, ""),
        ):
            (directory / f"{name}.toml").write_text(
                f'{section}[store]\ndirectory = "{directory / name}"\n'
                f'[broker]\nhost = "127.0.0.1"\nport = {port}\ntls = false\nkeepalive_s = 5\n'
            )
        self._cuts: dict[str, Callable[[], None]] = {
            "vehicle killed": lambda: self._kill("vehicle"),
            "centre killed": lambda: self._kill("centre"),
            "broker killed": self._kill_broker,
            "broker frozen": self._freeze_broker,
            "tunnel": lambda: self._weather(Weather(black=True)),
            "refused": lambda: self._weather(Weather(closed=True), cut=True),
            "80 ms": lambda: self._weather(Weather(delay=0.08)),
            "600 ms": lambda: self._weather(Weather(delay=0.6)),
            "64 kbit/s": lambda: self._weather(Weather(rate=8000.0)),
            "flapping": self._flap,
            "ignition key": lambda: self._kill("vehicle", signal.SIGTERM),
        }

    def run(self, cuts: int) -> Verdict:
        """Cut so many times, then let everything be well and look."""
        self._start("centre")
        self._start("vehicle")
        for _ in range(cuts):
            time.sleep(self._random.uniform(0.1, 0.8))
            name = self._random.choice(sorted(self._cuts))
            self.verdict.cuts[name] += 1
            self._cuts[name]()
            self._look_after_the_vehicle()
        self._link.weather = Weather()
        self._look_after_the_vehicle()
        self._end_the_drive()
        self._judge()
        return self.verdict

    def close(self) -> None:
        """End everything."""
        for process in self._processes.values():
            process.kill()
            process.wait()
        self._link.close()
        self._broker.kill()

    def _start(self, name: str, pause: float = PAUSE) -> None:
        config = str(self._directory / f"{name}.toml")
        command = [sys.executable, "-P", "-m", "central", "ingest", "--config", config]
        if name == "vehicle":
            journal = str(self._directory / "journal")
            command = [sys.executable, "-m", "tests.system.vehicle", config, journal, str(pause), str(QUOTA)]
        with (self._directory / f"{name}.log").open("ab") as log:
            self._processes[name] = subprocess.Popen(command, stdout=log, stderr=log)

    def _kill(self, name: str, number: int = signal.SIGKILL) -> None:
        process = self._processes.pop(name)
        process.send_signal(number)
        process.wait(20)
        time.sleep(self._random.uniform(0.0, 0.5))
        self._start(name)

    def _kill_broker(self) -> None:
        self._broker.kill()
        time.sleep(self._random.uniform(0.0, 1.0))
        self._broker.start()

    def _freeze_broker(self) -> None:
        self._broker.send(signal.SIGSTOP)
        time.sleep(self._random.uniform(0.5, 3.0))
        self._broker.send(signal.SIGCONT)

    def _weather(self, weather: Weather, cut: bool = False) -> None:
        self._link.weather = weather
        if cut:
            self._link.cut()
        time.sleep(self._random.uniform(0.5, 3.0))
        self._link.weather = Weather()

    def _flap(self) -> None:
        for _ in range(self._random.randint(2, 6)):
            self._link.cut()
            time.sleep(self._random.uniform(0.05, 0.4))

    def _look_after_the_vehicle(self) -> None:
        """Start it again where it ended of itself, as systemd would."""
        times = 0
        while self._processes["vehicle"].poll() is not None:
            times += 1
            self._start("vehicle")
            time.sleep(1.0)
            if times == LOOP:
                self.verdict.loops += 1
                return

    def _end_the_drive(self) -> None:
        """Nothing more is found, and what is kept has time to arrive."""
        self._kill_for_good("vehicle")
        self._start("vehicle", pause=10_000.0)
        end = time.monotonic() + DRAINING
        while self._waiting() and time.monotonic() < end:
            time.sleep(0.3)
            self._look_after_the_vehicle()
        self.verdict.waiting = self._waiting()
        for name in ("vehicle", "centre"):
            self._kill_for_good(name)

    def _kill_for_good(self, name: str) -> None:
        process = self._processes.pop(name)
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(10)
        process.kill()
        process.wait()

    def _waiting(self) -> int:
        """Reports, pictures and losses that the centre has not."""
        store = Store(self._directory / "vehicle", read_only=True)
        try:
            pictures = store.pictures.pending(1000)
            return store.outbox.counts(0).pending + len(store.losses.pending(1000)) + len(pictures)
        finally:
            store.close()

    def _judge(self) -> None:
        journal = [line.split() for line in (self._directory / "journal").read_text().splitlines()]
        centre = EmbeddedStore(self._directory / "centre", read_only=True)
        held = Counter(feature["id"] for feature in centre.features())
        places = Counter(feature["properties"]["sequence"] for feature in centre.features())
        dropped = {
            number
            for _device, loss in centre.losses()
            if loss["what"] == "report"
            for first, last in loss["sequences"]
            for number in range(first, last + 1)
        }
        centre.close()
        self.verdict.committed = len(journal)
        self.verdict.lost = [name for number, name in journal if name not in held and int(number) not in dropped]
        self.verdict.doubled = [name for name, count in held.items() if count > 1]
        self.verdict.doubled += [f"sequence {number}" for number, count in places.items() if count > 1]
