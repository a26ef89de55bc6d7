"""The failure predictor: one additive hazard for an EVSE with its history, one for the eight inputs alone.

Which of them answers is read off the row: without history, all of its columns are unknown. Each is fitted,
calibrated and judged for itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from edge_agent.core.features import FAILURE_FEATURES, N_FAILURE, N_STATELESS, FloatArray
from edge_agent.wire.metrics import STATUS_CODES
from models.training import hazard
from models.training.additive import Columns

if TYPE_CHECKING:
    from models.training.fleet import Array, Rows
    from models.training.hazard import Hazard

RISING = frozenset(
    {
        "temperature",
        "error_count",
        "codes_per_day_1d",
        "codes_per_day_7d",
        "codes_per_day_30d",
        "part_codes_per_day_1d",
        "part_codes_per_day_7d",
        "heat_rise",
        "temperature_excess",
        "derates_per_day_7d",
    }
)
"""More of these never makes a failure less likely: anything else would be noise that was learned."""
MAY_BE_UNKNOWN = (
    "energy_delivered",
    "power",
    "temperature",
    "uptime_hours",
    "total_sessions",
    "days_since_maintenance",
)
UNKNOWN_SHARE = 0.1
"""Of the rows, in which each of these is hidden: requests and chargers leave them out."""
RISING_PLACES = frozenset(FAILURE_FEATURES.index(name) for name in RISING)
STATUS = {0: len(STATUS_CODES)}
WITH_HISTORY = Columns(N_FAILURE, RISING_PLACES, STATUS)
STATELESS = Columns(N_STATELESS, frozenset(place for place in RISING_PLACES if place < N_STATELESS), STATUS)


@dataclass(frozen=True, slots=True)
class FailureModel:
    """The two hazards. `stateless` takes the first N_STATELESS columns alone."""

    with_history: Hazard
    stateless: Hazard

    def curves(self, x: FloatArray) -> Array:
        """Return P(failure by each of HORIZON_DAYS), shape (n, 5): what the graph must give, in float64."""
        known = ~np.isnan(x[:, N_STATELESS])
        return np.where(
            known[:, np.newaxis], self.with_history.curves(x), self.stateless.curves(x[:, :N_STATELESS])
        )

    def contributions(self, x: FloatArray) -> Array:
        """Return what each feature adds to the log hazard of each bin, shape (n, 5, N_FAILURE)."""
        known = ~np.isnan(x[:, N_STATELESS])
        few = self.stateless.contributions(x[:, :N_STATELESS])
        padded = np.pad(few, ((0, 0), (0, 0), (0, N_FAILURE - N_STATELESS)))
        return np.where(known[:, np.newaxis, np.newaxis], self.with_history.contributions(x), padded)


def fit(learn: Rows, tune: Rows, seed: int) -> FailureModel:
    """Return the model: scores from `learn`, calibration from `tune`, which are other sites."""
    gapped = learn._replace(x=with_gaps(learn.x, np.random.default_rng([seed, 2])))
    return FailureModel(
        hazard.fit(gapped, tune, WITH_HISTORY, seed),
        hazard.fit(stateless(gapped), stateless(tune), STATELESS, seed),
    )


def stateless(rows: Rows) -> Rows:
    """Return rows with the first eight columns only."""
    return rows._replace(x=rows.x[:, :N_STATELESS])


def without_history(x: FloatArray) -> FloatArray:
    """Return rows as a stateless request has them: all but the first eight unknown."""
    masked = x.copy()
    masked[:, N_STATELESS:] = np.nan
    return masked


def with_gaps(x: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Return rows of which some lack one or the other value."""
    gapped = x.copy()
    for name in MAY_BE_UNKNOWN:
        gapped[rng.random(len(x)) < UNKNOWN_SHARE, FAILURE_FEATURES.index(name)] = np.nan
    return gapped
