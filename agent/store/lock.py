"""One daemon a store: a lock that the kernel releases when its holder dies, however it dies."""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import suppress
from pathlib import Path

from agent.errors import StoreError
from agent.i18n import _

FILE_NAME = "lock"
INSTANT = 0.2  # seconds


class StoreLock:
    """Held for as long as the process lives or until `release`."""

    def __init__(self, directory: Path) -> None:
        """Take the lock. Raises StoreError with the pid of the daemon that has it."""
        create_directory(directory)
        path = directory / FILE_NAME
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        except OSError as error:
            raise StoreError(
                _(
                    "{path}: can not be written ({reason}); nothing was changed; check the folder's owner and disk"
                ).format(path=path, reason=error.strerror)
            ) from error
        try:
            self._take()
        except BlockingIOError as error:
            pid = os.pread(self._file, 32, 0).decode("ascii", "replace").strip()
            os.close(self._file)
            raise StoreError(
                _("{directory}: another daemon (pid {pid}) works on this store; stop it first").format(
                    directory=directory, pid=pid
                )
            ) from error
        os.ftruncate(self._file, 0)
        # On a full disk the lock holds all the same; only the pid stays unsaid.
        with suppress(OSError):
            os.pwrite(self._file, f"{os.getpid()}\n".encode(), 0)

    def _take(self) -> None:
        """Raises BlockingIOError where a daemon has it; `holder` takes it for an instant only."""
        deadline = time.monotonic() + INSTANT
        while True:
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(INSTANT / 10)
            else:
                return

    def release(self) -> None:
        """Let another daemon in."""
        os.close(self._file)


def create_directory(directory: Path) -> None:
    """Make the store's folder where it is missing, closed to others. Raises StoreError."""
    try:
        directory.mkdir(mode=0o750, parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            _(
                "{path}: the folder can not be made ({reason}); check the keys of [store], or who owns the folder above"
            ).format(path=directory, reason=error.strerror)
        ) from error


def holder(directory: Path) -> int | None:
    """The pid of the daemon that works on the store, None where there is none. Raises OSError where unreadable."""
    try:
        file = os.open(directory / FILE_NAME, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return int(os.pread(file, 32, 0) or b"0")
    finally:
        os.close(file)
    return None
