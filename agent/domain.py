"""The words of the product: what is seen, where, when, and what becomes of it.

Every type is immutable. Units stand beside the field; what is not known is None, never 0.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]  # height x width x 3, BGR
Probabilities = npt.NDArray[np.float32]  # one a label, in the manifest's order
Ranges = tuple[tuple[int, int], ...]  # from (inclusive), to (exclusive)
Region = tuple[float, float, float, float]  # left, top, right, bottom as fractions of the frame

WHOLE_FRAME: Region = (0.0, 0.0, 1.0, 1.0)
NO_DEFECT = "no_defect"
TRUSTED = ("gps", "ntp")  # clocks that a report's time may be taken from


@dataclass(frozen=True, slots=True)
class Fix:
    """A position that the receiver vouched for, at one instant."""

    lat: float  # degrees, WGS 84
    lon: float  # degrees, WGS 84
    at: datetime  # aware UTC, the receiver's own time
    monotonic: float  # seconds, on the clock of the frames
    eph: float | None = None  # metres, estimated horizontal error
    speed: float | None = None  # metres per second
    track: float | None = None  # degrees true


@dataclass(frozen=True, slots=True)
class Reading:
    """What a clock says at an instant."""

    at: datetime  # aware UTC
    monotonic: float  # seconds, on the clock of the frames
    source: str  # "gps", "ntp", "rtc" or "unknown"
    error: float | None  # seconds


@dataclass(frozen=True, slots=True)
class Dated:
    """When something was, and by which clock."""

    at: datetime  # aware UTC
    clock: str  # "gps", "ntp", "rtc" or "unknown"
    error: float | None  # seconds


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture of a camera, in memory only: it may show people, and is never written."""

    pixels: Pixels
    captured_at: datetime  # aware UTC, by the clock of the device or of the recording
    monotonic: float  # seconds, of the device or since the start of the recording
    camera: str
    fix: Fix | None = None  # where the source itself knows it (EXIF of a photograph)

    @property
    def aspect(self) -> float:
        """Width by height."""
        rows, columns = self.pixels.shape[:2]
        return float(columns / rows)


@dataclass(frozen=True, slots=True)
class Heat:
    """How the board is."""

    celsius: float | None  # degrees, of its hottest sensor
    throttled: bool  # its firmware slows it down now
    undervoltage: bool  # its supply is too weak now


@dataclass(frozen=True, slots=True)
class Candidate:
    """A label and how probable it is."""

    label: str
    probability: float  # 0..1


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """What the model says of a part of a frame."""

    region: Region
    probabilities: Probabilities


@dataclass(frozen=True, slots=True)
class Classification:
    """What the model says of a frame, or of several that show the same."""

    decision: str  # "accepted", "to_review" or "no_defect"
    candidates: tuple[Candidate, ...]  # most probable first
    region: Region  # the part of the frame that carried the decision

    @property
    def best(self) -> Candidate:
        """The most probable candidate that is a defect; `no_defect` where that is the decision."""
        if self.decision == NO_DEFECT:
            return next(c for c in self.candidates if c.label == NO_DEFECT)
        return next(c for c in self.candidates if c.label != NO_DEFECT)


@dataclass(frozen=True, slots=True)
class Position:
    """Where a frame was taken, and how well that is known."""

    source: str  # "gnss", "interpolated", "last_known" or "none"
    lat: float | None = None  # degrees, WGS 84
    lon: float | None = None  # degrees, WGS 84
    age: float | None = None  # seconds since the fix
    accuracy: float | None = None  # metres
    speed: float | None = None  # metres per second
    track: float | None = None  # degrees true


@dataclass(frozen=True, slots=True)
class Here:
    """The zones that a place lies in."""

    commune: str | None = None  # INSEE code
    name: str | None = None  # of the commune
    no_capture: bool = False  # no frame may be taken
    statistics: bool = False  # a defect is counted, without place or picture
    zones: tuple[str, ...] = ()  # the names of special ones, then the codes of communes


