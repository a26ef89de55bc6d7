-- Times are whole microseconds since 1970-01-01 UTC: datetime(received_at / 1e6, 'unixepoch') reads them.
-- No table has a secondary index that a commit has to touch: each page touched is 4 KiB of flash, written twice.

-- Appended to only. A column for each field of a reading and for what nearly every one says; `more` is JSON of
-- the other fields that were set.
CREATE TABLE readings (
    id INTEGER PRIMARY KEY,
    charger_id TEXT NOT NULL,
    connector_id INTEGER NOT NULL,  -- the EVSE that it was found to be about
    told_connector_id INTEGER,      -- what the message itself named
    received_at INTEGER NOT NULL,
    measured_at INTEGER,
    source TEXT NOT NULL,
    event TEXT,
    register_kwh REAL,
    transaction_id TEXT,
    call_id TEXT,
    tenant_id TEXT,
    retained INTEGER NOT NULL,
    burst INTEGER NOT NULL,
    whole INTEGER NOT NULL,         -- 1: replaces what was known; 0: adds to it
    told INTEGER NOT NULL,          -- which fields were set: bits, see edge_agent/adapters/sqlite/reading_rows.py
    connector_status TEXT,
    energy_delivered REAL,
    power REAL,
    temperature REAL,
    uptime_hours REAL,
    total_sessions INTEGER,
    error_codes TEXT,               -- JSON
    more TEXT
) STRICT;

-- One row. Every charger as it stood after the reading `through`: zlib over JSON, a line each. Packed, because it
-- is written anew each minute.
CREATE TABLE snapshot (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    through INTEGER NOT NULL,
    chargers BLOB NOT NULL
) STRICT;

CREATE TABLE watches (
    charger_id TEXT NOT NULL,
    connector_id INTEGER NOT NULL,
    alert_type TEXT NOT NULL,
    watch TEXT NOT NULL,
    PRIMARY KEY (charger_id, connector_id, alert_type)
) STRICT;

-- The outbox: a table a stream, so that each grows at its end only and pages are filled. One table keyed by
-- (stream, seq) would split its pages half full, and without rowids move records of 1 KB to a page of their own.
CREATE TABLE outbox_alerts (
    seq INTEGER PRIMARY KEY,
    epoch TEXT NOT NULL,
    type TEXT NOT NULL,
    charger_id TEXT NOT NULL,
    ts INTEGER NOT NULL,
    clock TEXT NOT NULL,
    payload TEXT NOT NULL
) STRICT;

CREATE TABLE outbox_answers (
    seq INTEGER PRIMARY KEY,
    epoch TEXT NOT NULL,
    type TEXT NOT NULL,
    charger_id TEXT NOT NULL,
    ts INTEGER NOT NULL,
    clock TEXT NOT NULL,
    payload TEXT NOT NULL
) STRICT;

CREATE TABLE outbox_readings (
    seq INTEGER PRIMARY KEY,
    epoch TEXT NOT NULL,
    type TEXT NOT NULL,
    charger_id TEXT NOT NULL,
    ts INTEGER NOT NULL,
    clock TEXT NOT NULL,
    payload TEXT NOT NULL
) STRICT;

-- How far each consumer has come: a row for each stream that it reads, 0 before it has read anything.
CREATE TABLE cursors (
    consumer TEXT NOT NULL,
    stream TEXT NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (consumer, stream)
) STRICT, WITHOUT ROWID;

-- What tells a redelivered message: a row a commit, of ten bytes a message (packet id, digest). `through` counts the
-- messages ever delivered, so the window's lower end is one comparison.
CREATE TABLE delivered (
    through INTEGER PRIMARY KEY,
    packed BLOB NOT NULL
) STRICT;

-- `through_bytes` counts all bytes ever quarantined, this row's included, so a bound in bytes needs no sum.
CREATE TABLE quarantine (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    topic TEXT NOT NULL,
    reason TEXT NOT NULL,
    payload BLOB NOT NULL,          -- its first bytes
    payload_bytes INTEGER NOT NULL, -- how long it was
    through_bytes INTEGER NOT NULL
) STRICT;

CREATE TABLE suggestions (
    suggestion_id TEXT PRIMARY KEY,
    at INTEGER NOT NULL,
    finished INTEGER NOT NULL,
    suggestion TEXT NOT NULL
) STRICT;
