"""One quota over all that the store keeps, and what goes first when it is reached."""

from __future__ import annotations

import os
from collections.abc import Container, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from agent.store.database import LOG_LIMIT

SEVERITIES = ("low", "normal", "urgent")  # the least first
MEGABYTE = 1_000_000  # bytes
RESERVE = 0.05  # of the quota, for urgent reports and for losses
BALLAST = "ballast"
# A full disk is left again by giving it up: one part for what is found next, and then all of it, which is larger than
# the write-ahead log, without which nothing can be dropped.
BALLAST_BYTES = 2 * LOG_LIMIT
BALLAST_LAST = LOG_LIMIT + LOG_LIMIT // 4


@dataclass(frozen=True, slots=True)
class Limits:
    """How much may be kept."""

    quota: int = 2_000_000_000  # bytes, of all files in the store's folder
    free: int = 200_000_000  # bytes of the disk that pictures leave free
    logs: int = 0  # bytes of the quota that the system's journal may take of us


def room(limits: Limits, severity: str) -> int:
    """Bytes up to which a report of that severity may fill the store."""
    kept = limits.quota - limits.logs
    return kept if severity == "urgent" else int(kept * (1 - RESERVE))


def used(directory: Path, patterns: Iterable[str], but: Container[str] = ()) -> int:
    """Bytes of the disk that the files in the folder with such names take, but for some."""
    found = {path for pattern in patterns for path in directory.glob(pattern) if path.name not in but}
    return sum(size(path) for path in found if path.is_file())


def free(directory: Path) -> int:
    """Bytes that the disk has left for us."""
    disk = os.statvfs(directory)
    return disk.f_bavail * disk.f_frsize


def take_ballast(directory: Path) -> bool:
    """Keep the ballast, where the disk has room for it; whether it is there."""
    path = directory / BALLAST
    try:
        with open(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640), "r+b") as file:
            if os.fstat(file.fileno()).st_size < BALLAST_BYTES:
                os.posix_fallocate(file.fileno(), 0, BALLAST_BYTES)
    except OSError:
        with suppress(OSError):
            path.unlink(missing_ok=True)
        return False
    return True


def shrink_ballast(directory: Path) -> bool:
    """Give up the first part of it: the disk is full. Whether it was still whole."""
    path = directory / BALLAST
    try:
        if size(path) <= BALLAST_LAST:
            return False
        os.truncate(path, BALLAST_LAST)
    except OSError:
        return False
    return True


def drop_ballast(directory: Path) -> bool:
    """Give up all of it. Whether there was any."""
    try:
        (directory / BALLAST).unlink()
    except OSError:
        return False
    return True


def size(path: Path) -> int:
    """Bytes of the disk that the file takes; 0 where there is none."""
    try:
        return path.stat(follow_symlinks=False).st_blocks * 512
    except FileNotFoundError:  # removed meanwhile
        return 0
