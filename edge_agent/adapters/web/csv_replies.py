"""The uptime report as a table for spreadsheets."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from edge_agent.wire.service import Cause, Stage

if TYPE_CHECKING:
    from edge_agent.wire.rest import EvseUptime, UptimeReport

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""A spreadsheet takes a cell that begins so for a formula. Source: OWASP, "CSV Injection"."""
PLAIN = (
    "charger_id",
    "connector_id",
    "label",
    "observed_hours",
    "unobserved_hours",
    "uptime",
    "failures",
    "attempts",
    "zero_energy_attempts",
    "visits",
    "first_time_success",
)


def uptime_table(report: UptimeReport) -> str:
    """Return the report as CSV: a line for each EVSE, hours by cause and failed attempts by stage last."""
    text = io.StringIO()
    table = csv.writer(text)
    causes = [f"{cause.lower()}_hours" for cause in Cause]
    stages = [f"failed_at_{stage.lower()}" for stage in Stage]
    table.writerow(["month", *PLAIN, *causes, *stages])
    table.writerows([cell(each) for each in (report.month, *_values(item))] for item in report.items)
    return text.getvalue()


def cell(value: object) -> object:
    """Return a cell that no spreadsheet takes for a formula; nothing for null."""
    if isinstance(value, str) and value.startswith(FORMULA):
        return f"'{value}"
    return "" if value is None else value


def _values(item: EvseUptime) -> list[object]:
    return [
        *(getattr(item, name) for name in PLAIN),
        *(item.downtime_hours_by_cause.get(cause, 0.0) for cause in Cause),
        *(item.failed_attempts_by_stage.get(stage, 0) for stage in Stage),
    ]
