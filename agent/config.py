"""The configuration of the device: every key, its default and its bounds. `systemd/agent.toml` explains them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from agent import configfile
from agent.i18n import _
from agent.simulation.outage import NETWORK, parse

DEFAULT_PATH = Path("/etc/fidamia/agent.toml")

SMALLEST_QUOTA = 50  # MB without the journal: several times what the write-ahead log and the ballast take
LARGEST = 100_000  # of any number, so that none is infinite
DEVICE_NAME = r"^[a-z0-9][a-z0-9-]{0,31}\Z"
DeviceName = Annotated[str, Meta(pattern=DEVICE_NAME)]
TopicPrefix = Annotated[str, Meta(pattern="^[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*\\Z")]
Port = Annotated[int, Meta(ge=1, le=65535)]
Positive = Annotated[float, Meta(gt=0, le=LARGEST)]
NotNegative = Annotated[float, Meta(ge=0, le=LARGEST)]
Fraction = Annotated[float, Meta(ge=0, le=1)]

# Fractions of the frame: left, top, right, bottom.
Regions = list[tuple[Fraction, Fraction, Fraction, Fraction]] | Literal["road", "whole"]

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class Agent(msgspec.Struct, frozen=True):
    """Who this device is."""

    device: DeviceName
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"


class Camera(msgspec.Struct, frozen=True):
    """Where pictures come from, and which parts of them are looked at."""

    source: Annotated[str, Meta(min_length=1)] = "/dev/video0"
    name: DeviceName = "front"
    width: Annotated[int, Meta(ge=64, le=7680)] | None = None
    height: Annotated[int, Meta(ge=64, le=4320)] | None = None
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


class Simulator(msgspec.Struct, frozen=True):
    """The drawn patrol, where camera and gps are `simulator`; how recordings are played, and what fails."""

    seed: Annotated[int, Meta(ge=0, le=4294967295)] = 1
    speed_factor: Positive | None = None
    seconds: Positive = 3600.0
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


class Model(msgspec.Struct, frozen=True):
    """The model that decides."""

    name: Annotated[str, Meta(min_length=1)] = "defects"
    runtime: Literal["auto", "ai-edge-litert", "tflite-runtime"] = "auto"
    threads: Annotated[int, Meta(ge=1, le=16)] = 1


class Aggregate(msgspec.Struct, frozen=True):
    """When successive frames show one defect."""

    reach_m: Positive = 20.0
    patience_s: Positive = 2.0


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


class Config(msgspec.Struct, frozen=True):
    """The whole file, a section a field."""

    agent: Agent
    camera: Camera
    gps: Gps
    simulator: Simulator
    trigger: Trigger
    model: Model
    aggregate: Aggregate
    store: Store
    broker: Broker
    sync: Sync

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
    return configfile.load(path, Config, os.environ)
