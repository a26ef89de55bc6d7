"""What failure probabilities were worth on EVSEs that their model never saw: every figure of the table, once.

A scored set is a curve a row (probability of failure by each of HORIZON_DAYS) beside what became of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from edge_agent.core.failure import day_of
from edge_agent.core.features import HORIZON_DAYS
from models.training import episodes
from models.training.episodes import Timed
from models.training.metrics import (
    auc,
    average_precision,
    bootstrap,
    brier_skill,
    calibration_slope,
    observed_over_expected,
)

Array = NDArray[np.float64]
Bools = NDArray[np.bool_]
BUDGETS = (0.01, 0.03, 0.05, 0.1, 0.2, 0.3)
"""False episodes an EVSE-month."""
WEEK = HORIZON_DAYS.index(7)
SURE = 0.85
WINDOW = (0.05, 0.95)


class Told(Timed, Protocol):
    """Rows whose future is known."""

    @property
    def next_announced(self) -> Bools:
        """Whether something could have told of the row's next failure beforehand."""
        ...


@dataclass(frozen=True, slots=True)
class Scored:
    """rows, and curves of shape (n, 5)."""

    rows: Told
    curves: Array

    def week(self) -> Array:
        """Return P(failure within 7 days), shape (n,): what alarms are ranked by."""
        return self.curves[:, WEEK]


def within(rows: Timed, days: float) -> tuple[Bools, Bools]:
    """Return which rows fail within so many days, and of which that is known."""
    failed = (rows.to_failure <= days) & (rows.to_failure <= rows.to_censor)
    return failed, failed | (rows.to_censor >= days)


def by_horizon(scored: Scored, *, intervals: bool = False) -> dict[str, dict[str, Any]]:
    """Return skill, ranking and calibration for each horizon; with intervals by bootstrap over EVSEs."""
    told = {}
    for place, days in enumerate(HORIZON_DAYS):
        failed, known = within(scored.rows, days)
        truth, p, unit = failed[known], scored.curves[known, place], scored.rows.evse[known]
        each: dict[str, Any] = {"rows": len(truth), "base_rate": float(truth.mean())}
        for name, figure in (
            ("brier_skill", brier_skill),
            ("auc", auc),
            ("average_precision", average_precision),
        ):
            each[name] = figure(truth, p)
            if intervals:
                each[name] = bootstrap(unit, lambda at, of=figure, t=truth, q=p: of(t[at], q[at]))  # type: ignore[misc]
        each |= {
            "calibration_slope": calibration_slope(truth, p),
            "observed_over_expected": observed_over_expected(truth, p),
            "observed_over_expected_top_1": observed_over_expected(truth, p, top=0.01),
            "observed_over_expected_top_5": observed_over_expected(truth, p, top=0.05),
        }
        told[f"{days}d"] = each
    return told


def share_of(scored: Scored, best: Scored) -> dict[str, float]:
    """Return the average precision at each horizon as a share of another's, the oracle's for one."""
    shares = {}
    for place, days in enumerate(HORIZON_DAYS):
        failed, known = within(scored.rows, days)
        own, others = (average_precision(failed[known], each.curves[known, place]) for each in (scored, best))
        shares[f"{days}d"] = own / others
    return shares


def alarms(rows: Told, alarm: Bools) -> dict[str, Any]:
    """Return what an alarm is worth in episodes, and how much of the time it lasts."""
    found = episodes.tally(rows, alarm)
    every, predictable = episodes.failures(rows), announced(rows)
    return {
        "true": found.true,
        "false": found.false,
        "false_an_evse_month": found.false_rate,
        "precision": found.precision,
        "failures": len(every),
        "caught": len(found.caught & every) / max(len(every), 1),
        "predictable": len(predictable),
        "caught_of_predictable": len(found.caught & predictable) / max(len(predictable), 1),
        "median_lead_days": float(np.median(found.lead_days)) if found.true else None,
        "share_of_time": float(alarm.mean()),
        "evse_months": found.evse_months,
    }


def announced(rows: Told) -> frozenset[tuple[int, float]]:
    """Return the failures that something told of beforehand."""
    places = np.flatnonzero(rows.next_announced)
    return episodes.failures(_Chosen(rows, places))


def by_budget(scored: Scored) -> list[dict[str, Any]]:
    """Return what ranking by P(7 days) is worth at each budget of false episodes."""
    told = []
    for budget in BUDGETS:
        limit = episodes.threshold(scored.rows, scored.week(), budget)
        told.append({"budget": budget, "threshold": limit, **alarms(scored.rows, scored.week() >= limit)})
    return told


def sure(scored: Scored) -> dict[str, Any]:
    """Return how often those fail within 30 days of whom that is said with SURE or more, by episodes."""
    failed, known = within(scored.rows, HORIZON_DAYS[-1])
    rows = _Chosen(scored.rows, np.flatnonzero(known & (scored.curves[:, -1] >= SURE)))
    begun = episodes.begins(rows.evse, rows.at)
    outcome = failed[rows.places[begun]]
    return {
        "episodes": len(begun),
        "observed": float(outcome.mean()) if len(begun) else None,
        "recall": float((failed & (scored.curves[:, -1] >= SURE)).sum() / max(failed.sum(), 1)),
    }


def window_coverage(scored: Scored) -> float:
    """Return how often a failure within 30 days falls into the window told, nominally 90 %."""
    failed, _ = within(scored.rows, HORIZON_DAYS[-1])
    places = np.flatnonzero(failed)
    inside = [
        day_of(scored.curves[place], WINDOW[0])
        <= scored.rows.to_failure[place]
        <= day_of(scored.curves[place], WINDOW[1])
        for place in places
    ]
    return float(np.mean(inside)) if inside else float("nan")


class _Chosen:
    """Some of the rows, as rows."""

    def __init__(self, rows: Timed, places: NDArray[np.intp]) -> None:
        self.places = places
        self.evse = rows.evse[places]
        self.at = rows.at[places]
        self.to_failure = rows.to_failure[places]
        self.to_censor = rows.to_censor[places]
