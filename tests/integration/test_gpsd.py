"""The GPS driver against a real gpsd, through the faults of a vehicle's life."""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import pairwise

import gpsd
import pytest

from agent.domain import Fix
from agent.drivers.gpsd import GpsdReceiver

from .receiver import GPSD, Receiver, wait_until

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(GPSD is None, reason="gpsd is not installed (Debian: apt install gpsd)"),
]

INSTANT = 0.05  # seconds that a frame does not notice
PUNCTUAL = 0.3  # seconds that the instant of a fix may be off: a poll's interval, and a busy machine
LONG = 3.5  # seconds in which a receiver that works would have given three fixes


@contextmanager
def opened(port: int, timeout: float = 3.0) -> Iterator[GpsdReceiver]:
    driver = GpsdReceiver(port=port, timeout=timeout)
    driver.open()
    with closing(driver):
        yield driver


def told(driver: GpsdReceiver) -> bool:
    """Whether it has told a fix since it was last asked."""
    return bool(driver.take(time.monotonic()))


def published(driver: GpsdReceiver, count: int, seconds: float) -> list[Fix]:
    """The next fixes that the driver tells; each once, whoever asks."""
    fixes: list[Fix] = []

    def enough() -> bool:
        fixes.extend(driver.take(time.monotonic()))
        return len(fixes) >= count

    assert wait_until(enough, seconds), f"{len(fixes)} fixes in {seconds} s, not {count}"
    return fixes


def falls_silent(driver: GpsdReceiver) -> bool:
    """Whether it soon tells nothing for a LONG time; a fix may still have been on its way."""
    end = time.monotonic() + 10
    while time.monotonic() < end:
        if not wait_until(lambda: told(driver), LONG):
            return True
    return False


def midway_polls(port: int, stop: threading.Event) -> tuple[int, int]:
    """How many polls of gpsd, twenty a second, lack the track, of how many."""
    lacking = polls = 0
    with socket.create_connection(("127.0.0.1", port), 3) as connection, connection.makefile("rw") as stream:
        stream.write('?WATCH={"enable":true}\n')
        while not stop.wait(0.05):
            stream.write("?POLL;\n")
            stream.flush()
            while '"class":"POLL"' not in (line := stream.readline()):
                assert line
            polls += 1
            lacking += '"mode":3' in line and '"track"' not in line
    return lacking, polls


def test_every_published_fix_is_whole_though_the_receiver_sends_its_track_last(receiver: Receiver) -> None:
    counted: list[tuple[int, int]] = []
    stop = threading.Event()
    with opened(receiver.port) as driver:
        published(driver, 1, 10)
        observer = threading.Thread(target=lambda: counted.append(midway_polls(receiver.port, stop)))
        observer.start()
        fixes = published(driver, 6, 12)
        stop.set()
        observer.join()
        state = driver.state()
    lacking, polls = counted[0]
    assert lacking > polls / 10, "the receiver does not send its track late: this test shows nothing"
    for fix in fixes:
        assert fix.track == pytest.approx(receiver.track)
        assert fix.speed == pytest.approx(receiver.speed, abs=0.1)
        assert fix.eph == pytest.approx(17.1)
        assert (fix.lat, fix.lon) == pytest.approx((receiver.lat, receiver.lon), abs=0.002)
    steps = [later.at.timestamp() - fix.at.timestamp() for fix, later in pairwise(fixes)]
    assert steps == pytest.approx([1.0] * 5, abs=0.01), "an epoch was left out or came twice"
    # This receiver lives by the clock of the machine, so that one knows when each fix was.
    begin = time.monotonic() - time.time()
    late = [fix.monotonic - (begin + fix.at.timestamp()) for fix in fixes]
    assert max(map(abs, late)) < PUNCTUAL
    assert max(late) - min(late) < PUNCTUAL
    assert (state.connected, state.error, state.satellites, state.refused) == (True, None, 4, 0)


def test_a_receiver_of_five_epochs_a_second_is_polled_often_enough_for_whole_fixes() -> None:
    with Receiver(interval=0.2, rmc_delay=0.1) as fast, opened(fast.port) as driver:
        published(driver, 5, 10)  # while the driver learns the pace
        fixes = published(driver, 10, 10)
    assert [fix.track for fix in fixes] == pytest.approx([fast.track] * 10)


