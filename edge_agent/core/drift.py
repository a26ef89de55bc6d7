"""How far what a site's chargers say lies from what the failure model was trained on.

Each hour one row an EVSE is counted into the bins of the training's deciles, and the counts fade by half in
HALF_LIFE. The population stability index compares the shares with the training's. A few chargers never look
like a fleet, so it is told beside the risk and degrades nothing by itself.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import numpy as np

HALF_LIFE = timedelta(days=30)
FEWEST_ROWS = 200.0
"""Of fewer the index is mostly chance: it is about bins / rows where nothing has changed."""
SOME, STRONG = 0.1, 0.25
"""From which on a shift is some, and strong. Source: Siddiqi, "Credit Risk Scorecards", 2006."""
LEAST_SHARE = 1e-4
MOST_TOLD = 5


class Bins(NamedTuple):
    """An input's training distribution: the ends of its deciles, each once, and what share lies below each.

    missing: share of the rows in which it was unknown.
    """

    edges: tuple[float, ...]
    below: tuple[float, ...]
    missing: float

    def shares(self) -> np.ndarray:
        """Return the training's share of each bin, the last one for unknown: shape (len(edges) + 2,)."""
        known = np.diff([0.0, *self.below, 1.0])
        return np.array([*(known * (1 - self.missing)), self.missing])


@dataclass(frozen=True, slots=True)
class Drift:
    """What was counted. version: of the model, whose bins they are.

    counts: for each input, by bin. rows: how many rows in all. alarms, risk: in how many the model asked
    for action, and the sum of their P(30 d). All of it fades.
    """

    version: str = ""
    as_of: datetime | None = None
    counts: Mapping[str, tuple[float, ...]] | None = None
    rows: float = 0.0
    alarms: float = 0.0
    risk: float = 0.0


class Seen(NamedTuple):
    """The hour's rows. matrix: shape (n, inputs), NaN where unknown; alarms, risks: of each row."""

    names: Sequence[str]
    matrix: np.ndarray
    alarms: Sequence[bool]
    risks: Sequence[float]


def bins_of(distribution: Mapping[str, tuple[Sequence[float], float]]) -> dict[str, Bins]:
    """Return the bins of inputs of which the nine edges between tenths and the share of unknown are told.

    Deciles that fall together (half of the rows are 0) become one bin that holds the share of them all.
    """
    found = {}
    for name, (deciles, unknown) in distribution.items():
        below = {edge: place / (len(deciles) + 1) for place, edge in enumerate(deciles, 1)}
        found[name] = Bins(tuple(below), tuple(below.values()), unknown)
    return found


def counted(before: Drift, version: str, bins: Mapping[str, Bins], seen: Seen, now: datetime) -> Drift:
    """Return what was counted with an hour's rows more; begun anew where the model is another one."""
    known = before if before.version == version else Drift(version)
    faded = 1.0 if known.as_of is None else _faded(now - known.as_of)
    counts = {
        name: tuple((faded * _before(known, name, each) + _placed(column, each)).tolist())
        for name, column in zip(seen.names, seen.matrix.T, strict=True)
        if (each := bins.get(name)) is not None
    }
    return Drift(
        version=version,
        as_of=now,
        counts=counts,
        rows=faded * known.rows + len(seen.matrix),
        alarms=faded * known.alarms + sum(seen.alarms),
        risk=faded * known.risk + sum(seen.risks),
    )


def summary(drift: Drift, bins: Mapping[str, Bins]) -> dict[str, Any]:
    """Return how far the inputs have moved, the furthest first, and how often it alarms, as JSON values."""
    if drift.rows < FEWEST_ROWS:
        return {"level": "unknown", "rows": round(drift.rows)}
    told: dict[str, Any] = {
        "rows": round(drift.rows),
        "alarm_share": round(drift.alarms / drift.rows, 4),
        "mean_risk_30d": round(drift.risk / drift.rows, 4),
    }
    found = {name: psi(bins[name], counts) for name, counts in (drift.counts or {}).items() if name in bins}
    if not found:
        return {"level": "unknown", **told}
    furthest = sorted(found.items(), key=lambda each: -each[1])[:MOST_TOLD]
    worst = furthest[0][1]
    level = "strong" if worst >= STRONG else "some" if worst >= SOME else "none"
    return {"level": level, **told, "psi": {name: round(value, 3) for name, value in furthest}}


def psi(bins: Bins, counts: Iterable[float]) -> float:
    """Return the population stability index of counts against the training's; 0 where nothing moved."""
    held = np.array(list(counts))
    expected = np.maximum(bins.shares(), LEAST_SHARE)
    actual = np.maximum(held / held.sum(), LEAST_SHARE)
    return float(np.sum((actual - expected) * np.log(actual / expected)))


def _faded(passed: timedelta) -> float:
    return math.exp2(-max(passed / HALF_LIFE, 0.0))


def _before(drift: Drift, name: str, bins: Bins) -> np.ndarray:
    size = len(bins.edges) + 2
    held = (drift.counts or {}).get(name, ())
    return np.array(held) if len(held) == size else np.zeros(size)


def _placed(column: np.ndarray, bins: Bins) -> np.ndarray:
    """Return how many values lie in each bin; one that equals an edge lies below it."""
    unknown = np.isnan(column)
    places = np.searchsorted(bins.edges, column[~unknown], side="left")
    return np.append(np.bincount(places, minlength=len(bins.edges) + 1), unknown.sum()).astype(float)
