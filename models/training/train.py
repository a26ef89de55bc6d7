"""Train both models: `python -m models.training.train [--out DIR]`; the same seed gives the same bytes."""

from __future__ import annotations

import argparse
import hashlib
import json
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edge_agent.adapters.onnx import MANIFEST, MANIFEST_FORMAT, load_anomaly, load_failure
from edge_agent.core.features import (
    ANOMALY_FEATURES,
    FAILURE_FEATURES,
    FEATURE_VERSION,
    HORIZON_DAYS,
    N_ANOMALY,
    FloatArray,
)
from edge_agent.simulator.parameters import digest
from edge_agent.simulator.usage import SITE_KINDS
from models.training import additive, anomaly, episodes, export, failure, scorecard
from models.training.fleet import FleetPlan, Rows, described, simulate
from models.training.metrics import rounded
from models.training.scorecard import Scored

if TYPE_CHECKING:
    from models.training.anomaly import ForestModel
    from models.training.failure import FailureModel
    from models.training.fleet import Array

VERSION = "2.0.0"
RELEASE = 1
"""Higher with each pair that is published; see `models.repository`."""
MODELS = Path(__file__).parent.parent
GOLDEN_ROWS = 24
TOLERANCE = 1e-5
TRUST_PLACE = HORIZON_DAYS.index(7)
NOTIFIED = {"immediate": 3, "within_7_days": 7}
PLANNED = {"within_30_days": 30}
"""Days of the horizon that each action is read at. The first two raise an alert, the third a suggestion."""
BUDGETS = ((NOTIFIED, 0.02), (PLANNED, 0.1))
"""False episodes an EVSE-month on the sites that thresholds are set on; 0.03 notified ones are aimed at."""
LEAST_SKILL = 0.01
"""Brier skill, at the lower end of its interval."""
RANGE = (0.0, 1.0)
DECILES = tuple(tenth / 10 for tenth in range(1, 10))
WEIGHED_ROWS = 20_000
LEARN_SHARE, TEST_SHARE = 1 / 2, 1 / 6


def main() -> None:
    """Simulate, fit, export, check and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=MODELS, help="directory for models and manifest")
    train(FleetPlan(), parser.parse_args().out)


def train(plan: FleetPlan, out: Path, workers: int = 2) -> None:
    """Write the two models and their manifest to `out`, then load them as the agent does.

    The bytes depend on the plan alone, not on the number of processes that simulate.
    """
    print(f"simulating {plan.sites} sites of {plan.chargers} chargers over {plan.days:g} days")
    rows = simulate(plan, workers)
    learn, tune, test = split(rows, plan)
    print(f"{len(rows.at)} rows of {len(np.unique(rows.evse))} EVSEs; fitting")
    hazard = failure.fit(learn, tune, plan.seed)
    forest = anomaly.fit(learn, plan.seed)
    files = {
        "failure_predictor": export.failure_graph(hazard),
        "anomaly_detector": export.anomaly_graph(forest),
    }
    entries = {
        "failure_predictor": _failure_entry(hazard, (learn, tune, test)),
        "anomaly_detector": _anomaly_entry(forest, test),
    }
    origin = _origin(plan, rows)
    for name, content in files.items():
        entries[name] = _identity(name, content) | origin | entries[name]
        (out / f"{name}.onnx").write_bytes(content)
    manifest = {"format": MANIFEST_FORMAT, "release": RELEASE, "models": entries}
    (out / MANIFEST).write_text(json.dumps(manifest, indent=1, allow_nan=False) + "\n")
    _check_parity(out, (hazard, forest), test)
    print(json.dumps({name: entry["metrics"] for name, entry in entries.items()}, indent=1))


def split(rows: Rows, plan: FleetPlan) -> tuple[Rows, Rows, Rows]:
    """Return rows to learn from, to calibrate and set thresholds on, and to test on: sites apart, 3 : 2 : 1.

    The kinds of site take turns, and only whole turns are dealt out: each part has all kinds.
    """
    turns = plan.sites // len(SITE_KINDS)
    learned, tested = ceil(turns * LEARN_SHARE), max(round(turns * TEST_SHARE), 1)
    turn = rows.site // len(SITE_KINDS)
    learn, test = turn < learned, turn >= turns - tested
    return rows.where(learn), rows.where(~learn & ~test), rows.where(test)


def _identity(name: str, content: bytes) -> dict[str, Any]:
    return {
        "version": VERSION,
        "file": f"{name}.onnx",
        "sha256": hashlib.sha256(content).hexdigest(),
        "opset": export.OPSET,
        "feature_version": FEATURE_VERSION,
    }


def _origin(plan: FleetPlan, rows: Rows) -> dict[str, Any]:
    """Return where the models come from; the data's id is a digest of the rows themselves."""
    seen = hashlib.sha256()
    for column in rows:
        seen.update(np.ascontiguousarray(column).tobytes())
    chosen = {
        "plan": described(plan),
        "boosting": additive.BOOSTING | {"trees": additive.TREES, "leaf_share": additive.LEAF_SHARE},
        "forest": {"trees": anomaly.TREES, "samples": anomaly.SAMPLES},
    }
    settings = hashlib.sha256(json.dumps(chosen, sort_keys=True).encode()).hexdigest()
    data_id = f"simulator-{seen.hexdigest()[:16]}"
    return {
        "training": {
            "data_id": data_id,
            "seed": plan.seed,
            "parameters_sha256": settings,
            "world_sha256": digest(plan.parameters),
        }
    }


