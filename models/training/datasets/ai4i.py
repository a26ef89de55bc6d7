"""One row a part, 3 % of them failures: how well a rare class is calibrated, and whether reasons are right.

The same boosted sums and the same calibration as for chargers, over what the machine tells and three products
that physics suggests (power, strain, temperature difference). Each tenth of the rows in turn is judged, by a
model that learned from seven others and was calibrated on two. The columns that name the mode of a failure
would leak: no model sees them. They only tell afterwards whether the strongest contribution was the cause.
Source: S. Matzka, "Explainable Artificial Intelligence for Predictive Maintenance Applications", AI4I 2020.
"""

from __future__ import annotations

import csv
import gzip
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from models.training import additive
from models.training.additive import Additive, Columns
from models.training.hazard import calibrated
from models.training.metrics import (
    auc,
    average_precision,
    bootstrap,
    brier_skill,
    calibration_slope,
    observed_over_expected,
)

if TYPE_CHECKING:
    from pathlib import Path

    from edge_agent.core.features import FloatArray

Array = NDArray[np.float64]
Bools = NDArray[np.bool_]
TYPES = ("L", "M", "H")
MEASURED = (
    "AirTemperature[K]",
    "ProcessTemperature[K]",
    "RotationalSpeed[rpm]",
    "Torque[Nm]",
    "ToolWear[min]",
)
NAMES = ("type", *MEASURED, "power", "strain", "temperature_difference")
CAUSES = {
    "TWF": {"ToolWear[min]"},
    "HDF": {"temperature_difference", "RotationalSpeed[rpm]"},
    "PWF": {"power", "Torque[Nm]", "RotationalSpeed[rpm]"},
    "OSF": {"strain", "ToolWear[min]", "Torque[Nm]"},
}
"""What each mode is defined by in the set's own paper. RNF is chance: it has no cause."""
FOLDS, TUNED = 10, 2
SEED = 1


class Parts(NamedTuple):
    """x: shape (n, len(NAMES)). failed: shape (n,). modes: which failures are of each mode, shape (n,)."""

    x: FloatArray
    failed: Bools
    modes: dict[str, Bools]


class Judged(NamedTuple):
    """p: calibrated probability of failure. terms: what each column adds. logistic: a peer's probability."""

    p: Array
    terms: Array
    logistic: Array


def evaluate(data: Path) -> dict[str, Any]:
    """Return the figures of the set in a directory. Raises FileNotFoundError, ValueError."""
    parts = read(data)
    judged = _judged(parts)
    rows = np.arange(len(parts.failed))
    figures: dict[str, Any] = {"rows": len(rows), "failures": int(parts.failed.sum())}
    for name, figure in (
        ("average_precision", average_precision),
        ("brier_skill", brier_skill),
        ("auc", auc),
    ):
        figures[name] = bootstrap(
            rows,
            lambda at, of=figure: of(parts.failed[at], judged.p[at]),  # type: ignore[misc]
        )
        figures[f"{name}_logistic"] = figure(parts.failed, judged.logistic)
    return figures | {
        "calibration_slope": calibration_slope(parts.failed, judged.p),
        "observed_over_expected_top_1": observed_over_expected(parts.failed, judged.p, top=0.01),
        "observed_over_expected_top_5": observed_over_expected(parts.failed, judged.p, top=0.05),
        "average_precision_always_or_never": float(parts.failed.mean()),
        "strongest_reason_is_the_cause": _explained(parts, judged),
    }


def read(data: Path) -> Parts:
    """Return the set in a directory. Raises FileNotFoundError, ValueError."""
    files = sorted([*data.glob("*.csv"), *data.glob("*.csv.gz")])
    if not files:
        raise FileNotFoundError(f"{data} has no .csv or .csv.gz file")
    file = files[0]
    with gzip.open(file, "rt", encoding="utf-8-sig") if file.suffix == ".gz" else file.open() as lines:
        rows = list(csv.DictReader(lines))
    lacking = {"Type", "MachineFailure", *MEASURED, *CAUSES} - rows[0].keys()
    if lacking:
        raise ValueError(f"{file.name} lacks the columns {', '.join(sorted(lacking))}")
    kind = np.array([TYPES.index(row["Type"]) for row in rows], dtype=np.float64)
    air, process, speed, torque, wear = np.array([[float(row[name]) for name in MEASURED] for row in rows]).T
    power = torque * speed * 2 * np.pi / 60
    x = np.column_stack([kind, air, process, speed, torque, wear, power, torque * wear, process - air])
    return Parts(
        x.astype(np.float32),
        np.array([row["MachineFailure"] == "1" for row in rows]),
        {mode: np.array([row[mode] == "1" for row in rows]) for mode in CAUSES},
    )


def _judged(parts: Parts) -> Judged:
    """Return each row as judged by a model that saw neither it nor its fold."""
    fold = np.random.default_rng(SEED).permutation(len(parts.failed)) % FOLDS
    columns = Columns(len(NAMES), nominal={0: len(TYPES)})
    p, logistic, terms = np.zeros(len(fold)), np.zeros(len(fold)), np.zeros(parts.x.shape)
    for number in range(FOLDS):
        judged, tuned = fold == number, (number - 1 - fold) % FOLDS < TUNED
        model = additive.fit(parts.x[~judged & ~tuned], parts.failed[~judged & ~tuned] * 1.0, columns, SEED)
        p[judged] = _probability(model, (parts.x[tuned], parts.failed[tuned]), parts.x[judged])
        terms[judged] = model.terms(parts.x[judged])
        peer = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500))
        peer.fit(parts.x[~judged], parts.failed[~judged])
        logistic[judged] = peer.predict_proba(parts.x[judged])[:, 1]
    return Judged(p, terms, logistic)


def _probability(model: Additive, tune: tuple[FloatArray, Bools], x: FloatArray) -> Array:
    slope, offset = calibrated(model.scores(tune[0]), tune[1])
    return np.asarray(-np.expm1(-np.exp(slope * model.scores(x) + offset)))


def _explained(parts: Parts, judged: Judged) -> dict[str, float]:
    """Return for each mode how often the column that raises the risk most is one that the mode is made of."""
    strongest = np.array(NAMES)[judged.terms.argmax(axis=1)]
    return {
        mode: float(np.isin(strongest[parts.modes[mode] & parts.failed], sorted(causes)).mean())
        for mode, causes in CAUSES.items()
    }
