-- What was, for the technician: alerts that are over, and each hour of each EVSE in sums.

CREATE TABLE past_alerts (
    alert_id TEXT PRIMARY KEY,
    charger_id TEXT NOT NULL,
    connector_id INTEGER NOT NULL,
    alert_type TEXT NOT NULL,
    anomaly_type TEXT,
    severity TEXT NOT NULL,
    state TEXT NOT NULL,
    raised_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    cleared_at INTEGER,
    acknowledged_by TEXT,
    silenced_until INTEGER,
    note TEXT,
    count INTEGER NOT NULL,
    message TEXT NOT NULL,
    evidence TEXT NOT NULL,         -- JSON
    seq INTEGER NOT NULL
) STRICT;

-- By hours since 1970, the newest last, so that a commit touches the end alone. Summed up from `readings`.
CREATE TABLE hours (
    hour INTEGER NOT NULL,
    charger_id TEXT NOT NULL,
    connector_id INTEGER NOT NULL,
    power_min REAL,
    power_sum REAL NOT NULL,
    power_count INTEGER NOT NULL,
    power_max REAL,
    temperature_min REAL,
    temperature_sum REAL NOT NULL,
    temperature_count INTEGER NOT NULL,
    temperature_max REAL,
    PRIMARY KEY (hour, charger_id, connector_id)
) STRICT, WITHOUT ROWID;
