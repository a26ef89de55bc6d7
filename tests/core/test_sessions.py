"""Sessions, told by transactions or inferred from the status."""

from __future__ import annotations

import pytest

from edge_agent.core.pipeline import locate
from edge_agent.wire.reading import Event
from edge_agent.wire.types import EvseId
from tests.core.making import (
    EVSE,
    added,
    at,
    began,
    confirmed,
    finished,
    folded,
    found,
    metered,
    said,
    stepped,
)


def test_charging_begins_a_session_and_available_ends_it() -> None:
    running = folded([said(0), said(10, "CHARGING", energy_delivered=0.0)])
    assert running.sessions.current is not None
    assert running.sessions.current.started_at == at(10)
    assert (running.sessions.started, running.sessions.ended) == (1, 0)
    ended = folded([said(20, "CHARGING", energy_delivered=8.0), said(30)], running)
    assert ended.sessions.current is None
    assert (ended.sessions.started, ended.sessions.ended) == (1, 1)
    assert (ended.sessions.mean_kwh, ended.sessions.last_good_at) == (8.0, at(30))


def test_the_energy_told_with_the_end_counts() -> None:
    readings = [said(0, "CHARGING", energy_delivered=0.0), said(300, "AVAILABLE", energy_delivered=6.0)]
    sessions = folded(readings).sessions
    assert (sessions.ended, sessions.zero_share, sessions.mean_kwh) == (1, 0.0, 6.0)


def test_a_session_that_outlasts_a_silence_is_one_session() -> None:
    before, after = (
        said(seconds, "CHARGING", energy_delivered=kwh) for seconds, kwh in ((0, 3.0), (400, 4.0))
    )
    charger = folded([before, found(300, "OFFLINE"), after])
    assert (charger.sessions.started, charger.sessions.ended) == (1, 0)


@pytest.mark.parametrize("status", ["OCCUPIED", "FULLY_CHARGED", "CHARGING"])
def test_a_plugged_vehicle_keeps_its_session(status: str) -> None:
    charger = folded([said(0, "CHARGING"), said(10, status), said(20, "CHARGING")])
    assert (charger.sessions.started, charger.sessions.ended) == (1, 0)


@pytest.mark.parametrize("status", ["AVAILABLE", "UNAVAILABLE", "FAULTY", "OFFLINE"])
def test_a_status_without_a_vehicle_ends_an_inferred_session(status: str) -> None:
    charger = folded([said(0, "CHARGING"), said(10, status)])
    assert (charger.sessions.started, charger.sessions.ended) == (1, 1)


def test_occupied_alone_begins_no_session() -> None:
    assert folded([said(0, "OCCUPIED"), said(10)]).sessions.started == 0


def test_a_session_below_a_tenth_of_a_kwh_is_a_zero_session() -> None:
    charger = folded([said(0, "CHARGING", energy_delivered=0.09), said(10)])
    assert (charger.sessions.zero_share, charger.sessions.mean_kwh) == (1.0, 0.0)
    assert charger.sessions.last_good_at is None
    charger = folded([said(20, "CHARGING", energy_delivered=0.1), said(30)], charger)
    assert (charger.sessions.zero_share, charger.sessions.last_good_at) == (0.5, at(30))


def test_the_newest_session_weighs_a_tenth_at_least() -> None:
    tens = [
        said(2 * n + k, status, energy_delivered=10.0)
        for n in range(20)
        for k, status in ((0, "CHARGING"), (1, "AVAILABLE"))
    ]
    charger = folded([*tens, said(100, "CHARGING", energy_delivered=20.0), said(101)])
    assert charger.sessions.mean_kwh == pytest.approx(11.0)
    charger = folded([said(110, "CHARGING", energy_delivered=0.0), said(111)], charger)
    assert charger.sessions.zero_share == pytest.approx(0.1)
    assert charger.sessions.mean_kwh == pytest.approx(11.0)


def test_a_transaction_begins_and_ends_a_session_and_its_register_is_the_energy() -> None:
    after, outcomes = stepped(
        [began(0, 1000.0), confirmed(1, "7"), metered(60, 1004.5), finished(120, "7", 1012.0)]
    )
    assert [outcome.evse for outcome in outcomes] == [EVSE] * 4
    energies = [outcome.charger and outcome.charger.now.energy_delivered for outcome in outcomes]
    assert energies[:3] == [0.0, 0.0, 4.5]
    sessions = after.chargers[EVSE].sessions
    assert (sessions.started, sessions.ended, sessions.mean_kwh) == (1, 1, 12.0)
    assert sessions.current is None


