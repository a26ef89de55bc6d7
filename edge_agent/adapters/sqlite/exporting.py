"""All that a site would want to keep, as plain values: one for each reading, fact, open alert and hour.

What only the agent itself has a use for stays out: snapshots, cursors, outbox, what was set aside.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pydantic_core import to_jsonable_python

from edge_agent.adapters.sqlite import facts, hours, reading_rows, rows
from edge_agent.adapters.sqlite.opening import connect_to_read
from edge_agent.adapters.sqlite.times import microseconds, moment_of
from edge_agent.adapters.sqlite.trouble import refusals
from edge_agent.wire.answers import MaintenanceAnswer

if TYPE_CHECKING:
    from collections import Counter
    from datetime import datetime
    from pathlib import Path

    from edge_agent.wire.alert import Alert

Line = dict[str, Any]
ROWS_AT_ONCE = 5_000
"""Read in one transaction: one that lasted would keep a running agent's log from being reused."""
READINGS = (
    f"SELECT id, {reading_rows.COLUMNS} FROM readings "  # noqa: S608 - our own names
    "WHERE id > ? AND received_at >= ? AND received_at < ? ORDER BY id LIMIT ?"
)
HOURS = f"SELECT hour, charger_id, connector_id, {hours.SUMS} FROM hours WHERE hour >= ? AND hour <= ?"  # noqa: S608 - our own names
HOUR = hours.HOUR_S * hours.SECOND
SUMS = tuple(hours.SUMS.split(", "))


def exported(path: Path, span: tuple[datetime, datetime], unreadable: Counter[str]) -> Iterator[Line]:
    """Yield what speaks of the time from the first moment until before the second.

    `kind` tells of each what it is. unreadable: counts rows that are left out, by kind. Raises: StoreError.
    """
    yield from _readings(path, span, unreadable)
    with _reading(path) as connection:
        yield from _hours(connection, span)
        for kind, table in facts.TABLES.items():
            statement, asked = facts.WITHIN[kind], tuple(map(microseconds, span))
            found = connection.execute(statement, asked)
            yield from _lines(table.name, found, facts.reader(kind), unreadable)
        suggestions = connection.execute("SELECT suggestion FROM suggestions ORDER BY at, rowid")
        yield from _lines("suggestions", suggestions, _suggestion, unreadable)
        watches = connection.execute("SELECT watch FROM watches")
        yield from _lines("open_alerts", watches, _open_alert, unreadable)


@contextmanager
def _reading(path: Path) -> Iterator[sqlite3.Connection]:
    with refusals(path):
        connection = connect_to_read(path)
        try:
            connection.execute("BEGIN")
            yield connection
        finally:
            connection.close()


def _readings(path: Path, span: tuple[datetime, datetime], unreadable: Counter[str]) -> Iterator[Line]:
    last, asked = 0, tuple(map(microseconds, span))
    while True:
        with _reading(path) as connection:
            found = connection.execute(READINGS, (last, *asked, ROWS_AT_ONCE)).fetchall()
        if not found:
            return
        yield from _lines("readings", (row[1:] for row in found), _reading_line, unreadable)
        last = found[-1][0]


def _lines(
    kind: str, found: Iterable[rows.Row], read: Callable[[rows.Row], object], unreadable: Counter[str]
) -> Iterator[Line]:
    for row in found:
        try:
            value = read(row)
        except ValueError:
            unreadable[kind] += 1
            continue
        if value is not None:
            yield {"kind": kind, **to_jsonable_python(value, exclude_none=True)}


def _reading_line(row: rows.Row) -> Line:
    evse, reading = reading_rows.reading_of(row)
    told = {**reading._asdict(), **evse._asdict(), "metrics": reading.metrics.model_dump(exclude_unset=True)}
    return {name: value for name, value in told.items() if value not in ((), False)}


def _suggestion(row: rows.Row) -> MaintenanceAnswer:
    return MaintenanceAnswer.model_validate_json(row[0])


def _open_alert(row: rows.Row) -> Alert | None:
    return rows.watch_of(row[0]).alert


def _hours(connection: sqlite3.Connection, span: tuple[datetime, datetime]) -> Iterator[Line]:
    first, last = (microseconds(moment) // HOUR for moment in span)
    for hour, charger_id, connector_id, *sums in connection.execute(HOURS, (first, last)):
        place = {"at": moment_of(hour * HOUR), "charger_id": charger_id, "connector_id": connector_id}
        told = {**place, **dict(zip(SUMS, sums, strict=True))}
        yield {"kind": "hours", **to_jsonable_python(told, exclude_none=True)}
