"""The configuration of the centre: every key, its default and its bounds. `systemd/central.toml` explains them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from agent import configfile
from agent.config import Broker, DeviceName
from central.codes import Codes

DEFAULT_PATH = Path("/etc/fidamia/central.toml")


class Ingest(msgspec.Struct, frozen=True):
    """The process that takes in what devices send."""

    name: DeviceName = "ingest-1"
    session_expiry_s: Annotated[float, Meta(gt=0, le=4294967295)] = 86400.0
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"


class Store(msgspec.Struct, frozen=True):
    """Where reports are kept."""

    directory: Annotated[str, Meta(min_length=1)] = "/var/lib/fidamia-central"


class Config(msgspec.Struct, frozen=True):
    """The whole file, a section a field."""

    broker: Broker
    ingest: Ingest
    store: Store
    codes: dict[str, Codes]


def load(path: Path) -> Config:
    """Read the configuration; the environment wins over the file. Raises ConfigError with every fault."""
    return configfile.load(path, Config, os.environ)
