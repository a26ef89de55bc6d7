from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise, takewhile

import pytest

from edge_agent.simulator.fleet import Fleet, SitePlan
from edge_agent.simulator.oddities import DRIFTS, HARMLESS, SUDDEN, Oddity, OddityKind, Spell
from edge_agent.simulator.parameters import FaultParameters, OddityParameters, Parameters, SensingParameters
from edge_agent.simulator.usage import SITE_KINDS
from edge_agent.wire.metrics import ConnectorStatus, Metrics

START = datetime(2025, 3, 1, tzinfo=UTC)
MANY = OddityParameters(sudden_per_year=200, drifts_per_year=20, harmless_per_year=60)
ODD = Parameters(
    faults=FaultParameters(outages_per_year=0),
    sensing=SensingParameters(interval_s=7200, charging_interval_s=300),
    oddities=MANY,
)
Told = dict[tuple[str, int], list[Metrics]]


@pytest.fixture(scope="module")
def site() -> tuple[Fleet, Told]:
    """A month of a rapid site on which much is odd."""
    fleet = Fleet(SitePlan(chargers=4, start=START, kind=SITE_KINDS["rapid"], parameters=ODD), 3)
    told: Told = {}
    for message in takewhile(lambda message: message.at < START + timedelta(days=25), fleet.messages()):
        metrics = Metrics.model_validate_json(message.payload)
        told.setdefault((message.charger_id, metrics.connector_id), []).append(metrics)
    return fleet, told


def during(told: Told, oddity: Oddity) -> list[Metrics]:
    mine = told[oddity.charger_id, oddity.connector_id]
    return [each for each in mine if each.timestamp and oddity.onset <= each.timestamp < oddity.end]


def test_each_is_labelled_with_its_place_kind_and_time(site: tuple[Fleet, Told]) -> None:
    fleet, _ = site
    kinds = {each.kind for each in fleet.oddities}
    assert len(kinds & set(SUDDEN)) >= 5
    assert kinds & set(DRIFTS)
    assert kinds & set(HARMLESS)
    assert all(each.end > each.onset >= START for each in fleet.oddities)


def test_an_evse_has_at_most_one_at_a_time(site: tuple[Fleet, Told]) -> None:
    fleet, told = site
    for evse in told:
        mine = [each for each in fleet.oddities if (each.charger_id, each.connector_id) == evse]
        assert all(later.onset >= earlier.end for earlier, later in pairwise(mine))


def test_where_energy_comes_without_power_the_counter_rises_and_the_meter_shows_none(
    site: tuple[Fleet, Told],
) -> None:
    fleet, told = site
    odd = next(each for each in fleet.oddities if each.kind is OddityKind.ENERGY_WITHOUT_POWER)
    charging = [e for e in during(told, odd) if e.connector_status is ConnectorStatus.CHARGING]
    assert all(each.power == 0 for each in charging)
    assert (charging[-1].energy_delivered or 0) > (charging[0].energy_delivered or 0) or len(charging) < 3


def test_a_power_drop_begins_in_a_session(site: tuple[Fleet, Told]) -> None:
    fleet, told = site
    odd = next(each for each in fleet.oddities if each.kind is OddityKind.POWER_DROP)
    first = during(told, odd)[0]
    assert first.connector_status is ConnectorStatus.CHARGING


def test_a_drift_grows_to_its_full_size_and_ends() -> None:
    spell = Spell(OddityKind.SENSOR_DRIFT, 0.0, 100.0)
    sizes = [spell.size(OddityKind.SENSOR_DRIFT, at) for at in (0.0, 30.0, 60.0, 100.0)]
    assert sizes == pytest.approx([0.0, 7.5, 15.0, 15.0])
    assert spell.size(OddityKind.SENSOR_JUMP, 50.0) == 0


def test_none_comes_where_failures_are_foretold() -> None:
    fleet = Fleet(SitePlan(chargers=2, start=START, parameters=replace(ODD, oddities=OddityParameters())), 3)
    for _ in takewhile(lambda message: message.at < START + timedelta(days=20), fleet.messages()):
        pass
    assert fleet.oddities == []
