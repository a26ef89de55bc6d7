"""The pipeline's promises: kept before acknowledged, the same after a restart, never stopped by poison."""

from __future__ import annotations

import json
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge_agent.core.baseline import Baselines
from edge_agent.errors import StoreError
from edge_agent.ingest.batch import MOST_MESSAGES
from edge_agent.ingest.correspondence import OF_ANOTHER
from edge_agent.ingest.state import open_alerts
from edge_agent.ports import Connected, Disconnected, Published, Quarantined
from edge_agent.wire.alert import Acknowledgement, AlertState, AlertType
from edge_agent.wire.metrics import ConnectorStatus
from edge_agent.wire.outbox import RecordType
from edge_agent.wire.types import EvseId
from tests.rig.fakes import EVSE, FULL_DISK, PREFIX, FakeClock, Kerbside, a_deed, a_store, metrics

OPEN_FAULT = [("CHARGER_FAULTED", "OPEN")]
IN_MEMORY = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.fixture
def site() -> Kerbside:
    """Connected, with one charger that has said that it is free."""
    kerbside = Kerbside().connect().say()
    kerbside.broker.acknowledged.clear()
    return kerbside


def ack(alert_id: str, **more: object) -> bytes:
    return json.dumps({"alert_id": alert_id, "by": "tech", **more}).encode()


ACK_TOPIC = f"{PREFIX}/alerts/CHG_001/1/CHARGER_FAULTED/ack"


def set_aside(site: Kerbside) -> list[Quarantined]:
    """Return what was put into the quarantine by this run."""
    return [each for commit in site.store.kept for each in commit.quarantined]


# Kept, then acknowledged


def test_a_plain_sample_is_acknowledged_only_once_it_is_kept(site: Kerbside) -> None:
    site.say(power=0.0)
    assert site.broker.acknowledged == []
    kept = site.store.readings()
    site.until_due()
    assert site.store.readings() == kept + 1
    assert len(site.broker.acknowledged) == 1


def test_plain_samples_wait_commit_s_from_the_first_of_them_and_no_longer(site: Kerbside) -> None:
    site.say()
    commits = len(site.store.kept)
    for _ in range(4):
        site.say()
    assert len(site.store.kept) == commits
    site.clock.pass_time(1.0)
    site.turn()
    assert len(site.store.kept) == commits + 1
    assert len(site.store.kept[-1].readings) == 5


def test_a_large_batch_does_not_wait(site: Kerbside) -> None:
    commits = len(site.store.kept)
    site.clock.pass_time(1.0)
    site.turn(*(site.message(metrics()) for _ in range(MOST_MESSAGES - 1)))
    assert len(site.store.kept) == commits
    site.turn(site.message(metrics()))
    assert len(site.broker.acknowledged) == MOST_MESSAGES


def test_a_change_of_status_is_kept_at_once(site: Kerbside) -> None:
    site.say("CHARGING")
    assert len(site.broker.acknowledged) == 1


def test_an_alert_is_kept_and_published_at_once(site: Kerbside) -> None:
    site.say("FAULTY")
    assert site.broker.alerts() == OPEN_FAULT
    assert len(site.broker.acknowledged) == 1


@pytest.mark.parametrize(
    "frame",
    [
        [2, "1", "BootNotification", {"chargePointVendor": "v", "chargePointModel": "m"}],
        [2, "2", "StartTransaction", {"connectorId": 1, "idTag": "t", "meterStart": 0}],
    ],
    ids=["boot", "start"],
)
def test_an_event_is_kept_at_once(site: Kerbside, frame: list[object]) -> None:
    topic = f"{PREFIX}/chargers/CHG_001/ocpp"
    site.clock.pass_time(1.0)
    site.turn(site.message(json.dumps(frame).encode(), topic=topic))
    assert len(site.broker.acknowledged) == 1


def test_a_message_is_acknowledged_on_the_connection_that_brought_it(site: Kerbside) -> None:
    site.turn(site.message(metrics(), packet_id=5))
    site.turn(Disconnected(1, "lost"), Connected(2, session_present=True))
    site.turn(site.message(metrics(power=1.0), packet_id=6, generation=2))
    site.until_due()
    assert site.broker.acknowledged == [(1, 5), (2, 6)]


