"""The dashboard's views, and the queries of the Grafana file over them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from cloud_sync.central.envelope import Arrived
from cloud_sync.central.migrate import DIRECTORY, migrate
from cloud_sync.central.partitions import Partitions
from cloud_sync.central.sink import Load
from edge_agent.wire.outbox import RecordType
from tests.rig.postgres import Postgres

GRAFANA = Path(__file__).parents[2] / "packaging/central/grafana-fleet.json"
NOW = datetime.now(UTC)
VIEWS = (
    *("fleet_overview", "open_alerts", "maintenance_calendar", "work_queue", "uptime", "first_time_success"),
    *("field_labels", "gateway_health"),
)


def said(kind: RecordType, seq: int, charger_id: str, **value: Any) -> Arrived:
    return Arrived(kind, "site-1", "gw-1", "t-1", "e1", "alerts", seq, NOW, "trusted", charger_id, value)


def ago(days: float) -> str:
    return (NOW - timedelta(days=days)).isoformat()


def suggestion(visit: str, urgency: str, savings: float, **more: Any) -> dict[str, Any]:
    told = {"action_required": True, "state": "PROPOSED", "visit_id": visit, "resolution": "SITE_VISIT"}
    return {
        **told,
        "urgency": urgency,
        "recommended_date": ago(-2),
        "cost_benefit": {"net_savings": savings},
        **more,
    }


WARNING = {"alert_type": "FAILURE_PREDICTED", "severity": "WARNING", "state": "OPEN", "raised_at": ago(5)}
FLEET = [
    said(RecordType.READING, 1, "A", metrics={"connector_id": 1, "connector_status": "CHARGING"}),
    said(RecordType.READING, 2, "B", metrics={"connector_id": 1, "connector_status": "FAULTY"}),
    said(
        RecordType.FAILURE,
        3,
        "A",
        connector_id=1,
        failure_probability=0.4,
        recommended_action="WITHIN_7_DAYS",
    ),
    said(
        RecordType.ALERT, 4, "A", connector_id=1, alert_id="a1", **WARNING, evidence={"failure_model": "v1"}
    ),
    said(
        RecordType.ALERT,
        5,
        "B",
        connector_id=1,
        alert_id="b1",
        **{**WARNING, "alert_type": "CHARGER_FAULTED"},
    ),
    said(RecordType.ALERT, 6, "B", connector_id=1, alert_id="b0", **{**WARNING, "state": "CLEARED"}),
    said(RecordType.MAINTENANCE, 7, "A", **suggestion("v1", "HIGH", 100.0)),
    said(RecordType.MAINTENANCE, 8, "B", **suggestion("v1", "LOW", 50.0)),
    said(RecordType.MAINTENANCE, 9, "C", **suggestion("v2", "CRITICAL", 10.0)),
    said(RecordType.MAINTENANCE, 10, "D", **suggestion("v3", "HIGH", 500.0, resolution="REMOTE_RESET")),
    said(RecordType.MAINTENANCE, 11, "E", **suggestion("v4", "HIGH", 500.0, state="REJECTED")),
    said(
        RecordType.MAINTENANCE_DONE,
        12,
        "A",
        maintenance_id="m",
        verdict="CONFIRMED",
        finished_at=ago(1),
        alert_ids=["a1"],
    ),
    said(
        RecordType.DOWNTIME,
        13,
        "A",
        connector_id=1,
        began_at=ago(2),
        ended_at=ago(1),
        excluded=False,
        failure=True,
    ),
    said(
        RecordType.DOWNTIME,
        14,
        "A",
        connector_id=1,
        began_at=ago(1.5),
        ended_at=ago(1),
        excluded=True,
        failure=False,
    ),
    said(
        RecordType.DOWNTIME,
        21,
        "Z",
        connector_id=1,
        began_at="2026-01-30T00:00:00Z",
        ended_at="2026-03-02T00:00:00Z",
        excluded=False,
        failure=True,
    ),
    said(RecordType.ATTEMPT, 15, "A", connector_id=1, ended_at=ago(1), failed_at="ENERGISE", number=1),
    said(RecordType.ATTEMPT, 16, "A", connector_id=1, ended_at=ago(1), failed_at=None, number=2),
    said(RecordType.ATTEMPT, 17, "A", connector_id=1, ended_at=ago(1), failed_at=None, number=1),
    said(RecordType.ATTEMPT, 18, "A", connector_id=1, ended_at=ago(1), failed_at="PLUG", number=1),
    said(RecordType.GATEWAY, 19, "_site", status="online", version="0.1.0", backlog=3, drift="none"),
    said(RecordType.GAP, 20, "_site", readings=5),
]


@pytest.fixture(scope="module")
def fleet(postgres: Postgres) -> Iterator[psycopg.Connection]:
    """A small fleet of two sites' worth of trouble."""
    dsn = postgres.new_database("views")
    migrate(dsn)
    load = Load()
    for offset, each in enumerate(FLEET, 1):
        load._put(each, (1, offset), lambda _: True)
    with psycopg.connect(dsn, autocommit=True) as connection:
        Partitions([], timedelta(days=400), timedelta(days=3)).make(connection, load.times)
        with connection.transaction():
            load.write(connection)
        yield connection


