"""A vehicle with a real gpsd and a network camera: what it sees arrives with where it was."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.plane import between, travel

from .broker import Broker, free_port
from .chain import Chain
from .receiver import Receiver, wait_until
from .streams import MjpegServer, RtspServer, street


def sources(camera: str, gpsd_port: int) -> str:
    return f'[camera]\nsource = "{camera}"\n[gps]\nport = {gpsd_port}\n[aggregate]\nreach_m = 5.0\n'


@pytest.mark.timeout(180)
def test_camera_and_gpsd_lost_and_found(tmp_path: Path, receiver: Receiver, make_broker: Callable[..., Broker]) -> None:
    begin = (receiver.lat, receiver.lon)
    camera = MjpegServer(street(), rate=10)
    chain = Chain(tmp_path, make_broker().port, sources(camera.address, receiver.port))
    try:
        chain.centre.start()
        chain.agent.start()
        assert wait_until(lambda: (chain.figure("centre", "settled") or 0) >= 2, 60), chain.agent.log
        camera.stop()
        assert wait_until(lambda: "gives no picture" in chain.status()[1]["sentence"], 15), chain.status()
        receiver.kill_gpsd()
        seen = chain.figure("camera", "frames")
        camera = MjpegServer(street(), camera.port, rate=10)
        assert wait_until(lambda: (chain.figure("camera", "frames") or 0) > seen + 5, 30), chain.agent.log
        receiver.start_gpsd()
        settled = chain.figure("centre", "settled")
        assert wait_until(lambda: (chain.figure("centre", "settled") or 0) > settled, 60), chain.agent.log
        features = [feature for feature in chain.centre.reports() if feature["geometry"]]
        assert features
        for feature in features:
            lon, lat = feature["geometry"]["coordinates"]
            north = (lat - begin[0]) * 111_195
            east = (lon - begin[1]) * 111_195 * math.cos(math.radians(lat))
            along = math.hypot(north, east)
            assert along < 10 * 180, "farther than the vehicle can have driven"
            off_line = abs(north * math.sin(math.radians(120)) - east * math.cos(math.radians(120)))
            assert off_line < 5, "not on the vehicle's line"
            assert feature["properties"]["clock"] == "gps"
    finally:
        camera.stop()
        chain.close()


@pytest.mark.timeout(90)
def test_the_camera_is_let_go_of_where_nothing_may_be_captured(tmp_path: Path, receiver: Receiver) -> None:
    receiver.speed, first, last = 1.0, 60.0, 120.0
    begin = (receiver.lat, receiver.lon)

    def driven() -> float:
        return math.hypot(*between(*begin, receiver.lat, receiver.lon))

    camera = RtspServer(pattern="snow")
    chain = Chain(tmp_path, free_port(), sources(camera.address, receiver.port))
    corners = [travel(*begin, metres, receiver.track) for metres in (first, last)]
    chain.forbid(*map(min, zip(*corners, strict=True)), *map(max, zip(*corners, strict=True)))
    try:
        chain.agent.start()
        assert wait_until(lambda: (chain.figure("camera", "looked_at") or 0) > 2, 30), chain.agent.log
        assert camera.clients == 1
        receiver.speed = 15.0
        assert wait_until(lambda: camera.clients == 0, 10)
        assert driven() <= first
        assert wait_until(lambda: driven() > first + receiver.speed, 10)
        looked_at = chain.figure("camera", "looked_at")
        while driven() < last:
            assert (chain.part("camera").state, chain.figure("camera", "looked_at")) == ("ok", looked_at)
            assert camera.clients == 0
            time.sleep(0.05)
        assert wait_until(lambda: chain.figure("camera", "looked_at") > looked_at and camera.clients == 1, 10)
    finally:
        chain.close()
        camera.stop()


def test_nothing_is_there_and_the_daemon_says_so_and_goes_on(tmp_path: Path) -> None:
    chain = Chain(tmp_path, free_port(), sources("/dev/video99", free_port()))
    try:
        agent = chain.agent.start()
        assert wait_until(lambda: chain.part("camera").state == "failed", 20), chain.agent.log
        assert chain.status()[0] == 1
        assert "/dev/video99" in chain.status()[1]["parts"]["camera"]["detail"]
        assert agent.poll() is None
        assert "Traceback" not in chain.agent.log
    finally:
        chain.close()


def test_one_camera_that_is_away_is_named_and_the_other_goes_on(tmp_path: Path) -> None:
    camera = MjpegServer(street(), rate=10)
    further = '[cameras.side]\nsource = "/dev/video99"\n'
    chain = Chain(tmp_path, free_port(), sources(camera.address, free_port()) + further)
    try:
        chain.agent.start()
        assert wait_until(lambda: (chain.figure("camera", "frames") or 0) > 2, 20), chain.agent.log
        part = chain.status()[1]["parts"]["camera"]
        assert (part["state"], part["detail"]) == (
            "failed",
            "camera side: /dev/video99 is not there; check the cable",
        )
        seen = chain.figure("camera", "frames")
        assert wait_until(lambda: (chain.figure("camera", "frames") or 0) > seen + 2, 10), chain.agent.log
    finally:
        camera.stop()
        chain.close()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ('[model]\nname = "{folder}/altered"\n', "SHA-256"),
        ('[model]\nname = "none"\n', "manifest"),
        ('[camera]\nsource = "/nowhere/at/all"\n', "/nowhere/at/all"),
        ('[camera]\nsource = "{folder}/empty"\n', "no pictures"),
        ('[gps]\nsource = "{folder}/no-track.nmea"\n', "no-track.nmea"),
        ('[gps]\nsource = "simulator"\n', "simulator"),
    ],
)
def test_what_can_not_work_ends_at_once_with_a_sentence(tmp_path: Path, settings: str, words: str) -> None:
    models = Path(__file__).parents[2] / "models" / "defects"
    for name in ("altered", "empty"):
        (tmp_path / name).mkdir()
    (tmp_path / "altered" / "manifest.json").write_bytes((models / "manifest.json").read_bytes())
    (tmp_path / "altered" / "model.tflite").write_bytes((models / "model.tflite").read_bytes()[:-1] + b"?")
    chain = Chain(tmp_path, free_port(), settings.format(folder=tmp_path))
    try:
        assert chain.agent.start().wait(timeout=30) == 78, chain.agent.log
        assert words in chain.agent.log
        assert "Traceback" not in chain.agent.log
    finally:
        chain.close()