def test_a_message_that_comes_again_is_acknowledged_and_not_kept_twice(site: Kerbside) -> None:
    site.until_due()
    site.broker.acknowledged.clear()
    kept = site.store.readings()
    site.turn(site.message(metrics(), packet_id=5))
    site.turn(Disconnected(1, "lost"), Connected(2, session_present=True))
    site.turn(site.message(metrics(), packet_id=5, generation=2))
    site.until_due()
    assert site.store.readings() == kept + 1
    assert site.broker.acknowledged == [(1, 5), (2, 5)]
    assert site.ingest.counts()["redelivered"] == 1


def test_a_message_that_comes_again_after_a_kill_is_not_kept_twice(tmp_path: Path) -> None:
    first = Kerbside(a_store(tmp_path / "s")).connect()
    first.turn(first.message(metrics(), packet_id=5)).until_due()
    first.store.close()
    second = Kerbside(a_store(tmp_path / "s"))
    second.turn(Connected(1, session_present=True))
    second.turn(second.message(metrics(), packet_id=5, generation=1))
    second.until_due()
    assert second.store.readings() == 0
    assert second.broker.acknowledged == [(1, 5)]


def test_after_the_session_was_lost_the_same_packet_id_and_bytes_are_a_new_message(site: Kerbside) -> None:
    site.until_due()
    kept = site.store.readings()
    site.turn(site.message(metrics(), packet_id=5)).until_due()
    site.turn(Disconnected(1, "lost"), Connected(2, session_present=False))
    site.turn(site.message(metrics(), packet_id=5, generation=2)).until_due()
    assert site.store.readings() == kept + 2


def test_that_the_session_was_lost_is_remembered_over_a_restart(tmp_path: Path) -> None:
    first = Kerbside(a_store(tmp_path / "s")).connect()
    first.turn(first.message(metrics(), packet_id=5)).until_due()
    first.turn(Disconnected(1, "lost"), Connected(2, session_present=False))
    first.say().until_due()
    first.store.close()
    second = Kerbside(a_store(tmp_path / "s"))
    second.turn(Connected(1, session_present=True))
    second.turn(second.message(metrics(), packet_id=5, generation=1)).until_due()
    assert second.store.readings() == 1


def test_a_message_of_qos_0_is_kept_and_nothing_is_owed_for_it(site: Kerbside) -> None:
    kept = site.store.readings()
    site.turn(site.message(metrics(), qos=0)).until_due()
    assert site.store.readings() == kept + 1
    assert site.broker.acknowledged == []


# In order


def test_an_order_is_carried_out_between_the_messages_before_and_after_it(site: Kerbside) -> None:
    seen: list[Any] = []

    def look() -> None:
        seen.append(site.ingest._state.site.chargers[EVSE].status)

    def order() -> None:
        site.inbox.order(look)

    site.inbox.put(site.message(metrics("CHARGING")))
    asking = Thread(target=order)
    asking.start()
    while site.inbox.waiting < 2:
        assert asking.is_alive()
    site.inbox.put(site.message(metrics("OCCUPIED")))
    site.turn()
    asking.join()
    assert seen == [ConnectorStatus.CHARGING]
    assert site.ingest.view.site.chargers[EVSE].status is ConnectorStatus.OCCUPIED


def test_messages_in_one_turn_and_in_turns_of_their_own_lead_to_the_same() -> None:
    together, apart = Kerbside().connect(), Kerbside().connect()
    told = [("CHARGING", 7.0), ("CHARGING", 7.1), ("FAULTY", 0.0), ("AVAILABLE", 0.0), ("AVAILABLE", 0.0)]
    for kerbside in (together, apart):
        kerbside.clock.pass_time(1.0)
    messages = [together.message(metrics(status, power=power)) for status, power in told]
    together.turn(*messages)
    for message in messages:
        apart.turn(message)
    assert together.state() == apart.state()
    assert together.broker.alerts() == apart.broker.alerts() == [*OPEN_FAULT, ("CHARGER_FAULTED", "CLEARED")]


# Poison