def test_a_mute_receiver_gives_no_new_fix_until_it_speaks_again(receiver: Receiver) -> None:
    with opened(receiver.port) as driver:
        published(driver, 1, 10)
        receiver.mute()
        muted = time.time()
        assert falls_silent(driver)
        assert driver.state().connected
        receiver.unmute()
        assert published(driver, 1, 10)[0].at.timestamp() > muted + LONG


def test_the_last_fix_of_a_receiver_that_was_mute_before_the_start_is_not_taken_for_new(receiver: Receiver) -> None:
    with opened(receiver.port) as driver:
        published(driver, 1, 10)
    receiver.mute()
    with opened(receiver.port) as driver:
        assert wait_until(lambda: driver.state().connected, 5)
        assert not wait_until(lambda: told(driver), 3)


def test_a_receiver_that_loses_its_fix_gives_none(receiver: Receiver) -> None:
    with opened(receiver.port) as driver:
        published(driver, 1, 10)
        receiver.has_fix = False
        assert falls_silent(driver)
        receiver.has_fix = True
        published(driver, 1, 10)
        assert driver.state().refused == 0


def test_a_gpsd_whose_receiver_has_never_spoken_is_told_apart_from_one_that_is_away(receiver: Receiver) -> None:
    receiver.kill_gpsd()
    receiver.mute()
    receiver.start_gpsd()
    with opened(receiver.port, timeout=1.0) as driver:
        assert wait_until(lambda: "no active receiver" in (driver.state().error or ""), 10)
        assert driver.state().connected
        receiver.unmute()
        published(driver, 1, 15)
        assert driver.state().error is None


def test_a_gpsd_that_dies_is_found_again(receiver: Receiver, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "agent.drivers.gpsd")
    with opened(receiver.port) as driver:
        published(driver, 1, 10)
        receiver.kill_gpsd()
        assert wait_until(lambda: not driver.state().connected, 5)
        assert driver.state().error is not None
        assert not wait_until(lambda: driver.state().connected, 3)
        receiver.start_gpsd()
        published(driver, 2, 12)
        assert driver.state().error is None
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]
    assert "43." not in caplog.text


def test_a_frozen_gpsd_blocks_nobody_and_is_dropped(receiver: Receiver) -> None:
    with opened(receiver.port, timeout=1.0) as driver:
        published(driver, 1, 10)
        receiver.freeze_gpsd()
        slowest = 0.0
        deadline = time.monotonic() + 3
        while time.monotonic() < deadline:
            start = time.monotonic()
            told(driver)
            slowest = max(slowest, time.monotonic() - start)
        assert slowest < INSTANT
        assert not driver.state().connected
        assert "has not answered" in (driver.state().error or "")
        receiver.thaw_gpsd()
        published(driver, 1, 12)


def test_closing_does_not_wait_for_a_frozen_gpsd(receiver: Receiver) -> None:
    with opened(receiver.port, timeout=30.0) as driver:
        published(driver, 1, 10)
        receiver.freeze_gpsd()
        assert falls_silent(driver)  # it waits for an answer by now
        start = time.monotonic()
        driver.close()
        assert time.monotonic() - start < 1
        driver.close()
    assert not driver.state().connected
    assert not any(thread.name == "gpsd" for thread in threading.enumerate())


def test_a_gpsd_that_is_away_at_the_start_is_found_when_it_comes(receiver: Receiver) -> None:
    receiver.kill_gpsd()
    with opened(receiver.port) as driver:
        assert wait_until(lambda: driver.state().error is not None, 5)
        assert not driver.state().connected
        assert not told(driver)
        receiver.start_gpsd()
        published(driver, 1, 15)


@pytest.mark.parametrize(
    "answer", [b"HTTP/1.1 400 Bad Request\r\n", b"[]\n", b'{"class":"ERROR"}\n', b"\xff\xfe\n", b""]
)
def test_what_is_not_gpsd_is_dropped_and_tried_again(answer: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as impostor:
        impostor.settimeout(10)
        with opened(impostor.getsockname()[1]) as driver:
            for _ in range(2):
                connection, _ = impostor.accept()
                connection.sendall(answer)
                connection.close()
            assert driver.state().error is not None
            assert not driver.state().connected


def test_the_driver_speaks_through_gpsd_py3(receiver: Receiver) -> None:
    with opened(receiver.port) as driver:
        published(driver, 1, 10)
        assert gpsd.gpsd_socket.getpeername()[1] == receiver.port
        assert gpsd.gpsd_socket.gettimeout() == pytest.approx(3.0)
