"""Two releases asked the same: one answers, both are counted, and one that fails is out."""

from __future__ import annotations

import numpy as np
import pytest

from edge_agent.core.features import N_ANOMALY, N_FAILURE, FloatArray
from edge_agent.core.models import Models
from edge_agent.core.rules import RulesAnomaly, RulesFailure
from edge_agent.trial import Trial
from edge_agent.wire.rollout import Comparison, Side

ROWS = np.zeros((4, N_FAILURE), dtype=np.float32)
SAMPLES = np.zeros((2, N_ANOMALY), dtype=np.float32)


class Clock:
    """A monotonic clock that each model moves on."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Failures(RulesFailure):
    """A failure model that says the same of every row, in so many seconds."""

    calibrated = True

    def __init__(self, clock: Clock, version: str, says: float, takes_s: float = 0.0) -> None:
        self.version = version
        self.breaks = False
        self._clock, self._says, self._takes_s = clock, says, takes_s

    def explained(self, rows: FloatArray) -> tuple[FloatArray, FloatArray]:
        self._clock.now += self._takes_s
        if self.breaks:
            raise ZeroDivisionError("of the test")
        return np.full((len(rows), 5), self._says, np.float32), np.zeros(
            (len(rows), 5, N_FAILURE), np.float32
        )


class Anomalies(RulesAnomaly):
    """An anomaly model that says the same of every sample."""

    def __init__(self, says: float) -> None:
        self._says = says

    def scores(self, rows: FloatArray) -> FloatArray:
        return np.full(len(rows), self._says, np.float32)


class Bench:
    """An old release that is calm, and a new one that cries wolf and takes its time."""

    def __init__(self, *, new_judges: bool = False, so_far: Comparison | None = None) -> None:
        self.clock = Clock()
        self.new_failures = Failures(self.clock, "new", 0.99, takes_s=2.0)
        self.new = Models(self.new_failures, Anomalies(90.0))
        self.old = Models(Failures(self.clock, "old", 0.01, takes_s=0.5), Anomalies(10.0))
        self.trial = Trial(
            self.new, self.old, new_judges=new_judges, so_far=so_far or Comparison(), seconds=self.clock
        )


@pytest.mark.parametrize(("new_judges", "version", "says"), [(False, "old", 0.01), (True, "new", 0.99)])
def test_one_answers_and_both_are_counted(*, new_judges: bool, version: str, says: float) -> None:
    bench = Bench(new_judges=new_judges)
    live = bench.trial.live
    assert live.failure.version == version
    assert live.failure.explained(ROWS)[0][0, 0] == np.float32(says)
    assert live.anomaly.scores(SAMPLES).tolist() == [90.0 if new_judges else 10.0] * 2
    told = bench.trial.told()
    assert (told.rows, told.samples, told.hours) == (4, 2, 2.5 / 3_600)
    assert (told.new, told.old) == (Side(alarms=4, odd=2, seconds=2.0), Side(seconds=0.5))


def test_a_candidate_that_fails_disturbs_nobody_and_is_asked_no_more() -> None:
    bench = Bench()
    bench.new_failures.breaks = True
    assert bench.trial.live.failure.explained(ROWS)[0][0, 0] == np.float32(0.01)
    assert bench.trial.told().new.faults == 4
    assert bench.trial.live is bench.old


def test_one_that_fails_on_probation_gives_way_from_the_next_batch_on() -> None:
    bench = Bench(new_judges=True)
    bench.new_failures.breaks = True
    with pytest.raises(ZeroDivisionError):
        bench.trial.live.failure.explained(ROWS)
    assert bench.trial.live is bench.old


def test_a_comparison_goes_on_where_it_was() -> None:
    first = Bench()
    first.trial.live.failure.explained(ROWS)
    second = Bench(so_far=first.trial.told())
    second.trial.live.failure.explained(ROWS)
    told = second.trial.told()
    assert (told.rows, told.new.alarms, told.new.seconds, told.hours) == (8, 8, 4.0, 5.0 / 3_600)
