"""How the daemon is: a small file that it writes each second, which outlives it and needs no network to read."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from agent.errors import StoreError
from agent.i18n import _

STALE = 10.0  # seconds without a word, after which a running daemon counts as hung


Figures = dict[str, float | int | str | None]


class Part(msgspec.Struct, frozen=True, omit_defaults=True):
    """One part of the agent."""

    state: str  # "ok", "waiting", "failed" or "off"
    detail: str = ""  # what is wrong, in the daemon's words
    since: float | None = None  # seconds since 1970
    figures: Figures = {}


class Health(msgspec.Struct, frozen=True):
    """What the daemon last said of itself."""

    device: str
    version: str
    pid: int
    boot: str  # UUID of the boot it ran in
    started_at: float  # seconds since 1970
    written: float  # seconds since the boot (CLOCK_BOOTTIME), which no change of the wall clock moves
    parts: dict[str, Part]


def write(path: Path, health: Health) -> None:
    """Replace the file in one step, so that no reader ever sees half of it. Raises StoreError."""
    temporary = path.with_suffix(".part")
    try:
        temporary.write_bytes(msgspec.json.encode(health))
        os.chmod(temporary, 0o640)
        temporary.replace(path)
    except OSError as error:
        raise StoreError(
            _("{path}: can not be written ({reason}); set [store] runtime_directory").format(
                path=path, reason=error.strerror
            )
        ) from error


def read(path: Path) -> Health | None:
    """What the daemon last said; None where it never ran, or the file is damaged."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Health)
    except (FileNotFoundError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def boot_id() -> str:
    """The kernel's name of this boot (random(4))."""
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
