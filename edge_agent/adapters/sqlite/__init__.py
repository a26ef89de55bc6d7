"""The store: one SQLite file, written by one connection.

- `store`: the writer, which implements the `Store` port
- `reader`: questions, through connections that cannot write
- `writing`, `restoring`: a commit's statements; what a start reads back
- `reading_rows`, `facts`, `rows`, `times`: what a row of each table is made of
- `shelves`: what retention sees and cuts
- `shapes`: every table, for `inspecting` whether it is sound, `repairing` what is not, `exporting` it
- `opening`, `migrations`: from a path to a connection with the current schema
- `ledger`: what is owed to chargers' back office, in a file of its own
- `trouble`: what SQLite refuses, as our errors
"""

from edge_agent.adapters.sqlite.ledger import SqliteLedger
from edge_agent.adapters.sqlite.reader import SqliteReader
from edge_agent.adapters.sqlite.store import SqliteStore
from edge_agent.core.retention import StoreBounds

__all__ = ["SqliteLedger", "SqliteReader", "SqliteStore", "StoreBounds"]
