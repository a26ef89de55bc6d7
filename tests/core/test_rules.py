"""The central service's failure formula, beside the one written here from its page."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.core.asking import Question, failures
from edge_agent.core.features import FAILURE_FEATURES, HORIZON_DAYS, as_matrix
from edge_agent.core.rules import RulesAnomaly, RulesFailure, score, sigmoid
from edge_agent.wire.metrics import ConnectorStatus, Metrics
from tests.core.making import RULES

STATUSES = list(ConnectorStatus)


class Inputs(NamedTuple):
    """What the formula knows; None where it is unknown."""

    status: ConnectorStatus | None = None
    temp: float | None = None
    errors: int | None = None
    uptime: float | None = None
    sessions: int | None = None
    days: float | None = None

    @property
    def row(self) -> list[float]:
        """As the model gets it."""
        code = None if self.status is None else float(self.status.code)
        told = (code, 1.0, 1.0, self.temp, self.errors, self.uptime, self.sessions, self.days)
        return [math.nan if value is None else value for value in told]


def central_score(known: Inputs) -> float:
    """Return the score as "ML Models / Failure Predictor" of the central service's page has it."""
    temp = 25.0 if known.temp is None else known.temp
    total = (
        0.02 * (temp - 25)
        + 0.3 * min(known.errors or 0, 5)
        + 0.0002 * (known.uptime or 0)
        + 0.0005 * (known.sessions or 0)
        + 0.001 * max((known.days or 0) - 30, 0)
    )
    return total + 2.0 if known.status in {"FAULTY", "OFFLINE", "UNAVAILABLE"} else total


@given(
    st.builds(
        Inputs,
        st.none() | st.sampled_from(STATUSES),
        st.none() | st.floats(-60, 150),
        st.none() | st.integers(0, 32),
        st.none() | st.floats(0, 1e6),
        st.none() | st.integers(0, 10**7),
        st.none() | st.floats(0, 1e5),
    )
)
def test_the_score_is_the_central_services(known: Inputs) -> None:
    (ours,) = score(np.array([known.row]))
    assert ours == pytest.approx(central_score(known), rel=1e-12, abs=1e-12)


@given(st.floats(-700, 700))
def test_the_sigmoid_is_one(x: float) -> None:
    assert sigmoid(np.array([x]))[0] == pytest.approx(1 / (1 + math.exp(-x)), abs=1e-15)


@given(
    st.builds(
        Inputs,
        st.sampled_from(STATUSES),
        st.none() | st.floats(-60, 150, width=32),
        st.integers(0, 32),
        st.none() | st.floats(0, 20000, width=32),
        st.none() | st.integers(0, 20000),
        st.none(),
    )
)
def test_the_answer_to_a_question_is_the_formulas(known: Inputs) -> None:
    metrics = Metrics.model_validate(
        {
            "connector_status": known.status,
            "temperature": known.temp,
            "error_codes": ["X"] * (known.errors or 0),
            "uptime_hours": known.uptime,
            "total_sessions": known.sessions,
        }
    )
    (answer,) = failures([Question("A", metrics)], {}, RULES, datetime(2025, 1, 1, tzinfo=UTC))
    theirs = 1 / (1 + math.exp(-central_score(known)))
    assert answer.failure_probability == pytest.approx(theirs, abs=2e-6)
    assert (answer.engine, answer.calibrated) == ("rules", False)


def test_the_central_services_own_example_scores_0_77() -> None:
    metrics = Metrics.model_validate(
        {
            "connector_status": "CHARGING",
            "energy_delivered": 45.5,
            "power": 7.2,
            "temperature": 35.0,
            "error_codes": [],
            "uptime_hours": 1500,
            "total_sessions": 300,
            "last_maintenance": "2024-06-01T10:00:00Z",
            "metadata": {},
        }
    )
    (answer,) = failures([Question("CHG_001", metrics)], {}, RULES, datetime(2026, 1, 6, 12, tzinfo=UTC))
    assert round(answer.failure_probability, 2) == 0.77


def test_nothing_known_scores_one_half() -> None:
    assert sigmoid(score(np.full((1, 8), np.nan)))[0] == 0.5


def test_maintenance_within_thirty_days_and_errors_beyond_five_do_not_move_the_score() -> None:
    capped = [
        Inputs(errors=5),
        Inputs(errors=32, days=30.0),
        Inputs(errors=6, days=29.9, temp=25.0, uptime=0.0),
    ]
    rows = np.array([known.row for known in capped])
    assert score(rows).tolist() == [1.5] * 3


@given(st.lists(st.floats(-60, 150, width=32), min_size=1, max_size=9))
def test_the_curve_rises_to_the_score_at_a_constant_hazard(temperatures: list[float]) -> None:
    rows = np.full((len(temperatures), len(FAILURE_FEATURES)), np.nan)
    rows[:, 3] = temperatures
    curves = RulesFailure().probabilities(as_matrix([tuple(each) for each in rows.tolist()]))
    assert curves.shape == (len(temperatures), len(HORIZON_DAYS))
    assert curves.dtype == np.float32
    assert (np.diff(curves) >= 0).all()
    hazard = -np.log1p(-curves.astype(np.float64)) / np.array(HORIZON_DAYS)
    assert np.allclose(hazard, hazard[:, -1:], rtol=1e-3)


def test_history_does_not_move_the_rules() -> None:
    bare = Inputs(temp=40.0, errors=1, uptime=100.0, sessions=10, days=60.0).row
    rows = as_matrix([(*bare, *[math.nan] * 10), (*bare, *[9.0] * 10)])
    curves = RulesFailure().probabilities(rows)
    assert (curves[0] == curves[1]).all()


def test_the_rules_have_no_vote_on_anomalies() -> None:
    votes = RulesAnomaly().scores(np.zeros((3, 5), dtype=np.float32))
    assert votes.shape == (3,)
    assert np.isnan(votes).all()
