"""Talks to the board by sysfs: how hot it is, and whether its firmware slows it down or lacks voltage."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from agent.domain import Heat

LOWEST, HIGHEST = -40.0, 125.0  # degrees Celsius; what is not between them is no board's temperature
LONGEST = 64  # bytes that are read of a file

# get_throttled of the Raspberry Pi's firmware. Its fourth bit, the soft temperature limit, is left out: it only takes
# a Pi 3B+ from 1.4 to 1.2 GHz, and does so from 60 degrees on, which is every summer's day.
UNDERVOLTAGE, SLOWED = 0b0001, 0b0110  # now; bit 1 is a capped frequency, bit 2 throttling


class Board:
    """What a board tells of itself. One that tells nothing is cool and well supplied, as far as is known."""

    def __init__(self, sysfs: Path = Path("/sys")) -> None:
        """`sysfs` is where the kernel's sysfs is mounted."""
        self._sysfs = sysfs

    def read(self) -> Heat:
        """How it is now. What can not be read is left out; never raises."""
        zones = (_number(path) for path in self._sysfs.glob("class/thermal/thermal_zone*/temp"))
        temperatures = [zone / 1000 for zone in zones if zone is not None]
        flags = _number(self._sysfs / "devices/platform/soc/soc:firmware/get_throttled", _hexadecimal) or 0
        return Heat(
            celsius=max((one for one in temperatures if LOWEST < one < HIGHEST), default=None),
            throttled=bool(flags & SLOWED),
            undervoltage=bool(flags & UNDERVOLTAGE) or self._alarm(),
        )

    def _alarm(self) -> bool:
        """Whether the kernel's own watch over the supply (raspberrypi-hwmon) raises an alarm."""
        for name in self._sysfs.glob("class/hwmon/hwmon*/name"):
            if _read(name).strip() == b"rpi_volt" and _number(name.with_name("in0_lcrit_alarm")) == 1:
                return True
        return False


def _hexadecimal(text: bytes) -> int:
    return int(text, 16)


def _number(path: Path, convert: Callable[[bytes], int] = int) -> int | None:
    """The number in a file; None where there is none."""
    try:
        return convert(_read(path))
    except ValueError:
        return None


def _read(path: Path) -> bytes:
    """How a file begins; nothing where it can not be read."""
    try:
        with path.open("rb") as file:
            return file.read(LONGEST)
    except OSError:
        return b""
