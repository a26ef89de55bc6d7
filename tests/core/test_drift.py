"""How far a site lies from the training: nothing moved is no drift, whatever the shape of an input."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from edge_agent.core.drift import HALF_LIFE, Bins, Drift, Seen, bins_of, counted, psi, summary
from tests.core.making import NOON

RNG = np.random.default_rng(7)
NORMAL = RNG.normal(size=20_000)
ANY_DRIFT = TypeAdapter(Drift)


def told(values: np.ndarray) -> tuple[list[float], float]:
    """Return what a manifest tells of an input."""
    known = values[~np.isnan(values)]
    edges = np.quantile(known, np.arange(1, 10) / 10, method="inverted_cdf").tolist()
    return edges, float(np.isnan(values).mean())


def of(values: np.ndarray, before: Drift | None = None, hours: float = 0, bins: Any = None) -> Drift:
    seen = Seen(["x"], values[:, np.newaxis], [False] * len(values), [0.1] * len(values))
    now = NOON + timedelta(hours=hours)
    return counted(before or Drift(), "v1", bins or bins_of({"x": told(NORMAL)}), seen, now)


def shift(training: np.ndarray, seen: np.ndarray) -> float:
    bins = bins_of({"x": told(training)})
    return psi(bins["x"], (of(seen, bins=bins).counts or {})["x"])


ZEROS = np.where(RNG.random(20_000) < 0.55, 0.0, RNG.exponential(size=20_000))
STATUSES = RNG.choice([0.0, 1.0, 2.0], p=[0.65, 0.3, 0.05], size=20_000)
GAPS = np.where(RNG.random(20_000) < 0.3, np.nan, NORMAL)
ALWAYS_UNKNOWN = np.concatenate([np.full(19_990, np.nan), np.arange(10.0)])


@pytest.mark.parametrize("values", [NORMAL, ZEROS, STATUSES, GAPS, ALWAYS_UNKNOWN])
def test_what_has_not_moved_is_no_drift(values: np.ndarray) -> None:
    assert shift(values, RNG.permutation(values)[:5_000]) < 0.1


@pytest.mark.parametrize(
    ("training", "seen"),
    [
        (NORMAL, NORMAL + 1),
        (NORMAL, 3 * NORMAL),
        (ZEROS, ZEROS + 0.5),
        (STATUSES, np.full(1_000, 1.0)),
        (NORMAL, GAPS),
        (GAPS, NORMAL),
    ],
)
def test_what_has_moved_is_drift(training: np.ndarray, seen: np.ndarray) -> None:
    assert shift(training, seen) > 0.25


def test_few_rows_tell_nothing_yet() -> None:
    bins = bins_of({"x": told(NORMAL)})

    assert summary(of(NORMAL[:100]), bins) == {"level": "unknown", "rows": 100}


def test_the_summary_names_the_furthest_input_first_and_how_often_it_alarms() -> None:
    bins = bins_of({"near": told(NORMAL), "far": told(NORMAL)})
    matrix = np.column_stack([NORMAL[:1_000], NORMAL[:1_000] + 2])
    seen = Seen(["near", "far"], matrix, [True] * 20 + [False] * 980, [0.05] * 1_000)
    found = summary(counted(Drift(), "v1", bins, seen, NOON), bins)

    assert (found["level"], found["alarm_share"], found["mean_risk_30d"]) == ("strong", 0.02, 0.05)
    assert list(found["psi"]) == ["far", "near"]


def test_an_input_without_a_known_distribution_is_left_out() -> None:
    drift = of(NORMAL[:1_000], bins={"other": Bins((0.0,), (0.5,), 0.0)})

    assert drift.counts == {}
    assert summary(drift, {})["level"] == "unknown"


def test_what_was_counted_fades_by_half_in_its_half_life() -> None:
    first = of(NORMAL[:1_000])
    later = of(NORMAL[:0], first, hours=HALF_LIFE / timedelta(hours=1))

    assert later.rows == pytest.approx(500)
    assert sum((later.counts or {})["x"]) == pytest.approx(500)


def test_another_model_begins_anew() -> None:
    bins = bins_of({"x": told(NORMAL)})
    first = of(NORMAL[:1_000])
    seen = Seen(["x"], NORMAL[:300, np.newaxis], [False] * 300, [0.0] * 300)

    assert counted(first, "v2", bins, seen, NOON).rows == 300


@given(st.lists(st.floats(-1e6, 1e6) | st.just(float("nan")), max_size=30))
def test_every_row_falls_into_one_bin_and_a_restart_keeps_it(values: list[float]) -> None:
    drift = of(np.array(values, dtype=float))

    assert sum((drift.counts or {})["x"]) == drift.rows == len(values)
    assert ANY_DRIFT.validate_json(ANY_DRIFT.dump_json(drift)) == drift
