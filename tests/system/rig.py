"""Cuts everything, at random and by a seed, and holds what arrived against what was committed."""

from __future__ import annotations

import hashlib
import os
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

import cv2
import numpy as np

from agent.simulation import scenery
from agent.store.store import Store
from central.store import EmbeddedStore
from tests.integration.broker import Broker
from tests.integration.centre import Centre
from tests.integration.process import Process
from tests.system.proxy import Link, Weather
from tests.system.vehicle import SIZE, Finder

DEVICE = "veh-1"
PAUSE = 0.02  # seconds between two reports, on average
QUOTA = 200  # MB
DRAINING = 120.0  # seconds for everything to arrive once all is well again
DISK = 150  # MB
# https://blitiri.com.ar/p/libfiu/: lets system calls fail when told to.
CONTROL, FAULTS = Path("/usr/lib/fiu/fiu_run_preload.so"), Path("/usr/lib/fiu/fiu_posix_preload.so")
SYNCS = "posix/io/sync/*"
PICTURES = 5  # different ones, which is enough: drawing takes longer than committing
ENDING = 10.0  # seconds that a process has to end of itself
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
        (directory / "broker").mkdir(parents=True)
        draw_pictures(directory)
        self._is_disk = _mount(directory / "vehicle")
        self._broker = Broker(directory / "broker", persistent=True)
        self._broker.start()
        self._link = Link(self._broker.port)
        self._centre = Centre(directory, self._broker.port)
        (directory / "vehicle.toml").write_text(
            f'[agent]\ndevice = "{DEVICE}"\n[sync]\nresend_after_s = 5\n[store]\ndirectory = "{directory}/vehicle"\n'
            f'[broker]\nhost = "127.0.0.1"\nport = {self._link.port}\ntls = false\nkeepalive_s = 5\n'
        )
        self._vehicle = self._drive(PAUSE)
        self._cuts: dict[str, Callable[[], None]] = {
            "vehicle killed": lambda: self._kill(self._vehicle),
            "centre killed": lambda: self._kill(self._centre),
            "broker killed": lambda: self._kill(self._broker),
            "broker frozen": self._freeze_broker,
            "tunnel": lambda: self._weather(Weather(black=True)),
            "refused": lambda: self._weather(Weather(closed=True), cut=True),
            "80 ms": lambda: self._weather(Weather(delay=0.08)),
            "600 ms": lambda: self._weather(Weather(delay=0.6)),
            "64 kbit/s": lambda: self._weather(Weather(rate=8000.0)),
            "flapping": self._flap,
            "ignition key": lambda: self._kill(self._vehicle, signal.SIGTERM),
            "clock jumps": lambda: self._vehicle.send(signal.SIGUSR1),
        }
        if FAULTS.exists():
            self._cuts["fsync fails"] = self._fail_syncs
        if self._is_disk:
            self._cuts["disk full"] = self._fill_disk
            self._cuts["disk full, killed"] = lambda: self._fill_disk(killed=True)

    def run(self, cuts: int) -> Verdict:
        """Cut so many times, then let everything be well and look."""
        self._centre.start()
        self._vehicle.start()
        for _ in range(cuts):
            time.sleep(self._random.uniform(0.1, 0.8))
            name = self._random.choice(sorted(self._cuts))
            self.verdict.cuts[name] += 1
            self._cuts[name]()
            self._look_after_the_vehicle()
        self._link.weather = Weather()
        self._look_after_the_vehicle()
        self._end_the_drive()
        judge(self._directory, self._centre, self.verdict)
        return self.verdict

    def close(self) -> None:
        """End everything."""
        self._vehicle.close()
        self._centre.close()
        self._link.close()
        self._broker.close()
        if self._is_disk:
            subprocess.run(["umount", "--lazy", self._directory / "vehicle"], check=True)

    @property
    def kinds(self) -> list[str]:
        """The cuts that can be made on this machine."""
        return sorted(self._cuts)

    def _drive(self, pause: float) -> Process:
        """A vehicle that finds something each `pause` seconds."""
        at = self._directory
        command = [sys.executable, "-m", "tests.system.vehicle"]
        command += [f"{at}/vehicle.toml", f"{at}/journal", str(at), str(pause), str(QUOTA)]
        environment = dict(os.environ)
        if FAULTS.exists():
            environment |= {"LD_PRELOAD": f"{FAULTS}:{CONTROL}", "FIU_CTRL_FIFO": f"{at}/faults"}
        return Process(command, at / "vehicle.log", environment)

    def _kill(self, process: Process, number: int = signal.SIGKILL) -> None:
        process.kill(number)
        time.sleep(self._random.uniform(0.0, 1.0))
        process.start()

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

    def _fail_syncs(self) -> None:
        """The disk does not write what it was given, one time in three, and says so."""
        self._control(f"enable_random name={SYNCS},probability=0.3")
        time.sleep(self._random.uniform(0.3, 2.0))
        self._control(f"disable name={SYNCS}")

    def _control(self, command: str) -> None:
        # It may be starting, or have ended of itself: then there is nothing to tell.
        how = ["fiu-ctrl", "-f", str(self._directory / "faults"), "-c", command, str(self._vehicle.pid)]
        with suppress(subprocess.TimeoutExpired):
            subprocess.run(how, capture_output=True, timeout=3, check=False)

    def _fill_disk(self, killed: bool = False) -> None:
        """Somebody else fills it to the last byte, and makes room again."""
        other = self._directory / "vehicle" / "somebody-else"
        with suppress(OSError), other.open("wb", buffering=0) as file:
            while file.write(bytes(1024 * 1024)):
                pass
        time.sleep(self._random.uniform(0.3, 2.0))
        if killed:
            self._kill(self._vehicle)
            time.sleep(self._random.uniform(0.3, 2.0))
        other.unlink()

    def _look_after_the_vehicle(self) -> None:
        """Start it again where it ended of itself, as systemd would."""
        times = 0
        while not self._vehicle.is_running:
            times += 1
            self._vehicle.start()
            time.sleep(1.0)
            if times == LOOP:
                self.verdict.loops += 1
                return

    def _end_the_drive(self) -> None:
        """Nothing more is found, and what is kept has time to arrive."""
        self._vehicle.close(ENDING)
        self._vehicle = self._drive(pause=10_000.0)
        self._vehicle.start()
        end = time.monotonic() + DRAINING
        while self._waiting() and time.monotonic() < end:
            time.sleep(0.3)
            self._look_after_the_vehicle()
        self.verdict.waiting = self._waiting()
        self._vehicle.close(ENDING)
        self._centre.close(ENDING)

    def _waiting(self) -> int:
        """Reports, pictures and losses that the centre has not."""
        store = Store(self._directory / "vehicle", read_only=True)
        try:
            pictures = store.pictures.pending(1000)
            return store.outbox.counts(0).pending + len(store.losses.pending(1000)) + len(pictures)
        finally:
            store.close()


