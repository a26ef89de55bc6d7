"""One commit's statements. The transaction around them is the store's."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from edge_agent.adapters.sqlite import facts, reading_rows, rows
from edge_agent.adapters.sqlite.shelves import ends, snapshot_through
from edge_agent.ingest.redelivery import REDELIVERY_WINDOW
from edge_agent.wire.outbox import Stream

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Mapping, Sequence

    from edge_agent.core.signs import Watch
    from edge_agent.ports import Commit, Quarantined
    from edge_agent.wire.alert import AlertType
    from edge_agent.wire.outbox import Record
    from edge_agent.wire.types import EvseId

FORGET_EVERY = 500
"""The window's old end is deleted each so many messages: most commits then touch its newest page alone."""

# The names put together here and below are our own: S608 sees no difference.
INSERT_READING = f"INSERT INTO readings (id, {reading_rows.COLUMNS}) VALUES ({', '.join('?' * 26)})"  # noqa: S608
INSERT_RECORD = {
    stream: f"INSERT INTO {table} ({rows.RECORD_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)"  # noqa: S608
    for stream, table in rows.OUTBOX.items()
}
# An upsert changes the row in place, where REPLACE would rewrite the index too.
PUT_WATCH = """
    INSERT INTO watches (charger_id, connector_id, alert_type, watch) VALUES (?, ?, ?, ?)
    ON CONFLICT (charger_id, connector_id, alert_type) DO UPDATE SET watch = excluded.watch
"""
DROP_WATCH = "DELETE FROM watches WHERE charger_id = ? AND connector_id = ? AND alert_type = ?"
PUT_CURSOR = "INSERT OR REPLACE INTO cursors (consumer, stream, seq) VALUES (?, ?, ?)"
PUT_SUGGESTION = """
    INSERT INTO suggestions (suggestion_id, at, finished, suggestion) VALUES (?, ?, ?, ?)
    ON CONFLICT (suggestion_id)
    DO UPDATE SET at = excluded.at, finished = excluded.finished, suggestion = excluded.suggestion
"""
# A row that a damaged cell makes unreadable must not fail the commit.
WITHDRAW = """
    DELETE FROM suggestions
    WHERE CASE WHEN json_valid(suggestion) THEN json_extract(suggestion, '$.charger_id') END = ?
"""
PUT_META = "INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)"
PUT_SNAPSHOT = "INSERT OR REPLACE INTO snapshot (id, through, chargers) VALUES (1, ?, ?)"
INSERT_QUARANTINED = (
    f"INSERT INTO quarantine ({rows.QUARANTINE_COLUMNS}, payload_bytes, through_bytes) "  # noqa: S608
    "VALUES (?, ?, ?, ?, ?, ?)"
)
FIRST_THAT_FITS = "SELECT id FROM quarantine WHERE through_bytes > ? ORDER BY id LIMIT 1"


class Marks(NamedTuple):
    """Up to where has been counted, ever: readings, messages delivered, bytes quarantined."""

    reading: int
    delivered: int
    quarantined_bytes: int


def marks(connection: sqlite3.Connection) -> Marks:
    """Return the marks of what the store holds."""
    row = connection.execute("SELECT through_bytes FROM quarantine ORDER BY id DESC LIMIT 1").fetchone()
    return Marks(
        # Where trimming took every reading, the snapshot still tells where their numbers go on.
        reading=max(ends(connection, "readings")[1], snapshot_through(connection)),
        delivered=ends(connection, "delivered")[1],
        quarantined_bytes=0 if row is None else int(row[0]),
    )


def seat_consumers(connection: sqlite3.Connection, consumers: Mapping[str, Collection[Stream]]) -> None:
    """Let these be the consumers with cursors: a new one begins at 0, one that is gone holds nothing up."""
    seats = {(consumer, stream.value) for consumer, streams in consumers.items() for stream in streams}
    taken = set(connection.execute("SELECT consumer, stream FROM cursors"))
    if seats == taken:
        return
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany("DELETE FROM cursors WHERE consumer = ? AND stream = ?", taken - seats)
    connection.executemany(PUT_CURSOR, [(*seat, 0) for seat in seats - taken])
    connection.execute("COMMIT")


def write(connection: sqlite3.Connection, batch: Commit, before: Marks, quarantine_bytes: int) -> Marks:
    """Write what a commit holds; return the marks after it."""
    reading = _write_readings(connection, batch, before.reading)
    _write_records(connection, batch.records)
    _write_watches(connection, batch.watches)
    if batch.cursors:
        moved = ((consumer, stream.value, seq) for (consumer, stream), seq in batch.cursors.items())
        connection.executemany(PUT_CURSOR, moved)
    if batch.suggestions:
        connection.executemany(PUT_SUGGESTION, map(rows.suggestion_row, batch.suggestions))
    connection.executemany(WITHDRAW, [(charger_id,) for charger_id in batch.withdrawn])
    facts.write(connection, batch.facts)
    if batch.meta:
        connection.executemany(PUT_META, batch.meta.items())
    return Marks(
        reading=reading,
        delivered=_write_delivered(connection, batch, before.delivered),
        quarantined_bytes=_write_quarantined(
            connection, batch.quarantined, before.quarantined_bytes, quarantine_bytes
        ),
    )


def _write_readings(connection: sqlite3.Connection, batch: Commit, last: int) -> int:
    numbered = enumerate(batch.readings, last + 1)
    connection.executemany(
        INSERT_READING,
        [reading_rows.reading_row(number, evse, reading) for number, (evse, reading) in numbered],
    )
    last += len(batch.readings)
    if batch.snapshot is not None:
        connection.execute(PUT_SNAPSHOT, (last, rows.packed_chargers(batch.snapshot.values())))
    return last


def _write_records(connection: sqlite3.Connection, records: Sequence[Record]) -> None:
    by_stream: dict[Stream, list[rows.Row]] = {}
    for record in records:
        by_stream.setdefault(record.stream, []).append(rows.record_row(record))
    for stream, fresh in by_stream.items():
        connection.executemany(INSERT_RECORD[stream], fresh)


def _write_watches(
    connection: sqlite3.Connection, watches: Mapping[tuple[EvseId, AlertType], Watch | None]
) -> None:
    for (evse, kind), watch in watches.items():
        key = (*evse, kind.value)
        if watch is None:
            connection.execute(DROP_WATCH, key)
        else:
            connection.execute(PUT_WATCH, (*key, rows.watch_text(watch)))


def _write_delivered(connection: sqlite3.Connection, batch: Commit, last: int) -> int:
    delivered = batch.delivered
    if batch.forget_delivered:
        connection.execute("DELETE FROM delivered")
    if not delivered:
        return last
    through = last + len(delivered)
    packed = rows.packed_delivered(delivered)
    connection.execute("INSERT INTO delivered (through, packed) VALUES (?, ?)", (through, packed))
    if through // FORGET_EVERY != last // FORGET_EVERY:
        connection.execute("DELETE FROM delivered WHERE through <= ?", (through - REDELIVERY_WINDOW,))
    return through


def _write_quarantined(
    connection: sqlite3.Connection, quarantined: Sequence[Quarantined], before: int, most: int
) -> int:
    """Set aside what could not be understood; what was longest there makes room for it."""
    if not quarantined:
        return before
    fresh = list(rows.quarantine_rows(quarantined, before))
    connection.executemany(INSERT_QUARANTINED, fresh)
    through = int(fresh[-1][-1])
    fits = connection.execute(FIRST_THAT_FITS, (through - most,)).fetchone()
    if fits is not None:
        connection.execute("DELETE FROM quarantine WHERE id < ?", fits)
    return through
