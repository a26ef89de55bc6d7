"""What each role may: told by the route table, and held by the gate."""

from __future__ import annotations

import pytest
from httpx import Client

from edge_agent.adapters.web.endpoint import Endpoint
from edge_agent.adapters.web.endpoints import ENDPOINTS
from edge_agent.adapters.web.keys import Role
from edge_agent.adapters.web.record_endpoints import RECORD_ENDPOINTS
from tests.web.desk import FakeDesk

ORDERS = ("ack", "silence", "quiet", "maintenance", "retire", "replace", "reload", "{suggestion_id}")
CHANGING = [
    row
    for row in ENDPOINTS
    if row.method == "POST" and row.path.endswith(ORDERS) and "predictions" not in row.path
]
PLACES = {"{alert_id}": "a-1", "{charger_id:path}": "CHG_001", "{suggestion_id}": "s-1"}


def address(row: Endpoint) -> str:
    path = row.path
    for place, value in PLACES.items():
        path = path.replace(place, value)
    return path


@pytest.mark.parametrize("row", CHANGING, ids=lambda row: row.path)
def test_a_viewer_can_change_nothing(row: Endpoint, viewer: Client, desk: FakeDesk) -> None:
    answer = viewer.post(address(row), json=row.example)
    assert answer.status_code == 403
    assert "viewer" in answer.json()["detail"]
    assert desk.orders == []


@pytest.mark.parametrize("row", CHANGING, ids=lambda row: row.path)
def test_whoever_may_leaves_his_name(row: Endpoint, admin: Client, desk: FakeDesk) -> None:
    assert admin.post(address(row), json=row.example).status_code == 200
    assert len(desk.orders) == 1


def test_what_a_viewer_may_post_orders_nothing() -> None:
    asked = {row.path for row in ENDPOINTS if row.method == "POST" and row.role is Role.VIEWER}
    assert all("predictions" in path or path.endswith(("detect", "recommend")) for path in asked)
    assert len(CHANGING) == 8


@pytest.mark.parametrize("row", [*ENDPOINTS, *RECORD_ENDPOINTS], ids=lambda row: f"{row.method} {row.path}")
def test_without_a_key_there_is_nothing_but_health(row: Endpoint, stranger: Client) -> None:
    answer = stranger.request(row.method, address(row), json=row.example)
    assert answer.status_code in ((401, 429) if row.role is not None else (200,))
