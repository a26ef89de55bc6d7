"""The mapping, row by row: what OCPP 1.6 and 2.x say. The others are in tests/sources/test_others.py."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from edge_agent.core.charger import Charger
from edge_agent.core.pipeline import step
from edge_agent.core.silence import Listening, Patience, findings
from edge_agent.wire.metrics import ConnectorStatus, Quantities
from edge_agent.wire.reading import Event, Reading, Source
from edge_agent.wire.types import EvseId
from tests.core.making import RULES
from tests.rig.fakes import START
from tests.test_ocpp_traps import EVSE, confirmed, frame, lived, meter, start, status, stop, time

STATION = EvseId("CP1", 0)


def known(*frames: tuple[float, bytes]) -> Charger:
    return lived(*frames)[0].chargers[EVSE]


def status2(named: str) -> bytes:
    told = {"evseId": 1, "connectorId": 1, "connectorStatus": named, "timestamp": time(0)}
    return frame("StatusNotification", told)


def event2(kind: str, at: float, samples: tuple[dict[str, Any], ...] = (), **info: Any) -> bytes:
    told: dict[str, Any] = {
        "eventType": kind,
        "timestamp": time(at),
        "triggerReason": "Trigger",
        "seqNo": 0,
        "transactionInfo": {"transactionId": "T", **info},
        "evse": {"id": 1, "connectorId": 1},
    }
    if samples:
        told["meterValue"] = [{"timestamp": time(at), "sampledValue": list(samples)}]
    return frame("TransactionEvent", told)


def notify2(component: str, variable: str, actual: str, **more: Any) -> bytes:
    event = {
        "eventId": 1,
        "timestamp": time(0),
        "trigger": "Alerting",
        "actualValue": actual,
        "eventNotificationType": "HardWiredMonitor",
        "component": {"name": component, "evse": {"id": 1}},
        "variable": {"name": variable},
        **more,
    }
    return frame("NotifyEvent", {"generatedAt": time(0), "seqNo": 0, "eventData": [event]})


@pytest.mark.parametrize(
    ("raw", "meant"),
    [
        (status("Available"), "AVAILABLE"),
        (status2("Available"), "AVAILABLE"),
        (status("Charging"), "CHARGING"),
        (event2("Updated", 0, chargingState="Charging"), "CHARGING"),
        (status("Preparing"), "OCCUPIED"),
        (status("SuspendedEVSE"), "OCCUPIED"),
        (status("SuspendedEV"), "OCCUPIED"),
        (status("Finishing"), "OCCUPIED"),
        (status("Reserved"), "OCCUPIED"),
        (status2("Occupied"), "OCCUPIED"),
        (status2("Reserved"), "OCCUPIED"),
        (event2("Updated", 0, chargingState="SuspendedEV"), "OCCUPIED"),
        (event2("Updated", 0, chargingState="EVConnected"), "OCCUPIED"),
        (event2("Updated", 0, chargingState="Idle"), "OCCUPIED"),
        (status("Unavailable"), "UNAVAILABLE"),
        (status2("Unavailable"), "UNAVAILABLE"),
        (status("Faulted"), "FAULTY"),
        (status2("Faulted"), "FAULTY"),
    ],
)
def test_status(raw: bytes, meant: str) -> None:
    assert known((0, raw)).status == meant


def test_fully_charged_is_inferred_from_a_full_battery_while_occupied() -> None:
    soc = {"value": "99.5", "measurand": "SoC"}
    assert known((0, status("Charging")), (1, meter(soc, at=1)), (2, status("SuspendedEV", at=2))).status == (
        ConnectorStatus.FULLY_CHARGED
    )


def test_offline_is_a_charger_that_is_silent_for_its_own_rhythm() -> None:
    beats = [(300.0 * n, frame("Heartbeat", {})) for n in range(10)]
    after, _ = lived((0, status("Available")), *beats)
    listening = Listening(START - timedelta(days=1))
    later = START + timedelta(seconds=2700 + 901)
    after, _ = step(after, findings(after.chargers, later, listening, Patience()), RULES)
    assert {charger.status for charger in after.chargers.values()} == {"OFFLINE"}


def test_energy_is_the_lifetime_register_less_what_the_transaction_began_with() -> None:
    frames = [
        (0.0, start(0, 1000)),
        (1.0, confirmed()),
        (60.0, meter({"value": "3500"}, at=60, transactionId=7)),
    ]
    assert known(*frames).now.energy_delivered == 2.5
    assert known(*frames, (120, stop(120, 6000))).now.energy_delivered == 5.0
    begin = {"value": 1000, "context": "Transaction.Begin"}
    later = {"value": 3.5, "unitOfMeasure": {"unit": "Wh", "multiplier": 3}}
    assert (
        known((0, event2("Started", 0, (begin,))), (60, event2("Updated", 60, (later,)))).now.energy_delivered
        == 2.5
    )


def test_power_is_the_value_without_phase_first_else_the_sum_of_the_phases() -> None:
    phases = [
        {"value": "2000", "measurand": "Power.Active.Import", "unit": "W", "phase": f"L{line}-N"}
        for line in (1, 2, 3)
    ]
    assert known((0, meter(*phases))).now.power == 6.0
    total = {"value": "5.9", "measurand": "Power.Active.Import", "unit": "kW"}
    assert known((0, meter(*phases, total))).now.power == 5.9


def test_temperature_is_a_measurand_in_1_6_and_an_event_in_2_x() -> None:
    places = [
        {"value": str(value), "measurand": "Temperature", "unit": "Celsius", "location": place}
        for place, value in (("Body", 35), ("Cable", 48), ("Inlet", 30), ("Outlet", 51))
    ]
    assert known((0, meter(*places))).now.temperature == 51.0
    assert (
        known(
            (0, status2("Available")), (1, notify2("TemperatureSensor", "Temperature", "47.5"))
        ).now.temperature
        == 47.5
    )


def test_power_limit_is_the_power_offered_or_the_current_offered_times_the_voltage() -> None:
    offered = {"value": "11000", "measurand": "Power.Offered", "unit": "W"}
    assert known((0, meter(offered))).now.power_limit == 11.0
    current = {"value": "16", "measurand": "Current.Offered", "unit": "A"}
    volts = [{"value": "230", "measurand": "Voltage", "phase": f"L{line}-N"} for line in (1, 2, 3)]
    assert known((0, meter(current, *volts))).now.power_limit == pytest.approx(11.04)


def test_error_codes_are_the_error_code_and_the_vendor_s_or_an_event_s_tech_code() -> None:
    assert known((0, status("Faulted", "GroundFailure"))).errors == ("GroundFailure",)
    assert known((0, status("Faulted", "OtherError", vendorId="ACME", vendorErrorCode="E7"))).errors == (
        "ACME:E7",
    )
    raised = notify2("EVSE", "Problem", "true", techCode="CX017")
    assert known((0, status2("Available")), (1, raised)).errors == ("EVSEContactorFault",)
    cleared = notify2("EVSE", "Problem", "false", techCode="CX017", cleared=True)
    assert known((0, status2("Available")), (1, raised), (2, cleared)).errors == ()


@pytest.mark.parametrize(("reason", "boots"), [("PowerUp", True), ("Triggered", False)])
def test_uptime_counts_since_the_boot_notification_whose_reason_is_not_triggered(
    reason: str, boots: bool
) -> None:
    told = {"reason": reason, "chargingStation": {"model": "M", "vendorName": "V"}}
    after, _ = lived((0, frame("BootNotification", told)), (7200, frame("Heartbeat", {})))
    assert after.chargers[STATION].uptime_hours == (2.0 if boots else None)


def test_total_sessions_counts_starts() -> None:
    one = [(0.0, start(0)), (1.0, confirmed()), (60.0, stop(60, 3000))]
    two = [(100.0, start(100, 3000, "s-2")), (101.0, confirmed(8, "s-2")), (160.0, stop(160, 4000, 8))]
    assert known(*one, *two).total_sessions == 2
    assert known((0, event2("Started", 0)), (60, event2("Ended", 60))).total_sessions == 1


def test_no_message_carries_the_last_maintenance_the_technician_s_log_does() -> None:
    assert known((0, status("Available"))).last_maintenance is None
    after, _ = lived((0, status("Available")))
    work = Reading("CP1", 1, Quantities(), START, Source.AGENT, event=Event.MAINTENANCE)
    assert step(after, [work], RULES)[0].chargers[EVSE].last_maintenance == START
