"""Camera and gpsd unplugged and replugged in every order, and the real daemon goes on.

Each of the six orders is run with one of the six pairs of ways in which they go. All thirty-six cases, by hand, in
two minutes:

    FIDAMIA_ALL_CASES=1 pytest -rP tests/integration/test_unplugged.py
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path

import pytest

from agent.daemon import BEAT

from .broker import free_port
from .chain import Chain
from .receiver import GPSD, Receiver, wait_until
from .streams import RtspServer

NOTICED = 3.0  # seconds until a camera or a gpsd that hangs is told
RECOVERED = 5.0  # seconds until it works again, once it is back
SPOKEN = 3.0  # seconds until a gpsd that is reached again tells a fix that is known to be new: the second one
AWAY = 4.5  # seconds for which each is away, at least: long enough to be tried again in vain
STEP = 1.0  # seconds between one thing and the next
SLACK = BEAT + 0.5  # seconds until what the daemon knows is read here: it writes once a second, on a busy machine
NEVER = 999.0  # seconds

# What goes (-) and comes back (+).
ORDERS = (
    ("camera-", "camera+", "gps-", "gps+"),
    ("camera-", "gps-", "camera+", "gps+"),
    ("camera-", "gps-", "gps+", "camera+"),
    ("gps-", "gps+", "camera-", "camera+"),
    ("gps-", "camera-", "gps+", "camera+"),
    ("gps-", "camera-", "camera+", "gps+"),
)
WAYS = (  # in which the camera goes, and gpsd
    ("killed", "killed"),
    ("frozen", "frozen"),
    ("killed", "mute"),
    ("frozen", "mute"),
    ("killed", "frozen"),
    ("frozen", "killed"),
)
ALL = list(product(ORDERS, WAYS))
CHOSEN = list(zip(ORDERS, WAYS, strict=True))
AT_ONCE = 6  # cases that run beside one another

pytestmark = pytest.mark.skipif(GPSD is None, reason="gpsd is not installed (Debian: apt install gpsd)")

Case = tuple[tuple[str, ...], tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Word:
    """What the daemon said, and when it was read."""

    at: float  # seconds, monotonic
    camera: str
    gps: str
    frames: int
    looked_at: int
    age: float  # seconds, of the newest fix at the newest frame


@dataclass(slots=True)
class Outcome:
    """What became of a case."""

    words: list[Word] = field(default_factory=list)
    events: dict[str, float] = field(default_factory=dict)  # seconds, monotonic
    code: int = -1  # of the daemon's end
    log: str = ""

    def until(self, event: str, condition: Callable[[Word, Word], bool]) -> float:
        """Seconds from the event until the condition held of a word and of the last one before the event."""
        begun = self.events[event]
        before = [word for word in self.words if word.at <= begun][-1]
        return next((word.at - begun for word in self.words if word.at > begun and condition(word, before)), NEVER)


class Vehicle:
    """A daemon whose camera and receiver can be taken away."""

    def __init__(self, directory: Path, receiver: Receiver, ways: tuple[str, str]) -> None:
        self._receiver, self._ways = receiver, ways
        self._server = RtspServer(pattern="snow")
        sources = (
            f'[camera]\nsource = "{self._server.address}"\nregions = "whole"\nlook_share = 0.1\n'
            f"[gps]\nport = {receiver.port}\n"
        )
        self.chain = Chain(directory, free_port(), sources)

    def do(self, event: str) -> None:
        """Take the camera or the receiver away, or bring it back."""
        camera, gps = self._ways
        actions: Mapping[tuple[str, str], Callable[[], object]] = {
            ("camera-", "killed"): self._server.stop,
            ("camera+", "killed"): self._start_server,
            ("camera-", "frozen"): self._server.freeze,
            ("camera+", "frozen"): self._server.thaw,
            ("gps-", "killed"): self._receiver.kill_gpsd,
            ("gps+", "killed"): self._receiver.start_gpsd,
            ("gps-", "frozen"): self._receiver.freeze_gpsd,
            ("gps+", "frozen"): self._receiver.thaw_gpsd,
            ("gps-", "mute"): self._receiver.mute,
            ("gps+", "mute"): self._receiver.unmute,
        }
        actions[event, camera if event.startswith("camera") else gps]()

    def word(self) -> Word:
        """What the daemon says."""
        camera, gps = self.chain.part("camera"), self.chain.part("gps")

        def figure(figures: Mapping[str, object], name: str, otherwise: float) -> float:
            value = figures.get(name)
            return float(value) if isinstance(value, int | float) else otherwise

        return Word(
            time.monotonic(),
            camera.state,
            gps.state,
            int(figure(camera.figures, "frames", 0)),
            int(figure(camera.figures, "looked_at", 0)),
            figure(gps.figures, "age_s", NEVER),
        )

    def close(self) -> None:
        """End everything."""
        self.chain.close()
        self._server.stop()

    def _start_server(self) -> None:
        self._server = RtspServer(self._server.port, pattern="snow")


def works(word: Word, before: Word) -> bool:
    """Whether the camera gives frames that are looked at, and the receiver fresh fixes."""
    goes_on = word.frames > before.frames and word.looked_at > before.looked_at
    return (word.camera, word.gps) == ("ok", "ok") and goes_on and word.age < STEP + BEAT


def drive(case: Case, directory: Path) -> Outcome:
    """What becomes of a vehicle of which this is taken away and brought back, each AWAY seconds after it went."""
    order, ways = case
    outcome = Outcome()
    with Receiver() as receiver:
        vehicle = Vehicle(directory, receiver, ways)
        try:
            vehicle.chain.agent.start()
            nothing = Word(0, "", "", 0, 3, 0)
            assert wait_until(lambda: works(vehicle.word(), nothing), 60), vehicle.chain.agent.log

            def listen(seconds: float, enough: Callable[[Word], bool] = lambda _word: False) -> None:
                end = time.monotonic() + seconds
                while time.monotonic() < end:
                    outcome.words.append(vehicle.word())
                    if enough(outcome.words[-1]):
                        return
                    time.sleep(0.05)

            for event in order:
                gone = outcome.events.get(event.replace("+", "-"), -NEVER)
                listen(max(STEP, gone + AWAY - time.monotonic()))
                vehicle.do(event)
                outcome.events[event] = time.monotonic()
            last = outcome.words[-1]
            listen(RECOVERED + SPOKEN + SLACK, lambda word: works(word, last))
            with suppress(ProcessLookupError):
                outcome.code = vehicle.chain.agent.kill(signal.SIGTERM)
            outcome.log = vehicle.chain.agent.log
        finally:
            vehicle.close()
    return outcome


@pytest.fixture(scope="module")
def outcomes(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[Case, Future[Outcome]]]:
    """All cases that are asked for, beside one another."""
    functions = [item for item in request.session.items if isinstance(item, pytest.Function)]
    asked: list[Case] = [one.callspec.params["case"] for one in functions if one.path == request.path]  # type: ignore[misc]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield {case: pool.submit(drive, case, tmp_path_factory.mktemp("case")) for case in asked}
        pool.shutdown(cancel_futures=True)


def name(case: Case) -> str:
    order, (camera, gps) = case
    return f"{' '.join(order)}, camera {camera}, gps {gps}"


@pytest.mark.timeout(600)
@pytest.mark.parametrize("case", ALL if os.environ.get("FIDAMIA_ALL_CASES") else CHOSEN, ids=name)
def test_the_daemon_goes_on_whatever_goes_first_and_comes_back_first(
    case: Case, outcomes: dict[Case, Future[Outcome]]
) -> None:
    order, (_camera, gps) = case
    outcome = outcomes[case].result()
    times = {
        "camera noticed": outcome.until("camera-", lambda word, _: word.camera == "failed"),
        "camera back": outcome.until("camera+", lambda word, was: word.camera == "ok" and word.frames > was.frames),
        "all works": outcome.until(order[-1], works),
    }
    if gps != "mute":  # of which a gpsd says nothing
        times["gpsd noticed"] = outcome.until("gps-", lambda word, _: word.gps == "failed")
        times["gpsd back"] = outcome.until("gps+", lambda word, _: word.gps == "ok")
    print(name(case), {what: round(seconds, 1) for what, seconds in times.items()})  # noqa: T201 - measured times
    limits = {
        "camera noticed": NOTICED,
        "camera back": RECOVERED,
        "gpsd noticed": NOTICED,
        "gpsd back": RECOVERED,
        "all works": RECOVERED + SPOKEN,
    }
    assert {what: seconds for what, seconds in times.items() if seconds > limits[what] + SLACK} == {}, outcome.log
    assert (outcome.code, "Traceback" in outcome.log) == (0, False), outcome.log
