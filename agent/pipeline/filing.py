"""Files what was observed: where it is, who gets it, whether it is known already, and what later fixes tell of it."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from agent.domain import WHOLE_FRAME, Fix, Glimpse, Here, Observation, Position, Reading, Report
from agent.errors import StoreError
from agent.manifest import Manifest
from agent.pipeline.anonymise import Identity, anonymise
from agent.pipeline.dating import Dating
from agent.pipeline.known import Known, Memory, is_same_pass, news
from agent.pipeline.locate import Fixes, taken_at
from agent.pipeline.place import Mounting, place, placed
from agent.routing import Routing
from agent.store.store import Store

log = logging.getLogger(__name__)

UNSAVED = 1000  # reports kept in memory while the store can not be written
STATISTICS, NO_CAPTURE = "statistics_zone", "no_capture_zone"  # why there is neither place nor picture


@dataclass(slots=True)
class Filed:
    """What came of the observations so far."""

    reports: int = 0  # were committed
    seen_again: int = 0  # were defects that are known from an earlier pass
    same: int = 0  # were defects that had just been reported
    placed: int = 0  # had to wait for their place or time, and got it
    redated: int = 0  # had been committed with a wrong time
    lost: int = 0  # could not be committed before memory for them ran out


@dataclass(frozen=True, slots=True)
class _Case:
    """A report, and what it takes to tell where its object is once more fixes are known."""

    report: Report
    at: float  # seconds, on the clock of the frames
    fix: Fix | None  # of the frame itself
    glimpses: tuple[Glimpse, ...]
    mounting: Mounting
    aspect: float


class Filing:
    """Between the observations and the store.

    A report is committed at once, with what is known of its place and time. Where a later fix will tell more, in a
    tunnel or while the clock is wrong, it is held: it is sent when that is known, or after a while without.
    """

    def __init__(  # noqa: PLR0913 - all that a report is made of
        self,
        store: Store,
        manifest: Manifest,
        identity: Identity,
        fixes: Fixes,
        dating: Dating,
        *,
        routing: Routing,
        zones: Callable[[float, float], Here],
        memory: Memory = Memory(),  # noqa: B008 - frozen
        patience: float = 0.0,
    ) -> None:
        """`zones` tells of a place, by latitude and longitude; `patience`: seconds for which a report is held at most,
        0 where no fix will ever come.
        """
        self.filed = Filed()
        self.trouble: StoreError | None = None  # why reports wait in memory
        self._store = store
        self._manifest = manifest
        self._identity = identity
        self._fixes = fixes
        self._dating = dating
        self._routing = routing
        self._zones = zones
        self._known = Known(store.outbox, manifest, memory)
        self._patience = patience
        self._unsaved: deque[_Case] = deque()
        self._held: dict[int, _Case] = {}  # by the sequence of the report
        self._is_undated = True  # there may be reports of this boot whose time is wrong

    @property
    def unsaved(self) -> int:
        """Reports that wait in memory for a store that can be written."""
        return len(self._unsaved)

    @property
    def held(self) -> int:
        """Reports that are committed, and wait for their place or time before they are sent."""
        return len(self._held)

    def add(self, observation: Observation, mounting: Mounting) -> None:
        """Take in an observation; the next `commit` files it."""
        frame = observation.frame
        report = anonymise(observation, self._dating.date(frame), self._identity, self._manifest)
        case = _Case(report, frame.monotonic, frame.fix, observation.glimpses, mounting, frame.aspect)
        self._unsaved.append(case)
        while len(self._unsaved) > UNSAVED:
            self._unsaved.popleft()
            self.filed.lost += 1

    def commit(self, now: float) -> None:
        """File what waits in memory, and what was held and is now known; `now` in seconds, on the clock of the frames.

        Raises StoreError where the store can not be written; nothing is lost then.
        """
        self._redate(now)  # first, as by its time a report is known again
        while self._unsaved:
            case = self._unsaved[0]
            report = self._completed(case)
            if self._is_known(case, now):
                self._file(report)
            else:
                self._held[self._store.append(report, held=True)] = case
                self.filed.reports += 1
            self._unsaved.popleft()
        for sequence, case in list(self._held.items()):
            # Asked first: to find the place takes milliseconds, and a tunnel has many frames.
            if self._is_known(case, now):
                self._settle(sequence, self._completed(case))
                del self._held[sequence]
        self.trouble = None

    def try_to_commit(self, now: float) -> None:
        """The same; a store that can not be written is said once, and tried again the next time."""
        try:
            self.commit(now)
        except StoreError as error:
            if self.trouble is None:
                log.warning("%s; %d reports wait in memory", error, len(self._unsaved))
            self.trouble = error

    def finish(self, now: float) -> None:
        """Commit what there is, and hold nothing back any longer. Raises StoreError; nothing is lost then."""
        self._patience = 0.0
        self.commit(now)

    def give_up(self) -> None:
        """The process ends: what waits in memory for a store that can not be written is lost."""
        self.filed.lost += len(self._unsaved)
        if self._unsaved:
            log.error("%d report(s) that waited in memory are lost", len(self._unsaved))

    def _is_known(self, case: _Case, now: float) -> bool:
        """Whether more will not be known of its place and time, or not in time."""
        is_placed = case.fix is not None or self._fixes.is_final(case.at)
        is_dated = self._dating.best(case.at) is not None
        return (is_placed and is_dated) or now - case.at >= self._patience

    def _completed(self, case: _Case) -> Report:
        """The report with all that is known by now."""
        report = case.report
        best = self._dating.best(case.at)
        if best is not None:
            report = replace(report, observed_at=best.at, clock=best.source, clock_error=best.error)
        position = self._position(case)
        if position.lat is None or position.lon is None:
            assignment = self._routing.route(report.label, speed_mps=position.speed)
            return replace(report, position=position, severity=assignment.severity)
        here = self._zones(position.lat, position.lon)
        if here.no_capture or here.statistics:
            # That it lies where nothing may be captured is known too late only without a fix, or from the road beside.
            why = NO_CAPTURE if here.no_capture else STATISTICS
            nowhere = Position("none", speed=position.speed)
            return replace(report, position=nowhere, commune=here.commune, region=WHOLE_FRAME, evidence_withheld=why)
        assignment = self._routing.route(report.label, here.commune, here.zones, position.speed)
        return replace(
            report, position=position, commune=here.commune, team=assignment.team, severity=assignment.severity
        )

    def _position(self, case: _Case) -> Position:
        """Of the object."""
        if case.fix is not None:  # whoever took the picture stood before it
            return taken_at(case.fix, case.at)
        vehicle = self._fixes.position(case.at)
        if vehicle.source not in ("gnss", "interpolated"):
            return vehicle
        glimpses = [replace(one, position=self._fixes.position(one.monotonic)) for one in case.glimpses]
        label = self._manifest.label(case.report.label)
        index = self._manifest.labels.index(label)
        return placed(vehicle, place(glimpses, vehicle, index, case.mounting, case.aspect, label.above))

    def _file(self, report: Report) -> None:
        """A new report, unless it is of a defect that is known."""
        known = self._known.find(report)
        if known is not None:
            change = news(known.report, report)
            # It may have been dropped meanwhile, for want of room.
            if change is None or self._store.outbox.revise(known.sequence, change):
                self._count(known.report, report)
                return
        self._store.append(report)
        self.filed.reports += 1

    def _settle(self, sequence: int, report: Report) -> None:
        """The same of one that was held."""
        known = self._known.find(report)
        if known is not None and self._store.merge(sequence, known.sequence, news(known.report, report)):
            self._count(known.report, report)
        else:
            self._store.outbox.revise(sequence, lambda old: _settled(report, old))
        self.filed.placed += 1

    def _count(self, known: Report, report: Report) -> None:
        """Once it is committed, as what fails is tried again."""
        if is_same_pass(known, report):
            self.filed.same += 1
        else:
            self.filed.seen_again += 1

    def _redate(self, now: float) -> None:
        """Put the time of reports right that were committed before a clock could be trusted."""
        if self._dating.best(now) is None:
            self._is_undated = True
            return
        if not self._is_undated:
            return
        for entry in self._store.outbox.undated(self._identity.boot):
            monotonic = entry.report.monotonic
            reading = None if monotonic is None else self._dating.best(monotonic)
            if entry.sequence in self._held or reading is None:
                continue
            self._store.outbox.revise(entry.sequence, partial(_dated, reading=reading))
            self.filed.redated += 1
        self._is_undated = False


def _settled(report: Report, old: Report) -> Report:
    """The report with its place and time, and what was said of it meanwhile."""
    if old.mark is not None:
        report = replace(report, mark=old.mark, severity=old.severity)
    return replace(report, evidence=old.evidence)


def _dated(report: Report, reading: Reading) -> Report:
    """The report with its time put right, and what was told before."""
    first = report.first_observed_at or report.observed_at
    return replace(
        report, observed_at=reading.at, clock=reading.source, clock_error=reading.error, first_observed_at=first
    )
