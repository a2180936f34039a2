"""A patrol without hardware: real daemon, real broker, real centre, all on this machine and in one folder."""

from __future__ import annotations

import getpass
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

import msgspec

from agent import health
from agent.domain import WHOLE_FRAME, Region
from agent.errors import FidamiaError
from agent.health import Health
from agent.i18n import _
from agent.store.outbox import Outbox
from agent.sync.messages import feature
from central.store import EmbeddedStore

DEVICE = "demo-01"
# Both halves of what is below the horizon, overlapping: of 19 ways to divide the recorded drive's frames, the one that
# told the most and the least cracked of them apart best.
ROAD: list[Region] = [(0.0, 0.3, 0.6, 1.0), (0.4, 0.3, 1.0, 1.0)]
SBIN = "/usr/sbin:/usr/local/sbin"  # Debian keeps daemons where an ordinary user's PATH does not look
SPEED_FACTOR = 4.0  # the simulated patrol drives four times faster than the clock
PATIENCE = 30.0  # seconds that the last reports may take to arrive
STARTING = 15.0  # seconds that broker and centre may take to start
BEAT = 0.2  # seconds

# What differs from one report to the same one sent again, or is only known when it is sent.
SENDING = ("sent_at", "historical")


@dataclass(frozen=True, slots=True)
class Patrol:
    """What is driven."""

    images: Path | None = None  # a folder of pictures, None for the simulator
    track: Path | None = None  # the NMEA track that goes with them
    seconds: float | None = None  # how long, by the clock


@dataclass(frozen=True, slots=True)
class Progress:
    """How far it is."""

    seconds: float
    frames: int
    found: int
    delivered: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it."""

    reports: list[dict[str, Any]]  # GeoJSON Features, as the centre holds them
    found: int  # reports in the device's store
    missing: list[str]  # ids that the centre lacks
    unexpected: list[str]  # ids that the device never had
    different: list[str]  # ids whose content is not what the device stored
    doubled: list[str]  # ids that the centre holds more than once
    frames: int
    seconds: float

    @property
    def exactly_once(self) -> bool:
        """Whether device and centre hold the same reports, each once."""
        return not (self.missing or self.unexpected or self.different or self.doubled)


class DemoError(FidamiaError):
    """The demonstration could not run."""


class Demonstration:
    """Use as a context: the processes end with it, the folder stays with whoever made it."""

    def __init__(self, directory: Path, patrol: Patrol) -> None:
        """`directory` takes configuration, stores and logs. Raises DemoError where mosquitto is missing."""
        self._directory = directory
        self._patrol = patrol
        self._processes = ExitStack()
        self._agent: subprocess.Popen[bytes] | None = None
        self._started = time.monotonic()
        self._mosquitto = _find("mosquitto")
        self._mosquitto_passwd = _find("mosquitto_passwd")

    def __enter__(self) -> Demonstration:
        """Start broker, centre and agent. Raises DemoError."""
        port = _free_port()
        passwords = {"centre": secrets.token_urlsafe(24), "device": secrets.token_urlsafe(24)}
        try:
            self._configure(port, passwords)
            self._start("broker", [self._mosquitto, "-c", str(self._directory / "mosquitto.conf")])
            _wait_for(lambda: _listens(port), _("the broker did not start; see {log}").format(log=self._log("broker")))
            self._start("centre", _python("central", "ingest", "--config", str(self._directory / "central.toml")))
            centre_log = self._directory / self._log("centre")
            _wait_for(
                lambda: b"connected to the broker" in centre_log.read_bytes(),
                _("the centre did not start; see {log}").format(log=centre_log),
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
        for secret in ("passwords", "centre.password", "device.password"):
            (self._directory / secret).unlink()

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
            yield _progress(word, elapsed)
            if deadline is None and (self._ended(word) or self._over(elapsed)):
                deadline = time.monotonic() + PATIENCE
                if not self._ended(word):
                    agent.send_signal(signal.SIGTERM)
            if deadline is not None and time.monotonic() > deadline:
                raise DemoError(
                    _("the last reports did not arrive within {seconds:.0f} s; they are kept; see {log}").format(
                        seconds=PATIENCE, log=self._directory / self._log("agent")
                    )
                )
        if agent.returncode != 0:
            lines = (self._directory / self._log("agent")).read_text(errors="replace").strip().splitlines()
            raise DemoError(
                "\n".join([_("the agent stopped with exit code {code}:").format(code=agent.returncode), *lines[-5:]])
            )

    def outcome(self) -> Outcome:
        """Compare what the device stored with what the centre holds. Raises StoreError."""
        outbox = Outbox(self._directory / "device", read_only=True)
        entries = outbox.entries()
        outbox.close()
        store = EmbeddedStore(self._directory / "central", read_only=True)
        held = store.features()
        store.close()
        sent = {entry.report.id: _content(msgspec.json.decode(feature(entry, datetime.now(UTC)))) for entry in entries}
        stored = {one["id"]: _content(one) for one in held}
        word = health.read(self._directory / "device" / "status.json")
        collection = msgspec.json.encode({"type": "FeatureCollection", "features": held})
        _write(self._directory / "reports.geojson", collection.decode())
        return Outcome(
            reports=held,
            found=len(entries),
            missing=sorted(sent.keys() - stored.keys()),
            unexpected=sorted(stored.keys() - sent.keys()),
            different=sorted(key for key in sent.keys() & stored.keys() if sent[key] != stored[key]),
            doubled=sorted({one["id"] for one in held if sum(other["id"] == one["id"] for other in held) > 1}),
            frames=int(word.parts["camera"].figures.get("looked_at") or 0) if word else 0,
            seconds=time.monotonic() - self._started,
        )

    def _running_agent(self) -> subprocess.Popen[bytes]:
        if self._agent is None:
            raise ValueError("not entered")
        return self._agent

    def _over(self, elapsed: float) -> bool:
        return self._patrol.seconds is not None and elapsed > self._patrol.seconds

    def _ended(self, word: Health | None) -> bool:
        return word is not None and word.parts["camera"].state == "off"

    def _log(self, name: str) -> str:
        return f"{name}.log"

    def _start(self, name: str, arguments: list[str]) -> subprocess.Popen[bytes]:
        return self._processes.enter_context(_process(arguments, self._directory / self._log(name)))

    def _configure(self, port: int, passwords: dict[str, str]) -> None:
        """Write every file; passwords are new each time and readable by this user only."""
        directory = self._directory
        for user, password in passwords.items():
            _write(directory / f"{user}.password", password)
        _write(directory / "passwords", "".join(f"{user}:{password}\n" for user, password in passwords.items()))
        subprocess.run([self._mosquitto_passwd, "-U", str(directory / "passwords")], check=True, capture_output=True)
        (directory / "passwords").chmod(0o600)
        _write(directory / "access", ACCESS.format(device=DEVICE))
        _write(directory / "mosquitto.conf", MOSQUITTO.format(port=port, directory=directory, user=getpass.getuser()))
        broker = BROKER.format(port=port, directory=directory)
        _write(directory / "central.toml", CENTRAL.format(broker=broker.format(user="centre"), directory=directory))
        _write(
            directory / "agent.toml",
            AGENT.format(
                device=DEVICE, broker=broker.format(user="device"), directory=directory, sources=self._sources()
            ),
        )

    def _sources(self) -> str:
        if self._patrol.images is None:
            seconds = self._patrol.seconds or 30.0
            return SIMULATOR.format(speed_factor=SPEED_FACTOR, seconds=seconds * SPEED_FACTOR)
        track = str(self._patrol.track.absolute()) if self._patrol.track else "none"
        # With a track, the pictures are those of a vehicle's camera; without, anybody's, who aimed at the defect.
        regions = ROAD if self._patrol.track else [WHOLE_FRAME]
        return RECORDING.format(
            images=_toml(str(self._patrol.images.absolute())),
            regions=msgspec.json.encode(regions).decode(),
            track=_toml(track),
        )


MOSQUITTO = """\
listener {port} 127.0.0.1
user {user}
allow_anonymous false
password_file {directory}/passwords
acl_file {directory}/access
persistence false
"""

ACCESS = """\
user device
topic write fidamia/v1/{device}/reports
topic write fidamia/v1/{device}/state
topic read fidamia/v1/{device}/ack

