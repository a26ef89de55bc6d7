"""What probabilities are worth: skill, ranking, calibration, each with an interval by bootstrap over units.

Truth is 0 or 1, p its probability as told; both of shape (n,).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, roc_auc_score

Array = NDArray[np.float64]
Truth = NDArray[np.bool_]
P_FLOOR = 1e-6
REPEATS = 100
ENDS = (5.0, 95.0)


class Interval(NamedTuple):
    """A figure with the 5th and 95th percentile of its bootstrap; null where it cannot be told."""

    value: float | None
    low: float | None
    high: float | None


def brier_skill(truth: Truth, p: Array) -> float:
    """Return the share of the base rate's squared error that the probabilities save; 0 is no skill."""
    base = float(truth.mean())
    return 1 - float(np.mean((p - truth) ** 2)) / (base * (1 - base))


def auc(truth: Truth, score: Array) -> float:
    """Return the area under the ROC curve; NaN where only one class is there."""
    return float(roc_auc_score(truth, score)) if 0 < truth.mean() < 1 else float("nan")


def average_precision(truth: Truth, score: Array) -> float:
    """Return the precision averaged over recall; NaN where nothing is true."""
    return float(average_precision_score(truth, score)) if truth.any() else float("nan")


def calibration_slope(truth: Truth, p: Array) -> float:
    """Return the slope of a logistic regression of the truth on the log-odds told: 1 is right, less too bold.

    Source: Cox, "Two further applications of a model for binary regression", 1958.
    """
    fitted = LogisticRegression(C=np.inf).fit(log_odds(p)[:, np.newaxis], truth)
    return float(fitted.coef_[0, 0])


def observed_over_expected(truth: Truth, p: Array, top: float = 1.0) -> float:
    """Return how many fail of the share `top` with the highest risk, over how many should."""
    highest = np.argsort(-p, kind="stable")[: max(round(top * len(p)), 1)]
    return float(truth[highest].mean() / p[highest].mean())


def log_odds(p: Array) -> Array:
    """Return log(p / (1 - p)), with p kept a millionth away from 0 and 1."""
    inside = np.clip(p, P_FLOOR, 1 - P_FLOOR)
    return np.asarray(np.log(inside / (1 - inside)))


def bootstrap(unit: NDArray[Any], figure: Callable[[NDArray[np.int64]], float], seed: int = 0) -> Interval:
    """Return a figure and its interval, by drawing whole units (EVSEs, machines) anew with replacement.

    figure: takes the places of the rows that were drawn. Draws for which it cannot be told (one class
    only) are left out.
    """
    _, first, counts = np.unique(unit, return_index=True, return_counts=True)
    order = np.argsort(unit, kind="stable")
    starts = np.cumsum(counts) - counts
    rng = np.random.default_rng(seed)
    values = []
    for _ in range(REPEATS):
        drawn = rng.integers(0, len(first), len(first))
        places = np.concatenate([order[starts[each] : starts[each] + counts[each]] for each in drawn])
        values.append(_told(figure, places))
    value = _told(figure, np.arange(len(unit)))
    known = [each for each in values if each is not None]
    if value is None or not known:
        return Interval(value, None, None)
    low, high = np.percentile(known, ENDS)
    return Interval(value, float(low), float(high))


def _told(figure: Callable[[NDArray[np.int64]], float], places: NDArray[np.int64]) -> float | None:
    try:
        with np.errstate(divide="raise", invalid="raise"):
            value = figure(places)
    except (ValueError, FloatingPointError, ZeroDivisionError):
        return None
    return None if np.isnan(value) else float(value)


def rounded(figures: Any, digits: int = 4) -> Any:  # noqa: ANN401 - any JSON value
    """Return figures as JSON values: intervals as `{value, low, high}`, floats rounded, NaN as null."""
    if isinstance(figures, Interval):
        return {name: rounded(value, digits) for name, value in figures._asdict().items()}
    if isinstance(figures, dict):
        return {str(name): rounded(value, digits) for name, value in figures.items()}
    if isinstance(figures, (list, tuple)):
        return [rounded(value, digits) for value in figures]
    if isinstance(figures, (float, np.floating)):
        return round(float(figures), digits) if np.isfinite(figures) else None
    return figures.item() if isinstance(figures, np.generic) else figures
