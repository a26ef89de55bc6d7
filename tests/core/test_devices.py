"""A charger leaves the site, or another device takes its place."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edge_agent.core.devices import MOST_RETIRED, Departed, departed
from edge_agent.core.downtime import Outages
from edge_agent.core.pipeline import Site
from edge_agent.core.silence import Listening, Patience, findings
from edge_agent.core.uptime import first_heard
from edge_agent.wire.alert import AlertState, Quiet
from edge_agent.wire.service import Change, Sign
from edge_agent.wire.types import EvseId
from tests.core.making import EVSE, at, said, stepped

OTHER = EvseId("B", 1)
EITHER = pytest.mark.parametrize("change", Change)


def of_two(*statuses: str) -> Site:
    """Return a site of two chargers, of which A went through these statuses, ten seconds each."""
    readings = [said(10 * number, status, temperature=40.0) for number, status in enumerate(statuses)]
    other = said(0)._replace(charger_id=OTHER.charger_id)
    return stepped([other, *readings])[0]


def after(change: Change, before: Site, seconds: float = 3_600.0) -> Departed:
    found = departed(before, "A", change, at(seconds))
    assert found is not None
    return found


@EITHER
def test_one_that_nobody_knows_cannot_go(change: Change) -> None:
    assert departed(of_two(), "C", change, at(0)) is None


@EITHER
def test_the_others_stay_as_they_were(change: Change) -> None:
    before = of_two("AVAILABLE", "FAULTY")
    gone = after(change, before).site
    assert gone.chargers[OTHER] is before.chargers[OTHER]
    assert gone.heard[OTHER.charger_id] == before.heard[OTHER.charger_id]


@EITHER
def test_its_open_alerts_are_cleared_under_numbers_of_their_own(change: Change) -> None:
    before = of_two("AVAILABLE", "FAULTY")
    gone = after(change, before)
    (alert,) = gone.alerts
    assert (alert.state, alert.cleared_at) == (AlertState.CLEARED, at(3_600))
    assert gone.site.alert_seq == alert.seq == before.alert_seq + 1
    assert EVSE not in gone.site.watches


@EITHER
def test_work_on_it_is_over(change: Change) -> None:
    quiet = Quiet(charger_id="A", since=at(0), until=at(9_999), by="AB")
    gone = after(change, replace(of_two("AVAILABLE"), quiet={"A": quiet}))
    assert gone.site.quiet == {}


def test_one_that_has_left_is_neither_known_nor_missed() -> None:
    gone = after(Change.RETIRED, of_two("AVAILABLE")).site
    assert set(gone.chargers) == {OTHER}
    missed = findings(gone.chargers, at(99_999), Listening(at(-86_400)), Patience())
    assert {reading.charger_id for reading in missed} == {OTHER.charger_id}


def test_the_outage_of_one_that_has_left_ends_with_it() -> None:
    gone = after(Change.RETIRED, of_two("AVAILABLE", "FAULTY"))
    assert {evse: (each.sign, each.began_at, each.ended_at) for evse, each in gone.outages.items()} == {
        EVSE: (Sign.FAULTY, at(10), at(3_600))
    }


def test_one_that_speaks_again_is_a_new_charger() -> None:
    gone = after(Change.RETIRED, of_two("AVAILABLE", "FAULTY")).site
    back, (outcome,) = stepped([said(9_000)], start=gone)
    assert outcome.refusal is None
    assert back.chargers[EVSE].outages == Outages(since=at(9_000))
    assert back.chargers[EVSE].readings == 1


def test_what_the_broker_retained_of_it_does_not_bring_it_back() -> None:
    gone = after(Change.RETIRED, of_two("AVAILABLE")).site
    same, (outcome,) = stepped([said(9_000)._replace(retained=True)], start=gone)
    assert outcome.refusal is not None
    assert "was retired" in outcome.refusal.reason
    assert EVSE not in same.chargers


def test_once_it_is_back_what_is_retained_of_it_counts_again() -> None:
    gone = after(Change.RETIRED, of_two("AVAILABLE")).site
    second = said(9_001)._replace(connector_id=2, retained=True)
    _, outcomes = stepped([said(9_000), second], start=gone)
    assert [outcome.refusal for outcome in outcomes] == [None, None]


def test_only_so_many_of_those_that_left_are_remembered() -> None:
    many = tuple(f"X{number}" for number in range(MOST_RETIRED))
    gone = after(Change.RETIRED, replace(of_two("AVAILABLE"), retired=many)).site
    assert gone.retired == (*many[1:], "A")


def test_a_successor_starts_from_nothing_but_goes_on_with_the_service() -> None:
    before = of_two("AVAILABLE", *["CHARGING"] * 50, "FAULTY")
    gone = after(Change.REPLACED, before)
    old, new = before.chargers[EVSE], gone.site.chargers[EVSE]
    assert (new.readings, new.now.connector_status, new.parts) == (0, None, {})
    assert new.baselines.young
    assert new.trouble.faults.as_of is None
    assert new.maintained_at == at(3_600)
    assert new.outages is old.outages
    assert gone.outages == {}
    assert first_heard(gone.site.chargers)[EVSE] == at(0)


def test_a_successor_ends_the_outage_when_it_serves() -> None:
    gone = after(Change.REPLACED, of_two("AVAILABLE", "FAULTY")).site
    _, (outcome,) = stepped([said(7_200)], start=gone)
    assert outcome.concluded.outage is not None
    assert (outcome.concluded.outage.began_at, outcome.concluded.outage.ended_at) == (at(10), at(7_200))


def test_a_successor_may_be_silent_as_a_stranger_may() -> None:
    gone = after(Change.REPLACED, of_two("AVAILABLE")).site
    known = {EVSE: gone.chargers[EVSE]}
    always = Listening(at(-86_400))
    assert findings(known, at(3_600 + 900), always, Patience()) == []
    assert {each.evse for each in findings(known, at(3_600 + 901), always, Patience())} >= {EVSE}


def test_a_successors_clock_may_be_behind_that_of_the_gateway() -> None:
    gone = after(Change.REPLACED, of_two("AVAILABLE")).site
    behind = said(7_200)._replace(measured_at=at(-86_400))
    back, (outcome,) = stepped([behind], start=gone)
    assert back.chargers[EVSE].late == 0
    assert outcome.judgement is not None