@dataclass(frozen=True, slots=True)
class ModelIdentity:
    """Which model decided."""

    name: str
    version: str
    sha256: str


@dataclass(frozen=True, slots=True, eq=False)
class Glimpse:
    """What was seen of a frame: all that is needed of it once its picture is gone."""

    monotonic: float  # seconds, on the clock of the frames
    position: Position  # of the vehicle, as it was known then
    looks: tuple[Look, ...]


@dataclass(frozen=True, slots=True)
class Observation:
    """One defect as a camera saw it over one or more frames: the exact picture, in memory only."""

    frame: Frame  # the one that showed it best
    classification: Classification  # of all of them
    position: Position  # of the vehicle at that frame
    frames: int  # that showed it
    glimpses: tuple[Glimpse, ...] = ()  # of the way past it, also where it was not seen


@dataclass(frozen=True, slots=True)
class Blurring:
    """What was made unrecognisable in a picture, and by which model."""

    model: str
    faces: int
    plates: int


@dataclass(frozen=True, slots=True)
class EvidenceFacts:
    """What a report says of its picture."""

    sha256: str
    bytes: int
    width: int  # pixels
    height: int  # pixels
    blurred: Blurring


@dataclass(frozen=True, slots=True)
class Evidence:
    """A picture of a defect in which nobody can be recognised: the only kind that may be kept."""

    jpeg: bytes
    width: int  # pixels
    height: int  # pixels
    blurred: Blurring

    @property
    def facts(self) -> EvidenceFacts:
        """For the report that it belongs to."""
        return EvidenceFacts(
            hashlib.sha256(self.jpeg).hexdigest(), len(self.jpeg), self.width, self.height, self.blurred
        )


@dataclass(frozen=True, slots=True)
class SeenAgain:
    """A known defect that was seen on later passes."""

    times: int
    last_at: datetime  # aware UTC


@dataclass(frozen=True, slots=True)
class Report:
    """A defect, ready to be kept and delivered. Holds no picture and names no person or vehicle."""

    id: str  # UUIDv7
    device: str
    boot: str  # UUID of the boot it was seen in
    observed_at: datetime  # aware UTC
    clock: str  # "gps", "ntp", "rtc" or "unknown"
    clock_error: float | None  # seconds
    label: str
    probability: float  # 0..1
    decision: str  # "accepted" or "to_review"
    candidates: tuple[Candidate, ...]
    severity: str  # "low", "normal" or "urgent"
    frames: int
    region: Region
    position: Position
    commune: str | None  # INSEE code
    team: str | None
    model: ModelIdentity
    evidence_withheld: str | None  # why there is no picture
    evidence: EvidenceFacts | None = None  # of the picture that goes with it
    revision: int = 0  # of what is told of it: a higher one replaces those before
    seen_again: SeenAgain | None = None
    first_observed_at: datetime | None = None  # aware UTC: what was told before a trusted clock put it right
    monotonic: float | None = None  # seconds, on the clock of that boot: not told
    mark: str | None = None  # what the crew said of it


@dataclass(frozen=True, slots=True)
class Loss:
    """Reports or pictures that were dropped before the centre had them: a tombstone, itself delivered."""

    id: str  # UUIDv7
    what: str  # "report" or "evidence"
    reason: str  # "quota", "disk", "retention", "damaged", "purged", "refused" or "merged"
    labels: dict[str, int]  # how many of each
    sequences: tuple[tuple[int, int], ...]  # of the reports: first and last of each run
    since: datetime  # aware UTC, when the first of them was committed
    until: datetime  # aware UTC, when the last of them was


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """What the centre says of what it was sent."""

    stored: tuple[str, ...]  # ids of reports and losses committed in the centre's database
    rejected: tuple[tuple[str, str], ...]  # id of a report or of a message, and the reason
    evidence: tuple[str, ...] = ()  # ids of reports whose picture it has whole
    evidence_missing: Mapping[str, Ranges] = field(default_factory=dict)  # by report, what is missing of its picture
