"""What was, over REST: lists by page, charts, calendars, evidence, diagnostics."""

from __future__ import annotations

import io
import json
from datetime import datetime, timedelta
from zipfile import ZipFile

import pytest
from httpx import Client
from icalendar import Calendar

from tests.web.desk import HOT, MARKUP, NOW, FakeDesk, maintenance_answer
from tests.web.records import FakeRecords


def test_a_charger_is_told_with_what_became_of_it(viewer: Client) -> None:
    told = viewer.get("/api/v1/chargers/CHG_002").json()
    assert told["connectors"][0]["todo"] == {
        "do": "SITE_VISIT",
        "part": "fan",
        "why": HOT.message,
        "at": None,
    }
    assert told["sessions"][0]["failed_at"] == "ENERGISE"
    assert told["suggestion"]["suggestion_id"] == "s-1"


@pytest.mark.parametrize("path", ["/api/v1/chargers/NONE", "/api/v1/chargers/NONE/history"])
def test_a_charger_that_nobody_knows_is_404_with_what_to_do(viewer: Client, path: str) -> None:
    answer = viewer.get(path)
    assert answer.status_code == 404
    assert "GET /api/v1/chargers" in answer.json()["detail"]


def test_history_is_asked_for_by_time_and_resolution(viewer: Client, records: FakeRecords) -> None:
    times = {"from": "2026-03-01T00:00:00Z", "to": "2026-03-02T00:00:00Z"}
    told = viewer.get("/api/v1/chargers/CHG_001/history", params={**times, "fields": "power"}).json()
    assert records.asked is not None
    assert records.asked.since == datetime.fromisoformat("2026-03-01T00:00:00Z")
    assert len(told["at"]) == len(told["series"]["power"]["mean"])


@pytest.mark.parametrize("query", ["fields=colour", "resolution=0", "from=yesterday", "connector_id=-1"])
def test_a_question_about_history_that_makes_no_sense_is_422(viewer: Client, query: str) -> None:
    assert viewer.get(f"/api/v1/chargers/CHG_001/history?{query}").status_code == 422


def test_alerts_come_by_the_page_and_none_twice(viewer: Client) -> None:
    first = viewer.get("/api/v1/alerts?limit=1").json()
    second = viewer.get(f"/api/v1/alerts?limit=1&after={first['next']}").json()
    assert [each["alert_id"] for each in (*first["items"], *second["items"])] == ["a-1", "a-2"]
    assert second["next"] is None


def test_alerts_come_by_severity(viewer: Client) -> None:
    told = viewer.get("/api/v1/alerts?severity=WARNING").json()["items"]
    assert [each["alert_id"] for each in told] == ["a-2"]


def test_evidence_is_told_for_a_known_alert_alone(viewer: Client) -> None:
    assert viewer.get("/api/v1/alerts/a-1/evidence").json()["readings"][0]["temperature"] == 63.0
    assert viewer.get("/api/v1/alerts/none/evidence").status_code == 404


def test_maintenance_as_a_calendar_escapes_what_people_wrote(viewer: Client, desk: FakeDesk) -> None:
    wrote = "Look; twice, at\nBEGIN:VALARM"
    desk.suggested = maintenance_answer("CHG_002").model_copy(update={"rationale": [wrote]})
    answer = viewer.get("/api/v1/maintenance", headers={"Accept": "text/calendar"})
    calendar = Calendar.from_ical(answer.content)

    assert answer.headers["Content-Type"] == "text/calendar; charset=utf-8"
    (event,) = calendar.walk("VEVENT")
    assert str(event["SUMMARY"]) == "Car park north: bring fan, filter"
    assert str(event["DESCRIPTION"]) == wrote
    assert not calendar.walk("VALARM")
    assert event.decoded("DTSTART") == NOW + timedelta(days=2)


def test_the_bundle_holds_no_key_and_nobodys_name(admin: Client, desk: FakeDesk) -> None:
    desk.site_alerts = [HOT.model_copy(update={"acknowledged_by": "J. Doe", "note": "call 0123"})]
    file = ZipFile(io.BytesIO(admin.get("/api/v1/diagnostics/bundle").content))
    told = {name: file.read(name).decode() for name in file.namelist()}

    assert {"health.json", "chargers.json", "alerts.json", "sync.json", "quarantine.json"} <= set(told)
    assert all(json.loads(each) for each in told.values())
    assert not any(word in each for each in told.values() for word in ("J. Doe", "0123", "evz_"))


@pytest.mark.parametrize(
    ("path", "least"),
    [
        ("/api/v1/sync", "viewer"),
        ("/api/v1/diagnostics/quarantine", "technician"),
        ("/api/v1/diagnostics/audit", "admin"),
        ("/api/v1/diagnostics/bundle", "admin"),
    ],
)
def test_each_role_sees_what_is_for_it(
    viewer: Client, technician: Client, admin: Client, path: str, least: str
) -> None:
    roles = {"viewer": viewer, "technician": technician, "admin": admin}
    may = list(roles)[list(roles).index(least) :]
    assert [name for name, client in roles.items() if client.get(path).status_code == 200] == may


def test_what_could_not_be_understood_is_told_without_its_payload(technician: Client) -> None:
    (told,) = technician.get("/api/v1/diagnostics/quarantine").json()["items"]
    assert set(told) == {"at", "topic", "reason"}
    assert MARKUP in told["topic"]


def test_an_answer_that_holds_still_is_not_sent_again(viewer: Client) -> None:
    first = viewer.get("/api/v1/chargers")
    again = viewer.get("/api/v1/chargers", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["Cache-Control"] == "private, no-cache"


def test_a_charger_under_work_is_told_by_a_technician(viewer: Client, technician: Client) -> None:
    asked = {"by": "AB", "until": "2026-03-04T14:00:00Z"}
    assert viewer.post("/api/v1/chargers/CHG_001/quiet", json=asked).status_code == 403
    assert technician.post("/api/v1/chargers/CHG_001/quiet", json=asked).json()["until"] == asked["until"]
    assert technician.post("/api/v1/chargers/NONE/quiet", json=asked).status_code == 404
