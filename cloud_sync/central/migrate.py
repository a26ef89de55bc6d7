"""`cloud-sync migrate`: the schema, as numbered SQL files under an advisory lock; and the topics."""

from __future__ import annotations

from pathlib import Path

import psycopg

from edge_agent.errors import EdgeAgentError

DIRECTORY = Path(__file__).resolve().parent / "schema"
LOCK = 0x657A6F6E
RECORD = """
CREATE TABLE IF NOT EXISTS schema_migrations (
    name text PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now()
)
"""


def migrate(dsn: str) -> list[str]:
    """Bring the schema up to date, a transaction a file; return what was applied. Raises EdgeAgentError."""
    applied = []
    try:
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute("SELECT pg_advisory_lock(%s)", (LOCK,))
            connection.execute(RECORD)
            known = {name for (name,) in connection.execute("SELECT name FROM schema_migrations")}
            for file in sorted(DIRECTORY.glob("[0-9]*.sql")):
                if file.stem in known:
                    continue
                with connection.transaction():
                    connection.execute(file.read_bytes())
                    connection.execute("INSERT INTO schema_migrations (name) VALUES (%s)", (file.stem,))
                applied.append(file.stem)
    except psycopg.Error as error:
        raise EdgeAgentError(f"PostgreSQL: {error}") from error
    return applied
