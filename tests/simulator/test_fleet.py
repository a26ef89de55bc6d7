from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import islice, takewhile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.simulator.components import Breakdown, Components
from edge_agent.simulator.fleet import Fleet, SitePlan
from edge_agent.simulator.parameters import (
    CONNECTOR_MODES,
    STAGES,
    WEAR,
    FaultParameters,
    HeatParameters,
    Mode,
    Parameters,
    SensingParameters,
)
from edge_agent.simulator.usage import SITE_KINDS
from edge_agent.simulator.voices import Message
from edge_agent.wire.metrics import Metrics

START = datetime(2025, 3, 1, tzinfo=UTC)
EXACT = SensingParameters(
    interval_s=7200, charging_interval_s=900, late_share=0, twice_share=0, skew_s=0, reset_share=0
)
COARSE = Parameters(sensing=EXACT)
BREAKING = replace(COARSE, faults=FaultParameters(outages_per_year=40))


def fleet_of(
    parameters: Parameters = COARSE, *, chargers: int = 5, ocpp: int = 0, kind: str = "city"
) -> Fleet:
    return Fleet(
        SitePlan(
            chargers=chargers, start=START, kind=parameters.kinds[kind], ocpp=ocpp, parameters=parameters
        ),
        1,
    )


def first_days(fleet: Fleet, days: float) -> Iterator[Message]:
    return takewhile(lambda message: message.at < START + timedelta(days=days), fleet.messages())


def test_the_same_seed_gives_the_same_messages() -> None:
    assert list(first_days(fleet_of(ocpp=1), 10)) == list(first_days(fleet_of(ocpp=1), 10))


def test_another_seed_gives_other_messages() -> None:
    plan = SitePlan(chargers=2, start=START)
    one, other = (list(islice(Fleet(plan, seed).messages(), 50)) for seed in (1, 2))
    assert one != other


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32), kind=st.sampled_from(sorted(SITE_KINDS)))
def test_every_message_is_valid_metrics_and_time_never_runs_back(seed: int, kind: str) -> None:
    plan = SitePlan(chargers=3, start=START, kind=SITE_KINDS[kind], parameters=BREAKING)
    last = START
    for message in islice(Fleet(plan, seed).messages(), 400):
        metrics = Metrics.model_validate_json(message.payload)
        assert metrics.charger_id == message.charger_id
        assert metrics.timestamp == message.at >= last
        last = message.at


def test_no_message_tells_of_the_latent_truth() -> None:
    fields = {name for message in first_days(fleet_of(BREAKING), 30) for name in json.loads(message.payload)}
    assert fields <= set(Metrics.model_fields)
    assert "metadata" not in fields


def test_failures_are_recorded_in_order_of_onset_and_end_after_they_begin() -> None:
    fleet = fleet_of(BREAKING)
    for _ in first_days(fleet, 120):
        pass
    onsets = [failure.onset for failure in fleet.failures]
    assert len(onsets) > 10
    assert onsets == sorted(onsets)
    assert all(failure.returned > failure.onset for failure in fleet.failures)


def test_a_broken_connector_reports_faulty_with_its_code_until_it_is_repaired() -> None:
    fleet = fleet_of(chargers=1)
    evse = fleet.evses[0]
    evse.fail(Breakdown(Mode.INSULATION, announced=False), timedelta(days=1).total_seconds())
    told = [Metrics.model_validate_json(message.payload) for message in first_days(fleet, 3)]
    mine = [each for each in told if each.connector_id == evse.connector_id]
    broken = [each for each in mine if each.timestamp and each.timestamp < START + timedelta(days=1)]
    assert {each.connector_status for each in broken} == {"FAULTY"}
    assert {each.error_codes for each in broken} == {("GroundFailure",)}
    assert mine[-1].connector_status != "FAULTY"


def test_a_dead_modem_makes_the_whole_charger_silent() -> None:
    fleet = fleet_of(chargers=1)
    fleet.cabinets[0].fail(Breakdown(Mode.NETWORK, announced=False), timedelta(days=2).total_seconds())
    first = next(fleet.messages())
    assert first.at >= START + timedelta(days=2)


