"""The bill of acting on advice, on EVSEs whose every failure is known."""

from __future__ import annotations

import numpy as np
import pytest

from edge_agent.core.features import HORIZON_DAYS, N_FAILURE
from edge_agent.core.terms import PARTS, Terms
from edge_agent.simulator.parameters import Mode
from edge_agent.wire.answers import FailureMode, Urgency
from models.training.fleet import MODES, Rows
from models.training.upkeep import Advice, Bill, bills, foreseen, true_mode

TERMS = Terms()
LIFE_DAYS = 40.0
SURE = (0.02, 0.2, 0.5, 0.8, 0.95)


def lives(evses: int, *, announced: bool = True, worn_from: float = 20.0) -> Rows:
    """Return EVSEs with a row a day, whose locks all fail after LIFE_DAYS."""
    days = np.arange(LIFE_DAYS)
    at, evse = np.tile(days, evses), np.repeat(np.arange(evses), len(days))
    worn = (at >= worn_from)[:, np.newaxis]
    n = len(at)
    return Rows(
        x=np.zeros((n, N_FAILURE), np.float32),
        site=np.zeros(n, np.int64),
        evse=evse,
        at=at,
        to_failure=LIFE_DAYS - at,
        to_censor=np.full(n, np.inf),
        oracle=np.where(worn, SURE, np.full(len(HORIZON_DAYS), 0.05)),
        next_mode=np.full(n, MODES.index(Mode.LOCK)),
        next_announced=np.full(n, announced),
        suspect=np.full(n, -1),
    )


def advice(place: int, mode: FailureMode = FailureMode.LOCK) -> Advice:
    return Advice(place, SURE, mode, Urgency.HIGH)


def test_without_advice_every_failure_is_paid() -> None:
    assert bills(lives(3), [], TERMS) == [Bill(failures=1)] * 3
    assert Bill(failures=2).total(TERMS) == 2 * TERMS.failure_cost


def test_a_visit_in_time_prevents_as_often_as_the_work_on_that_part_does() -> None:
    (bill,) = bills(lives(1), [advice(25)], TERMS)
    assert bill.visits == 1
    assert bill.prevented == PARTS[FailureMode.LOCK].efficacy
    assert 0 < bill.spent < TERMS.failure_cost
    assert bill.total(TERMS) < TERMS.failure_cost


def test_with_another_part_in_mind_half_as_often() -> None:
    (bill,) = bills(lives(1), [advice(25, FailureMode.CONNECTOR)], TERMS)
    assert bill.prevented == pytest.approx(PARTS[FailureMode.LOCK].efficacy / 2)


@pytest.mark.parametrize("rows", [lives(1, announced=False), lives(1, worn_from=39.0)])
def test_what_nothing_announces_or_what_is_not_worn_yet_no_visit_prevents(rows: Rows) -> None:
    (bill,) = bills(rows, [advice(10)], TERMS)
    assert (bill.visits, bill.prevented) == (1, 0.0)


def test_after_a_visit_in_vain_nobody_comes_again_within_a_month() -> None:
    (bill,) = bills(lives(1), [advice(place) for place in range(1, 15)], TERMS)
    assert bill.visits == 1


def test_advice_that_comes_too_late_costs_no_visit() -> None:
    (bill,) = bills(lives(1), [advice(39)], TERMS)
    assert bill == Bill(failures=1)


def test_the_oracle_asks_where_something_is_worn_and_knows_the_part() -> None:
    rows = lives(1)
    assert [each.place for each in foreseen(rows)] == list(range(20, 40))
    assert true_mode(rows, 0) is FailureMode.LOCK
