"""Starts broker, centre and agent, watches the patrol, and ends them again."""

from __future__ import annotations

import math
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import msgspec

from agent import health
from agent.demo.configuration import SECRETS, Drive, write, write_configuration
from agent.demo.outcome import Outcome, compare
from agent.errors import FidamiaError
from agent.health import Health
from agent.i18n import _
from agent.outage import NETWORK, fails
from agent.simulation.truth import write_truth

SBIN = "/usr/sbin:/usr/local/sbin"  # Debian keeps daemons where an ordinary user's PATH does not look
PATIENCE = 75.0  # seconds that the last reports may take to arrive: more than it takes to give up a connection
STARTING = 15.0  # seconds that broker and centre may take to start
BEAT = 0.2  # seconds
TRUTH = "truth.json"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far it is."""

    seconds: float
    frames: int
    found: int
    delivered: int
    unreadable: int = 0  # pictures


class DemoError(FidamiaError):
    """The demonstration could not run."""


class Demonstration:
    """Use as a context: the processes end with it, the folder stays with whoever made it."""

    def __init__(self, directory: Path, drive: Drive) -> None:
        """`directory` takes configuration, stores and logs. Raises DemoError where mosquitto is missing."""
        self._directory = directory
        self._drive = drive
        self._processes = ExitStack()
        self._agent: subprocess.Popen[bytes] | None = None
        self._broker = ExitStack()
        self._cut = False  # the broker is away because it was asked for
        self._departed: float | None = None  # seconds by the clock, when the vehicle set out
        self._started = time.monotonic()
        self._mosquitto = _find("mosquitto")
        self._mosquitto_passwd = _find("mosquitto_passwd")

    def __enter__(self) -> Demonstration:
        """Start broker, centre and agent. Raises DemoError."""
        port = _free_port()
        self._processes.callback(self._forget_passwords)
        passwords = {"centre": secrets.token_urlsafe(24), "device": secrets.token_urlsafe(24)}
        try:
            write_configuration(self._directory, self._drive, port, passwords, self._mosquitto_passwd)
            self._processes.callback(self._broker.close)
            broker = self._start_broker()
            self._wait_for(lambda: _listens(port), broker, "broker", _("the broker did not start:"))
            settings = str(self._directory / "central.toml")
            centre = self._start("centre", _python("central", "ingest", "--config", settings))
            centre_log = self._directory / self._log("centre")
            self._wait_for(
                lambda: b"connected to the broker" in centre_log.read_bytes(),
                centre,
                "centre",
                _("the centre did not start:"),
            )
            self._agent = self._start("agent", _python("agent", "run", "--config", str(self._directory / "agent.toml")))
        except BaseException:
            self._processes.close()
            raise
        self._started = time.monotonic()
        return self

    def __exit__(self, *_exception: object) -> None:
        """End the processes, the agent first; the passwords were theirs only."""
        self._processes.close()

    def _forget_passwords(self) -> None:
        for secret in SECRETS:
            (self._directory / secret).unlink(missing_ok=True)

    def watch(self) -> Iterator[Progress]:
        """How far it is, again and again until the patrol has ended and everything is delivered.

        Raises DemoError where the agent fails, or the last reports do not arrive in time.
        """
        agent = self._running_agent()
        deadline: float | None = None
        while agent.poll() is None:
            time.sleep(BEAT)
            elapsed = time.monotonic() - self._started
            word = health.read(self._directory / "device" / "status.json")
            self._cut_network(word)
            yield _progress(word, elapsed)
            if deadline is None and (self._ended(word) or self._over(elapsed)):
                deadline = time.monotonic() + PATIENCE
                if not self._ended(word):
                    agent.send_signal(signal.SIGTERM)
            if deadline is not None and time.monotonic() > deadline:
                raise self._failure(
                    "agent", _("the last reports did not arrive within {seconds:.0f} s:").format(seconds=PATIENCE)
                )
        if agent.returncode != 0:
            raise self._failure("agent", _("the agent stopped with exit code {code}:").format(code=agent.returncode))

    def outcome(self) -> Outcome:
        """Compare what device and centre hold; leaves a map of it, and the truth where it is known.

        Raises StoreError.
        """
        found = compare(self._directory / "device", self._directory / "central")
        collection = msgspec.json.encode({"type": "FeatureCollection", "features": found.reports})
        write(self._directory / "reports.geojson", collection.decode())
        if self._drive.images is None:
            write_truth(self._directory / TRUTH, self._drive.patrol(), self._drive.start)
        return found

    def _cut_network(self, word: Health | None) -> None:
        """Take the broker away, and give it back, when the patrol is where that was asked for."""
        frames = word.parts["camera"].figures.get("frames") if word else None
        if self._departed is None and frames:
            self._departed = time.monotonic()
        patrolled = 0.0
        if self._departed is not None:
            patrolled = (time.monotonic() - self._departed) * (self._drive.pace or 1.0)
        cut = not self._ended(word) and fails(self._drive.outages, NETWORK, patrolled)
        if cut and not self._cut:
            self._broker.close()
        elif self._cut and not cut:
            self._start_broker()
        self._cut = cut

    def _running_agent(self) -> subprocess.Popen[bytes]:
        if self._agent is None:
            raise ValueError("not entered")
        return self._agent

    def _wait_for(
        self, condition: Callable[[], bool], process: subprocess.Popen[bytes], name: str, failure: str
    ) -> None:
        deadline = time.monotonic() + STARTING
        while not condition():
            if process.poll() is not None or time.monotonic() > deadline:
                raise self._failure(name, failure)
            time.sleep(BEAT / 4)

    def _failure(self, name: str, sentence: str) -> DemoError:
        """With the process's last lines: its log may be gone in a moment."""
        lines = (self._directory / self._log(name)).read_text(errors="replace").strip().splitlines()
        return DemoError("\n".join([sentence, *lines[-5:]]))

    def _over(self, elapsed: float) -> bool:
        # A simulated patrol ends by itself.
        return self._drive.images is not None and elapsed > (self._drive.seconds or math.inf)

    def _ended(self, word: Health | None) -> bool:
        return word is not None and word.parts["camera"].state == "off"

    def _log(self, name: str) -> str:
        return f"{name}.log"

    def _start_broker(self) -> subprocess.Popen[bytes]:
        arguments = [self._mosquitto, "-c", str(self._directory / "mosquitto.conf")]
        return self._broker.enter_context(_process(arguments, self._directory / self._log("broker")))

    def _start(self, name: str, arguments: list[str]) -> subprocess.Popen[bytes]:
        return self._processes.enter_context(_process(arguments, self._directory / self._log(name)))


