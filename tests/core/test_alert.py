"""The life of an alert, by the table at the top of `core/alert.py`."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import RFC_4122, UUID

import pytest

from edge_agent.core.alert import CALM, SOON, answered
from edge_agent.core.identity import hashed_uuid
from edge_agent.core.models import Models
from edge_agent.core.pipeline import Site
from edge_agent.core.rules import RulesAnomaly, RulesFailure
from edge_agent.wire.alert import Acknowledgement, Alert, AlertState, AlertType, Severity
from edge_agent.wire.reading import Reading
from tests.core.making import (
    EVSE,
    CurveModel,
    RisingModel,
    added,
    at,
    found,
    lives,
    news,
    said,
    site,
    stepped,
)

FAULTY, HOT = AlertType.CHARGER_FAULTED, AlertType.OVER_TEMPERATURE
SURE = Models(CurveModel(0.5, 0.6, 0.7, 0.8, 0.9), RulesAnomaly())
WITHIN_A_WEEK = Models(CurveModel(0.1, 0.3, 0.7, 0.8, 0.9), RulesAnomaly())
WITHIN_A_MONTH = Models(CurveModel(0.1, 0.3, 0.4, 0.8, 0.9), RulesAnomaly())


def every(
    seconds: float, count: int, status: str = "CHARGING", start: float = 0.0, **told: object
) -> list[Reading]:
    return [said(start + seconds * n, status, **told) for n in range(count)]


def in_cabinet(reading: Reading) -> Reading:
    return reading._replace(connector_id=0)


def gone(seconds: float) -> list[Reading]:
    """Return what the agent finds of a charger with one connector that has fallen silent."""
    return [found(seconds, "OFFLINE"), in_cabinet(found(seconds, "OFFLINE"))]


def open_alert(after: Site, kind: AlertType) -> Alert:
    alert = after.watches[EVSE][kind].alert
    assert alert is not None
    return alert


def acked(
    after: Site, kind: AlertType, seconds: float, alert_id: str | None = None
) -> tuple[Site, Alert | None]:
    """Acknowledge as `state.State` does."""
    watch = after.watches[EVSE][kind]
    named = Acknowledgement(alert_id=alert_id or open_alert(after, kind).alert_id, by="tech-1", note="seen")
    moved, told = answered(watch, named, at(seconds), after.alert_seq + 1)
    watches = {**after.watches, EVSE: {**after.watches[EVSE], kind: moved}}
    return replace(after, watches=watches, alert_seq=after.alert_seq + (told is not None)), told


# One life


def test_a_fault_is_one_alert_from_its_first_reading_to_its_end() -> None:
    readings = [said(0), *every(10, 4, "FAULTY", 10, error_codes=["PowerLoss"]), said(50), said(60)]
    opened, cleared = news(readings)
    assert (opened.state, opened.raised_at, opened.updated_at, opened.count) == ("OPEN", at(10), at(10), 1)
    assert opened.severity is Severity.CRITICAL
    assert "PowerLoss" in opened.message
    assert (cleared.state, cleared.cleared_at, cleared.updated_at) == ("CLEARED", at(50), at(50))
    assert (cleared.alert_id, cleared.raised_at, cleared.count) == (opened.alert_id, at(10), 4)


def test_signs_are_counted_without_news() -> None:
    after, outcomes = stepped(every(10, 5, "FAULTY"))
    assert [len(outcome.alerts) for outcome in outcomes] == [1, 0, 0, 0, 0]
    assert (open_alert(after, FAULTY).count, open_alert(after, FAULTY).updated_at) == (5, at(40))


def test_a_cleared_alert_is_forgotten_and_a_new_sign_is_a_new_alert() -> None:
    told = news([said(0, "FAULTY"), said(10), said(20, "FAULTY")])
    assert [alert.state for alert in told] == ["OPEN", "CLEARED", "OPEN"]
    assert told[0].alert_id != told[2].alert_id
    assert told[2].count == 1
    after, _ = stepped([said(0, "FAULTY"), said(10), said(10 + SOON.total_seconds())])
    assert not after.watches[EVSE]


def flapping(times: int, every_s: float = 60.0, **fault: Any) -> list[Reading]:
    """Return a fault that comes and goes."""
    told: dict[str, Any] = {"status": "FAULTY", **fault}
    return [
        reading
        for turn in range(times)
        for reading in (said(2 * turn * every_s, **told), said((2 * turn + 1) * every_s))
    ]


def test_what_flaps_is_one_alert_until_it_is_calm() -> None:
    told = lives(flapping(30))
    assert told == [f"{FAULTY} OPEN", f"{FAULTY} CLEARED"] * 2 + [f"{FAULTY} OPEN"]
    last = 59 * 60.0
    almost, calm = said(last + CALM.total_seconds() - 1), said(last + CALM.total_seconds())
    assert lives([*flapping(30), almost]) == told
    assert lives([*flapping(30), almost, calm]) == [*told, f"{FAULTY} CLEARED"]


def test_what_comes_back_after_a_while_does_not_flap() -> None:
    assert lives(flapping(5, SOON.total_seconds() + 1)) == [f"{FAULTY} OPEN", f"{FAULTY} CLEARED"] * 5


def test_what_endangers_people_is_told_each_time() -> None:
    told = lives(flapping(6, status="AVAILABLE", error_codes=["CutCable"]))
    assert told.count("TAMPER OPEN") == 6


def test_a_sign_that_is_gone_costs_the_store_nothing() -> None:
    _, outcomes = stepped([said(0, "FAULTY"), *(said(second) for second in range(10, 100, 10))])
    assert [bool(each.watches) for each in outcomes] == [True, True, *[False] * 8]


def test_a_change_of_severity_is_news_of_the_same_alert() -> None:
    readings = [said(0, temperature=55.0), said(10, temperature=61.0), said(20, temperature=62.0)]
    warning, critical = news([*readings, said(30, temperature=55.0)])[:2]
    assert [warning.severity, critical.severity] == ["WARNING", "CRITICAL"]
    assert [warning.anomaly_type, critical.anomaly_type] == ["OVER_TEMPERATURE", "OVER_TEMPERATURE_CRITICAL"]
    assert warning.alert_id == critical.alert_id
    assert (critical.state, critical.raised_at, critical.updated_at) == ("OPEN", at(0), at(10))
    assert critical.message != warning.message
    calmer = news([*readings, said(30, temperature=55.0)])[2]
    assert (calmer.severity, calmer.count, calmer.alert_id) == ("WARNING", 4, warning.alert_id)


def test_what_changed_is_told_to_the_store_and_what_did_not_is_not() -> None:
    forgotten = said(40 + SOON.total_seconds())
    cool = [said(20), said(30), said(40), said(50), forgotten]
    _, outcomes = stepped([said(0), said(10, temperature=55.0), *cool])
    changed = [dict(outcome.watches) for outcome in outcomes]
    assert [list(each) for each in changed] == [[], [HOT], [HOT], [HOT], [HOT], [], [HOT]]
    assert [each[HOT] is not None for each in (*changed[1:5], changed[6])] == [*[True] * 4, False]


# Acknowledging


def test_an_acknowledged_alert_is_counted_on_and_cleared_as_any_other() -> None:
    after, _ = stepped([said(0, "FAULTY")])
    after, told = acked(after, FAULTY, 5)
    assert told is not None
    assert (told.state, told.acknowledged_by, told.note) == ("ACKNOWLEDGED", "tech-1", "seen")
    assert (told.updated_at, told.seq) == (at(5), 2)
    after, outcomes = stepped([said(10, "FAULTY"), said(20), said(30)], start=after)
    assert [len(outcome.alerts) for outcome in outcomes] == [0, 1, 0]
    (cleared,) = outcomes[1].alerts
    assert (cleared.state, cleared.count, cleared.acknowledged_by) == ("CLEARED", 2, "tech-1")
    assert (cleared.alert_id, cleared.seq) == (told.alert_id, 3)


def test_an_acknowledged_alert_that_gets_worse_is_news_and_stays_acknowledged() -> None:
    after, _ = stepped([said(0, temperature=55.0)])
    after, _ = acked(after, HOT, 5)
    (worse,) = news([said(10, temperature=65.0)], start=after)
    assert (worse.severity, worse.state) == ("CRITICAL", "ACKNOWLEDGED")


def test_an_acknowledgement_names_its_alert_or_does_nothing() -> None:
    after, _ = stepped([said(0, "FAULTY")])
    same, told = acked(after, FAULTY, 5, "00000000-0000-8000-8000-000000000000")
    assert told is None
    assert same == after
    assert open_alert(same, FAULTY).state is AlertState.OPEN


def test_what_is_watched_but_not_raised_cannot_be_acknowledged() -> None:
    after, _ = stepped([said(0, error_codes=["WeakSignal"])])
    assert after.watches[EVSE][AlertType.ANOMALY].alert is None
    watch, told = answered(
        after.watches[EVSE][AlertType.ANOMALY], Acknowledgement(alert_id="x", by="y"), at(1), 1
    )
    assert (watch, told) == (after.watches[EVSE][AlertType.ANOMALY], None)


# Hysteresis, rule by rule


def test_a_fault_is_raised_at_once_and_cleared_by_the_first_sample_without_it() -> None:
    once = ["CHARGER_FAULTED OPEN", "CHARGER_FAULTED CLEARED"]
    assert lives([said(0, "FAULTY"), said(1)]) == once
    assert lives([said(0, "FAULTY"), said(1), said(2, "FAULTY"), said(3)]) == [*once, *once]


def test_a_charger_found_silent_is_an_alert_of_its_cabinet_until_its_next_word() -> None:
    opened, cleared = news([said(0), *gone(300), said(400), in_cabinet(found(401, None))])
    assert [opened.alert_type, opened.state, cleared.state] == ["CHARGER_OFFLINE", "OPEN", "CLEARED"]
    assert [opened.connector_id, cleared.connector_id] == [0, 0]
    assert (opened.raised_at, cleared.cleared_at) == (at(300), at(401))


def test_a_cabinet_that_speaks_itself_ends_its_silence() -> None:
    told = lives([in_cabinet(added(0)), *gone(300), in_cabinet(added(400))])
    assert told == ["CHARGER_OFFLINE OPEN", "CHARGER_OFFLINE CLEARED"]


def test_an_evse_that_calls_itself_offline_has_an_alert_of_its_own() -> None:
    opened, cleared = news([said(0), said(10, "OFFLINE"), said(20)])
    assert [opened.alert_type, opened.state, cleared.state] == ["CHARGER_OFFLINE", "OPEN", "CLEARED"]
    assert [opened.connector_id, cleared.connector_id] == [1, 1]
    assert (opened.raised_at, cleared.cleared_at) == (at(10), at(20))


def test_heat_is_raised_at_50_degrees_and_cleared_by_three_samples_below_47() -> None:
    assert lives([said(0, temperature=49.99)]) == []
    warm = [said(0, temperature=50.0), *every(10, 9, start=10, temperature=47.0)]
    assert lives(warm) == ["OVER_TEMPERATURE OPEN"]
    cool = every(10, 2, start=100, temperature=46.99)
    assert lives([*warm, *cool]) == ["OVER_TEMPERATURE OPEN"]
    assert lives([*warm, *cool, said(120, temperature=48.0), *every(10, 2, start=130, temperature=46.0)]) == [
        "OVER_TEMPERATURE OPEN"
    ]
    assert lives([*warm, *cool, said(120, temperature=46.0)])[-1] == "OVER_TEMPERATURE CLEARED"


def test_warm_and_never_hot_is_no_alert() -> None:
    assert lives(every(10, 100, temperature=49.0)) == []


ODD: dict[str, Any] = {"power": 7.0, "error_codes": ["OtherError"]}
HOUR = 3600.0


def test_a_code_that_comes_once_is_told_when_it_stays_for_two_hours() -> None:
    assert lives(every(HOUR, 2, **ODD)) == []
    assert lives(every(HOUR, 3, **ODD)) == ["ANOMALY OPEN"]
    assert lives(every(10, 100, **ODD)) == []


def test_a_code_that_comes_again_within_hours_is_told_at_once() -> None:
    once = [*every(600, 2, start=0, **ODD), said(1200, "CHARGING", power=7.0)]
    assert lives([*once, said(1800, "CHARGING", **ODD)]) == ["ANOMALY OPEN"]
    assert lives([*once, said(3 * HOUR, "CHARGING", **ODD)]) == []


def test_an_ordinary_sample_between_begins_the_count_anew() -> None:
    readings = [*every(HOUR, 2, **ODD), said(2 * HOUR, "CHARGING", power=7.0)]
    assert lives([*readings, *every(HOUR, 2, start=4 * HOUR, **ODD)]) == []
    assert lives([*readings, *every(HOUR, 3, start=4 * HOUR, **ODD)]) == ["ANOMALY OPEN"]


def test_an_anomaly_is_cleared_by_five_ordinary_samples() -> None:
    raised = every(HOUR, 3, **ODD)
    after = 3 * HOUR
    assert lives([*raised, *every(10, 4, start=after, power=7.0)]) == ["ANOMALY OPEN"]
    assert lives([*raised, *every(10, 5, start=after, power=7.0)])[-1] == "ANOMALY CLEARED"


def known_for(sessions: int) -> list[Reading]:
    """Return sessions of half an hour at 7 kW and 20 °C, each with the rest that follows."""
    usual: dict[str, Any] = {"temperature": 20.0, "ambient_temperature": 10.0, "rated_power": 22.0}
    return [
        reading
        for n in range(sessions)
        for reading in [
            *(
                said(HOUR * n + 60 * k, "CHARGING", power=7.0, energy_delivered=7.0 * k / 60, **usual)
                for k in range(30)
            ),
            said(HOUR * n + 1800, power=0.0, energy_delivered=3.5, **usual),
        ]
    ]


def hot(count: int, temperature: float) -> list[Reading]:
    told: dict[str, Any] = {"temperature": temperature, "ambient_temperature": 10.0, "rated_power": 22.0}
    return every(30, count, start=HOUR * 6, power=7.0, **told)


def test_what_lies_far_off_its_own_normal_is_told_with_the_second_sample_and_says_how_far() -> None:
    assert news([*known_for(6), *hot(1, 40.0)]) == []
    (alert,) = news([*known_for(6), *hot(2, 40.0)])
    assert (alert.alert_type, alert.anomaly_type) == ("ANOMALY", "GENERIC_OUTLIER_HIGH")
    assert "temperature is" in alert.message
    assert "standard deviations above" in alert.message


def test_a_middling_outlier_needs_three_samples_and_a_minute() -> None:
    assert news([*known_for(6), *hot(2, 26.0)]) == []
    (alert,) = news([*known_for(6), *hot(3, 26.0)])
    assert alert.anomaly_type == "GENERIC_OUTLIER_MEDIUM"


def test_under_five_sessions_an_outlier_is_answered_but_not_alerted() -> None:
    _, outcomes = stepped([*known_for(4), *hot(9, 40.0)])
    assert outcomes[-1].judgement is not None
    assert outcomes[-1].judgement.anomaly.type == "GENERIC_OUTLIER_HIGH"
    assert not any(outcome.alerts for outcome in outcomes)


def vehicles(count: int, **told: Any) -> list[Reading]:
    """Return vehicles that come every two hours, and get nothing in five minutes."""
    return [
        reading
        for n in range(count)
        for reading in [
            *every(100, 4, start=7200 * n, **{"power": 0.0, **told}),
            said(7200 * n + 400, power=0.0, **{name: told[name] for name in told if name == "power_limit"}),
        ]
    ]


def test_charging_without_power_is_an_anomaly_once_it_recurs_with_another_vehicle() -> None:
    assert news(vehicles(1)) == []
    (alert,) = news(vehicles(2))
    assert (alert.alert_type, alert.anomaly_type) == ("ANOMALY", "POWER_DROP_DURING_CHARGING")


def test_a_vehicle_that_gets_its_power_in_between_ends_the_run() -> None:
    good = every(100, 4, start=7200, power=7.0)
    assert news([*vehicles(1), *good, *every(100, 4, start=14_400, power=0.0)]) == []


@pytest.mark.parametrize(
    ("told", "silent"),
    [
        ({"power_limit": 1.39}, True),
        ({"power_limit": 0.0}, True),
        ({"power_limit": 1.4}, False),
        ({"soc": 90.0}, True),
        ({"soc": 89.9}, False),
        ({"power_requested": 0.0}, True),
        ({"energy_delivered": 9.0}, True),
        ({"power_limit": None, "soc": None}, False),
    ],
)
def test_curtailment_and_a_battery_that_may_be_full_explain_little_power(
    told: dict[str, Any], silent: bool
) -> None:
    readings = vehicles(2, **told)
    assert (lives(readings) == []) is silent
    _, outcomes = stepped(readings[:4])
    assert outcomes[-1].judgement is not None
    assert outcomes[-1].judgement.anomaly.type == "POWER_DROP_DURING_CHARGING"


def test_heat_that_load_and_surroundings_explain_is_told_more_calmly() -> None:
    told = {"ambient_temperature": 40.0, "rated_power": 22.0}
    learned = [
        reading._replace(
            metrics=reading.metrics.model_copy(update={"ambient_temperature": 35.0, "temperature": 45.0})
        )
        for reading in known_for(6)
    ]
    (calm,) = news([*learned, said(HOUR * 8, "CHARGING", temperature=50.5, **told)])
    (grave,) = news(
        [*known_for(6), said(HOUR * 8, "CHARGING", temperature=50.5, **told | {"ambient_temperature": 10.0})]
    )
    assert (calm.alert_type, calm.anomaly_type) == ("OVER_TEMPERATURE", "OVER_TEMPERATURE")
    assert (calm.severity, grave.severity) == ("INFO", "WARNING")


def test_a_predicted_failure_needs_three_samples_and_a_minute() -> None:
    assert lives(every(10, 6, power=7.0), SURE) == []
    (alert,) = news(every(10, 7, power=7.0), SURE)
    assert (alert.alert_type, alert.severity) == ("FAILURE_PREDICTED", "CRITICAL")
    assert "90%" in alert.message


def test_a_failure_within_a_week_warns_and_one_within_a_month_is_no_alert() -> None:
    (alert,) = news(every(30, 5, power=7.0), WITHIN_A_WEEK)
    assert (alert.alert_type, alert.severity) == ("FAILURE_PREDICTED", "WARNING")
    assert lives(every(30, 5, power=7.0), WITHIN_A_MONTH) == []


def test_a_predicted_failure_is_cleared_by_thirty_samples_without_it() -> None:
    heat = Models(RisingModel(even_at=30.0), RulesAnomaly())
    raised = every(30, 3, power=7.0, temperature=40.0)
    cool = every(30, 29, start=100, power=7.0, temperature=15.0)
    assert lives([*raised, *cool], heat) == ["FAILURE_PREDICTED OPEN"]
    last = said(1000, "CHARGING", power=7.0, temperature=15.0)
    assert lives([*raised, *cool, last], heat)[-1] == "FAILURE_PREDICTED CLEARED"


def test_the_rules_predict_no_failure_however_bad_it_looks() -> None:
    ruled = Models(RulesFailure(), RulesAnomaly())
    bad = every(30, 20, power=7.0, temperature=49.0, uptime_hours=1e5, total_sessions=10**6)
    _, outcomes = stepped(bad, ruled)
    assert outcomes[-1].judgement is not None
    assert outcomes[-1].judgement.failure.required
    assert lives(bad, ruled) == []


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("EmergencyStop", "EMERGENCY_STOP"),
        ("CX008", "EMERGENCY_STOP"),
        ("CutCable", "TAMPER"),
        ("CX026", "TAMPER"),
    ],
)
def test_an_emergency_stop_and_a_cut_cable_are_told_at_once(code: str, kind: str) -> None:
    (alert,) = news([said(0, error_codes=[code])])
    assert (alert.alert_type, alert.severity) == (kind, "CRITICAL")
    assert lives([said(0, error_codes=[code]), said(1)]) == [f"{kind} OPEN", f"{kind} CLEARED"]


# One problem, one alert


def test_a_fault_with_its_code_is_one_alert() -> None:
    assert lives(every(30, 9, "FAULTY", error_codes=["PowerLoss"])) == ["CHARGER_FAULTED OPEN"]


def test_heat_with_a_code_is_one_alert() -> None:
    assert lives(every(30, 9, temperature=55.0, error_codes=["HighTemperature"])) == ["OVER_TEMPERATURE OPEN"]


def test_a_charger_found_offline_many_times_is_one_alert() -> None:
    assert lives([said(0), *[reading for n in range(5) for reading in gone(300 + n)]]) == [
        "CHARGER_OFFLINE OPEN"
    ]


def test_silence_does_not_clear_a_fault() -> None:
    readings = [said(0, "FAULTY"), *gone(300), said(400, "FAULTY"), in_cabinet(found(401, None))]
    assert lives(readings) == ["CHARGER_FAULTED OPEN", "CHARGER_OFFLINE OPEN", "CHARGER_OFFLINE CLEARED"]


@pytest.mark.parametrize(("code", "kind"), [("EmergencyStop", "EMERGENCY_STOP"), ("CutCable", "TAMPER")])
def test_silence_does_not_clear_what_a_code_says(code: str, kind: str) -> None:
    readings = [added(0, status="AVAILABLE", error_codes=[code]), *gone(300)]
    assert lives(readings) == [f"{kind} OPEN", "CHARGER_OFFLINE OPEN"]


@pytest.mark.parametrize("code", ["EmergencyStop", "CutCable"])
def test_a_code_with_an_alert_of_its_own_is_no_anomaly_too(code: str) -> None:
    assert len(news(every(30, 9, "AVAILABLE", error_codes=[code]))) == 1


def test_another_code_beside_it_is_an_anomaly_that_names_only_that_one() -> None:
    (_, odd) = news(every(1000, 9, "AVAILABLE", error_codes=["CutCable", "WeakSignal"]))
    assert (odd.alert_type, odd.anomaly_type) == ("ANOMALY", "ERROR_CODE_PRESENT")
    assert "WeakSignal" in odd.message
    assert "CutCable" not in odd.message


@pytest.mark.parametrize(("status", "kind"), [("FAULTY", "CHARGER_FAULTED"), ("OFFLINE", "CHARGER_OFFLINE")])
def test_what_has_failed_is_not_predicted_to_fail(status: str, kind: str) -> None:
    assert lives(every(30, 9, status), SURE) == [f"{kind} OPEN"]


def test_an_alert_says_what_is_wrong_now() -> None:
    coded = every(HOUR, 3, "AVAILABLE", error_codes=["WeakSignal"])
    dropped = vehicles(2, error_codes=["WeakSignal"])
    powerless = [reading._replace(received_at=reading.at + timedelta(hours=3)) for reading in dropped]
    opened, changed = news([*coded, *powerless])
    assert [opened.anomaly_type, changed.anomaly_type] == ["ERROR_CODE_PRESENT", "POWER_DROP_DURING_CHARGING"]
    assert changed.alert_id == opened.alert_id
    after, _ = stepped([*coded, *powerless])
    assert open_alert(after, AlertType.ANOMALY).anomaly_type == "POWER_DROP_DURING_CHARGING"
    assert open_alert(after, AlertType.ANOMALY).message == changed.message


@pytest.mark.parametrize(
    "past",
    [
        said(10, "FAULTY")._replace(measured_at=at(-10)),
        said(10, "FAULTY")._replace(retained=True),
        said(10, "FAULTY")._replace(burst=True),
    ],
)
def test_what_speaks_of_the_past_alerts_nobody(past: Reading) -> None:
    assert lives([said(0), past]) == []


# Names and numbers


def test_an_alerts_name_is_a_uuid_of_version_8_made_from_what_it_is() -> None:
    (alert,) = news([said(0, "FAULTY")])
    named = UUID(alert.alert_id)
    assert (named.version, named.variant) == (8, RFC_4122)
    assert named == hashed_uuid("epoch-1", "A", "1", "CHARGER_FAULTED", "2025-10-01T12:00:00+00:00")


def test_the_same_readings_give_the_same_alerts_again() -> None:
    readings = [*every(30, 9, power=0.0), said(400, "FAULTY", temperature=70.0), said(410)]
    assert news(readings, SURE) == news(readings, SURE)


def test_epoch_charger_connector_type_and_time_all_make_the_name() -> None:
    fault = said(0, "FAULTY", error_codes=["CutCable"])
    told = [
        *news([fault]),
        *news([fault], start=Site("epoch-2")),
        *news([fault._replace(charger_id="B")]),
        *news([fault._replace(connector_id=2)]),
        *news([said(0.000001, "FAULTY")]),
    ]
    assert len({alert.alert_id for alert in told}) == len(told) == 9


def test_news_is_numbered_without_gaps_from_the_last_number_given() -> None:
    readings = [
        said(0, "FAULTY", temperature=70.0, error_codes=["CutCable"]),
        said(1, "FAULTY")._replace(charger_id="B"),
        said(2, temperature=55.0),
        *every(10, 3, start=10, temperature=20.0),
    ]
    told = news(readings, start=replace(site(), alert_seq=41))
    assert [alert.seq for alert in told] == list(range(42, 42 + len(told)))
    assert len(told) == 8


def test_an_open_alert_bears_the_number_of_its_latest_news() -> None:
    after, _ = stepped([said(0, temperature=55.0), said(1, temperature=56.0)])
    assert open_alert(after, HOT).seq == 1
    after, _ = stepped([said(2, temperature=66.0), said(3, temperature=67.0)], start=after)
    assert open_alert(after, HOT).seq == 2


def test_an_alert_keeps_the_moment_as_evidence() -> None:
    (alert,) = news([added(0, status="FAULTY", temperature=30.0, vendor="ACME")])
    assert alert.evidence["reading"] == {
        "connector_status": "FAULTY",
        "temperature": 30.0,
        "vendor": "ACME",
    }
    assert alert.evidence["anomaly_type"] == "STATUS_FAULT"
    assert alert.evidence["failure_model"] == alert.evidence["anomaly_model"] == "rules-1"
    assert 0 <= alert.evidence["failure_probability"] <= 1
