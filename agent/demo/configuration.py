"""The files that the demonstration's processes run on."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from agent.domain import Region
from agent.outage import NETWORK, Outage
from agent.simulation.conditions import Conditions, Weather
from agent.simulation.patrol import Patrol, short_route

DEVICE = "demo-01"
SEED = 1  # of the simulated patrol: one with a defect in the tunnel
SPEED_FACTOR = 4.0  # the simulated patrol drives four times faster than the clock
SECONDS = 30.0  # by the clock, of a simulated patrol: it goes round the block twice
RESEND_AFTER = 5.0  # seconds
TUNNEL = (190.0, 275.0)  # metres along the route
STOPS = ((60.0, 14.0),)  # metres driven, and seconds
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
topic write fidamia/v1/{DEVICE}/losses
topic write fidamia/v1/{DEVICE}/state
topic write fidamia/v1/{DEVICE}/health
topic read fidamia/v1/{DEVICE}/ack

user centre
topic read fidamia/v1/+/reports
topic read fidamia/v1/+/losses
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

# Small frames, since drawing them takes longer than looking at them.
SIMULATOR = """\
[camera]
source = "simulator"
width = 640
height = 360

[gps]
source = "simulator"

[simulator]
seed = {seed}
speed_factor = {speed_factor}
seconds = {seconds}
start = {start}
route = "short"
weather = "{weather}"
stops = {stops}
outages = {outages}
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

PACED = """
[simulator]
speed_factor = {speed}
outages = {outages}
"""


@dataclass(frozen=True, slots=True)
class Drive:
    """What is driven."""

    images: Path | None = None  # a folder of pictures, None for the simulator
    track: Path | None = None  # the NMEA track that goes with them
    seconds: float | None = None  # how long, by the clock
    speed: float | None = None  # times the clock's; None for SPEED_FACTOR, and for a recording frame by frame
    weather: Weather = "clear"  # of the simulator
    tunnel: bool = True  # of the simulator
    outages: tuple[Outage, ...] = ()
    start: datetime = field(default_factory=lambda: datetime.now(UTC))  # of the simulated patrol

    @property
    def pace(self) -> float | None:
        """How many times faster than the clock is driven; None for as fast as can be."""
        return self.speed if self.speed or self.images else SPEED_FACTOR

    @property
    def simulated_seconds(self) -> float:
        """How long the simulated patrol lasts, by its own time."""
        return (self.seconds or SECONDS) * (self.speed or SPEED_FACTOR)

    def patrol(self) -> Patrol:
        """The simulated patrol, as the agent drives it."""
        conditions = Conditions(self.weather, tunnel=TUNNEL if self.tunnel else None, stops=STOPS)
        return Patrol(SEED, self.simulated_seconds, short_route(), conditions=conditions)


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
    # What was published to a broker that the centre had not come back to yet is sent again while people still look.
    device = f'[agent]\ndevice = "{DEVICE}"\n\n[sync]\nresend_after_s = {RESEND_AFTER}\n\n{_sources(drive)}\n'
    write(directory / "agent.toml", device + _broker(directory, port, "device", directory / "device"))


def write(path: Path, text: str) -> None:
    """A file that nobody else may read."""
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")


def _broker(directory: Path, port: int, user: str, store: Path) -> str:
    password_file = _toml(str(directory / f"{user}.password"))
    return BROKER.format(port=port, user=user, password_file=password_file, store=_toml(str(store)))


def _sources(drive: Drive) -> str:
    outages = _toml([str(outage) for outage in drive.outages if outage.kind != NETWORK])
    if drive.images is None:
        simulator = SIMULATOR.format(
            seed=SEED,
            speed_factor=drive.pace,
            seconds=drive.simulated_seconds,
            start=drive.start.isoformat(),
            weather=drive.weather,
            stops=_toml(STOPS),
            outages=outages,
        )
        return simulator + (f"tunnel = {_toml(TUNNEL)}\n" if drive.tunnel else "")
    # With a track, the pictures are those of a vehicle's camera; without, anybody's, who aimed at the defect.
    regions = ROAD if drive.track else "whole"
    track = str(drive.track.absolute()) if drive.track else "none"
    sources = RECORDING.format(images=_toml(str(drive.images.absolute())), regions=_toml(regions), track=_toml(track))
    return sources if drive.speed is None else sources + PACED.format(speed=drive.speed, outages=outages)


def _toml(value: object) -> str:
    """A TOML string or list: JSON's are valid there."""
    return msgspec.json.encode(value).decode()
