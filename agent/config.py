"""The configuration of the device: every key, its default and its bounds. `systemd/agent.toml` explains them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from datetime import datetime, time
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from agent import configfile
from agent.errors import ConfigError
from agent.i18n import _
from agent.outage import NETWORK, parse
from agent.rules import Rule, Urgent

DEFAULT_PATH = Path("/etc/fidamia/agent.toml")

SMALLEST_QUOTA = 50  # MB without the journal: several times what the write-ahead log and the ballast take
FIRST_YEAR, LAST_YEAR = 1970, 2100  # of a drawn patrol
LARGEST = 100_000  # of any number, so that none is infinite
HOURS = r"^([01][0-9]|2[0-3]):[0-5][0-9] ?- ?([01][0-9]|2[0-3]):[0-5][0-9]\Z"
DEVICE_NAME = r"^[a-z0-9][a-z0-9-]{0,31}\Z"
DeviceName = Annotated[str, Meta(pattern=DEVICE_NAME, examples=["veh-001"])]
TopicPrefix = Annotated[str, Meta(pattern="^[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*\\Z", examples=["fidamia/v1"])]
Port = Annotated[int, Meta(ge=1, le=65535)]
Positive = Annotated[float, Meta(gt=0, le=LARGEST)]
NotNegative = Annotated[float, Meta(ge=0, le=LARGEST)]
Fraction = Annotated[float, Meta(ge=0, le=1)]
Celsius = Annotated[float, Meta(ge=30, le=110)]

# Fractions of the frame: left, top, right, bottom.
Regions = list[tuple[Fraction, Fraction, Fraction, Fraction]] | Literal["road", "whole"]

FIRST_CAMERA = "front"  # its name where it is given none

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class Agent(msgspec.Struct, frozen=True):
    """Who this device is."""

    device: DeviceName
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"


class Camera(msgspec.Struct, frozen=True):
    """Where pictures come from, how the camera is mounted, and which parts of its pictures are looked at."""

    source: Annotated[str, Meta(min_length=1)] = "/dev/video0"
    name: DeviceName = ""  # `load` fills in FIRST_CAMERA, or the section's
    width: Annotated[int, Meta(ge=64, le=7680)] | None = None
    height: Annotated[int, Meta(ge=64, le=4320)] | None = None
    fps: Annotated[float, Meta(ge=1, le=240)] | None = None
    exposure: Annotated[float, Meta(ge=0.1, le=1000)] | Literal["auto"] | None = None
    height_m: Annotated[float, Meta(ge=0.2, le=10)] = 1.6
    yaw_deg: Annotated[float, Meta(ge=-180, le=180)] = 0.0
    fov_deg: Annotated[float, Meta(ge=10, le=170)] = 65.0
    ahead_m: Annotated[float, Meta(ge=-20, le=20)] = 0.0
    right_m: Annotated[float, Meta(ge=-5, le=5)] = 0.0
    regions: Regions | None = None
    horizon: Annotated[float, Meta(ge=0, le=0.9)] = 0.3
    look_share: Annotated[float, Meta(gt=0, le=1)] = 0.5

    def __post_init__(self) -> None:
        for left, top, right, bottom in self.regions if isinstance(self.regions, list) else ():
            if left >= right or top >= bottom:
                raise ValueError(
                    _("regions: [{left}, {top}, {right}, {bottom}] is empty; give left, top, right, bottom").format(
                        left=left, top=top, right=right, bottom=bottom
                    )
                )


class Gps(msgspec.Struct, frozen=True):
    """Where positions come from."""

    source: Annotated[str, Meta(min_length=1)] = "gpsd"
    host: Annotated[str, Meta(min_length=1)] = "127.0.0.1"
    port: Port = 2947
    latency_s: Annotated[float, Meta(ge=0, le=2)] = 0.2
    wait_s: Annotated[float, Meta(ge=0, le=3600)] = 300.0


class Simulator(msgspec.Struct, frozen=True):
    """The drawn patrol, where camera and gps are `simulator`; how recordings are played, and what fails."""

    seed: Annotated[int, Meta(ge=0, le=4294967295)] = 1
    speed_factor: Positive | None = None
    seconds: Positive = 3600.0
    start: Annotated[datetime, Meta(tz=True)] | None = None
    route: Literal["long", "short"] = "long"
    weather: Literal["clear", "rain", "night", "mixed"] = "clear"
    dirt: Fraction = 0.0
    tunnel: tuple[NotNegative, NotNegative] | None = None
    stops: list[tuple[NotNegative, Positive]] = []
    outages: list[str] = []

    def __post_init__(self) -> None:
        for text in self.outages:
            if parse(text).kind == NETWORK:
                raise ValueError(
                    _("'{text}': the agent can not cut its own network; fidamia demo --outage does").format(text=text)
                )
        if self.start is not None and not FIRST_YEAR <= self.start.year <= LAST_YEAR:
            raise ValueError(
                _("start: the year must be between {first} and {last}").format(first=FIRST_YEAR, last=LAST_YEAR)
            )
        if self.tunnel is not None and self.tunnel[0] >= self.tunnel[1]:
            raise ValueError(
                _("tunnel: [{begin:g}, {end:g}] is empty; give the metres where it begins and where it ends").format(
                    begin=self.tunnel[0], end=self.tunnel[1]
                )
            )


class Trigger(msgspec.Struct, frozen=True):
    """Which frames are looked at."""

    every_m: NotNegative = 4.0
    every_s: NotNegative = 1.0
    parked_s: NotNegative = 10.0
    slowest_kmh: NotNegative = 0.0
    fastest_kmh: Positive = 200.0
    hours: list[Annotated[str, Meta(pattern=HOURS, examples=["06:00-13:00"])]] = []

    @property
    def spans(self) -> list[tuple[time, time]]:
        """The hours, from and to."""
        ends = (span.split("-") for span in self.hours)
        return [(time.fromisoformat(begin.strip()), time.fromisoformat(end.strip())) for begin, end in ends]


class Quality(msgspec.Struct, frozen=True):
    """Which frames are not worth looking at; 0 refuses none for that reason."""

    darkest: Annotated[float, Meta(ge=0, le=255)] = 20.0
    brightest: Fraction = 0.6
    blur: Annotated[float, Meta(ge=0, le=2)] = 0.5
    same: Annotated[float, Meta(ge=0, le=255)] = 1.5
    dirty_share: Fraction = 0.35


class Model(msgspec.Struct, frozen=True):
    """The model that decides."""

    name: Annotated[str, Meta(min_length=1)] = "defects"
    runtime: Literal["auto", "ai-edge-litert", "tflite-runtime"] = "auto"
    threads: Annotated[int, Meta(ge=1, le=16)] = 1


class Aggregate(msgspec.Struct, frozen=True):
    """When successive frames show one defect."""

    reach_m: Positive = 40.0
    gap_m: Positive = 9.0
    patience_s: Positive = 3.0
    min_frames: Annotated[int, Meta(ge=1, le=100)] | None = None
    certain: Fraction = 0.97


class SeenAgain(msgspec.Struct, frozen=True):
    """When a defect is one that is known already."""

    radius_m: Positive = 10.0
    days: NotNegative = 30.0


class Store(msgspec.Struct, frozen=True):
    """Where reports are kept, and how much of them."""

    directory: Annotated[str, Meta(min_length=1)] = "/var/lib/fidamia"
    runtime_directory: str = ""
    quota_mb: Annotated[int, Meta(ge=SMALLEST_QUOTA, le=1_000_000)] = 2000
    log_mb: Annotated[int, Meta(ge=0, le=1_000)] = 40
    free_mb: Annotated[int, Meta(ge=0, le=1_000_000)] = 200
    keep_days: Annotated[int, Meta(ge=0, le=3650)] = 30

    def __post_init__(self) -> None:
        if self.quota_mb < SMALLEST_QUOTA + self.log_mb:
            raise ValueError(_("quota_mb: at least {number} MB are needed beside log_mb").format(number=SMALLEST_QUOTA))


class Broker(msgspec.Struct, frozen=True):
    """The MQTT broker, and how this side proves who it is."""

    host: Annotated[str, Meta(min_length=1)] = "localhost"
    port: Port = 8883
    prefix: TopicPrefix = "fidamia/v1"
    tls: bool = True
    ca: str = ""
    crl: str = ""
    certificate: str = ""
    key: str = ""
    username: str = ""
    password_file: str = ""
    keepalive_s: Annotated[int, Meta(ge=5, le=300)] = 15

    def __post_init__(self) -> None:
        if not self.tls and self.host not in LOOPBACK:
            raise ValueError(
                _("tls = false is only allowed on this machine itself (host = localhost); set tls = true and ca")
            )
        if bool(self.certificate) != bool(self.key):
            raise ValueError(_("certificate and key belong together: give both, or neither"))
        if bool(self.username) != bool(self.password_file):
            raise ValueError(_("username and password_file belong together: give both, or neither"))


class Sync(msgspec.Struct, frozen=True):
    """How reports are delivered."""

    window: Annotated[int, Meta(ge=1, le=100)] = 20
    resend_after_s: Positive = 60.0
    free_networks: list[Annotated[str, Meta(min_length=1, max_length=32)]] = []
    month_mb: Annotated[int, Meta(ge=0, le=1_000_000)] | None = None


class Routing(msgspec.Struct, frozen=True):
    """Who gets what no rule names."""

    default: bool = True


class Thermal(msgspec.Struct, frozen=True):
    """From when on a hot board is spared."""

    hot_c: Celsius = 80.0
    cool_c: Celsius = 75.0

    def __post_init__(self) -> None:
        if self.cool_c >= self.hot_c:
            raise ValueError(_("cool_c: must be below hot_c, which is {hot:g}").format(hot=self.hot_c))


class Config(msgspec.Struct, frozen=True):
    """The whole file, a section a field."""

    agent: Agent
    camera: Camera
    cameras: dict[str, Camera]
    gps: Gps
    simulator: Simulator
    trigger: Trigger
    quality: Quality
    model: Model
    aggregate: Aggregate
    seen_again: SeenAgain
    store: Store
    broker: Broker
    sync: Sync
    routing: Routing
    routes: dict[str, Rule]
    urgent: dict[str, Urgent]
    thermal: Thermal

    @property
    def all_cameras(self) -> tuple[Camera, ...]:
        """The first and the further ones."""
        return (self.camera, *self.cameras.values())

    @property
    def store_directory(self) -> Path:
        """Where the store lives."""
        return Path(self.store.directory)

    @property
    def status_file(self) -> Path:
        """Where the daemon says how it is, each second."""
        return Path(self.store.runtime_directory or self.store.directory) / "status.json"


def load(path: Path) -> Config:
    """Read the configuration; the environment wins over the file. Raises ConfigError with every fault."""
    config = configfile.load(path, Config, os.environ)
    named = msgspec.structs.replace(
        config,
        camera=_named(config.camera, FIRST_CAMERA),
        cameras={section: _named(camera, section) for section, camera in config.cameras.items()},
    )
    faults = [f"{path}: {fault}" for fault in _confusions(named)]
    if faults:
        raise ConfigError(*faults)
    return named


def _named(camera: Camera, name: str) -> Camera:
    return msgspec.structs.replace(camera, name=camera.name or name)


def _confusions(config: Config) -> Iterator[str]:
    """Cameras that could not be told from one another."""
    names, sources = {config.camera.name}, {config.camera.source}
    for section, camera in config.cameras.items():
        if not re.match(DEVICE_NAME, camera.name):
            yield _("[cameras.{section}]: give it a name of small letters, digits and hyphens").format(section=section)
        if camera.name in names:
            yield _("[cameras.{section}] name: another camera is named {name} as well; give this one its own").format(
                section=section, name=camera.name
            )
        if camera.source in sources:
            yield _("[cameras.{section}] source: another camera has the same; give this one its own").format(
                section=section
            )
        names.add(camera.name)
        sources.add(camera.source)
