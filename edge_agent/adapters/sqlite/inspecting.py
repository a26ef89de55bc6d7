"""Is the store sound? Looked at from beside, while an agent may be writing."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from edge_agent.adapters.sqlite import restoring, shelves
from edge_agent.adapters.sqlite.migrations import applied, known
from edge_agent.adapters.sqlite.opening import connect_to_read, is_marked_damaged
from edge_agent.adapters.sqlite.rows import OUTBOX, Row
from edge_agent.adapters.sqlite.shapes import SHAPES, Shape
from edge_agent.adapters.sqlite.trouble import refusals

if TYPE_CHECKING:
    from pathlib import Path

MOST_FAULTS = 3
MB = 1e6


class Look(NamedTuple):
    """What a look at one thing found. fault: None where it is sound."""

    name: str
    told: str
    fault: str | None = None


def inspect(path: Path) -> Iterator[Look]:
    """Look at a store as a whole and at each table; all rows are read, which takes some minutes a gigabyte.

    Raises: StoreError where it cannot be opened.
    """
    looks: dict[str, Callable[[sqlite3.Connection], Look]] = {
        "file": partial(_file, path),
        "schema": _schema,
        **{shape.name: partial(_table, shape) for shape in SHAPES},
        "consumers": _consumers,
    }
    with refusals(path), closing(connect_to_read(path)) as connection:
        connection.execute("BEGIN")  # one moment for all that is looked at
        for name, look in looks.items():
            try:
                yield look(connection)
            except sqlite3.DatabaseError as error:
                yield Look(name, "", f"cannot be read: {error}")
                if error.sqlite_errorcode == sqlite3.SQLITE_NOTADB:
                    return


def _file(path: Path, connection: sqlite3.Connection) -> Look:
    found = [str(line) for (line,) in connection.execute(f"PRAGMA quick_check({MOST_FAULTS})")]
    used, free = shelves.on_disk(path) / MB, shelves.free_bytes(path) / MB
    told, fault = f"{path}: {used:.1f} MB; {free:.0f} MB are free beside it", None
    if found != ["ok"]:
        fault = f"{path} is damaged: {'; '.join(found)}"
    elif is_marked_damaged(path):
        fault = f"{path} is damaged: the agent came upon it, and its next start sets it aside"
    return Look("file", told, fault)


def _schema(connection: sqlite3.Connection) -> Look:
    """An older or newer schema is no fault: a start brings it up to date, or lives with it."""
    there, ours = applied(connection), known()
    told = f"through {max(there, default='none')}"
    if missing := sorted(ours - there):
        told += f"; the next start adds {', '.join(missing)}"
    if newer := sorted(there - ours):
        told += f"; a newer agent added {', '.join(newer)}"
    return Look("schema", told)


def _table(shape: Shape, connection: sqlite3.Connection) -> Look:
    count, unreadable = 0, 0
    for row in connection.execute(shape.select):
        count += 1
        unreadable += not _reads(shape, row)
    told = f"{count:,} rows{_share(connection, shape.name)}"
    return Look(shape.name, told, f"{unreadable:,} of {told} cannot be read" if unreadable else None)


def _reads(shape: Shape, row: Row) -> bool:
    try:
        shape.read(row)
    except ValueError:
        return False
    return True


def _share(connection: sqlite3.Connection, table: str) -> str:
    """Return how much of the file a table takes, where this SQLite can tell."""
    try:
        (size,) = connection.execute("SELECT sum(pgsize) FROM dbstat WHERE name = ?", (table,)).fetchone()
    except sqlite3.OperationalError:
        return ""
    return f", {size / MB:.1f} MB"


def _consumers(connection: sqlite3.Connection) -> Look:
    """A consumer beyond the end would miss all that comes until there."""
    ends = {stream: shelves.ends(connection, table)[1] for stream, table in OUTBOX.items()}
    beyond = [
        f"{consumer} is at {seq} of {stream.value}, which end at {ends[stream]}"
        for (consumer, stream), seq in restoring.cursors(connection).items()
        if seq > ends[stream]
    ]
    return Look("consumers", "within the outbox", "; ".join(beyond) or None)
