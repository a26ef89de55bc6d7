"""Boosted trees of one feature each, so that the model is a sum of one curve for each feature.

Such a sum explains itself: what a feature adds, less what it adds on average over the training rows, is its
Shapley value exactly, since no other feature changes it. All trees of a feature are one piecewise constant
function, kept here as its steps.
Source: Lou, Caruana, Gehrke, "Intelligible Models for Classification and Regression", KDD 2012.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import lightgbm
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edge_agent.core.features import FloatArray

Array = NDArray[np.float64]
FLOAT32_MAX = float(np.finfo(np.float32).max)
TREES = 150
LEAF_SHARE, LEAST_LEAF = 0.001, 30
"""Of the rows, that a leaf must hold; rows of one unit are so alike that few of them prove little."""
BOOSTING = {
    "objective": "cross_entropy",
    "num_leaves": 5,
    "learning_rate": 0.08,
    "lambda_l2": 5.0,
    "feature_fraction": 0.5,
    "max_bin": 127,
    "deterministic": True,
    "force_row_wise": True,
    "num_threads": 1,
    "verbose": -1,
}


@dataclass(frozen=True, slots=True)
class Columns:
    """What is known of the columns: which never lower the risk as they rise, and which are names.

    count: how many there are. nominal: for a column of names, how many: 0, 1, ... ; NaN is none of them.
    """

    count: int
    rising: frozenset[int] = frozenset()
    nominal: Mapping[int, int] = field(default_factory=dict)

    def groups(self) -> list[list[int]]:
        """Return for each column the places that it has in `encoded`."""
        widths = [self.nominal.get(column, 1) for column in range(self.count)]
        ends = np.cumsum(widths)
        return [list(range(end - width, end)) for width, end in zip(widths, ends.tolist(), strict=True)]

    def encoded(self, x: FloatArray | Array) -> Array:
        """Return what the trees see, shape (n, places): names one-hot, all zero where unknown."""
        parts = [
            x[:, [column]] == np.arange(self.nominal[column]) if column in self.nominal else x[:, [column]]
            for column in range(self.count)
        ]
        return np.hstack(parts).astype(np.float64)


@dataclass(frozen=True, slots=True)
class Steps:
    """What one feature adds: values[i] where cuts[i - 1] < x <= cuts[i], the last value where x is unknown.

    cuts: shape (k,), rising, each exact in float32, the last the largest there is. values: shape (k + 1,).
    """

    cuts: Array
    values: Array

    def at(self, x: FloatArray) -> Array:
        """Return what the feature adds for each x, shape (n,)."""
        return self.values[np.searchsorted(self.cuts, x.astype(np.float64), side="left")]  # NaN sorts last


@dataclass(frozen=True, slots=True)
class Additive:
    """base + the sum over features of `steps`, log-odds. Each feature adds 0 on average over its training."""

    base: float
    steps: tuple[Steps, ...]

    def terms(self, x: FloatArray) -> Array:
        """Return what each feature adds, shape (n, features)."""
        return np.column_stack([each.at(x[:, place]) for place, each in enumerate(self.steps)])

    def scores(self, x: FloatArray) -> Array:
        """Return the log-odds, shape (n,)."""
        return self.base + np.asarray(self.terms(x).sum(axis=1), dtype=np.float64)


def fit(x: FloatArray, probability: Array, columns: Columns, seed: int) -> Additive:
    """Return the additive model of how probable something is.

    x: shape (n, columns.count), NaN where unknown. probability: shape (n,), of each row; 0 or 1 where it is
    only known what came of it.
    """
    groups = columns.groups()
    rising = [int(column in columns.rising) for column, group in enumerate(groups) for _ in group]
    settings = {
        **BOOSTING,
        "seed": seed % 2**31,
        "min_data_in_leaf": max(round(LEAF_SHARE * len(x)), LEAST_LEAF),
        "monotone_constraints": rising,
        "interaction_constraints": groups,
    }
    seen = columns.encoded(x)
    booster = lightgbm.train(settings, lightgbm.Dataset(seen, probability), TREES)
    return _read_off(booster, columns, x)


def _read_off(booster: lightgbm.Booster, columns: Columns, x: FloatArray) -> Additive:
    """Return the booster's function as steps: it is asked at each cut with all else unknown."""
    unknown = np.full(columns.count, np.nan)
    base = float(_raw(booster, columns, unknown[np.newaxis])[0])
    cuts = _cuts(booster)
    steps = []
    for column, group in enumerate(columns.groups()):
        names = range(columns.nominal.get(column, 0))
        ends = np.array([*(names or sorted(cuts.get(group[0], ()))), FLOAT32_MAX])
        probes = np.tile(unknown, (len(ends) + 1, 1))
        probes[:-1, column] = ends
        shape = _merged(ends, _raw(booster, columns, probes) - base)
        mean = float(shape.at(x[:, column]).mean())
        steps.append((shape, mean))
    base += sum(mean for _, mean in steps)
    return Additive(base, tuple(Steps(shape.cuts, shape.values - mean) for shape, mean in steps))


def _raw(booster: lightgbm.Booster, columns: Columns, x: Array) -> Array:
    told = booster.predict(columns.encoded(x), raw_score=True, num_threads=1)
    return np.asarray(told, dtype=np.float64)


def _cuts(booster: lightgbm.Booster) -> dict[int, set[float]]:
    """Return the thresholds at each place of `encoded`, rounded down to float32."""
    found: dict[int, set[float]] = {}
    waiting = [tree["tree_structure"] for tree in booster.dump_model()["tree_info"]]
    while waiting:
        node: dict[str, Any] = waiting.pop()
        if "split_feature" in node:
            found.setdefault(node["split_feature"], set()).add(rounded_down(node["threshold"]))
            waiting += [node["left_child"], node["right_child"]]
    return found


def _merged(ends: Array, values: Array) -> Steps:
    """Return the steps without cuts that part nothing."""
    kept = [*(np.abs(np.diff(values[:-1])) > 0), True]
    return Steps(ends[kept], values[[*kept, True]])


def rounded_down(threshold: float) -> float:
    """Return the largest finite float32 that is not above the threshold.

    A cut there parts float32 inputs just as one at the threshold does.
    """
    near = np.float32(min(threshold, FLOAT32_MAX))
    return float(np.nextafter(near, np.float32(-np.inf)) if float(near) > threshold else near)