@pytest.mark.parametrize(
    ("payload", "kept"),
    [
        (b"", None),
        (b"{", None),
        (b"\xff\xfe", None),
        (b"[" * 10_000, None),
        (b'"' + b"9" * 5_000, None),
        (b"1" * 5_000, None),
        (b'{"connector_status": "DANCING"}', b'{"connector_status":"DANCING"}'),
        (b'{"connector_status": 1, "idTag": "ab"}', b'{"connector_status":1,"idTag":"(removed)"}'),
        (b'{"connector_status": null}', b'{"connector_status":null}'),
        (b'"what"', b'"what"'),
    ],
)
def test_what_cannot_be_read_is_set_aside_counted_acknowledged_and_holds_nothing_up(
    site: Kerbside, payload: bytes, kept: bytes | None
) -> None:
    site.turn(site.message(payload), site.message(metrics())).until_due()
    assert site.ingest.counts()["quarantined"] == 1
    only_hash = f"{len(payload)} bytes that are not JSON, sha256 {sha256(payload).hexdigest()}"
    assert [each.payload for each in set_aside(site)] == [kept or only_hash.encode()]
    assert len(site.broker.acknowledged) == 2
    assert site.store.readings() == 2


def test_a_charger_too_many_is_set_aside_counted_and_acknowledged() -> None:
    site = Kerbside(most_chargers=1).connect().say().say(charger_id="CHG_002")
    site.until_due()
    assert site.ingest.counts()["quarantined"] == 1
    (refused,) = set_aside(site)
    assert "CHG_002" in refused.reason
    assert len(site.broker.acknowledged) == 2


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
NUMBERS = st.one_of(
    st.integers(), st.floats(), st.sampled_from([1e308, -0.0, 2**63, 2**64, 10**400, 1e12, 5e-324])
)
ODD_METRICS = st.fixed_dictionaries(
    {"connector_status": st.sampled_from(["AVAILABLE", "CHARGING", "FAULTY", "OFFLINE"])},
    optional={
        "connector_id": st.integers(-1, 40) | NUMBERS,
        "energy_delivered": NUMBERS,
        "power": NUMBERS,
        "temperature": NUMBERS | st.floats(-60, 150),
        "total_sessions": NUMBERS,
        "uptime_hours": NUMBERS,
        "power_limit": NUMBERS,
        "soc": NUMBERS,
        "error_codes": st.lists(st.text(max_size=8), max_size=40),
        "timestamp": st.datetimes().map(str) | JSON,
        "last_maintenance": st.datetimes().map(str) | JSON,
        "metadata": JSON,
        "temperatures": JSON,
        "vendor": JSON,
    },
)
FRAMES = st.tuples(
    st.integers(1, 5),
    st.text(max_size=5),
    st.sampled_from(
        ["BootNotification", "StatusNotification", "StartTransaction", "StopTransaction", "MeterValues"]
    ),
    st.dictionaries(
        st.sampled_from(
            ["connectorId", "status", "errorCode", "timestamp", "meterStart", "meterStop", "transactionId"]
        ),
        JSON | NUMBERS | st.sampled_from(["Faulted", "Charging", "NoError", 1]),
    ),
)
TOPICS = st.sampled_from(
    [
        "chargers/C/metrics",
        "chargers/C/ocpp",
        "chargers/C/ocpp/down",
        "alerts/C/1/CHARGER_FAULTED",
        "alerts/C/1/X/ack",
    ]
)


@given(
    told=st.lists(
        st.tuples(
            TOPICS,
            st.one_of(JSON.map(json.dumps), ODD_METRICS.map(json.dumps), FRAMES.map(json.dumps)).map(
                str.encode
            )
            | st.binary(max_size=40),
            st.booleans(),
            st.integers(-5, 30),
        ),
        max_size=25,
    )
)
@IN_MEMORY
def test_whatever_comes_over_whatever_topic_is_kept_or_set_aside_and_acknowledged(
    told: list[tuple[str, bytes, bool, int]],
) -> None:
    site = Kerbside().connect()
    for topic, payload, retained, seconds in told:
        site.clock.passed += 1.0
        site.clock.wall += timedelta(seconds=seconds)
        site.turn(site.message(payload, topic=f"{PREFIX}/{topic}", retained=retained))
        site.ingest.listen()
    site.clock.pass_time(10.0)
    site.turn()
    assert len(site.broker.acknowledged) == len(told)
    assert not site.ingest.view.watch_only
    assert site.store.tried == site.store.kept


# The burst after a reconnect


def taught(site: Kerbside) -> bool:
    """Return whether the last reading taught the baselines anything."""
    chargers = site.ingest.view.site.chargers
    return chargers[EVSE].baselines != Baselines()


