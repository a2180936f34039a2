"""The driver of gpsd, against the protocol of one on a socket; how it does with a real one, integration tests say."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import timedelta
from typing import IO

from agent.domain import Fix
from agent.drivers.epochs import Epoch, parse
from agent.drivers.gpsd import KEPT, GpsdReceiver
from tests.unit.builders import MARSEILLE, NOON

LATENCY = 0.2  # seconds
INTERVAL = 0.001  # seconds between two polls
LONG = 20.0  # seconds that nothing here takes


class Gpsd:
    """Answers one poll after another with the fix of the next second, and from the last on with that."""

    def __init__(self, seconds: Sequence[int]) -> None:
        self._seconds = seconds
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self.port: int = self._socket.getsockname()[1]
        self.told = threading.Event()  # the driver has taken in the answer to its last poll
        self._thread.start()

    def close(self) -> None:
        """Stop."""
        self._socket.close()
        self._thread.join(LONG)

    def _serve(self) -> None:
        connection, _address = self._socket.accept()
        with connection, connection.makefile("rw", encoding="utf-8") as stream:
            _say(stream, {"class": "VERSION", "release": "3.22", "proto_major": 3, "proto_minor": 14})
            stream.readline()
            _say(stream, {"class": "DEVICES", "devices": []}, {"class": "WATCH", "enable": True})
            for number, _poll in enumerate(stream):
                if number > len(self._seconds):
                    self.told.set()
                _say(stream, _answer(self._seconds[min(number, len(self._seconds) - 1)]))


def _say(stream: IO[str], *messages: dict[str, object]) -> None:
    try:
        for message in messages:
            stream.write(json.dumps(message) + "\n")
            stream.flush()
    except OSError:
        return  # the driver has closed the connection


def _answer(second: int) -> dict[str, object]:
    lat, lon = MARSEILLE
    at = (NOON + timedelta(seconds=second)).isoformat()
    tpv = {"class": "TPV", "mode": 3, "time": at, "lat": lat, "lon": lon, "eph": 4.0, "speed": 1.0, "track": 90.0}
    return {"class": "POLL", "active": 1, "tpv": [tpv], "sky": [{"class": "SKY"}]}


@contextmanager
def driven(seconds: Sequence[int]) -> Iterator[GpsdReceiver]:
    """A driver that has heard the fixes of these seconds after noon."""
    with closing(Gpsd(seconds)) as gpsd:
        driver = GpsdReceiver(port=gpsd.port, latency=LATENCY, interval=INTERVAL)
        driver.open()
        with closing(driver):
            assert gpsd.told.wait(LONG)
            yield driver


def seconds(fixes: Sequence[Fix]) -> list[float]:
    return [(fix.at - NOON).total_seconds() for fix in fixes]


def test_fixes_are_told_once_in_their_order_and_none_is_left_out() -> None:
    with driven(range(30)) as driver:
        told = driver.take(time.monotonic())
        again = driver.take(time.monotonic())
    # How old the first one is, is not known.
    assert (seconds(told), again) == (list(range(1, 30)), [])


def test_a_fix_was_before_it_was_heard() -> None:
    began = time.monotonic()
    with driven(range(5)) as driver:
        told = driver.take(0.0)
    ended = time.monotonic()
    # These come faster than their time goes by: of a clock that is set at each of them, each is the first.
    assert all(began - LATENCY <= fix.monotonic <= ended - LATENCY for fix in told)


def test_of_fixes_that_nobody_takes_the_newest_are_kept() -> None:
    driver = GpsdReceiver()
    for second in range(KEPT + 10):
        tpv = parse(json.dumps(_answer(second))).tpv[-1]
        driver._publish(Epoch(tpv, float(second), float(second)))
    assert seconds(driver.take(0.0)) == list(range(10, KEPT + 10))


def test_a_receiver_that_repeats_itself_tells_nothing_new() -> None:
    with driven([0, *[1] * 20]) as driver:
        assert seconds(driver.take(0.0)) == [1]
        assert driver.take(0.0) == []


def test_a_receiver_that_was_never_opened_knows_nothing_and_closes_quietly() -> None:
    receiver = GpsdReceiver()
    receiver.close()
    assert receiver.take(0.0) == []
    assert not receiver.state().connected
