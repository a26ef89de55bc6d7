"""Is the simulator fit to train on? `python -m models.training.checks [--world hard] [--data DIR]`.

A plain boosted model must not find failures too easily, shuffled labels must teach nothing, neither the
charger's name nor time alone may tell of a failure on unseen sites, what is known a day before must do, and
nobody may know better than the oracle. With `--data`, a classifier tells simulated from real sessions.
Source: models/README.md, "The fleet simulator".
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import lightgbm
import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, roc_auc_score

from edge_agent.core.features import HORIZON_DAYS
from models.training import calibration
from models.training.fleet import MODES, FleetPlan, Rows, simulate, world_of
from models.training.sessions import real, simulated

if TYPE_CHECKING:
    from models.training.fleet import Array

DAYS = 7
HORIZON = HORIZON_DAYS.index(DAYS)
TOO_EASY_AUC = 0.97
CHANCE_AUC = 0.55
SHUFFLES = 10
CHANCE_BAND = 0.06
"""How far from a half shuffled labels may score on average: one shuffle alone may follow by chance a column
that tells of failures, one way or the other."""
FROZEN_SHARE = 0.6
"""Of the skill over chance at 7 d, what must remain with inputs a day old."""
CALIBRATED = (0.8, 1.25)
TREES = 80
SETTINGS = {
    "objective": "binary",
    "num_leaves": 8,
    "learning_rate": 0.06,
    "min_data_in_leaf": 200,
    "lambda_l2": 20.0,
    "verbose": -1,
    "num_threads": 1,
    "seed": 1,
    "deterministic": True,
}
YEAR_DAYS = 365.25


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: what it measured, and whether that is as it must be."""

    name: str
    value: float
    passed: bool


def main() -> None:
    """Simulate, check, print; end with 1 where the simulator must be refused."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--world", default="normal", choices=["normal", "hard"])
    parser.add_argument("--parameters", type=Path, metavar="FILE", help="changes to the world's numbers")
    parser.add_argument("--sites", type=int, default=40)
    parser.add_argument("--days", type=float, default=270)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--data", type=Path, metavar="DIR", help="folder with ev_sessions and epfl_ccs")
    given = parser.parse_args()
    parameters = world_of(given.world, given.parameters)
    rows = simulate(FleetPlan(sites=given.sites, days=given.days, seed=given.seed, parameters=parameters))
    print("\n".join(f"{name}: {value:.3f}" for name, value in described(rows).items()))
    found = checked(rows) + (_sessions(given.data) if given.data is not None else [])
    for each in found:
        print(f"{'pass' if each.passed else 'FAIL'}  {each.name}: {each.value:.3f}")
    sys.exit(int(not all(each.passed for each in found)))


def described(rows: Rows) -> dict[str, float]:
    """Return the rates of a fleet: failures an EVSE-year in service, and the share that can be foretold."""
    first = failures(rows)
    row_days = float(np.median(np.diff(rows.at)[np.diff(rows.evse) == 0]))
    told = {
        "EVSEs": float(len(np.unique(rows.evse))),
        "failures": float(len(first)),
        "failures an EVSE-year": len(first) / (len(rows.at) * row_days / YEAR_DAYS),
        "share announced": float(rows.next_announced[first].mean()),
    }
    shares = np.bincount(rows.next_mode[first], minlength=len(MODES)) / len(first)
    told |= {f"share {mode}": float(share) for mode, share in zip(MODES, shares, strict=True) if share}
    for place, days in enumerate(HORIZON_DAYS):
        failed, known = outcome(rows, days)
        oracle = rows.oracle[known, place]
        told[f"base rate {days} d"] = float(failed[known].mean())
        told[f"oracle AUC {days} d"] = float(roc_auc_score(failed[known], oracle))
        told[f"oracle AP {days} d"] = float(average_precision_score(failed[known], oracle))
    return told


def checked(rows: Rows) -> list[Finding]:
    """Return every check that needs simulated rows alone."""
    learn, test = _halves(rows)
    failed, known = outcome(rows, DAYS)
    learn, test = learn & known, test & known
    rng = np.random.default_rng(1)
    plain = _scores(rows.x, failed, learn, test)
    auc, ap = roc_auc_score(failed[test], plain), average_precision_score(failed[test], plain)
    oracle = rows.oracle[test, HORIZON]
    best_auc, best_ap = roc_auc_score(failed[test], oracle), average_precision_score(failed[test], oracle)
    shuffled = [_scores(rows.x, rng.permutation(failed), learn, test) for _ in range(SHUFFLES)]
    chance = float(np.mean([roc_auc_score(failed[test], scores) for scores in shuffled]))
    return [
        Finding("AUC of boosted trees at 7 d, unseen sites", auc, auc < TOO_EASY_AUC),
        Finding("oracle's AUC less theirs", best_auc - auc, best_auc > auc),
        Finding("their share of the oracle's AP", ap / best_ap, ap < best_ap),
        Finding("AUC after shuffled labels", chance, abs(chance - 0.5) < CHANCE_BAND),
        *_alone(rows, failed, (learn, test)),
        _frozen(rows, (learn, test)),
        *_oracle_calibration(rows),
    ]


def outcome(rows: Rows, days: float) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which rows fail within so many days, and of which that is known."""
    failed = rows.to_failure <= np.minimum(days, rows.to_censor)
    return failed, failed | (rows.to_censor >= days)