def test_untimed_readings_right_after_a_reconnect_teach_and_alert_nothing() -> None:
    site = Kerbside().connect(session_present=True)
    site.turn(site.message(metrics("FAULTY", power=1.0))).until_due()
    assert not taught(site)
    assert site.broker.alerts() == []


def test_a_burst_is_over_once_nothing_waits_for_half_a_second() -> None:
    site = Kerbside().connect(session_present=True).say()
    site.clock.pass_time(0.6)
    site.turn()
    site.say("FAULTY")
    assert site.broker.alerts() == OPEN_FAULT


def test_half_a_second_of_nothing_after_an_empty_first_look_is_still_a_burst() -> None:
    site = Kerbside().connect(session_present=True)
    site.clock.pass_time(0.1)
    site.turn()
    site.turn(site.message(metrics("FAULTY")))
    assert site.broker.alerts() == []


def test_a_new_session_has_no_burst() -> None:
    assert Kerbside().connect(session_present=False).say("FAULTY").broker.alerts() == OPEN_FAULT


def test_a_busy_site_is_heard_again_after_a_reconnect() -> None:
    """Something waits at each look, as where there are hundreds of messages a second."""
    site = Kerbside().connect(session_present=True)
    for _ in range(60):
        site.say(power=1.0)
    site.say("FAULTY")
    assert site.broker.alerts() == OPEN_FAULT


# Alerts that come back to us, and acknowledgements


def test_a_retained_alert_that_nobody_knows_is_erased(site: Kerbside) -> None:
    topic = f"{PREFIX}/alerts/CHG_009/1/CHARGER_FAULTED"
    site.turn(site.message(b"{}", topic=topic, retained=True))
    assert [(each.topic, each.payload, each.retain) for each in site.broker.under("alerts")] == [
        (topic, b"", True)
    ]


def test_a_retained_alert_that_is_open_stays(site: Kerbside) -> None:
    site.say("FAULTY")
    site.broker.sent.clear()
    site.turn(site.message(b"{}", topic=f"{PREFIX}/alerts/CHG_001/1/CHARGER_FAULTED", retained=True))
    assert site.broker.under("alerts") == []


@pytest.mark.parametrize("retained", [True, False])
def test_an_erasure_that_comes_back_is_not_erased_again(site: Kerbside, retained: bool) -> None:
    site.turn(site.message(b"", topic=f"{PREFIX}/alerts/CHG_009/1/TAMPER", retained=retained))
    assert site.broker.under("alerts") == []


def test_an_own_alert_that_is_just_published_is_left_alone(site: Kerbside) -> None:
    site.turn(site.message(b"{}", topic=f"{PREFIX}/alerts/CHG_009/1/TAMPER", retained=False))
    assert site.broker.under("alerts") == []


@pytest.mark.parametrize(
    "rest",
    [
        "X/one/TAMPER",
        "X/-1/TAMPER",
        "X/1/NOTHING",
        "X/²/TAMPER",
        "X//TAMPER",
        "//",
        "X/٣/TAMPER",
        f"X/{'9' * 5000}/TAMPER",
    ],
)
def test_a_retained_alert_on_an_odd_topic_is_erased_and_kills_nothing(site: Kerbside, rest: str) -> None:
    topic = f"{PREFIX}/alerts/{rest}"
    site.turn(site.message(b"x", topic=topic, retained=True)).until_due()
    assert [each.topic for each in site.broker.under("alerts")] == [topic]
    assert len(site.broker.acknowledged) == 1


def test_an_alert_is_acknowledged_by_mqtt(site: Kerbside) -> None:
    site.say("FAULTY")
    (alert,) = open_alerts(site.ingest._state.site)
    site.turn(site.message(ack(alert.alert_id, note="on my way"), topic=ACK_TOPIC))
    assert site.broker.alerts() == [*OPEN_FAULT, ("CHARGER_FAULTED", "ACKNOWLEDGED")]
    told = site.broker.under("alerts")[-1].told
    assert (told["acknowledged_by"], told["note"]) == ("tech", "on my way")
    (kept,) = site.store.real.restore().watches[EVSE].values()
    assert kept.alert is not None
    assert kept.alert.state is AlertState.ACKNOWLEDGED


