"""A vehicle with a real gpsd and a network camera: what it sees arrives with where it was."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from agent.simulation.scenery import draw

from .broker import Broker, free_port
from .chain import Chain
from .receiver import Receiver, wait_until
from .streams import MjpegServer


def sources(camera: str, gpsd_port: int) -> str:
    return f'[camera]\nsource = "{camera}"\n[gps]\nport = {gpsd_port}\n[aggregate]\nreach_m = 5.0\n'


def street() -> Callable[[int], bytes]:
    """Pictures that show a pothole and a clean street in turn."""
    scenes = [
        cv2.imencode(".jpg", draw(label, np.random.default_rng(seed), 640, 360))[1].tobytes()
        for label, seed in (("pothole", 1), ("no_defect", 2), ("road_crack", 3), ("graffiti", 4))
    ]
    return lambda number: scenes[number // 10 % len(scenes)]


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
        assert wait_until(lambda: "[camera]" in chain.status()[1]["sentence"], 15), chain.status()
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


def test_nothing_is_there_and_the_daemon_says_so_and_goes_on(tmp_path: Path) -> None:
    chain = Chain(tmp_path, free_port(), sources("/dev/video99", free_port()))
    try:
        agent = chain.agent.start()
        assert wait_until(lambda: chain.status()[0] == 1, 20), chain.agent.log
        assert chain.status()[1]["parts"]["camera"]["state"] == "failed"
        assert "/dev/video99" in chain.status()[1]["parts"]["camera"]["detail"]
        assert agent.poll() is None
        assert "Traceback" not in chain.agent.log
    finally:
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
