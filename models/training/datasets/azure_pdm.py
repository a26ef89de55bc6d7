"""The failure pipeline on machines: daily telemetry, errors, maintenance and failures of an industrial fleet.

The same hazard, calibration and episodes as for chargers, over features of the same kind: rates of errors,
deviations of each channel from the machine's own level, days since each part was renewed. Judged on machines
never seen, in months later than those learned from, with the horizon's 30 days purged between.
Files (each .csv or .csv.gz): telemetry_daily, errors, maintenance, failures, machines.
"""

from __future__ import annotations

import csv
import gzip
from collections import defaultdict
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from edge_agent.core.features import HORIZON_DAYS, FloatArray
from models.training import episodes, hazard
from models.training.additive import Columns
from models.training.metrics import average_precision, bootstrap, brier_skill, calibration_slope

if TYPE_CHECKING:
    from pathlib import Path

Array = NDArray[np.float64]
Bools = NDArray[np.bool_]
DAY_S = 86_400.0
WINDOWS = (1, 3, 7, 30)
"""Days over which errors are counted and channels averaged."""
LEVEL_DAYS = 30.0
"""Memory of a machine's own level."""
LEARNED_SHARE, TUNED_SHARE = 0.6, 0.2
"""Of the machines, those learned from and calibrated on; the others are judged."""
LATER_SHARE = 0.6
"""Of the time: what comes after is judged, what comes 30 days before is learned from."""
PURGE_DAYS = 30.0
BUDGETS = (0.03, 0.1, 0.3)
TOLD_DAYS = (1, 7, 30)
SEED = 1


class Rows(NamedTuple):
    """A row a machine and day, at the day's end. See `models.training.fleet.Rows`; evse is the machine."""

    x: FloatArray
    evse: NDArray[np.int64]
    at: Array
    to_failure: Array
    to_censor: Array

    def where(self, chosen: Bools) -> Rows:
        """Return the chosen rows."""
        return Rows._make(column[chosen] for column in self)


class Machine(NamedTuple):
    """What is known of one machine; times in days. channels: shape (days, channels), by `day`."""

    day: Array
    channels: Array
    errors: dict[str, Array]
    renewed: dict[str, Array]
    failed: Array
    age: float
    model: int


def evaluate(data: Path) -> dict[str, Any]:
    """Return the figures of the set in a directory. Raises FileNotFoundError, ValueError."""
    machines = read(data)
    rows, columns = table(machines)
    learn, tune, test = split(rows)
    model = hazard.fit(learn, tune, columns, SEED)
    curves = model.curves(test.x)
    week = HORIZON_DAYS.index(7)
    return {
        "machines": {"learned": _units(learn), "calibrated": _units(tune), "judged": _units(test)},
        "judged_rows": len(test.at),
        "judged_failures": len(episodes.failures(test)),
        "features": columns.count,
        "by_horizon": {f"{days}d": _figures((learn, test), curves, days) for days in TOLD_DAYS},
        "episodes": [_episodes(test, curves[:, week], budget) for budget in BUDGETS],
    }


def read(data: Path) -> dict[int, Machine]:
    """Return the machines of a set, by number."""
    days: dict[int, list[tuple[float, list[float]]]] = defaultdict(list)
    telemetry = _table(data, "telemetry_daily")
    channels = [name for name in telemetry[0] if name not in {"", "day_num", "date", "machineID"}]
    for each in telemetry:
        days[_number(each)].append((_day(each["date"]), [_float(each[name]) for name in channels]))
    errors = _events(_table(data, "errors"), "errorID")
    renewed = _events(_table(data, "maintenance"), "comp")
    failed = _events(_table(data, "failures"), "failure")
    about = {_number(each): each for each in _table(data, "machines")}
    models = {name: place for place, name in enumerate(sorted({each["model"] for each in about.values()}))}
    found = {}
    for machine, measured in days.items():
        measured.sort()
        broken = failed.get(machine, {})
        found[machine] = Machine(
            day=np.array([day for day, _ in measured]),
            channels=np.array([values for _, values in measured]),
            errors=errors.get(machine, {}),
            renewed=renewed.get(machine, {}),
            failed=np.unique(np.concatenate([*broken.values(), np.empty(0)])),
            age=_float(about[machine]["age"]),
            model=models[about[machine]["model"]],
        )
    return found


