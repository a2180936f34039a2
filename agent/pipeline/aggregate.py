"""One defect, one observation: successive frames of the same label within reach are the same defect."""

from __future__ import annotations

from dataclasses import dataclass, replace

from agent.domain import NO_DEFECT, Classification, Frame, Observation, Position
from agent.pipeline.locate import distance


@dataclass(slots=True)
class _Open:
    """A defect still in sight."""

    first: Position
    best: Observation
    last_seen: float  # seconds, on the clock of the frames


class Aggregator:
    """Joins frames to observations. Holds one open observation a label."""

    def __init__(self, reach: float, patience: float) -> None:
        """`reach` metres from where a defect was first seen; `patience` seconds since it was last seen."""
        self.patience = patience
        self._reach = reach
        self._open: dict[str, _Open] = {}

    def add(self, frame: Frame, classification: Classification, position: Position) -> list[Observation]:
        """Take a frame in; returns the observations that are complete now."""
        complete = self._out_of_sight(frame, position)
        if classification.decision == NO_DEFECT:
            return complete
        label = classification.best.label
        known = self._open.get(label)
        if known is None:
            observation = Observation(frame, classification, position, frames=1)
            self._open[label] = _Open(position, observation, frame.monotonic)
            return complete
        known.last_seen = frame.monotonic
        frames = known.best.frames + 1
        if _certainty(classification) > _certainty(known.best.classification):
            known.best = Observation(frame, classification, position, frames)
        else:
            known.best = replace(known.best, frames=frames)
        return complete

    def flush(self) -> list[Observation]:
        """End every open observation (the patrol ends, the ignition is off)."""
        complete = [entry.best for entry in self._open.values()]
        self._open.clear()
        return complete

    def _out_of_sight(self, frame: Frame, position: Position) -> list[Observation]:
        gone = []
        for label, entry in self._open.items():
            travelled = distance(entry.first, position)
            far = travelled is not None and travelled > self._reach
            if far or frame.monotonic - entry.last_seen > self.patience:
                gone.append(label)
        return [self._open.pop(label).best for label in gone]


def _certainty(classification: Classification) -> tuple[bool, float]:
    return classification.decision == "accepted", classification.best.probability
