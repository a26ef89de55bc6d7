"""From the curve to the failure answer."""

from __future__ import annotations

import math
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.core.charger import Charger
from edge_agent.core.failure import (
    confidence,
    contributions,
    day_of,
    down,
    failure_answer,
    judged_rows,
)
from edge_agent.core.features import (
    FAILURE_FEATURES,
    HORIZON_DAYS,
    N_FAILURE,
    N_STATELESS,
    FloatArray,
    failure_row,
)
from edge_agent.core.models import FailureModel, Scope
from edge_agent.core.rules import RulesFailure
from edge_agent.wire.answers import Action, Contribution, FailureAnswer, FailureMode
from tests.core.making import NOON, CurveModel, RisingModel, at, folded, said, stranger

curves = st.lists(st.floats(2**-10, 1, width=32), min_size=5, max_size=5).map(sorted)


def answer_of(model: FailureModel, charger: Charger) -> FailureAnswer:
    (risk,) = judged_rows([failure_row(charger, NOON)], model)
    return failure_answer(charger, risk, model, (NOON, "telemetry"))


class CountingModel(RisingModel):
    """Every known input moves it by its own value."""

    def contributions(self, rows: FloatArray) -> FloatArray:
        return np.repeat(np.nan_to_num(rows)[:, np.newaxis], len(HORIZON_DAYS), axis=1)


def factors_of(model: FailureModel, row: tuple[float, ...]) -> list[Contribution]:
    (risk,) = judged_rows([row], model)
    return contributions(risk)


HOT = folded([said(0, "CHARGING", temperature=45.0, power=7.0, error_codes=["WeakSignal"])])


@pytest.mark.parametrize(
    ("curve", "action", "required"),
    [
        ((0.0, 0.5, 0.5, 0.5, 0.5), "IMMEDIATE", True),
        ((0.0, 0.49, 0.5, 0.5, 0.5), "WITHIN_7_DAYS", True),
        ((0.0, 0.49, 0.49, 0.49, 0.5), "WITHIN_30_DAYS", True),
        ((0.0, 0.49, 0.49, 0.49, 0.49), "WITHIN_30_DAYS", False),
    ],
)
def test_each_action_is_read_at_its_own_horizon(
    curve: tuple[float, ...], action: str, required: bool
) -> None:
    answer = answer_of(CurveModel(*curve), HOT)
    assert (answer.recommended_action, answer.recommended_action_window) == (action, action)
    assert answer.action_required is required


def test_where_nothing_is_to_be_done_there_is_no_date_and_no_window() -> None:
    answer = answer_of(CurveModel(0.0, 0.1, 0.2, 0.3, 0.4), HOT)
    assert (answer.predicted_failure_date, answer.predicted_failure_window) == (None, None)
    assert answer.recommended_actions == ["Nothing to do."]


def test_horizons_and_probability_are_the_curves() -> None:
    answer = answer_of(CurveModel(0.125, 0.25, 0.375, 0.5, 0.75), HOT)
    assert answer.failure_probability_by_horizon == {"1d": 0.125, "7d": 0.375, "30d": 0.75}
    assert answer.failure_probability == 0.75


def test_date_and_window_are_the_median_and_the_5_to_95_percent_of_the_curve() -> None:
    answer = answer_of(CurveModel(1 / 30, 3 / 30, 7 / 30, 14 / 30, 1.0), HOT)
    assert answer.predicted_failure_date is not None
    assert answer.predicted_failure_window is not None
    days = [
        (moment - NOON) / timedelta(days=1)
        for moment in (
            answer.predicted_failure_window.start,
            answer.predicted_failure_date,
            answer.predicted_failure_window.end,
        )
    ]
    assert days == pytest.approx([1.5, 15.0, 28.5], abs=1e-4)


