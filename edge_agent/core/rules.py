"""The central service's rule engines: what judges where no model can be loaded.

The failure formula is the central service's, exactly; its number is a score and no probability.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from edge_agent.core.features import HORIZON_DAYS, STATELESS_FEATURES
from edge_agent.core.models import Thresholds
from edge_agent.wire.metrics import ConnectorStatus

if TYPE_CHECKING:
    from edge_agent.core.features import FloatArray
    from edge_agent.wire.answers import Engine

VERSION = "rules-1"
DOWN_CODES = tuple(
    status.code for status in (ConnectorStatus.FAULTY, ConnectorStatus.OFFLINE, ConnectorStatus.UNAVAILABLE)
)
COLUMN = {name: index for index, name in enumerate(STATELESS_FEATURES)}


class RulesFailure:
    """The central service's failure score as a failure model."""

    engine: Engine = "rules"
    version = VERSION
    calibrated = False
    thresholds = Thresholds(immediate=0.2, within_7_days=0.25, within_30_days=0.5)
    """At a constant hazard: scores of about 0.9, 0.7 and 0.5."""
    thresholds_stateless = thresholds
    scope = None
    trust = (0.3, 0.3)

    def explained(self, rows: FloatArray) -> tuple[FloatArray, FloatArray]:
        """See `FailureModel`."""
        return self.probabilities(rows), self.contributions(rows)

    def probabilities(self, rows: FloatArray) -> FloatArray:
        """Return the curves. The 30-day value is the score; earlier ones assume a constant hazard."""
        survival = 1.0 - sigmoid(score(rows.astype(np.float64)))[:, np.newaxis]
        return (1.0 - survival ** (np.array(HORIZON_DAYS) / 30.0)).astype(np.float32)

    def contributions(self, rows: FloatArray) -> FloatArray:
        """Return the terms of the formula, the same for each bin."""
        found = np.zeros((len(rows), len(HORIZON_DAYS), rows.shape[1]), dtype=np.float32)
        for name, term in terms(rows.astype(np.float64)).items():
            found[:, :, COLUMN[name]] = term[:, np.newaxis]
        return found


class RulesAnomaly:
    """No vote: the type rules and the baselines judge alone."""

    engine: Engine = "rules"
    version = VERSION

    def scores(self, rows: FloatArray) -> FloatArray:
        """See `AnomalyModel`; NaN is no vote."""
        return np.full(len(rows), np.nan, dtype=np.float32)


def score(rows: np.ndarray) -> np.ndarray:
    """Return the failure score before the sigmoid: shape (n,). Unknown terms count 0.

    rows: shape (n, >= 8), in the order of STATELESS_FEATURES.
    """
    return np.sum(list(terms(rows).values()), axis=0)  # type: ignore[no-any-return]


def terms(rows: np.ndarray) -> dict[str, np.ndarray]:
    """Return the score's terms by feature, each of shape (n,). Unknown terms are 0.

    Source: the central service's "Failure Predictor".
    """
    column = {name: rows[:, index] for name, index in COLUMN.items()}
    found = {
        "temperature": 0.02 * (column["temperature"] - 25),
        "error_count": 0.3 * np.minimum(column["error_count"], 5),
        "uptime_hours": 0.0002 * column["uptime_hours"],
        "total_sessions": 0.0005 * column["total_sessions"],
        "days_since_maintenance": 0.001 * np.maximum(column["days_since_maintenance"] - 30, 0),
        "status_int": 2.0 * np.isin(column["status_int"], DOWN_CODES),
    }
    return {name: np.nan_to_num(term, nan=0.0) for name, term in found.items()}


def sigmoid(x: np.ndarray) -> np.ndarray:
    """Return 1 / (1 + e^-x), element by element, without overflow."""
    return 0.5 * (1.0 + np.tanh(0.5 * x))
