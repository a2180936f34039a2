"""The loop from frame to committed report. Never touches the network."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import Event

from agent.domain import Fix, Frame, Glimpse, Position
from agent.errors import DeviceError, RecordingEnded, StoreError
from agent.interfaces import Camera, Classifier, Demand, Gps
from agent.pipeline.aggregate import Aggregator
from agent.pipeline.classify import look
from agent.pipeline.dating import Dating
from agent.pipeline.filing import Filing
from agent.pipeline.locate import Fixes, taken_at
from agent.pipeline.place import Mounting
from agent.pipeline.quality import UNCHANGED, Gate
from agent.pipeline.regions import Cost, Pace, Rota
from agent.pipeline.trigger import Trigger

READ_TIMEOUT = 0.5  # seconds: how long a step waits for a frame
PATIENCE = 5.0  # seconds without a frame, after which what was in sight is over
NEARBY = 30.0  # metres: a zone is no farther than that from a position that is known badly
MOVING = 2.0  # metres per second from which on two frames can not be the same


@dataclass(slots=True)
class Counters:
    """What the pipeline has done since it started."""

    frames: int = 0  # came from the cameras
    looked_at: int = 0  # were classified
    refused: Counter[str] = field(default_factory=Counter)  # were of no use, by reason


@dataclass(frozen=True, slots=True)
class Eye:
    """What belongs to one camera."""

    trigger: Trigger
    aggregator: Aggregator
    rota: Rota
    pace: Pace
    mounting: Mounting


class Pipeline:
    """Takes one frame a step through quality, classify and aggregate, and files what came of it."""

    def __init__(  # noqa: PLR0913 - the seams and stages are handed in, so that each can be tested alone
        self,
        *,
        camera: Camera,
        gps: Gps,
        classifier: Classifier,
        eyes: Mapping[str, Eye],
        gate: Gate,
        fixes: Fixes,
        dating: Dating,
        filing: Filing,
        is_forbidden: Callable[[float, float, float], bool] = lambda _lat, _lon, _accuracy: False,
        rate: Callable[[], float] = lambda: 1.0,
    ) -> None:
        """`eyes` by the name of the camera. `is_forbidden` says whether nothing may be captured at a place (latitude,
        longitude, metres around it); `rate` how much rarer than usual frames are wanted.
        """
        self.counters = Counters()
        self.filing = filing
        self.fixes = fixes
        self.gate = gate
        self.ended = Event()  # a recording has no further frames, and all of it is committed
        self._camera = camera
        self._gps = gps
        self._classifier = classifier
        self._eyes = eyes
        self._dating = dating
        self._is_forbidden = is_forbidden
        self._rate = rate
        self._is_open = False
        self._silent = 0.0  # seconds without a frame
        self._now = 0.0  # seconds, on the clock of the frames
        self._before: dict[str, float] = {}  # seconds, by camera: when its last frame was taken

    @property
    def now(self) -> float:
        """Seconds, on the clock of the frames: the latest instant that was asked about."""
        return self._now

    @property
    def cost(self) -> Cost | None:
        """What looking at a frame costs of late; None before the first."""
        costs = [eye.rota.cost for eye in self._eyes.values() if eye.rota.cost is not None]
        return max(costs, key=lambda cost: cost.seconds, default=None)

    def step(self) -> None:
        """Take one frame through.

        A store that can not be written does not end the looking: reports wait in memory for it. Raises
        DeviceError where every camera is away, and RecordingEnded at the end of a recording, once all that was
        found in it is committed; StoreError where that can not be done.
        """
        try:
            frame = self._read()
        except RecordingEnded:
            self._flush()
            self.filing.finish(self._now)
            self.ended.set()
            raise
        if frame is None:
            self._silent += READ_TIMEOUT
            if self._silent >= PATIENCE:
                self._flush()
        else:
            self._silent = 0.0
            self._take(frame)
        self.filing.try_to_commit(self._now)

    def finish(self) -> None:
        """End the open observations and release the devices. Raises StoreError."""
        self._flush()
        # Before the devices, one of which may hang: little time is left at the ignition key.
        try:
            self.filing.finish(self._now)
        except StoreError:
            self.filing.give_up()
            raise
        finally:
            self._camera.close()
            self._gps.close()

    def _read(self) -> Frame | None:
        if not self._is_open:
            self._gps.open()
            self._camera.open()
            self._is_open = True
        try:
            return self._camera.read(READ_TIMEOUT, self._demand)
        except DeviceError:
            # The camera may lose power first: what was in sight is over, and must not wait in memory for it.
            self._flush()
            self.filing.try_to_commit(self._now)
            raise

    def _demand(self, camera: str, at: float, fix: Fix | None) -> Demand:
        """Whether a frame of that camera and instant is wanted."""
        self._hear(at)
        position = self._position(at, fix)
        if position.lat is not None and position.lon is not None:
            around = min(position.accuracy or 0.0, NEARBY)
            if self._is_forbidden(position.lat, position.lon, around):
                self._flush()
                return Demand.NONE
        wall = self._dating.best(at)
        return self._eyes[camera].trigger.demand(
            at, position, self.fixes.standing(at), wall.at.astimezone() if wall else None, self._rate()
        )

    def _hear(self, at: float) -> None:
        self._now = max(self._now, at)
        fixes = self._gps.take(at)
        if fixes:
            self.fixes.add(fixes)
            self._dating.hear(fixes)

    def _position(self, at: float, fix: Fix | None) -> Position:
        """Of the vehicle, or of whoever took the picture."""
        return self.fixes.position(at) if fix is None else taken_at(fix, at)

    def _take(self, frame: Frame) -> None:
        self._hear(frame.monotonic)
        self.counters.frames += 1
        eye = self._eyes[frame.camera]
        position = self._position(frame.monotonic, frame.fix)
        reason = self.gate.judge(frame.pixels, frame.camera, (position.speed or 0.0) >= MOVING)
        self._watch(frame, reason)
        if reason is not None:
            self.counters.refused[reason] += 1
            eye.trigger.refused(frame.monotonic)
            return
        eye.trigger.taken(frame.monotonic, position)
        looks = look(frame.pixels, self._classifier, eye.rota.turns(eye.pace.budget(position)))
        self.counters.looked_at += 1
        for observation in eye.aggregator.add(frame, Glimpse(frame.monotonic, position, looks)):
            self.filing.add(observation, eye.mounting)

    def _watch(self, frame: Frame, reason: str | None) -> None:
        """Where the camera shows the same as before, the vehicle stands: in a tunnel nothing else tells."""
        since = self._before.get(frame.camera)
        if reason == UNCHANGED and since is not None:
            self.fixes.stood(since, frame.monotonic)
        self._before[frame.camera] = frame.monotonic

    def _flush(self) -> None:
        for eye in self._eyes.values():
            for observation in eye.aggregator.flush():
                self.filing.add(observation, eye.mounting)