@given(curves, st.floats(0.01, 0.99))
def test_the_day_of_a_share_undoes_the_curve(curve: list[float], share: float) -> None:
    day = day_of(curve, share)
    assert 0 <= day <= 30
    after = next(n for n, end in enumerate(HORIZON_DAYS) if day <= end)
    assert curve[after] >= share * curve[-1] * (1 - 1e-9)


@given(curves)
def test_an_answer_never_contradicts_itself(curve: list[float]) -> None:
    answer = answer_of(CurveModel(*curve), HOT)
    by = answer.failure_probability_by_horizon
    assert by["1d"] <= by["7d"] <= by["30d"] == answer.failure_probability
    assert answer.confidence == answer.confidence_score
    date, window = answer.predicted_failure_date, answer.predicted_failure_window
    assert (date is None) == (window is None) == (not answer.action_required)
    if date is not None and window is not None:
        assert NOON <= window.start <= date <= window.end <= NOON + timedelta(days=30)
    if not answer.action_required:
        assert answer.recommended_action is Action.WITHIN_30_DAYS
    if answer.recommended_action is Action.WITHIN_7_DAYS:
        assert by["7d"] >= 0.5


def test_the_factor_that_moves_the_risk_is_named_with_its_value_and_unit() -> None:
    answer = answer_of(RisingModel("temperature"), HOT)
    (factor,) = answer.contributions
    assert (factor.feature, factor.value) == ("temperature", 45.0)
    assert factor.contribution > 0
    assert answer.top_contributing_factors == ["temperature 45 °C raises the risk"]
    assert answer.recommended_actions == [
        "Inspect the connector's contacts, fan and air filter for the cause of the heat.",
        "Inspect the connector: contacts, cable, temperature sensor.",
    ]
    assert answer.likely_failure_mode is FailureMode.CONNECTOR


def test_the_largest_contribution_stands_first() -> None:
    charger = folded(
        [
            said(
                0,
                "FAULTY",
                temperature=100.0,
                error_codes=["X"],
                uptime_hours=10_000,
                total_sessions=2_000,
                last_maintenance="2024-01-01T00:00:00Z",
            )
        ]
    )
    found = factors_of(RulesFailure(), failure_row(charger, NOON))
    assert [each.feature for each in found] == [
        "status_int",
        "uptime_hours",
        "temperature",
        "total_sessions",
        "days_since_maintenance",
        "error_count",
    ]
    assert [each.contribution for each in found] == pytest.approx([2, 2, 1.5, 1, 0.6095, 0.3], abs=1e-3)


@given(st.lists(st.floats(1, 1000), min_size=N_FAILURE, max_size=N_FAILURE))
def test_there_are_six_contributions_at_most(row: list[float]) -> None:
    found = factors_of(CountingModel(), tuple(row))
    assert len(found) == 6
    assert {each.feature for each in found} <= set(FAILURE_FEATURES)


def test_nothing_known_gives_an_answer_too() -> None:
    answer = answer_of(RulesFailure(), stranger())
    assert (answer.contributions, answer.top_contributing_factors) == ([], [])
    assert answer.history is False


def test_the_rules_number_is_called_no_probability() -> None:
    answer = answer_of(RulesFailure(), HOT)
    assert (answer.engine, answer.calibrated, answer.model_version) == ("rules", False, "rules-1")


def test_confidence_is_the_models_trust_less_what_is_not_known() -> None:
    everything = said(
        0,
        energy_delivered=1.0,
        power=1.0,
        temperature=1.0,
        error_codes=[],
        uptime_hours=1.0,
        total_sessions=1,
        last_maintenance="2025-01-01T00:00:00Z",
    )
    assert answer_of(RisingModel(), folded([everything])).confidence == 0.8
    assert answer_of(RisingModel(), folded([said(0)])).confidence == pytest.approx(0.8 * (0.5 + 0.5 / 8))
    assert answer_of(RisingModel(), stranger()).confidence == pytest.approx(0.4 * 0.5)


