"""Visits that gave no energy."""

from __future__ import annotations

from edge_agent.wire.reading import Reading
from tests.core.making import folded, said

HOUR_S = 3600.0


def good(visit: int) -> list[Reading]:
    start = visit * 2 * HOUR_S
    return [
        said(start, "OCCUPIED", power=0.0, energy_delivered=0.0),
        said(start + 60, "CHARGING", power=7.0, energy_delivered=1.0),
        said(start + HOUR_S, "CHARGING", power=7.0, energy_delivered=8.0),
        said(start + HOUR_S + 60, "AVAILABLE", power=0.0, energy_delivered=8.0),
    ]


def left_without(visit: int) -> list[Reading]:
    start = visit * 2 * HOUR_S
    return [
        said(start, "OCCUPIED", power=0.0, energy_delivered=0.0),
        said(start + HOUR_S, "AVAILABLE", power=0.0, energy_delivered=0.0),
    ]


def surprise(*visits: list[Reading]) -> float:
    readings = [reading for visit in visits for reading in visit]
    return folded(readings).baselines.serving.surprise


def test_vehicles_in_a_row_that_leave_without_a_session_surprise_more_and_more() -> None:
    habit = [good(visit) for visit in range(20)]
    told = [surprise(*habit, *(left_without(20 + each) for each in range(more))) for more in (2, 3, 4, 6)]
    assert told[0] == 0.0
    assert told[1:] == sorted(told[1:])
    assert told[-1] > 14.0


def test_one_good_session_ends_the_run() -> None:
    habit = [good(visit) for visit in range(20)]
    run = [left_without(20 + each) for each in range(6)]
    assert surprise(*habit, *run, good(26)) == 0.0


def test_where_nothing_was_ever_good_an_empty_visit_is_no_surprise() -> None:
    assert surprise(*(left_without(visit) for visit in range(20))) == 0.0


def test_a_vehicle_that_stays_after_its_session_is_no_empty_visit() -> None:
    parked = [
        *good(0)[:-1],
        said(2 * HOUR_S, "OCCUPIED", power=0.0, energy_delivered=8.0),
        said(3 * HOUR_S, "AVAILABLE", power=0.0, energy_delivered=8.0),
    ]
    assert folded(parked).baselines.serving.empty == 0
