"""When to do maintenance, and what it saves."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.core.maintenance import best_time, costs, maintenance_answer
from edge_agent.core.slots import quiet_hour_after
from edge_agent.core.suggestions import settled
from edge_agent.core.terms import Terms
from edge_agent.wire.answers import (
    Action,
    FailureAnswer,
    MaintenanceAnswer,
    SuggestionState,
    Urgency,
    Window,
)
from tests.core.making import NOON, folded, said

BERLIN = ZoneInfo("Europe/Berlin")
ANY_ZONE = st.sampled_from(
    [
        UTC,
        *map(
            ZoneInfo,
            ("Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Pacific/Apia"),
        ),
    ]
)
amounts = st.floats(0, 10_000)
HEALTHY, BROKEN = folded([said(0)]), folded([said(0, "FAULTY")])
REQUIRED = (True, Action.IMMEDIATE)


def failure(
    probability: float = 0.5,
    action: Action = Action.WITHIN_30_DAYS,
    *,
    required: bool = True,
    window_h: float = 300.0,
    moment: datetime = NOON,
) -> FailureAnswer:
    start = moment + timedelta(hours=window_h)
    return FailureAnswer(
        charger_id="A",
        connector_id=1,
        engine="onnx",
        model_version="m-1",
        timestamp=moment,
        failure_probability=probability,
        failure_probability_by_horizon={"1d": 0.0, "7d": 0.0, "30d": probability},
        predicted_failure_date=start if required else None,
        predicted_failure_window=Window(start=start, end=start + timedelta(days=3)) if required else None,
        confidence=0.5,
        confidence_score=0.5,
        recommended_action=action,
        recommended_action_window=action,
        recommended_actions=[],
        top_contributing_factors=["heat raises the risk"],
        contributions=[],
        action_required=required,
        calibrated=True,
        origin="telemetry",
        history=True,
    )


def suggested(**told: object) -> MaintenanceAnswer:
    return maintenance_answer(HEALTHY, failure(**told), Terms())  # type: ignore[arg-type]


@given(
    st.floats(0, 1),
    st.builds(
        Terms,
        revenue_per_hour=amounts,
        labour_cost=amounts,
        repair_cost=amounts,
        preventive_downtime_hours=amounts,
        failure_downtime_hours=amounts,
    ),
)
def test_the_three_formulas_are_the_central_services(failure_probability: float, terms: Terms) -> None:
    downtime_hours, failure_downtime = terms.preventive_downtime_hours, terms.failure_downtime_hours
    preventive_cost = downtime_hours * terms.revenue_per_hour + terms.labour_cost
    expected_failure_cost = failure_probability * (
        failure_downtime * terms.revenue_per_hour + terms.repair_cost
    )
    money = costs(failure_probability, terms)
    assert money.preventive_maintenance_cost == pytest.approx(preventive_cost, abs=0.006)
    assert money.expected_failure_cost == pytest.approx(expected_failure_cost, abs=0.006)
    assert money.net_savings == pytest.approx(expected_failure_cost - preventive_cost, abs=0.006)


def test_costs_are_in_the_operators_currency_and_to_the_cent() -> None:
    money = costs(0.5, Terms(currency="CHF"))
    assert money.model_dump() == {
        "preventive_maintenance_cost": 136.0,
        "expected_failure_cost": 492.0,
        "net_savings": 356.0,
        "currency": "CHF",
    }


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2025-07-01T12:00:00+00:00", "2025-07-02T00:00:00+00:00"),
        ("2025-01-01T12:00:00+00:00", "2025-01-02T01:00:00+00:00"),
        ("2025-01-01T00:59:59+00:00", "2025-01-01T01:00:00+00:00"),
        ("2025-01-01T01:00:00+00:00", "2025-01-02T01:00:00+00:00"),
        # The night in which the hour from 2 to 3 is left out: 02:00 is when 03:00 begins.
        ("2025-03-29T12:00:00+00:00", "2025-03-30T01:00:00+00:00"),
        ("2025-03-30T01:00:00+00:00", "2025-03-31T00:00:00+00:00"),
        # The night that has 02:00 twice: the first of them, and then the next night's.
        ("2025-10-25T12:00:00+00:00", "2025-10-26T00:00:00+00:00"),
        ("2025-10-26T00:30:00+00:00", "2025-10-27T01:00:00+00:00"),
        ("2025-10-26T01:30:00+00:00", "2025-10-27T01:00:00+00:00"),
    ],
)
def test_the_quiet_hour_is_the_next_2_o_clock_in_berlin(moment: str, expected: str) -> None:
    assert quiet_hour_after(datetime.fromisoformat(moment), BERLIN) == datetime.fromisoformat(expected)


@given(st.datetimes(datetime(2000, 1, 1), datetime(2050, 1, 1), timezones=st.just(UTC)), ANY_ZONE)  # noqa: DTZ001
def test_the_quiet_hour_always_lies_ahead_and_within_a_day_and_a_bit(
    moment: datetime, zone: ZoneInfo
) -> None:
    quiet = quiet_hour_after(moment, zone)
    assert moment < quiet <= moment + timedelta(hours=50)
    assert quiet.tzinfo is UTC
    assert quiet.astimezone(zone).hour in (2, 3)


@pytest.mark.parametrize(
    ("action", "urgency"),
    [
        (Action.IMMEDIATE, Urgency.CRITICAL),
        (Action.WITHIN_7_DAYS, Urgency.HIGH),
        (Action.WITHIN_30_DAYS, Urgency.MEDIUM),
    ],
)
def test_the_urgency_follows_the_action(action: Action, urgency: Urgency) -> None:
    answer = maintenance_answer(HEALTHY, failure(action=action), Terms())
    assert (answer.urgency, answer.urgency_level) == (urgency, urgency)
    assert answer.action_required
    assert answer.resolution == "SITE_VISIT"


def test_a_charger_that_is_broken_is_critical_whatever_the_model_says() -> None:
    answer = maintenance_answer(BROKEN, failure(0.0, required=False), Terms())
    assert (answer.urgency, answer.action_required) == (Urgency.CRITICAL, True)
    assert answer.recommended_date == quiet_hour_after(NOON, UTC)


def test_nothing_to_do_is_a_planned_visit_a_month_ahead() -> None:
    answer = maintenance_answer(HEALTHY, failure(0.1, required=False), Terms(time_zone=BERLIN))
    assert (answer.urgency, answer.action_required, answer.resolution) == (Urgency.LOW, False, "NONE")
    assert answer.recommended_date == datetime(2025, 11, 1, 1, 0, tzinfo=UTC)  # 02:00 in winter
    assert answer.recommended_maintenance_datetime == answer.recommended_date
    assert answer.deadline is None


@given(st.floats(0, 200), st.sampled_from([Action.IMMEDIATE, Action.WITHIN_7_DAYS]), ANY_ZONE)
def test_what_presses_is_done_before_the_failure_window(
    window_h: float, action: Action, zone: ZoneInfo
) -> None:
    answer = failure(action=action, window_h=window_h)
    urgency = Urgency.CRITICAL if action is Action.IMMEDIATE else Urgency.HIGH
    when = best_time(urgency, answer, Terms(time_zone=zone))
    assert answer.predicted_failure_window is not None
    assert NOON <= when <= answer.predicted_failure_window.start


def test_what_presses_is_done_the_next_night_where_there_is_time() -> None:
    assert best_time(Urgency.HIGH, failure(window_h=300), Terms()) == datetime(2025, 10, 2, 2, 0, tzinfo=UTC)
    assert best_time(Urgency.HIGH, failure(window_h=5), Terms()) == NOON + timedelta(hours=5)


def test_the_rationale_says_the_risk_and_what_is_saved() -> None:
    told = " ".join(suggested(probability=0.5).rationale)
    assert "50%" in told
    assert "saves about 356 EUR" in told
    assert "Heat raises the risk." in told
    assert "saves" not in " ".join(suggested(probability=0.1).rationale)


def test_without_a_model_the_risk_is_called_a_score() -> None:
    uncalibrated = failure().model_copy(update={"calibrated": False})
    assert "Risk score (no model)" in maintenance_answer(HEALTHY, uncalibrated, Terms()).rationale[0]


def test_the_first_suggestion_stands() -> None:
    fresh = suggested()
    assert settled(None, fresh) is fresh


def test_a_suggestion_is_not_moved_for_little() -> None:
    before = suggested(probability=0.5)
    later = suggested(probability=0.55, moment=NOON + timedelta(hours=1))
    assert settled(before, later) is before


def test_a_suggestion_moves_when_the_savings_change_by_more_than_a_fifth_and_keeps_its_name() -> None:
    before = suggested(probability=0.5)
    later = suggested(probability=0.6, moment=NOON + timedelta(hours=1))
    moved = settled(before, later)
    assert moved.cost_benefit == later.cost_benefit
    assert moved.suggestion_id == before.suggestion_id != later.suggestion_id


def test_a_suggestion_moves_when_it_becomes_more_urgent() -> None:
    before = suggested(probability=0.5)
    later = suggested(probability=0.5, action=Action.IMMEDIATE, moment=NOON + timedelta(hours=1))
    assert settled(before, later).urgency is Urgency.CRITICAL


def test_a_suggestion_whose_time_has_come_gives_way_to_a_new_date() -> None:
    before = suggested()
    later = suggested(moment=before.recommended_date)
    assert settled(before, later).recommended_date > before.recommended_date


def test_nothing_to_do_stays_where_it_is_until_its_visit() -> None:
    before = suggested(probability=0.1, required=False)
    later = suggested(probability=0.4, required=False, moment=NOON + timedelta(days=29))
    assert settled(before, later) is before


def test_what_is_done_gives_way_to_a_new_suggestion() -> None:
    before = suggested().model_copy(update={"state": SuggestionState.DONE})
    fresh = suggested(moment=NOON + timedelta(hours=1))
    assert settled(before, fresh) is fresh


def test_an_accepted_suggestion_stays_accepted_when_it_moves() -> None:
    before = suggested().model_copy(update={"state": SuggestionState.ACCEPTED})
    assert settled(before, suggested(probability=1.0)).state is SuggestionState.ACCEPTED


@given(
    st.lists(
        st.tuples(st.floats(0, 1), st.floats(0, 100), st.sampled_from(list(Action)), st.booleans()),
        max_size=6,
    )
)
def test_settling_again_what_is_settled_moves_nothing(told: list[tuple[float, float, Action, bool]]) -> None:
    kept, hours = None, 0.0
    for probability, passed_h, action, required in told:
        hours += passed_h
        fresh = suggested(
            probability=probability, action=action, required=required, moment=NOON + timedelta(hours=hours)
        )
        kept = settled(kept, fresh)
        assert settled(kept, fresh) == kept
        assert kept.recommended_date > fresh.timestamp or fresh.recommended_date <= fresh.timestamp


def test_the_same_facts_give_the_same_suggestion() -> None:
    assert suggested() == suggested()
    assert suggested().suggestion_id != suggested(moment=NOON + timedelta(seconds=1)).suggestion_id
