"""What was kept, read back at the start. A row that cannot be read is counted and left out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_agent.adapters.sqlite import facts, reading_rows, rows
from edge_agent.adapters.sqlite.shelves import ends, snapshot_through
from edge_agent.ingest.redelivery import REDELIVERY_WINDOW
from edge_agent.ports import Restored
from edge_agent.wire.alert import AlertType
from edge_agent.wire.answers import MaintenanceAnswer
from edge_agent.wire.outbox import Stream
from edge_agent.wire.types import EvseId

if TYPE_CHECKING:
    import sqlite3
    from collections import Counter
    from collections.abc import Iterator

    from edge_agent.core.charger import Charger
    from edge_agent.core.signs import Watch
    from edge_agent.ports import Delivered
    from edge_agent.wire.reading import Reading

GAPS_REMEMBERED = 1_000
SELECT_READINGS = f"SELECT {reading_rows.COLUMNS} FROM readings WHERE id > ? ORDER BY id"  # noqa: S608 - our own names


def restored(connection: sqlite3.Connection, unreadable: Counter[str]) -> Restored:
    """Return the state as of the last snapshot."""
    return Restored(
        chargers=_chargers(connection, unreadable),
        watches=_watches(connection, unreadable),
        suggestions=_suggestions(connection, unreadable),
        delivered=_delivered(connection),
        last_seq={stream: ends(connection, table)[1] for stream, table in rows.OUTBOX.items()},
        cursors=cursors(connection),
        gaps=facts.newest_gaps(connection, GAPS_REMEMBERED),
        meta=dict(connection.execute("SELECT name, value FROM meta")),
    )


def readings_since_snapshot(
    connection: sqlite3.Connection, unreadable: Counter[str]
) -> Iterator[tuple[EvseId, Reading]]:
    """Yield the readings that came after the last snapshot, in order."""
    for row in connection.execute(SELECT_READINGS, (snapshot_through(connection),)):
        try:
            reading = reading_rows.reading_of(row)
        except ValueError:
            unreadable["readings"] += 1
        else:
            yield reading


def cursors(connection: sqlite3.Connection) -> dict[tuple[str, Stream], int]:
    """Return how far each consumer has come in each stream."""
    known = {stream.value: stream for stream in Stream}
    held = connection.execute("SELECT consumer, stream, seq FROM cursors")
    return {(consumer, known[name]): seq for consumer, name, seq in held if name in known}


def _chargers(connection: sqlite3.Connection, unreadable: Counter[str]) -> dict[EvseId, Charger]:
    row = connection.execute("SELECT chargers FROM snapshot").fetchone()
    found: dict[EvseId, Charger] = {}
    try:
        for charger in () if row is None else rows.unpacked_chargers(row[0]):
            if charger is None:
                unreadable["snapshot"] += 1
            else:
                found[EvseId(charger.charger_id, charger.connector_id)] = charger
    except ValueError:
        unreadable["snapshot"] += 1
    return found


def _watches(
    connection: sqlite3.Connection, unreadable: Counter[str]
) -> dict[EvseId, dict[AlertType, Watch]]:
    found: dict[EvseId, dict[AlertType, Watch]] = {}
    for charger_id, connector_id, kind, text in connection.execute(
        "SELECT charger_id, connector_id, alert_type, watch FROM watches"
    ):
        try:
            found.setdefault(EvseId(charger_id, connector_id), {})[AlertType(kind)] = rows.watch_of(text)
        except ValueError:
            unreadable["watches"] += 1
    return found


def _suggestions(connection: sqlite3.Connection, unreadable: Counter[str]) -> list[MaintenanceAnswer]:
    """Return all suggestions, the latest last."""
    found = []
    for (text,) in connection.execute("SELECT suggestion FROM suggestions ORDER BY at, rowid"):
        try:
            found.append(MaintenanceAnswer.model_validate_json(text))
        except ValueError:
            unreadable["suggestions"] += 1
    return found


def _delivered(connection: sqlite3.Connection) -> list[Delivered]:
    """Return the window, oldest first."""
    packed = b"".join(held for (held,) in connection.execute("SELECT packed FROM delivered ORDER BY through"))
    return list(rows.unpacked_delivered(packed))[-REDELIVERY_WINDOW:]
