"""The end of a tunnel, over a link that loses packets and whose ends are never told."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.store.quota import Limits
from agent.store.store import open_whole
from tests.integration.receiver import wait_until
from tests.system.proxy import Weather
from tests.system.radio import Radio
from tests.system.vehicle import courier
from tests.unit.builders import DEVICE, report

TUNNEL = 14.0  # seconds: TCP has tried after 6.4 and 12.8, and would try next after 25.6


@pytest.fixture
def radio() -> Iterator[Radio]:
    try:
        link = Radio()
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"this machine does not let the test make a network: {error}")
    yield link
    link.close()


def test_at_the_end_of_a_tunnel_a_new_connection_does_not_wait_for_the_old_one(
    tmp_path: Path, radio: Radio, caplog: pytest.LogCaptureFixture
) -> None:
    store = open_whole(tmp_path / "vehicle", Limits(2_000_000_000, 0))
    with radio.other_end(tmp_path, DEVICE) as settings:
        radio.weather = Weather(delay=0.04)
        worker = courier(store, settings, DEVICE)
        worker.start()
        try:
            for number in (1, 2):
                store.append(report(number))
                assert wait_until(lambda: store.outbox.counts(0).pending == 0, 30)
            assert caplog.text == "", "a link that is only slow is no tunnel"
            radio.weather = Weather(black=True)
            store.append(report(3))
            time.sleep(TUNNEL)
            radio.weather = Weather(delay=0.04)
            assert wait_until(lambda: store.outbox.counts(0).pending == 0, 60)
        finally:
            worker.stop.set()
            worker.join(5)
    assert "is reached again; the connection is made anew" in caplog.text
    store.close()