def test_a_repair_moves_the_date_of_the_last_maintenance() -> None:
    tells = replace(COARSE, sensing=replace(EXACT, no_maintenance_share=0))
    fleet = fleet_of(tells, chargers=1)
    fleet.evses[0].fail(Breakdown(Mode.LOCK, announced=False), timedelta(days=1).total_seconds())
    told = [Metrics.model_validate_json(message.payload) for message in first_days(fleet, 3)]
    last = [each for each in told if each.connector_id == fleet.evses[0].connector_id][-1]
    assert last.last_maintenance == START + timedelta(days=1)


def test_worn_contacts_run_hotter_at_the_same_load() -> None:
    quiet = replace(COARSE, heat=HeatParameters(sensor_noise_c=0, site_c=0))
    hottest = []
    for stage in (0, STAGES):
        fleet = fleet_of(quiet, chargers=1, kind="hub")
        for evse in fleet.evses:
            evse.parts.wear(Mode.CONNECTOR, stage)
        told = [Metrics.model_validate_json(message.payload).temperature for message in first_days(fleet, 5)]
        hottest.append(max(temperature for temperature in told if temperature is not None))
    assert hottest[1] > hottest[0] + 5


def test_usage_follows_the_rate_and_the_hours_of_its_kind() -> None:
    kind = SITE_KINDS["city"]
    fleet = fleet_of(replace(COARSE, faults=FaultParameters(outages_per_year=0)), chargers=20)
    before = sum(evse.sessions for evse in fleet.evses)
    for _ in first_days(fleet, 30):
        pass
    a_day = (sum(evse.sessions for evse in fleet.evses) - before) / len(fleet.evses) / 30
    # Vehicles that come while the plug is taken go away again; who got nothing tries again.
    assert 0.6 * kind.arrivals_per_day < a_day <= 1.25 * kind.arrivals_per_day


def test_at_least_three_in_ten_failures_come_without_a_precursor() -> None:
    fleet = fleet_of(BREAKING, chargers=15, kind="work")
    for _ in first_days(fleet, 90):
        pass
    own = [failure for failure in fleet.failures if failure.own]
    assert len(own) > 40
    assert sum(not failure.announced for failure in own) / len(own) > 0.3


def test_parts_break_as_often_as_their_world_says() -> None:
    seldom_heard = replace(
        COARSE,
        faults=FaultParameters(
            outages_per_year=5, repair_median_days=0.1, frailty_variance=0, codes_per_day=0, boots_per_day=0
        ),
        sensing=replace(EXACT, interval_s=1e7),
        kinds={"idle": replace(SITE_KINDS["work"], arrivals_per_day=0)},
    )
    fleet = fleet_of(seldom_heard, chargers=60, kind="idle")
    for _ in first_days(fleet, 365):
        pass
    own = [failure for failure in fleet.failures if failure.own and failure.connector_id]
    share = sum(WEAR[mode].share for mode in CONNECTOR_MODES)
    again = 1 + FaultParameters().imperfect_share
    assert len(own) / len(fleet.evses) == pytest.approx(5 * share * again, rel=0.12)


def test_a_fifth_to_a_third_of_precursors_heal() -> None:
    faults = FaultParameters(outages_per_year=100, frailty_variance=0)
    parts = Components((Mode.CONNECTOR,), faults, np.random.default_rng(3))
    healed = failed = 0
    for _ in range(20_000):
        stage = parts.stage[Mode.CONNECTOR]
        broken = parts.change()
        healed += stage > 0 and parts.stage[Mode.CONNECTOR] == 0
        failed += broken is not None and broken.announced
        if broken is not None:
            parts.wear(Mode.CONNECTOR, 0)
    assert healed / (healed + failed) == pytest.approx(faults.heal_share, abs=0.03)


def test_shares_of_all_outages_add_up_to_one() -> None:
    assert sum(wear.share for wear in WEAR.values()) == pytest.approx(1)


def test_at_a_faster_pace_stamps_still_run_with_the_readers_clock() -> None:
    plan = SitePlan(chargers=1, start=START, time_scale=10, parameters=COARSE)
    for message in islice(Fleet(plan, 1).messages(), 100):
        stamp = Metrics.model_validate_json(message.payload).timestamp
        assert stamp is not None
        assert (stamp - START) * 10 == pytest.approx(message.at - START, abs=timedelta(milliseconds=1))
