"""`fidamia demo` as a person runs it, on the simulator and on the recorded drive."""

from __future__ import annotations

import csv
import math
import os
import signal
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from agent.demo.configuration import Drive
from agent.simulation.score import score

from .broker import MOSQUITTO
from .receiver import wait_until

METRES = 15.0  # how far a report may be from where its frame was taken


def demo(*arguments: str | Path, expected: int = 0) -> dict[str, Any]:
    if MOSQUITTO is None:
        pytest.skip("mosquitto is not installed (Debian: apt install mosquitto)")
    command = [sys.executable, "-P", "-m", "agent", "demo", "--json", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, timeout=110, check=False)
    assert done.returncode == expected, done.stderr.decode()
    answer: dict[str, Any] = msgspec.json.decode(done.stdout)
    return answer


def test_the_simulated_patrol_arrives_exactly_once(tmp_path: Path) -> None:
    answer = demo("--seconds", "12", "--keep", tmp_path / "kept")
    assert answer["exactly_once"] is True
    assert answer["found"] == answer["stored"] == len(answer["reports"]) > 0
    assert all(report["properties"]["evidence_withheld"] == "no_anonymiser" for report in answer["reports"])
    assert 2 * (answer["drawn"]["once"] + answer["drawn"]["again"]) >= answer["drawn"]["runs"]
    assert answer["drawn"]["unfounded"] <= 1
    kept = {path.name for path in (tmp_path / "kept").iterdir()}
    assert {"central", "device", "reports.geojson", "truth.json"} <= kept
    truth = msgspec.json.decode((tmp_path / "kept" / "truth.json").read_bytes())
    found = score(answer["reports"], truth)
    assert (found.late, found.nowhere) == (0, 0)
    assert found.times.count > 0, "no report is where and when a defect was in sight"
    assert not [name for name in kept if "password" in name], "secrets are left behind"
    pictures = [path for path in (tmp_path / "kept").rglob("*") if path.suffix in (".jpg", ".png")]
    assert not pictures, "a picture was written"


def test_what_was_seen_while_the_network_was_cut_arrives_all_the_same(tmp_path: Path) -> None:
    answer = demo("--seconds", "15", "--outage", "network 4-30", "--keep", tmp_path / "kept")
    assert answer["exactly_once"] is True
    assert answer["found"] > 0
    log = (tmp_path / "kept" / "broker.log").read_text()
    assert log.count("mosquitto version") >= 4, "the broker was not stopped and started again"
    assert "can not be reached" in (tmp_path / "kept" / "agent.log").read_text()


def test_a_recording_too_fast_for_the_agent_is_looked_at_in_part(shared: Path) -> None:
    drive = shared / "patrol" / "df251"
    answer = demo("--images", drive / "frames", "--track", drive / "track.nmea", "--speed", "60")
    assert answer["exactly_once"] is True
    assert 5 < answer["frames"] < 137


@pytest.mark.timeout(200)
def test_the_recorded_drive_is_placed_within_15_metres(shared: Path) -> None:
    drive = shared / "patrol" / "df251"
    answer = demo("--images", drive / "frames", "--track", drive / "track.nmea")
    assert answer["exactly_once"] is True
    assert answer["frames"] == 137
    labels = {report["properties"]["label"] for report in answer["reports"]}
    assert labels & {"pothole", "road_crack"}
    with (drive / "frames.csv").open(newline="") as file:
        frames = list(csv.DictReader(file))
    for report in answer["reports"]:
        lon, lat = report["geometry"]["coordinates"]
        seen = datetime.fromisoformat(report["properties"]["observed_at"])
        seconds = (seen - datetime.fromisoformat("2026-11-22T10:00:00Z")).total_seconds()
        frame = min(frames, key=lambda frame: abs(float(frame["seconds"]) - seconds))
        assert abs(float(frame["seconds"]) - seconds) < 0.01
        north = (lat - float(frame["lat"])) * 111_195
        east = (lon - float(frame["lon"])) * 111_195 * math.cos(math.radians(lat))
        assert math.hypot(north, east) < METRES


def test_photographs_without_any_position_are_reported_without_one(shared: Path, tmp_path: Path) -> None:
    for number, path in enumerate(sorted((shared / "photos" / "graffiti").iterdir())[:6]):
        (tmp_path / f"{number}.jpg").write_bytes(path.read_bytes())
    answer = demo("--images", tmp_path)
    assert answer["exactly_once"] is True
    assert answer["reports"]
    for report in answer["reports"]:
        assert report["geometry"] is None
        assert report["properties"]["position"]["source"] == "none"
        assert report["properties"]["team"] is None


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--track", __file__], "--images"),
        (["--images", "/nowhere"], "/nowhere"),
        (["--seconds", "0"], "--seconds"),
        (["--keep", "/etc"], "/etc is not empty"),
        (["--outage", "brakes 3-4"], "brakes can not fail; what can is camera"),
        (["--images", "/etc", "--outage", "camera 3-4"], "give --speed too"),
        (["--images", "/etc", "--weather", "rain"], "leave them out with --images"),
        (["--images", "/etc", "--no-tunnel"], "leave them out with --images"),
        (["--speed", "0"], "--speed"),
    ],
)
def test_wrong_options_are_said_in_a_sentence(arguments: list[str], sentence: str) -> None:
    command = [sys.executable, "-P", "-m", "agent", "demo", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


def test_a_folder_without_pictures_ends_in_a_sentence(tmp_path: Path) -> None:
    if MOSQUITTO is None:
        pytest.skip("mosquitto is not installed (Debian: apt install mosquitto)")
    command = [sys.executable, "-P", "-m", "agent", "demo", "--images", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert str(tmp_path) in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_an_interrupted_demonstration_leaves_nothing_running(tmp_path: Path, number: signal.Signals) -> None:
    if MOSQUITTO is None:
        pytest.skip("mosquitto is not installed (Debian: apt install mosquitto)")
    command = [sys.executable, "-P", "-m", "agent", "demo"]
    running = subprocess.Popen(
        command, env={**os.environ, "TMPDIR": str(tmp_path)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert wait_until(lambda: any(tmp_path.rglob("device/status.json")), 30)
    running.send_signal(number)
    _out, err = running.communicate(timeout=20)
    assert b"Traceback" not in err
    assert wait_until(lambda: str(tmp_path) not in commands_running(), 10)
    if number != signal.SIGKILL:
        assert running.returncode == 128 + number
        assert not list(tmp_path.iterdir())


def commands_running() -> str:
    return subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("name", ["k{x}", 'k"q', "k\\b", "k z", "é", "k#%$'"])
def test_the_folder_may_be_called_anything(tmp_path: Path, name: str) -> None:
    answer = demo("--seconds", "2", "--keep", tmp_path / name)
    assert answer["exactly_once"] is True


def test_without_mosquitto_it_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from agent.demo import demonstration  # noqa: PLC0415 - its search path is changed here only

    monkeypatch.setattr(demonstration, "SBIN", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(demonstration.DemoError, match="apt-get install mosquitto"):
        demonstration.Demonstration(tmp_path, Drive())
