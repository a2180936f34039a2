"""All that a device keeps until the centre has it: reports, their pictures, and what was dropped, under one quota."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from agent.domain import Evidence, Report
from agent.errors import StoreError
from agent.i18n import _
from agent.store import damage, quota, salvage
from agent.store.database import LOG_LIMIT, Database
from agent.store.evidence import Picture, Pictures
from agent.store.lock import create_directory
from agent.store.losses import DAMAGED, DISK, MERGED, PURGED, QUOTA, Losses
from agent.store.outbox import Outbox
from agent.store.quota import SEVERITIES, Limits
from agent.store.traffic import Traffic

log = logging.getLogger(__name__)

FILE_NAME = "outbox.sqlite"
LOG, SHARED = f"{FILE_NAME}-wal", f"{FILE_NAME}-shm"
GROWTH = 128 * 1024  # bytes that committing one report may take, with the pages that it fills anew
SHARE = 0.005  # of the quota, that is made free at once, so that it is not made byte by byte
FORGOTTEN = 200  # reports that the centre has, that are dropped at once
MEASURED = 30.0  # seconds for which a measure of the other files in the folder holds
NEARLY_FULL = 1024 * 1024  # bytes left on the disk
# Seconds that a start waits for room on a full disk. So long, that systemd, which gives up after five starts in five
# minutes, never does.
PATIENCE = 75.0
AGAIN = 1.0  # seconds between two attempts
KEPT_SPARE = 16 * 1024 * 1024  # bytes of the file that hold nothing, and are kept for what comes next
STEP = 1024 * 1024  # bytes of it that are given back at once, so that nobody waits long to write
STEPS = 100
OWN = "outbox*", quota.BALLAST  # what counts in the folder, beside the pictures: others may put there what they like


def open_whole(directory: Path, limits: Limits, patience: float = PATIENCE) -> Store:
    """Open for the one daemon, and repair what a crash or the disk did to it; waits where the disk is full.

    Raises StoreError.
    """
    deadline = time.monotonic() + patience
    while True:
        try:
            return _open_whole(directory, limits)
        except StoreError as error:
            if not _is_full(directory) or time.monotonic() > deadline:
                raise
            log.error("%s", error)
            if not quota.shrink_ballast(directory):
                quota.drop_ballast(directory)
            time.sleep(AGAIN)


def _open_whole(directory: Path, limits: Limits) -> Store:
    path = directory / FILE_NAME
    salvage.finish(path)
    if damage.is_there(path):
        found = salvage.salvage(path)
        lost = sum(1 + last - first for first, last in found.lost)
        log.error(
            "the store was damaged: %d report(s) saved, at most %d lost; the damaged file is kept: %s",
            found.reports,
            lost,
            found.kept,
        )
    store = Store(directory, limits)
    store.recover()
    return store


def _is_full(directory: Path) -> bool:
    return directory.exists() and quota.free(directory) < NEARLY_FULL


class Store:
    """The folder. Any thread may use it; each has its own connection."""

    def __init__(self, directory: Path, limits: Limits | None = None, read_only: bool = False) -> None:
        """Open, creating and migrating it where needed. Raises StoreError."""
        if not read_only:
            create_directory(directory)
        self.directory = directory
        self._limits = limits or Limits()
        self._path = directory / FILE_NAME
        self._database = Database(self._path, read_only)
        self.losses = Losses(self._database)
        self.outbox = Outbox(self._database, self.losses)
        self.pictures = Pictures(self._database, directory)
        self.traffic = Traffic(self._database)
        self._appending = threading.Lock()
        self._others = 0  # bytes of the files that are neither pictures nor the database
        self._measured = -MEASURED  # seconds, monotonic: when that was
        self._inode = self._path.stat().st_ino

    def recover(self) -> None:
        """Repair what a crash left, before anything is appended or sent. Raises StoreError."""
        self.outbox.take_back()
        self.outbox.release()  # who held it is gone
        strays, lost = self.pictures.orphans()
        adopted = sum(self._adopt(path) for path in strays)
        if adopted:
            log.warning("%d picture(s) of which the store had lost the row are sent after all", adopted)
            lost = self.pictures.orphans()[1]
        if len(strays) > adopted:
            log.warning("removed %d picture(s) of reports that were never committed", len(strays) - adopted)
        if lost:
            self._drop_pictures(lost, DAMAGED)
            log.error("%d picture(s) are lost or cut short; the reports go without", len(lost))
        quota.take_ballast(self.directory)

    def _adopt(self, path: Path) -> bool:
        """Keep the picture of a report that says it has one; remove any other."""
        entry = self.outbox.find(path.stem)
        if entry is None or path != self.pictures.path(entry.report) or entry.report.evidence is None:
            self.pictures.remove(path)
            return False
        self.pictures.remove_rows([entry.sequence])  # damage may have left one that is of no use
        self.pictures.enter(entry.sequence, entry.report, ready=entry.state == "settled")
        return True

    def tidy(self, before: float) -> None:
        """Now and then: forget what the centre has had since `before` (seconds since 1970), and give back the room.

        Raises StoreError.
        """
        while self.outbox.forget(FORGOTTEN, before):
            pass
        for _step in range(STEPS):
            if self._database.spare() < KEPT_SPARE or not self._database.give_back(STEP):
                break
        if quota.free(self.directory) > NEARLY_FULL + 2 * quota.BALLAST_BYTES:
            quota.take_ballast(self.directory)

    def append(self, report: Report, evidence: Evidence | None = None, held: bool = False) -> int:
        """Commit the report with its picture, durable when this returns; its sequence. Raises StoreError.

        One that is `held` is not sent before it is released.

        Where the quota is reached, what is worth least goes first; that may be the picture, or the report itself.
        """
        if report.evidence != (evidence and evidence.facts):
            raise ValueError("the picture is not the report's")
        with self._appending:
            fits = self._has_room(report.severity, 0)
            if evidence is not None and not (fits and self._has_room(report.severity, len(evidence.jpeg))):
                report, evidence = replace(report, evidence=None, evidence_withheld=QUOTA), None
            try:
                return self._commit(report, evidence, fits, held)
            except StoreError:
                if not _is_full(self.directory) or not self._leave_full_disk(report.severity):
                    raise
                return self._commit(report, evidence, fits, held)

    def used(self) -> int:
        """Bytes of the disk that everything in the folder takes. Raises StoreError."""
        now = time.monotonic()
        if now - self._measured > MEASURED:
            self._others = quota.used(self.directory, OWN, {FILE_NAME, LOG, SHARED})
            self._measured = now
        log_size = max(quota.size(self.directory / LOG), LOG_LIMIT)  # it may grow to that at any time
        return max(quota.size(self._path), self._database.size()) + log_size + self._others + self.pictures.used()

    def is_gone(self) -> bool:
        """Whether the file was removed or replaced: what is committed now would be lost with this process."""
        try:
            return self._path.stat().st_ino != self._inode
        except OSError:
            return True

    def mark_damaged(self) -> bool:
        """Ask the next start to save what can be read; whether that could be written."""
        return damage.mark(self._path)

    def merge(self, sequence: int, into: int, change: Callable[[Report], Report] | None) -> bool:
        """A report that was held turns out to be of what another one tells: that one is revised where there is
        anything new, and this one dropped. False where the other is gone; nothing is changed then. Raises StoreError.
        """
        with self._database.transaction():
            if self.outbox.find(str(into)) is None:
                return False
            if change is not None:
                self.outbox.revise(into, change)
            self.losses.add("report", MERGED, self.outbox.remove([sequence]))
            pictures = self.pictures.remove_rows([sequence])
        self.pictures.unlink(pictures.values())
        return True

    def purge(self, sequences: list[int] | None = None) -> int:
        """Drop what the centre refused (of these, or all of it), and note it; returns how many. Raises StoreError."""
        with self._database.transaction():
            refused = self.outbox.rejected()
            removed = self.outbox.remove(refused if sequences is None else set(refused).intersection(sequences))
            self.losses.add("report", PURGED, removed)
            pictures = self.pictures.remove_rows(one.sequence for one in removed)
        self.pictures.unlink(pictures.values())
        return len(removed)

    def faults(self) -> list[str]:
        """What is wrong with it, once all of it was read; nothing where it is whole."""
        try:
            found = [reason for (reason,) in self._database.check() if reason != "ok"]
            found += self.outbox.damaged()
            strays, lost = self.pictures.orphans()
        except StoreError as error:
            return [str(error)]
        found += [_("{path}: the picture of no report").format(path=path) for path in strays]
        found += [_("report {number}: its picture is lost or cut short").format(number=number) for number in lost]
        return found

    def drop_picture(self, picture: Picture, reason: str) -> bool:
        """Give up the picture of a report, and note it; whether it was still kept. Raises StoreError."""
        return self._drop_pictures([picture.sequence], reason)

    def close(self) -> None:
        """Close this thread's connection."""
        self._database.close()

    def _commit(self, report: Report, evidence: Evidence | None, fits: bool, held: bool) -> int:
        if evidence is not None:
            try:
                self.pictures.write(report, evidence)
            except StoreError as error:
                if _is_full(self.directory):
                    raise
                log.error("%s; the report goes without its picture", error)
                report, evidence = replace(report, evidence=None, evidence_withheld=DISK), None
        try:
            with self._database.transaction():
                sequence = self.outbox.append(report, held)
                if evidence is not None:
                    self.pictures.enter(sequence, report)
                if not fits:  # it was seen, and that is told
                    self.losses.add("report", QUOTA, self.outbox.remove([sequence]))
        except StoreError:
            if evidence is not None:
                self.pictures.unlink([report.id])
            raise
        return sequence

    def _has_room(self, severity: str, picture: int) -> bool:
        """Whether a report of that severity, or its picture of so many bytes, fits once what is worth less is gone."""
        limit = quota.room(self._limits, severity)
        while not self._fits(limit, picture):
            if not self._shed(severity, pictures_only=picture > 0):
                return False
        return True

    def _fits(self, limit: int, picture: int) -> bool:
        if picture and quota.free(self.directory) - picture < self._limits.free:
            return False
        used, spare = self.used(), self._database.spare()
        grown = used + picture + max(0, GROWTH - spare)
        return used - spare + picture + GROWTH <= limit and grown <= quota.room(self._limits, "urgent")

    def _shed(self, severity: str, pictures_only: bool, reason: str = QUOTA) -> bool:
        """Drop some of what is worth least, and not more than `severity`; whether there was anything.

        What is left of a damaged store, and what the centre has, go first. Then pictures, and reports last.
        """
        if salvage.discard(self._path):
            self._measured = -MEASURED
            return True
        if self.outbox.forget(FORGOTTEN) or (pictures_only and self._database.spare()):
            return self._database.give_back()
        size = max(2 * GROWTH, int(SHARE * self._limits.quota))
        worth_less = SEVERITIES[: SEVERITIES.index(severity) + 1]
        for other in worth_less if pictures_only else SEVERITIES:
            if sequences := self.pictures.oldest(other, size):
                self._drop_pictures(sequences, reason)
                return True
        for other in () if pictures_only else worth_less:
            if sequences := self.outbox.oldest(other, size):
                with self._database.transaction():
                    self.losses.add("report", reason, self.outbox.remove(sequences))
                cause = "the quota is reached" if reason == QUOTA else "the disk is full"
                log.warning("%s: %d report(s) of %s severity were dropped", cause, len(sequences), other)
                return True
        return False

    def _drop_pictures(self, sequences: list[int], reason: str) -> bool:
        """The rows first: a file that a crash leaves behind is found at the next start."""
        with self._database.transaction():
            removed = self.pictures.remove_rows(sequences)
            self.losses.add("evidence", reason, self.outbox.withhold(removed, reason))
        self.pictures.unlink(removed.values())
        return bool(removed)

    def _leave_full_disk(self, severity: str) -> bool:
        """Make room on a disk that others have filled; whether anything was given up."""
        if quota.shrink_ballast(self.directory):
            return True
        had_ballast = quota.drop_ballast(self.directory)
        return self._shed(severity, pictures_only=False, reason=DISK) or had_ballast
