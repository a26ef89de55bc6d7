"""A fleet's own calibration from what came of what was foretold: an intercept first, then a slope.

On the scale of the log cumulative hazard, on which the models are calibrated: log H' = intercept + slope x
log H, with H = -log(1 - p). An intercept alone is one factor on every hazard, so a curve stays one.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
INTERCEPT_FROM = 10
SLOPE_FROM = 100
"""Failures from which each is told: about as many as an estimate to a third, and to a tenth, needs."""
P_FLOOR = 1e-6
NEWTON_STEPS = 50
LONGEST_STEP = 0.5


class Recalibration(NamedTuple):
    """What a manifest's calibration is to be changed by; 0 and 1 change nothing.

    errors: standard error of each, null where it was not fitted. failures: how many it was told from.
    """

    intercept: float
    slope: float
    errors: tuple[float | None, float | None]
    failures: int


def recalibration(failed: NDArray[np.bool_], p: Array) -> Recalibration:
    """Return by maximum likelihood what the failures ask for, as far as there are enough of them.

    failed, p: shape (n,), whether each row failed within a horizon and the probability that was told.
    A slope that is not positive would turn the order of risks round; then the intercept alone is told.
    """
    failures = int(failed.sum())
    if failures < INTERCEPT_FROM or failures == len(failed):
        return Recalibration(0.0, 1.0, (None, None), failures)
    log_hazard = np.log(-np.log1p(-np.clip(p, P_FLOOR, 1 - P_FLOOR)))
    if failures >= SLOPE_FROM:
        centre = float(log_hazard.mean())
        found, errors = _fitted(np.column_stack([np.ones(len(p)), log_hazard - centre]), failed, centre)
        if found[1] > 0:
            return Recalibration(found[0] - found[1] * centre, found[1], (errors[0], errors[1]), failures)
    found, errors = _fitted(np.ones((len(p), 1)), failed, log_hazard)
    return Recalibration(found[0], 1.0, (errors[0], None), failures)


def applied(p: Array, change: Recalibration) -> Array:
    """Return probabilities as they are after the change; a rising curve stays rising."""
    hazard = -np.log1p(-np.clip(p, 0.0, 1 - P_FLOOR))
    return np.asarray(-np.expm1(-np.exp(change.intercept) * hazard**change.slope))


def _fitted(
    design: Array, failed: NDArray[np.bool_], offset: Array | float
) -> tuple[list[float], list[float]]:
    """Return coefficients and their standard errors, of a regression with the complementary log-log link."""
    found = np.zeros(design.shape[1])
    if design.shape[1] > 1:
        found[:] = (float(np.asarray(offset)), 1.0)
        offset = 0.0
    information = np.eye(len(found))
    for _ in range(NEWTON_STEPS):
        hazard = np.exp(np.clip(design @ found + offset, -30, 3))
        pull = hazard / np.expm1(hazard)
        information = design.T @ (design * (hazard * pull)[:, np.newaxis])
        step = np.linalg.solve(information, design.T @ np.where(failed, pull, -hazard))
        found += np.clip(step, -LONGEST_STEP, LONGEST_STEP)
    return found.tolist(), np.sqrt(np.diag(np.linalg.inv(information))).tolist()
