from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from itertools import pairwise, takewhile

import pytest

from edge_agent.simulator.demo import demo_messages
from edge_agent.wire.metrics import ConnectorStatus, Metrics

START = datetime(2025, 3, 1, tzinfo=UTC)


def played(seconds: float, chargers: int = 6) -> dict[str, list[tuple[float, Metrics]]]:
    """Return what the first connector of each charger told, by seconds since the start."""
    told: dict[str, list[tuple[float, Metrics]]] = defaultdict(list)
    end = START + timedelta(seconds=seconds)
    for message in takewhile(lambda message: message.at < end, demo_messages(chargers, START)):
        if message.kind == "metrics":
            metrics = Metrics.model_validate_json(message.payload)
            if metrics.connector_id == 1:
                told[message.charger_id].append(((message.at - START).total_seconds(), metrics))
    return told


@pytest.fixture(scope="module")
def site() -> dict[str, list[tuple[float, Metrics]]]:
    return played(290)


def test_within_twenty_seconds_a_charging_connector_passes_fifty_and_sixty_degrees(
    site: dict[str, list[tuple[float, Metrics]]],
) -> None:
    early = [m.temperature or 0 for at, m in site["CHG_001"] if at < 20 and m.connector_status == "CHARGING"]
    assert early[0] < 30
    assert any(50 < temperature < 60 for temperature in early)
    assert early[-1] > 60


def test_a_ground_failure_comes_within_fifteen_seconds_and_is_repaired_within_two_minutes(
    site: dict[str, list[tuple[float, Metrics]]],
) -> None:
    broken = [at for at, m in site["CHG_002"] if m.error_codes == ("GroundFailure",)]
    assert broken[0] < 15
    assert broken[-1] < 120
    assert site["CHG_002"][-1][1].connector_status is not ConnectorStatus.FAULTY


def test_the_power_of_one_charger_collapses_in_mid_charge_and_comes_back(
    site: dict[str, list[tuple[float, Metrics]]],
) -> None:
    charging = [(at, m.power or 0) for at, m in site["CHG_003"] if m.connector_status == "CHARGING"]
    assert [power for at, power in charging if at < 30][-1] > 40
    assert all(power < 0.1 for at, power in charging if 31 < at < 119)
    assert any(power > 10 for at, power in charging if at > 121)


def test_one_charger_falls_silent_and_returns(site: dict[str, list[tuple[float, Metrics]]]) -> None:
    times = [at for at, _ in site["CHG_004"]]
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert max(gaps) == pytest.approx(120, abs=3)


@pytest.mark.parametrize("chargers", [1, 2, 3, 12])
def test_a_site_of_any_size_plays_its_part_of_the_script(chargers: int) -> None:
    told = played(20, chargers)
    assert len(told) == max(chargers - 1, 1)


def test_at_speed_ten_the_script_comes_ten_times_as_soon_on_the_wall() -> None:
    for message in demo_messages(3, START, speed=10):
        if b"GroundFailure" in message.payload:
            stamp = Metrics.model_validate_json(message.payload).timestamp
            assert stamp == START + timedelta(seconds=1.2)
            break


def test_a_worn_lock_raises_codes_and_fails_to_start_within_half_a_minute(
    site: dict[str, list[tuple[float, Metrics]]],
) -> None:
    early = [metrics for at, metrics in site["CHG_005"] if at < 30]
    raised = [
        now.error_codes for before, now in pairwise(early) if now.error_codes and not before.error_codes
    ]
    assert raised.count(("ConnectorLockFailure",)) >= 4
    begun = [
        now
        for before, now in pairwise(early)
        if "CHARGING" == now.connector_status != before.connector_status
    ]
    assert len(begun) == 3
    assert {metrics.energy_delivered for metrics in begun} == {0.0}
