"""One defect, one observation: what successive frames show of it is taken together, and believed together."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from agent.domain import NO_DEFECT, WHOLE_FRAME, Candidate, Classification, Frame, Glimpse, Look, Observation
from agent.manifest import NEVER, Manifest
from agent.pipeline.classify import most_telling
from agent.pipeline.likeness import alike, fingerprint
from agent.plane import distance

SEEN = 0.3  # probability from which on a look counts as one that shows a defect
TELLING = 2  # frames of a run whose word counts, the most telling ones: more of them say nothing independent
SUREST = 0.99  # of one frame: more is not believed of a network
ABSENT = math.log(0.15 / 0.85)  # the odds of a frame that should have shown it too, and did not
REMEMBERED = 12  # glimpses before and after a run that tell where the defect is, as they do not show it


Candidates = tuple[Candidate, ...]


@dataclass(frozen=True, slots=True)
class Span:
    """When a run of frames is over."""

    reach: float = 40.0  # metres after it began, in any case: what goes on for longer is reported again
    gap: float = 9.0  # metres after it was last seen
    patience: float = 3.0  # seconds after that, where the way is not known
    longest: float = 20.0  # seconds after it began, there: what nobody ends would be lost with the power


@dataclass(frozen=True, slots=True)
class Belief:
    """What it takes to believe a run of frames."""

    min_frames: int = 2  # that must show it
    certain: float = 0.97  # probability from which fewer suffice
    are_single: bool = False  # pictures that people took one by one, with no way between them


@dataclass(slots=True)
class _Run:
    """Labels of one group that were in sight of late."""

    begun: Glimpse
    last: Glimpse
    frame: Frame  # the one that showed it best
    best: Glimpse  # of that frame
    look: Look  # of that frame, the one that showed it best
    odds: list[float] = field(default_factory=list)  # logarithmic, of the frames that showed it
    seen: list[Look] = field(default_factory=list)  # of each of these frames, the look that showed it best


class Aggregator:
    """Joins the frames of one camera to observations.

    A run is what frames show of a defect until none has shown it for a while. Labels that are mistaken for one another
    are of one group and make one run. Its probability is that of its two most telling frames together, which see the
    same thing from different places: their odds are multiplied.
    """

    def __init__(self, manifest: Manifest, span: Span = Span(), belief: Belief = Belief()) -> None:
        self.unbelieved = 0  # runs
        self._manifest = manifest
        self._span = span
        self._belief = belief
        self._groups = manifest.groups()
        self._runs: dict[str, _Run] = {}
        self._way: deque[Glimpse] = deque(maxlen=4 * REMEMBERED)

    def add(self, frame: Frame, glimpse: Glimpse) -> list[Observation]:
        """Take in what was seen of a frame; returns the observations that are complete now."""
        looks = {name: max(glimpse.looks, key=lambda one: _sum(one, of)) for name, of in self._groups.items()}
        shown = {name: look for name, look in looks.items() if _sum(look, self._groups[name]) >= SEEN}
        complete = self._end(
            [name for name, run in self._runs.items() if self._is_over(run, name in shown, frame, glimpse)]
        )
        self._way.append(glimpse)
        for name, look in shown.items():
            self._see(name, frame, glimpse, look, _logit(_sum(look, self._groups[name])))
        return complete

    def flush(self) -> list[Observation]:
        """End every run (the patrol ends, the ignition is off)."""
        return self._end(list(self._runs))

    def _see(self, name: str, frame: Frame, glimpse: Glimpse, look: Look, odds: float) -> None:
        run = self._runs.get(name)
        if run is None:
            run = self._runs[name] = _Run(glimpse, glimpse, frame, glimpse, look)
        if not run.odds or odds > max(run.odds):
            run.frame, run.best, run.look = frame, glimpse, look
        run.odds.append(odds)
        run.seen.append(look)
        run.last = glimpse

    def _is_over(self, run: _Run, is_shown: bool, frame: Frame, now: Glimpse) -> bool:
        if self._belief.are_single:  # each is perhaps of another defect
            same = alike(fingerprint(run.frame.pixels, WHOLE_FRAME), fingerprint(frame.pixels, WHOLE_FRAME))
            return not (is_shown and same)
        if {run.begun.position.source, run.last.position.source, now.position.source} == {"gnss"}:
            since_begun = distance(run.begun.position, now.position) or 0.0
            since_last = distance(run.last.position, now.position) or 0.0
            return since_last > self._span.gap or since_begun > self._span.reach
        since_begun, since_last = now.monotonic - run.begun.monotonic, now.monotonic - run.last.monotonic
        return since_last > self._span.patience or since_begun > self._span.longest

    def _end(self, names: Sequence[str]) -> list[Observation]:
        ended = []
        for name in names:
            run = self._runs.pop(name)
            classification = self._judge(run, self._groups[name])
            if classification is None:
                self.unbelieved += 1
            else:
                ended.append(Observation(run.frame, classification, run.best.position, len(run.odds), self._past(run)))
        return ended

    def _judge(self, run: _Run, indices: Sequence[int]) -> Classification | None:
        """What to make of the run; None where it is not believed."""
        if len(run.odds) < TELLING and self._belief.min_frames < TELLING:
            return self._judge_alone(run, indices)
        order = sorted(range(len(run.odds)), key=lambda i: -run.odds[i])[:TELLING]
        is_certain = max(run.odds) >= _logit(self._belief.certain)
        missing = 0.0 if is_certain else ABSENT * (TELLING - len(order))
        together = _sigmoid(sum(run.odds[i] for i in order) + missing)
        # Which of the group's labels it is, each of the frames says: the more they differ, the less it is believed.
        index = max(indices, key=lambda i: _sum_of(run.seen, [i]))
        candidates = self._candidates(index, indices, together, run.seen)
        accept = self._manifest.labels[index].accept
        suffices = is_certain or len(run.odds) >= self._belief.min_frames
        if suffices and accept is not None and accept < NEVER and candidates[0].probability >= accept:
            decision = "accepted"
        elif self._manifest.review < NEVER and together >= self._manifest.review:
            decision = "to_review"
        else:
            return None
        return Classification(decision, candidates, run.look.region)

    def _judge_alone(self, run: _Run, indices: Sequence[int]) -> Classification | None:
        """A single picture says it by itself: whoever took it aimed at the defect."""
        found = most_telling(run.best.looks, self._manifest)
        if found.decision == NO_DEFECT or found.best.label not in {self._manifest.labels[i].id for i in indices}:
            return None
        return found

    def _candidates(self, index: int, indices: Sequence[int], together: float, seen: Sequence[Look]) -> Candidates:
        """The group's labels share its probability as the frames share it out, and the others what is left."""
        labels = self._manifest.labels
        others = [i for i in range(len(labels)) if i not in indices]
        found = []
        for probability, those in ((together, indices), (1 - together, others)):
            whole = _sum_of(seen, those)
            found += [
                Candidate(labels[i].id, probability * (_sum_of(seen, [i]) / whole if whole else 1 / len(those)))
                for i in those
            ]
        first = labels[index].id
        return tuple(sorted(found, key=lambda one: (one.label != first, -one.probability)))

    def _past(self, run: _Run) -> tuple[Glimpse, ...]:
        """The glimpses of the way past it."""
        first, last = run.begun.monotonic, run.last.monotonic
        before = [one for one in self._way if one.monotonic < first][-REMEMBERED:]
        during = [one for one in self._way if first <= one.monotonic <= last]
        after = [one for one in self._way if one.monotonic > last][:REMEMBERED]
        return (*before, *during, *after)


def _sum(look: Look, indices: Sequence[int]) -> float:
    return float(look.probabilities[indices].sum())


def _sum_of(looks: Sequence[Look], indices: Sequence[int]) -> float:
    return sum(_sum(look, indices) for look in looks)


def _logit(probability: float) -> float:
    bounded = min(max(probability, 1 - SUREST), SUREST)
    return math.log(bounded / (1 - bounded))


def _sigmoid(odds: float) -> float:
    return 1 / (1 + math.exp(-odds))
