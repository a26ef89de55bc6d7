-- When a charger left the site, or another device took its place under the same name: its history is of two machines.

CREATE TABLE device_changes (
    id INTEGER PRIMARY KEY,
    charger_id TEXT NOT NULL,
    connector_ids TEXT NOT NULL,    -- JSON
    at INTEGER NOT NULL,
    change TEXT NOT NULL,
    by TEXT NOT NULL,
    note TEXT
) STRICT;
