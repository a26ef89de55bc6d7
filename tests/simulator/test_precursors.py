"""Every part that announces its failure does so in what it says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise, takewhile

import numpy as np
import pytest

from edge_agent.simulator.components import Breakdown
from edge_agent.simulator.evse import Evse
from edge_agent.simulator.fleet import Fleet, SitePlan
from edge_agent.simulator.parameters import STAGES, WEAR, FaultParameters, Mode, Parameters, SensingParameters
from edge_agent.simulator.usage import SITE_KINDS
from edge_agent.wire.metrics import ConnectorStatus, Metrics

START = datetime(2025, 6, 1, tzinfo=UTC)
TELLS_ALL = SensingParameters(
    interval_s=3600,
    charging_interval_s=300,
    no_temperature_share=0,
    no_request_share=0,
    coarse_share=0,
    late_share=0,
    skew_s=0,
)
# The parts stay as they are set: nothing wears on.
STILL = Parameters(
    faults=FaultParameters(
        outages_per_year=0,
        wear={mode: replace(wear, days=1e9) for mode, wear in WEAR.items()},
    ),
    sensing=TELLS_ALL,
)


def told_by(mode: Mode, stage: int) -> tuple[Fleet, list[Metrics]]:
    """Return what a rapid charger says in 20 days with one part worn so far."""
    plan = SitePlan(chargers=1, start=START, kind=SITE_KINDS["rapid"], parameters=STILL)
    fleet = Fleet(plan, 5)
    for unit in (*fleet.cabinets, *fleet.evses):
        if mode in unit.parts.stage:
            unit.parts.wear(mode, stage)
            if isinstance(unit, Evse):
                unit.redraw_code(0.0)
    for evse in fleet.evses:
        evse.redraw_code(0.0)
    fleet.cabinets[0].redraw_boot(0.0)
    end = START + timedelta(days=20)
    said = takewhile(lambda message: message.at < end, fleet.messages())
    return fleet, [Metrics.model_validate_json(message.payload) for message in said]


def charging(told: list[Metrics]) -> list[Metrics]:
    return [each for each in told if each.connector_status is ConnectorStatus.CHARGING and each.power]


def heat_per_load(told: list[Metrics]) -> float:
    """Kelvin above ambient over the square of the load: I²R, as well as it is to be seen."""
    rise = [
        ((each.temperature or 0) - (each.ambient_temperature or 0)) / ((each.power or 0) / 50) ** 2
        for each in charging(told)
        if (each.power or 0) > 25
    ]
    return float(np.median(rise))


def shortfall(told: list[Metrics]) -> float:
    """Share of min(limit, request, rating) that does not flow."""
    lacks = [
        1 - (each.power or 0) / min(each.power_limit or 0, each.power_requested or 0, each.rated_power or 0)
        for each in charging(told)
    ]
    return float(np.mean(lacks))


def zero_sessions(told: list[Metrics]) -> float:
    ended = [each for each in told if each.connector_status is ConnectorStatus.OCCUPIED]
    return sum(each.energy_delivered == 0 for each in ended)


def codes(told: list[Metrics]) -> float:
    return sum(bool(each.error_codes) for each in told)


def boots(told: list[Metrics]) -> float:
    hours = [each.uptime_hours or 0 for each in told]
    return sum(later < earlier - 0.01 for earlier, later in pairwise(hours))


@pytest.mark.parametrize(
    ("mode", "sign"),
    [
        (Mode.CONNECTOR, heat_per_load),
        (Mode.COOLING, heat_per_load),
        (Mode.POWER_MODULE, shortfall),
        (Mode.POWER_MODULE, boots),
        (Mode.CONTACTOR, zero_sessions),
        (Mode.LOCK, zero_sessions),
        (Mode.PAYMENT, zero_sessions),
        (Mode.NETWORK, boots),
        (Mode.LOCK, codes),
        (Mode.COOLING, codes),
    ],
)
def test_a_worn_part_shows_in_what_is_measured(mode: Mode, sign: Callable[[list[Metrics]], float]) -> None:
    _, healthy = told_by(mode, 0)
    _, worn = told_by(mode, STAGES)
    assert sign(worn) > 1.3 * sign(healthy) + 0.01


def test_a_worn_modem_loses_messages() -> None:
    _, healthy = told_by(Mode.NETWORK, 0)
    _, worn = told_by(Mode.NETWORK, STAGES)
    assert len(worn) < 0.85 * len(healthy)


def test_who_is_not_broken_starts_at_the_third_attempt_at_the_latest() -> None:
    _, told = told_by(Mode.LOCK, STAGES)
    row = longest = 0
    for before, now in pairwise(told):
        if before.connector_status is ConnectorStatus.CHARGING and now.connector_status in {
            ConnectorStatus.OCCUPIED,
            ConnectorStatus.FULLY_CHARGED,
        }:
            row = row + 1 if now.connector_status is ConnectorStatus.OCCUPIED else 0
            longest = max(longest, row)
    assert longest == 2


def test_a_dead_terminal_lets_nobody_charge_and_says_nothing_of_it() -> None:
    fleet = Fleet(SitePlan(chargers=1, start=START, kind=SITE_KINDS["rapid"], parameters=STILL), 5)
    fleet.cabinets[0].fail(Breakdown(Mode.PAYMENT, announced=False), timedelta(days=3).total_seconds())
    said = takewhile(lambda message: message.at < START + timedelta(days=3), fleet.messages())
    told = [Metrics.model_validate_json(message.payload) for message in said]
    assert {each.energy_delivered for each in charging(told)} <= {0.0}
    assert zero_sessions(told) > 3
    assert ConnectorStatus.FAULTY not in {each.connector_status for each in told}
