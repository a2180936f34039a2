"""Any number of live cameras as one: none of them waits for another."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from agent.domain import Frame
from agent.drivers.camera import CameraState, LiveCamera
from agent.drivers.capture import Capture, Settings, open_capture
from agent.drivers.reader import Desk, Patience
from agent.errors import DeviceError
from agent.i18n import _
from agent.interfaces import Demand, Due, always

FAREWELL = 0.5  # seconds that `close` gives readers to let go of the devices, which no other can open before
GLANCE = 0.1  # seconds between two looks at cameras that do not give frames
OLD = 2.5  # seconds after which a frame that nobody has read is no longer given
TURN = 0.25  # seconds that a camera leaves to another whose turn it is: a frame of a slow one, 4 a second


class LiveCameras:
    """Cameras that come back by themselves; implements `agent.interfaces.Camera`.

    Each is opened when it is first read, on a thread of its own; nothing here waits for a driver.
    """

    def __init__(
        self,
        cameras: Sequence[Settings],
        patience: Patience | None = None,
        capture: Callable[[Settings], Capture] = open_capture,
    ) -> None:
        """At least one camera, each with a name of its own. `capture` opens a handle on one."""
        self._desk = Desk()
        self._cameras = [LiveCamera(settings, self._desk, patience or Patience(), capture) for settings in cameras]
        self._is_open = False
        self._is_told = False  # that all are away

    def open(self) -> None:
        """Start."""
        self._is_open = True

    def read(self, timeout: float, due: Due = always) -> Frame | None:
        """The newest frame of any camera that `due` wants now, or None after `timeout` seconds; each has its turn.

        Raises DeviceError where every camera has failed: at once when the last of them does, then after `timeout`.
        """
        if not self._is_open:
            raise DeviceError(_("The cameras are closed; open them before reading."))
        begun = time.monotonic()
        changed = self._desk.changed
        with changed:
            self._desk.is_attended = True
            try:
                while True:
                    now = time.monotonic()
                    frame = self._take(now)
                    if frame is not None:
                        return frame
                    self._answer(due, now, now - begun < TURN)
                    rest = begun + timeout - now
                    if self._are_away() and (rest <= 0 or not self._is_told):
                        self._is_told = True
                        raise DeviceError("; ".join(camera.fault for camera in self._cameras))
                    if rest <= 0:
                        return None
                    changed.wait(min(rest, GLANCE))
            finally:
                self._desk.is_attended = False
                changed.notify_all()

    def close(self) -> None:
        """Release the cameras, within half a second whatever their drivers do. Safe to call twice."""
        self._is_open = False
        with self._desk.changed:
            leaving = [reader for camera in self._cameras for reader in camera.readers()]
            for camera in self._cameras:
                camera.rest()
        deadline = time.monotonic() + FAREWELL
        for reader in leaving:
            reader.join(max(0.0, deadline - time.monotonic()))

    def state(self) -> tuple[CameraState, ...]:
        """How each camera is, in the order they were given."""
        with self._desk.changed:
            return tuple(camera.state() for camera in self._cameras)

    def _take(self, now: float) -> Frame | None:
        """The frame that has waited longest; one that waited while nobody read for a while has grown old."""
        waiting = [camera for camera in self._cameras if camera.frame is not None]
        for camera in sorted(waiting, key=lambda camera: camera.frame.monotonic if camera.frame else 0.0):
            frame, camera.frame = camera.frame, None
            if frame is not None and now - frame.monotonic <= OLD:
                camera.served = now
                return frame
        return None

    def _answer(self, due: Due, now: float, in_turn: bool) -> None:
        for camera in self._cameras:
            camera.tend(now)
            instant = camera.question
            if instant is None and camera.is_giving:
                continue
            demand = due(camera.name, now if instant is None else instant, None)
            if demand is Demand.NONE:
                if not camera.rests:
                    camera.rest()
            elif camera.rests:
                camera.wake()
            elif instant is not None:
                if demand is Demand.NOW and in_turn and self._is_anothers_turn(camera, instant, due):
                    demand = Demand.LATER
                camera.answer(demand)

    def _is_anothers_turn(self, camera: LiveCamera, instant: float, due: Due) -> bool:
        """Whether one that waits longer gives frames as well: who reads slowly would else always meet the faster."""
        return any(
            other.served < camera.served
            and other.is_prompt(instant, TURN)
            and due(other.name, instant, None) is Demand.NOW
            for other in self._cameras
        )

    def _are_away(self) -> bool:
        are_away = all(camera.fault and not camera.rests for camera in self._cameras)
        self._is_told &= are_away
        return are_away
