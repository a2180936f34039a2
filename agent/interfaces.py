"""The seams between the core and the devices; three methods each at most."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

import numpy as np
import numpy.typing as npt

from agent.domain import Fix, Frame, Pixels


class Demand(Enum):
    """Whether a frame is wanted."""

    NOW = "now"
    LATER = "later"  # not this one
    NONE = "none"  # for a while none will be: parked, where nothing may be captured, out of the schedule


# Asked with the camera's name, the instant of a frame (seconds, on the clock of the frames) and its own fix where the
# source knows one. A question changes nothing: it may be asked of frames that then do not come. It is asked on the
# thread that reads, and must not wait.
Due = Callable[[str, float, Fix | None], Demand]


def always(_camera: str, _monotonic: float, _fix: Fix | None) -> Demand:
    """Every frame is wanted."""
    return Demand.NOW


class Camera(Protocol):
    """A source of frames, of one camera or of several."""

    def open(self) -> None:
        """Start. Does not wait for a camera that is away."""

    def read(self, timeout: float, due: Due = always) -> Frame | None:
        """The newest frame that `due` wants now, or None after `timeout` seconds.

        Other frames are passed over, and not decoded as far as the source allows. While `due` says NONE a live camera
        is released, so that nothing at all is decoded, and opened again as soon as it says anything else.

        Raises DeviceError where every camera is away: they are tried on without being asked to, so it is enough to
        read again. Raises RecordingEnded where a recording has no further frames.
        """

    def close(self) -> None:
        """Release the device. Safe to call twice."""


class Gps(Protocol):
    """A source of fixes. Its absence is normal (tunnels), so it never raises after `open`."""

    def open(self) -> None:
        """Start. Does not wait for a fix."""

    def take(self, monotonic: float) -> Sequence[Fix]:
        """The fixes told by that instant (seconds, on the clock of the frames) and not yet taken, in their order."""

    def close(self) -> None:
        """Release the device. Safe to call twice."""


class Classifier(Protocol):
    """A model of defects."""

    def probabilities(self, pixels: Pixels) -> npt.NDArray[np.float32]:
        """One probability a label, in the manifest's order, for a picture of any size (BGR)."""


@dataclass(frozen=True, slots=True)
class Message:
    """An MQTT 5 message, either way."""

    topic: str
    payload: bytes
    content_type: str = ""
    properties: dict[str, str] = field(default_factory=dict)  # user properties
    retain: bool = False
    optional: bool = False  # a broker that refuses it does no harm


class Publisher(Protocol):
    """The way to the broker."""

    def open(self) -> None:
        """Connect. Raises DeviceError with the broker's reason where it refuses or is away."""

    def exchange(self, outgoing: Sequence[Message], timeout: float) -> list[Message]:
        """Send, then return what came in, waiting for it `timeout` seconds at most.

        Raises DeviceError where the connection is lost or the broker refuses a message that is not optional: what
        was sent and not acknowledged by the centre must then be sent again.
        """

    def close(self) -> None:
        """Say goodbye and disconnect. Safe to call twice."""


class Meter(Protocol):
    """What the way to the broker has carried."""

    @property
    def network(self) -> str | None:
        """The network interface that the connection goes over (`wlan0`); None where there is no connection."""

    def usage(self) -> dict[str, int]:
        """Bytes since the start, both ways, with the headers of IP and TCP; by network interface."""