def _failure_entry(model: FailureModel, parts: tuple[Rows, Rows, Rows]) -> dict[str, Any]:
    """Return the manifest's thresholds, trust and figures: thresholds from `tune`, figures from `test`."""
    learn, tune, test = parts
    known, bare = model.curves(test.x), model.curves(failure.without_history(test.x))
    limits = thresholds(tune, model.curves(tune.x))
    limits_stateless = thresholds(tune, model.curves(failure.without_history(tune.x)))
    cases = {"with_history": Scored(test, known), "stateless": Scored(test, bare)}
    alarms = {
        case: scorecard.alarms(test, alarm(scored.curves, chosen))
        for (case, scored), chosen in zip(cases.items(), (limits, limits_stateless), strict=True)
    }
    skill = {case: scorecard.by_horizon(scored, intervals=True) for case, scored in cases.items()}
    golden = _golden_rows(test.x)
    return {
        "inputs": list(FAILURE_FEATURES),
        "thresholds": limits,
        "thresholds_stateless": limits_stateless,
        "trust": {case: _trust(each) for case, each in skill.items()},
        "base_rate": round(float(scorecard.within(learn, 7)[0].mean()), 6),
        "distribution": distribution(model, learn.x),
        "golden": _golden(golden, model.curves(golden)),
        "metrics": rounded({"unseen_sites": skill, "alarm_episodes": alarms}),
    }


def _trust(skill: dict[str, Any]) -> float:
    """Return 1 where unseen sites showed skill at 7 days that is worth the word, else 0."""
    told = skill["7d"]["brier_skill"]
    return float(told.low is not None and told.low >= LEAST_SKILL)


def thresholds(rows: Rows, curves: Array) -> dict[str, float]:
    """Return the thresholds that keep to the budgets of false episodes."""
    found: dict[str, float] = {}
    for actions, budget in BUDGETS:
        found |= _thresholds(rows, curves, actions, budget)
    return found


