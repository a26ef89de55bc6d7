"""Partitions: made before they are needed, dropped once they are old. Numbered by whole days since 1970."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import UTC, datetime, timedelta

import psycopg
from psycopg import sql

from cloud_sync.central.migrate import LOCK
from cloud_sync.central.tables import Table

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
CHILDREN = """
SELECT child.relname FROM pg_inherits
JOIN pg_class parent ON parent.oid = inhparent JOIN pg_class child ON child.oid = inhrelid
WHERE parent.relname = %s
"""


class Partitions:
    """What partitions some tables have. retain, ahead: how far back and forward they go from now."""

    def __init__(self, tables: Collection[Table], retain: timedelta, ahead: timedelta) -> None:
        self._tables = tables
        self._retain = retain
        self._ahead = ahead
        self._known: set[str] = set()

    def covers(self, ts: datetime, now: datetime) -> bool:
        """Return whether a time may have a partition: not older than is retained, not of the future."""
        return now - self._retain <= ts <= now + self._ahead

    def make(self, connection: psycopg.Connection, needed: Iterable[tuple[Table, datetime]]) -> None:
        """Make the partitions that these rows need, where they are missing, each in a transaction."""
        missing = {
            (table.name, table.days, number_of(table, ts))
            for table, ts in needed
            if name_of(table, ts) not in self._known
        }
        for name, days, number in sorted(missing):
            self._make(connection, name, days, number)

    def make_ahead(self, connection: psycopg.Connection, now: datetime) -> None:
        """Make what the next days need."""
        days = range(self._ahead.days + 1)
        self.make(connection, [(table, now + timedelta(days=day)) for table in self._tables for day in days])

    def drop_old(self, connection: psycopg.Connection, now: datetime) -> list[str]:
        """Drop the partitions that lie wholly before what is retained; return their names."""
        dropped = []
        for table in self._tables:
            oldest = number_of(table, now - self._retain)
            for (name,) in connection.execute(CHILDREN, (table.name,)).fetchall():
                number = name.rpartition("_")[2]
                if number.isdigit() and int(number) < oldest:
                    connection.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(sql.Identifier(name)))
                    self._known.discard(name)
                    dropped.append(name)
        return dropped

    def _make(self, connection: psycopg.Connection, table: str, days: int, number: int) -> None:
        name = f"{table}_{days}d_{number}"
        start = EPOCH + timedelta(days=number * days)
        statement = sql.SQL(
            "CREATE TABLE IF NOT EXISTS {} PARTITION OF {} FOR VALUES FROM ({}) TO ({})"
        ).format(
            sql.Identifier(name),
            sql.Identifier(table),
            sql.Literal(start.isoformat()),
            sql.Literal((start + timedelta(days=days)).isoformat()),
        )
        with connection.transaction():
            # A lock a table: who waits for a busy one must not hold up who makes another's.
            connection.execute("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", (LOCK, table))
            connection.execute(statement)
        self._known.add(name)


def number_of(table: Table, ts: datetime) -> int:
    """Return which of a table's partitions a time falls into."""
    return (ts - EPOCH).days // table.days


def name_of(table: Table, ts: datetime) -> str:
    """Return the name of that partition."""
    return f"{table.name}_{table.days}d_{number_of(table, ts)}"
