"""The trainer's small parts: thresholds, calibration, labels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.core.features import HORIZON_DAYS, N_FAILURE, N_STATELESS
from models.training import additive, episodes, failure, hazard, train
from models.training.additive import FLOAT32_MAX, rounded_down
from models.training.export import mean_path
from models.training.fleet import Rows


def alarms(at: list[float], failure_at: float = np.inf, end: float = 100.0, evse: int = 0) -> Rows:
    """Return rows of one EVSE at these days, with a failure on one day and the end of sight on another."""
    times = np.array(at)
    count = len(times)
    return Rows(
        np.zeros((count, N_FAILURE), np.float32),
        np.zeros(count, np.int64),
        np.full(count, evse),
        times,
        failure_at - times,
        end - times,
        np.zeros((count, hazard.BINS)),
        np.full(count, -1),
        np.zeros(count, np.bool_),
        np.full(count, -1),
    )


@given(
    st.floats(allow_nan=False, allow_infinity=False),
    st.floats(width=32, allow_nan=False, allow_infinity=False),
)
def test_a_float32_falls_on_the_same_side_of_a_rounded_threshold(threshold: float, value: float) -> None:
    if threshold >= -FLOAT32_MAX:
        assert (np.float32(value) <= np.float32(rounded_down(threshold))) == (value <= threshold)


@pytest.mark.parametrize(("samples", "depth"), [(1, 0.0), (2, 1.0), (128, 8.86), (256, 10.24)])
def test_mean_path_is_the_papers_c_of_n(samples: int, depth: float) -> None:
    assert mean_path(samples) == pytest.approx(depth, abs=0.01)


def test_calibration_finds_slope_and_offset_again() -> None:
    rng = np.random.default_rng(5)
    raw = rng.normal(-3, 1.5, 200_000)
    failed = rng.random(len(raw)) < 1 - np.exp(-np.exp(0.7 * raw - 0.5))
    assert hazard.calibrated(raw, failed) == pytest.approx((0.7, -0.5), abs=0.05)


def test_a_score_that_says_the_opposite_is_calibrated_to_the_base_rate() -> None:
    raw = np.linspace(-1, 1, 1000)
    slope, offset = hazard.calibrated(raw, raw < -0.8)
    assert slope == 0
    assert 1 - np.exp(-np.exp(offset)) == pytest.approx(0.1)


def test_calibration_without_a_failure_is_refused() -> None:
    with pytest.raises(ValueError, match="more units or days"):
        hazard.calibrated(np.zeros(10), np.zeros(10, np.bool_))


@pytest.mark.parametrize(
    ("to_failure", "to_censor", "bins"),
    [
        (0.5, 100, [(True, True)] + [(False, False)] * 4),
        (5, 100, [(True, False), (True, False), (True, True), (False, False), (False, False)]),
        (np.inf, 10, [(True, False)] * 3 + [(False, False)] * 2),
        (5, 2, [(True, False)] + [(False, False)] * 4),
        (np.inf, 31, [(True, False)] * 5),
    ],
    ids=["fails at once", "fails on day 5", "seen for 10 days", "censored before it fails", "lives"],
)
def test_only_bins_that_were_wholly_seen_count(
    to_failure: float, to_censor: float, bins: list[tuple[bool, bool]]
) -> None:
    row = alarms([0.0], to_failure, to_censor)
    outcomes = [hazard.outcome(row, begin, end) for begin, end in hazard.BIN_SPANS]
    assert [(bool(at_risk[0]), bool(failed[0])) for at_risk, failed in outcomes] == bins


def test_some_training_rows_lack_a_value() -> None:
    gapped = failure.with_gaps(np.ones((10_000, N_FAILURE), np.float32), np.random.default_rng(1))
    shares = np.isnan(gapped).mean(axis=0)
    assert shares[:N_STATELESS].max() == pytest.approx(failure.UNKNOWN_SHARE, abs=0.02)
    assert shares[N_STATELESS:].max() == 0.0


def test_steps_are_found_again_and_unknown_values_have_their_own() -> None:
    rng = np.random.default_rng(3)
    x = rng.normal(size=(20_000, 2)).astype(np.float32)
    x[rng.random(len(x)) < 0.2, 0] = np.nan
    logit = np.where(np.isnan(x[:, 0]), 1.0, np.where(x[:, 0] > 0.5, 2.0, -2.0))
    truth = (rng.random(len(x)) < 1 / (1 + np.exp(-logit))).astype(np.float64)
    model = additive.fit(x, truth, additive.Columns(2), seed=1)
    asked = np.array([[0.0, 0.0], [1.0, 0.0], [np.nan, 0.0]], np.float32)
    assert model.scores(asked) == pytest.approx([-2.0, 2.0, 1.0], abs=0.35)
    assert model.terms(x).mean(axis=0) == pytest.approx([0.0, 0.0], abs=1e-9)


def test_where_the_true_risk_is_known_it_is_what_is_learned() -> None:
    row = alarms([0.0], failure_at=5.0)._replace(oracle=np.array([[0.1, 0.2, 0.4, 0.6, 0.8]]))
    x, probability = hazard.target(row, 3, 7)
    assert len(x) == 1
    assert probability == pytest.approx([0.25])
    assert hazard.target(row, 0, 1)[1] == pytest.approx([0.1])


def test_thresholds_keep_to_the_budget_together() -> None:
    rng = np.random.default_rng(9)
    rows = alarms(sorted(rng.uniform(0, 300, 3000)), failure_at=np.inf, end=400)
    curves = np.sort(rng.random((3000, 5)) * 0.5, axis=1)
    limits = train.thresholds(rows, curves)
    for actions, budget in train.BUDGETS:
        due = [curves[:, HORIZON_DAYS.index(days)] >= limits[action] for action, days in actions.items()]
        assert episodes.tally(rows, np.any(due, axis=0)).false_rate <= budget
