"""Pictures as they come in, piece by piece: a file for each, and what is still missing of it."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from agent.domain import Ranges
from agent.store.disk import sync

FOLDER = "evidence"
LARGEST = 10_000_000  # bytes of a picture
LARGEST_PIECE = 32 * 1024  # bytes


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a picture, as a device sent it; an empty one asks what is missing."""

    device: str
    report: str  # id
    start: int  # bytes
    total: int  # bytes of the picture
    sha256: str  # of the picture
    content: bytes

    @property
    def end(self) -> int:
        """The byte behind its last one."""
        return self.start + len(self.content)


def without(missing: Ranges, start: int, end: int) -> Ranges:
    """What is missing once the bytes from `start` to before `end` are there."""
    left = []
    for first, behind in missing:
        left += [(first, min(behind, start)), (max(first, end), behind)]
    return tuple((first, behind) for first, behind in left if first < behind)


class Folder:
    """The files. What is not whole yet has another suffix."""

    def __init__(self, directory: Path) -> None:
        """`directory` is that of the store."""
        self._directory = directory / FOLDER

    def path(self, device: str, report: str) -> Path:
        """Where a whole picture is."""
        return self._directory / device / f"{report}.jpg"

    def write(self, piece: Piece) -> None:
        """Put a piece in its place. Raises OSError."""
        path = self._partial(piece)
        path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            os.pwrite(file, piece.content, piece.start)
        finally:
            os.close(file)

    def complete(self, piece: Piece) -> bool:
        """All pieces are there: put the picture in place, durable when this returns.

        Where the whole is not what its hash says, all of it is dropped, and False returned. Raises OSError.
        """
        partial, path = self._partial(piece), self.path(piece.device, piece.report)
        with partial.open("rb+") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != piece.sha256:
                partial.unlink()
                return False
            os.fsync(file.fileno())
        partial.rename(path)
        sync(path.parent)
        return True

    def _partial(self, piece: Piece) -> Path:
        return self._directory / piece.device / f"{piece.report}.{piece.sha256[:8]}.partial"
