"""Episodes of alerts against what truly was, and the foreign sets that they are counted on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from edge_agent.wire.answers import AnomalyType
from models.training.anomaly_scoring import Event, Score, Span, episodes, macro_f1, watched
from models.training.datasets import ev_sessions, skab

START = datetime(2024, 1, 1, tzinfo=UTC)
DAILY = [START + timedelta(days=n) for n in range(61)]


def span(begin: float, end: float) -> tuple[datetime, datetime]:
    return START + timedelta(days=begin), START + timedelta(days=end)


def days(*numbers: float) -> list[datetime]:
    return [START + timedelta(days=number) for number in numbers]


def test_alerts_less_than_a_day_apart_are_one_episode() -> None:
    assert episodes(days(1, 1.5, 2.4, 5)) == days(1, 5)


def test_an_episode_is_false_unless_something_was_wrong_and_outages_excuse_it() -> None:
    score = Score()
    odd, outage = Event("jump", *span(10, 11)), Span(*span(20, 21))
    score.add(DAILY, days(5, 10.5, 20.5, 40), ([odd], [outage]))
    told = score.figures()
    assert told["evse_months"] == pytest.approx(60 / 30.4, abs=0.1)
    assert score.false == 2
    assert (told["found"], told["hard"]["found"], told["drift"]["found"]) == (1.0, 1.0, None)


def test_an_event_that_nothing_was_told_of_is_missed_and_a_delay_counts_samples() -> None:
    score = Score()
    score.add(DAILY, days(12), ([Event("a", *span(10, 14)), Event("b", *span(30, 31))], []))
    assert score.figures()["found"] == 0.5
    assert score.delays["a"] == [(3, 48.0)]


def test_long_silence_is_not_watched() -> None:
    assert watched(days(0, 1, 30, 31)) == pytest.approx(2 / 30.4)


def test_f1_is_of_each_type_that_occurs() -> None:
    normal, fault = AnomalyType.NORMAL, AnomalyType.STATUS_FAULT
    told = macro_f1([normal, normal, fault, fault], [normal, normal, fault, normal])
    assert told == pytest.approx({"STATUS_FAULT": 2 / 3, "NORMAL": 0.8, "macro": (2 / 3 + 0.8) / 2})


def test_a_plain_step_in_any_file_of_the_sets_shape_is_found(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    for name in ("a", "b"):
        lines = ["datetime;S1;S2;anomaly;changepoint"]
        for n in range(2000):
            odd = 550 <= n < 750
            one, two = rng.normal(5 + 3 * odd, 0.1), rng.normal(1, 0.1)
            lines.append(f"2020-01-01;{one:.4f};{two:.4f};{float(odd)};0.0")
        (tmp_path / f"{name}.csv").write_text("\n".join(lines))
    told = skab.evaluate(tmp_path)
    assert told["files"] == 2
    assert told["all"]["at_10_percent_false"]["true_positive_rate"] > 0.9


def test_a_set_without_files_says_so(tmp_path: Path) -> None:
    for module in (skab, ev_sessions):
        with pytest.raises(FileNotFoundError):
            module.evaluate(tmp_path)


def test_quiet_sessions_raise_nothing_and_a_fault_put_in_is_found(tmp_path: Path) -> None:
    lines = ["dataset,charger_id,connector_id,start,end,energy_kwh"]
    for n in range(80):
        at = START + timedelta(hours=12 * n)
        lines.append(f"x,A,,{at.isoformat()},{(at + timedelta(hours=2)).isoformat()},{14 + n % 3}")
    (tmp_path / "sessions.csv").write_text("\n".join(lines))
    told = ev_sessions.evaluate(tmp_path)["chosen_on"]
    assert (told["false_an_evse_month"], told["found"]) == (0.0, 1.0)