def table(machines: dict[int, Machine]) -> tuple[Rows, Columns]:
    """Return a row for each machine and day, and what the columns are."""
    errors = sorted({name for each in machines.values() for name in each.errors})
    parts = sorted({name for each in machines.values() for name in each.renewed})
    pieces = [_machine_rows(number, each, errors, parts) for number, each in sorted(machines.items())]
    rows = Rows._make(np.concatenate(column) for column in zip(*pieces, strict=True))
    models = 1 + max(each.model for each in machines.values())
    of_errors = range(2, 2 + len(WINDOWS) * (len(errors) + 1))
    return rows, Columns(rows.x.shape[1], rising=frozenset(of_errors), nominal={0: models})


def split(rows: Rows) -> tuple[Rows, Rows, Rows]:
    """Return rows to learn from, to calibrate on and to judge: machines apart, the judged ones later.

    What a row before the cut foretells is seen up to the cut only.
    """
    machines = np.unique(rows.evse)
    np.random.default_rng(SEED).shuffle(machines)
    first, second = (round(share * len(machines)) for share in (LEARNED_SHARE, LEARNED_SHARE + TUNED_SHARE))
    cut = float(rows.at.min() + LATER_SHARE * (rows.at.max() - rows.at.min()))
    early = rows.at < cut - PURGE_DAYS
    return (
        rows.where(early & np.isin(rows.evse, machines[:first])),
        rows.where(early & np.isin(rows.evse, machines[first:second])),
        rows.where((rows.at >= cut) & np.isin(rows.evse, machines[second:])),
    )


def _machine_rows(number: int, machine: Machine, errors: list[str], parts: list[str]) -> Rows:
    at = machine.day + 1.0
    every = np.sort(np.concatenate([*machine.errors.values(), np.empty(0)]))
    counted = [every, *(machine.errors.get(name, np.empty(0)) for name in errors)]
    rates = [_counted(times, at, days) / days for times in counted for days in WINDOWS]
    since = [_days_since(machine.renewed.get(name, np.empty(0)), at) for name in parts]
    columns = [
        np.full(len(at), float(machine.model)),
        np.full(len(at), machine.age),
        *rates,
        *since,
        _days_since(machine.failed, at),
        *_deviations(machine),
    ]
    following = np.searchsorted(machine.failed, at, side="right")
    onsets = np.append(machine.failed, np.inf)
    to_failure = onsets[following] - at
    return Rows(
        np.column_stack(columns).astype(np.float32),
        np.full(len(at), number),
        at,
        to_failure,
        np.full(len(at), at[-1]) - at,
    )


def _deviations(machine: Machine) -> list[Array]:
    """Return for each channel its last value and its means over WINDOWS, as deviations from its own level.

    The level forgets in LEVEL_DAYS and is what it was WINDOWS ago, so that what deviates is not in it.
    """
    found: list[Array] = []
    for values in machine.channels.T:
        level, spread = _level(values)
        for days in WINDOWS[:-1]:
            summed = np.cumsum(np.insert(values, 0, 0.0))
            end = np.arange(1, len(values) + 1)
            begin = np.maximum(end - days, 0)
            mean = (summed[end] - summed[begin]) / (end - begin)
            found.append((mean - level[begin]) / spread[begin] * np.sqrt(days))
    return found


def _level(values: Array) -> tuple[Array, Array]:
    """Return level and spread of a channel before each day, shape (days + 1,); unknown for the first week."""
    level, spread = np.full(len(values) + 1, np.nan), np.full(len(values) + 1, np.nan)
    mean = deviation = 0.0
    for place, value in enumerate(values):
        step = max(1 / LEVEL_DAYS, 1 / (place + 1))
        off = (
            min(max(value - mean, -3 * deviation), 3 * deviation) if place > HORIZON_DAYS[2] else value - mean
        )
        mean += step * off
        deviation += step * (abs(off) - deviation) if place else 0.0
        if place >= HORIZON_DAYS[2]:
            level[place + 1], spread[place + 1] = mean, max(deviation, 1e-9)
    return level, spread


