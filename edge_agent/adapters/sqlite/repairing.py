"""A new store of what can still be read of a damaged one. Nothing is deleted: what was there is set aside.

A row is found by its number. Around damage the next number that leads somewhere is looked for, in steps that
grow with the way; from there rows are read back to the damage, and then on. The tables are numbered without
holes, or nearly: what is missing between two rows is what was lost.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

from edge_agent.adapters.sqlite import hours, opening
from edge_agent.adapters.sqlite.migrations import migrate
from edge_agent.adapters.sqlite.rows import OUTBOX, Row
from edge_agent.adapters.sqlite.shapes import SHAPES, Shape
from edge_agent.adapters.sqlite.trouble import refusals

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

LARGEST = 2**62
ROWS_A_TRANSACTION = 20_000
NEAR = 1_000
"""A row right before damage is believed if its number is so near to the one before."""
FINER = 16
"""An intact stretch is found if it is a sixteenth as long as the damage before it."""
SUMMED = f"name = '{hours.SUMMED}'"
LAST_READING = "SELECT coalesce(max(id), 0) FROM readings"
# The names put together here and below are our own: S608 sees no difference.
# A consumer beyond the end would miss all that comes until there, and so would the sums.
BACK_TO_THE_END = (
    *(
        f"UPDATE cursors SET seq = min(seq, (SELECT coalesce(max(seq), 0) FROM {table})) "  # noqa: S608
        f"WHERE stream = '{stream.value}'"
        for stream, table in OUTBOX.items()
    ),
    f"UPDATE meta SET value = CAST(min(CAST(value AS INTEGER), ({LAST_READING})) AS TEXT) WHERE {SUMMED}",  # noqa: S608
)


class Saved(NamedTuple):
    """What became of one table. lost: rows known to be missing; whole: no damage was met in it."""

    table: str
    rows: int
    lost: int
    whole: bool


Told = Callable[[Saved], object]


def repaired(path: Path, damaged: Path, at: datetime, told: Told) -> Path | None:
    """Put a new store at `path`, of what can be read of a damaged one: the one there, or one set aside.

    told: hears of each table once it is done.
    Returns: where the store that stood there is now; None: there was none.
    Raises: StoreError where an agent runs on it, or where it cannot be written to; then all is as it was.
    """
    held = opening.lock(path)
    fresh = path.with_name(f"{path.name}.repaired")
    try:
        _remove(fresh)  # what a power cut left
        with refusals(fresh), closing(opening.connect_to_write(fresh)) as into:
            migrate(into)
            for shape in SHAPES:
                told(_saved(damaged, shape, into))
            for statement in BACK_TO_THE_END:
                into.execute(statement)
        why = "corrupt" if damaged == path else "replaced"
        aside = opening.put_aside(path, at, why) if path.exists() else None
        fresh.rename(path)
        return aside
    finally:
        _remove(fresh)
        os.close(held)


def _remove(store: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        store.with_name(store.name + suffix).unlink(missing_ok=True)


def _saved(damaged: Path, shape: Shape, into: sqlite3.Connection) -> Saved:
    with closing(opening.connect_to_read(damaged)) as connection:
        connection.execute("PRAGMA writable_schema = ON")  # reads a file that is shorter than it says, too
        wreck = Wreck(connection, shape)
        kept = _copied(wreck, into)
    return Saved(shape.name, kept, wreck.lost, wreck.whole)


def _copied(wreck: Wreck, into: sqlite3.Connection) -> int:
    """Copy the rows that can be read and make sense; return how many that were."""
    shape, kept = wreck.shape, 0
    places = ", ".join("?" * len(shape.columns))
    insert = f"INSERT INTO {shape.name} ({', '.join(shape.columns)}) VALUES ({places})"  # noqa: S608
    into.execute("BEGIN")
    for row in wreck.rows():
        try:
            shape.read(row)
            into.execute(insert, row)
        except (ValueError, sqlite3.IntegrityError):
            wreck.nonsense()
            continue
        kept += 1
        if kept % ROWS_A_TRANSACTION == 0:
            into.execute("COMMIT")
            into.execute("BEGIN")
    into.execute("COMMIT")
    return kept


class Wreck:
    """One table of a damaged store: the rows that can be read, and a count of those that cannot."""

    def __init__(self, connection: sqlite3.Connection, shape: Shape) -> None:
        self.shape = shape
        self.lost = 0
        self.whole = True
        self._connection = connection

    def nonsense(self) -> None:
        """Take note that a row was readable, and says nothing."""
        self.lost += 1
        self.whole = False

    def rows(self) -> Iterator[Row]:
        """Yield what can be read, in order."""
        start: int | None = 0
        last = before_damage = 0
        while start is not None:
            last = start  # where nothing can be read from here on, this one is what cannot
            try:
                for number, row in self._from(start):
                    if before_damage:
                        self.lost += number - before_damage - 1
                    last, before_damage = number, 0
                    yield row
            except sqlite3.Error:
                self.whole = False
                before_damage = before_damage or last
                start = self._beyond(last)
            else:
                return

    def _from(self, start: int) -> Iterator[tuple[int, Row]]:
        """Yield rows with their numbers. Raises sqlite3.Error at the damage, once all before it is told.

        Each is held until the next one shows that its number is its own: a damaged one leads astray.
        """
        held: tuple[int, Row] | None = None
        before = start
        damage: sqlite3.Error | None = None
        try:
            for number, *row in self._rows_from(start):
                if held is not None and before <= held[0] <= number:
                    yield held
                    before = held[0]
                elif held is not None:
                    self.nonsense()
                held = number, tuple(row)
        except sqlite3.Error as error:
            damage = error
        if held is not None and (damage is None or 0 <= held[0] - before < NEAR):
            yield held
        if damage is not None:
            raise damage

    def _beyond(self, number: int) -> int | None:
        """Return the number of the next row that can be found; None where there is none."""
        way = 1
        while self.shape.key is not None and way < LARGEST:
            try:
                found = self._found_from(number + way)
            except sqlite3.Error:
                way += 1 + way // FINER
            else:
                return None if found is None else self._back(found, number)
        return None

    def _found_from(self, start: int) -> int | None:
        """Return the first number from one on. Raises sqlite3.Error at damage.

        What is not found again under its number stands where it should not: that is damage too.
        """
        row = self._numbers(f">= {start} ORDER BY {self.shape.key} LIMIT 1").fetchone()
        if row is not None and self._numbers(f"= {row[0]} LIMIT 1").fetchone() is None:
            raise sqlite3.DatabaseError(f"{row[0]} is out of order")
        return None if row is None else int(row[0])

    def _back(self, found: int, number: int) -> int:
        """Return the lowest number that is reached going back from one that was found."""
        key, lowest = self.shape.key, found
        try:
            for (each,) in self._numbers(f"> {number} AND {key} <= {found} ORDER BY {key} DESC"):
                lowest = min(lowest, each)
        except sqlite3.Error:
            pass
        return lowest

    def _numbers(self, which: str) -> sqlite3.Cursor:
        key = self.shape.key
        return self._connection.execute(f"SELECT {key} FROM {self.shape.name} WHERE {key} {which}")  # noqa: S608

    def _rows_from(self, start: int) -> Iterator[Row]:
        """Yield each row after its number; a column that an older store does not have yet is null."""
        shape = self.shape
        there = {name for _, name, *_ in self._connection.execute(f"PRAGMA table_info({shape.name})")}
        if not there:
            return iter(())
        columns = ", ".join(name if name in there else "NULL" for name in shape.columns)
        if shape.key is None:
            return self._connection.execute(f"SELECT 1, {columns} FROM {shape.name}")  # noqa: S608
        order = f"WHERE {shape.key} >= ? ORDER BY {shape.key}"
        return self._connection.execute(f"SELECT {shape.key}, {columns} FROM {shape.name} {order}", (start,))  # noqa: S608
