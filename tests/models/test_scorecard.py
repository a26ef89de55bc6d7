"""The scorecard against fleets whose true hazard is known."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from edge_agent.core.features import HORIZON_DAYS
from models.training.scorecard import Scored, alarms, by_budget, by_horizon, share_of, sure, window_coverage

Array = NDArray[np.float64]


class Fleet(NamedTuple):
    evse: NDArray[np.int64]
    at: Array
    to_failure: Array
    to_censor: Array
    next_announced: NDArray[np.bool_]


def fleet(evses: int = 400, days: float = 60) -> Scored:
    """Return EVSEs with a constant hazard each, and their true curves."""
    rng = np.random.default_rng(3)
    hazards = np.exp(rng.normal(-4.5, 1.5, evses))
    parts, curves = [], []
    for evse, hazard in enumerate(hazards):
        fails = rng.exponential(1 / hazard)
        at = np.arange(0, min(days, fails), 0.5)
        parts.append((np.full(len(at), evse), at, fails - at, days - at, np.full(len(at), evse % 2 == 0)))
        curves.append(np.tile(1 - np.exp(-hazard * np.array(HORIZON_DAYS)), (len(at), 1)))
    rows = Fleet._make(np.concatenate(column) for column in zip(*parts, strict=True))
    return Scored(rows, np.concatenate(curves))


TRUE = fleet()
FLAT = Scored(TRUE.rows, np.full_like(TRUE.curves, 0.1) * np.linspace(0.5, 1, 5))


def test_the_true_curve_has_skill_at_each_horizon_and_expects_what_comes() -> None:
    for told in by_horizon(TRUE).values():
        assert told["brier_skill"] > 0
        assert told["auc"] > 0.6
        assert told["observed_over_expected"] == pytest.approx(1, abs=0.35)


def test_the_base_rate_has_no_skill() -> None:
    assert by_horizon(FLAT)["7d"]["auc"] == 0.5
    assert by_horizon(FLAT)["7d"]["brier_skill"] <= 0


def test_intervals_hold_their_figure() -> None:
    told = by_horizon(fleet(60), intervals=True)["30d"]["auc"]
    assert told.low < told.value < told.high


def test_the_best_reaches_all_of_itself_and_others_less() -> None:
    assert share_of(TRUE, TRUE) == dict.fromkeys(("1d", "3d", "7d", "14d", "30d"), 1.0)
    assert share_of(FLAT, TRUE)["7d"] < 1


def test_a_larger_budget_never_catches_fewer() -> None:
    caught = [each["caught"] for each in by_budget(TRUE)]
    assert caught == sorted(caught)
    assert all(each["false_an_evse_month"] <= each["budget"] for each in by_budget(TRUE))


def test_always_alarm_catches_all_and_never_alarm_nothing() -> None:
    everything = np.ones(len(TRUE.rows.at), dtype=np.bool_)
    always, never = alarms(TRUE.rows, everything), alarms(TRUE.rows, ~everything)
    assert always["share_of_time"] == 1
    assert always["precision"] < 0.2
    assert (never["caught"], never["false"]) == (0, 0)


def test_what_is_called_sure_mostly_comes() -> None:
    told = sure(TRUE)
    assert told["episodes"] > 20
    assert told["observed"] > 0.8


def test_the_window_holds_nine_of_ten_failures_within_the_month() -> None:
    assert window_coverage(TRUE) == pytest.approx(0.9, abs=0.08)
