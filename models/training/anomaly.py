"""An isolation forest on ordinary samples: how few cuts set a sample apart from them.

Source: Liu, Ting, Zhou, "Isolation Forest", ICDM 2008.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from sklearn.ensemble import IsolationForest

from edge_agent.core.features import N_ANOMALY, FloatArray
from edge_agent.wire.metrics import ConnectorStatus

if TYPE_CHECKING:
    from models.training.fleet import Array, Rows

TREES = 64
SAMPLES = 128
ORDINARY_DAYS = 45.0
"""So far from its next failure a sample is taken for ordinary."""
FIT_ROWS = 50_000
EXTREME_QUANTILE = 0.999
EXTREME_SCORE = 50.0
"""What one ordinary sample in a thousand scores; the core takes half of the scale for worth a look."""


@dataclass(frozen=True, slots=True)
class ForestModel:
    """The forest, what stands in for unknown inputs, and the two anchors of the scale.

    medians: shape (N_ANOMALY,). usual, extreme: the forest's anomaly, 0 to 1, that score 0 and EXTREME_SCORE.
    """

    forest: IsolationForest
    medians: FloatArray
    usual: float
    extreme: float

    def scores(self, x: FloatArray) -> Array:
        """Return 0 to 100 for each row, shape (n,): what the graph must give, in float64."""
        raw = isolation(self.forest, np.where(np.isnan(x), self.medians, x))
        return np.clip(EXTREME_SCORE * (raw - self.usual) / (self.extreme - self.usual), 0, 100)


def fit(rows: Rows, seed: int) -> ForestModel:
    """Return the model of what is ordinary in these rows."""
    faulty = rows.x[:, 0] == ConnectorStatus.FAULTY.code
    ordinary = rows.where((np.minimum(rows.to_failure, rows.to_censor) > ORDINARY_DAYS) & ~faulty)
    x = ordinary.x[:: max(len(ordinary.x) // FIT_ROWS, 1), :N_ANOMALY]
    medians = np.nanmedian(x, axis=0).astype(np.float32)
    filled = np.where(np.isnan(x), medians, x)
    forest = IsolationForest(n_estimators=TREES, max_samples=SAMPLES, random_state=seed % 2**31).fit(filled)
    raw = isolation(forest, filled)
    return ForestModel(forest, medians, float(np.median(raw)), float(np.quantile(raw, EXTREME_QUANTILE)))


def isolation(forest: IsolationForest, x: FloatArray) -> Array:
    """Return the anomaly of complete rows: 0.5 is like the many, 1 is set apart at once."""
    return np.asarray(-forest.score_samples(x), dtype=np.float64)