def _thresholds(rows: Rows, curves: Array, actions: dict[str, int], budget: float) -> dict[str, float]:
    """Return the thresholds of actions that share a budget.

    All are the same quantile of their own probabilities, so one search finds them.
    """
    places = [HORIZON_DAYS.index(days) for days in actions.values()]
    sorted_ = np.sort(curves[:, places], axis=0)
    ranks = [
        np.searchsorted(sorted_[:, column], curves[:, place], side="right")
        for column, place in enumerate(places)
    ]
    highest = np.max(ranks, axis=0).astype(np.float64)
    rank = episodes.threshold(rows, highest, budget)
    if rank > highest.max():  # not even one alarm fits
        return dict.fromkeys(actions, 1.0)
    at = min(round(rank), len(rows.at)) - 1
    return {
        action: round(min(max(float(sorted_[at, column]), 1e-4), 1.0), 6)
        for column, action in enumerate(actions)
    }


def alarm(curves: Array, limits: dict[str, float]) -> NDArray[np.bool_]:
    """Return which rows are worth an alert."""
    due = [curves[:, HORIZON_DAYS.index(days)] >= limits[action] for action, days in NOTIFIED.items()]
    return np.asarray(np.any(due, axis=0))


def distribution(model: FailureModel, x: FloatArray) -> dict[str, dict[str, Any]]:
    """Return how each input was distributed over the rows learned from, and its weight in the answer."""
    some = x[:: max(len(x) // WEIGHED_ROWS, 1)]
    weight = np.abs(model.contributions(some)[:, : TRUST_PLACE + 1]).mean(axis=(0, 1))
    found = {}
    for place, name in enumerate(FAILURE_FEATURES):
        known = x[~np.isnan(x[:, place]), place].astype(np.float64)
        low, *deciles, high = np.quantile(known, (RANGE[0], *DECILES, RANGE[1])).tolist()
        found[name] = {
            "weight": round(float(weight[place] / weight.sum()), 6),
            "low": low,
            "high": high,
            "deciles": deciles,
            "unknown": round(1 - len(known) / len(x), 6),
        }
    return found


def _anomaly_entry(model: ForestModel, test: Rows) -> dict[str, Any]:
    scores = model.scores(test.x[:, :N_ANOMALY])
    soon = test.to_failure <= 7  # noqa: PLR2004 - days
    golden = _golden_rows(test.x)[:, :N_ANOMALY]
    return {
        "inputs": list(ANOMALY_FEATURES),
        "golden": _golden(golden, model.scores(golden)[:, np.newaxis]),
        "metrics": {
            "share_over_50": {
                "failing_within_7_days": round(float((scores[soon] > anomaly.EXTREME_SCORE).mean()), 4),
                "others": round(float((scores[~soon] > anomaly.EXTREME_SCORE).mean()), 4),
            }
        },
    }


def _golden_rows(x: FloatArray) -> FloatArray:
    """Return rows spread over the set, every second without history, the last with nothing known."""
    chosen: FloatArray = x[np.linspace(0, len(x) - 1, GOLDEN_ROWS).astype(int)].copy()
    chosen[1::2] = failure.without_history(chosen[1::2])
    chosen[-1] = np.nan
    return chosen


def _golden(rows: FloatArray, answers: Array) -> dict[str, Any]:
    """Return golden vectors. float32 written out as decimals reads back as the same float32."""
    known = [[None if np.isnan(value) else float(value) for value in row] for row in rows]
    return {"rows": known, "answers": np.round(answers, 12).tolist(), "tolerance": TOLERANCE}


def _check_parity(out: Path, models: tuple[FailureModel, ForestModel], test: Rows) -> None:
    """Load the written files and compare them with the trainer on every test row, gaps included."""
    hazard, forest = models
    gapped = failure.with_gaps(test.x, np.random.default_rng(0))
    x = np.concatenate([test.x, gapped])
    off = float(np.abs(load_failure(out).probabilities(x) - hazard.curves(x)).max())
    few = np.ascontiguousarray(x[:, :N_ANOMALY])
    off_score = float(np.abs(load_anomaly(out).scores(few) - forest.scores(few)).max()) / 100
    print(f"largest difference between ONNX and trainer: {off:.1e} and {off_score:.1e} of full scale")
    if max(off, off_score) > TOLERANCE:
        raise ValueError("the exported models do not answer as the trained ones do")


if __name__ == "__main__":
    main()