user centre
topic read fidamia/v1/+/reports
topic write fidamia/v1/+/ack
"""

BROKER = """\
[broker]
host = "127.0.0.1"
port = {port}
tls = false
username = "{{user}}"
password_file = "{directory}/{{user}}.password"
"""

CENTRAL = """\
{broker}
[store]
directory = "{directory}/central"
"""

AGENT = """\
[agent]
device = "{device}"

{sources}
{broker}
[store]
directory = "{directory}/device"
"""

SIMULATOR = """\
[camera]
source = "simulator"

[gps]
source = "simulator"

[simulator]
speed_factor = {speed_factor}
seconds = {seconds}
"""

# A recording is looked at frame by frame: whoever made it chose the frames.
RECORDING = """\
[camera]
source = {images}
regions = {regions}

[gps]
source = {track}

[trigger]
every_m = 0
every_s = 0
"""


def _toml(text: str) -> str:
    """A TOML string: JSON's escapes are valid there."""
    return msgspec.json.encode(text).decode()


def _write(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")


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
    with log.open("wb") as output:
        process = subprocess.Popen(arguments, stdout=output, stderr=subprocess.STDOUT, start_new_session=True)
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


def _wait_for(condition: Any, failure: str) -> None:
    deadline = time.monotonic() + STARTING
    while not condition():
        if time.monotonic() > deadline:
            raise DemoError(failure)
        time.sleep(BEAT / 4)


def _progress(word: Health | None, elapsed: float) -> Progress:
    if word is None:
        return Progress(elapsed, 0, 0, 0)
    figures = {name: part.figures for name, part in word.parts.items()}
    return Progress(
        seconds=elapsed,
        frames=int(figures["camera"].get("looked_at") or 0),
        found=int(figures["store"].get("reports") or 0),
        delivered=int(figures["centre"].get("settled") or 0),
    )


def _content(one: dict[str, Any]) -> dict[str, Any]:
    properties = {key: value for key, value in one["properties"].items() if key not in SENDING}
    return {**one, "properties": properties}
