"""The report of a month: observed time, causes, failures, first-time success."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.core.downtime import FAILURE_AFTER, Span
from edge_agent.core.uptime import Facts, first_heard, month_of, running, uptimes
from edge_agent.wire.rest import EvseUptime
from edge_agent.wire.service import EXCLUDED, Attempt, Cause, Downtime, Gap, Sign, Stage, Verdict, WorkDone
from edge_agent.wire.types import EvseId
from tests.core.making import EVSE, added, at, said, stepped

HOUR = 3600.0
SPAN = Span(at(0), at(100 * HOUR))


def outage(
    begin: float,
    end: float | None,
    cause: Cause = Cause.OWN_FAULT,
    connector_id: int = 1,
    *,
    failure: bool = True,
) -> Downtime:
    return Downtime(
        charger_id="A",
        connector_id=connector_id,
        began_at=at(begin * HOUR),
        ended_at=None if end is None else at(end * HOUR),
        sign=Sign.FAULTY,
        cause=cause,
        excluded=cause in EXCLUDED,
        failure=failure,
    )


def attempt(number: int = 1, failed_at: Stage | None = None, cause: Cause | None = None) -> Attempt:
    return Attempt(
        charger_id="A",
        connector_id=1,
        started_at=at(0),
        ended_at=at(60),
        failed_at=failed_at,
        energy_kwh=5.0 if failed_at is None else 0.0,
        number=number,
        cause=cause,
    )


def work(begin: float, end: float, connector_id: int = 0) -> WorkDone:
    return WorkDone(
        maintenance_id="w",
        charger_id="A",
        connector_id=connector_id,
        verdict=Verdict.NO_FAULT_FOUND,
        started_at=at(begin * HOUR),
        finished_at=at(end * HOUR),
        by="AB",
    )


def report(
    downtime: list[Downtime] | None = None,
    attempts: list[Attempt] | None = None,
    gaps: list[Gap] | None = None,
    work: list[WorkDone] | None = None,
    since: float = 0,
) -> EvseUptime:
    facts = Facts({EVSE: at(since * HOUR)}, downtime or [], attempts or [], gaps or [], work or [])
    (item,) = uptimes(facts, SPAN, {"A": "Entrance"})
    return item


def gap(begin: float, end: float) -> Gap:
    return Gap(since=at(begin * HOUR), until=at(end * HOUR))


def test_a_month_without_outages_is_all_up() -> None:
    item = report()

    assert (item.label, item.uptime, item.observed_hours, item.unobserved_hours) == ("Entrance", 1.0, 100, 0)


@pytest.mark.parametrize("cause", Cause)
def test_only_what_the_operator_answers_for_lowers_the_uptime(cause: Cause) -> None:
    item = report([outage(10, 20, cause)])

    assert item.downtime_hours_by_cause == {cause: 10.0}
    assert item.uptime == (1.0 if cause in EXCLUDED else 0.9)


def test_time_in_which_nothing_was_heard_counts_neither_way() -> None:
    item = report([outage(10, 30)], gaps=[gap(20, 70)], since=10)

    assert (item.observed_hours, item.unobserved_hours) == (40, 60)
    assert item.downtime_hours_by_cause == {Cause.OWN_FAULT: 10.0}
    assert item.uptime == 0.75


def test_nothing_observed_is_no_uptime() -> None:
    assert report(gaps=[gap(0, 100)]).uptime is None


def test_an_outage_of_the_cabinet_takes_down_what_it_holds_and_no_moment_counts_twice() -> None:
    item = report([outage(10, 20), outage(15, 30, Cause.SITE_POWER, connector_id=0)])

    assert item.downtime_hours_by_cause == {Cause.OWN_FAULT: 10.0, Cause.SITE_POWER: 10.0}
    assert item.uptime == 0.9


def test_an_outage_that_lasts_counts_until_now_and_one_found_twice_counts_once() -> None:
    assert report([outage(90, None)]).uptime == 0.9
    found_twice = report([outage(10, 20), outage(10, None)])
    assert (found_twice.uptime, found_twice.failures) == (0.9, 1)


def test_a_failure_belongs_to_the_month_in_which_it_began() -> None:
    assert report([outage(-10, 5), outage(10, 20), outage(30, 31, failure=False)]).failures == 1


def test_an_outage_that_began_while_somebody_worked_there_was_planned() -> None:
    item = report([outage(10, 20)], work=[work(9, 12)])

    assert (item.uptime, item.failures) == (1.0, 0)
    assert item.downtime_hours_by_cause == {Cause.PLANNED_WORK: 10.0}


def test_an_outage_that_somebody_came_to_mend_was_not_planned() -> None:
    assert report([outage(10, 20)], work=[work(15, 20)]).uptime == 0.9
    assert report([outage(10, 20)], work=[work(9, 12, connector_id=2)]).uptime == 0.9


def test_first_time_success_is_of_visits_and_not_of_attempts() -> None:
    item = report(
        attempts=[
            attempt(),
            attempt(1, Stage.ENERGISE),
            attempt(2),
            attempt(1, Stage.AUTHORISE, Cause.USER),
            attempt(1, Stage.PLUG, Cause.OWN_FAULT),
        ]
    )

    assert (item.attempts, item.visits, item.first_time_success) == (5, 3, 1 / 3)
    assert item.failed_attempts_by_stage == {Stage.ENERGISE: 1, Stage.AUTHORISE: 1, Stage.PLUG: 1}
    assert item.zero_energy_attempts == 1


def test_a_cabinet_is_no_evse_unless_it_is_all_there_is() -> None:
    site, _ = stepped(
        [said(0), said(1)._replace(connector_id=0), said(2)._replace(charger_id="B", connector_id=0)]
    )

    assert first_heard(site.chargers) == {EVSE: at(0), EvseId("B", 0): at(2)}


def test_what_lasts_is_told_with_whether_it_is_a_failure_by_now() -> None:
    site, _ = stepped([said(0), said(60, "FAULTY")])

    (young,) = running(site.chargers, [], at(HOUR), FAILURE_AFTER)
    (old,) = running(site.chargers, [], at(5 * HOUR), FAILURE_AFTER)

    assert (young.ended_at, young.failure, old.failure) == (None, False, True)


def test_heartbeats_alone_make_no_outage() -> None:
    site, _ = stepped([added(0)._replace(connector_id=0), added(300)._replace(connector_id=0)])

    assert running(site.chargers, [], at(HOUR), FAILURE_AFTER) == []


def test_a_month_is_that_of_the_site() -> None:
    berlin = month_of("2026-03", ZoneInfo("Europe/Berlin"))

    assert berlin.start == datetime(2026, 2, 28, 23, tzinfo=UTC)
    assert berlin.end == datetime(2026, 3, 31, 22, tzinfo=UTC)
    assert month_of("2025-12", UTC).end == datetime(2026, 1, 1, tzinfo=UTC)


hours = st.integers(-20, 120)


@given(
    st.lists(st.tuples(hours, hours, st.sampled_from(Cause), st.sampled_from([0, 1, 2])), max_size=6),
    st.lists(st.tuples(hours, hours), max_size=4),
    hours,
)
def test_observed_and_unobserved_time_are_the_whole_and_downtime_is_within_the_observed(
    outages: list[tuple[int, int, Cause, int]], gaps: list[tuple[int, int]], since: int
) -> None:
    downtime = [outage(min(a, b), max(a, b), cause, connector) for a, b, cause, connector in outages]
    item = report(downtime, gaps=[gap(min(pair), max(pair)) for pair in gaps], since=since)

    assert item.observed_hours + item.unobserved_hours == pytest.approx(100)
    down = sum(item.downtime_hours_by_cause.values())
    assert down <= item.observed_hours + 1e-6
    if item.uptime is not None:
        counted = sum(h for cause, h in item.downtime_hours_by_cause.items() if cause not in EXCLUDED)
        assert item.uptime == pytest.approx(1 - counted / item.observed_hours)
