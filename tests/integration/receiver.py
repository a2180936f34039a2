"""A GPS receiver on a pseudo-terminal, read by a real gpsd: the test drives, mutes, freezes and kills it."""

from __future__ import annotations

import math
import os
import pty
import shutil
import signal
import socket
import subprocess
import threading
import time
import tty
from collections.abc import Callable
from datetime import UTC, date, datetime
from functools import reduce
from operator import xor
from types import TracebackType

GPSD = shutil.which("gpsd", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/usr/local/sbin")
METRES_PER_DEGREE = 111_195.0  # of latitude, on a sphere of 6371 km
KNOTS = 3600 / 1852  # in a metre per second


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    """Whether the condition came true within so many seconds."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return condition()


class Receiver:
    """A vehicle that drives straight on, its receiver, and the gpsd that listens to it on `port`.

    An epoch is sent every `interval` seconds: GGA, GSA, GSV and GST at once, RMC, the only one with speed
    and track, `rmc_delay` seconds later. Speed in metres per second, track in degrees true.
    """

    def __init__(  # noqa: PLR0913 - a scene has that many sides
        self,
        *,
        lat: float = 43.2965,
        lon: float = 5.3698,
        speed: float = 10.0,
        track: float = 120.0,
        interval: float = 1.0,
        rmc_delay: float = 0.3,
    ) -> None:
        self.lat, self.lon, self.speed, self.track = lat, lon, speed, track
        self.has_fix = True  # False: the receiver goes on, and says that it has no fix
        self.place: str | None = None  # what it says instead of where it is, in NMEA's words
        self.day: date | None = None  # what it says instead of the day
        self.port = 0
        self._interval, self._rmc_delay = interval, rmc_delay
        self._speaking = threading.Event()
        self._stop = threading.Event()
        self._gpsd: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Receiver:
        self._master, self._slave = pty.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        os.chmod(os.ttyname(self._slave), 0o666)  # gpsd gives up root before it opens the device
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = probe.getsockname()[1]
        self._speaking.set()
        self._thread = threading.Thread(target=self._speak, name="receiver", daemon=True)
        self._thread.start()
        self.start_gpsd()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
        self.kill_gpsd()
        os.close(self._master)
        os.close(self._slave)

    def mute(self) -> None:
        """Send nothing more, as a receiver whose cable hangs loose."""
        self._speaking.clear()

    def unmute(self) -> None:
        """Send again."""
        self._speaking.set()

    def start_gpsd(self) -> None:
        """Start gpsd and wait until it listens. Raises RuntimeError where it does not."""
        assert GPSD is not None, "gpsd is not installed"
        command = [GPSD, "-N", "-n", "-b", "-S", str(self.port), os.ttyname(self._slave)]
        self._gpsd = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        if not wait_until(self._listens, 10):
            raise RuntimeError("gpsd does not listen")

    def kill_gpsd(self) -> None:
        """Kill gpsd, frozen or not."""
        if self._gpsd is not None:
            self._gpsd.kill()
            self._gpsd.wait()
            self._gpsd = None

    def freeze_gpsd(self) -> None:
        """Stop gpsd where it stands: its connections stay open and are never answered."""
        assert self._gpsd is not None
        self._gpsd.send_signal(signal.SIGSTOP)

    def thaw_gpsd(self) -> None:
        """Let gpsd go on."""
        assert self._gpsd is not None
        self._gpsd.send_signal(signal.SIGCONT)

    def _listens(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            return False
        return True

    def _speak(self) -> None:
        while not self._stop.wait(self._interval - time.time() % self._interval):
            self._move()
            if self._speaking.is_set():
                # Of the instant that it measured, however late this machine lets it speak: so does a receiver.
                now = datetime.fromtimestamp(round(time.time() / self._interval) * self._interval, UTC)
                self._send(*self._position(now))
                self._stop.wait(self._rmc_delay)
                self._send(self._movement(now))

    def _move(self) -> None:
        metres, heading = self.speed * self._interval, math.radians(self.track)
        self.lon += metres * math.sin(heading) / METRES_PER_DEGREE / math.cos(math.radians(self.lat))
        self.lat += metres * math.cos(heading) / METRES_PER_DEGREE

    def _position(self, now: datetime) -> tuple[str, ...]:
        clock = f"{now:%H%M%S}.{now.microsecond // 10_000:02d}"
        if not self.has_fix:
            return f"GPGGA,{clock},,,,,0,00,99.9,,M,,M,,", "GPGSA,A,1,,,,,,,,,,,,,99.9,99.9,99.9"
        return (
            f"GPGGA,{clock},{self._place()},1,04,0.9,12.0,M,49.5,M,,",
            "GPGSA,A,3,02,05,07,09,,,,,,,,,1.6,0.9,1.3",
            "GPGSV,1,1,04,02,45,100,40,05,50,200,41,07,60,300,42,09,30,050,39",
            f"GPGST,{clock},3.1,2.6,2.1,45.0,2.4,2.3,4.0",
        )

    def _movement(self, now: datetime) -> str:
        clock = f"{now:%H%M%S}.{now.microsecond // 10_000:02d}"
        if not self.has_fix:
            return f"GPRMC,{clock},V,,,,,,,{now:%d%m%y},,,N"
        day = self.day or now.date()
        return f"GPRMC,{clock},A,{self._place()},{self.speed * KNOTS:.1f},{self.track:.1f},{day:%d%m%y},,,A"

    def _place(self) -> str:
        if self.place is not None:
            return self.place
        lat, lon = abs(self.lat), abs(self.lon)
        north, east = "N" if self.lat >= 0 else "S", "E" if self.lon >= 0 else "W"
        return f"{int(lat):02d}{lat % 1 * 60:08.5f},{north},{int(lon):03d}{lon % 1 * 60:08.5f},{east}"

    def _send(self, *contents: str) -> None:
        lines = (f"${content}*{reduce(xor, content.encode()):02X}\r\n" for content in contents)
        try:
            os.write(self._master, "".join(lines).encode())
        except BlockingIOError:
            return  # nobody reads and the line is full: a serial line drops what it can not carry
