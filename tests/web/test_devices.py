"""A charger is retired or replaced over REST: by an admin alone."""

from __future__ import annotations

import pytest
from httpx import Client

from edge_agent.errors import Busy
from tests.web.desk import FakeDesk

ASKED = {"by": "AB", "note": "sold"}
EITHER = pytest.mark.parametrize(("verb", "change"), [("retire", "RETIRED"), ("replace", "REPLACED")])


@EITHER
def test_an_admin_is_told_what_became_of_it(admin: Client, verb: str, change: str) -> None:
    told = admin.post(f"/api/v1/chargers/A%2FB/{verb}", json=ASKED).raise_for_status().json()
    assert told["charger_id"] == "A%2FB"
    assert (told["change"], told["connector_ids"], told["note"]) == (change, [0, 1], "sold")


@EITHER
def test_a_technician_may_not(technician: Client, desk: FakeDesk, verb: str, change: str) -> None:
    answer = technician.post(f"/api/v1/chargers/CHG_001/{verb}", json=ASKED)
    assert answer.status_code == 403
    assert desk.orders == [], change


@EITHER
def test_one_that_nobody_knows_is_told_with_where_to_look(admin: Client, verb: str, change: str) -> None:
    answer = admin.post(f"/api/v1/chargers/NONE/{verb}", json=ASKED)
    assert answer.status_code == 404, change
    assert "GET /api/v1/chargers" in answer.json()["detail"]


def test_who_says_so_must_be_told(admin: Client) -> None:
    assert admin.post("/api/v1/chargers/CHG_001/retire", json={}).status_code == 422


def test_a_busy_pipeline_is_a_reason_to_try_again(admin: Client, desk: FakeDesk) -> None:
    desk.trouble = Busy("busy")
    answer = admin.post("/api/v1/chargers/CHG_001/retire", json=ASKED)
    assert answer.status_code == 503
    assert answer.headers["retry-after"]