def test_a_transaction_ends_by_its_end_and_not_by_the_status() -> None:
    charger = folded([began(0, 5.0), added(10, status="CHARGING"), added(20, status="AVAILABLE")])
    assert charger.sessions.current is not None
    assert charger.sessions.ended == 0


def test_a_start_while_a_session_runs_ends_that_one() -> None:
    charger = folded([began(0, 100.0), metered(10, 103.0), began(20, 103.0, "call-2"), metered(30, 110.0)])
    assert (charger.sessions.started, charger.sessions.ended, charger.sessions.mean_kwh) == (2, 1, 3.0)
    assert charger.now.energy_delivered == 7.0


def test_charging_told_after_the_start_is_the_same_session() -> None:
    charger = folded([began(0, 100.0), added(1, status="CHARGING"), said(2, "CHARGING")])
    assert charger.sessions.started == 1


def test_the_end_of_an_ended_transaction_counts_nothing() -> None:
    after, _ = stepped([began(0, 1.0), confirmed(1, "7"), finished(9, "7", 2.0), finished(9, "7", 2.0)])
    assert (after.chargers[EVSE].sessions.started, after.chargers[EVSE].sessions.ended) == (1, 1)


def test_a_confirmation_names_the_transaction_of_its_call() -> None:
    second = began(0, 5.0, "call-2")._replace(connector_id=2)
    after, _ = stepped([began(0, 5.0), second, confirmed(1, "8", "call-2"), confirmed(2, "7", "call-1")])
    names = {
        evse.connector_id: charger.sessions.current and charger.sessions.current.transaction_id
        for evse, charger in after.chargers.items()
    }
    assert names == {1: "7", 2: "8"}


def test_a_clock_that_is_ahead_loses_no_confirmation() -> None:
    after, _ = stepped([began(0.1, 5.0)._replace(measured_at=at(2)), confirmed(0.3, "7")])
    current = after.chargers[EVSE].sessions.current
    assert current is not None
    assert current.transaction_id == "7"


def test_a_stop_that_comes_after_the_status_which_followed_it_still_ends_its_transaction() -> None:
    followed = added(60, status="OCCUPIED")._replace(measured_at=at(60))
    stop = finished(60.5, "7", 9.0)._replace(measured_at=at(59))
    after, _ = stepped([began(0, 1.0), confirmed(0.3, "7"), followed, stop])
    charger = after.chargers[EVSE]
    assert (charger.sessions.ended, charger.sessions.mean_kwh, charger.late) == (1, 8.0, 1)


def test_a_transaction_replayed_after_an_outage_is_counted_once() -> None:
    start = began(1001, 1.0)._replace(measured_at=at(100))
    stop = finished(1002, "7", 9.0)._replace(measured_at=at(900))
    after, _ = stepped([said(0), said(1000), start, confirmed(1001.5, "7"), stop])
    sessions = after.chargers[EVSE].sessions
    assert (sessions.started, sessions.ended, sessions.mean_kwh) == (1, 1, 8.0)
    assert sessions.last_good_at == at(900)


def test_a_session_without_any_energy_told_does_not_inherit_the_last_ones() -> None:
    good = [began(0, 1.0), confirmed(1, "7"), finished(60, "7", 21.0)]
    silent = [began(100, None, "call-2"), confirmed(101, "8", "call-2"), finished(160, "8")]
    after, _ = stepped([*good, *silent])
    assert after.chargers[EVSE].sessions.zero_share == 0.5


def test_a_register_seen_first_in_mid_session_counts_from_there() -> None:
    charger = folded([began(0), metered(10, 500.0), metered(20, 503.0)])
    assert charger.now.energy_delivered == 3.0


def test_a_register_that_is_reset_in_mid_session_goes_on_from_what_was_metered() -> None:
    charger = folded([began(0, 500.0), metered(10, 506.0), metered(20, 0.0)])
    assert charger.now.energy_delivered == 6.0
    assert folded([metered(30, 1.5)], charger).now.energy_delivered == 7.5