def failures(rows: Rows) -> NDArray[np.int64]:
    """Return the place of the last row before each failure."""
    seen = np.isfinite(rows.to_failure)
    moment = np.round(rows.at + rows.to_failure, 6)
    last = np.ones(len(rows.at), dtype=np.bool_)
    last[:-1] = (rows.evse[1:] != rows.evse[:-1]) | (moment[1:] != moment[:-1])
    return np.flatnonzero(seen & last)


def _alone(
    rows: Rows, failed: NDArray[np.bool_], halves: tuple[NDArray[np.bool_], NDArray[np.bool_]]
) -> list[Finding]:
    """Return how well a charger's number, or the time, tells of failures by itself."""
    learn, test = halves
    found = []
    for name, column in (("charger id", rows.evse % 1000), ("time", rows.at)):
        auc = roc_auc_score(failed[test], _scores(column[:, np.newaxis], failed, learn, test))
        found.append(Finding(f"AUC of {name} alone", auc, auc <= CHANCE_AUC))
    return found


def _frozen(rows: Rows, halves: tuple[NDArray[np.bool_], NDArray[np.bool_]]) -> Finding:
    """Return what remains of the skill at 7 d where the inputs are those of a day before."""
    learn, test = halves
    failed, _ = outcome(rows, DAYS)
    ahead = ~(rows.to_failure <= 1)  # who fails within the day has no input of the day before
    booster = lightgbm.train(SETTINGS, lightgbm.Dataset(rows.x[learn], failed[learn].astype(float)), TREES)
    step = round(1 / float(np.median(np.diff(rows.at)[np.diff(rows.evse) == 0])))
    old = np.maximum(np.arange(len(rows.at)) - step, 0)
    same = rows.evse[old] == rows.evse
    chosen = test & ahead & same
    now, then = (np.asarray(booster.predict(rows.x[place])) for place in (chosen, old[chosen]))
    skills = [roc_auc_score(failed[chosen], p) - 0.5 for p in (now, then)]
    share = skills[1] / skills[0]
    return Finding("share of the skill with inputs a day old", share, share > FROZEN_SHARE)


def _oracle_calibration(rows: Rows) -> list[Finding]:
    found = []
    for place, days in enumerate(HORIZON_DAYS):
        failed, known = outcome(rows, days)
        ratio = float(failed[known].mean() / rows.oracle[known, place].mean())
        found.append(
            Finding(f"observed over the oracle's, {days} d", ratio, CALIBRATED[0] < ratio < CALIBRATED[1])
        )
    return found


def _halves(rows: Rows) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which rows to learn from and which to test on: sites apart, each half with all kinds of site."""
    kinds = 5
    learn = rows.site // kinds % 2 == 0
    return learn, ~learn


def _scores(
    x: NDArray[np.generic], failed: NDArray[np.bool_], learn: NDArray[np.bool_], test: NDArray[np.bool_]
) -> Array:
    inputs = np.asarray(x, dtype=np.float64)
    booster = lightgbm.train(SETTINGS, lightgbm.Dataset(inputs[learn], failed[learn].astype(float)), TREES)
    return np.asarray(booster.predict(inputs[test]), dtype=np.float64)


def _sessions(data: Path) -> list[Finding]:
    truth, made = real(data), simulated(calibration.DAYS, calibration.CHARGERS)
    found = []
    for kind in made:
        auc = calibration.told_apart(truth[kind], made[kind])
        found.append(Finding(f"AUC of telling {kind} sessions from real ones", auc, passed=True))
    return found


if __name__ == "__main__":
    main()
