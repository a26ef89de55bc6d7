"""What retention sees of the tables, and its cuts carried out; and how full the store is."""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from edge_agent.adapters.sqlite.rows import OUTBOX
from edge_agent.adapters.sqlite.times import microseconds, moment_of
from edge_agent.core.retention import Cut, Room, Shelf, StoreBounds, Worth, kept_for
from edge_agent.ports import StoreUsage
from edge_agent.wire.outbox import Stream

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path

STREAMS = {
    Worth.READING_RECORD: Stream.READINGS,
    Worth.ANSWER_RECORD: Stream.ANSWERS,
    Worth.ALERT_RECORD: Stream.ALERTS,
}
LOCAL_TIMES = {
    Worth.RAW: ("readings", "received_at"),
    Worth.SCORE: ("scores", "at"),
    Worth.ATTEMPT: ("attempts", "ended_at"),
    Worth.DOWNTIME: ("downtime", "ended_at"),
}
TABLES = {worth: table for worth, (table, _) in LOCAL_TIMES.items()} | {
    worth: OUTBOX[stream] for worth, stream in STREAMS.items()
}
"""The numbers of rows are their rowids."""

AHEAD = timedelta(days=1)
"""A time further ahead than this was given by a wrong clock."""

# The first row that is not old. What came by a clock that was ahead counts as old once it is the oldest; a
# record by a clock that was not set yet has no age, and waits to be told.
YOUNGER = {
    worth: (
        f"SELECT id FROM {table} WHERE id <= :reach AND {time} BETWEEN :since AND :until "  # noqa: S608 - our own names
        "ORDER BY id LIMIT 1"
    )
    for worth, (table, time) in LOCAL_TIMES.items()
} | {
    worth: (
        f"SELECT seq FROM {TABLES[worth]} "  # noqa: S608 - our own names
        "WHERE seq <= :reach AND (ts >= :since OR clock = 'unsynced') ORDER BY seq LIMIT 1"
    )
    for worth in STREAMS
}


def snapshot_through(connection: sqlite3.Connection) -> int:
    """Return the last reading that the snapshot holds; 0 without a snapshot."""
    row = connection.execute("SELECT through FROM snapshot").fetchone()
    return 0 if row is None else int(row[0])


def ends(connection: sqlite3.Connection, table: str) -> tuple[int, int]:
    """Return the lowest and highest row number of a table; (1, 0) where it is empty."""
    # Two look-ups: SQLite would read the whole table to answer both in one.
    low, high = connection.execute(
        f"SELECT (SELECT min(rowid) FROM {table}), (SELECT max(rowid) FROM {table})"  # noqa: S608 - our own names
    ).fetchone()
    return (1, 0) if low is None else (low, high)


def shelves(connection: sqlite3.Connection, bounds: StoreBounds, now: datetime, most: int) -> list[Shelf]:
    """Return what there is to trim. Ages are looked at in the first `most` rows: a cut takes no more."""
    return [_shelf(connection, worth, (now - kept_for(worth, bounds), now + AHEAD), most) for worth in Worth]


def _shelf(
    connection: sqlite3.Connection, worth: Worth, young: tuple[datetime, datetime], most: int
) -> Shelf:
    first, last = ends(connection, TABLES[worth])
    reach = min(last, first + most - 1)
    since, until = map(microseconds, young)
    row = connection.execute(YOUNGER[worth], {"reach": reach, "since": since, "until": until}).fetchone()
    aged = reach if row is None else int(row[0]) - 1
    return Shelf(worth, first, last, _served(connection, worth, last), aged)


def _served(connection: sqlite3.Connection, worth: Worth, last: int) -> int:
    """Return through which row every one has had its use."""
    stream = STREAMS.get(worth)
    if stream is None:
        return snapshot_through(connection) if worth is Worth.RAW else last
    (told,) = connection.execute("SELECT min(seq) FROM cursors WHERE stream = ?", (stream.value,)).fetchone()
    return last if told is None else int(told)


def delete(connection: sqlite3.Connection, cut: Cut) -> int:
    """Carry out a cut; return the number of rows gone."""
    table = TABLES[cut.worth]
    done = connection.execute(
        f"DELETE FROM {table} WHERE rowid BETWEEN ? AND ?",  # noqa: S608 - our own names
        (cut.first, cut.through),
    )
    return done.rowcount


def delete_finished(connection: sqlite3.Connection, before: datetime) -> int:
    """Delete the suggestions that were finished before the moment; return how many."""
    done = connection.execute(
        "DELETE FROM suggestions WHERE finished = 1 AND at < ?", (microseconds(before),)
    )
    return done.rowcount


def room(connection: sqlite3.Connection, path: Path | None) -> Room:
    """Return the room in file and file system. A store in memory has no file system to fill."""
    pages, unused, size = (
        connection.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("page_count", "freelist_count", "page_size")
    )
    return Room(pages * size, unused * size, 2**63 if path is None else free_bytes(path))


def free_bytes(path: Path) -> int:
    """Return the bytes free on the file system for who is not root."""
    told = os.statvfs(path.parent)
    return told.f_bavail * told.f_frsize


def usage_of(connection: sqlite3.Connection, path: Path | None) -> StoreUsage:
    """Return how full the store is, by look-ups alone: nothing is counted row by row."""
    there = room(connection, path)
    first, last = ends(connection, "readings")
    oldest = connection.execute("SELECT received_at FROM readings ORDER BY id LIMIT 1").fetchone()
    bad_first, bad_last = ends(connection, "quarantine")
    return StoreUsage(
        bytes_used=there.file if path is None else on_disk(path),
        bytes_free=there.free,
        readings=last - first + 1,
        oldest_reading_at=None if oldest is None else moment_of(oldest[0]),
        quarantined=bad_last - bad_first + 1,
        backlog=_backlog(connection),
    )


def on_disk(path: Path) -> int:
    """Return the bytes that a store takes, with its log."""
    files = (path, path.with_name(f"{path.name}-wal"))
    return sum(file.stat().st_size for file in files if file.exists())


def _backlog(connection: sqlite3.Connection) -> dict[str, int]:
    held = {stream: ends(connection, table) for stream, table in OUTBOX.items()}
    waiting: dict[str, int] = {}
    for consumer, name, seq in connection.execute("SELECT consumer, stream, seq FROM cursors"):
        first, last = held.get(Stream(name), (1, 0))
        waiting[consumer] = waiting.get(consumer, 0) + max(last - max(seq, first - 1), 0)
    return waiting
