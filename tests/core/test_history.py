"""Heat, power, starts and silence against an EVSE's own normal."""

from __future__ import annotations

import math

import pytest

from edge_agent.core.charger import Charger
from edge_agent.core.features import FAILURE_FEATURES, failure_row
from edge_agent.wire.reading import Reading
from tests.core.making import at, folded, said

HOUR = 3600
DAY = 24 * HOUR


def days(first: int, last: int, rise_c: float = 15.0, power: float = 11.0, **told: object) -> list[Reading]:
    """Return a session of two hours a day, with a reading every five minutes."""
    found = []
    for day in range(first, last):
        load = 0.0
        found.append(said(day * DAY - 300, temperature=10.0, ambient_temperature=10.0, power=0.0))
        for step in range(24):
            found.append(
                said(
                    day * DAY + 300 * step,
                    "CHARGING",
                    temperature=10.0 + rise_c * load,
                    ambient_temperature=10.0,
                    rated_power=11.0,
                    power=power,
                    energy_delivered=step * power / 12,
                    **told,
                )
            )
            load += ((power / 11.0) ** 2 - load) * -math.expm1(-300 / 1200)
        found.append(
            said(
                day * DAY + 2 * HOUR,
                temperature=10.0 + rise_c * load,
                ambient_temperature=10.0,
                power=0.0,
                energy_delivered=20.0,
            )
        )
    return found


def row(charger: Charger, seconds: float) -> dict[str, float]:
    return dict(zip(FAILURE_FEATURES, failure_row(charger, at(seconds)), strict=True))


def test_heat_that_the_load_explains_is_no_excess() -> None:
    told = row(folded(days(1, 20) + days(20, 22, power=5.5)), 22 * DAY)
    assert told["heat_rise"] == pytest.approx(15.0, abs=1.0)
    assert told["temperature_excess"] == pytest.approx(0.0, abs=1.0)


def test_heat_that_the_load_does_not_explain_shows_in_degrees_at_full_load() -> None:
    told = row(folded(days(1, 20) + days(20, 24, rise_c=25.0)), 24 * DAY)
    assert told["temperature_excess"] == pytest.approx(9.0, abs=2.0)


def test_before_its_own_normal_is_known_there_is_no_excess() -> None:
    assert math.isnan(row(folded(days(1, 2)), 2 * DAY)["temperature_excess"])


def test_a_vehicle_that_asks_for_less_is_no_shortfall_and_a_weak_module_is() -> None:
    asked = row(folded(days(1, 3, power=5.5, power_requested=5.5)), 3 * DAY)
    weak = row(folded(days(1, 3, power=5.5, power_requested=11.0)), 3 * DAY)
    assert asked["power_shortfall"] == pytest.approx(0.0, abs=0.01)
    assert weak["power_shortfall"] == pytest.approx(0.5, abs=0.01)


def test_messages_that_do_not_come_are_a_share_of_the_time() -> None:
    steady = folded([said(60 * n) for n in range(2000)])
    gappy = folded([said(60 * n) for n in range(2000) if n % 10 < 7])
    assert row(steady, 2000 * 60)["silence_share_1d"] == 0.0
    assert 0.1 < row(gappy, 2000 * 60)["silence_share_1d"] < 0.4


def test_failed_starts_are_counted_until_a_good_one() -> None:
    starts = [said(60 * n, "CHARGING" if n % 2 else "AVAILABLE", energy_delivered=0.0) for n in range(5)]
    told = row(folded(starts), 240)
    assert told["failed_streak"] == 2.0
    assert told["failed_starts_1d"] == pytest.approx(2.0, abs=0.01)
