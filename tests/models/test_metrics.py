"""Figures of probabilities, against cases whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from models.training.metrics import (
    Interval,
    auc,
    bootstrap,
    brier_skill,
    calibration_slope,
    observed_over_expected,
    rounded,
)

RNG = np.random.default_rng(7)
P = RNG.beta(1, 8, 40_000)
TRUTH = RNG.random(40_000) < P


def test_the_base_rate_has_no_skill_and_the_truth_has_all() -> None:
    assert brier_skill(TRUTH, np.full(len(P), TRUTH.mean())) == pytest.approx(0)
    assert brier_skill(TRUTH, TRUTH.astype(float)) == 1
    assert 0 < brier_skill(TRUTH, P) < 1


def test_right_probabilities_have_slope_one_and_bold_ones_less() -> None:
    assert calibration_slope(TRUTH, P) == pytest.approx(1, abs=0.05)
    bold = 1 / (1 + np.exp(-2 * np.log(P / (1 - P))))
    assert calibration_slope(TRUTH, bold) == pytest.approx(0.5, abs=0.05)


def test_right_probabilities_expect_what_is_observed_at_the_top_too() -> None:
    assert observed_over_expected(TRUTH, P) == pytest.approx(1, abs=0.05)
    assert observed_over_expected(TRUTH, P, top=0.05) == pytest.approx(1, abs=0.1)
    assert observed_over_expected(TRUTH, P / 2, top=0.05) == pytest.approx(2, abs=0.2)


def test_an_interval_widens_where_rows_come_in_few_units() -> None:
    many = bootstrap(np.arange(2000), lambda rows: auc(TRUTH[rows], P[rows]))
    few = bootstrap(np.arange(2000) // 100, lambda rows: auc(TRUTH[rows], P[rows]))
    for each in (many, few):
        assert each.value is not None
        assert each.low is not None
        assert each.high is not None
        assert each.low < each.value < each.high


def test_what_cannot_be_told_is_null() -> None:
    nothing = np.zeros(50, dtype=np.bool_)
    assert bootstrap(np.arange(50), lambda rows: auc(nothing[rows], P[rows])) == Interval(None, None, None)


def test_figures_go_out_as_json_values() -> None:
    told = rounded({"a": Interval(0.123456, None, 1.0), "b": [np.float64(np.nan), np.int64(3)], 7: "x"})
    assert told == {"a": {"value": 0.1235, "low": None, "high": 1.0}, "b": [None, 3], "7": "x"}
