-- What service each EVSE gave, and what learning from it needs: rows are few, so each fact has its columns.
-- A column is named as its field in edge_agent/wire/service.py; times are whole microseconds since 1970 UTC.

CREATE TABLE downtime (
    id INTEGER PRIMARY KEY,
    charger_id TEXT NOT NULL,
    connector_id INTEGER NOT NULL,
    began_at INTEGER NOT NULL,
    ended_at INTEGER NOT NULL,
    sign TEXT NOT NULL,
    cause TEXT NOT NULL,
    codes TEXT NOT NULL,            -- JSON
    excluded INTEGER NOT NULL,
    failure INTEGER NOT NULL
) STRICT;

CREATE TABLE attempts (
    id INTEGER PRIMARY KEY,
    charger_id TEXT NOT NULL,
    connector_id INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    ended_at INTEGER NOT NULL,
    failed_at TEXT,                 -- the stage; null: it succeeded
    energy_kwh REAL,
    number INTEGER NOT NULL,
    cause TEXT,
    codes TEXT NOT NULL             -- JSON
) STRICT;

CREATE TABLE maintenance_done (
    maintenance_id TEXT PRIMARY KEY,
    charger_id TEXT NOT NULL,
    connector_id INTEGER NOT NULL,
    suggestion_id TEXT,
    alert_ids TEXT NOT NULL,        -- JSON
    verdict TEXT NOT NULL,
    failure_mode TEXT,
    part TEXT,
    action TEXT,
    started_at INTEGER,
    finished_at INTEGER NOT NULL,
    by TEXT NOT NULL,
    note TEXT
) STRICT;

-- Time in which nothing could be heard of any charger.
CREATE TABLE gaps (
    id INTEGER PRIMARY KEY,
    since INTEGER NOT NULL,
    until INTEGER NOT NULL
) STRICT;

CREATE TABLE episodes (
    alert_id TEXT PRIMARY KEY,
    charger_id TEXT NOT NULL,
    connector_id INTEGER NOT NULL,
    raised_at INTEGER NOT NULL,
    cleared_at INTEGER,
    probability REAL,
    model_version TEXT,
    vendor TEXT,
    firmware TEXT
) STRICT;

CREATE TABLE scores (
    id INTEGER PRIMARY KEY,
    charger_id TEXT NOT NULL,
    connector_id INTEGER NOT NULL,
    at INTEGER NOT NULL,
    model_version TEXT NOT NULL,
    p1 REAL NOT NULL,
    p7 REAL NOT NULL,
    p30 REAL NOT NULL,
    vendor TEXT,
    firmware TEXT
) STRICT;

-- What is kept over a restart and has no table of its own: a name, and JSON.
CREATE TABLE meta (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;
