"""From state to the models' inputs."""

from __future__ import annotations

import math

import numpy as np
import pytest

from edge_agent.core.features import (
    ANOMALY_FEATURES,
    FAILURE_FEATURES,
    STATELESS_FEATURES,
    anomaly_rows,
    as_matrix,
    failure_row,
)
from edge_agent.wire.metrics import ConnectorStatus
from tests.core.making import at, folded, said, stranger


def named(seconds: float = 0.0, status: str = "AVAILABLE", **told: object) -> dict[str, float]:
    charger = folded([said(seconds, status, **told)])
    return dict(zip(FAILURE_FEATURES, failure_row(charger, at(seconds)), strict=True))


def test_the_first_eight_are_the_central_services_in_its_order() -> None:
    assert STATELESS_FEATURES == (
        "status_int",
        "energy_delivered",
        "power",
        "temperature",
        "error_count",
        "uptime_hours",
        "total_sessions",
        "days_since_maintenance",
    )
    row = list(
        named(
            status="CHARGING",
            energy_delivered=45.5,
            power=7.2,
            temperature=35.0,
            error_codes=["X", "Y"],
            uptime_hours=1500,
            total_sessions=300,
            last_maintenance="2025-09-21T12:00:00Z",
        ).values()
    )
    assert row[:8] == [1.0, 45.5, 7.2, 35.0, 2.0, 1500.0, 300.0, 10.0]


@pytest.mark.parametrize("status", list(ConnectorStatus))
def test_a_status_is_its_code(status: ConnectorStatus) -> None:
    codes = ("AVAILABLE", "CHARGING", "OCCUPIED", "FULLY_CHARGED", "UNAVAILABLE", "OFFLINE", "FAULTY")
    assert named(status=status)["status_int"] == codes.index(status)


def test_what_is_unknown_is_nan_and_no_codes_are_zero() -> None:
    row = named()
    unknown = {name for name in STATELESS_FEATURES if math.isnan(row[name])}
    assert unknown == set(STATELESS_FEATURES) - {"status_int"}
    assert named(error_codes=[])["error_count"] == 0.0


def test_the_history_of_a_stranger_is_nan_throughout() -> None:
    assert all(math.isnan(value) for value in failure_row(stranger(), at(0)))


def test_maintenance_in_the_future_was_no_day_ago() -> None:
    assert named(last_maintenance="9999-12-31T23:59:59Z")["days_since_maintenance"] == 0.0
    assert named(last_maintenance="0001-01-01T00:00:00Z")["days_since_maintenance"] > 700_000


def test_history_tells_of_trouble_and_sessions() -> None:
    day = 86_400.0
    readings = [
        said(0, "CHARGING", energy_delivered=10.0),
        said(60),
        said(120, "FAULTY", error_codes=["GroundFailure", "HighTemperature"]),
        said(180),
    ]
    charger = folded(readings)
    row = dict(zip(FAILURE_FEATURES, failure_row(charger, at(120 + day)), strict=True))
    assert row["codes_per_day_1d"] == pytest.approx(2 / math.e)
    assert row["codes_per_day_7d"] == pytest.approx(2 / 7 * math.exp(-1 / 7))
    assert row["codes_per_day_30d"] == pytest.approx(2 / 30 * math.exp(-1 / 30))
    assert row["faults_per_day_30d"] == pytest.approx(1 / 30 * math.exp(-1 / 30))
    assert row["boots_per_day_7d"] == 0.0
    assert (row["session_energy"], row["zero_session_share"]) == (10.0, 0.0)
    assert row["days_since_good_session"] == pytest.approx(1 + 60 / day)


def test_without_a_session_its_energy_and_share_are_unknown() -> None:
    row = named()
    assert all(
        math.isnan(row[name]) for name in ("session_energy", "zero_session_share", "days_since_good_session")
    )


def test_the_anomaly_detectors_inputs_are_the_first_five() -> None:
    matrix = as_matrix([tuple(named(temperature=20.0).values()), tuple(named(power=1.0).values())])
    rows = anomaly_rows(matrix)
    assert FAILURE_FEATURES[:5] == ANOMALY_FEATURES
    assert rows.shape == (2, 5)
    assert rows.dtype == np.float32
    assert rows.flags["C_CONTIGUOUS"]
    assert np.array_equal(rows, matrix[:, :5], equal_nan=True)