def _find(program: str) -> str:
    found = shutil.which(program) or shutil.which(program, path=SBIN)
    if found is None:
        raise DemoError(
            _(
                "{program} is not installed, and the demonstration needs a real MQTT broker; "
                "get it with: sudo apt-get install mosquitto"
            ).format(program=program)
        )
    return found


def _python(module: str, *arguments: str) -> list[str]:
    """Another command of ours; -P keeps a folder that happens to be called like a package from being taken for it."""
    return [sys.executable, "-P", "-m", module, *arguments]


@contextmanager
def _process(arguments: list[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that ends with the context."""
    output: IO[bytes]
    with log.open("ab") as output:
        # Where setpriv is (Debian: always), the process also ends when this one is killed.
        tied = ["setpriv", "--pdeathsig", "TERM", "--"] if shutil.which("setpriv") else []
        process = subprocess.Popen([*tied, *arguments], stdout=output, stderr=subprocess.STDOUT, start_new_session=True)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _progress(word: Health | None, elapsed: float) -> Progress:
    if word is None:
        return Progress(elapsed, 0, 0, 0)
    figures = {name: part.figures for name, part in word.parts.items()}
    return Progress(
        seconds=elapsed,
        frames=int(figures["camera"].get("looked_at") or 0),
        found=int(figures["store"].get("reports") or 0),
        delivered=int(figures["centre"].get("settled") or 0),
        unreadable=int(figures["camera"].get("unreadable") or 0),
    )
