"""The requests that are not served: each with a problem document that says why, and none of our insides."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from httpx import Client, Response
from starlette.applications import Starlette
from starlette.types import Message

from edge_agent.adapters.web.gate import FAILURES_AT_ONCE
from edge_agent.adapters.web.keys import KeyRing, Role
from edge_agent.errors import Busy, EdgeAgentError, ModelError, StoreError
from tests.web.conftest import Clock, client_of
from tests.web.desk import FakeDesk

FAILURE = "/api/v1/predictions/failure"
Json = dict[str, Any]

ONE: Json = {"charger_id": "CHG_001", "metrics": {"connector_status": "CHARGING"}}
JSON = {"Content-Type": "application/json"}


def problem(answer: Response, status: int) -> str:
    """Check the document's form and return its sentence."""
    detail = _detail(answer, status)
    assert isinstance(detail, str)
    return detail


def faults_of(answer: Response) -> list[Json]:
    """Check the document's form and return the faults that it lists."""
    detail = _detail(answer, 422)
    assert isinstance(detail, list)
    return detail


def _detail(answer: Response, status: int) -> object:
    document: Json = answer.json()
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'self'")
    assert answer.headers["Cache-Control"] == "no-store"
    assert document["status"] == status
    assert document["title"]
    return document["detail"]


def post(client: Client, body: str | bytes) -> Response:
    return client.post(FAILURE, content=body, headers=JSON)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/v1/predictions/failure"),
        ("POST", "/api/v1/predictions/anomaly"),
        ("POST", "/api/v1/predictions/maintenance"),
        ("POST", "/api/v1/predictions/batch"),
        ("GET", "/api/v1/predictions/CHG_001"),
        ("GET", "/api/v1/models"),
        ("POST", "/api/v1/models/reload"),
        ("POST", "/api/v1/anomaly/detect"),
        ("POST", "/api/v1/maintenance/recommend"),
        ("GET", "/api/v1/chargers"),
        ("GET", "/api/v1/alerts"),
        ("GET", "/api/v1/maintenance"),
        ("POST", "/api/v1/alerts/a-1/ack"),
        ("POST", "/api/v1/chargers/CHG_001/maintenance"),
        ("GET", "/api/v1/reports/uptime"),
        ("GET", "/metrics"),
    ],
)
def test_without_a_key_nothing_is_told(stranger: Client, method: str, path: str) -> None:
    answer = stranger.request(method, path)
    assert "X-API-Key" in problem(answer, 401)
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("header", [{"X-API-Key": "evz_wrong"}, {"Authorization": "Basic evz_wrong"}])
def test_a_wrong_key_is_as_good_as_none(stranger: Client, header: dict[str, str]) -> None:
    problem(stranger.get("/api/v1/models", headers=header), 401)


def test_a_revoked_key_is_dead_at_once(app: Starlette, ring: KeyRing) -> None:
    key_id, key = ring.add(Role.VIEWER)
    client = client_of(app, ring, Role.VIEWER)
    client.headers["X-API-Key"] = key
    assert client.get("/api/v1/models").status_code == 200
    KeyRing(ring._path).revoke(key_id)  # as the command does, in a process of its own
    problem(client.get("/api/v1/models"), 401)


def test_a_viewer_does_not_acknowledge_and_a_technician_does_not_reload(
    viewer: Client, technician: Client
) -> None:
    assert "technician" in problem(viewer.post("/api/v1/alerts/a-1/ack", json={"by": "AB"}), 403)
    assert "admin" in problem(technician.post("/api/v1/models/reload"), 403)


def test_an_unknown_path_points_to_the_documentation(viewer: Client) -> None:
    assert "/docs" in problem(viewer.get("/api/v2/models"), 404)
    problem(viewer.get("/health/"), 404)


def test_an_unknown_charger_is_told_what_to_do(viewer: Client) -> None:
    assert FAILURE in problem(viewer.get("/api/v1/predictions/CHG_999"), 404)


