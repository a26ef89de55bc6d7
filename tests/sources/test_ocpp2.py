"""OCPP 2.0.1 and 2.1: each row of the mapping and each trap, as frames."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from edge_agent.sources import Decoded
from edge_agent.wire.metrics import ConnectorStatus
from edge_agent.wire.reading import Event, Reading
from tests.sources.conftest import Send

EIGHT = "2025-10-01T08:00:00Z"
SECRET = "04AABBCC1122"


def only(decoded: Decoded) -> Reading:
    assert decoded.rejected == ()
    (reading,) = decoded.readings
    return reading


def status(named: str, evse: int = 2) -> dict[str, Any]:
    return {"timestamp": EIGHT, "connectorStatus": named, "evseId": evse, "connectorId": 1}


def transaction(event_type: str, **more: object) -> dict[str, Any]:
    info = {"transactionId": "T-1", **more.pop("info", {})}  # type: ignore[dict-item]
    return {
        "eventType": event_type,
        "timestamp": EIGHT,
        "triggerReason": "CablePluggedIn",
        "seqNo": 0,
        "transactionInfo": info,
        "idToken": {"idToken": SECRET, "type": "ISO14443"},
        **more,
    }


def event(component: str, variable: str, value: str, **more: object) -> dict[str, Any]:
    data = {
        "eventId": 1,
        "timestamp": EIGHT,
        "trigger": "Delta",
        "actualValue": value,
        "eventNotificationType": "HardWiredNotification",
        "component": {"name": component, "evse": {"id": 2, "connectorId": 1}},
        "variable": {"name": variable},
        **more,
    }
    return {"generatedAt": EIGHT, "seqNo": 0, "eventData": [data]}


@pytest.mark.parametrize(
    ("named", "meant"),
    [
        ("Available", ConnectorStatus.AVAILABLE),
        ("Occupied", ConnectorStatus.OCCUPIED),
        ("Reserved", ConnectorStatus.OCCUPIED),
        ("Unavailable", ConnectorStatus.UNAVAILABLE),
        ("Faulted", ConnectorStatus.FAULTY),
    ],
)
def test_a_status_is_of_the_evse_and_carries_no_error(call: Send, named: str, meant: ConnectorStatus) -> None:
    reading = only(call("StatusNotification", status(named)))
    assert (reading.connector_id, reading.metrics.connector_status) == (2, meant)
    assert reading.metrics.error_codes is None
    assert reading.measured_at == datetime(2025, 10, 1, 8, tzinfo=UTC)


def test_evse_1_connector_1_and_evse_2_connector_1_are_two_things(call: Send) -> None:
    first, second = (only(call("StatusNotification", status("Available", evse))) for evse in (1, 2))
    assert first.evse != second.evse


def test_occupied_says_only_that_a_vehicle_is_there(call: Send) -> None:
    assert only(call("StatusNotification", status("Occupied"))).event is Event.CONNECTED
    assert only(call("StatusNotification", status("Available"))).event is None


def test_an_unknown_status_costs_only_itself(call: Send) -> None:
    decoded = call("StatusNotification", status("Sleeping"))
    assert only(decoded).metrics.connector_status is None
    assert decoded.ignored == ("status Sleeping",)


@pytest.mark.parametrize("evse", [None, "one", -1, 1.5, True])
def test_a_status_of_no_evse_is_refused_with_what_came(call: Send, evse: object) -> None:
    (rejected,) = call("StatusNotification", {**status("Available"), "evseId": evse}).rejected
    assert "evseId" in rejected.reason


@pytest.mark.parametrize("reason", ["PowerUp", "Watchdog", "Triggered"])
def test_a_boot_is_one_unless_the_back_office_asked_for_the_message(call: Send, reason: str) -> None:
    station = {"model": "M", "vendorName": "V", "firmwareVersion": "1.2", "serialNumber": "S"}
    reading = only(call("BootNotification", {"reason": reason, "chargingStation": station}))
    assert (reading.connector_id, reading.event) == (0, None if reason == "Triggered" else Event.BOOT)
    assert (reading.metrics.vendor, reading.metrics.model, reading.metrics.firmware) == ("V", "M", "1.2")


@pytest.mark.parametrize(
    ("state", "meant"),
    [
        ("Charging", ConnectorStatus.CHARGING),
        ("EVConnected", ConnectorStatus.OCCUPIED),
        ("SuspendedEV", ConnectorStatus.OCCUPIED),
        ("SuspendedEVSE", ConnectorStatus.OCCUPIED),
        ("Idle", ConnectorStatus.OCCUPIED),
    ],
)
def test_a_charging_state_tells_the_status(call: Send, state: str, meant: ConnectorStatus) -> None:
    reading = only(call("TransactionEvent", transaction("Updated", info={"chargingState": state})))
    assert reading.metrics.connector_status is meant
    assert (reading.connector_id, reading.transaction_id, reading.event) == (None, "T-1", None)


def test_a_start_has_its_evse_its_id_and_the_register_that_it_began_with(call: Send) -> None:
    begin = {"value": 12_345.0, "context": "Transaction.Begin", "unitOfMeasure": {"unit": "Wh"}}
    told = transaction("Started", evse={"id": 2}, meterValue=[{"timestamp": EIGHT, "sampledValue": [begin]}])
    reading = only(call("TransactionEvent", told))
    assert reading.event is Event.TRANSACTION_STARTED
    assert (reading.connector_id, reading.transaction_id, reading.register_kwh) == (2, "T-1", 12.345)


@pytest.mark.parametrize(
    ("stopped", "meant"),
    [("EVDisconnected", ConnectorStatus.AVAILABLE), ("Local", ConnectorStatus.OCCUPIED)],
)
def test_an_end_comes_after_its_samples_and_leaves_the_vehicle_or_not(
    call: Send, stopped: str, meant: ConnectorStatus
) -> None:
    meter_value = {"timestamp": EIGHT, "sampledValue": [{"value": 20_000, "context": "Transaction.End"}]}
    told = transaction("Ended", info={"stoppedReason": stopped}, meterValue=[meter_value])
    sample, end = call("TransactionEvent", told).readings
    assert sample.register_kwh == 20.0
    assert end.event is Event.TRANSACTION_ENDED
    assert end.metrics.connector_status is meant


def test_a_value_is_multiplied_by_its_power_of_ten(call: Send) -> None:
    sampled = [
        {"value": 7.4, "measurand": "Power.Active.Import", "unitOfMeasure": {"unit": "W", "multiplier": 3}},
        {"value": 5, "unitOfMeasure": {"multiplier": 3}},
    ]
    told = {"evseId": 1, "meterValue": [{"timestamp": EIGHT, "sampledValue": sampled}]}
    reading = only(call("MeterValues", told))
    assert (reading.metrics.power, reading.register_kwh) == (7.4, 5.0)


def test_a_transaction_without_an_id_or_of_an_unknown_type_is_refused(call: Send) -> None:
    for told in (transaction("Paused"), {**transaction("Updated"), "transactionInfo": {}}):
        decoded = call("TransactionEvent", told)
        assert decoded.readings == ()
        assert decoded.rejected


def test_idtoken_goes_no_further(call: Send) -> None:
    assert SECRET not in repr(call("TransactionEvent", transaction("Started", evse={"id": 1})))


@pytest.mark.parametrize(
    ("tech_code", "code"),
    [("CX019", "CableOverTempStop"), ("GroundFailure", "GroundFailure"), ("E42", "Connector:E42")],
)
def test_a_problem_raises_a_code_and_cleared_takes_it_back(call: Send, tech_code: str, code: str) -> None:
    raised = only(call("NotifyEvent", event("Connector", "Problem", "true", techCode=tech_code)))
    cleared = only(
        call("NotifyEvent", event("Connector", "Problem", "true", techCode=tech_code, cleared=True))
    )
    assert (raised.connector_id, raised.raised, raised.cleared) == (2, (code,), ())
    assert (cleared.raised, cleared.cleared) == ((), (code,))


def test_a_problem_that_is_false_is_over(call: Send) -> None:
    assert only(call("NotifyEvent", event("Contactor", "Problem", "false"))).cleared == ("Contactor:Problem",)


def test_active_is_a_problem_only_with_a_code(call: Send) -> None:
    assert call("NotifyEvent", event("Fan", "Active", "true")).ignored == ("event Fan.Active",)
    assert only(call("NotifyEvent", event("Fan", "Active", "true", techCode="9"))).raised == ("Fan:9",)


def test_temperature_is_a_variable_whose_value_is_text(call: Send) -> None:
    reading = only(call("NotifyEvent", event("TemperatureSensor", "Temperature", "48.5")))
    assert reading.metrics.temperature == 48.5
    assert reading.metrics.temperatures == {"TemperatureSensor": 48.5}


@pytest.mark.parametrize("value", ["hot", "-256", "230"])
def test_a_temperature_that_cannot_be_is_counted(call: Send, value: str) -> None:
    decoded = call("NotifyEvent", event("TemperatureSensor", "Temperature", value))
    assert decoded.ignored == ("implausible temperature",)
    assert only(decoded).metrics.temperature is None


def test_2_1_tells_availability_as_an_event(call: Send) -> None:
    reading = only(call("NotifyEvent", event("Connector", "AvailabilityState", "Faulted")))
    assert (reading.connector_id, reading.metrics.connector_status) == (2, ConnectorStatus.FAULTY)


@pytest.mark.parametrize("events", [None, [None], [{"component": {}}]])
def test_events_that_are_none_cost_only_themselves(call: Send, events: object) -> None:
    decoded = call("NotifyEvent", {"eventData": events})
    assert decoded.rejected or decoded.ignored


def test_an_action_with_nothing_for_us_is_counted_by_name(call: Send) -> None:
    assert call("NotifyMonitoringReport", {"evseId": 1}).ignored == ("ocpp2 NotifyMonitoringReport",)
