-- Who ordered what, over which interface: the id of a key, never the key.

CREATE TABLE audit (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    who TEXT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    by TEXT,
    note TEXT
) STRICT;
