"""The tables of the device's store, oldest version first."""

from __future__ import annotations

APPLICATION_ID = 0x46494441  # "FIDA": tells our files from other SQLite files

# One script a version. A script that was released is never changed: the next one changes the tables.
MIGRATIONS = (
    """
    CREATE TABLE report (
        sequence INTEGER PRIMARY KEY AUTOINCREMENT,  -- never used twice, also after rows are deleted
        id TEXT NOT NULL UNIQUE,                     -- UUIDv7
        state TEXT NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'settled', 'rejected')),
        reason TEXT,                                 -- why the centre refused it
        label TEXT NOT NULL,
        severity TEXT NOT NULL,
        created_at REAL NOT NULL,                    -- seconds since 1970, UTC
        settled_at REAL,                             -- seconds since 1970, UTC
        payload BLOB NOT NULL                        -- agent.domain.Report as JSON
    );
    CREATE INDEX report_pending ON report (sequence) WHERE state = 'pending';
    CREATE INDEX report_settled ON report (settled_at) WHERE state = 'settled';
    """,
)
