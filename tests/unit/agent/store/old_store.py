"""A store as programs left it that knew its second version."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import msgspec

from agent.store.database import open_database
from agent.store.schema import APPLICATION_ID, MIGRATIONS
from agent.store.store import FILE_NAME
from tests.unit.builders import identifier, report

VERSION = 2
UNKNOWN = ("revision", "seen_again", "first_observed_at", "monotonic", "mark")  # to it, of a report


def write_old(directory: Path, numbers: Iterable[int], settled: Iterable[int] = ()) -> Path:
    """These reports, some of which the centre has; the file."""
    path = directory / FILE_NAME
    database = open_database(path, APPLICATION_ID, MIGRATIONS[:VERSION])
    with database.atomic():
        for number in numbers:
            content = msgspec.to_builtins(report(number))
            for name in UNKNOWN:
                del content[name]
            database.execute_sql(
                "INSERT INTO report (sequence, id, label, severity, created_at, payload) VALUES (?, ?, ?, ?, ?, ?)",
                (number, identifier(number), "pothole", "normal", 1.7e9, msgspec.json.encode(content)),
            )
        for number in settled:
            database.execute_sql(
                "UPDATE report SET state = 'settled', settled_at = 1.7e9 WHERE sequence = ?", (number,)
            )
    database.close()
    return path
