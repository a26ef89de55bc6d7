"""When a reading was measured, and whom it is about."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.wire.metrics import Quantities
from edge_agent.wire.reading import AHEAD_AT_MOST, EARLIEST_SANE, Reading, Source

NOW = datetime(2025, 10, 1, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def reading(measured_at: datetime | None, connector_id: int | None = 1) -> Reading:
    return Reading(
        charger_id="A",
        connector_id=connector_id,
        metrics=Quantities(),
        received_at=NOW,
        source=Source.OCPP,
        measured_at=measured_at,
    )


@pytest.mark.parametrize(
    "measured_at",
    [EARLIEST_SANE, NOW - timedelta(days=30), NOW - SECOND, NOW, NOW + SECOND, NOW + AHEAD_AT_MOST],
)
def test_a_sane_clock_says_when_it_was_measured(measured_at: datetime) -> None:
    assert reading(measured_at).at == measured_at


@pytest.mark.parametrize(
    "measured_at",
    [
        None,
        datetime.min.replace(tzinfo=UTC),
        datetime(1970, 1, 1, tzinfo=UTC),
        EARLIEST_SANE - timedelta(microseconds=1),
        NOW + AHEAD_AT_MOST + timedelta(microseconds=1),
        datetime.max.replace(tzinfo=UTC),
    ],
)
def test_without_a_sane_clock_it_was_measured_when_it_was_received(measured_at: datetime | None) -> None:
    assert reading(measured_at).at == NOW


@given(st.datetimes(timezones=st.just(UTC)))
def test_whatever_the_clock_says_the_time_is_aware_and_not_far_ahead(measured_at: datetime) -> None:
    moment = reading(measured_at).at
    assert EARLIEST_SANE <= moment <= NOW + AHEAD_AT_MOST


def test_the_time_of_receipt_is_kept_beside_the_chargers() -> None:
    measured = reading(NOW - SECOND)
    assert (measured.received_at, measured.measured_at) == (NOW, NOW - SECOND)


def test_a_reading_without_a_connector_is_about_the_cabinet() -> None:
    assert reading(None).evse == ("A", 1)
    assert reading(None, None).evse == ("A", 0)