def test_an_alert_that_is_not_open_cannot_be_acknowledged(technician: Client) -> None:
    problem(technician.post("/api/v1/alerts/gone/ack", json={"by": "AB"}), 404)


def test_a_wrong_method_is_told_the_right_ones(viewer: Client) -> None:
    answer = viewer.post("/api/v1/models")
    problem(answer, 405)
    assert answer.headers["Allow"] == "GET, HEAD"


def test_a_refused_model_file_is_a_conflict(admin: Client, desk: FakeDesk) -> None:
    desk.trouble = ModelError("failure_predictor.onnx: its digest is not the manifest's")
    assert "digest" in problem(admin.post("/api/v1/models/reload"), 409)


@pytest.mark.parametrize("size", [1024 * 1024 + 1, 3 * 1024 * 1024])
def test_a_body_over_one_mebibyte_is_refused(viewer: Client, size: int) -> None:
    answer = post(viewer, b" " * size)
    assert "1048576" in problem(answer, 413)
    assert answer.headers["Connection"] == "close"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/jsonp"},
        {**JSON, "Content-Encoding": "gzip"},
    ],
)
def test_what_is_not_plain_json_is_refused(viewer: Client, headers: dict[str, str]) -> None:
    problem(viewer.post(FAILURE, content=b"{}", headers=headers), 415)


def test_a_client_that_hangs_up_in_the_middle_gets_nothing_and_breaks_nothing(
    app: Starlette, ring: KeyRing
) -> None:
    key = ring.add(Role.VIEWER).key.encode()
    headers = [(b"x-api-key", key), (b"content-type", b"application/json")]
    scope = {"type": "http", "method": "POST", "path": FAILURE, "headers": headers, "client": None}
    messages: Iterator[Message] = iter(
        [{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}]
    )
    sent: list[Message] = []

    async def receive() -> Message:
        return next(messages)

    async def send(message: Message) -> None:
        sent.append(message)

    asyncio.run(app(scope, receive, send))
    assert sent == []


def test_a_fault_is_told_with_its_place(viewer: Client) -> None:
    question = {"charger_id": "CHG_001", "metrics": {"connector_status": "ON_FIRE", "power": -1}}
    faults = faults_of(viewer.post(FAILURE, json=question))
    assert [fault["loc"] for fault in faults] == [
        ["body", "metrics", "connector_status"],
        ["body", "metrics", "power"],
    ]
    assert {"loc", "msg", "type"} == set(faults[0])


def test_broken_json_is_told_with_its_offset(viewer: Client) -> None:
    (fault,) = faults_of(post(viewer, '{"charger_id": "A",\n "metrics": }'))
    assert fault["type"] == "json_invalid"
    assert fault["loc"] == ["body", 32]


@pytest.mark.parametrize("body", ["", "\xff", "[" * 100_000, '{"a":' * 5000 + "1" + "}" * 5000, "9" * 10_000])
def test_no_body_is_strange_enough_to_break_the_parser(viewer: Client, body: str) -> None:
    faults_of(post(viewer, body.encode("latin-1")))


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_numbers_that_are_none_are_refused(viewer: Client, number: str) -> None:
    body = f'{{"charger_id": "A", "metrics": {{"connector_status": "CHARGING", "power": {number}}}}}'
    (fault,) = faults_of(post(viewer, body))
    assert fault["loc"] == ["body", "metrics", "power"]


def test_they_are_refused_in_metadata_too(viewer: Client) -> None:
    body = '{"charger_id": "A", "metrics": {"connector_status": "CHARGING", "metadata": {"a": [NaN]}}}'
    (fault,) = faults_of(post(viewer, body))
    assert fault["loc"] == ["body", "metrics", "metadata"]


def test_metrics_of_another_charger_are_refused(viewer: Client) -> None:
    question = {"charger_id": "A", "metrics": {"connector_status": "CHARGING", "charger_id": "B"}}
    faults_of(viewer.post(FAILURE, json=question))