def rows(fleet: psycopg.Connection, query: str) -> list[tuple[Any, ...]]:
    return fleet.execute(query.encode()).fetchall()


def test_the_overview_has_a_row_an_evse_with_its_risk_and_alerts(fleet: psycopg.Connection) -> None:
    columns = "charger_id, connector_status, failure_probability, open_alerts, gravest"
    query = f"SELECT {columns} FROM fleet_overview ORDER BY 1"
    assert rows(fleet, query) == [("A", "CHARGING", 0.4, 1, "WARNING"), ("B", "FAULTY", None, 1, "WARNING")]


def test_the_work_queue_ranks_visits_by_urgency_and_what_they_save(fleet: psycopg.Connection) -> None:
    found = rows(fleet, "SELECT place, visit_id, charger_ids, net_savings FROM work_queue ORDER BY place")
    assert found == [(1, "v2", ["C"], 10.0), (2, "v1", ["A", "B"], 150.0)]


def test_the_calendar_leaves_out_what_is_rejected(fleet: psycopg.Connection) -> None:
    assert rows(fleet, "SELECT charger_id FROM maintenance_calendar ORDER BY 1") == [
        ("A",),
        ("B",),
        ("C",),
        ("D",),
    ]


def test_uptime_counts_what_is_not_excluded(fleet: psycopg.Connection) -> None:
    query = "SELECT sum(downtime_hours), sum(counted_hours), sum(failures) FROM uptime WHERE charger_id = 'A'"
    assert [float(each) for each in rows(fleet, query)[0]] == pytest.approx([36.0, 24.0, 1.0])


def test_an_outage_counts_in_each_month_that_it_reaches(fleet: psycopg.Connection) -> None:
    columns = "to_char(month, 'MM'), counted_hours, failures, uptime"
    found = rows(fleet, f"SELECT {columns} FROM uptime WHERE charger_id = 'Z' ORDER BY 1")
    assert [(month, float(hours), failures) for month, hours, failures, _ in found] == [
        ("01", 48.0, 1),
        ("02", 672.0, 0),
        ("03", 24.0, 0),
    ]
    assert [float(share) for *_, share in found] == pytest.approx([1 - 2 / 31, 0.0, 1 - 1 / 31])


def test_first_time_success_is_of_visits_that_got_as_far_as_trying(fleet: psycopg.Connection) -> None:
    found = rows(fleet, "SELECT attempts, succeeded, visits, first_time_success FROM first_time_success")
    assert [tuple(map(float, row)) for row in found] == [(3.0, 2.0, 2.0, 0.5)]


def test_a_warning_is_labelled_by_its_verdict_and_by_the_failure_that_came(fleet: psycopg.Connection) -> None:
    found = rows(
        fleet, "SELECT alert_id, model_version, verdict, failed_at IS NOT NULL FROM field_labels ORDER BY 1"
    )
    assert found == [("a1", "v1", "CONFIRMED", True), ("b0", None, None, False)]


def test_gateways_tell_their_health(fleet: psycopg.Connection) -> None:
    assert rows(fleet, "SELECT status, backlog, silent, gaps_30d FROM gateway_health") == [
        ("online", 3, False, 1)
    ]


def test_every_view_says_what_it_means(fleet: psycopg.Connection) -> None:
    ours = "relkind = 'v' AND relnamespace = 'public'::regnamespace"
    told = dict(rows(fleet, f"SELECT relname, obj_description(oid) FROM pg_class WHERE {ours}"))
    assert set(told) == set(VIEWS)
    assert all(told.values())
    assert all(f"CREATE VIEW {view} " in (DIRECTORY / "002_views.sql").read_text() for view in VIEWS)


QUERIES = [
    (panel["title"], target["rawSql"])
    for panel in json.loads(GRAFANA.read_text())["panels"]
    for target in panel["targets"]
]


@pytest.mark.parametrize(("title", "query"), QUERIES, ids=[title for title, _ in QUERIES])
def test_every_query_of_the_dashboard_runs_and_finds_something(
    fleet: psycopg.Connection, title: str, query: str
) -> None:
    assert rows(fleet, query.replace("${tenant}", "t-1")), title