def _counted(times: Array, at: Array, days: float) -> Array:
    """Return how many of the sorted times lie in the days before each moment."""
    ends = np.searchsorted(times, at, side="left") - np.searchsorted(times, at - days, side="left")
    return np.asarray(ends, dtype=np.float64)


def _days_since(times: Array, at: Array) -> Array:
    """Return the days since the last of the sorted times; NaN where there was none."""
    last = np.insert(times, 0, np.nan)[np.searchsorted(times, at, side="right")]
    return np.asarray(at - last, dtype=np.float64)


def _figures(parts: tuple[Rows, Rows], curves: Array, days: int) -> dict[str, Any]:
    """Return what the curves are worth at a horizon, with always, never and a logistic regression beside."""
    learn, test = parts
    known, failed = hazard.outcome(test, 0, days)
    truth, p, unit = failed[known], curves[known, HORIZON_DAYS.index(days)], test.evse[known]
    seen, died = hazard.outcome(learn, 0, days)
    simple = make_pipeline(
        SimpleImputer(keep_empty_features=True), StandardScaler(), LogisticRegression(max_iter=1000)
    )
    simple.fit(learn.x[seen], died[seen])
    other = simple.predict_proba(test.x[known])[:, 1]
    return {
        "rows": len(truth),
        "base_rate": float(truth.mean()),
        "average_precision": bootstrap(unit, lambda at: average_precision(truth[at], p[at])),
        "brier_skill": bootstrap(unit, lambda at: brier_skill(truth[at], p[at])),
        "calibration_slope": calibration_slope(truth, p),
        "average_precision_always_or_never": float(truth.mean()),
        "average_precision_logistic": average_precision(truth, other),
        "brier_skill_logistic": brier_skill(truth, other),
        "brier_skill_never": brier_skill(truth, np.zeros(len(truth))),
    }


def _episodes(rows: Rows, p: Array, budget: float) -> dict[str, Any]:
    """Return what alarms on P(7 days) are worth at a budget of false episodes a machine-month."""
    limit = episodes.threshold(rows, p, budget)
    found = episodes.tally(rows, p >= limit)
    every = episodes.failures(rows)
    return {
        "budget": budget,
        "false_a_machine_month": found.false_rate,
        "precision": found.precision,
        "caught": len(found.caught & every) / max(len(every), 1),
        "share_of_time": float((p >= limit).mean()),
        "median_lead_days": float(np.median(found.lead_days)) if found.true else None,
    }


def _units(rows: Rows) -> int:
    return len(np.unique(rows.evse))


def _table(data: Path, name: str) -> list[dict[str, str]]:
    """Return a file's rows. Raises FileNotFoundError, ValueError where it has none."""
    packed = data / f"{name}.csv.gz"
    plain = data / f"{name}.csv"
    if packed.exists():
        with gzip.open(packed, "rt", newline="") as opened:
            rows = list(csv.DictReader(opened))
    elif plain.exists():
        with plain.open(newline="") as opened:
            rows = list(csv.DictReader(opened))
    else:
        raise FileNotFoundError(f"{plain} (or .gz) is missing")
    if not rows:
        raise ValueError(f"{name} in {data} has no rows")
    return rows


def _events(rows: list[dict[str, str]], kind: str) -> dict[int, dict[str, Array]]:
    """Return the sorted times in days of each kind of event, by machine."""
    times: dict[int, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for each in rows:
        times[_number(each)][each[kind]].append(_day(each["datetime"]))
    return {
        machine: {name: np.sort(np.array(moments)) for name, moments in kinds.items()}
        for machine, kinds in times.items()
    }


def _number(row: dict[str, str]) -> int:
    return int(float(row["machineID"]))


def _day(moment: str) -> float:
    return (datetime.fromisoformat(moment) - datetime(2000, 1, 1)).total_seconds() / DAY_S  # noqa: DTZ001 - the set names no zone


def _float(text: str) -> float:
    return float(text) if text else float("nan")
