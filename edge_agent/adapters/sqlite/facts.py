"""Facts about service as rows: a table each, a column for each field of the message."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from edge_agent.adapters.sqlite.times import microseconds, moment_of
from edge_agent.wire.alert import Alert
from edge_agent.wire.service import (
    Attempt,
    Deed,
    DeviceChange,
    Downtime,
    Episode,
    Fact,
    Gap,
    OfCharger,
    Score,
    WorkDone,
)

if TYPE_CHECKING:
    import sqlite3
    from collections import Counter
    from collections.abc import Callable, Sequence

TIMES = frozenset(
    (
        *("began_at", "ended_at", "started_at", "finished_at", "since", "until", "at"),
        *("raised_at", "updated_at", "cleared_at", "silenced_until"),
    )
)
STRUCTURED = frozenset(("codes", "alert_ids", "connector_ids", "evidence"))

AnyFact = TypeVar("AnyFact", Downtime, Attempt, WorkDone, DeviceChange, Gap, Episode, Score, Deed, Alert)


class Table(NamedTuple):
    """Where facts of one kind are. start, end: the columns that tell of which time it speaks."""

    name: str
    start: str
    end: str


TABLES: dict[type[Fact], Table] = {
    Downtime: Table("downtime", "began_at", "ended_at"),
    Attempt: Table("attempts", "ended_at", "ended_at"),
    WorkDone: Table("maintenance_done", "finished_at", "finished_at"),
    DeviceChange: Table("device_changes", "at", "at"),
    Gap: Table("gaps", "since", "until"),
    Episode: Table("episodes", "raised_at", "raised_at"),
    Score: Table("scores", "at", "at"),
    Deed: Table("audit", "at", "at"),
    Alert: Table("past_alerts", "raised_at", "cleared_at"),
}
COLUMNS = {kind: tuple(kind.model_fields) for kind in TABLES}
# The names put together here and below are our own: S608 sees no difference.
INSERT = {
    kind: f"INSERT OR REPLACE INTO {table.name} ({', '.join(COLUMNS[kind])}) "  # noqa: S608
    f"VALUES ({', '.join('?' * len(COLUMNS[kind]))})"
    for kind, table in TABLES.items()
}
SELECT = {
    kind: f"SELECT {', '.join(COLUMNS[kind])} FROM {table.name}"  # noqa: S608
    for kind, table in TABLES.items()
}
WITHIN = {
    kind: f"{SELECT[kind]} WHERE {table.end} >= ? AND {table.start} < ? ORDER BY {table.start}"
    for kind, table in TABLES.items()
}
NEWEST = {
    kind: f"{SELECT[kind]} WHERE charger_id = ? AND {TABLES[kind].end} >= ? ORDER BY rowid DESC LIMIT ?"
    for kind in (Downtime, Attempt, WorkDone, DeviceChange, Alert)
}
"""Of one charger: read from the end, so that nobody waits for what others did long ago."""
AGED = {
    kind: f"DELETE FROM {TABLES[kind].name} WHERE {TABLES[kind].end} < ?"  # noqa: S608
    for kind in (WorkDone, DeviceChange, Gap, Episode, Deed, Alert)
}
"""These are few. The others are shelves: see `shelves`."""


def write(connection: sqlite3.Connection, facts: Sequence[Fact]) -> None:
    """Insert facts; one that bears a name of its own replaces what bore it."""
    for fact in facts:
        kind, told = type(fact), fact.__dict__
        connection.execute(INSERT[kind], [_cell(told[name]) for name in COLUMNS[kind]])


def read(
    connection: sqlite3.Connection, kind: type[AnyFact], since: datetime, until: datetime
) -> list[AnyFact]:
    """Return the facts of a kind that speak of the time from `since` until before `until`, oldest first."""
    found = connection.execute(WITHIN[kind], (microseconds(since), microseconds(until)))
    return [fact_of(kind, row) for row in found]


def newest(
    connection: sqlite3.Connection, kind: type[OfCharger], charger_id: str, since: datetime, most: int
) -> list[OfCharger]:
    """Return the newest facts of a kind about one charger, newest first."""
    found = connection.execute(NEWEST[kind], (charger_id, microseconds(since), most))
    return [fact_of(kind, row) for row in found]


def work(connection: sqlite3.Connection, maintenance_id: str) -> WorkDone | None:
    """Return the work of that id."""
    found = connection.execute(f"{SELECT[WorkDone]} WHERE maintenance_id = ?", (maintenance_id,)).fetchone()
    return None if found is None else fact_of(WorkDone, found)


def newest_gaps(connection: sqlite3.Connection, most: int) -> list[Gap]:
    """Return the newest gaps, oldest first."""
    found = connection.execute(f"{SELECT[Gap]} ORDER BY id DESC LIMIT ?", (most,)).fetchall()
    return [fact_of(Gap, row) for row in reversed(found)]


def delete_aged(connection: sqlite3.Connection, before: datetime, gone: Counter[str]) -> None:
    """Delete what is older, of the tables that are no shelves, and count it."""
    for kind, statement in AGED.items():
        gone[TABLES[kind].name] += connection.execute(statement, (microseconds(before),)).rowcount


def fact_of(kind: type[AnyFact], row: Sequence[Any]) -> AnyFact:
    """Return the fact of a row of its COLUMNS. Raises ValueError."""
    return kind.model_validate(
        {name: _value(name, cell) for name, cell in zip(COLUMNS[kind], row, strict=True)}
    )


def reader(kind: type[Fact]) -> Callable[[Sequence[Any]], Fact]:
    """Return what reads a row of a kind's COLUMNS; it raises ValueError."""

    def read(row: Sequence[Any]) -> Fact:
        return fact_of(kind, row)  # type: ignore[type-var] # one of them, whichever it is

    return read


def _cell(value: object) -> object:
    if isinstance(value, datetime):
        return microseconds(value)
    return json.dumps(value) if isinstance(value, tuple | dict) else value


def _value(name: str, cell: Any) -> Any:  # noqa: ANN401 - what a column holds
    if cell is None:
        return None
    if name in TIMES:
        return moment_of(cell)
    return json.loads(cell) if name in STRUCTURED else cell
