"""The report of uptime and the log of work, over HTTP."""

from __future__ import annotations

import csv
import io
import threading
from typing import Any

import pytest
from httpx import Client

from edge_agent.adapters.web.csv_replies import cell
from tests.web.desk import FakeDesk

REPORT = "/api/v1/reports/uptime"
WORK = "/api/v1/chargers/CHG_001/maintenance"
DONE: dict[str, Any] = {
    "connector_id": 1,
    "verdict": "CONFIRMED",
    "failure_mode": "COOLING",
    "part": "fan",
    "action": "REPLACED",
    "started_at": "2026-03-04T09:00:00Z",
    "finished_at": "2026-03-04T10:30:00Z",
    "by": "AB",
}


def test_a_viewer_sees_the_uptime_of_the_running_month(viewer: Client) -> None:
    answer = viewer.get(REPORT).json()

    assert answer["month"] == "2026-03"
    assert answer["items"][0]["downtime_hours_by_cause"] == {"OWN_FAULT": 2.1, "USER": 1.0}


@pytest.mark.parametrize("asked", [{"params": {"format": "csv"}}, {"headers": {"Accept": "text/csv"}}])
def test_the_report_comes_as_a_table_with_nothing_that_a_spreadsheet_would_run(
    viewer: Client, asked: dict[str, Any]
) -> None:
    answer = viewer.get(REPORT, **asked)
    (line,) = csv.DictReader(io.StringIO(answer.text))

    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert line["label"] == "'=HYPERLINK(1)"
    assert (line["month"], line["uptime"], line["first_time_success"]) == ("2026-03", "0.975", "")
    assert (line["own_fault_hours"], line["vandalism_hours"], line["failed_at_energise"]) == (
        "2.1",
        "0.0",
        "2",
    )


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_no_cell_is_a_formula(text: str) -> None:
    assert cell(text) == f"'{text}"
    assert cell("CHG_001") == "CHG_001"


@pytest.mark.parametrize("month", ["2026", "2026-13", "2026-3", "../etc"])
def test_a_month_that_is_none_is_refused(viewer: Client, month: str) -> None:
    assert viewer.get(REPORT, params={"month": month}).status_code == 422


def test_a_technician_logs_work_and_a_viewer_may_not(
    technician: Client, viewer: Client, desk: FakeDesk
) -> None:
    answer = technician.post(WORK, json=DONE)

    assert answer.status_code == 200
    assert answer.json()["charger_id"] == "CHG_001"
    assert desk.waited_in != threading.get_ident()
    assert viewer.post(WORK, json=DONE).status_code == 403


def test_the_same_work_told_again_has_the_same_name(technician: Client) -> None:
    first, again = (technician.post(WORK, json=DONE).json() for _ in range(2))
    other = technician.post(WORK, json={**DONE, "part": "filter"}).json()

    assert first == again
    assert other["maintenance_id"] != first["maintenance_id"]


def test_work_on_a_charger_that_nobody_knows_is_refused(technician: Client) -> None:
    assert technician.post("/api/v1/chargers/CHG_009/maintenance", json=DONE).status_code == 404


def test_an_id_with_odd_characters_is_found(technician: Client) -> None:
    assert technician.post("/api/v1/chargers/A%2FB/maintenance", json=DONE).json()["charger_id"] == "A%2FB"


@pytest.mark.parametrize(
    "wrong",
    [
        {"verdict": "PERHAPS"},
        {"action": "KICKED"},
        {"by": ""},
        {"by": "x" * 65},
        {"note": "x" * 1001},
        {"connector_id": -1},
        {"finished_at": "2026-03-04T08:00:00Z"},
        {"finished_at": None},
        {"alert_ids": ["a"] * 33},
    ],
)
def test_work_that_is_not_as_described_is_refused(technician: Client, wrong: dict[str, Any]) -> None:
    assert technician.post(WORK, json={**DONE, **wrong}).status_code == 422
