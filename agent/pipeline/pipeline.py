"""The loop from frame to committed report. Never touches the network."""

from __future__ import annotations

import logging
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Event
from typing import Protocol

import numpy as np

from agent.domain import NO_DEFECT, Fix, Frame, Observation, Report
from agent.errors import DeviceError, RecordingEnded, StoreError
from agent.interfaces import Camera, Classifier, Demand, Gps
from agent.manifest import Manifest
from agent.pipeline.aggregate import Aggregator
from agent.pipeline.anonymise import Identity, anonymise
from agent.pipeline.classify import classify
from agent.pipeline.locate import locate
from agent.pipeline.regions import Cost, Pace, Rota
from agent.pipeline.trigger import Trigger

log = logging.getLogger(__name__)

READ_TIMEOUT = 0.5  # seconds: how long a step waits for a frame
NOTHING = np.empty((0, 0, 3), np.uint8)  # a frame that is not decoded yet
UNSAVED = 1000  # reports kept in memory while the store can not be written


class Store(Protocol):
    """What the pipeline needs of the store."""

    def append(self, report: Report) -> int:
        """Commit the report; returns its sequence. Raises StoreError."""


@dataclass(slots=True)
class Counters:
    """What the pipeline has done since it started."""

    frames: int = 0  # came from the camera
    looked_at: int = 0  # were classified
    reports: int = 0  # were committed
    lost: int = 0  # could not be committed before memory for them ran out
    last_frame: float | None = None  # seconds, on the clock of the frames
    last_fix: Fix | None = None


class Pipeline:
    """Takes one frame a step through trigger, classify, aggregate, anonymise, and commits what came of it."""

    def __init__(  # noqa: PLR0913 - the seams and stages are handed in, so that each can be tested alone
        self,
        *,
        camera: Camera,
        gps: Gps,
        classifier: Classifier,
        manifest: Manifest,
        store: Store,
        identity: Identity,
        trigger: Trigger,
        aggregator: Aggregator,
        rota: Rota | None = None,
        pace: Pace | None = None,
    ) -> None:
        """Looks at the whole of each frame where no `rota` is given, and takes its time where no `pace` is."""
        self.counters = Counters()
        self.ended = Event()  # a recording has no further frames, and all of it is committed
        self.store_trouble: StoreError | None = None  # why reports wait in memory
        self._camera = camera
        self._gps = gps
        self._classifier = classifier
        self._manifest = manifest
        self._store = store
        self._identity = identity
        self._trigger = trigger
        self._aggregator = aggregator
        self._rota = rota or Rota()
        self._pace = pace or Pace()
        self._unsaved: deque[Report] = deque()
        self._is_open = False
        self._silent = 0.0  # seconds without a frame

    @property
    def unsaved(self) -> int:
        """Reports that wait in memory for a store that can be written."""
        return len(self._unsaved)

    @property
    def cost(self) -> Cost | None:
        """What looking at a frame costs of late; None before the first."""
        return self._rota.cost

    def step(self) -> None:
        """Take one frame through.

        A store that can not be written does not end the looking: reports wait in memory for it. Raises
        DeviceError where the camera is away, and RecordingEnded at the end of a recording, once all that was
        found in it is committed; StoreError where that can not be done.
        """
        try:
            frame = self._read()
        except RecordingEnded:
            self._keep(self._aggregator.flush())
            self._commit()
            self.ended.set()
            raise
        if frame is None:
            self._silent += READ_TIMEOUT
            if self._silent >= self._aggregator.patience:
                self._keep(self._aggregator.flush())
        else:
            self._silent = 0.0
            self._look(frame)
        self._try_to_commit()

    def finish(self) -> None:
        """End the open observations and release the devices. Raises StoreError."""
        self._keep(self._aggregator.flush())
        # Before the devices, one of which may hang: little time is left at the ignition key.
        try:
            self._commit()
        except StoreError:
            self.counters.lost += len(self._unsaved)
            log.error("%d report(s) that waited in memory are lost", len(self._unsaved))
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
            return self._camera.read(READ_TIMEOUT, self._due)
        except DeviceError:
            # The camera may lose power first: what was in sight is over, and must not wait in memory for it.
            self._keep(self._aggregator.flush())
            self._try_to_commit()
            raise

    def _due(self, camera: str, monotonic: float, fix: Fix | None) -> Demand:
        frame = Frame(NOTHING, datetime.now(UTC), monotonic, camera, fix)
        return Demand.NOW if self._trigger.wants(frame, locate(frame, self._fix(frame))) else Demand.LATER

    def _look(self, frame: Frame) -> None:
        self.counters.frames += 1
        self.counters.last_frame = frame.monotonic
        fix = self._fix(frame)
        self.counters.last_fix = fix
        position = locate(frame, fix)
        if not self._trigger.due(frame, position):
            return
        turns = self._rota.turns(self._pace.budget(position))
        classification = classify(frame.pixels, self._classifier, self._manifest, turns)
        self.counters.looked_at += 1
        self._keep(self._aggregator.add(frame, classification, position))

    def _fix(self, frame: Frame) -> Fix | None:
        return frame.fix or self._gps.fix(frame.monotonic)

    def _keep(self, observations: list[Observation]) -> None:
        for observation in observations:
            if observation.classification.decision == NO_DEFECT:
                raise ValueError("an observation without a defect")
            self._unsaved.append(anonymise(observation, self._fix(observation.frame), self._identity, self._manifest))
        while len(self._unsaved) > UNSAVED:
            self._unsaved.popleft()
            self.counters.lost += 1

    def _commit(self) -> None:
        while self._unsaved:
            self._store.append(self._unsaved[0])
            self._unsaved.popleft()
            self.counters.reports += 1
        self.store_trouble = None

    def _try_to_commit(self) -> None:
        try:
            self._commit()
        except StoreError as error:
            if self.store_trouble is None:
                log.warning("%s; %d reports wait in memory", error, len(self._unsaved))
            self.store_trouble = error
