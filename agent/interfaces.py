"""The seams between the core and the devices; three methods each at most."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

from agent.domain import Fix, Frame, Pixels


class Camera(Protocol):
    """A source of frames."""

    def open(self) -> None:
        """Start. Raises DeviceError where the camera is not there."""

    def read(self, timeout: float) -> Frame | None:
        """The newest frame not yet read, or None after `timeout` seconds.

        Raises DeviceError where the camera is lost (the caller closes and opens again), and
        RecordingEnded where a recording has no further frames.
        """

    def close(self) -> None:
        """Release the device. Safe to call twice."""


class Gps(Protocol):
    """A source of fixes. Its absence is normal (tunnels), so it never raises after `open`."""

    def open(self) -> None:
        """Start. Does not wait for a fix."""

    def fix(self, monotonic: float) -> Fix | None:
        """The newest fix known at that instant (seconds, on the clock of the frames)."""

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
