"""The embedded store of the centre: one SQLite file, each report in it once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import peewee

from agent.domain import Ranges
from agent.errors import StoreError
from agent.i18n import _
from agent.store.database import columns, open_database, open_read_only, store_errors
from agent.store.lock import create_directory
from agent.sync.messages import timestamp
from central.evidence import Folder, Piece, without
from central.validation import Refusal

FILE_NAME = "central.sqlite"
APPLICATION_ID = 0x46494443  # "FIDC": tells our files from other SQLite files
ROWS = 500  # a statement, below SQLite's limit of variables
KEPT = ("id", "device", "received_at")  # of a report that is told anew

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
    """
    CREATE TABLE loss (
        id TEXT PRIMARY KEY,              -- UUIDv7, by the device
        device TEXT NOT NULL,
        received_at TEXT NOT NULL,        -- RFC 3339, UTC
        what TEXT NOT NULL,
        reason TEXT NOT NULL,
        count INTEGER NOT NULL,
        payload BLOB NOT NULL             -- as it was sent
    ) WITHOUT ROWID;
    CREATE TABLE evidence (
        report TEXT PRIMARY KEY,          -- id
        device TEXT NOT NULL,
        missing BLOB NOT NULL             -- JSON: from and to of each run of bytes; none where it is whole
    ) WITHOUT ROWID;
    """,
    """
    ALTER TABLE report ADD COLUMN revision INTEGER NOT NULL DEFAULT 0;
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
        self._losses = peewee.Table("loss").bind(self._database)
        self._folder = Folder(directory)

    def save(
        self,
        reports: Sequence[dict[str, Any]],
        refusals: Sequence[Refusal],
        losses: Sequence[tuple[str, dict[str, Any]]] = (),
    ) -> None:
        """Commit all of it, durable when this returns.

        A report that is there already stays as it is, unless its device tells it anew: with a higher revision.

        `reports` are GeoJSON Features that passed the schema, and `losses` passed theirs, each with its device. Raises
        StoreError, and then nothing was stored.
        """
        received = timestamp(datetime.now(UTC))
        with store_errors(self._path), self._database.atomic("IMMEDIATE"):
            for start in range(0, len(reports), ROWS):
                rows = [columns(self._reports, _row(feature, received)) for feature in reports[start : start + ROWS]]
                self._save_reports(rows)
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
            for device, loss in losses:
                row = {
                    "id": loss["id"],
                    "device": device,
                    "received_at": received,
                    "what": loss["what"],
                    "reason": loss["reason"],
                    "count": loss["count"],
                    "payload": msgspec.json.encode(loss),
                }
                self._losses.insert(columns(self._losses, row)).on_conflict_ignore().execute()

    def _save_reports(self, rows: Sequence[dict[peewee.Column, Any]]) -> None:
        told = {column: getattr(peewee.EXCLUDED, column.name) for column in rows[0] if column.name not in KEPT}
        newer = (peewee.EXCLUDED.revision > self._reports.c.revision) & (
            peewee.EXCLUDED.device == self._reports.c.device
        )
        self._reports.insert(rows).on_conflict(conflict_target=[self._reports.c.id], update=told, where=newer).execute()

    def add_piece(self, piece: Piece) -> Ranges | str:
        """Keep a piece of a picture; what is still missing of it, or why it is not taken. Raises StoreError."""
        with store_errors(self._path), self._database.atomic("IMMEDIATE"):
            announced = self._announced(piece)
            if announced is not None:
                return announced
            row = self._database.execute_sql(
                "SELECT missing FROM evidence WHERE report = ?", (piece.report,)
            ).fetchone()
            missing: Ranges = msgspec.json.decode(row[0], type=Ranges) if row else ((0, piece.total),)
            left = without(missing, piece.start, piece.end)
            if left == missing:
                return missing
            try:
                self._folder.write(piece)
                if not left and not self._folder.complete(piece):
                    left = ((0, piece.total),)
            except OSError as error:
                raise StoreError(
                    _("{path}: {reason}; what was stored before is kept; check the disk's space and health").format(
                        path=self._folder.path(piece.device, piece.report), reason=error.strerror
                    )
                ) from error
            self._database.execute_sql(
                "INSERT INTO evidence VALUES (?, ?, ?) ON CONFLICT (report) DO UPDATE SET missing = excluded.missing",
                (piece.report, piece.device, msgspec.json.encode(left)),
            )
        return left

    def picture(self, device: str, report: str) -> Path | None:
        """The file of a report's picture, where it is whole. Raises StoreError."""
        with store_errors(self._path):
            row = self._database.execute_sql(
                "SELECT missing FROM evidence WHERE report = ? AND device = ?", (report, device)
            ).fetchone()
        return self._folder.path(device, report) if row and row[0] == b"[]" else None

    def losses(self) -> list[tuple[str, dict[str, Any]]]:
        """Device and content of everything that devices have dropped, by device."""
        query = self._losses.select(self._losses.c.device, self._losses.c.payload)
        with store_errors(self._path):
            return [
                (row["device"], msgspec.json.decode(row["payload"]))
                for row in query.order_by(self._losses.c.device, self._losses.c.id)
            ]

    def _announced(self, piece: Piece) -> str | None:
        """Why the picture is none that a stored report speaks of; None where it is."""
        row = self._database.execute_sql(
            "SELECT payload FROM report WHERE id = ? AND device = ?", (piece.report, piece.device)
        ).fetchone()
        if row is None:
            return "a picture of a report that is not here"
        evidence = msgspec.json.decode(row[0])["properties"]["evidence"]
        if evidence is None or (evidence["sha256"], evidence["bytes"]) != (piece.sha256, piece.total):
            return "not the picture that the report speaks of"
        return None

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
        "revision": properties.get("revision", 0),
        "payload": msgspec.json.encode(feature),
    }
