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
    """
    CREATE TABLE report_2 (
        sequence INTEGER PRIMARY KEY AUTOINCREMENT,  -- never used twice, also after rows are deleted
        id TEXT NOT NULL UNIQUE,                     -- UUIDv7
        state TEXT NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'sent', 'settled', 'rejected')),
        reason TEXT,                                 -- why the centre refused it
        label TEXT NOT NULL,
        severity TEXT NOT NULL,
        created_at REAL NOT NULL,                    -- seconds since 1970, UTC
        settled_at REAL,                             -- seconds since 1970, UTC
        payload BLOB NOT NULL                        -- agent.domain.Report as JSON
    );
    INSERT INTO report_2 SELECT sequence, id, state, reason, label, severity, created_at, settled_at, payload
        FROM report;
    DROP TABLE report;
    ALTER TABLE report_2 RENAME TO report;
    CREATE INDEX report_pending ON report (sequence) WHERE state = 'pending';
    CREATE INDEX report_sent ON report (sequence) WHERE state = 'sent';
    CREATE INDEX report_rejected ON report (sequence) WHERE state = 'rejected';
    CREATE INDEX report_settled ON report (settled_at) WHERE state = 'settled';
    CREATE INDEX report_worth ON report (severity, sequence) WHERE state IN ('pending', 'sent', 'rejected');
    CREATE TABLE evidence (                          -- pictures that the centre has not confirmed
        sequence INTEGER PRIMARY KEY,                -- of the report
        id TEXT NOT NULL UNIQUE,                     -- of the report, and the file's name
        severity TEXT NOT NULL,                      -- of the report
        bytes INTEGER NOT NULL,
        sha256 TEXT NOT NULL,
        ready INTEGER NOT NULL DEFAULT 0,            -- whether the centre has the report
        begun INTEGER NOT NULL DEFAULT 0             -- whether the centre may have a part of it
    );
    CREATE INDEX evidence_worth ON evidence (severity, sequence);
    CREATE INDEX evidence_ready ON evidence (sequence) WHERE ready;
    CREATE TABLE loss (                              -- what was dropped and not yet told
        number INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,                     -- UUIDv7
        payload BLOB NOT NULL                        -- agent.domain.Loss as JSON
    );
    CREATE TABLE traffic (                           -- over networks that cost something
        month TEXT PRIMARY KEY,                      -- 2026-11, UTC
        bytes INTEGER NOT NULL
    );
    """,
    """
    -- Of its content: above 0 where it was told anew.
    ALTER TABLE report ADD COLUMN revision INTEGER NOT NULL DEFAULT 0;
    -- Whether it waits for its place or its time before it is sent.
    ALTER TABLE report ADD COLUMN held INTEGER NOT NULL DEFAULT 0;
    -- The boot of which no clock could be trusted yet when it was dated.
    ALTER TABLE report ADD COLUMN undated TEXT;
    -- Degrees, WGS 84.
    ALTER TABLE report ADD COLUMN lat REAL;
    ALTER TABLE report ADD COLUMN lon REAL;
    UPDATE report SET
        lat = json_extract(CAST(payload AS TEXT), '$.position.lat'),
        lon = json_extract(CAST(payload AS TEXT), '$.position.lon')
        WHERE json_valid(CAST(payload AS TEXT));
    CREATE INDEX report_place ON report (label, lat) WHERE lat IS NOT NULL;
    CREATE INDEX report_held ON report (sequence) WHERE held;
    CREATE INDEX report_undated ON report (undated) WHERE undated IS NOT NULL;
    """,
)
