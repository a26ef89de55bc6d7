"""Questions to the store from REST and the command line, through connections that cannot write."""

from __future__ import annotations

from collections import Counter
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from edge_agent.adapters.sqlite import facts, hours, reading_rows, restoring, rows, shelves
from edge_agent.adapters.sqlite.opening import connect_to_read
from edge_agent.adapters.sqlite.times import microseconds
from edge_agent.adapters.sqlite.trouble import refusals
from edge_agent.errors import StoreCorrupt
from edge_agent.ports import Kept, Lessons
from edge_agent.wire.alert import Alert
from edge_agent.wire.service import Attempt, Deed, Downtime, Episode, Gap, OfCharger, Score, WorkDone

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

    from edge_agent.ports import Quarantined, Restored, Steps, StoreUsage
    from edge_agent.wire.outbox import Record, Stream
    from edge_agent.wire.reading import Reading
    from edge_agent.wire.types import EvseId

READINGS = (
    f"SELECT {reading_rows.COLUMNS} FROM readings "  # noqa: S608 - our own names
    "WHERE id > ? AND id <= ? AND charger_id = ? AND connector_id = ? ORDER BY id DESC LIMIT ?"
)
RECEIVED_FROM = "SELECT received_at FROM readings WHERE id >= ? ORDER BY id LIMIT 1"
QUARANTINE = f"SELECT {rows.QUARANTINE_COLUMNS} FROM quarantine ORDER BY id DESC LIMIT ?"  # noqa: S608 - our own names


class SqliteReader:
    """Reads a store that another connection may be writing. Any thread; each call raises StoreError.

    A connection a call: one that stayed in a transaction would keep the log from being reused.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def quarantine(self, most: int) -> list[Quarantined]:
        """Return what was set aside, newest first."""
        with self._connection() as connection:
            return [rows.quarantined_of(row) for row in connection.execute(QUARANTINE, (most,))]

    def records_after(self, stream: Stream, seq: int, most: int) -> list[Record]:
        """Return the next records of a stream, oldest first."""
        with self._connection() as connection:
            found = connection.execute(rows.SELECT_RECORDS[stream], (seq, most)).fetchall()
        return [rows.record_of(stream, row) for row in found]

    def usage(self) -> StoreUsage:
        """Return how full the store is."""
        with self._connection() as connection:
            return shelves.usage_of(connection, self._path)

    def readings(self, evse: EvseId, since: datetime, until: datetime, most: int) -> list[Reading]:
        """Return the newest readings received from `since` until before `until`, oldest first."""
        with self._connection() as connection:
            low, high = (_last_before(connection, moment) for moment in (since, until))
            found = connection.execute(READINGS, (low, high, *evse, most)).fetchall()
        return [reading_rows.reading_of(row)[1] for row in reversed(found)]

    def service(self, since: datetime, until: datetime) -> Kept:
        """Return what was kept of service from `since` until before `until`."""
        with self._connection() as connection:
            return Kept(
                downtime=facts.read(connection, Downtime, since, until),
                attempts=facts.read(connection, Attempt, since, until),
                gaps=facts.read(connection, Gap, since, until),
                work=facts.read(connection, WorkDone, since, until),
            )

    def lessons(self, since: datetime, until: datetime) -> Lessons:
        """Return what was foretold from `since` until before `until`."""
        with self._connection() as connection:
            return Lessons(
                episodes=facts.read(connection, Episode, since, until),
                scores=facts.read(connection, Score, since, until),
            )

    def audit(self, since: datetime, until: datetime) -> list[Deed]:
        """Return what was ordered from `since` until before `until`, oldest first."""
        with self._connection() as connection:
            return facts.read(connection, Deed, since, until)

    def newest(self, kind: type[OfCharger], charger_id: str, since: datetime, most: int) -> list[OfCharger]:
        """Return the newest facts of a kind about one charger, that end from `since` on; newest first."""
        with self._connection() as connection:
            return facts.newest(connection, kind, charger_id, since, most)

    def past_alerts(self, since: datetime, until: datetime) -> list[Alert]:
        """Return the alerts that were over from `since` on and raised before `until`, oldest first."""
        with self._connection() as connection:
            return facts.read(connection, Alert, since, until)

    def steps(self, evse: EvseId, since: datetime, until: datetime, step_s: int) -> Steps:
        """Return how an EVSE was: of whole hours from their sums, else from the readings themselves."""
        with self._connection() as connection:
            if step_s % hours.HOUR_S == 0:
                return hours.hour_steps(connection, evse, (since, until), step_s)
            ids = _last_before(connection, since), shelves.ends(connection, "readings")[1]
            return hours.raw_steps(connection, evse, (since, until), ids, step_s)

    @contextmanager
    def moment(self) -> Iterator[tuple[Restored, Iterator[tuple[EvseId, Reading]]]]:
        """Give the state as of the last snapshot and the readings since, both of one moment."""
        unreadable: Counter[str] = Counter()
        with self._connection() as connection:
            yield (
                restoring.restored(connection, unreadable),
                restoring.readings_since_snapshot(connection, unreadable),
            )

    def faults(self) -> list[str]:
        """Return what SQLite finds wrong with the file; nothing where it is sound. Reads all of it."""
        try:
            with self._connection() as connection:
                found = [str(line) for (line,) in connection.execute("PRAGMA quick_check")]
        except StoreCorrupt as error:  # damaged beyond being checked
            return [str(error)]
        return [] if found == ["ok"] else found

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        with refusals(self._path), closing(connect_to_read(self._path)) as connection:
            connection.execute("BEGIN")  # one moment for all that is asked
            yield connection


def _last_before(connection: sqlite3.Connection, moment: datetime) -> int:
    """Return the number of the last reading received before the moment, by halving.

    Numbers rise with time but for steps of the clock. An index would cost each commit a page more.
    """
    limit = microseconds(moment)
    low, high = shelves.ends(connection, "readings")
    high += 1
    while low < high:
        middle = (low + high) // 2
        (received,) = connection.execute(RECEIVED_FROM, (middle,)).fetchone()
        if received < limit:
            low = middle + 1
        else:
            high = middle
    return low - 1
