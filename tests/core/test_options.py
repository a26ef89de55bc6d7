"""What could be done, and which way is cheapest."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.core.options import Case, cheapest, nothing, possible, prevented_share, visit
from edge_agent.core.terms import Terms
from edge_agent.core.usage import NEVER_USED
from edge_agent.wire.answers import FailureMode, Urgency
from tests.core.test_usage import weeks

MONDAY = datetime(2025, 9, 29, 6, 0, tzinfo=UTC)
TERMS = Terms(failure_downtime_hours=264.0)


def case(p30: float = 0.8, mode: FailureMode = FailureMode.CONNECTOR, **told: object) -> Case:
    curve = ((1.0, p30 / 30), (7.0, p30 * 7 / 30), (30.0, p30))
    known: dict[str, object] = {"urgency": Urgency.MEDIUM, "usage": NEVER_USED, **told}
    return Case(MONDAY, curve, mode, **known)  # type: ignore[arg-type]


def test_the_risk_before_a_moment_is_read_off_the_curve() -> None:
    asked = case(0.6)
    days = (0.0, 0.5, 7.0, 18.5, 30.0, 99.0)
    told = [asked.before(MONDAY + timedelta(days=day)) for day in days]
    assert told == pytest.approx([0.0, 0.01, 0.14, 0.37, 0.6, 0.6])


def test_a_sure_failure_is_prevented_in_the_first_slot_after_the_parts_lead_time() -> None:
    best = cheapest(case(0.9), TERMS)
    assert best.at == datetime(2025, 10, 1, 8, 0, tzinfo=UTC)
    assert best.cost < nothing(case(0.9), TERMS).cost


def test_nothing_is_done_where_a_visit_costs_more_than_it_saves_and_nothing_wins_ties() -> None:
    assert cheapest(case(0.02), TERMS).at is None
    free = Terms(revenue_per_hour=0.0, labour_cost=0.0, repair_cost=0.0, call_out_cost=0.0)
    modem = case(0.9, FailureMode.CONNECTIVITY)
    assert visit(modem, free, MONDAY + timedelta(hours=5), 0.0).cost == nothing(modem, free).cost
    assert cheapest(modem, free).at is None


@pytest.mark.parametrize("mode", [FailureMode.CONNECTIVITY, FailureMode.PAYMENT, FailureMode.UNKNOWN])
def test_no_visit_is_worth_it_for_what_a_technician_cannot_mend(mode: FailureMode) -> None:
    assert prevented_share(mode, TERMS) == 0.0
    assert cheapest(case(1.0, mode), TERMS).at is None


def test_of_slots_that_are_as_safe_the_quiet_one_is_taken() -> None:
    usage = weeks(2, frozenset(range(8, 15)))
    flat = case(0.9, usage=usage)._replace(curve=((29.9, 0.0), (30.0, 0.9)))
    best = cheapest(flat, TERMS)
    assert best.at is not None
    assert best.at.hour == 15


def test_what_presses_is_done_before_the_failure_window() -> None:
    start = MONDAY + timedelta(days=3)
    pressing = case(0.9, urgency=Urgency.CRITICAL, window_start=start)
    assert all(at < start for at in possible(pressing, TERMS))
    late = pressing._replace(window_start=MONDAY + timedelta(hours=1))
    assert possible(late, TERMS) == [datetime(2025, 10, 1, 8, 0, tzinfo=UTC)]


def test_what_has_failed_is_repaired_in_the_first_slot_whatever_it_costs() -> None:
    broken = case(1.0, failed=True, urgency=Urgency.CRITICAL)
    assert cheapest(broken, Terms(call_out_cost=1e6)).at == datetime(2025, 10, 1, 8, 0, tzinfo=UTC)


def test_a_visit_that_comes_anyway_is_joined_for_the_call_out_it_saves() -> None:
    asked = case(0.5, mode=FailureMode.COOLING)
    alone = cheapest(asked, TERMS)
    coming = datetime(2025, 10, 2, 10, 0, tzinfo=UTC)
    joined = cheapest(asked, TERMS, [coming])
    assert alone.at is not None
    assert alone.at < coming
    assert (joined.at, joined.cost < alone.cost) == (coming, True)


@given(st.floats(0, 1), st.sampled_from(list(FailureMode)), st.sampled_from(list(Urgency)), st.booleans())
def test_no_option_is_cheaper_than_the_one_taken(
    p30: float, mode: FailureMode, urgency: Urgency, failed: bool
) -> None:
    asked = case(p30, mode, urgency=urgency, failed=failed)
    best = cheapest(asked, TERMS)
    costs = [visit(asked, TERMS, at, TERMS.call_out_cost).cost for at in possible(asked, TERMS)]
    assert best.cost <= min(costs)
    assert failed or best.cost <= nothing(asked, TERMS).cost
