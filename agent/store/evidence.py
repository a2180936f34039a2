"""Pictures that the centre has not confirmed: files beside the database, and a row for each."""

from __future__ import annotations

import hashlib
import logging
import os
import time
from collections.abc import Container, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from agent.domain import Evidence, Report
from agent.errors import StoreError
from agent.i18n import _
from agent.store.database import Database, columns, parts
from agent.store.disk import sync

log = logging.getLogger(__name__)

FOLDER = "evidence"
SUFFIX, PARTIAL = ".jpg", ".partial"
BLOCK = 4096  # bytes, that the disk gives a file at once
SUMMED = 30.0  # seconds for which the sum of all pictures holds


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture that is to be sent."""

    sequence: int  # of its report
    id: str  # of its report
    bytes: int
    sha256: str
    begun: bool  # the centre may have a part of it


class Pictures:
    """The folder and its rows. Any thread may use it."""

    def __init__(self, database: Database, directory: Path) -> None:
        """`directory` is that of the store."""
        self._database = database
        self._rows = database.table("evidence")
        self._folder = directory / FOLDER
        self._used = 0  # bytes
        self._summed = float("-inf")  # seconds, monotonic: when they were added up

    def write(self, report: Report, evidence: Evidence) -> None:
        """Put the file in place, durable when this returns; the row comes with the report's. Raises StoreError."""
        path = self._path(report.id)
        partial = path.with_suffix(PARTIAL)
        with self._errors(path):
            self._folder.mkdir(mode=0o750, exist_ok=True)
            try:
                with open(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o640), "wb") as file:
                    file.write(evidence.jpeg)
                    file.flush()
                    os.fsync(file.fileno())
                partial.rename(path)
            except OSError:
                with suppress(OSError):
                    partial.unlink(missing_ok=True)
                raise
            sync(self._folder)

    def path(self, report: Report) -> Path:
        """Where its picture is, if it has one."""
        return self._path(report.id)

    def enter(self, sequence: int, report: Report, ready: bool = False) -> None:
        """The row of a file that was written; in the transaction of its report. Raises StoreError.

        `ready`: the centre has the report.
        """
        if report.evidence is None:
            raise ValueError("a report without a picture")
        row = {
            "sequence": sequence,
            "id": report.id,
            "severity": report.severity,
            "bytes": report.evidence.bytes,
            "sha256": report.evidence.sha256,
            "ready": ready,
        }
        with self._database.errors():
            self._rows.insert(columns(self._rows, row)).execute()
        self._used += _blocks(report.evidence.bytes)

    def pending(self, limit: int) -> list[Picture]:
        """Pictures of reports that the centre has, oldest first. Raises StoreError."""
        statement = "SELECT sequence, id, bytes, sha256, begun FROM evidence WHERE ready ORDER BY sequence LIMIT ?"
        with self._database.errors():
            rows = self._database.execute(statement, (limit,)).fetchall()
        return [Picture(sequence, name, size, sha256, bool(begun)) for sequence, name, size, sha256, begun in rows]

    def following(self, sequences: Container[int]) -> list[Picture]:
        """All pictures of these reports, and of those that the centre has already. Raises StoreError."""
        with self._database.errors():
            rows = self._database.execute(
                "SELECT sequence, id, bytes, sha256, begun, ready FROM evidence ORDER BY sequence"
            ).fetchall()
        return [
            Picture(sequence, name, size, sha256, bool(begun))
            for sequence, name, size, sha256, begun, ready in rows
            if ready or sequence in sequences
        ]

    def begin(self, picture: Picture) -> None:
        """Note that the centre may have a part of it. Raises StoreError."""
        with self._database.errors():
            self._rows.update(columns(self._rows, {"begun": 1})).where(
                self._rows.c.sequence == picture.sequence
            ).execute()

    def is_whole(self, picture: Picture) -> bool:
        """Whether its file can be read and is what was put in."""
        try:
            content = self.read(picture)
        except StoreError as error:
            log.error("%s", error)
            return False
        return content is not None and hashlib.sha256(content).hexdigest() == picture.sha256

    def read(self, picture: Picture, start: int = 0, end: int | None = None) -> bytes | None:
        """Bytes of it, from `start` to before `end`; None where it was delivered or dropped meanwhile.

        Raises StoreError.
        """
        path = self._path(picture.id)
        with self._errors(path):
            try:
                with path.open("rb") as file:
                    file.seek(start)
                    return file.read((picture.bytes if end is None else end) - start)
            except FileNotFoundError:
                return None

    def settle(self, ids: Iterable[str]) -> int:
        """The centre has these whole: they are of no more use here. Returns how many were kept. Raises StoreError."""
        with self._database.errors():
            known = [
                row["sequence"]
                for part in parts(ids)
                for row in self._rows.select(self._rows.c.sequence).where(self._rows.c.id.in_(part))
            ]
        removed = self.remove_rows(known)
        self.unlink(removed.values())
        return len(removed)

    def oldest(self, severity: str, size: int) -> list[int]:
        """The sequences of the oldest pictures of reports of a severity, as many as it takes for `size` bytes."""
        found = []
        with self._database.errors():
            for sequence, taken in self._database.execute(
                "SELECT sequence, bytes FROM evidence WHERE severity = ? ORDER BY sequence", (severity,)
            ):
                found.append(sequence)
                size -= taken
                if size <= 0:
                    break
        return found

    def remove_rows(self, sequences: Iterable[int]) -> dict[int, str]:
        """Forget the pictures of these reports; of those there were, the names to `unlink` once that is durable."""
        those = self._rows.c.sequence.in_(list(sequences))
        with self._database.transaction():
            rows = list(self._rows.select(self._rows.c.sequence, self._rows.c.id, self._rows.c.bytes).where(those))
            self._rows.delete().where(those).execute()
        self._used -= sum(_blocks(row["bytes"]) for row in rows)
        return {row["sequence"]: row["id"] for row in rows}

    def unlink(self, names: Iterable[str]) -> None:
        """Remove the files of rows that are gone; one that can not be removed is met again at the next start."""
        for name in names:
            path = self._path(name)
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                log.error("%s: %s", path, error.strerror)

    def count(self) -> int:
        """How many are kept. Raises StoreError."""
        with self._database.errors():
            return int(self._database.execute("SELECT count(*) FROM evidence").fetchone()[0])

    def used(self) -> int:
        """Bytes of the disk that all pictures take. Raises StoreError.

        Counted along, as adding up is dear, and added up now and then, as others may drop some.
        """
        now = time.monotonic()
        if now - self._summed > SUMMED:
            statement = f"SELECT total((bytes + {BLOCK - 1}) / {BLOCK} * {BLOCK}) FROM evidence"
            with self._database.errors():
                self._used = int(self._database.execute(statement).fetchone()[0])
            self._summed = now
        return self._used

    def remove(self, stray: Path) -> None:
        """A file of no report. Raises StoreError."""
        with self._errors(stray):
            stray.unlink(missing_ok=True)

    def orphans(self) -> tuple[list[Path], list[int]]:
        """Files without a row, and the sequences of rows without their whole file. Raises StoreError."""
        with self._database.errors():
            rows = {
                name: (sequence, size)
                for sequence, name, size in self._database.execute("SELECT sequence, id, bytes FROM evidence")
            }
        sizes: dict[str, int] = {}
        strays = []
        with self._errors(self._folder):
            for entry in os.scandir(self._folder) if self._folder.is_dir() else ():
                name = entry.name.removesuffix(SUFFIX)
                if entry.is_dir(follow_symlinks=False):
                    continue  # somebody else's
                if entry.name.endswith(SUFFIX) and name in rows:
                    sizes[name] = entry.stat().st_size
                else:
                    strays.append(Path(entry.path))
        return strays, [sequence for name, (sequence, size) in rows.items() if sizes.get(name) != size]

    def _path(self, name: str) -> Path:
        return self._folder / f"{quote(name, safe='')}{SUFFIX}"  # damage may have made anything of it

    @contextmanager
    def _errors(self, path: Path) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StoreError(
                _("{path}: {reason}; what was stored before is kept; check the disk's space and health").format(
                    path=path, reason=error.strerror
                )
            ) from error


def _blocks(size: int) -> int:
    """Bytes of the disk that a file of so many takes."""
    return -(-size // BLOCK) * BLOCK
