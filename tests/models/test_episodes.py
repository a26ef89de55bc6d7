"""Alarms are counted as episodes, by hand-made timelines."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from models.training.episodes import begins, evse_months, failures, tally, threshold

Array = NDArray[np.float64]


class Timeline(NamedTuple):
    evse: NDArray[np.int64]
    at: Array
    to_failure: Array
    to_censor: Array


def timeline(days: float, fails_on: float = np.inf, step: float = 0.25, evse: int = 1) -> Timeline:
    """Return one EVSE's rows until it fails or is lost from sight."""
    at = np.arange(0, min(days, fails_on), step)
    return Timeline(np.full(len(at), evse), at, fails_on - at, days - at)


def together(*parts: Timeline) -> Timeline:
    return Timeline._make(np.concatenate(columns) for columns in zip(*parts, strict=True))


def on(rows: Timeline, *spans: tuple[float, float]) -> NDArray[np.bool_]:
    alarm = np.zeros(len(rows.at), dtype=np.bool_)
    for begin, end in spans:
        alarm |= (rows.at >= begin) & (rows.at < end)
    return alarm


def test_a_run_of_alarm_with_gaps_under_a_day_is_one_episode() -> None:
    rows = timeline(100)
    assert tally(rows, on(rows, (10, 12), (12.5, 14))).false == 1


def test_a_gap_of_a_day_begins_another() -> None:
    rows = timeline(100)
    assert tally(rows, on(rows, (10, 12), (13, 14))).false == 2


def test_a_long_alarm_is_a_new_episode_after_seven_days() -> None:
    rows = timeline(100)
    assert tally(rows, on(rows, (10, 31))).false == 3


def test_two_evses_never_share_an_episode() -> None:
    rows = together(timeline(50, evse=1), timeline(50, evse=2))
    assert tally(rows, on(rows, (10, 12))).false == 2


def test_the_second_evses_long_alarm_is_cut_by_its_own_time() -> None:
    rows = together(timeline(90, evse=1), timeline(40, evse=2))
    alarm = on(rows, (20, 30)) & (rows.evse == 2)
    assert begins(rows.evse[alarm], rows.at[alarm]).tolist() == [0, 28]


@pytest.mark.parametrize(
    ("alarm_from", "true"),
    [(12.75, 0), (13.0, 1), (19.5, 1), (19.75, 0)],
    ids=["too early", "seven days before", "half a day before", "too late to help"],
)
def test_true_is_what_starts_half_a_day_to_seven_days_before_a_failure(alarm_from: float, true: int) -> None:
    rows = timeline(100, fails_on=20)
    alarm = on(rows, (alarm_from, alarm_from + 0.25))
    found = tally(rows, alarm)
    assert found.true == true
    assert len(found.caught) == true


def test_lead_is_counted_from_the_start_of_the_episode() -> None:
    rows = timeline(100, fails_on=20)
    assert tally(rows, on(rows, (15, 20))).lead_days.tolist() == [5.0]


def test_an_episode_whose_end_was_not_seen_counts_neither_way() -> None:
    rows = timeline(30)
    found = tally(rows, on(rows, (25, 30)))
    assert (found.true, found.false) == (0, 0)
    assert np.isnan(found.precision)


def test_always_alarm_is_mostly_false() -> None:
    rows = together(*(timeline(200, fails_on=150, evse=each) for each in range(20)))
    always = tally(rows, np.ones(len(rows.at), dtype=np.bool_))
    assert always.precision < 0.1
    assert always.false_rate > 3


def test_a_failure_is_named_once_however_many_rows_foretell_it() -> None:
    rows = together(timeline(100, fails_on=20), timeline(100, evse=2))
    assert failures(rows) == {(1, 20.0)}
    assert tally(rows, on(rows, (14, 15), (18, 19))).caught == {(1, 20.0)}


def test_time_that_nobody_watched_is_no_exposure() -> None:
    rows = together(timeline(30.45, step=0.1), timeline(10, evse=2, step=2))
    assert evse_months(rows) == pytest.approx(1.0)


def test_a_threshold_keeps_to_its_budget_and_no_alarm_fits_a_budget_of_nothing() -> None:
    rng = np.random.default_rng(1)
    rows = together(*(timeline(300, evse=each) for each in range(10)))
    score = rng.random(len(rows.at))
    limit = threshold(rows, score, 0.2)
    assert 0 < tally(rows, score >= limit).false_rate <= 0.2
    assert not (score >= threshold(rows, score, 0.0)).any()
