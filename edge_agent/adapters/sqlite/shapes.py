"""Every table that the store has: its columns, how its rows are ordered, and what reads one back.

For whoever goes through all of it: to look whether it is sound, or to save what can be read.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from pydantic_core import from_json

from edge_agent.adapters.sqlite import facts, hours, reading_rows, rows
from edge_agent.adapters.sqlite.rows import Row
from edge_agent.wire.alert import AlertType
from edge_agent.wire.answers import MaintenanceAnswer


def _unchecked(row: Row) -> object:
    return row


class Shape(NamedTuple):
    """One table.

    key: the whole number that rows are ordered by; None where there are a few rows at most.
    read: raises ValueError for a row of these columns that nobody can read back.
    """

    name: str
    columns: tuple[str, ...]
    key: str | None = "rowid"
    read: Callable[[Row], object] = _unchecked

    @property
    def select(self) -> str:
        """All rows, in order."""
        order = "" if self.key is None else f" ORDER BY {self.key}"
        return f"SELECT {', '.join(self.columns)} FROM {self.name}{order}"  # noqa: S608 - our own names


def _reading(row: Row) -> object:
    return reading_rows.reading_of(row[1:])


def _watch(row: Row) -> object:
    _, _, kind, text = row
    return AlertType(kind), rows.watch_of(text)


def _snapshot(row: Row) -> object:
    chargers = list(rows.unpacked_chargers(row[2]))
    if None in chargers:
        raise ValueError("a charger of the snapshot cannot be read")
    return chargers


def _record(row: Row) -> object:
    return from_json(row[-1])


def _columns(text: str) -> tuple[str, ...]:
    return tuple(text.split(", "))


SHAPES = (
    Shape("readings", ("id", *_columns(reading_rows.COLUMNS)), read=_reading),
    Shape("snapshot", ("id", "through", "chargers"), read=_snapshot),
    Shape("watches", ("charger_id", "connector_id", "alert_type", "watch"), read=_watch),
    *(Shape(name, _columns(rows.RECORD_COLUMNS), read=_record) for name in rows.OUTBOX.values()),
    Shape("cursors", ("consumer", "stream", "seq"), key=None),
    Shape("delivered", ("through", "packed")),
    Shape("quarantine", ("id", *_columns(rows.QUARANTINE_COLUMNS), "payload_bytes", "through_bytes")),
    Shape(
        "suggestions",
        ("suggestion_id", "at", "finished", "suggestion"),
        read=lambda row: MaintenanceAnswer.model_validate_json(row[-1]),
    ),
    Shape("meta", ("name", "value"), read=_record),
    Shape("hours", ("hour", "charger_id", "connector_id", *_columns(hours.SUMS)), key="hour"),
    *(
        Shape(table.name, facts.COLUMNS[kind], read=facts.reader(kind))
        for kind, table in facts.TABLES.items()
    ),
)
"""The numbers of facts are not among their columns: nothing but their order counts."""