@pytest.mark.parametrize("count", [0, 1001])
def test_a_batch_has_one_to_a_thousand_chargers(viewer: Client, count: int) -> None:
    chargers = [{"charger_id": "A", "connector_status": "CHARGING"}] * count
    (fault,) = faults_of(viewer.post("/api/v1/predictions/batch", json={"chargers": chargers}))
    assert fault["loc"] == ["body", "chargers"]


def test_a_batch_full_of_faults_is_not_answered_at_length(viewer: Client) -> None:
    answer = viewer.post("/api/v1/predictions/batch", json={"chargers": [{}] * 1000})
    assert len(faults_of(answer)) == 100


def test_a_model_that_does_not_exist_cannot_be_reloaded(admin: Client) -> None:
    (fault,) = faults_of(admin.post("/api/v1/models/reload?model_name=../secret"))
    assert fault["loc"] == ["query", "model_name"]
    faults_of(admin.post("/api/v1/models/reload?" + "a=1&" * 200))


@pytest.mark.parametrize("tenant", ["", "a b", "x" * 129, "ü".encode()])
def test_a_tenant_that_is_no_name_is_refused(viewer: Client, tenant: str | bytes) -> None:
    value = tenant if isinstance(tenant, bytes) else tenant.encode()
    (fault,) = faults_of(viewer.get("/api/v1/models", headers={b"X-Tenant-ID": value}))
    assert fault["loc"] == ["header", "X-Tenant-ID"]


def test_a_key_that_asks_too_often_waits_and_others_do_not(
    app: Starlette, ring: KeyRing, clock: Clock
) -> None:
    first, second = client_of(app, ring, Role.VIEWER), client_of(app, ring, Role.VIEWER)
    statuses = [first.get("/api/v1/models").status_code for _ in range(21)]
    assert statuses == [200] * 20 + [429]
    answer = first.get("/api/v1/models")
    problem(answer, 429)
    assert answer.headers["Retry-After"] == "1"
    assert second.get("/api/v1/models").status_code == 200
    clock.now += 0.1
    assert first.get("/api/v1/models").status_code == 200


def test_wrong_keys_are_soon_told_to_wait_but_lock_nobody_out(stranger: Client, viewer: Client) -> None:
    wrong = {"X-API-Key": "guess"}
    for _ in range(FAILURES_AT_ONCE):
        problem(stranger.get("/api/v1/models", headers=wrong), 401)
    answer = stranger.get("/api/v1/models", headers=wrong)
    problem(answer, 429)
    assert answer.headers["Retry-After"] == "10"
    assert viewer.get("/api/v1/models").status_code == 200


@pytest.mark.parametrize("trouble", [Busy("no answer"), StoreError("disk full at /var/lib")])
def test_a_busy_agent_asks_for_patience(technician: Client, desk: FakeDesk, trouble: EdgeAgentError) -> None:
    desk.trouble = trouble
    for answer in (
        technician.post(FAILURE, json=ONE),
        technician.post("/api/v1/alerts/a-1/ack", json={"by": "AB"}),
    ):
        assert "/var/lib" not in problem(answer, 503)
        assert int(answer.headers["Retry-After"]) > 0


def test_a_fault_of_ours_tells_nothing_of_our_insides(viewer: Client, desk: FakeDesk) -> None:
    desk.trouble = RuntimeError("SELECT secret FROM /var/lib/agent.db")
    answer = viewer.post(FAILURE, json=ONE)
    problem(answer, 500)
    for inside in ("SELECT", "/var", "Traceback", "RuntimeError", ".py"):
        assert inside not in answer.text


def test_no_key_is_ever_logged(
    app: Starlette, ring: KeyRing, desk: FakeDesk, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    client = client_of(app, ring, Role.VIEWER)
    key = client.headers["X-API-Key"]
    client.post(FAILURE, json=ONE)
    client.get("/metrics", headers={"Authorization": f"Bearer {key}"})
    client.get("/api/v1/models", headers={"X-API-Key": f"{key}x"})
    client.post(FAILURE, content=b"{", headers=JSON)
    desk.trouble = RuntimeError()
    client.post(FAILURE, json=ONE)
    assert key not in caplog.text
    assert key not in ring._path.read_text()
