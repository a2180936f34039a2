"""A receiver that tells what can not be true, through a real gpsd: the daemon goes on and believes none of it."""

from __future__ import annotations

import math
import signal
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from agent.domain import TRUSTED
from agent.plane import between

from .broker import free_port
from .chain import Chain
from .receiver import Receiver, wait_until
from .streams import MjpegServer, street

ROLLOVER = timedelta(weeks=1024)  # after which the receivers' week number begins anew
LIES = (  # in place of where it is, and of the day
    ("0000.00000,N,00000.00000,E", None),
    ("nan,N,nan,E", None),
    ("9999.00000,N,99999.00000,E", None),
    (None, date(1980, 1, 6)),  # and 2080: a year has two digits there. gpsd takes it for one or two rollovers
    (None, date(2019, 1, 1)),
)
REASONS = ("exactly (0, 0)", "lacks a position", "its date, 1999", "its date, 2019")
SIGHT = 40.0  # metres from the vehicle to what it sees, and as far as it may be off
FRESH = 3.0  # seconds


@pytest.mark.timeout(120)
def test_no_fix_is_used_that_can_not_be_true(tmp_path: Path, receiver: Receiver) -> None:
    begin, started = (receiver.lat, receiver.lon), datetime.now(UTC)
    camera = MjpegServer(street(), rate=10)
    sources = f'[camera]\nsource = "{camera.address}"\n[gps]\nport = {receiver.port}\n'
    chain = Chain(tmp_path, free_port(), sources)
    chain.config.write_text(chain.config.read_text().replace("[agent]\n", '[agent]\nlog_level = "DEBUG"\n'))

    def figure(name: str, part: str = "gps") -> float:
        return chain.figure(part, name) or 0

    def is_fresh() -> bool:
        return chain.part("gps").state == "ok" and chain.figure("gps", "age_s") < FRESH

    try:
        chain.agent.start()
        assert wait_until(lambda: is_fresh() and figure("looked_at", "camera") > 2, 30), chain.agent.log
        assert figure("refused") == 0
        looked_at = figure("looked_at", "camera")
        for place, day in LIES:
            refused = figure("refused")
            receiver.place, receiver.day = place, day
            assert wait_until(lambda refused=refused: figure("refused") >= refused + 2, 10), chain.agent.log  # type: ignore[misc]
        assert wait_until(lambda: not is_fresh(), 3), chain.agent.log
        assert figure("looked_at", "camera") > looked_at + 2
        receiver.place, receiver.day = None, None
        assert wait_until(is_fresh, 6), chain.agent.log
        refused = figure("refused")
        receiver.day = datetime.now(UTC).date() - ROLLOVER
        assert not wait_until(lambda: not is_fresh(), 3), "gpsd knows of one rollover"
        assert figure("refused") == refused
        assert chain.agent.kill(signal.SIGTERM) == 0
        reports = [entry.report for entry in chain.on_device()]
    finally:
        camera.stop()
        chain.close()
    for reason in REASONS:
        assert reason in chain.agent.log
    assert "Traceback" not in chain.agent.log
    assert reports
    for report in reports:
        assert report.clock in TRUSTED
        assert started < report.observed_at < datetime.now(UTC)
        if report.position.lat is not None and report.position.lon is not None:
            north, east = between(*begin, report.position.lat, report.position.lon)
            assert abs(north * math.sin(math.radians(120)) - east * math.cos(math.radians(120))) < SIGHT
