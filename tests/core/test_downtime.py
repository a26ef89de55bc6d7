"""From readings to outages: what counts as lost service, since when, and whose fault it was."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.core.downtime import FAILURE_AFTER, Outage, Span, clipped, told, total, without
from edge_agent.core.pipeline import Site
from edge_agent.wire.metrics import Metrics
from edge_agent.wire.reading import Event, Reading, Source
from edge_agent.wire.service import Cause, Gap, Sign
from edge_agent.wire.types import EvseId
from tests.core.making import EVSE, NOON, added, at, began, finished, found, said, stepped
from tests.core.readings import histories

HOUR = 3600.0


def outages(readings: list[Reading], start: Site | None = None) -> list[tuple[float, float, Sign, Cause]]:
    """Return (begin, end, sign, cause) of each outage that the readings ended, in seconds after noon."""
    _, outcomes = stepped(readings, start=start)
    return [short(each.concluded.outage) for each in outcomes if each.concluded.outage is not None]


def short(outage: Outage) -> tuple[float, float, Sign, Cause]:
    assert outage.ended_at is not None
    begin, end = ((moment - NOON).total_seconds() for moment in (outage.began_at, outage.ended_at))
    return begin, end, outage.sign, outage.cause


def running(readings: list[Reading]) -> Outage | None:
    return stepped(readings)[0].chargers[EVSE].outages.current


def of(charger_id: str, reading: Reading) -> Reading:
    return reading._replace(charger_id=charger_id)


def failed_start(seconds: float) -> list[Reading]:
    """A vehicle comes, nothing flows, it leaves; two minutes in all."""
    return [
        said(seconds, "OCCUPIED", power=0, energy_delivered=0),
        said(seconds + 10, "CHARGING", power=0, energy_delivered=0),
        said(seconds + 120, "AVAILABLE", power=0, energy_delivered=0),
    ]


@pytest.mark.parametrize(
    ("codes", "cause"),
    [
        ([], Cause.OWN_FAULT),
        (["PowerSwitchFailure"], Cause.OWN_FAULT),
        (["SomethingOfAVendor:17"], Cause.OWN_FAULT),
        (["UnderVoltage"], Cause.SITE_POWER),
        (["EmergencyStop"], Cause.USER),
        (["CX026"], Cause.VANDALISM),
        (["EVCommunicationError"], Cause.VEHICLE),
        (["EVCommunicationError", "GroundFailure"], Cause.OWN_FAULT),
        (["GroundFailure", "CutCable"], Cause.VANDALISM),
        (["NoInternet"], Cause.NETWORK),
        (["LocalListConflict"], Cause.BACK_OFFICE),
    ],
)
def test_a_fault_is_an_outage_whose_cause_its_codes_tell(codes: list[str], cause: Cause) -> None:
    told_faulty = [said(0), said(60, "FAULTY", error_codes=codes), said(600)]

    assert outages(told_faulty) == [(60, 600, Sign.FAULTY, cause)]


def test_codes_that_come_after_the_fault_name_its_cause() -> None:
    late_code = [said(0), said(60, "FAULTY"), said(70, "FAULTY", error_codes=["CutCable"]), said(600)]

    assert outages(late_code) == [(60, 600, Sign.FAULTY, Cause.VANDALISM)]


def test_silence_is_dated_back_to_when_something_was_last_heard() -> None:
    silent = [said(0), said(60), found(400, "OFFLINE"), said(900)]

    assert outages(silent) == [(60, 900, Sign.SILENT, Cause.OWN_FAULT)]


@pytest.mark.parametrize(
    ("uptime_hours", "cause"), [(5.0, Cause.NETWORK), (0.01, Cause.OWN_FAULT), (None, Cause.OWN_FAULT)]
)
def test_a_silent_charger_that_was_up_all_the_while_had_lost_its_network(
    uptime_hours: float | None, cause: Cause
) -> None:
    back = said(HOUR, uptime_hours=uptime_hours)

    assert outages([said(0), found(400, "OFFLINE"), back]) == [(0, HOUR, Sign.SILENT, cause)]


def test_a_silent_ocpp_charger_that_does_not_boot_had_lost_its_network() -> None:
    silent = [added(0, status="AVAILABLE"), found(400, "OFFLINE"), added(900, status="AVAILABLE")]

    assert outages(silent) == [(0, 900, Sign.SILENT, Cause.NETWORK)]


def test_a_boot_of_the_cabinet_shows_that_its_silent_connectors_were_dead() -> None:
    boot = added(890)._replace(connector_id=0, event=Event.BOOT)
    silent = [added(0, status="AVAILABLE"), found(400, "OFFLINE"), boot, added(900, status="AVAILABLE")]

    assert (0, 900, Sign.SILENT, Cause.OWN_FAULT) in outages(silent)


@pytest.mark.parametrize(("uptime_hours", "cause"), [(9.0, Cause.NETWORK), (0.0, Cause.SITE_POWER)])
def test_chargers_that_fall_silent_together_tell_one_fact_of_their_site(
    uptime_hours: float, cause: Cause
) -> None:
    names = ("A", "B", "C")
    silent = [
        *(of(name, said(second)) for second, name in enumerate(names)),
        *(of(name, found(400, "OFFLINE")) for name in names),
        *(of(name, said(900 + second, uptime_hours=uptime_hours)) for second, name in enumerate(names)),
    ]

    assert [cause for *_, cause in outages(silent)] == [cause] * 3


def test_one_silent_charger_among_others_is_a_fact_of_its_own() -> None:
    silent = [
        *(of(name, said(0)) for name in ("A", "B", "C")),
        found(400, "OFFLINE"),
        of("B", said(450)),
        said(900, uptime_hours=0.0),
    ]

    assert [cause for *_, cause in outages(silent)] == [Cause.OWN_FAULT]


def test_being_taken_out_of_service_is_planned_work_until_a_fault_shows() -> None:
    work = [said(0), said(60, "UNAVAILABLE"), found(500, "OFFLINE"), said(600, "FAULTY"), said(900)]

    assert outages(work) == [
        (60, 600, Sign.UNAVAILABLE, Cause.PLANNED_WORK),
        (600, 900, Sign.FAULTY, Cause.OWN_FAULT),
    ]


def test_silence_and_repair_do_not_end_a_fault() -> None:
    broken = [said(0), said(60, "FAULTY"), found(500, "OFFLINE"), said(600, "UNAVAILABLE"), said(900)]

    assert outages(broken) == [(60, 900, Sign.FAULTY, Cause.OWN_FAULT)]


def test_a_silent_charger_that_comes_back_faulty_was_down_for_that_fault() -> None:
    broken = [said(0), found(400, "OFFLINE"), said(600, "FAULTY", error_codes=["GroundFailure"]), said(900)]

    assert outages(broken) == [(0, 900, Sign.FAULTY, Cause.OWN_FAULT)]


def test_three_failed_starts_by_two_vehicles_are_an_outage_since_the_first_until_a_success() -> None:
    failing = [said(0), *failed_start(1000), *failed_start(1200), *failed_start(5000)]
    success = [
        said(8000, "OCCUPIED", energy_delivered=0),
        said(8010, "CHARGING", power=7, energy_delivered=0),
        said(9000, "AVAILABLE", power=0, energy_delivered=5),
    ]

    assert running(failing) == Outage(at(1000), Sign.FAILED_STARTS, Cause.OWN_FAULT)
    assert outages([*failing, *success]) == [(1000, 9000, Sign.FAILED_STARTS, Cause.OWN_FAULT)]


def test_failed_starts_of_one_vehicle_alone_are_no_outage() -> None:
    stubborn = [said(0), *(reading for k in range(5) for reading in failed_start(1000 + 200 * k))]

    assert running(stubborn) is None


def test_what_is_late_retained_or_untimed_in_a_burst_begins_and_ends_nothing() -> None:
    late = said(30, "FAULTY")._replace(measured_at=at(-60))
    retained = said(40, "FAULTY")._replace(retained=True)
    burst = said(50, "FAULTY")._replace(burst=True)

    assert running([said(0), late, retained, burst]) is None


def test_a_fault_that_only_a_burst_told_begins_with_the_next_word_of_it() -> None:
    burst = said(50, "FAULTY")._replace(burst=True)

    assert outages([said(0), burst, said(80, "FAULTY"), said(100)]) == [
        (80, 100, Sign.FAULTY, Cause.OWN_FAULT)
    ]


@pytest.mark.parametrize(
    ("seconds", "cause", "failure", "excluded"),
    [
        (5 * HOUR, Cause.OWN_FAULT, True, False),
        (3 * HOUR, Cause.OWN_FAULT, False, False),
        (5 * HOUR, Cause.SITE_POWER, False, True),
    ],
)
def test_a_failure_is_long_and_of_its_own_cause(
    seconds: float, cause: Cause, *, failure: bool, excluded: bool
) -> None:
    outage = Outage(NOON, Sign.FAULTY, cause, ended_at=at(seconds))
    downtime = told(EVSE, outage, [], at(seconds), FAILURE_AFTER)

    assert (downtime.failure, downtime.excluded) == (failure, excluded)


def test_time_in_which_the_gateway_was_deaf_makes_no_failure() -> None:
    outage = Outage(NOON, Sign.SILENT, Cause.OWN_FAULT, ended_at=at(5 * HOUR))
    gap = Gap(since=at(HOUR), until=at(4 * HOUR))

    assert not told(EVSE, outage, [gap], at(5 * HOUR), FAILURE_AFTER).failure
    assert told(EVSE, outage, [gap], at(5 * HOUR), timedelta(hours=2)).failure


@given(histories(most=20, connectors=1))
@settings(max_examples=150)
def test_outages_never_overlap_and_never_end_before_they_begin(history: list[Reading]) -> None:
    _, outcomes = stepped(history)
    ends = dict[EvseId, object]()
    for outcome in outcomes:
        outage = outcome.concluded.outage
        if outage is not None:
            assert outage.ended_at is not None
            assert outage.began_at < outage.ended_at
            assert outcome.evse not in ends or ends[outcome.evse] <= outage.began_at  # type: ignore[operator]
            ends[outcome.evse] = outage.ended_at


@given(histories(most=15, connectors=1), st.data())
@settings(max_examples=80)
def test_late_and_repeated_readings_double_nothing(history: list[Reading], data: st.DataObject) -> None:
    timed = [
        reading._replace(measured_at=at(60 * place), received_at=at(60 * place), event=None, retained=False)
        for place, reading in enumerate(history)
        if isinstance(reading.metrics, Metrics) and reading.source is not Source.AGENT
    ]
    again = [each for each in timed for _ in range(data.draw(st.integers(1, 2)))]
    late = data.draw(st.sampled_from(timed)) if timed else None
    if late is not None:
        again.append(late._replace(received_at=at(100_000)))

    assert outages(again) == outages(timed)


spans = st.lists(
    st.tuples(st.integers(0, 100), st.integers(0, 100)).map(lambda pair: Span(at(pair[0]), at(pair[1]))),
    max_size=6,
)


@given(spans, spans)
def test_what_is_left_of_spans_and_what_was_cut_out_are_the_whole(
    whole: list[Span], holes: list[Span]
) -> None:
    left = without(whole, holes)
    cut = [part for span in without(whole, []) for part in clipped(holes, span)]

    assert total(left) + total(cut) == total(without(whole, []))


def test_a_transaction_that_begins_and_ends_is_no_outage() -> None:
    assert outages([added(0, status="AVAILABLE"), began(10), finished(20, "1")]) == []


def test_plugs_that_will_not_lock_are_failed_starts() -> None:
    jammed = [
        reading
        for seconds in (1000, 3000, 5000)
        for reading in (
            said(seconds, "OCCUPIED"),
            said(seconds + 5, "FAULTY", error_codes=["ConnectorLockFailure"]),
            said(seconds + 60, "AVAILABLE"),
        )
    ]
    outage = running([said(0), *jammed])

    assert outage is not None
    assert (outage.sign, outage.cause) == (Sign.FAULTY, Cause.OWN_FAULT)
