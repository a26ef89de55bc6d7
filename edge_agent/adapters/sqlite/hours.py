"""How an EVSE was over some time, in steps: from raw readings, or from the sums of whole hours.

A month of raw readings of a site is millions of rows; its hours are thousands.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from edge_agent.adapters.sqlite.shelves import ends
from edge_agent.adapters.sqlite.times import microseconds, moment_of
from edge_agent.ports import Steps
from edge_agent.wire.history import Series

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

    from edge_agent.wire.types import EvseId

HOUR_S = 3_600
SECOND = 1_000_000
MOST_AT_ONCE = 50_000
"""Readings that one summing up takes: the pipeline waits for it."""
SUMMED = "summed_through"
QUANTITIES = ("power", "temperature")
# What a broker kept tells of no moment; what comes in a burst tells of its own.
MOMENT = "CASE WHEN burst THEN measured_at ELSE received_at END"
NEW = ", ".join(f"min({name}), total({name}), count({name}), max({name})" for name in QUANTITIES)
SUMS = ", ".join(f"{name}_min, {name}_sum, {name}_count, {name}_max" for name in QUANTITIES)
# The least and greatest of two, of which either may be null.
MERGED = ", ".join(
    f"{name}_min = min(coalesce({name}_min, {new}_min), coalesce({new}_min, {name}_min)), "
    f"{name}_sum = {name}_sum + {new}_sum, {name}_count = {name}_count + {new}_count, "
    f"{name}_max = max(coalesce({name}_max, {new}_max), coalesce({new}_max, {name}_max))"
    for name, new in ((name, f"excluded.{name}") for name in QUANTITIES)
)
# The names put together here and below are our own: S608 sees no difference.
SUM_UP = f"""
    INSERT INTO hours (hour, charger_id, connector_id, {SUMS})
    SELECT {MOMENT} / {HOUR_S * SECOND}, charger_id, connector_id, {NEW} FROM readings
    WHERE id > ? AND id <= ? AND NOT retained AND {MOMENT} IS NOT NULL GROUP BY 1, 2, 3
    ON CONFLICT DO UPDATE SET {MERGED}
"""  # noqa: S608
RAW_STEPS = f"""
    SELECT {MOMENT} / :step AS number, {NEW} FROM readings
    WHERE id > :low AND id <= :high AND charger_id = :charger_id AND connector_id = :connector_id
    AND NOT retained AND {MOMENT} >= :since AND {MOMENT} < :until GROUP BY number ORDER BY number
"""  # noqa: S608
TOTALS = ", ".join(
    f"min({name}_min), sum({name}_sum), sum({name}_count), max({name}_max)" for name in QUANTITIES
)
HOUR_STEPS = f"""
    SELECT hour * {HOUR_S * SECOND} / :step AS number, {TOTALS} FROM hours
    WHERE hour >= :since AND hour < :until AND charger_id = :charger_id AND connector_id = :connector_id
    GROUP BY number ORDER BY number
"""  # noqa: S608


def sum_up(connection: sqlite3.Connection) -> bool:
    """Add readings that were not summed up yet to their hours; return whether there are more of them."""
    row = connection.execute("SELECT value FROM meta WHERE name = ?", (SUMMED,)).fetchone()
    first, last = ends(connection, "readings")
    done = max(0 if row is None else int(row[0]), first - 1)
    through = min(last, done + MOST_AT_ONCE)
    if through <= done:
        return False
    connection.execute(SUM_UP, (done, through))
    connection.execute("INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)", (SUMMED, str(through)))
    return through < last


def delete_old(connection: sqlite3.Connection, before: datetime) -> int:
    """Delete the hours before a moment; return how many rows that were."""
    hour = microseconds(before) // (HOUR_S * SECOND)
    return connection.execute("DELETE FROM hours WHERE hour < ?", (hour,)).rowcount


def raw_steps(
    connection: sqlite3.Connection,
    evse: EvseId,
    span: tuple[datetime, datetime],
    ids: tuple[int, int],
    step_s: int,
) -> Steps:
    """Return steps of so many seconds from the readings whose numbers lie within ids (low exclusive)."""
    since, until = map(microseconds, span)
    asked = {**evse._asdict(), "since": since, "until": until, "step": step_s * SECOND}
    found = connection.execute(RAW_STEPS, {**asked, "low": ids[0], "high": ids[1]})
    return _steps(found, step_s)


def hour_steps(
    connection: sqlite3.Connection, evse: EvseId, span: tuple[datetime, datetime], step_s: int
) -> Steps:
    """Return steps of so many seconds, whole hours, from the sums."""
    since, until = (microseconds(each) // (HOUR_S * SECOND) for each in span)
    asked = {**evse._asdict(), "since": since, "until": until + 1, "step": step_s * SECOND}
    return _steps(connection.execute(HOUR_STEPS, asked), step_s)


def _steps(found: Iterable[tuple[float | None, ...]], step_s: int) -> Steps:
    at: list[datetime] = []
    series = {name: Series(min=[], mean=[], max=[]) for name in QUANTITIES}
    for number, *sums in found:
        at.append(moment_of(int(number or 0) * step_s * SECOND))
        for place, one in enumerate(series.values()):
            least, total, count, most = sums[4 * place : 4 * place + 4]
            one.min.append(least)
            one.mean.append(total / count if count and total is not None else None)
            one.max.append(most)
    return Steps(timedelta(seconds=step_s), at, series)