def test_a_register_that_falls_but_not_below_its_start_goes_on_too() -> None:
    charger = folded([began(0, 100.0), metered(10, 130.0), metered(20, 110.0), metered(30, 111.0)])
    assert charger.now.energy_delivered == 31.0


@pytest.mark.parametrize("flicker_kwh", [0.01, 0.99])
def test_a_register_that_flickers_by_less_than_one_kwh_adds_no_energy(flicker_kwh: float) -> None:
    flicker = [metered(10 + n, 110.0 - flicker_kwh * (n % 2)) for n in range(100)]
    assert folded([began(0, 100.0), *flicker]).now.energy_delivered == pytest.approx(10.0)


def test_a_meter_that_starts_at_zero_tells_the_energy_of_the_session() -> None:
    charger = folded([began(0, 0.0), metered(10, 2.5), metered(20, 6.0)])
    assert charger.now.energy_delivered == 6.0


def test_the_stop_register_of_zero_takes_no_energy_away() -> None:
    after, _ = stepped([began(0, 500.0), confirmed(1, "7"), metered(10, 506.0), finished(20, "7", 0.0)])
    assert after.chargers[EVSE].sessions.mean_kwh == 6.0


def test_a_register_outside_a_session_is_no_sessions_energy() -> None:
    assert folded([metered(0, 812.0)]).now.energy_delivered is None


def test_the_last_sessions_energy_stays_until_the_next_begins() -> None:
    after, _ = stepped([began(0, 5.0), confirmed(1, "7"), metered(10, 9.0), finished(20, "7", 9.0)])
    assert folded([added(30, status="AVAILABLE")], after.chargers[EVSE]).now.energy_delivered == 4.0
    assert folded([began(40, 9.0)], after.chargers[EVSE]).now.energy_delivered == 0.0


def test_a_boot_leaves_the_session_to_its_end() -> None:
    charger = folded([began(0, 5.0), added(10)._replace(event=Event.BOOT), metered(20, 6.0)])
    assert (charger.sessions.started, charger.now.energy_delivered) == (1, 1.0)


def test_an_end_that_names_no_connector_goes_to_where_its_transaction_runs() -> None:
    second = began(0, 5.0, "call-2")._replace(connector_id=2)
    after, _ = stepped([began(0, 5.0), second, confirmed(1, "7"), confirmed(1, "8", "call-2")])
    assert locate(after.chargers, finished(2, "8")) == EvseId("A", 2)
    assert locate(after.chargers, finished(2, "7")) == EvseId("A", 1)


def test_an_unknown_transaction_belongs_to_the_only_session_that_has_no_name_yet() -> None:
    after, _ = stepped([began(0, 5.0)])
    assert locate(after.chargers, finished(2, "99")) == EVSE


def test_an_unknown_transaction_among_several_sessions_belongs_to_the_cabinet() -> None:
    after, _ = stepped([began(0, 5.0), began(0, 5.0, "call-2")._replace(connector_id=2)])
    assert locate(after.chargers, finished(2, "99")) == EvseId("A", 0)


def test_a_transaction_is_not_sought_at_another_charger() -> None:
    after, _ = stepped([began(0, 5.0), confirmed(1, "7")])
    assert locate(after.chargers, finished(2, "7")._replace(charger_id="B")) == EvseId("B", 0)


def test_a_call_that_nobody_made_names_no_session() -> None:
    after, _ = stepped([began(0, 5.0), confirmed(1, "99", "another-call")])
    current = after.chargers[EVSE].sessions.current
    assert current is not None
    assert current.transaction_id is None


def test_a_transaction_is_counted_once_however_often_its_start_is_told() -> None:
    by_id = began(0, call_id=None)._replace(transaction_id="T-1", measured_at=at(0))
    again = by_id._replace(received_at=at(300))
    assert folded([by_id, finished(100, "T-1"), again]).sessions.started == 1
    by_message = began(0)._replace(measured_at=at(0))
    assert folded([by_message, by_message._replace(received_at=at(60))]).sessions.started == 1
    another = began(500)._replace(measured_at=at(500))  # the charger's counter of messages began anew
    assert folded([by_message, another]).sessions.started == 2
