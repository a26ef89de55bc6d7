"""The hazard of failure in each bin from an additive score of its own, calibrated on units it never saw.

Bin k asks: given that the unit lives at its beginning, does it fail before its end? What tells of tomorrow is
not what tells of next month, so each bin is fitted for itself. Fits any rows whose future is known.

Where the true risk of a row is known, as on the simulator, the scores learn from it and not from the one
future that was drawn: the same labels with less noise. Calibration and figures rest on what was drawn.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from edge_agent.core.features import HORIZON_DAYS, FloatArray
from models.training import additive

if TYPE_CHECKING:
    from models.training.additive import Additive, Columns

Array = NDArray[np.float64]
Bools = NDArray[np.bool_]
BINS = len(HORIZON_DAYS)
BIN_SPANS = tuple(zip((0, *HORIZON_DAYS), HORIZON_DAYS, strict=False))
"""Begin and end of each bin, days."""
MOST_LOG_HAZARD = 5.0
"""From here on failure within the bin is certain to all digits."""


class Lives(Protocol):
    """Rows with their future; see `models.training.fleet.Rows`."""

    @property
    def x(self) -> FloatArray: ...
    @property
    def to_failure(self) -> Array: ...
    @property
    def to_censor(self) -> Array: ...


@dataclass(frozen=True, slots=True)
class Hazard:
    """log cumulative hazard of bin k = slopes[k] x scores[k] + offsets[k]."""

    scores: tuple[Additive, ...]
    slopes: tuple[float, ...]
    offsets: tuple[float, ...]

    def curves(self, x: FloatArray) -> Array:
        """Return P(failure by each of HORIZON_DAYS), shape (n, 5): what the graph must give, in float64."""
        hazards = [
            np.exp(slope * score.scores(x) + offset)
            for score, slope, offset in zip(self.scores, self.slopes, self.offsets, strict=True)
        ]
        return np.asarray(1 - np.exp(-np.cumsum(np.column_stack(hazards), axis=1)))

    def contributions(self, x: FloatArray) -> Array:
        """Return what each feature adds to the log hazard of each bin, shape (n, 5, features)."""
        parts = [slope * score.terms(x) for score, slope in zip(self.scores, self.slopes, strict=True)]
        return np.stack(parts, axis=1)


def fit(learn: Lives, tune: Lives, columns: Columns, seed: int) -> Hazard:
    """Return the model: scores from `learn`, calibration from `tune`, which are other units.

    Raises ValueError where a bin has no failure to calibrate on.
    """
    scores, slopes, offsets = [], [], []
    for begin, end in BIN_SPANS:
        score = additive.fit(*target(learn, begin, end), columns, seed)
        at_risk, failed = outcome(tune, begin, end)
        slope, offset = calibrated(score.scores(tune.x[at_risk]), failed[at_risk])
        scores.append(score)
        slopes.append(slope)
        offsets.append(offset)
    return Hazard(tuple(scores), tuple(slopes), tuple(offsets))


def target(rows: Lives, begin: float, end: float) -> tuple[FloatArray, Array]:
    """Return the rows to learn a bin from, and how probable it is for each that it fails within.

    The true probability where that is known (`Rows.oracle`), else 0 or 1 as it turned out.
    """
    oracle: Array | None = getattr(rows, "oracle", None)
    if oracle is None:
        at_risk, failed = outcome(rows, begin, end)
        return rows.x[at_risk], failed[at_risk].astype(np.float64)
    before = oracle[:, HORIZON_DAYS.index(int(begin))] if begin else np.zeros(len(rows.x))
    return rows.x, (oracle[:, HORIZON_DAYS.index(int(end))] - before) / (1 - before)


def outcome(rows: Lives, begin: float, end: float) -> tuple[Bools, Bools]:
    """Return which rows lived at `begin` and were seen to `end` or failure, and which failed between."""
    failed = (rows.to_failure > begin) & (rows.to_failure <= end) & (rows.to_failure <= rows.to_censor)
    lived = (rows.to_failure > end) & (rows.to_censor >= end)
    return failed | lived, failed


def calibrated(raw: Array, failed: Bools) -> tuple[float, float]:
    """Return slope >= 0 and offset of the log cumulative hazard, by maximum likelihood.

    Platt's two numbers with the link that is exact for continuous time seen in bins, log(-log(1 - h)).
    A falling slope would turn the order of risks round: there is no skill then, and the base rate serves.
    Raises ValueError where nothing failed: no rate can be told from that.
    """
    if not failed.any():
        raise ValueError("no failure among the calibration rows of a bin: more units or days are needed")
    base = float(np.log(-np.log1p(-failed.mean())))
    centre = float(raw.mean())

    def surprise(found: Array) -> float:
        hazard = np.exp(np.minimum(found[0] * (raw - centre) + found[1], MOST_LOG_HAZARD))
        return float(-np.where(failed, np.log(-np.expm1(-hazard)), -hazard).mean())

    # A line search, for plain Newton steps run away on the few rows of very high score.
    slope, offset = minimize(surprise, (1.0, base), bounds=((0.0, None), (None, None))).x
    return (float(slope), float(offset - slope * centre)) if slope > 0 else (0.0, base)
