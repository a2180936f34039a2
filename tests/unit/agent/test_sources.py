"""Which cameras and which receiver the configuration becomes."""

from __future__ import annotations

import math
import time
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import reduce
from operator import xor
from pathlib import Path

import cv2
import numpy as np
import pytest

from agent import config, health
from agent.domain import WHOLE_FRAME, Region
from agent.drivers.cameras import LiveCameras
from agent.drivers.clock import SystemClock
from agent.drivers.gpsd import GpsdReceiver
from agent.drivers.outages import FlakyCamera, FlakyGps
from agent.drivers.paced import Paced
from agent.drivers.recording import PictureFolder
from agent.drivers.simulated import SimulatedCamera, SimulatedGps
from agent.drivers.track import RecordedTrack
from agent.errors import ConfigError, DeviceError, RecordingEnded
from agent.pipeline.place import Mounting
from agent.pipeline.regions import road
from agent.simulation.truth import mounting
from agent.sources import NoGps, Sources, build_sources, choose_regions, drawn, simulated
from tests.unit.builders import write_config

SIMULATOR = {"camera": 'source = "simulator"', "gps": 'source = "simulator"'}
START = "start = 2026-05-12T11:00:00+02:00"


def built(directory: Path, **sections: str) -> Sources:
    return build_sources(config.load(write_config(directory, **sections)))


def fault(directory: Path, **sections: str) -> str:
    with pytest.raises(ConfigError) as refused:
        built(directory, **sections)
    return str(refused.value)


def pictures(directory: Path) -> str:
    """A folder of one picture, as a key of [camera]."""
    folder = directory / "pictures"
    folder.mkdir(exist_ok=True)
    cv2.imwrite(str(folder / "1.png"), np.zeros((4, 4, 3), np.uint8))
    return f'source = "{folder}"'


def track(directory: Path) -> str:
    """A recorded track of one fix, as a key of [gps]."""
    content = "GPRMC,100000.00,A,4317.7900,N,00522.1880,E,19.4,120.0,221126,,,A"
    path = directory / "track.nmea"
    path.write_text(f"${content}*{reduce(xor, content.encode()):02X}\r\n", encoding="ascii")
    return f'source = "{path}"'


def test_live_cameras_are_one_source_in_the_order_of_the_file(tmp_path: Path) -> None:
    further = {"cameras.side": 'source = "rtsp://side/1"', "cameras.rear": 'source = "usb:046d:0825"\nname = "back"'}
    camera = built(tmp_path, camera='source = "0"', **further).camera
    assert isinstance(camera, LiveCameras)
    assert [state.name for state in camera.state()] == ["front", "side", "back"]


@pytest.mark.parametrize("source", ["simulator", "patrol.mp4", "/"])
def test_only_live_cameras_go_together(tmp_path: Path, source: str) -> None:
    for first, second in (("/dev/video0", source), (source, "/dev/video0")):
        sections = {"camera": f'source = "{first}"', "cameras.side": f'source = "{second}"'}
        assert "must all be live ones; simulator and recordings go alone" in fault(tmp_path, **sections)


def test_an_id_on_the_usb_that_is_none_is_told(tmp_path: Path) -> None:
    assert "camera front: usb:46d:825: no such kind of source" in fault(tmp_path, camera='source = "usb:46d:825"')


def test_a_live_camera_goes_by_the_clock_and_the_boot_of_the_computer(tmp_path: Path) -> None:
    sources = built(tmp_path, gps='host = "10.0.0.1"')
    assert isinstance(sources.gps, GpsdReceiver)
    assert isinstance(sources.clock, SystemClock)
    assert sources.boot == health.boot_id()


def test_each_camera_is_mounted_as_its_section_says(tmp_path: Path) -> None:
    side = 'source = "1"\nheight_m = 2.1\nyaw_deg = 90\nfov_deg = 80\nhorizon = 0.4\nahead_m = 1.5\nright_m = -0.5'
    assert built(tmp_path, **{"cameras.side": side}).mountings == {
        "front": Mounting(),
        "side": Mounting(2.1, 90.0, 80.0, 0.4, 1.5, -0.5),
    }


@pytest.mark.parametrize("section", ["camera", "gps"])
def test_the_simulator_drives_both_or_neither(tmp_path: Path, section: str) -> None:
    assert "the simulator drives both, or neither" in fault(tmp_path, **{section: SIMULATOR[section]})


def test_the_simulated_camera_and_receiver_share_a_patrol_of_their_own_time(tmp_path: Path) -> None:
    wanted = f'seed = 7\nseconds = 30\nspeed_factor = 5\n{START}\nweather = "night"\ntunnel = [100, 200]'
    sources = built(tmp_path, simulator=wanted, **SIMULATOR)
    assert isinstance(sources.camera, SimulatedCamera)
    assert isinstance(sources.gps, SimulatedGps)
    patrol = sources.camera.patrol
    assert (patrol.seed, patrol.duration) == (7, 30.0)
    assert (patrol.conditions.weather, patrol.conditions.tunnel) == ("night", (100.0, 200.0))
    sources.gps.open()
    first = sources.gps.take(10.0)[0]
    assert first.at - timedelta(seconds=round(first.monotonic)) == datetime(2026, 5, 12, 9, 0, tzinfo=UTC)
    assert sources.clock is None, "its frames bring their own time"


def test_each_run_of_the_simulator_is_a_boot_of_its_own(tmp_path: Path) -> None:
    boots = {built(tmp_path, **SIMULATOR).boot for _run in range(2)}
    assert len(boots) == 2
    assert all(uuid.UUID(boot).version == 4 for boot in boots)


