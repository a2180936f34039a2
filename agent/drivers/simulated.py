"""A camera and a GPS receiver without hardware that share one drawn patrol and obey the physics of real ones."""

from __future__ import annotations

import math
import threading
import time
from bisect import bisect_right
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import numpy as np

from agent.domain import Fix, Frame
from agent.errors import DeviceError, RecordingEnded
from agent.i18n import _
from agent.interfaces import Demand, Due, always
from agent.simulation.patrol import Patrol, moved

LATENCY = 0.2  # seconds from the instant of a fix until the receiver has told it, as a driver takes it to be
LATENCIES = (0.1, 0.35)  # seconds that it truly takes
FIRST_FIX = 2.0  # seconds from the start until the first fix, of a receiver that was on before
RECOVERY = 1.0  # seconds under open sky until there is a fix again
STANDING = 0.5  # metres per second; below, a receiver knows no track
DRIFT = 2.2  # metres on each axis, standard deviation of the position
SHORTEST_WAIT = 0.001  # seconds
MEMORY = 40.0  # seconds over which the error of the position forgets itself


class SimulatedCamera:
    """The patrol's camera; implements `agent.interfaces.Camera`.

    It makes `rate` frames a second of the patrol's time and, as a real one does, gives the newest: who reads
    slowly misses frames. The patrol sets out when the camera is first opened, and does not wait while it is
    closed. `now` gives the wall clock's seconds; `wait` sleeps so many of them, and by default ends when the
    camera is closed.
    """

    def __init__(  # noqa: PLR0913 - a camera has these properties, and the clock is the tests'
        self,
        patrol: Patrol,
        start: datetime,
        speed_factor: float = 4.0,
        *,
        rate: float = 25.0,
        size: tuple[int, int] = (1280, 720),
        name: str = "simulator",
        now: Callable[[], float] = time.monotonic,
        wait: Callable[[float], object] | None = None,
    ) -> None:
        """`size` is columns and rows. Raises ValueError for a pace or a rate that is not above 0."""
        if not speed_factor > 0 or not rate > 0:
            raise ValueError("the speed factor and the rate must be above 0")
        self.patrol = patrol
        self._start = start
        self._speed_factor = speed_factor
        self._rate = rate
        self._size = size
        self._name = name
        self._now = now
        self._closed = threading.Event()
        self._closed.set()
        self._wait = wait or self._closed.wait
        self._departed: float | None = None
        self._read = -1  # number of the last frame given

    @property
    def seconds(self) -> float:
        """Seconds of the patrol that have passed, also while the camera is closed; 0 before it sets out."""
        if self._departed is None:
            return 0.0
        if math.isinf(self._speed_factor):
            return (self._read + 1) / self._rate
        return (self._now() - self._departed) * self._speed_factor

    def open(self) -> None:
        """Start, or go on where the patrol has got to."""
        if self._departed is None:
            self._departed = self._now()
        self._closed.clear()

    def read(self, timeout: float, due: Due = always) -> Frame | None:
        """The newest frame that `due` wants, or None after `timeout` seconds of the wall clock; others are not drawn.

        Raises DeviceError before `open` and after `close`, RecordingEnded when the patrol is over.
        """
        if self._closed.is_set() or self._departed is None:
            raise DeviceError(_("The simulated camera is closed; open it before reading."))
        deadline = self._now() + timeout
        while True:
            seconds = self._await(self._departed, deadline)
            if seconds is None:
                return None
            if due(self._name, seconds, None) is Demand.NOW:
                pixels = self.patrol.frame(seconds, *self._size)
                return Frame(pixels, self._start + timedelta(seconds=seconds), seconds, self._name)
            if self._now() >= deadline:
                return None

    def close(self) -> None:
        """Release the camera; ends a wait. Safe to call twice."""
        self._closed.set()

    def _await(self, departed: float, deadline: float) -> float | None:
        """The second of the newest frame that was not there before; None where there is none by the deadline."""
        while (number := self._newest(departed)) <= self._read:
            now = self._now()
            if now >= deadline:
                return None
            next_one = departed + (self._read + 1) / self._rate / self._speed_factor
            self._wait(min(deadline - now, max(next_one - now, SHORTEST_WAIT)))
            if self._closed.is_set():
                raise DeviceError(_("The simulated camera is closed; open it before reading."))
        seconds = number / self._rate
        if seconds >= self.patrol.duration:
            raise RecordingEnded(_("The simulated patrol is at its end."))
        self._read = number
        return seconds

    def _newest(self, departed: float) -> int:
        """The number of the newest frame that there is."""
        if math.isinf(self._speed_factor):
            return self._read + 1
        return math.floor((self._now() - departed) * self._speed_factor * self._rate + 1e-6)


class SimulatedGps:
    """The patrol's receiver; implements `agent.interfaces.Gps`.

    An epoch a second, told a little later; the error of the position drifts slowly, and `eph` is its 95 %
    bound as gpsd gives it. There is no fix at first nor in a tunnel, and no track of a vehicle that stands.
    """

    def __init__(self, patrol: Patrol, start: datetime) -> None:
        """`start` (aware UTC) is the time of second 0 of the patrol."""
        self._fixes = _fixes(patrol, start)
        self._told = [fix.monotonic + LATENCY for fix in self._fixes]
        self._taken = 0
        self._open = False

    def open(self) -> None:
        """Start."""
        self._open = True

    def take(self, monotonic: float) -> Sequence[Fix]:
        """The fixes told by that second of the patrol and not yet taken. Never blocks."""
        if not self._open:
            return ()
        first, self._taken = self._taken, max(self._taken, bisect_right(self._told, monotonic))
        return self._fixes[first : self._taken]

    def close(self) -> None:
        """Stop. Safe to call twice."""
        self._open = False


def _fixes(patrol: Patrol, start: datetime) -> tuple[Fix, ...]:
    """Every fix of the patrol, in order, each at its instant as far as a driver can know it by when it was told."""
    rng = np.random.default_rng((patrol.seed, 3))
    late = float(np.random.default_rng((patrol.seed, 4)).uniform(*LATENCIES)) - LATENCY
    keeps = math.exp(-1 / MEMORY)
    error = rng.normal(0, DRIFT, 2)
    fixes = []
    sky = FIRST_FIX - RECOVERY  # seconds: since when there has been open sky
    for epoch in range(math.ceil(patrol.duration) + 1):
        fresh = rng.normal(0, 1, 5)
        error = keeps * error + math.sqrt(1 - keeps**2) * DRIFT * fresh[:2]
        if patrol.in_tunnel(epoch):
            sky = epoch + 1
        if epoch < sky + RECOVERY:
            continue
        lat, lon = moved(patrol.place(epoch), error[0], error[1])
        true_speed = patrol.speed(epoch)
        speed = max(0.0, true_speed + 0.06 * fresh[2])
        heading = float(patrol.track(epoch) + 8.0 * fresh[3] / max(1.0, true_speed)) % 360
        track = heading if speed >= STANDING else None
        eph = 2.45 * DRIFT * (1 + 0.08 * abs(fresh[4]))
        at = start + timedelta(seconds=epoch)
        fixes.append(Fix(float(lat), float(lon), at, epoch + late, float(eph), float(speed), track))
    return tuple(fixes)
