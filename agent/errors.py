"""The errors a person can meet; each message says what happened, what was kept, and what to do."""

from __future__ import annotations

from pathlib import Path

from agent.i18n import shown


class FidamiaError(Exception):
    """A failure that is not a bug. `str(error)` is a sentence for people."""

    exit_code = 1


class ConfigError(FidamiaError):
    """The configuration, the model's hash or its labels are wrong. Carries every fault found.

    Exit code 78 (EX_CONFIG, sysexits.h): systemd does not restart on it.
    """

    exit_code = 78

    def __init__(self, *faults: str) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


class StoreError(FidamiaError):
    """The store can not be opened, read or written. Exit code 74 (EX_IOERR, sysexits.h)."""

    exit_code = 74


class DamagedStore(StoreError):
    """The store's file is damaged. Of the device's own, the next start saves what can be read."""


class DeviceError(FidamiaError):
    """A camera, the GPS receiver or the broker is away; it may come back, so the caller tries again."""


class PictureError(FidamiaError):
    """A picture can not be read; the rest of the work goes on."""

    def __init__(self, reason: str, path: Path | None = None) -> None:
        super().__init__(reason if path is None else f"{shown(path)}: {reason}")
        self.reason = reason


class RecordingEnded(FidamiaError):
    """A recorded source has no further frames: the normal end of a recording, not a failure."""
