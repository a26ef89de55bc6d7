"""The one writer of the store."""

from __future__ import annotations

import os
import sqlite3
from collections import Counter
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from edge_agent.adapters.sqlite import facts, hours, opening, restoring, rows, shelves, writing
from edge_agent.adapters.sqlite.migrations import migrate
from edge_agent.adapters.sqlite.trouble import refusals
from edge_agent.core.retention import FINISHED_KEPT, StoreBounds, next_cut, shortage
from edge_agent.errors import StoreCorrupt

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from edge_agent.ports import Commit, Restored, StoreUsage
    from edge_agent.wire.outbox import Record, Stream
    from edge_agent.wire.reading import Reading
    from edge_agent.wire.service import WorkDone
    from edge_agent.wire.types import EvseId

ROWS_A_CUT = 1_000
CUTS_A_TRIM = 20


class SqliteStore:
    """Implements the `Store` port on one SQLite file; the path ":memory:" keeps nothing.

    Not for two threads at a time. Raises StoreError where it cannot be opened, or another process has it.
    """

    set_aside: Path | None
    """What a damaged file was renamed to before a new one was begun; None: none was found damaged."""
    unreadable: Counter[str]
    """Rows that could not be read back at the start, by table."""

    def __init__(self, path: Path | str, bounds: StoreBounds, opened_at: datetime) -> None:
        """Open the store, or begin one. opened_at: names a damaged file."""
        self.set_aside = None
        self.unreadable = Counter()
        self._path = None if str(path) == ":memory:" else Path(path)
        self.bounds = bounds
        self._lock = None if self._path is None else opening.lock(self._path)
        try:
            self._connection, self._marks = self._open_sound(opened_at)
        except BaseException:
            self._unlock()
            raise

    def _open_sound(self, at: datetime) -> tuple[sqlite3.Connection, writing.Marks]:
        if self._path is None:
            return self._open()
        if not opening.is_marked_damaged(self._path):
            with suppress(StoreCorrupt):
                return self._open()
        self.set_aside = opening.put_aside(self._path, at)
        return self._open()

    def _open(self) -> tuple[sqlite3.Connection, writing.Marks]:
        with self._refusals():
            connection = opening.connect_to_write(self._path)
            try:
                migrate(connection)
                writing.seat_consumers(connection, self.bounds.consumers)
                return connection, writing.marks(connection)
            except BaseException:
                connection.close()
                raise

    def close(self) -> None:
        """Fold the log into the file and let go of it."""
        with self._refusals():
            self._connection.close()
        self._unlock()

    def _unlock(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def restore(self) -> Restored:
        """Return the state as of the last snapshot."""
        with self._refusals():
            return restoring.restored(self._connection, self.unreadable)

    def readings_since_snapshot(self) -> Iterator[tuple[EvseId, Reading]]:
        """Yield the readings that came after the last snapshot, in order."""
        with self._refusals():
            yield from restoring.readings_since_snapshot(self._connection, self.unreadable)

    def commit(self, batch: Commit) -> None:
        """Keep the batch durably: when this returns, it survives a power cut. Raising, it kept nothing."""
        with self._transaction():
            after = writing.write(self._connection, batch, self._marks, self.bounds.quarantine_bytes)
        self._marks = after

    def records_after(self, stream: Stream, seq: int, most: int) -> list[Record]:
        """Return the next records of a stream, oldest first."""
        with self._refusals():
            found = self._connection.execute(rows.SELECT_RECORDS[stream], (seq, most)).fetchall()
        return [rows.record_of(stream, row) for row in found]

    def work(self, maintenance_id: str) -> WorkDone | None:
        """Return the work that was kept under this id."""
        with self._refusals():
            return facts.work(self._connection, maintenance_id)

    def usage(self) -> StoreUsage:
        """Return how full the store is, by a few look-ups."""
        with self._refusals():
            return shelves.usage_of(self._connection, self._path)

    def sum_up(self) -> bool:
        """Add readings to the sums of their hours, a bounded number; return whether there are more."""
        with self._transaction():
            return hours.sum_up(self._connection)

    def trim(self, now: datetime) -> Mapping[str, int]:
        """Delete what the bounds no longer allow, what is worth least first.

        Returns rows gone, by table; under "<table> unsent" those of them that no consumer will see. It stops
        after CUTS_A_TRIM short transactions: while it returns any row, there may be more to trim.
        """
        gone: Counter[str] = Counter()
        with self._transaction():
            gone["suggestions"] = shelves.delete_finished(self._connection, now - FINISHED_KEPT)
            oldest = now - timedelta(days=self.bounds.rollup_days)
            facts.delete_aged(self._connection, oldest, gone)
            gone["hours"] = hours.delete_old(self._connection, oldest)
        for _ in range(CUTS_A_TRIM):
            if not self._cut(now, gone):
                break
        return +gone

    def _cut(self, now: datetime, gone: Counter[str]) -> bool:
        """Delete the rows that may go next; return whether there were any."""
        with self._transaction():
            short = shortage(shelves.room(self._connection, self._path), self.bounds)
            held = shelves.shelves(self._connection, self.bounds, now, ROWS_A_CUT)
            cut = next_cut(held, short, ROWS_A_CUT)
            if cut is None:
                return False
            table = shelves.TABLES[cut.worth]
            gone[table] += shelves.delete(self._connection, cut)
            gone[f"{table} unsent"] += cut.unsent
            return True

    @contextmanager
    def _refusals(self) -> Iterator[None]:
        """Raise what SQLite refuses as ours; damage is remembered, for a restart may not come upon it."""
        try:
            with refusals(self._path):
                yield
        except StoreCorrupt:
            if self._path is not None:
                opening.mark_damaged(self._path)
            raise

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        connection = self._connection
        with self._refusals():
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.rollback()
                raise
