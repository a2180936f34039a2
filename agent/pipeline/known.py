"""Which defects are known already: what a vehicle passes again is not reported anew."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from agent.domain import TRUSTED, Position, Report, SeenAgain
from agent.manifest import Manifest
from agent.store.outbox import Entry, Outbox

SAME_PASS = timedelta(seconds=60)  # between two sights of a defect by one vehicle that has not been elsewhere
VAGUE = 30.0  # metres: a position known no better does not tell one defect from another


@dataclass(frozen=True, slots=True)
class Memory:
    """What counts as the same defect."""

    metres: float = 10.0  # apart, at most
    days: float = 30.0  # since it was last seen; 0: nothing is remembered


class Known:
    """The defects of which the store has a report."""

    def __init__(self, outbox: Outbox, manifest: Manifest, memory: Memory) -> None:
        self._outbox = outbox
        self._manifest = manifest
        self._memory = memory
        self._groups = manifest.groups()

    def find(self, report: Report) -> Entry | None:
        """The report that tells of the same defect."""
        position = report.position
        if not self._memory.days or position.lat is None or position.lon is None or _is_vague(position):
            return None
        since = report.observed_at - timedelta(days=self._memory.days)
        near = self._outbox.near(self._alike(report.label), position.lat, position.lon, self._memory.metres)
        return next((e for e in near if _last_seen(e.report) >= since and not _is_vague(e.report.position)), None)

    def _alike(self, label: str) -> list[str]:
        """The labels that it is mistaken for, and itself."""
        labels = self._manifest.labels
        index = labels.index(self._manifest.label(label))
        return next([labels[i].id for i in group] for group in self._groups.values() if index in group)


def news(known: Report, report: Report) -> Callable[[Report], Report] | None:
    """What the new sight of a known defect changes in what is told of it; None for nothing."""
    same_pass = is_same_pass(known, report)
    is_surer = report.decision == "accepted" and (
        known.decision == "to_review" or (known.label != report.label and known.probability < report.probability)
    )
    if same_pass and not is_surer:
        return None

    def change(old: Report) -> Report:
        if is_surer:
            old = replace(
                old,
                label=report.label,
                probability=report.probability,
                decision=report.decision,
                candidates=report.candidates,
                severity=report.severity,
                frames=report.frames,
                region=report.region,
                team=report.team,
                model=report.model,
            )
        if same_pass:
            return old
        times = 1 + (old.seen_again.times if old.seen_again else 0)
        return replace(old, seen_again=SeenAgain(times, max(report.observed_at, _last_seen(old))))

    return change


def is_same_pass(known: Report, report: Report) -> bool:
    """Whether the vehicle has not been elsewhere between the two sights."""
    # Clocks that nobody trusts begin each boot anew.
    are_of_one_clock = report.clock in TRUSTED or known.boot == report.boot
    return are_of_one_clock and abs(report.observed_at - _last_seen(known)) < SAME_PASS


def _is_vague(position: Position) -> bool:
    """Whether it is known too badly to tell one defect from another."""
    return position.lat is None or position.source == "last_known" or (position.accuracy or 0.0) > VAGUE


def _last_seen(report: Report) -> datetime:
    return report.observed_at if report.seen_again is None else report.seen_again.last_at