def test_a_retained_acknowledgement_is_taken_off_the_broker_and_ignored(site: Kerbside) -> None:
    site.say("FAULTY")
    (alert,) = open_alerts(site.ingest._state.site)
    site.turn(site.message(ack(alert.alert_id), topic=ACK_TOPIC, retained=True)).until_due()
    assert site.broker.alerts() == OPEN_FAULT
    (erasure,) = [each for each in site.broker.sent if each.topic == ACK_TOPIC]
    assert (erasure.payload, erasure.retain) == (b"", True)
    assert set_aside(site) == []


def test_the_erasure_of_an_acknowledgement_that_comes_back_is_nothing(site: Kerbside) -> None:
    site.turn(site.message(b"", topic=ACK_TOPIC)).until_due()
    assert len(site.broker.acknowledged) == 1
    assert (site.broker.under("alerts"), set_aside(site)) == ([], [])


def test_an_acknowledgement_of_what_is_not_open_is_set_aside_and_tells_nothing(site: Kerbside) -> None:
    site.turn(site.message(ack("nobody knows it"), topic=ACK_TOPIC)).until_due()
    assert site.broker.alerts() == []
    assert [each.reason for each in set_aside(site)] == [OF_ANOTHER.reason]
    assert site.ingest.counts()["quarantined"] == 1
    assert len(site.broker.acknowledged) == 1


@pytest.mark.parametrize(
    "place",
    [
        "CHG_001/1/TAMPER",
        "CHG_001/2/CHARGER_FAULTED",
        "CHG_002/1/CHARGER_FAULTED",
        "CHG_001/one/CHARGER_FAULTED",
        "CHG_001/1/NOTHING",
    ],
)
def test_an_acknowledgement_of_an_alert_that_is_open_elsewhere_is_set_aside(
    site: Kerbside, place: str
) -> None:
    site.say("FAULTY")
    (alert,) = open_alerts(site.ingest._state.site)
    site.turn(site.message(ack(alert.alert_id), topic=f"{PREFIX}/alerts/{place}/ack")).until_due()
    assert site.broker.alerts() == OPEN_FAULT
    assert [each.reason for each in set_aside(site)] == [OF_ANOTHER.reason]


@pytest.mark.parametrize(
    "payload", [b"null", b"[]", b'{"by": "x"}', b"[" * 100_000, b'{"alert_id": 1, "by": 2}']
)
def test_an_acknowledgement_that_cannot_be_read_is_set_aside(site: Kerbside, payload: bytes) -> None:
    site.turn(site.message(payload, topic=ACK_TOPIC)).until_due()
    assert site.ingest.counts()["quarantined"] == 1
    assert len(site.broker.acknowledged) == 1


@pytest.mark.parametrize(
    "more", [{"by": "x" * 65}, {"by": ""}, {"note": "x" * 1001}], ids=["by", "nobody", "note"]
)
def test_an_acknowledgement_by_mqtt_has_the_bounds_of_one_by_rest(
    site: Kerbside, more: dict[str, str]
) -> None:
    site.say("FAULTY")
    (alert,) = open_alerts(site.ingest._state.site)
    site.turn(site.message(ack(alert.alert_id, **more), topic=ACK_TOPIC)).until_due()
    assert site.broker.alerts() == OPEN_FAULT


def test_an_acknowledgement_that_comes_again_is_not_told_again(site: Kerbside) -> None:
    site.say("FAULTY")
    (alert,) = open_alerts(site.ingest._state.site)
    for generation in (1, 2):
        site.turn(Connected(generation, session_present=True))
        site.turn(site.message(ack(alert.alert_id), topic=ACK_TOPIC, packet_id=3, generation=generation))
    news = [record for record in site.store.records(RecordType.ALERT) if "ACKNOWLEDGED" in record.payload]
    assert len(news) == 1


def test_an_alert_that_is_open_and_acknowledged_by_rest_is_kept_with_the_same_turn(site: Kerbside) -> None:
    site.say("FAULTY")
    (alert,) = open_alerts(site.ingest._state.site)
    answer = site.ingest.answer_alert(Acknowledgement(alert_id=alert.alert_id, by="tech"), a_deed())
    assert answer is not None
    site.turn()
    assert site.broker.alerts()[-1] == ("CHARGER_FAULTED", "ACKNOWLEDGED")


# Deaf is not silent