def test_an_answer_says_whose_it_is_and_from_when() -> None:
    charger = folded([said(0)._replace(tenant_id="t-1")])
    answer = answer_of(RisingModel(), charger)
    assert (answer.charger_id, answer.connector_id, answer.tenant_id) == ("A", 1, "t-1")
    assert (answer.timestamp, answer.origin, answer.history) == (at(0), "telemetry", True)


def test_heat_is_told_in_degrees_and_names_what_to_look_at() -> None:
    row = [math.nan] * N_FAILURE
    row[N_STATELESS:] = [0.0] * (N_FAILURE - N_STATELESS)
    row[FAILURE_FEATURES.index("temperature_excess")] = 14.0
    model = RisingModel("temperature_excess", even_at=5.0)
    (risk,) = judged_rows([tuple(row)], model)
    answer = failure_answer(folded([said(0)]), risk, model, (NOON, "telemetry"))
    assert answer.recommended_actions[0] == (
        "Inspect the connector's contacts: 14 °C above what its load explains."
    )


def test_what_is_down_has_failed_already_and_says_since_when_and_why() -> None:
    answer = answer_of(
        CurveModel(0.0, 0.0, 0.0, 0.0, 0.1), folded([said(0), said(60, "FAULTY", error_codes=["X"])])
    )
    assert (answer.failure_probability, answer.recommended_action) == (1.0, Action.IMMEDIATE)
    assert answer.failed_since == answer.predicted_failure_date == at(60)
    assert answer.top_contributing_factors[0] == "already failed, since 2025-10-01 12:01 UTC: FAULTY, X"


def test_three_starts_without_energy_are_a_failure_until_one_succeeds() -> None:
    starts = [said(60 * n, "CHARGING" if n % 2 else "AVAILABLE", energy_delivered=0.0) for n in range(7)]
    charger = folded(starts)
    found = down(charger)
    assert found is not None
    assert found.since == at(120)
    good = [said(500, "CHARGING", energy_delivered=5.0), said(560, energy_delivered=5.0)]
    assert down(folded(good, charger)) is None


def test_the_rules_call_nothing_failed() -> None:
    assert answer_of(RulesFailure(), folded([said(0, "FAULTY")])).failure_probability < 1.0


def test_an_answer_that_is_no_better_than_the_average_asks_for_nothing() -> None:
    model = CurveModel(0.9, 0.9, 0.9, 0.9, 0.9)
    model.trust = (0.0, 0.0)
    answer = answer_of(model, HOT)
    assert answer.action_required is False
    assert answer.recommended_actions == ["No better than average: check at the next planned visit."]


def test_inputs_unlike_the_training_lower_the_confidence_by_their_weight() -> None:
    model = scoped(base_rate=0.02)
    even, inside = 1 / N_FAILURE, (0.5,) * N_FAILURE
    most = confidence(SURE, inside, model)
    assert most == pytest.approx(0.8, abs=0.02)
    assert confidence(SURE, (*inside[1:], 2.0), model) == pytest.approx(most * (1 - even), abs=1e-3)
    assert confidence(SURE, (*inside[1:], math.nan), model) == pytest.approx(most * (1 - even), abs=1e-3)


def test_confidence_is_how_much_more_is_said_than_the_base_rate() -> None:
    model, inside = scoped(base_rate=0.02), (0.5,) * N_FAILURE
    told = [confidence((0.0, 0.0, p, 1.0, 1.0), inside, model) for p in (0.02, 0.05, 0.2, 0.6)]
    assert told[0] == 0.0
    assert told == sorted(set(told))
    assert told[1] == pytest.approx(0.8 * 0.0009 / (0.0009 + 0.0196), abs=1e-3)


SURE = (1.0,) * len(HORIZON_DAYS)


def scoped(base_rate: float) -> RisingModel:
    model = CurveModel(*SURE)
    model.scope = Scope(base_rate, (1 / N_FAILURE,) * N_FAILURE, (0.0,) * N_FAILURE, (1.0,) * N_FAILURE)
    return model
