"""Failures of a camera and a receiver, at the seconds that they are asked for."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import cycle

import numpy as np

from agent.domain import Fix, Frame
from agent.errors import DeviceError
from agent.i18n import _
from agent.interfaces import Camera, Due, Gps, always
from agent.outage import Outage, fails

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)  # where a clock without a battery begins
GREY = 128


class FlakyCamera:
    """A camera that fails as asked; implements `agent.interfaces.Camera` over another one.

    `camera` is unplugged, and comes back by itself; `camera-hang` gives no frame;
    `camera-frozen` gives the last picture again and again, as new; `camera-grey` gives frames without anything on
    them. `clock` is the clock of a device without a battery: `captured_at` begins in 1970, and jumps to what is right
    when the outage ends.
    """

    def __init__(
        self,
        camera: Camera,
        outages: Iterable[Outage],
        clock: Callable[[], float],
        wait: Callable[[float], object] = time.sleep,
    ) -> None:
        """`clock` gives the seconds since the start, as the frames' `monotonic` does; `wait` sleeps so many."""
        self.camera = camera
        self._outages = tuple(outages)
        self._clock = clock
        self._wait = wait
        self._last: Frame | None = None
        self._is_away = False

    def open(self) -> None:
        """Start. Raises DeviceError while it is unplugged."""
        # In any case: the clock may be that of the camera, and begin with it.
        self.camera.open()
        self._check()

    def read(self, timeout: float, due: Due = always) -> Frame | None:
        """The newest frame not yet read, or None. Raises DeviceError while it is unplugged, and as the other does."""
        self._check()
        if fails(self._outages, "camera-hang", self._clock()):
            self._wait(timeout)
            return None
        frame = self.camera.read(timeout, due)
        if frame is None:
            return None
        seconds = frame.monotonic
        if self._last is not None and fails(self._outages, "camera-frozen", seconds):
            frame = replace(frame, pixels=self._last.pixels)
        if fails(self._outages, "camera-grey", seconds):
            frame = replace(frame, pixels=np.full_like(frame.pixels, GREY))
        else:
            self._last = frame
        if fails(self._outages, "clock", seconds):
            frame = replace(frame, captured_at=EPOCH + timedelta(seconds=seconds))
        return frame

    def close(self) -> None:
        """Release the device. Safe to call twice."""
        self.camera.close()

    def _check(self) -> None:
        if self._is_away and not fails(self._outages, "camera", self._clock()):
            self._is_away = False
            self.camera.open()
        if fails(self._outages, "camera", self._clock()):
            self._is_away = True
            self.camera.close()
            raise DeviceError(_("The camera is unplugged, as the simulator was asked to do; it comes back by itself."))


class FlakyGps:
    """A receiver that fails as asked; implements `agent.interfaces.Gps` over another one.

    `gps` is silent; `gps-frozen` tells the last fix for ever, its time too; `gps-nonsense` tells in turn (0, 0), a
    position that is not a number, and dates in 1980 and 2080, as a receiver does that nobody checks.
    """

    def __init__(self, gps: Gps, outages: Iterable[Outage]) -> None:
        """An outage is in force for the fixes whose `monotonic` lies in it."""
        self._gps = gps
        self._outages = tuple(outages)
        self._last: Fix | None = None
        self._nonsense = cycle((_null_island, _no_number, _early, _late))

    def open(self) -> None:
        """Start."""
        self._gps.open()

    def take(self, monotonic: float) -> Sequence[Fix]:
        """The fixes told by then and not yet taken, less those that are lost, with those that are made up."""
        told = (self._told(fix) for fix in self._gps.take(monotonic))
        return tuple(fix for fix in told if fix is not None)

    def close(self) -> None:
        """Release the device. Safe to call twice."""
        self._gps.close()

    def _told(self, fix: Fix) -> Fix | None:
        if fails(self._outages, "gps", fix.monotonic):
            return None
        if fails(self._outages, "gps-nonsense", fix.monotonic):
            return next(self._nonsense)(fix)
        if self._last is not None and fails(self._outages, "gps-frozen", fix.monotonic):
            return replace(self._last, monotonic=fix.monotonic)
        self._last = fix
        return fix


def _null_island(fix: Fix) -> Fix:
    return replace(fix, lat=0.0, lon=0.0)


def _no_number(fix: Fix) -> Fix:
    return replace(fix, lat=math.nan, lon=math.nan, eph=math.nan, speed=math.nan, track=math.nan)


def _early(fix: Fix) -> Fix:
    return replace(fix, at=datetime(1980, 1, 6, tzinfo=UTC) + timedelta(seconds=fix.monotonic))


def _late(fix: Fix) -> Fix:
    return replace(fix, at=datetime(2080, 1, 6, tzinfo=UTC) + timedelta(seconds=fix.monotonic))
