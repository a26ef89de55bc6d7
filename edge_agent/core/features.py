"""From state to the models' inputs. Order and meaning stand here, once; manifests repeat the names."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from edge_agent.core.history import HISTORY_NAMES
from edge_agent.core.history import features as history_features
from edge_agent.core.modes import own_codes

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from edge_agent.core.charger import Charger
    from edge_agent.wire.metrics import Quantities

FloatArray = NDArray[np.float32]
NAN = math.nan

STATELESS_FEATURES = (
    "status_int",  # 0 to 6
    "energy_delivered",  # kWh of the running or last session
    "power",  # kW
    "temperature",  # °C
    "error_count",  # codes of its own, active now
    "uptime_hours",  # since boot
    "total_sessions",  # in its life
    "days_since_maintenance",
)
"""The central service's eight, in its order: all that a stateless request can tell."""

HISTORY_FEATURES = (
    "codes_per_day_1d",  # codes of its own that appeared, a day, over 1, 7, 30 days
    "codes_per_day_7d",
    "codes_per_day_30d",
    "part_codes_per_day_1d",  # those of them that name a part
    "part_codes_per_day_7d",
    "days_since_code",  # of its own
    "days_since_part_code",
    "faults_per_day_30d",  # times it entered FAULTY
    "boots_per_day_7d",
    "session_energy",  # mean kWh of its last ten good sessions
    "zero_session_share",  # of its last ten sessions, those that gave nothing
    *HISTORY_NAMES,
)

FAILURE_FEATURES = STATELESS_FEATURES + HISTORY_FEATURES
ANOMALY_FEATURES = STATELESS_FEATURES[:5]
N_STATELESS = len(STATELESS_FEATURES)
N_FAILURE = len(FAILURE_FEATURES)
N_ANOMALY = len(ANOMALY_FEATURES)
FEATURE_VERSION = 3
"""Raised with every change of meaning or order; a model of another version is not loaded."""

HORIZON_DAYS = (1, 3, 7, 14, 30)
"""Ends of the hazard's bins; a failure model answers with the probability of failure by each."""


def failure_row(charger: Charger, at: datetime) -> tuple[float, ...]:
    """Return the failure predictor's input for an EVSE, as floats in the order of FAILURE_FEATURES.

    NaN where unknown; the history is NaN throughout for an EVSE without readings.
    """
    now = charger.now
    eight = (
        *_momentary(now),
        _or_nan(charger.uptime_hours),
        _or_nan(charger.total_sessions),
        _days_between(charger.last_maintenance, at),
    )
    return eight + (_history(charger, at) if charger.readings else NO_HISTORY)


NO_HISTORY = (NAN,) * len(HISTORY_FEATURES)


def anomaly_rows(failure_rows: FloatArray) -> FloatArray:
    """Return the anomaly detector's inputs, shape (n, N_ANOMALY): the first columns of the others."""
    return np.ascontiguousarray(failure_rows[:, :N_ANOMALY])


def as_matrix(rows: Sequence[tuple[float, ...]]) -> FloatArray:
    """Return rows of one length as float32, shape (n, features)."""
    return np.array(rows, dtype=np.float32)


def _momentary(now: Quantities) -> tuple[float, ...]:
    status = now.connector_status
    return (
        NAN if status is None else float(status.code),
        _or_nan(now.energy_delivered),
        _or_nan(now.power),
        _or_nan(now.temperature),
        NAN if now.error_codes is None else float(own_codes(now.error_codes)),
    )


def _history(charger: Charger, at: datetime) -> tuple[float, ...]:
    trouble, sessions = charger.trouble, charger.sessions
    return (
        *trouble.codes.at(at),
        *trouble.parts.at(at)[:2],
        _days_between(trouble.codes.as_of, at),
        _days_between(trouble.parts.as_of, at),
        trouble.faults.at(at)[2],
        trouble.boots.at(at)[1],
        sessions.mean_kwh if sessions.ended else NAN,
        sessions.zero_share if sessions.ended else NAN,
        *history_features(charger.history, sessions, at),
    )


def _or_nan(value: float | None) -> float:
    return NAN if value is None else float(value)


def _days_between(earlier: datetime | None, later: datetime) -> float:
    return NAN if earlier is None else max((later - earlier).total_seconds() / 86_400, 0.0)
