"""What the LAN may ask: from memory, without a trace."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from edge_agent.adapters.sqlite import SqliteReader
from edge_agent.core.terms import Terms
from edge_agent.desk import MOST_REMEMBERED, Desk, Sources
from edge_agent.errors import ModelError, StoreError
from edge_agent.overview import Operator
from edge_agent.ports import Changes, StoreUsage
from edge_agent.wire.alert import Acknowledgement, AlertState, Silence
from edge_agent.wire.answers import MaintenanceAnswer, SuggestionState
from edge_agent.wire.metrics import Metrics
from edge_agent.wire.rest import DecisionRequest, HealthStatus
from edge_agent.wire.service import Deed
from tests.rig.fakes import START, Kerbside, a_store, as_it_came
from tests.web.desk import maintenance_answer

KEY = "0badcafe"
HOT: dict[str, Any] = {"temperature": 75.0, "error_codes": ["HighTemperature"], "uptime_hours": 9_000.0}


def desk_of(site: Kerbside) -> Desk:
    return Desk(
        Sources(site.ingest, site.inbox, site.shelf, site.clock, site.store.usage, as_it_came),
        Operator(Terms(), {"CHG_001": "Entrance"}, least_free_bytes=1),
    )


@pytest.fixture
def site() -> Kerbside:
    """Two chargers, the first with a hot and a cool EVSE."""
    kerbside = Kerbside().connect()
    kerbside.say("CHARGING", power=7.0).say("CHARGING", connector_id=2, **HOT).say(charger_id="CHG_002")
    return kerbside.until_due()


@pytest.fixture
def desk(site: Kerbside) -> Desk:
    return desk_of(site)


def asked(charger_id: str, **told: object) -> tuple[str, Metrics]:
    return charger_id, Metrics.model_validate({"connector_status": "CHARGING", **told})


def test_each_question_gets_the_answer_to_its_own_metrics_in_order(desk: Desk) -> None:
    cool, hot = desk.failures([asked("NEW", temperature=20.0), asked("NEW", **HOT)], "t-1")
    assert cool.failure_probability < hot.failure_probability
    assert {cool.origin, hot.origin} == {"request"}
    assert cool.tenant_id == "t-1"


def test_questions_leave_the_state_and_the_store_as_they_were(site: Kerbside, desk: Desk) -> None:
    before, tried = site.state(), len(site.store.tried)
    _, metrics = asked("CHG_001", **HOT)
    desk.failures([("CHG_001", metrics)], None)
    desk.anomaly("CHG_001", metrics, None)
    desk.maintenance("NEW", metrics, None)
    site.turn()
    assert site.state() == before
    assert len(site.store.tried) == tried


def test_the_latest_answer_is_telemetrys_with_the_worst_evse_first_and_all_in_connectors(desk: Desk) -> None:
    latest = desk.latest("CHG_001")
    assert latest is not None
    assert latest.connector_id == 2
    assert latest.origin == "telemetry"
    assert [each.connector_id for each in latest.connectors] == [2, 1]


def test_an_evse_out_of_service_does_not_come_first(site: Kerbside, desk: Desk) -> None:
    site.say("UNAVAILABLE", connector_id=2, **HOT).until_due()
    latest = desk.latest("CHG_001")
    assert latest is not None
    assert latest.connector_id == 1


def test_for_a_charger_never_heard_the_last_request_is_answered_and_says_so(desk: Desk) -> None:
    assert desk.latest("NEW") is None
    desk.failures([asked("NEW", temperature=20.0), asked("NEW", connector_id=3, **HOT)], None)
    latest = desk.latest("NEW")
    assert latest is not None
    assert (latest.origin, latest.connector_id) == ("request", 3)


def test_a_request_about_a_charger_that_was_heard_does_not_become_its_latest(desk: Desk) -> None:
    desk.failures([asked("CHG_002", **HOT)], None)
    latest = desk.latest("CHG_002")
    assert latest is not None
    assert latest.origin == "telemetry"


def test_the_thousand_last_asked_about_are_remembered_and_no_more(desk: Desk) -> None:
    desk.failures([asked(f"N{number}") for number in range(MOST_REMEMBERED)], None)
    desk.failures([asked("N0"), asked("ONE_MORE")], None)
    assert desk.latest("N0") is not None
    assert desk.latest("N1") is None
    assert desk.latest("ONE_MORE") is not None
    assert len(desk._asked) == MOST_REMEMBERED


def test_hits_and_misses_are_counted_where_the_latest_is_asked_for(desk: Desk) -> None:
    for charger_id in ("CHG_001", "CHG_002", "NOBODY", "CHG_001"):
        desk.latest(charger_id)
    cache = desk.health().checks["cache"]
    assert (cache["hits"], cache["misses"], cache["hit_rate"]) == (3, 1, "75.0%")


def test_health_tells_of_a_broker_that_is_away_and_a_store_that_refuses(site: Kerbside, desk: Desk) -> None:
    assert desk.health().checks["broker"]["status"] is HealthStatus.HEALTHY
    site.store.refuses = StoreError("full")
    site.say("FAULTY")
    site.clock.pass_time(3)
    site.turn()
    assert desk.health().checks["store"]["status"] is HealthStatus.DEGRADED


def test_health_answers_even_where_the_store_cannot_tell_how_full_it_is(site: Kerbside) -> None:
    def refuse() -> StoreUsage:
        raise StoreError("it cannot be opened")

    sources = Sources(site.ingest, site.inbox, site.shelf, site.clock, refuse, as_it_came)
    health = Desk(sources, Operator(Terms(), {}, 1)).health()
    assert health.checks["store"]["message"] == "the store cannot be read"


def test_health_tells_when_the_pipeline_stands_still(site: Kerbside, desk: Desk) -> None:
    site.clock.pass_time(16.0)
    assert desk.health().status is HealthStatus.UNHEALTHY


def test_chargers_come_worst_first_by_alert_then_by_risk(site: Kerbside, desk: Desk) -> None:
    site.say("FAULTY", charger_id="CHG_003").until_due()
    told = [(each.charger_id, each.connector_id, each.label) for each in desk.chargers()]
    assert told == [
        ("CHG_001", 2, "Entrance"),
        ("CHG_003", 1, None),
        *sorted(told[2:], key=told.index),
    ]
    assert [len(each.open_alerts) > 0 for each in desk.chargers()] == [True, True, False, False]


def test_alerts_come_newest_first(site: Kerbside, desk: Desk) -> None:
    site.say("FAULTY", charger_id="CHG_003").until_due()
    assert [each.charger_id for each in desk.alerts()] == ["CHG_003", "CHG_001"]


def while_turning(site: Kerbside, work: Any) -> Any:
    """Do work that orders something from the pipeline, which comes round meanwhile."""
    found: list[Any] = []

    def run() -> None:
        try:
            found.append(work())
        except ModelError as error:
            found.append(error)

    thread = Thread(target=run)
    thread.start()
    while thread.is_alive():
        site.ingest.turn(0.01)
    return found[0]


def test_an_acknowledgement_is_carried_out_by_the_pipeline(site: Kerbside, desk: Desk) -> None:
    (alert,) = desk.alerts()
    told = Acknowledgement(alert_id=alert.alert_id, by="tech")
    assert while_turning(site, lambda: desk.answer_alert(told, KEY)).acknowledged_by == "tech"
    site.turn()
    assert desk.alerts()[0].acknowledged_by == "tech"
    assert (
        while_turning(site, lambda: desk.answer_alert(told.model_copy(update={"alert_id": "x"}), KEY)) is None
    )


def test_a_suggestion_is_rejected_with_a_reason_and_who_did_it_is_kept(tmp_path: Path) -> None:
    site = Kerbside(store=a_store(tmp_path / "s")).connect()
    site.say("CHARGING").until_due()
    desk, suggested = desk_of(site), maintenance_answer("CHG_001")
    site.ingest._state.suggestions["CHG_001"] = suggested
    reject = DecisionRequest(decision="REJECT", reason="it is new", by="AB")

    def rejected() -> MaintenanceAnswer | None:
        found: MaintenanceAnswer | None = while_turning(
            site, lambda: desk.decide(suggested.suggestion_id, reject, KEY)
        )
        return found

    answer = rejected()
    assert answer is not None
    assert answer.state is SuggestionState.REJECTED
    assert desk.suggestions()[0].state is SuggestionState.REJECTED
    assert while_turning(site, lambda: desk.decide("x", reject, KEY)) is None
    (deed,) = SqliteReader(tmp_path / "s").audit(START, site.clock.now() + timedelta(seconds=1))
    assert deed == Deed(
        at=site.clock.now(),
        who=KEY,
        action="reject",
        subject=suggested.suggestion_id,
        by="AB",
        note="it is new",
    )


def test_what_has_changed_since_a_mark_is_told_and_nothing_else(site: Kerbside, desk: Desk) -> None:
    mark = desk.mark()
    assert desk.changes_since(mark) == (mark, Changes())
    site.say("FAULTY", charger_id="CHG_002").until_due()
    now, changes = desk.changes_since(mark)
    (alert,) = changes.alerts
    assert (alert.charger_id, changes.over) == ("CHG_002", ())
    assert {each.charger_id for each in desk.chargers_since(mark)[1]} == {"CHG_002"}
    assert desk.chargers_since(now)[1] == []
    site.say("AVAILABLE", charger_id="CHG_002").until_due()
    assert desk.changes_since(now)[1].over == (alert.alert_id,)


def test_a_silenced_alert_stays_open_and_says_until_when(site: Kerbside, desk: Desk) -> None:
    (alert,) = desk.alerts()
    until = site.clock.now() + timedelta(days=1)
    told = Silence(alert_id=alert.alert_id, by="tech", note="part is ordered", until=until)
    while_turning(site, lambda: desk.answer_alert(told, KEY))
    (silenced,) = desk.alerts()
    assert (silenced.state, silenced.silenced_until, silenced.note) == (
        AlertState.OPEN,
        until,
        "part is ordered",
    )


@pytest.mark.parametrize(
    ("name", "answered"),
    [
        (None, "all"),
        ("failure_predictor", "failure_predictor"),
        ("maintenance_optimizer", "maintenance_optimizer"),
    ],
)
def test_a_reload_answers_with_the_name_and_version(
    site: Kerbside, desk: Desk, name: str | None, answered: str
) -> None:
    answer = while_turning(site, lambda: desk.reload(name, KEY))
    assert answer.success
    assert answer.model_name == answered
    assert answer.version


def test_a_reload_of_a_model_that_there_is_not_names_those_that_there_are(desk: Desk) -> None:
    with pytest.raises(ModelError, match="failure_predictor, anomaly_detector"):
        desk.reload("crystal_ball", KEY)


def test_desk_asks_nothing_of_the_pipeline_to_answer(site: Kerbside, desk: Desk) -> None:
    desk.chargers(), desk.alerts(), desk.suggestions(), desk.models(), desk.health(), desk.latest("CHG_001")
    assert site.inbox.waiting == 0
