-- What the agent keeps while it stands in for a charger's back office. It may name people, so it is a file of its own,
-- and what is delivered is deleted.
CREATE TABLE IF NOT EXISTS owed (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    charger_id TEXT NOT NULL,
    message_id TEXT NOT NULL,
    text TEXT NOT NULL,
    starts INTEGER NOT NULL,
    UNIQUE (charger_id, message_id, text)
) STRICT;
CREATE TABLE IF NOT EXISTS transactions (
    charger_id TEXT NOT NULL,
    handed_out INTEGER NOT NULL,
    transaction_id INTEGER NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (charger_id, handed_out)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS accepted (
    digest BLOB PRIMARY KEY,
    until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS salt (salt BLOB NOT NULL) STRICT;
