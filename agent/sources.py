"""Where frames and fixes come from: the cameras and the receiver that the configuration names."""

from __future__ import annotations

import math
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from agent import config as configuration
from agent import health
from agent.config import Config
from agent.domain import WHOLE_FRAME, Fix, Region
from agent.drivers.cameras import LiveCameras
from agent.drivers.capture import Settings
from agent.drivers.clock import SystemClock
from agent.drivers.gpsd import GpsdReceiver
from agent.drivers.outages import FlakyCamera, FlakyGps
from agent.drivers.paced import Paced
from agent.drivers.recording import PictureFolder, VideoFile
from agent.drivers.simulated import SimulatedCamera, SimulatedGps
from agent.drivers.track import RecordedTrack
from agent.drivers.v4l import is_local
from agent.errors import ConfigError
from agent.i18n import _
from agent.interfaces import Camera, Gps
from agent.outage import parse
from agent.pipeline.place import Mounting
from agent.pipeline.regions import road
from agent.simulation.conditions import Conditions
from agent.simulation.patrol import Patrol, short_route
from agent.simulation.truth import mounting


class NoGps:
    """No receiver at all: reports go without a position, unless the pictures carry one."""

    def open(self) -> None:
        """See Gps."""

    def take(self, _monotonic: float) -> Sequence[Fix]:
        """See Gps."""
        return ()

    def close(self) -> None:
        """See Gps."""


@dataclass(frozen=True, slots=True)
class Sources:
    """Where frames and fixes come from, and how they are to be understood."""

    camera: Camera
    gps: Gps
    boot: str  # UUID: the clock of the frames runs from its beginning
    mountings: Mapping[str, Mounting]  # by the camera's name
    clock: SystemClock | None = None  # that frames are dated by; None for a recording's own


def build_sources(config: Config) -> Sources:
    """The cameras and the receiver that the configuration names. Raises ConfigError."""
    camera, gps = config.camera, config.gps
    if config.cameras and not all(_is_live(one.source) for one in config.all_cameras):
        raise ConfigError(_("[cameras]: several cameras must all be live ones; simulator and recordings go alone"))
    if (camera.source == "simulator") != (gps.source == "simulator"):
        raise ConfigError(_("[camera] source and [gps] source: the simulator drives both, or neither"))
    if camera.source == "simulator":
        return simulated(config, config.simulator.speed_factor or 1.0)
    receiver = _build_gps(config)
    if not _is_live(camera.source):
        return _recorded(config, receiver)
    if isinstance(receiver, RecordedTrack):
        raise ConfigError(_("[gps] source: a recorded track only goes with recorded pictures"))
    asked = [Settings(one.source, one.name, one.width, one.height, one.fps, one.exposure) for one in config.all_cameras]
    mountings = {one.name: _mounting(one) for one in config.all_cameras}
    return Sources(LiveCameras(asked), receiver, health.boot_id(), mountings, SystemClock())


def choose_regions(camera: configuration.Camera) -> Sequence[Region]:
    """Where in a frame is looked, the first in each of them."""
    # Whoever photographs aims at the defect; the camera of a vehicle has the road before it.
    chosen = camera.regions or ("whole" if Path(camera.source).is_dir() else "road")
    if isinstance(chosen, list):
        return chosen
    return road(camera.horizon) if chosen == "road" else (WHOLE_FRAME,)


def drawn(config: Config) -> Patrol:
    """The drawn patrol that the configuration asks for."""
    wanted = config.simulator
    conditions = Conditions(wanted.weather, wanted.dirt, wanted.tunnel, tuple(wanted.stops))
    return Patrol(wanted.seed, wanted.seconds, short_route() if wanted.route == "short" else None, None, conditions)


def simulated(config: Config, pace: float) -> Sources:
    """The drawn patrol, `pace` times as fast as the clock; with math.inf every frame comes, as fast as it is read."""
    patrol, start = drawn(config), config.simulator.start
    start = start.astimezone(UTC) if start else datetime.now(UTC)
    size = config.camera.width or 1280, config.camera.height or 720
    camera = SimulatedCamera(patrol, start, pace, size=size, name=config.camera.name)
    as_drawn = mounting(patrol)
    mounted = Mounting(as_drawn["height_m"], as_drawn["yaw_deg"], as_drawn["fov_deg"], as_drawn["horizon"])
    return _failing(config, camera, SimulatedGps(patrol, start), mounted, patrol.duration)


def _recorded(config: Config, receiver: Gps) -> Sources:
    camera = config.camera
    start = receiver.start if isinstance(receiver, RecordedTrack) else None
    path, speed = Path(camera.source), config.simulator.speed_factor
    recording: Camera = (PictureFolder if path.is_dir() else VideoFile)(path, start, name=camera.name)
    if speed is None and not config.simulator.outages:
        return Sources(recording, receiver, str(uuid.uuid4()), {camera.name: _mounting(camera)})
    return _failing(config, Paced(recording, speed or 1.0), receiver, _mounting(camera))


def _failing(
    config: Config, camera: SimulatedCamera | Paced, receiver: Gps, mounted: Mounting, duration: float = math.inf
) -> Sources:
    """With the outages that are asked for. Each run is a boot of its own: its clock begins with it."""
    asked = [parse(text) for text in config.simulator.outages]
    # A camera that is still away when the patrol is over would keep it from ending.
    outages = [replace(one, end=min(one.end, duration)) for one in asked]
    flaky: Camera = FlakyCamera(camera, outages, lambda: camera.seconds) if outages else camera
    gps: Gps = FlakyGps(receiver, outages) if outages else receiver
    return Sources(flaky, gps, str(uuid.uuid4()), {config.camera.name: mounted})


def _mounting(camera: configuration.Camera) -> Mounting:
    return Mounting(camera.height_m, camera.yaw_deg, camera.fov_deg, camera.horizon, camera.ahead_m, camera.right_m)


def _is_live(source: str) -> bool:
    return "://" in source or source.isdecimal() or source.startswith("usb:") or is_local(source)


def _build_gps(config: Config) -> Gps:
    source = config.gps.source
    if source == "gpsd":
        return GpsdReceiver(config.gps.host, config.gps.port, config.gps.latency_s)
    return NoGps() if source == "none" else RecordedTrack(Path(source))
