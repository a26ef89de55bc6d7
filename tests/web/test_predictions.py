"""The endpoints that work: what is asked reaches the desk, and its answer goes out."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from httpx import Client
from prometheus_client import CollectorRegistry, Gauge

from edge_agent.wire.rest import HealthStatus
from tests.web.desk import FakeDesk

Json = dict[str, Any]

METRICS: Json = {"connector_status": "CHARGING", "power": 7.0, "temperature": 55.0}
ONE: Json = {"charger_id": "CHG_001", "metrics": METRICS}


def test_a_failure_is_predicted_from_the_metrics_in_the_request(viewer: Client) -> None:
    answer = viewer.post("/api/v1/predictions/failure", json=ONE)
    assert answer.status_code == 200
    assert answer.json()["charger_id"] == "CHG_001"
    assert answer.json()["failure_probability"] == 0.07
    assert answer.json()["timestamp"] == "2026-03-04T12:00:00Z"


@pytest.mark.parametrize("path", ["/api/v1/predictions/anomaly", "/api/v1/anomaly/detect"])
def test_an_anomaly_is_told_under_the_old_name_and_the_new(viewer: Client, path: str) -> None:
    question = {"charger_id": "CHG_001", **METRICS} if path.endswith("detect") else ONE
    answer = viewer.post(path, json=question)
    assert (answer.status_code, answer.json()["anomaly_score"]) == (200, 55.0)


@pytest.mark.parametrize("path", ["/api/v1/predictions/maintenance", "/api/v1/maintenance/recommend"])
def test_maintenance_is_recommended_under_the_old_name_and_the_new(viewer: Client, path: str) -> None:
    answer = viewer.post(path, json=ONE)
    assert (answer.status_code, answer.json()["urgency"]) == (200, "HIGH")


def test_a_batch_is_answered_in_its_order(viewer: Client) -> None:
    chargers = [
        {"charger_id": f"C{power}", "connector_status": "CHARGING", "power": power} for power in (9, 1, 5)
    ]
    answer = viewer.post("/api/v1/predictions/batch", json={"chargers": chargers}).json()
    assert [prediction["failure_probability"] for prediction in answer["predictions"]] == [0.09, 0.01, 0.05]
    assert answer["total"] == 3
    assert answer["timestamp"] == "2026-03-04T12:00:00Z"


def test_the_tenant_is_echoed(viewer: Client) -> None:
    answer = viewer.post("/api/v1/predictions/failure", json=ONE, headers={"X-Tenant-ID": "tenant-7"})
    assert answer.json()["tenant_id"] == "tenant-7"


def test_fields_that_nobody_knows_are_no_error(viewer: Client) -> None:
    question = {**ONE, "metrics": {**METRICS, "colour": "green"}}
    assert viewer.post("/api/v1/predictions/failure", json=question).status_code == 200


def test_the_media_type_of_a_body_may_have_parameters(viewer: Client) -> None:
    headers = {"Content-Type": "Application/JSON; charset=utf-8"}
    body = '{"charger_id": "A", "metrics": {"connector_status": "CHARGING"}}'
    assert viewer.post("/api/v1/predictions/failure", content=body, headers=headers).status_code == 200


def test_the_latest_answer_of_a_charger_comes_with_its_connectors(viewer: Client) -> None:
    answer = viewer.get("/api/v1/predictions/CHG_001").json()
    assert (answer["failure_probability"], len(answer["connectors"])) == (0.25, 1)


@pytest.mark.parametrize("path", ["A%2FB", "A%252FB"])
def test_a_charger_with_odd_characters_is_found_by_its_name_or_by_its_id(viewer: Client, path: str) -> None:
    assert viewer.get(f"/api/v1/predictions/{path}").json()["charger_id"] == "A%2FB"


def test_the_models_are_listed(viewer: Client) -> None:
    answer = viewer.get("/api/v1/models").json()
    assert answer["total"] == 1
    assert answer["models"][0]["status"] == "LOADED"


@pytest.mark.parametrize(
    ("query", "name"), [("?model_name=failure_predictor", "failure_predictor"), ("", "all")]
)
def test_an_admin_reloads_one_model_or_all(admin: Client, query: str, name: str) -> None:
    answer = admin.post(f"/api/v1/models/reload{query}")
    assert (answer.status_code, answer.json()["model_name"]) == (200, name)


@pytest.mark.parametrize(("path", "count"), [("chargers", 4), ("alerts", 2), ("maintenance", 1)])
def test_the_pages_lists_are_there(viewer: Client, path: str, count: int) -> None:
    answer = viewer.get(f"/api/v1/{path}").json()
    assert (len(answer["items"]), answer["next"]) == (count, None)


def test_a_technician_acknowledges_an_alert(technician: Client) -> None:
    answer = technician.post("/api/v1/alerts/a-1/ack", json={"by": "AB", "note": "on my way"})
    assert answer.status_code == 200
    assert answer.json()["state"] == "ACKNOWLEDGED"
    assert answer.json()["acknowledged_by"] == "AB"


def test_a_technician_silences_an_alert(technician: Client) -> None:
    asked = {"by": "AB", "until": "2026-03-09T08:00:00Z"}
    answer = technician.post("/api/v1/alerts/a-1/silence", json=asked).json()
    assert (answer["state"], answer["silenced_until"]) == ("OPEN", asked["until"])


@pytest.mark.parametrize(
    ("decision", "state"),
    [
        ({"decision": "ACCEPT"}, "ACCEPTED"),
        ({"decision": "MOVE", "at": "2026-03-09T08:00:00Z"}, "SCHEDULED"),
        ({"decision": "REJECT", "reason": "the charger is new"}, "REJECTED"),
    ],
)
def test_a_technician_decides_of_a_suggestion(technician: Client, decision: Json, state: str) -> None:
    (suggestion,) = technician.get("/api/v1/maintenance").json()["items"]
    path = f"/api/v1/maintenance/{suggestion['suggestion_id']}"
    answer = technician.post(path, json={**decision, "by": "AB"})
    assert (answer.status_code, answer.json()["state"]) == (200, state)


@pytest.mark.parametrize("half", [{"decision": "MOVE"}, {"decision": "REJECT"}, {"decision": "BURN"}, {}])
def test_a_decision_that_is_half_there_is_refused(technician: Client, half: Json) -> None:
    assert technician.post("/api/v1/maintenance/x", json={**half, "by": "AB"}).status_code == 422


def test_orders_come_with_the_id_of_their_key(technician: Client, desk: FakeDesk) -> None:
    technician.post("/api/v1/alerts/a-1/ack", json={"by": "AB"})
    (who,) = desk.orders
    assert len(who) == 8


@pytest.mark.parametrize(("path", "body"), [("alerts/a-1/ack", {"by": "AB"}), ("models/reload", None)])
def test_orders_that_wait_do_not_hold_up_the_event_loop(
    admin: Client, desk: FakeDesk, path: str, body: Json | None
) -> None:
    assert admin.post(f"/api/v1/{path}", json=body).status_code == 200
    assert desk.waited_in not in {None, threading.get_ident()}


@pytest.mark.parametrize(
    ("status", "code"),
    [(HealthStatus.HEALTHY, 200), (HealthStatus.DEGRADED, 200), (HealthStatus.UNHEALTHY, 503)],
)
def test_health_needs_no_key_and_tells_by_its_status(
    stranger: Client, desk: FakeDesk, status: HealthStatus, code: int
) -> None:
    desk.status = status
    answer = stranger.get("/api/v1/health")
    assert (answer.status_code, answer.json()["status"]) == (code, status)
    assert answer.json()["checks"]["models"] == {"status": "loaded", "count": 3}


def test_liveness_needs_neither_key_nor_desk(stranger: Client, desk: FakeDesk) -> None:
    desk.trouble = RuntimeError()
    assert stranger.get("/health").json() == {
        "status": "healthy",
        "service": "evzone-edge-agent",
        "version": "0.1.0",
    }


def test_prometheus_gets_its_figures_with_a_bearer_token(
    viewer: Client, stranger: Client, registry: CollectorRegistry
) -> None:
    Gauge("chargers", "Chargers heard of.", registry=registry).set(3)
    key = viewer.headers["X-API-Key"]
    answer = stranger.get("/metrics", headers={"Authorization": f"Bearer {key}"})
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert "chargers 3.0" in answer.text
    assert viewer.get("/metrics").status_code == 200
    assert stranger.get("/metrics").status_code == 401
