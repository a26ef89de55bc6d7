"""What is known of an EVSE after readings of every sort."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from edge_agent.core.charger import observe
from edge_agent.core.rates import Rates
from edge_agent.wire.answers import FailureMode
from edge_agent.wire.metrics import ConnectorStatus
from edge_agent.wire.reading import Event, Reading
from tests.core.making import (
    EVSE,
    NOON,
    added,
    at,
    began,
    confirmed,
    folded,
    found,
    metered,
    said,
    stepped,
    stranger,
)


def test_a_whole_measurement_replaces_all_that_was_known() -> None:
    charger = folded([said(0, power=7.0, soc=50.0, vendor="ACME"), said(1, temperature=20.0)])
    assert charger.now.model_dump(exclude_none=True) == {
        "connector_status": "AVAILABLE",
        "connector_id": 0,
        "temperature": 20.0,
    }


def test_a_partial_reading_adds_to_what_was_known() -> None:
    charger = folded([added(0, status="CHARGING", vendor="ACME"), added(1, power=7.0), added(2, power=8.0)])
    assert charger.now.model_dump(exclude_none=True) == {
        "connector_status": "CHARGING",
        "vendor": "ACME",
        "power": 8.0,
    }


def test_a_partial_reading_adds_to_a_whole_one_and_a_whole_one_replaces_partial_ones() -> None:
    charger = folded([said(0, "CHARGING", power=7.0), added(1, temperature=30.0)])
    assert (charger.status, charger.now.power, charger.now.temperature) == ("CHARGING", 7.0, 30.0)
    assert folded([said(2, "CHARGING")], charger).now.temperature is None


def test_no_codes_told_clears_codes_and_codes_not_told_keeps_them() -> None:
    charger = folded([added(0, status="AVAILABLE", error_codes=["WeakSignal"]), added(1, power=0.0)])
    assert charger.errors == ("WeakSignal",)
    assert folded([added(2, error_codes=[])], charger).errors == ()


def test_null_is_unknown_and_never_zero() -> None:
    charger = folded([said(0)])
    assert charger.now.temperature is None
    assert charger.now.power is None
    assert charger.uptime_hours is None
    assert charger.total_sessions is None
    assert charger.last_maintenance is None


def test_sessions_told_stand_before_sessions_counted() -> None:
    counted = folded([said(0, "CHARGING"), said(1), said(2, "CHARGING"), said(3)])
    assert counted.total_sessions == 2
    assert folded([said(4, total_sessions=300)], counted).total_sessions == 300
    assert folded([said(4, total_sessions=0)], counted).total_sessions == 0


def test_uptime_told_stands_before_uptime_since_the_boot() -> None:
    booted = added(0)._replace(event=Event.BOOT)
    charger = folded([booted, added(7200, status="AVAILABLE")])
    assert (charger.booted_at, charger.uptime_hours) == (NOON, 2.0)
    assert folded([added(7300, uptime_hours=40.0)], charger).uptime_hours == 40.0


def test_a_boot_is_counted_once_told_or_seen_by_the_uptime_that_fell() -> None:
    told = folded([said(0), added(10)._replace(event=Event.BOOT), added(20)])
    assert told.trouble.boots.day == 1.0
    fell = folded([said(0, uptime_hours=50.0), said(10, uptime_hours=0.1), said(20, uptime_hours=0.2)])
    assert fell.trouble.boots.day == 1.0


def test_a_boot_of_the_cabinet_is_a_boot_of_each_connector() -> None:
    others = [said(0), said(0)._replace(connector_id=2), said(0)._replace(charger_id="B")]
    boot = added(10)._replace(connector_id=0, event=Event.BOOT)
    after, _ = stepped([*others, boot, said(3610), said(3610)._replace(charger_id="B")])
    assert {evse: charger.booted_at for evse, charger in after.chargers.items()} == {
        ("A", 0): at(10),
        ("A", 1): at(10),
        ("A", 2): at(10),
        ("B", 1): None,
    }
    assert [charger.trouble.boots.day for charger in after.chargers.values()] == [1.0, 1.0, 0.0, 1.0]
    assert after.chargers[EVSE].uptime_hours == pytest.approx(1.0)


@pytest.mark.parametrize("past", [added(10)._replace(burst=True), added(10)._replace(retained=True)])
def test_a_boot_that_comes_untimed_in_a_burst_or_retained_is_no_boot_of_the_connectors_either(
    past: Reading,
) -> None:
    after, _ = stepped([said(0), past._replace(connector_id=0, event=Event.BOOT)])
    assert [charger.trouble.boots.day for charger in after.chargers.values()] == [0.0, 0.0]


def test_uptime_that_rises_is_no_boot() -> None:
    charger = folded(
        [said(0, uptime_hours=1.0), said(10, uptime_hours=1.0), said(20), said(30, uptime_hours=2)]
    )
    assert charger.trouble.boots.as_of is None


def test_a_code_is_counted_when_it_appears_and_not_while_it_stays() -> None:
    codes = ["GroundFailure", "HighTemperature"]
    charger = folded([said(0), said(1, error_codes=codes), said(2, error_codes=codes[::-1])])
    assert charger.trouble.codes == Rates(2.0, 2 / 7, 2 / 30, at(1))
    again = folded([said(3), said(4, error_codes=["HighTemperature"])], charger)
    assert again.trouble.codes.day == pytest.approx(3.0, abs=1e-3)


def test_codes_of_vehicle_network_and_grid_are_not_counted() -> None:
    codes = ["EVContactorFault", "WeakSignal", "PowerLoss", "EmergencyStop"]
    assert folded([said(0), said(1, error_codes=codes)]).trouble.codes == Rates()


def test_a_code_named_twice_in_one_reading_appears_once() -> None:
    assert folded([said(0, error_codes=["X", "X"])]).trouble.codes.day == 1.0


def test_a_fault_is_counted_when_it_is_entered_and_not_while_it_lasts() -> None:
    charger = folded([said(0), said(1, "FAULTY"), said(2, "FAULTY"), added(3, power=0.0)])
    assert charger.trouble.faults.day == 1.0
    assert folded([said(4), said(5, "FAULTY")], charger).trouble.faults.day == pytest.approx(2.0, abs=1e-3)


@pytest.mark.parametrize("back", [[], [found(400, "FAULTY")]], ids=["by its word", "by the agent's finding"])
def test_a_fault_that_outlasts_a_silence_was_entered_once(back: list[Reading]) -> None:
    charger = folded([said(0, "FAULTY"), found(300, "OFFLINE"), *back, said(410, "FAULTY")])
    assert charger.trouble.faults == Rates(1.0, 1 / 7, 1 / 30, at(0))


@pytest.mark.parametrize(
    "past",
    [
        said(10, "FAULTY", error_codes=["X"])._replace(burst=True),
        said(10, "FAULTY", error_codes=["X"])._replace(retained=True),
    ],
)
def test_what_comes_untimed_in_a_burst_or_retained_feeds_no_rate(past: Reading) -> None:
    assert folded([said(0), past]).trouble == folded([said(0)]).trouble


def test_rates_fade_by_their_own_time() -> None:
    rates = Rates().after(7, NOON)
    day, week, month = rates.at(NOON + timedelta(days=7))
    assert day == pytest.approx(7 * 0.000912, rel=1e-3)
    assert week == pytest.approx(0.3679, rel=1e-3)
    assert month == pytest.approx(7 / 30 * 0.7919, rel=1e-3)
    assert rates.at(NOON - timedelta(days=9)) == rates.at(NOON)


def test_a_steady_rate_is_found_exactly() -> None:
    rates = Rates()
    for hour in range(24 * 200):
        rates = rates.after(1, NOON + timedelta(hours=hour))
    assert rates.month == pytest.approx(24.0, rel=0.01)


def test_a_late_reading_never_overwrites_a_newer_state() -> None:
    charger = folded([said(60, "CHARGING", power=7.0)])
    late = said(70, "FAULTY", error_codes=["PowerLoss"])._replace(measured_at=at(50))
    seen = observe(charger, late)
    assert (seen.current, seen.deviation) == (False, {})
    assert (seen.charger.late, seen.charger.readings) == (1, 2)
    assert seen.charger.now == charger.now
    assert seen.charger.trouble == charger.trouble
    assert (seen.charger.last_at, seen.charger.status_since) == (at(60), at(60))


def test_a_clock_of_ours_that_was_set_back_makes_no_untimed_reading_late() -> None:
    charger = folded([said(1_000_000), said(0, "FAULTY"), said(10, "CHARGING")])
    assert (charger.status, charger.last_at, charger.late) == ("CHARGING", at(10), 0)


def test_a_late_reading_proves_life_unless_it_was_retained() -> None:
    late = said(70)._replace(measured_at=at(50))
    assert folded([said(60), late]).heard_at == at(70)
    assert folded([said(60), late._replace(retained=True)]).heard_at == at(60)


def test_a_status_of_the_second_in_which_its_start_was_confirmed_is_not_late() -> None:
    start = began(0.1, 1.0)._replace(measured_at=at(0))
    status = added(0.5, status="CHARGING")._replace(measured_at=at(0))
    after, _ = stepped([start, confirmed(0.3, "7"), status])
    assert (after.chargers[EVSE].status, after.chargers[EVSE].late) == ("CHARGING", 0)


def test_a_confirmation_tells_nothing_of_the_chargers_clock() -> None:
    after, outcomes = stepped([began(0.1, 5.0)._replace(measured_at=at(-30)), confirmed(0.3, "7")])
    assert (after.chargers[EVSE].last_at, after.chargers[EVSE].late) == (at(-30), 0)
    assert outcomes[1].judgement is None


@pytest.mark.parametrize("told", [{"temperature": 70.0}, {"error_codes": ["CutCable"]}, {"error_codes": []}])
def test_an_evse_that_told_no_status_but_a_temperature_or_codes_is_judged(told: dict[str, object]) -> None:
    seen = observe(stranger(), added(0, **told))
    assert (seen.charger.status, seen.current) == (None, True)


def test_an_evse_with_heartbeats_only_is_not_judged_until_it_tells_more() -> None:
    seen = observe(stranger(), added(0))
    again = observe(seen.charger, added(10))
    assert [seen.current, again.current] == [False, False]
    assert observe(again.charger, added(20, status="AVAILABLE")).current


def test_the_end_of_a_silence_is_judged_once_though_no_status_was_ever_told() -> None:
    gone = observe(stranger(), found(300, "OFFLINE"))
    back = observe(gone.charger, found(400, None))
    after = observe(back.charger, found(500, None))
    assert [each.current for each in (gone, back, after)] == [True, True, False]


def test_a_reading_of_the_same_moment_is_not_late() -> None:
    assert folded([said(60), said(60, "CHARGING")]).status == "CHARGING"


@pytest.mark.parametrize("year", [1, 1970, 2019, 2026, 9999])
def test_an_insane_clock_makes_no_reading_late(year: int) -> None:
    insane = said(10, "CHARGING")._replace(measured_at=datetime(year, 6, 1, tzinfo=UTC))
    charger = folded([said(0), insane])
    assert (charger.status, charger.last_at, charger.late) == ("CHARGING", at(10), 0)


def test_a_retained_reading_sets_state_but_proves_no_life_and_is_no_base_for_judging() -> None:
    seen = observe(stranger(), said(0, "CHARGING", power=7.0)._replace(retained=True))
    assert seen.charger.status == "CHARGING"
    assert seen.charger.heard_at is None
    assert seen.charger.usual_gap_s is None
    assert not seen.current
    assert seen.charger.baselines == stranger().baselines


def test_an_untimed_reading_in_a_burst_counts_but_teaches_and_judges_nothing() -> None:
    seen = observe(stranger(), said(0, "CHARGING", power=7.0)._replace(burst=True))
    assert not seen.current
    assert seen.charger.readings == 1
    assert seen.charger.sessions.started == 1
    assert seen.charger.heard_at == at(0)
    assert seen.charger.baselines == stranger().baselines


def test_a_timed_reading_in_a_burst_judges_as_any_other() -> None:
    timed = said(10, "CHARGING", power=7.0)._replace(burst=True, measured_at=at(5))
    seen = observe(stranger(), timed)
    assert seen.current
    assert seen.charger.baselines != stranger().baselines


def test_a_burst_is_no_measure_of_the_usual_gap() -> None:
    burst = [said(3600 + n / 100)._replace(burst=True) for n in range(5)]
    assert folded([said(0), said(10), *burst]).usual_gap_s == 10.0


def test_what_a_charger_says_in_one_go_is_no_measure_of_it_either() -> None:
    boot = [said(n) for n in range(5)]
    assert folded(boot).usual_gap_s is None
    assert folded([*boot, said(604)]).usual_gap_s == 600.0
    assert folded([said(n) for n in range(20)]).usual_gap_s == pytest.approx(1.0, rel=1e-3)


def test_the_usual_gap_is_the_longest_and_fades_by_half_a_day() -> None:
    charger = folded([said(0), said(300), said(310)])
    assert charger.usual_gap_s == pytest.approx(300.0, rel=1e-3)
    quick = [said(310 + 60 * n) for n in range(1, 1441)]
    assert folded(quick, charger).usual_gap_s == pytest.approx(150.0, rel=0.01)


@pytest.mark.parametrize(
    ("usual", "gap", "expected"),
    [
        (None, 1800, 1800),
        (None, 3601, 3600),
        (10, 120, 120),
        (10, 121, 120),
        (60, 5000, 120),
        (300, 599, 599),
        (300, 5000, 600),
        (3600, 86_400, 7200),
    ],
)
def test_one_gap_doubles_the_usual_gap_at_most(usual: int | None, gap: int, expected: int) -> None:
    known = [said(0)] if usual is None else [said(-usual), said(0)]
    assert folded([*known, said(gap)]).usual_gap_s == expected


def test_the_usual_gap_is_six_hours_at_most() -> None:
    hours = (0, 1, 3, 7, 15, 39)
    assert folded([said(3600 * hour) for hour in hours]).usual_gap_s == 6 * 3600


def test_a_late_reading_teaches_the_rhythm_unless_it_was_retained() -> None:
    late = said(160)._replace(measured_at=at(50))
    assert folded([said(60), late]).late == 1
    assert folded([said(60), late]).usual_gap_s == 100.0
    assert folded([said(60), late._replace(retained=True)]).usual_gap_s is None


def test_the_gap_in_which_it_was_found_silent_is_learned_from_as_any_other() -> None:
    assert folded([said(-300), said(0), found(450, "OFFLINE"), said(500)]).usual_gap_s == 500.0


def test_offline_found_by_the_agent_never_moves_the_chargers_own_clock() -> None:
    charger = folded([said(0)._replace(measured_at=at(-30)), found(300, "OFFLINE")])
    assert (charger.status, charger.heard_status) == ("OFFLINE", "AVAILABLE")
    assert (charger.last_at, charger.heard_at) == (at(-30), at(0))
    assert charger.status_since == at(300)
    word = folded([said(310, "CHARGING")._replace(measured_at=at(280))], charger)
    assert (word.status, word.late) == ("CHARGING", 0)


def test_after_offline_the_status_returns_with_the_next_word_of_whatever_sort() -> None:
    charger = folded([added(0, status="CHARGING"), found(300, "OFFLINE"), added(310, temperature=30.0)])
    assert (charger.status, charger.heard_status) == ("CHARGING", "CHARGING")
    assert charger.status_since == at(310)


def test_a_transaction_survives_that_the_agent_found_it_offline() -> None:
    charger = folded([began(0, 10.0), found(300, "OFFLINE"), metered(310, 12.0)])
    assert (charger.sessions.started, charger.sessions.ended) == (1, 0)
    assert charger.now.energy_delivered == 2.0


@pytest.mark.parametrize(
    ("status", "soc", "expected"),
    [
        ("OCCUPIED", 99.0, "FULLY_CHARGED"),
        ("OCCUPIED", 98.9, "OCCUPIED"),
        ("OCCUPIED", None, "OCCUPIED"),
        ("CHARGING", 100.0, "CHARGING"),
        ("AVAILABLE", 100.0, "AVAILABLE"),
        ("FAULTY", 100.0, "FAULTY"),
    ],
)
def test_a_full_battery_while_occupied_is_fully_charged(
    status: str, soc: float | None, expected: str
) -> None:
    assert folded([added(0, status=status), added(1, soc=soc)]).status == expected


def test_a_full_battery_that_is_no_longer_full_is_no_longer_fully_charged() -> None:
    assert folded([added(0, status="OCCUPIED"), added(1, soc=100.0), added(2, soc=40.0)]).status == "OCCUPIED"


@pytest.mark.parametrize("leaving", [added(10, status="AVAILABLE"), began(10)], ids=["free", "next start"])
def test_what_is_known_of_a_vehicle_leaves_with_it(leaving: Reading) -> None:
    here = added(0, status="OCCUPIED", soc=100.0, power=7.0, power_requested=9.0, temperature=30.0)
    charger = folded([here, leaving, added(20, status="OCCUPIED")])
    now = charger.now
    assert (now.soc, now.power, now.power_requested, now.temperature) == (None, None, None, 30.0)
    assert charger.status == "OCCUPIED"


def test_what_a_charger_tells_while_it_is_free_is_known() -> None:
    assert folded([added(0, status="AVAILABLE", power=0.0)]).now.power == 0.0


def test_a_plain_measurement_says_itself_whether_it_is_full() -> None:
    assert folded([said(0, "OCCUPIED", soc=100.0)]).status == "OCCUPIED"


def test_maintenance_sets_its_clock_and_nothing_else() -> None:
    before = folded([said(0, "FAULTY", error_codes=["PowerLoss"])])
    work = added(50)._replace(event=Event.MAINTENANCE)
    seen = observe(before, work)
    assert not seen.current
    assert (seen.charger.maintained_at, seen.charger.last_maintenance) == (at(50), at(50))
    assert seen.charger.now == before.now
    assert (seen.charger.heard_at, seen.charger.last_at) == (before.heard_at, before.last_at)


def test_older_work_logged_later_does_not_set_the_clock_back() -> None:
    newer, older = (added(seconds)._replace(event=Event.MAINTENANCE) for seconds in (50, 60))
    assert folded([newer, older._replace(measured_at=at(-9999))]).maintained_at == at(50)


def test_the_later_of_maintenance_told_and_logged_counts() -> None:
    logged = added(50)._replace(event=Event.MAINTENANCE)
    older = folded([logged, said(60, last_maintenance="2024-06-01T10:00:00Z")])
    assert older.last_maintenance == at(50)
    newer = folded([logged, said(60, last_maintenance="2025-10-01T12:00:55Z")])
    assert newer.last_maintenance == at(55)


def test_the_status_is_as_old_as_its_last_change() -> None:
    charger = folded([said(0), said(10, "CHARGING"), said(20, "CHARGING"), said(30, "CHARGING")])
    assert charger.status_since == at(10)


def test_a_tenant_once_told_stays() -> None:
    charger = folded([said(0)._replace(tenant_id="t-1"), said(1)])
    assert charger.tenant_id == "t-1"


def test_what_one_connector_says_is_not_said_of_another() -> None:
    other = said(1, "FAULTY")._replace(connector_id=2)
    after, _ = stepped([said(0, "CHARGING"), other])
    assert {evse.connector_id: charger.status for evse, charger in after.chargers.items()} == {
        1: ConnectorStatus.CHARGING,
        2: ConnectorStatus.FAULTY,
    }


@pytest.mark.parametrize(
    "reading",
    [
        said(-60, "FAULTY"),
        said(60, "FAULTY")._replace(retained=True),
        added(60)._replace(event=Event.TRANSACTION_ENDED),
        found(60, None),
    ],
)
def test_observing_changes_no_charger_in_place(reading: Reading) -> None:
    before = folded([said(0, "CHARGING", power=7.0, energy_delivered=3.0)])
    copy = folded([said(0, "CHARGING", power=7.0, energy_delivered=3.0)])
    observe(before, reading)
    assert before == copy


def test_the_part_that_the_newest_code_named_is_suspected_until_somebody_worked_on_it() -> None:
    told = [
        said(0, error_codes=["HighTemperature"]),
        said(10, error_codes=["HighTemperature", "ConnectorLockFailure"]),
        said(20, error_codes=[]),
        said(30, error_codes=["OtherError"]),
    ]
    assert folded(told[:1]).trouble.suspect is FailureMode.CONNECTOR
    assert folded(told).trouble.suspect is FailureMode.LOCK
    work = added(40)._replace(event=Event.MAINTENANCE)
    assert folded([*told, work]).trouble.suspect is None


def test_occupied_of_a_vehicle_that_is_known_to_be_there_changes_nothing() -> None:
    connected = added(20, status="OCCUPIED")._replace(event=Event.CONNECTED)
    assert folded([added(0, status="CHARGING"), connected]).status is ConnectorStatus.CHARGING
    assert folded([added(0, status="AVAILABLE"), connected]).status is ConnectorStatus.OCCUPIED
    assert folded([added(0, status="FAULTY"), connected]).status is ConnectorStatus.OCCUPIED


def test_codes_that_come_and_go_by_themselves_leave_the_others() -> None:
    told = [
        added(0)._replace(raised=("GroundFailure",)),
        added(10)._replace(raised=("Fan:9", "GroundFailure")),
        added(20)._replace(cleared=("GroundFailure",)),
    ]
    assert folded(told[:2]).errors == ("GroundFailure", "Fan:9")
    assert folded(told).errors == ("Fan:9",)
    assert folded(told[:2]).trouble.codes.at(at(10))[0] == pytest.approx(2, abs=1e-3)
