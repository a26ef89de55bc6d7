"""The models as they are shipped, on simulated sites of another seed than they were trained with.

    simulator   the world that they were trained on
    hard        weak precursors, six failures in ten from nowhere, no temperature, bad batches, heat and frost

Beside every figure stand: an alarm that is always on, one that never is, the central service's formula, a
logistic regression fitted to half of these sites, and the oracle, who sees the wear itself.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from edge_agent.adapters.onnx import load_failure
from edge_agent.core.failure import confidence
from edge_agent.core.features import HORIZON_DAYS
from edge_agent.core.rules import RulesFailure
from edge_agent.core.terms import Terms
from edge_agent.simulator.parameters import Parameters, digest
from edge_agent.simulator.worlds import overridden, with_oddities, world
from models.training import failure, plots, scorecard
from models.training.datasets.anomalies import anomaly_figures
from models.training.evaluate import Evaluation
from models.training.fleet import FleetPlan, Rows, simulate
from models.training.metrics import Array, auc, average_precision, brier_skill
from models.training.scorecard import WEEK, Scored
from models.training.upkeep import yearly_cost

if TYPE_CHECKING:
    from edge_agent.core.features import FloatArray
    from edge_agent.core.models import FailureModel

MODELS = Path(__file__).parents[2]
WORLDS = {"simulator": "normal", "hard": "hard"}
SITES = 30
ANOMALY_PLAN = FleetPlan(sites=10, chargers=4, days=120.0)
"""Of sites that report as often as anomalies need to be found."""


def evaluate(dataset: str, seed: int, parameters: Path | None) -> Evaluation:
    """Return the figures of a world. parameters: a file of changes to it.

    Raises: ValueError where the file is wrong.
    """
    changed = world(WORLDS[dataset]) if parameters is None else read(world(WORLDS[dataset]), parameters)
    plan = replace(FleetPlan(), seed=seed, sites=SITES, parameters=changed)
    rows = simulate(plan)
    model = load_failure(MODELS)
    cases = {
        "model": Scored(rows, _curves(model.probabilities, rows.x)),
        "stateless": Scored(rows, _curves(model.probabilities, failure.without_history(rows.x))),
        "rules": Scored(rows, _curves(RulesFailure().probabilities, rows.x)),
        "oracle": Scored(rows, rows.oracle),
    }
    limits = model.thresholds
    notified = (cases["model"].curves[:, 1] >= limits.immediate) | (
        cases["model"].week() >= limits.within_7_days
    )
    figures = {
        "seed": seed,
        "sites": plan.sites,
        "world_sha256": digest(changed),
        "model_version": model.version,
        "horizons": {
            name: scorecard.by_horizon(each, intervals=name == "model") for name, each in cases.items()
        },
        "share_of_oracle": scorecard.share_of(cases["model"], cases["oracle"]),
        "stateless_share_of_model": scorecard.share_of(cases["stateless"], cases["model"]),
        "auc_7d_over_rules": _auc(cases["model"]) - _auc(cases["rules"]),
        "as_shipped": scorecard.alarms(rows, notified),
        "by_budget": {name: scorecard.by_budget(each) for name, each in cases.items()},
        "always_alarm": scorecard.alarms(rows, np.ones(len(rows.at), dtype=np.bool_)),
        "never_alarm": scorecard.alarms(rows, np.zeros(len(rows.at), dtype=np.bool_)),
        "logistic_regression": _logistic(rows),
        "sure": scorecard.sure(cases["model"]),
        "window_coverage": scorecard.window_coverage(cases["model"]),
        "yearly_cost": yearly_cost(rows, model, _terms(changed)),
        "anomalies": anomaly_figures(replace(ANOMALY_PLAN, seed=seed, parameters=with_oddities(changed))),
        "skill_by_confidence": _confidence(
            rows, cases["model"], _trust(model, cases["model"].curves, rows.x)
        ),
    }
    drawn = {name: cases[name] for name in ("model", "oracle", "rules")}
    return Evaluation(figures, partial(plots.draw, cases=drawn, threshold=limits.within_7_days))


def _terms(world: Parameters) -> Terms:
    """Return the agent's default costs, with outages as long as this world's."""
    return Terms(failure_downtime_hours=24 * world.faults.repair_median_days)


def read(parameters: Parameters, file: Path) -> Parameters:
    """Return a world with the changes that a TOML file makes. Raises ValueError, FileNotFoundError."""
    try:
        return overridden(parameters, tomllib.loads(file.read_text()))
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{file}: {error}") from None


def _curves(probabilities: Callable[[FloatArray], FloatArray], x: FloatArray) -> Array:
    """Return a model's answers, shape (n, 5)."""
    return np.asarray(probabilities(x), dtype=np.float64)


def _trust(model: FailureModel, curves: Array, x: FloatArray) -> Array:
    """Return how far the model trusts each of its answers, shape (n,)."""
    told = zip(curves.tolist(), x.tolist(), strict=True)
    return np.array([confidence(curve, row, model) for curve, row in told])


def _auc(scored: Scored) -> float:
    failed, known = scorecard.within(scored.rows, HORIZON_DAYS[WEEK])
    return auc(failed[known], scored.week()[known])


def _logistic(rows: Rows) -> dict[str, Any]:
    """Return what a logistic regression on the same inputs reaches at 7 days, on sites it has not seen."""
    failed, known = scorecard.within(rows, HORIZON_DAYS[WEEK])
    learn, test = known & (rows.site % 2 == 0), rows.where(rows.site % 2 == 1)
    steps = SimpleImputer(add_indicator=True, keep_empty_features=True), StandardScaler()
    fitted = make_pipeline(*steps, LogisticRegression(max_iter=500))
    fitted.fit(rows.x[learn], failed[learn])
    p = fitted.predict_proba(test.x)[:, 1]
    scored = Scored(test, np.tile(p[:, np.newaxis], (1, len(HORIZON_DAYS))))
    failed, known = scorecard.within(test, HORIZON_DAYS[WEEK])
    return {
        "auc_7d": _auc(scored),
        "average_precision_7d": average_precision(failed[known], p[known]),
        "by_budget": scorecard.by_budget(scored),
    }


def _confidence(rows: Rows, scored: Scored, told: Array) -> dict[str, float]:
    """Return the Brier skill at 7 days where the model trusts itself most and least: thirds of the rows."""
    failed, known = scorecard.within(rows, HORIZON_DAYS[WEEK])
    order = np.argsort(told[known], kind="stable")
    thirds = np.array_split(order, 3)
    truth, p = failed[known], scored.week()[known]
    names = ("bottom_third", "middle_third", "top_third")
    return {name: brier_skill(truth[each], p[each]) for name, each in zip(names, thirds, strict=True)}
