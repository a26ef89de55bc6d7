"""The LAN interface of the really running agent: each endpoint, and what it makes of wrong input."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from edge_agent import __version__
from tests.rig.agent import Agent
from tests.rig.broker import PREFIX
from tests.rig.clients import Publisher, Subscriber
from tests.rig.site import HEALTHY
from tests.rig.waiting import HOST
from tests.system.conftest import CHARGERS, NewSubscriber

KNOWN, HOT = CHARGERS[:2]
METRICS = {
    "connector_status": "CHARGING",
    "energy_delivered": 45.5,
    "power": 7.2,
    "temperature": 35.0,
    "error_codes": [],
    "uptime_hours": 1500,
    "total_sessions": 300,
    "last_maintenance": "2026-01-06T10:00:00Z",
}
TIMELESS = {name: value for name, value in METRICS.items() if name != "last_maintenance"}
"""Asked twice, these give the same answer: nothing in them ages."""
ONE = {"charger_id": "CHG_900", "metrics": METRICS}
FLAT = {"charger_id": "CHG_900", **METRICS}
FAILURE_FIELDS = {
    *("charger_id", "connector_id", "tenant_id", "failure_probability", "failure_probability_by_horizon"),
    *("predicted_failure_date", "predicted_failure_window", "confidence", "confidence_score"),
    *("recommended_action", "recommended_action_window", "recommended_actions", "top_contributing_factors"),
    *("contributions", "action_required", "calibrated", "origin", "engine", "model_version", "timestamp"),
    *("history", "likely_failure_mode", "failed_since"),
}
ANOMALY_FIELDS = {
    *("charger_id", "connector_id", "tenant_id", "is_anomaly", "anomaly_score", "anomaly_type", "deviation"),
    *("engine", "model_version", "timestamp"),
}
MAINTENANCE_FIELDS = {
    *("charger_id", "tenant_id", "recommended_date", "recommended_maintenance_datetime", "urgency"),
    *("urgency_level", "estimated_downtime_hours", "cost_benefit", "rationale", "action_required"),
    *("suggestion_id", "connector_ids", "likely_failure_mode", "resolution", "parts", "visit_id", "deadline"),
    *("state", "model_version", "timestamp"),
}


@pytest.fixture
def viewer(agent: Agent) -> Iterator[httpx.Client]:
    with agent.client("viewer") as client:
        yield client


@pytest.fixture
def admin(agent: Agent) -> Iterator[httpx.Client]:
    with agent.client("admin") as client:
        yield client


@pytest.fixture
def stranger(agent: Agent) -> Iterator[httpx.Client]:
    with agent.client(None) as client:
        yield client


# Each endpoint


def test_the_front_page_is_a_page_for_a_browser_and_json_for_a_program(stranger: httpx.Client) -> None:
    page = stranger.get("/", headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
    assert page.headers["content-type"].startswith("text/html")
    assert "<script" in page.text
    told = stranger.get("/", headers={"Accept": "application/json"}).json()
    assert (told["service"], told["version"]) == ("evzone-edge-agent", __version__)


def test_the_documentation_loads_nothing_from_elsewhere(stranger: httpx.Client) -> None:
    page = stranger.get("/docs")
    assert page.status_code == 200
    assert "http://" not in page.text
    assert "https://" not in page.text
    document = stranger.get("/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    assert {
        *("/", "/health", "/api/v1/health", "/api/v1/predictions/failure", "/api/v1/predictions/anomaly"),
        *("/api/v1/predictions/maintenance", "/api/v1/predictions/batch", "/api/v1/models", "/metrics"),
        *("/api/v1/models/reload", "/api/v1/anomaly/detect", "/api/v1/maintenance/recommend"),
    } <= set(document["paths"])
    assert any(path.startswith("/api/v1/predictions/{charger_id") for path in document["paths"])


def test_both_healths_answer_without_a_key(stranger: httpx.Client) -> None:
    short = stranger.get("/health").json()
    assert short == {"status": "healthy", "service": "evzone-edge-agent", "version": __version__}
    long = stranger.get("/api/v1/health").json()
    assert long["status"] == "healthy"
    assert {"cache", "models", "broker", "store", "disk", "clock", "uplink", "ingest"} <= set(long["checks"])
    assert set(long["checks"]["cache"]) == {"status", "hits", "misses", "hit_rate"}
    assert long["checks"]["models"] == {"status": "loaded", "count": 3}


@pytest.mark.parametrize(
    ("path", "question", "fields"),
    [
        ("/api/v1/predictions/failure", ONE, FAILURE_FIELDS),
        ("/api/v1/predictions/anomaly", ONE, ANOMALY_FIELDS),
        ("/api/v1/predictions/maintenance", ONE, MAINTENANCE_FIELDS),
        ("/api/v1/anomaly/detect", FLAT, ANOMALY_FIELDS),
        ("/api/v1/maintenance/recommend", ONE, MAINTENANCE_FIELDS),
    ],
)
def test_each_question_is_answered_with_every_field_of_the_contract(
    viewer: httpx.Client, path: str, question: dict[str, Any], fields: set[str]
) -> None:
    answer = viewer.post(path, json=question, headers={"X-Tenant-ID": "tenant-7"})
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert set(told) == fields
    assert (told["charger_id"], told["tenant_id"]) == ("CHG_900", "tenant-7")
    assert told["timestamp"].endswith("Z")


def test_the_models_answer_and_not_the_rules(viewer: httpx.Client) -> None:
    failure = viewer.post("/api/v1/predictions/failure", json=ONE).json()
    assert (failure["engine"], failure["calibrated"], failure["origin"]) == ("onnx", True, "request")
    assert viewer.post("/api/v1/predictions/anomaly", json=ONE).json()["engine"] == "onnx"
    models = viewer.get("/api/v1/models").json()
    assert models["total"] == 3
    assert [(model["name"], model["status"]) for model in models["models"]] == [
        ("failure_predictor", "LOADED"),
        ("anomaly_detector", "LOADED"),
        ("maintenance_optimizer", "LOADED"),
    ]


def test_an_admin_reloads_one_model_or_all_of_them(admin: httpx.Client) -> None:
    for query in ("", "?model_name=failure_predictor", "?model_name=maintenance_optimizer"):
        answer = admin.post(f"/api/v1/models/reload{query}")
        assert answer.status_code == 200, answer.text
        assert set(answer.json()) == {"success", "model_name", "version", "message", "timestamp"}
        assert answer.json()["success"] is True


def test_the_latest_answer_is_telemetrys_or_else_the_last_requests_or_none(
    viewer: httpx.Client, publisher: Publisher, new_subscriber: NewSubscriber
) -> None:
    states = new_subscriber("state/#").ready()
    nothing = viewer.get("/api/v1/predictions/CHG_900")
    assert nothing.status_code == 404
    assert "POST" in nothing.json()["detail"]

    asked = viewer.post("/api/v1/predictions/failure", json=ONE).json()
    remembered = viewer.get("/api/v1/predictions/CHG_900").json()
    assert remembered["origin"] == "request"
    assert remembered["failure_probability"] == asked["failure_probability"]

    publisher.publish(KNOWN, {**HEALTHY, "connector_id": 1})
    states.wait_for("its state", lambda heard: heard.topic == f"{PREFIX}/state/{KNOWN}/1")
    viewer.post("/api/v1/predictions/failure", json={"charger_id": KNOWN, "metrics": METRICS})
    latest = viewer.get(f"/api/v1/predictions/{KNOWN}").json()
    assert latest["origin"] == "telemetry"
    assert [each["connector_id"] for each in latest["connectors"]] == [1]


def test_the_figures_are_prometheus_and_count_messages(
    viewer: httpx.Client, publisher: Publisher, subscriber: Subscriber
) -> None:
    publisher.publish(HOT, {**HEALTHY, "temperature": 70.0})
    subscriber.wait_for_alert(HOT, "OVER_TEMPERATURE", "OPEN")
    answer = viewer.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    lines = [line for line in answer.text.splitlines() if "messages" in line and not line.startswith("#")]
    assert any(float(line.split()[-1]) == 1 for line in lines), answer.text


# Wrong input


def two_mebibytes() -> bytes:
    return json.dumps({**ONE, "padding": "x" * 2 * 2**20}).encode()


def in_chunks() -> Iterator[bytes]:
    for _ in range(32):
        yield b" " * 2**16


def without(name: str) -> dict[str, Any]:
    return {**ONE, "metrics": {key: value for key, value in METRICS.items() if key != name}}


def having(**changed: object) -> bytes:
    return json.dumps({**ONE, "metrics": {**METRICS, **changed}}).encode()


JSON = {"Content-Type": "application/json"}
WRONG: dict[str, tuple[int, str, str, dict[str, Any]]] = {
    "bad JSON": (422, "POST", "failure", {"content": b'{"charger_id": ', "headers": JSON}),
    "no body": (422, "POST", "failure", {"content": b"", "headers": JSON}),
    "an array": (422, "POST", "failure", {"content": b"[]", "headers": JSON}),
    "deep nesting": (422, "POST", "failure", {"content": b"[" * 100_000, "headers": JSON}),
    "no UTF-8": (422, "POST", "failure", {"content": b'{"charger_id": "\xff"}', "headers": JSON}),
    "NaN": (422, "POST", "failure", {"content": having(power=float("nan")), "headers": JSON}),
    "infinity": (422, "POST", "anomaly", {"content": having(power=float("inf")), "headers": JSON}),
    "an unknown status": (
        422,
        "POST",
        "failure",
        {"content": having(connector_status="MELTED"), "headers": JSON},
    ),
    "no status": (422, "POST", "failure", {"json": without("connector_status")}),
    "negative power": (422, "POST", "failure", {"content": having(power=-1), "headers": JSON}),
    "33 codes": (422, "POST", "failure", {"content": having(error_codes=["x"] * 33), "headers": JSON}),
    "two chargers": (422, "POST", "failure", {"content": having(charger_id="CHG_901"), "headers": JSON}),
    "1,001 chargers": (422, "POST", "batch", {"json": {"chargers": [FLAT] * 1001}}),
    "no chargers": (422, "POST", "batch", {"json": {"chargers": []}}),
    "a strange tenant": (422, "POST", "failure", {"json": ONE, "headers": {"X-Tenant-ID": "a b"}}),
    "2 MiB": (413, "POST", "failure", {"content": two_mebibytes(), "headers": JSON}),
    "2 MiB in chunks": (413, "POST", "failure", {"content": in_chunks, "headers": JSON}),
    "a form": (
        415,
        "POST",
        "failure",
        {"content": b"a=b", "headers": {"Content-Type": "application/x-www-form-urlencoded"}},
    ),
    "no content type": (415, "POST", "failure", {"content": json.dumps(ONE).encode()}),
    "compressed": (
        415,
        "POST",
        "failure",
        {"content": b"\x1f\x8b", "headers": {**JSON, "Content-Encoding": "gzip"}},
    ),
    "a wrong key": (401, "POST", "failure", {"json": ONE, "headers": {"X-API-Key": "evz_wrong"}}),
    "an empty key": (401, "GET", "CHG_900", {"headers": {"X-API-Key": ""}}),
    "a viewer's key for an admin's work": (403, "POST", "../models/reload", {}),
    "an unknown model": (422, "POST", "../models/reload?model_name=oracle", {"role": "admin"}),
    "an unknown charger": (404, "GET", "NOBODY", {}),
    "an unknown path": (404, "GET", "../nothing", {}),
    "another method": (405, "DELETE", "failure", {}),
}


@pytest.mark.parametrize(("status", "method", "path", "request_of"), WRONG.values(), ids=WRONG)
def test_wrong_input_gets_a_clear_problem_and_leaves_the_process_untouched(
    shared_agent: Agent, status: int, method: str, path: str, request_of: dict[str, Any]
) -> None:
    before = shared_agent.pid
    asked = dict(request_of)
    content = asked.get("content")
    if callable(content):
        asked["content"] = content()
    with shared_agent.client(asked.pop("role", "viewer")) as client:
        answer = client.request(method, f"/api/v1/predictions/{path}", **asked)
        assert answer.status_code == status, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        problem = answer.json()
        assert problem["status"] == status
        assert problem["detail"]
        assert "Traceback" not in answer.text
        assert str(shared_agent.folder) not in answer.text
        assert "edge_agent/" not in answer.text
        assert client.post("/api/v1/predictions/failure", json=ONE).status_code == 200
    assert shared_agent.running
    assert shared_agent.pid == before
    assert shared_agent.health()["status"] == "healthy"


def test_no_endpoint_but_page_docs_and_health_answers_without_a_key(stranger: httpx.Client) -> None:
    document = stranger.get("/openapi.json").json()
    open_to_all = {"/", "/health", "/api/v1/health"}
    asked = [(path, method) for path, methods in document["paths"].items() for method in methods]
    closed = {}
    for path, method in asked:
        if path not in open_to_all:
            wrong = {"key": "evz_of-nobody"} if method == "post" else None  # signing in takes one
            answer = stranger.request(method, path.replace("{", "").replace("}", ""), json=wrong)
            closed[path, method] = answer.status_code
    assert len(closed) > 10
    # After ten wrong tries from one address they are told to wait.
    assert set(closed.values()) <= {401, 429}


def test_a_head_without_end_and_bytes_that_are_no_request_are_refused(shared_agent: Agent) -> None:
    import socket  # noqa: PLC0415

    for said in (
        b"GET / HTTP/1.1\r\n" + b"X-Long: " + b"a" * 100_000,
        b"\x16\x03\x01\x02\x00 no request\r\n\r\n",
    ):
        with socket.create_connection((HOST, shared_agent.port), timeout=60) as connection:
            try:
                connection.sendall(said)
                answer = connection.recv(65_536)
            except ConnectionError:
                answer = b""
        assert not answer or answer.split()[1] in {b"400", b"431"}
    assert shared_agent.health()["status"] == "healthy"


# What the answers are made of


def flat(number: int) -> dict[str, Any]:
    """Return metrics that no other number has."""
    code = ["GroundFailure"] if number % 3 == 0 else []
    told = {
        "temperature": 20.0 + number / 10,
        "error_codes": code,
        "power": number / 10,
        "uptime_hours": number,
    }
    return {"charger_id": f"CHG_{number}", **TIMELESS, **told, "error_codes": code}


def test_a_batch_computes_each_charger_in_order(viewer: httpx.Client) -> None:
    asked = [flat(number) for number in range(1, 301)]
    batch = viewer.post("/api/v1/predictions/batch", json={"chargers": asked}).json()
    assert batch["total"] == 300
    assert [each["charger_id"] for each in batch["predictions"]] == [each["charger_id"] for each in asked]
    for metrics, answer in list(zip(asked, batch["predictions"], strict=True))[::30]:
        alone = viewer.post(
            "/api/v1/predictions/failure", json={"charger_id": metrics["charger_id"], "metrics": metrics}
        ).json()
        assert {**alone, "timestamp": None} == {**answer, "timestamp": None}
    assert len({each["failure_probability"] for each in batch["predictions"]}) > 10


def test_two_questions_about_one_charger_at_once_never_get_each_others_answer(viewer: httpx.Client) -> None:
    kinds = [
        {"charger_id": KNOWN, "metrics": {**TIMELESS, "temperature": 70.0, "error_codes": ["GroundFailure"]}},
        {"charger_id": KNOWN, "metrics": {**TIMELESS, "temperature": 20.0}},
    ]
    paths = ["/api/v1/predictions/failure", "/api/v1/predictions/anomaly", "/api/v1/predictions/maintenance"]
    own = (
        "failure_probability",
        "contributions",
        "anomaly_type",
        "anomaly_score",
        "cost_benefit",
        "rationale",
    )

    def ask(number: int) -> dict[str, Any]:
        path, question = paths[number // 2 % 3], kinds[number % 2]
        answer = viewer.post(path, json=question).json()
        return {name: answer[name] for name in own if name in answer}

    alone = [ask(number) for number in range(6)]
    assert alone[0] != alone[1]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(ask, range(1200)))
    assert [answer == alone[number % 6] for number, answer in enumerate(together)] == [True] * 1200


def test_a_question_writes_nothing(
    agent: Agent, viewer: httpx.Client, publisher: Publisher, new_subscriber: NewSubscriber
) -> None:
    screen = new_subscriber("alerts/#", "state/#", "maintenance/#").ready()
    publisher.publish(HOT, {**HEALTHY, "temperature": 70.0})
    screen.wait_for("its state", lambda heard: "/state/" in heard.topic)
    before, heard = _contents(agent), screen.heard.mark()

    burning = {"charger_id": KNOWN, "metrics": {**METRICS, "temperature": 90.0, "connector_status": "FAULTY"}}
    for path in ("failure", "anomaly", "maintenance"):
        for charger_id in (KNOWN, HOT, "CHG_900"):
            question = {**burning, "charger_id": charger_id}
            assert viewer.post(f"/api/v1/predictions/{path}", json=question).status_code == 200
    chargers = [{**burning["metrics"], "charger_id": f"CHG_{number}"} for number in range(500)]  # type: ignore[dict-item]
    assert viewer.post("/api/v1/predictions/batch", json={"chargers": chargers}).status_code == 200

    # One more message goes the whole way: what the questions might have set off would have come before it.
    publisher.publish(CHARGERS[2], {**HEALTHY, "temperature": 70.0})
    screen.wait_for("the state of another", lambda told: f"/state/{CHARGERS[2]}/" in told.topic, heard)
    assert {
        told.topic.split("/")[-3 if "/alerts/" in told.topic else -2] for told in screen.heard.entries(heard)
    } == {CHARGERS[2]}
    assert len(viewer.get("/api/v1/chargers").json()["items"]) == 2
    after = _contents(agent)
    assert {table: rows[: len(before[table])] for table, rows in after.items()} == before
    assert KNOWN not in str(after)
    assert "CHG_900" not in str(after)


def _contents(agent: Agent) -> dict[str, list[tuple[Any, ...]]]:
    names = [name for (name,) in agent.rows("SELECT name FROM sqlite_schema WHERE type = 'table'")]
    kept = [name for name in names if name not in {"cursors", "snapshot", "hours", "meta"}]
    return {name: agent.rows(f"SELECT * FROM {name} ORDER BY rowid") for name in kept}