def silent_for(site: Kerbside, seconds: float) -> Kerbside:
    site.clock.pass_time(seconds)
    site.ingest.listen()
    return site.turn()


def test_a_charger_that_falls_silent_is_offline_and_back_when_it_speaks(site: Kerbside) -> None:
    silent_for(site, 1000)
    assert site.broker.alerts() == [("CHARGER_OFFLINE", "OPEN")]
    silent_for(site.say(), 5)
    assert site.broker.alerts()[-1] == ("CHARGER_OFFLINE", "CLEARED")


def test_while_the_broker_is_away_nobody_is_offline_and_patience_begins_anew_after(site: Kerbside) -> None:
    site.turn(Disconnected(1, "gone"))
    silent_for(site, 5_000)
    site.turn(Connected(2, session_present=True))
    silent_for(site, 100)
    assert site.broker.alerts() == []
    silent_for(site, 1_000)
    assert site.broker.alerts() == [("CHARGER_OFFLINE", "OPEN")]


@pytest.mark.parametrize("seconds", [7_200, -7_200], ids=["ahead", "back"])
def test_a_step_of_the_wall_clock_makes_nobody_offline_and_patience_begins_anew(
    site: Kerbside, seconds: float
) -> None:
    site.clock.step(seconds)
    site.ingest.clock_stepped()
    silent_for(site, 5)
    silent_for(site, 800)
    assert site.broker.alerts() == []
    silent_for(site, 200)
    assert site.broker.alerts() == [("CHARGER_OFFLINE", "OPEN")]


def test_no_gap_is_measured_across_a_step_of_the_wall_clock(site: Kerbside) -> None:
    site.say()
    usual = site.ingest._state.site.chargers[EVSE].usual_gap_s
    site.clock.step(7_200)
    site.ingest.clock_stepped()
    site.say()
    assert site.ingest._state.site.chargers[EVSE].usual_gap_s == usual


def test_while_there_is_no_broker_a_step_of_the_wall_clock_is_no_listening(site: Kerbside) -> None:
    site.turn(Disconnected(1, "gone"))
    site.ingest.clock_stepped()
    assert site.ingest.view.listening_since is None


def test_after_the_wall_clock_went_back_what_chargers_say_still_counts(site: Kerbside) -> None:
    site.clock.step(-7_200)
    site.say("FAULTY")
    assert site.broker.alerts() == OPEN_FAULT


# The same after a restart


def test_a_clean_end_keeps_what_waits_with_a_snapshot(tmp_path: Path) -> None:
    site = Kerbside(a_store(tmp_path / "s")).connect().say("CHARGING").say("CHARGING", power=3.0)
    site.stop()
    site.store.close()
    again = Kerbside(a_store(tmp_path / "s"))
    assert list(again.store.readings_since_snapshot()) == []
    assert again.state() == site.state()
    assert len(site.broker.acknowledged) == 2


SAYINGS = st.lists(
    st.tuples(
        st.sampled_from(["CHG_001", "CHG_002"]),
        st.sampled_from(["AVAILABLE", "CHARGING", "OCCUPIED", "FAULTY", "UNAVAILABLE"]),
        st.integers(0, 2),
        st.floats(0, 50),
        st.floats(0, 80) | st.none(),
        st.lists(st.sampled_from(["GroundFailure", "CX008", "WeakSignal"]), max_size=2),
        st.integers(-120, 200),
    ),
    min_size=1,
    max_size=40,
)


def play(site: Kerbside, sayings: list[Any]) -> None:
    for charger, status, connector, power, heat, codes, seconds in sayings:
        site.clock.pass_time(max(seconds, 0))
        told = {"connector_id": connector, "power": power, "temperature": heat, "error_codes": codes}
        if seconds < 0:
            told["timestamp"] = (site.clock.now() + timedelta(seconds=seconds)).isoformat()
        site.turn(site.message(metrics(status, **told), charger))
        if seconds % 3 == 0:
            site.ingest.listen()
        if seconds % 7 == 0:
            for alert in open_alerts(site.ingest._state.site)[:1]:
                site.turn(site.message(ack(alert.alert_id), topic=ACK_TOPIC))
        site.turn()