def test_the_simulated_camera_is_mounted_as_it_is_drawn(tmp_path: Path) -> None:
    settings = config.load(write_config(tmp_path, **SIMULATOR))
    as_drawn = mounting(drawn(settings))
    (found,) = build_sources(settings).mountings.values()
    assert (found.height, found.yaw) == (as_drawn["height_m"], as_drawn["yaw_deg"])
    assert (found.field, found.horizon) == (as_drawn["fov_deg"], as_drawn["horizon"])


def test_a_simulated_patrol_can_be_had_without_waiting(tmp_path: Path) -> None:
    sources = simulated(config.load(write_config(tmp_path, **SIMULATOR)), math.inf)
    sources.camera.open()
    instants = [one.monotonic for _frame in range(3) if (one := sources.camera.read(0.0)) is not None]
    assert instants == [0.0, 0.04, 0.08]


def test_a_recording_is_played_as_fast_as_it_is_read_unless_a_pace_is_given(tmp_path: Path) -> None:
    camera, gps = pictures(tmp_path), 'source = "none"'
    unpaced = built(tmp_path, camera=camera, gps=gps)
    assert isinstance(unpaced.camera, PictureFolder)
    assert isinstance(unpaced.gps, NoGps)
    assert unpaced.clock is None
    paced = built(tmp_path, camera=camera, gps=gps, simulator="speed_factor = 3")
    assert isinstance(paced.camera, Paced)
    assert unpaced.boot != paced.boot


def test_a_recording_in_memory_is_one_too_though_it_lies_under_dev(tmp_path: Path) -> None:
    said = fault(tmp_path, camera='source = "/dev/shm/no-such-patrol.mp4"', gps='source = "none"')
    assert "/dev/shm/no-such-patrol.mp4: no such file or folder" in said


def test_a_recording_begins_when_its_track_does(tmp_path: Path) -> None:
    sources = built(tmp_path, camera=pictures(tmp_path), gps=track(tmp_path))
    sources.camera.open()
    frame = sources.camera.read(0.0)
    assert frame is not None
    assert frame.captured_at == datetime(2026, 11, 22, 10, tzinfo=UTC)
    sources.gps.open()
    (fix,) = sources.gps.take(0.0)
    assert fix.at == frame.captured_at


def test_a_recorded_track_only_goes_with_recorded_pictures(tmp_path: Path) -> None:
    assert "a recorded track only goes with recorded pictures" in fault(tmp_path, gps=track(tmp_path))


@pytest.mark.parametrize("kind", ["simulator", "recording"])
def test_what_is_to_fail_does_and_the_camera_is_still_mounted(tmp_path: Path, kind: str) -> None:
    sections = SIMULATOR if kind == "simulator" else {"camera": pictures(tmp_path), "gps": 'source = "none"'}
    sources = built(tmp_path, simulator='outages = ["gps 3-5"]', **sections)
    assert isinstance(sources.camera, FlakyCamera)
    assert isinstance(sources.camera.camera, SimulatedCamera if kind == "simulator" else Paced)
    assert isinstance(sources.gps, FlakyGps)
    assert list(sources.mountings) == ["front"]


def test_without_a_receiver_there_are_no_fixes() -> None:
    gps = NoGps()
    gps.open()
    assert list(gps.take(1e9)) == []
    gps.close()


def test_a_track_that_is_not_there_is_told(tmp_path: Path) -> None:
    said = fault(tmp_path, camera=pictures(tmp_path), gps='source = "/nowhere.nmea"')
    assert "/nowhere.nmea: can not be read" in said
    with pytest.raises(ConfigError):
        RecordedTrack(Path("/nowhere.nmea"))


@pytest.mark.parametrize(
    ("text", "regions"),
    [
        ("", road(0.3)),
        ('regions = "road"\nhorizon = 0.45', road(0.45)),
        ('regions = "whole"', (WHOLE_FRAME,)),
        ("regions = [[0, 0.5, 1, 1]]", [(0.0, 0.5, 1.0, 1.0)]),
        ("regions = []", road(0.3)),
        ('source = "/"', (WHOLE_FRAME,)),
        ('source = "/"\nregions = "road"', road(0.3)),
        ('source = "rtsp://camera/stream"', road(0.3)),
        ('source = "simulator"', road(0.3)),
    ],
)
def test_a_camera_looks_at_the_road_and_a_folder_of_pictures_at_each_as_a_whole_unless_said(
    tmp_path: Path, text: str, regions: Sequence[Region]
) -> None:
    assert choose_regions(config.load(write_config(tmp_path, camera=text)).camera) == regions


def test_each_camera_looks_where_its_own_section_says(tmp_path: Path) -> None:
    settings = config.load(write_config(tmp_path, **{"cameras.side": 'source = "1"\nregions = "whole"\nhorizon = 0.5'}))
    assert [choose_regions(camera) for camera in settings.all_cameras] == [road(0.3), (WHOLE_FRAME,)]


@pytest.mark.parametrize("kind", ["camera", "camera-hang"])
def test_a_camera_that_stays_away_does_not_keep_a_drawn_patrol_from_its_end(tmp_path: Path, kind: str) -> None:
    text = f'outages = ["{kind} 0-99999"]\nseconds = 0.2\nspeed_factor = 10.0'
    camera = built(tmp_path, simulator=text, **SIMULATOR).camera
    end = time.monotonic() + 5.0
    has_ended = False
    while not has_ended and time.monotonic() < end:
        try:
            camera.open()
            camera.read(0.05)
        except DeviceError:
            continue
        except RecordingEnded:
            has_ended = True
    assert has_ended
