"""The embedded store of the centre: one SQLite file, each report in it once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import peewee

from agent.store.database import columns, open_database, open_read_only, store_errors
from agent.store.lock import create_directory
from agent.sync.messages import timestamp
from central.validation import Refusal

FILE_NAME = "central.sqlite"
APPLICATION_ID = 0x46494443  # "FIDC": tells our files from other SQLite files
ROWS = 500  # a statement, below SQLite's limit of variables

MIGRATIONS = (
    """
    CREATE TABLE report (
        id TEXT PRIMARY KEY,              -- UUIDv7, by the device
        device TEXT NOT NULL,
        sequence INTEGER NOT NULL,        -- of the device, without holes
        observed_at TEXT NOT NULL,        -- RFC 3339, UTC
        received_at TEXT NOT NULL,        -- RFC 3339, UTC
        label TEXT NOT NULL,
        probability REAL NOT NULL,
        decision TEXT NOT NULL,
        severity TEXT NOT NULL,
        lat REAL,                         -- degrees, WGS 84
        lon REAL,                         -- degrees, WGS 84
        commune TEXT,                     -- INSEE code
        team TEXT,
        payload BLOB NOT NULL             -- the GeoJSON Feature as it was sent
    ) WITHOUT ROWID;
    CREATE INDEX report_by_device ON report (device, sequence);
    CREATE TABLE refused (
        number INTEGER PRIMARY KEY,
        received_at TEXT NOT NULL,
        device TEXT NOT NULL,
        topic TEXT NOT NULL,
        id TEXT NOT NULL,
        reason TEXT NOT NULL,
        payload BLOB NOT NULL,
        UNIQUE (device, id, reason, payload)  -- the same again adds nothing
    );
    """,
)


class EmbeddedStore:
    """The file, opened. Used by one thread."""

    def __init__(self, directory: Path, read_only: bool = False) -> None:
        """Open, creating and migrating it where needed. Raises StoreError."""
        self._path = directory / FILE_NAME
        if read_only:
            self._database = open_read_only(self._path)
        else:
            create_directory(directory)
            self._database = open_database(self._path, APPLICATION_ID, MIGRATIONS)
        self._reports = peewee.Table("report").bind(self._database)
        self._refused = peewee.Table("refused").bind(self._database)

    def save(self, reports: Sequence[dict[str, Any]], refusals: Sequence[Refusal]) -> None:
        """Commit all of it, durable when this returns. A report that is there already stays as it is.

        `reports` are GeoJSON Features that passed the schema. Raises StoreError, and then nothing was stored.
        """
        received = timestamp(datetime.now(UTC))
        with store_errors(self._path), self._database.atomic("IMMEDIATE"):
            for start in range(0, len(reports), ROWS):
                rows = [columns(self._reports, _row(feature, received)) for feature in reports[start : start + ROWS]]
                self._reports.insert(rows).on_conflict_ignore().execute()
            for refusal in refusals:
                row = {
                    "received_at": received,
                    "device": refusal.device,
                    "topic": refusal.topic,
                    "id": refusal.id,
                    "reason": refusal.reason,
                    "payload": refusal.payload,
                }
                self._refused.insert(columns(self._refused, row)).on_conflict_ignore().execute()

    def features(self) -> list[dict[str, Any]]:
        """Every report as it was sent, by device in the order it was seen."""
        query = self._reports.select(self._reports.c.payload).order_by(self._reports.c.device, self._reports.c.sequence)
        with store_errors(self._path):
            return [msgspec.json.decode(row["payload"]) for row in query]

    def refusals(self) -> list[tuple[str, str, str]]:
        """Device, id and reason of everything that was put aside."""
        query = self._refused.select(self._refused.c.device, self._refused.c.id, self._refused.c.reason)
        with store_errors(self._path):
            return [(row["device"], row["id"], row["reason"]) for row in query.order_by(self._refused.c.number)]

    def close(self) -> None:
        """Close the file."""
        self._database.close()


def _row(feature: dict[str, Any], received: str) -> dict[str, Any]:
    properties, geometry = feature["properties"], feature["geometry"]
    lon, lat = geometry["coordinates"] if geometry else (None, None)
    return {
        "id": feature["id"],
        "device": properties["device"],
        "sequence": properties["sequence"],
        "observed_at": properties["observed_at"],
        "received_at": received,
        "label": properties["label"],
        "probability": properties["probability"],
        "decision": properties["decision"],
        "severity": properties["severity"],
        "lat": lat,
        "lon": lon,
        "commune": properties["commune"],
        "team": properties["team"],
        "payload": msgspec.json.encode(feature),
    }
