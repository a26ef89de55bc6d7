"""The simulator's usage beside that of real sessions: `python -m models.training.calibration --data DIR`.

Prints, by kind of site, what the numbers of `edge_agent/simulator/usage.py` were taken from and what the
simulator makes of them, the taper of CCS vehicles, and how well a classifier tells the two apart.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

import lightgbm
import numpy as np
from sklearn.metrics import roc_auc_score

from models.training.sessions import GOOD_KWH, Evses, Session, real, simulated

if TYPE_CHECKING:
    from models.training.fleet import Array

LEVELS = (0.1, 0.5, 0.9)
DAYS = 120.0
CHARGERS = 12
TREES = 60
MOST = 4000
"""Sessions of each side, for the classifier."""


def main() -> None:
    """Print the comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with ev_sessions and epfl_ccs")
    told = compared(real(parser.parse_args().data), simulated(DAYS, CHARGERS))
    for kind, sides in told.items():
        print(f"{kind}: told apart with AUC {sides['auc']:.2f}")
        for side in ("real", "simulated"):
            shown = "  ".join(f"{name} {value}" for name, value in sides[side].items())
            print(f"  {side:9} {shown}")


def compared(sessions: dict[str, Evses], made: dict[str, Evses]) -> dict[str, dict[str, Any]]:
    """Return for each kind of site the statistics of both sides, and the AUC of telling them apart."""
    return {
        kind: {
            "real": statistics(sessions[kind]),
            "simulated": statistics(made[kind]),
            "auc": told_apart(sessions[kind], made[kind]),
        }
        for kind in made
    }


def statistics(evses: Evses) -> dict[str, Any]:
    """Return sessions an EVSE-day, share without energy, quantiles of kWh and hours, and when they begin."""
    every = [each for sessions in evses.values() for each in sessions]
    days = sum(_span_days(sessions) for sessions in evses.values())
    good = [each for each in every if each.kwh >= GOOD_KWH]
    begin = np.bincount([each.start.hour // 6 for each in every], minlength=4) / len(every)
    weekend = sum(each.start.weekday() >= 5 for each in every) / len(every)  # noqa: PLR2004 - Saturday
    return {
        "evses": len(evses),
        "a_day": round(len(every) / days, 2),
        "zero": round(1 - len(good) / len(every), 3),
        "kwh": np.quantile([each.kwh for each in good], LEVELS).round(1).tolist(),
        "hours": np.quantile([each.hours for each in good], LEVELS).round(2).tolist(),
        "begin": begin.round(2).tolist(),
        "weekend": round(weekend, 2),
    }


def told_apart(one: Evses, other: Evses) -> float:
    """Return the AUC with which boosted trees tell two sets of sessions apart, fitted on half of each."""
    x = np.concatenate([_features(one), _features(other)])
    truth = np.repeat([0.0, 1.0], [len(_features(one)), len(_features(other))])
    learn = np.arange(len(x)) % 2 == 0
    settings = {"objective": "binary", "num_leaves": 15, "verbose": -1, "num_threads": 1, "seed": 1}
    model = lightgbm.train(settings, lightgbm.Dataset(x[learn], truth[learn]), TREES)
    return float(roc_auc_score(truth[~learn], model.predict(x[~learn])))


def _features(evses: Evses) -> Array:
    every: list[Session] = [each for sessions in evses.values() for each in sessions]
    chosen = np.linspace(0, len(every) - 1, min(MOST, len(every))).astype(int)
    rows = [(every[n].kwh, every[n].hours, every[n].start.hour, every[n].start.weekday()) for n in chosen]
    rounded: Array = np.array(rows, dtype=np.float64).round(1)  # the real ones come in whole minutes
    return rounded


def _span_days(sessions: list[Session]) -> float:
    starts = [each.start for each in sessions]
    return max((max(starts) - min(starts)).total_seconds() / 86_400, 1.0) if starts else 1.0


if __name__ == "__main__":
    main()
