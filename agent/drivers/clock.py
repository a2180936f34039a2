"""The computer's own clock, and whether anything has set it."""

from __future__ import annotations

import ctypes
import os
import time
from datetime import UTC, datetime
from pathlib import Path

from agent.domain import Reading
from agent.drivers.track import EARLIEST, LATEST

UNSYNCHRONISED = 0x40  # STA_UNSYNC of adjtimex(2)
FROM_RTC = Path("/sys/class/rtc/rtc0/hctosys")  # 1 where the kernel took the time from a clock with a battery


class _Timex(ctypes.Structure):
    """struct timex of adjtimex(2), as far as it is read here."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),  # microseconds
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_char * 256),
    )


class SystemClock:
    """Call it for a reading. NTP, chrony and systemd-timesyncd all tell the kernel that they have set the clock."""

    def __init__(self, from_rtc: Path = FROM_RTC) -> None:
        self._kernel = ctypes.CDLL(None, use_errno=True)
        self._has_rtc = _reads_one(from_rtc)

    def __call__(self) -> Reading:
        """What it says now: `ntp` with its error in seconds, else `rtc` or `unknown` with none."""
        state = _Timex()
        if self._kernel.adjtimex(ctypes.byref(state)) < 0:
            error = ctypes.get_errno()
            raise OSError(error, os.strerror(error))
        at, monotonic = datetime.now(UTC), time.monotonic()
        if not EARLIEST <= at < LATEST:
            return Reading(at, monotonic, "unknown", None)
        if not state.status & UNSYNCHRONISED:
            return Reading(at, monotonic, "ntp", state.maxerror / 1e6)
        return Reading(at, monotonic, "rtc" if self._has_rtc else "unknown", None)


def _reads_one(path: Path) -> bool:
    try:
        return path.read_text(encoding="ascii").strip() == "1"
    except (OSError, UnicodeDecodeError):
        return False
