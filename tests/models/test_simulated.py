"""What training reads of simulated sites: rows and the truth beside them, streams, sessions, the checks."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from edge_agent.core.features import HORIZON_DAYS, N_FAILURE
from edge_agent.simulator.parameters import FaultParameters, OddityParameters
from edge_agent.simulator.worlds import with_oddities, world
from models.training import calibration, checks, sessions
from models.training.fleet import MODES, FleetPlan, Rows, simulate
from models.training.streams import Stream, streams

BREAKING = replace(
    world("normal"),
    faults=FaultParameters(outages_per_year=8, repair_median_days=2, frailty_variance=0),
    sensing=replace(world("normal").sensing, interval_s=21_600, charging_interval_s=1800),
)
PLAN = FleetPlan(sites=10, chargers=2, days=80, parameters=BREAKING)


@pytest.fixture(scope="module")
def rows() -> Rows:
    return simulate(PLAN, workers=1)


def test_rows_of_an_evse_lie_on_a_grid_while_it_is_in_service(rows: Rows) -> None:
    steps = np.diff(rows.at)[np.diff(rows.evse) == 0]
    assert np.median(steps) == pytest.approx(PLAN.row_hours / 24)
    assert steps / steps.min() == pytest.approx(np.round(steps / steps.min()), abs=1e-6)
    assert rows.x.shape == (len(rows.at), N_FAILURE)


def test_every_row_knows_its_true_risk_and_a_longer_horizon_has_more(rows: Rows) -> None:
    assert rows.oracle.shape == (len(rows.at), len(HORIZON_DAYS))
    assert ((rows.oracle > 0) & (rows.oracle < 1)).all()
    assert (np.diff(rows.oracle, axis=1) > 0).all()


def test_a_row_names_the_part_that_fails_next_only_where_that_was_seen(rows: Rows) -> None:
    seen = np.isfinite(rows.to_failure)
    assert (rows.next_mode[seen] >= 0).all()
    assert (rows.next_mode[~seen] == -1).all()
    assert not rows.next_announced[~seen].any()
    assert {MODES[place].value for place in set(rows.next_mode[seen].tolist())} <= set(MODES)


def test_an_announced_failure_lies_under_a_higher_risk_than_one_from_nowhere(rows: Rows) -> None:
    soon = rows.to_failure <= 3
    risk = rows.oracle[:, HORIZON_DAYS.index(3)]
    assert risk[soon & rows.next_announced].mean() > 5 * risk[soon & ~rows.next_announced].mean()


def test_the_simulator_is_fit_to_train_on(rows: Rows) -> None:
    found = {each.name: each for each in checks.checked(rows)}
    # Chance alone does too much to a hundred failures for the other checks: they need a large fleet.
    for name in (
        "AUC of boosted trees at 7 d, unseen sites",
        "oracle's AUC less theirs",
        "their share of the oracle's AP",
        "observed over the oracle's, 7 d",
        "observed over the oracle's, 30 d",
    ):
        assert found[name].passed, found[name]


@pytest.fixture(scope="module")
def odd() -> list[Stream]:
    parameters = replace(with_oddities(BREAKING), oddities=OddityParameters(sudden_per_year=60))
    return list(streams(FleetPlan(sites=2, chargers=1, days=12, parameters=parameters)))


def test_a_stream_has_one_evses_readings_in_order_of_arrival_and_its_own_truth(odd: list[Stream]) -> None:
    assert len({stream.evse for stream in odd if stream.site == 0}) == sum(s.site == 0 for s in odd)
    assert any(stream.oddities for stream in odd)
    for stream in odd:
        arrivals = [reading.received_at for reading in stream.readings]
        assert arrivals == sorted(arrivals)
        assert {reading.evse for reading in stream.readings} == {stream.evse}
        assert {(each.charger_id, each.connector_id) for each in stream.oddities} <= {stream.evse}


def test_the_spans_of_wear_lie_within_the_simulated_time(odd: list[Stream]) -> None:
    end = PLAN.start + timedelta(days=12)
    for stream in odd:
        assert all(PLAN.start <= worn.begin <= worn.end <= end for worn in stream.worn)


def test_sessions_are_read_from_messages_and_two_halves_of_them_cannot_be_told_apart() -> None:
    made = sessions.simulated(days=20, chargers=2)
    assert set(made) == set(world("normal").kinds)
    told = calibration.statistics(made["rapid"])
    assert 5 < told["a_day"] < 10
    assert told["kwh"][1] == pytest.approx(9.1, rel=0.25)
    every = [each for evse in made["rapid"].values() for each in evse]
    assert calibration.told_apart({"a": every[::2]}, {"b": every[1::2]}) == pytest.approx(0.5, abs=0.15)
