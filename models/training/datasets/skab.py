"""SKAB: eight sensors of a pump rig, each file with one valve closed for a while; the anomaly pipeline on it.

What carries the charger's detector is fitted to each file's normal beginning alone and then goes through the
rest once, looking at nothing ahead: a robust baseline for each sensor that never learns from what stands out;
a slow mean of the z-scores; how far the eight together lie from where they lie (their covariance in the
beginning); and an isolation forest's vote on the same, by the weight that it has in the core.
Source: Katser, Kozitsin, "Skoltech Anomaly Benchmark (SKAB)", 2020, GPL-3.0.
"""

from __future__ import annotations

import csv
import gzip
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import IsolationForest

from edge_agent.core.anomaly import VOTE_WEIGHT
from models.training.anomaly import SAMPLES, TREES

Array = NDArray[np.float64]
BEGINNING = 400
"""Points, one a second, all normal in every file: the split that SKAB's own examples use."""
SETTLING = 50
MAD_TO_SIGMA = 1.4826
LEAST_SPREAD = 1e-3
"""Of the level."""
CLIPPED_Z = 8.0
RIDGE = 1e-2
FALSE_SHARES = (0.05, 0.10)
JOINED = 60
"""Points: alarms closer than this are one episode."""


@dataclass(frozen=True, slots=True)
class Settings:
    """outlier_z: from here on nothing is learned. memory, smoothing: points that a level, a z remembers.

    Chosen on the files of even number alone.
    """

    outlier_z: float = 4.0
    memory: float = 700.0
    smoothing: float = 40.0


class Series(NamedTuple):
    """values: shape (n, sensors). odd: shape (n,), what the file's author calls an anomaly."""

    values: Array
    odd: NDArray[np.bool_]


def evaluate(data: Path, settings: Settings | None = None) -> dict[str, Any]:
    """Return true-positive rates at 5 and 10 % false positives, per point, after each file's beginning.

    data: a directory of `;`-separated files, plain or .gz, with columns `anomaly` and `changepoint`. One
    threshold serves all files. Raises FileNotFoundError where there are none, ValueError for files too
    short.
    """
    files = sorted(path for path in data.rglob("*.csv*") if path.name.endswith((".csv", ".csv.gz")))
    if not files:
        raise FileNotFoundError(f"{data} has no .csv or .csv.gz file")
    settings = settings or Settings()
    series = [read(file) for file in files]
    scored = [
        (scores(each.values, settings)[BEGINNING:], each.odd[BEGINNING:])
        for each in series
        if len(each.odd) > BEGINNING and each.odd.any()
    ]
    if not scored:
        raise ValueError(f"{data} has no file with an anomaly after its first {BEGINNING} points")
    return {
        "files": len(scored),
        "all": figures(scored),
        "chosen_on": figures(scored[::2]),
        "others": figures(scored[1::2]) if len(scored) > 1 else None,
        "always_alarm": {"true_positive_rate": 1.0, "false_positive_rate": 1.0},
        "never_alarm": {"true_positive_rate": 0.0, "false_positive_rate": 0.0},
    }


def read(file: Path) -> Series:
    """Return a file's sensors and labels."""
    with gzip.open(file, "rt") if file.suffix == ".gz" else file.open() as lines:
        rows = list(csv.DictReader(lines, delimiter=";"))
    labels = {"datetime", "anomaly", "changepoint"}
    sensors = [name for name in rows[0] if name not in labels]
    values = np.array([[float(row[name]) for name in sensors] for row in rows])
    return Series(values, np.array([float(row["anomaly"]) > 0 for row in rows]))


def scores(values: Array, settings: Settings) -> Array:
    """Return how odd each point is, shape (n,): 0 is usual, 1 the beginning's 95 %. Causal."""
    smooth = _smoothed(_deviations(values, settings), settings.smoothing)
    usual = smooth[SETTLING:BEGINNING]
    spread = np.cov(usual.T) + RIDGE * np.eye(values.shape[1])
    off = smooth - usual.mean(axis=0)
    together = np.sqrt(np.einsum("ij,jk,ik->i", off, np.linalg.inv(spread), off))
    forest = IsolationForest(n_estimators=TREES, max_samples=SAMPLES, random_state=0).fit(usual)
    own, vote = _scaled(together), _scaled(-forest.score_samples(smooth))
    return own + VOTE_WEIGHT * (vote - own)


def _deviations(values: Array, settings: Settings) -> Array:
    """Return z-scores against a level that learns from nothing that stands out."""
    beginning = values[:BEGINNING]
    level = np.median(beginning, axis=0)
    spread = MAD_TO_SIGMA * np.median(np.abs(beginning - level), axis=0)
    spread = np.maximum(spread, LEAST_SPREAD * np.abs(level) + 1e-9)
    z = np.empty_like(values)
    for place, value in enumerate(values):
        off = value - level
        z[place] = off / spread
        if place >= BEGINNING:
            level = np.where(np.abs(z[place]) < settings.outlier_z, level + off / settings.memory, level)
    return np.clip(z, -CLIPPED_Z, CLIPPED_Z)


def _smoothed(z: Array, memory: float) -> Array:
    smooth, mean = np.empty_like(z), z[:SETTLING].mean(axis=0)
    for place, value in enumerate(z):
        mean = mean + (value - mean) / memory
        smooth[place] = mean
    return smooth


def _scaled(raw: Array) -> Array:
    """Return scores that are comparable between files: by what is usual in the beginning."""
    usual, much = np.quantile(raw[:BEGINNING], (0.5, 0.95))
    return np.asarray((raw - usual) / (much - usual + 1e-9), dtype=np.float64)


def figures(scored: list[tuple[Array, NDArray[np.bool_]]]) -> dict[str, Any]:
    """Return what one threshold finds, for each share of false positives."""
    score, odd = (np.concatenate(parts) for parts in zip(*scored, strict=True))
    found: dict[str, Any] = {"points": len(odd)}
    for share in FALSE_SHARES:
        limit = float(np.quantile(score[~odd], 1 - share))
        alarms = [(each > limit, truth) for each, truth in scored]
        found[f"at_{share:.0%}_false".replace("%", "_percent")] = {
            "true_positive_rate": float((score[odd] > limit).mean()),
            "events_found": float(np.mean([(alarm & truth).any() for alarm, truth in alarms])),
            "false_episodes_a_file": float(np.mean([_false_episodes(*each) for each in alarms])),
        }
    return found


def _false_episodes(alarm: NDArray[np.bool_], truth: NDArray[np.bool_]) -> int:
    """Return how many runs of alarm begin where nothing is odd."""
    places = np.flatnonzero(alarm)
    begins = places[np.r_[True, np.diff(places) > JOINED]] if len(places) else places
    return int((~truth[begins]).sum())