def draw_pictures(directory: Path) -> None:
    """What the vehicle sees."""
    for number in range(PICTURES):
        scene = scenery.draw("pothole", np.random.default_rng([9, number]), *SIZE)
        (directory / f"{number}.jpg").write_bytes(cv2.imencode(".jpg", scene)[1].tobytes())


def judge(directory: Path, centre: Centre, verdict: Verdict) -> None:
    """Hold what the centre has against the journal, in `directory`, of what the vehicle has committed."""
    # The power may have been cut in the middle of the last line of a life.
    lines = [line.split() for line in (directory / "journal").read_text(errors="replace").splitlines()]
    journal = [line for line in lines if len(line) == len(Finder.LINE)]
    with centre.store() as store:
        features = store.features()
        dropped = {what: _told(store, what) for what in ("report", "evidence")}
        pictures = {one["id"]: path for one in features if (path := store.picture(DEVICE, one["id"])) is not None}
    held = Counter(feature["id"] for feature in features)
    places = Counter(feature["properties"]["sequence"] for feature in features)
    withheld = {feature["id"] for feature in features if feature["properties"]["evidence_withheld"] is not None}
    verdict.committed = len(journal)
    for number, name, digest in journal:
        told = int(number) in dropped["report"]
        if name not in held and not told:
            verdict.lost.append(name)
        if digest == "-" or told or int(number) in dropped["evidence"] or name in withheld:
            continue
        if name not in pictures or hashlib.sha256(pictures[name].read_bytes()).hexdigest() != digest:
            verdict.lost.append(f"the picture of {name}")
    verdict.doubled = [name for name, count in held.items() if count > 1]
    verdict.doubled += [f"sequence {number}" for number, count in places.items() if count > 1]


def _told(store: EmbeddedStore, what: str) -> set[int]:
    """The sequences of which a loss was delivered."""
    return {
        number
        for _device, loss in store.losses()
        if loss["what"] == what
        for first, last in loss["sequences"]
        for number in range(first, last + 1)
    }


def _mount(directory: Path) -> bool:
    """Put a small disk there; whether that is allowed."""
    directory.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK}M,mode=0750", "fidamia-faults", str(directory)]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0