@given(before=SAYINGS, after=SAYINGS, clean=st.booleans())
@IN_MEMORY
def test_a_restart_without_a_clean_end_gives_what_was_last_kept(
    before: list[Any], after: list[Any], clean: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("kill") / "s"
    clock = FakeClock()
    site = Kerbside(a_store(path), clock).connect()
    play(site, before)
    if clean:
        site.stop()
        site.store.close()
        site = Kerbside(a_store(path), clock, epoch="e2").connect(session_present=True)
        clock.pass_time(1.0)
        site.turn()
    play(site, after)
    site.store.close()  # what waits for its commit now is lost to memory, but was not acknowledged
    assert Kerbside(a_store(path), clock, epoch="e3").state() == site.state()


def test_after_a_restart_open_alerts_go_on_under_their_old_id(tmp_path: Path) -> None:
    site = Kerbside(a_store(tmp_path / "s")).connect().say("FAULTY")
    (alert,) = open_alerts(site.ingest._state.site)
    site.store.close()
    again = Kerbside(a_store(tmp_path / "s"), site.clock, epoch="e2").connect()
    again.say("AVAILABLE").say("AVAILABLE")
    told = [each.told for each in again.broker.under("alerts") if each.payload]
    assert [(each["alert_id"], each["state"]) for each in told if each["state"] == "CLEARED"] == [
        (alert.alert_id, "CLEARED")
    ]


def test_after_a_restart_numbers_go_on(tmp_path: Path) -> None:
    site = Kerbside(a_store(tmp_path / "s")).connect().say("FAULTY")
    last = site.ingest.view.site.alert_seq
    site.store.close()
    again = Kerbside(a_store(tmp_path / "s"), site.clock, epoch="e2").connect()
    again.say("FAULTY", charger_id="CHG_002")
    assert [record.seq for record in again.store.records(RecordType.ALERT)] == [last + 1]


# Others look on and order


def test_a_view_that_somebody_holds_does_not_change(site: Kerbside) -> None:
    held = site.until_due().ingest.view
    before = dict(held.latest)
    site.say("FAULTY", charger_id="CHG_002")
    assert held.latest == before
    assert EvseId("CHG_002", 1) in site.ingest.view.latest


def test_trimming_in_vain_is_the_orderers_trouble_and_not_the_pipelines(site: Kerbside) -> None:
    site.store.refuses = FULL_DISK
    raised: list[BaseException] = []

    def order() -> None:
        try:
            site.inbox.order(site.ingest.trim)
        except StoreError as error:
            raised.append(error)

    asking = Thread(target=order)
    asking.start()
    while site.inbox.waiting < 1:
        assert asking.is_alive()
    site.turn()
    asking.join()
    assert raised == [FULL_DISK]


def test_the_gateways_status_is_retained_with_version_since_and_backlog(site: Kerbside) -> None:
    site.ingest.tell_status()
    (status,) = [each for each in site.broker.sent if each.topic == f"{PREFIX}/gateway/status"]
    assert status.retain
    assert set(status.told) == {"status", "version", "since", "backlog", "drift", "models"}
    assert status.told["status"] == "online"
    assert status.told["since"].endswith("Z")


def test_stop_ends_a_pipeline_that_runs_and_keeps_what_waits() -> None:
    site = Kerbside().connect()
    running = Thread(target=site.ingest.run)
    running.start()
    site.inbox.put(site.message(metrics()))
    site.inbox.order(lambda: None)
    site.ingest.stop()
    running.join(10)
    assert not running.is_alive()
    assert site.store.readings() == 1
    assert len(site.broker.acknowledged) == 1


def test_a_record_is_told_with_how_far_the_clock_was_trusted_when_it_was_born(site: Kerbside) -> None:
    assert {record.clock for commit in site.store.kept for record in commit.records} == {"trusted"}


def test_maintenance_is_suggested_by_a_calibrated_model_only(site: Kerbside) -> None:
    site.say("FAULTY")
    site.ingest.suggest()
    site.until_due()
    assert site.ingest.view.suggestions == {}


def test_published_for_what_nobody_published_is_harmless(site: Kerbside) -> None:
    site.turn(Published(4711), Published(4711))
    assert site.publisher.cursor == 0


def test_every_sort_of_alert_topic_that_we_know_is_erased_when_it_is_not_open(site: Kerbside) -> None:
    site.turn(*(site.message(b"x", topic=f"{PREFIX}/alerts/C/0/{kind}", retained=True) for kind in AlertType))
    assert len(site.broker.under("alerts")) == len(AlertType)
