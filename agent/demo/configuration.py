"""The files that the demonstration's processes run on."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import msgspec

from agent.domain import Region

DEVICE = "demo-01"
SEED = 1  # of the simulated patrol
SPEED_FACTOR = 4.0  # the simulated patrol drives four times faster than the clock
SECONDS = 30.0  # by the clock, of a simulated patrol
# Both halves of what is below the horizon, overlapping, and not the whole frame as well: recordings have logos and
# dates burnt into their upper edge.
ROAD: list[Region] = [(0.0, 0.3, 0.6, 1.0), (0.4, 0.3, 1.0, 1.0)]
SECRETS = ("passwords", "centre.password", "device.password")

MOSQUITTO = """\
listener {port} 127.0.0.1
{user}allow_anonymous false
password_file {directory}/passwords
acl_file {directory}/access
persistence false
"""

ACCESS = f"""\
user device
topic write fidamia/v1/{DEVICE}/reports
topic write fidamia/v1/{DEVICE}/state
topic read fidamia/v1/{DEVICE}/ack

user centre
topic read fidamia/v1/+/reports
topic write fidamia/v1/+/ack
"""

BROKER = """\
[broker]
host = "127.0.0.1"
port = {port}
tls = false
username = "{user}"
password_file = {password_file}

[store]
directory = {store}
"""

SIMULATOR = """\
[camera]
source = "simulator"

[gps]
source = "simulator"

[simulator]
seed = {seed}
speed_factor = {speed_factor}
seconds = {seconds}
"""

# A recording is looked at frame by frame: whoever made it chose the frames.
RECORDING = """\
[camera]
source = {images}
regions = {regions}

[gps]
source = {track}

[trigger]
every_m = 0
every_s = 0
"""


@dataclass(frozen=True, slots=True)
class Drive:
    """What is driven."""

    images: Path | None = None  # a folder of pictures, None for the simulator
    track: Path | None = None  # the NMEA track that goes with them
    seconds: float | None = None  # how long, by the clock

    @property
    def simulated_seconds(self) -> float:
        """How long the simulated patrol lasts, by its own time."""
        return (self.seconds or SECONDS) * SPEED_FACTOR


def write_configuration(directory: Path, drive: Drive, port: int, passwords: dict[str, str], hasher: str) -> None:
    """Write every file. `passwords` of `centre` and `device`; `hasher` is mosquitto_passwd."""
    for user, password in passwords.items():
        write(directory / f"{user}.password", password)
    write(directory / "passwords", "".join(f"{user}:{password}\n" for user, password in passwords.items()))
    subprocess.run([hasher, "-U", str(directory / "passwords")], check=True, capture_output=True)
    (directory / "passwords").chmod(0o600)
    write(directory / "access", ACCESS)
    # As root it would become another user, who may not read this folder.
    user_line = "user root\n" if os.geteuid() == 0 else ""
    write(directory / "mosquitto.conf", MOSQUITTO.format(port=port, directory=directory, user=user_line))
    write(directory / "central.toml", _broker(directory, port, "centre", directory / "central"))
    device = f'[agent]\ndevice = "{DEVICE}"\n\n{_sources(drive)}\n'
    write(directory / "agent.toml", device + _broker(directory, port, "device", directory / "device"))


def write(path: Path, text: str) -> None:
    """A file that nobody else may read."""
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")


def _broker(directory: Path, port: int, user: str, store: Path) -> str:
    password_file = _toml(str(directory / f"{user}.password"))
    return BROKER.format(port=port, user=user, password_file=password_file, store=_toml(str(store)))


def _sources(drive: Drive) -> str:
    if drive.images is None:
        return SIMULATOR.format(seed=SEED, speed_factor=SPEED_FACTOR, seconds=drive.simulated_seconds)
    # With a track, the pictures are those of a vehicle's camera; without, anybody's, who aimed at the defect.
    regions = ROAD if drive.track else "whole"
    track = str(drive.track.absolute()) if drive.track else "none"
    return RECORDING.format(images=_toml(str(drive.images.absolute())), regions=_toml(regions), track=_toml(track))


def _toml(value: object) -> str:
    """A TOML string or list: JSON's are valid there."""
    return msgspec.json.encode(value).decode()
