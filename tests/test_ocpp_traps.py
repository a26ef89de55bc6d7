"""Each trap of the protocols, seen in the field: from the frame to what the agent makes of it.

The number in brackets is the field report, where there is one (repository and issue).
"""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from edge_agent.core.pipeline import Outcome, Site, step
from edge_agent.sources import Decoded, Received
from edge_agent.sources.registry import Registry
from edge_agent.wire.reading import Event
from edge_agent.wire.types import EvseId
from tests.core.making import RULES, site
from tests.rig.fakes import PREFIX, START

REGISTRY = Registry(PREFIX)
EVSE = EvseId("CP1", 1)


def frame(action: str, payload: dict[str, Any], message_id: str = "m-1") -> bytes:
    return json.dumps([2, message_id, action, payload]).encode()


def decode(payload: bytes, seconds: float = 0.0, topic: str = "ocpp") -> Decoded:
    at = START + timedelta(seconds=seconds)
    return REGISTRY.decode(Received(f"{PREFIX}/chargers/CP1/{topic}", payload, at))


def time(seconds: float) -> str:
    return (START + timedelta(seconds=seconds)).isoformat()


def lived(*frames: tuple[float, bytes]) -> tuple[Site, list[Outcome]]:
    """Let the agent take frames, each so many seconds after the start."""
    readings = [reading for seconds, raw in frames for reading in decode(raw, seconds).readings]
    return step(site(), readings, RULES)


def meter(*samples: dict[str, Any], at: float = 0.0, **told: Any) -> bytes:
    value = {"timestamp": time(at), "sampledValue": list(samples)}
    return frame("MeterValues", {"connectorId": 1, "meterValue": [value], **told})


def status(named: str, code: str = "NoError", at: float = 0.0, **told: Any) -> bytes:
    return frame(
        "StatusNotification",
        {"connectorId": 1, "status": named, "errorCode": code, "timestamp": time(at), **told},
    )


def start(at: float, meter_wh: int = 1000, message_id: str = "s-1") -> bytes:
    told = {"connectorId": 1, "idTag": "X", "meterStart": meter_wh, "timestamp": time(at)}
    return frame("StartTransaction", told, message_id)


def stop(at: float, meter_wh: int, transaction_id: int = 7) -> bytes:
    return frame(
        "StopTransaction", {"transactionId": transaction_id, "meterStop": meter_wh, "timestamp": time(at)}
    )


def confirmed(transaction_id: int = 7, message_id: str = "s-1") -> bytes:
    return json.dumps(
        [3, message_id, {"transactionId": transaction_id, "idTagInfo": {"status": "Accepted"}}]
    ).encode()


def sampled(*samples: dict[str, Any]) -> Any:
    (reading,) = decode(meter(*samples)).readings
    return reading


def alerts(outcomes: list[Outcome]) -> list[tuple[str, str]]:
    return [(alert.alert_type, alert.state) for outcome in outcomes for alert in outcome.alerts]


# Values, units and measurands


@pytest.mark.parametrize("value", ["7200.5", 7200.5], ids=["text", "number"])
def test_in_1_6_a_value_is_a_string_and_some_chargers_send_numbers(value: Any) -> None:
    assert sampled({"value": value, "measurand": "Power.Active.Import"}).metrics.power == 7.2005


def test_in_2_0_1_a_value_is_a_number_with_a_power_of_ten() -> None:
    value = {
        "value": 7.2,
        "measurand": "Power.Active.Import",
        "unitOfMeasure": {"unit": "W", "multiplier": 3},
    }
    payload = {"evseId": 1, "meterValue": [{"timestamp": time(0), "sampledValue": [value]}]}
    (reading,) = decode(frame("MeterValues", payload)).readings
    assert reading.metrics.power == 7.2


def test_signed_data_is_hex_and_no_number() -> None:
    decoded = decode(meter({"value": "0123456789", "format": "SignedData"}))
    assert decoded.readings[0].register_kwh is None
    assert decoded.ignored == ("format SignedData",)


def test_the_unit_defaults_to_wh_for_energy_alone() -> None:
    assert sampled({"value": "1500"}).register_kwh == 1.5
    assert sampled({"value": "40", "measurand": "Temperature"}).metrics.temperature == 40.0


@pytest.mark.parametrize(
    ("unit", "value"), [("Celcius", 40), ("Celsius", 40), ("C", 40), ("Fahrenheit", 104), ("K", 313.15)]
)
def test_units_of_temperature_are_spelled_in_many_ways(unit: str, value: float) -> None:
    told = sampled({"value": str(value), "measurand": "Temperature", "unit": unit})
    assert told.metrics.temperature == pytest.approx(40.0)


@pytest.mark.parametrize("unit", ["Hz", "Hertz"])
def test_one_unknown_unit_must_not_lose_the_rest_of_the_message(unit: str) -> None:
    """lbbrhzn/ocpp 1576: a temperature was lost because a frequency came as Hz."""
    frequency = {"value": "50", "measurand": "Frequency", "unit": unit}
    heat = {"value": "61", "measurand": "Temperature", "unit": "Celsius"}
    decoded = decode(meter(frequency, heat))
    assert decoded.readings[0].metrics.temperature == 61.0
    assert decoded.ignored == ("measurand Frequency",)


def test_one_unknown_error_code_must_not_lose_the_fault() -> None:
    """lbbrhzn/ocpp 1248: a fault was lost because the errorCode was `Error`."""
    _, outcomes = lived((0, status("Faulted", "Error")))
    assert ("CHARGER_FAULTED", "OPEN") in alerts(outcomes)


@pytest.mark.parametrize("samples", [[], None])
def test_an_empty_sampled_value_is_legal_in_the_wild(samples: Any) -> None:
    payload = {"connectorId": 1, "meterValue": [{"timestamp": time(0), "sampledValue": samples}]}
    decoded = decode(frame("MeterValues", payload))
    assert not decoded.rejected
    assert len(decoded.readings) == 1


def test_the_default_measurand_is_the_register_its_context_periodic_and_its_location_the_outlet() -> None:
    told = sampled(
        {"value": "9000"}, {"value": "1", "context": "Sample.Clock"}, {"value": "2", "location": "Inlet"}
    )
    assert told.register_kwh == 9.0


def test_the_transaction_s_end_goes_before_periodic_before_clock() -> None:
    contexts = [("1", "Sample.Clock"), ("3", "Transaction.End"), ("2", "Sample.Periodic")]
    told = sampled(*[{"value": f"{value}000", "context": context} for value, context in contexts])
    assert told.register_kwh == 3.0


def test_the_0_of_a_transaction_s_begin_is_no_reading() -> None:
    """citrineos-core 1060 billed 910 kWh for it."""
    assert decode(meter({"value": "0", "context": "Transaction.Begin"})).readings[0].register_kwh is None


def test_the_total_and_the_phases_are_never_added_and_a_lone_l1_energy_is_the_total() -> None:
    power = [
        {
            "value": value,
            "measurand": "Power.Active.Import",
            "unit": "kW",
            **({"phase": phase} if phase else {}),
        }
        for value, phase in (("6", ""), ("2", "L1"), ("2", "L2"), ("2", "L3"))
    ]
    assert sampled(*power).metrics.power == 6.0
    assert sampled(*power[1:]).metrics.power == 6.0
    assert sampled({"value": "1500", "phase": "L1"}).register_kwh == 1.5


# Sessions and registers


def test_a_meter_start_of_0_may_mean_that_the_charger_reports_session_energy() -> None:
    after, _ = lived(
        (0, start(0, 0)), (1, confirmed()), (60, meter({"value": "2500"}, at=60, transactionId=7))
    )
    assert after.chargers[EVSE].now.energy_delivered == 2.5


def test_a_lifetime_register_can_fall_and_the_session_goes_on() -> None:
    after, _ = lived(
        (0, start(0, 5_000_000)),
        (1, confirmed()),
        (60, meter({"value": "5002000"}, at=60, transactionId=7)),
        (120, meter({"value": "100"}, at=120, transactionId=7)),
        (180, meter({"value": "1100"}, at=180, transactionId=7)),
    )
    assert after.chargers[EVSE].now.energy_delivered == pytest.approx(3.0)


def test_150_kwh_after_15_s_is_kept_flagged_and_not_learned_from() -> None:
    def power(kw: float) -> dict[str, Any]:
        return {"value": str(kw), "measurand": "Power.Active.Import", "unit": "kW"}

    usual = [
        (15.0 * n, meter({"value": str(1000 + 30 * n)}, power(7.2), at=15.0 * n, transactionId=7))
        for n in range(1, 400)
    ]
    at = 15.0 * 400
    absurd = (at, meter({"value": str(150_000_000)}, power(7.2), at=at, transactionId=7))
    before, _ = lived((0, status("Charging")), (0, start(0)), (1, confirmed()), *usual)
    after, outcomes = lived((0, status("Charging")), (0, start(0)), (1, confirmed()), *usual, absurd)
    assert after.chargers[EVSE].now.energy_delivered == pytest.approx(149_999.0)
    judged = outcomes[-1].judgement
    assert judged is not None
    assert abs(judged.deviation["energy_delivered"]) > 10
    learned, known = (each.chargers[EVSE].baselines.charging.levels for each in (after, before))
    assert learned[0].level == pytest.approx(known[0].level, abs=1e-6)


def test_a_transaction_is_counted_once_however_often_it_is_told_even_late_and_interleaved() -> None:
    """A 60 s outage: what waited comes 56 to 120 s late, between newer messages."""
    after, outcomes = lived(
        (0, start(0)),
        (1, confirmed()),
        (100, status("Charging", at=100)),
        (101, start(0)),
        (102, meter({"value": "1500"}, at=50, transactionId=7)),
        (103, status("Available", at=99)),
        (104, start(0)),
    )
    assert after.chargers[EVSE].total_sessions == 1
    assert after.chargers[EVSE].status == "CHARGING"
    assert alerts(outcomes) == []


def test_an_old_fault_that_is_replayed_raises_no_alert_over_a_newer_state() -> None:
    _, outcomes = lived((100, status("Available", at=100)), (101, status("Faulted", "GroundFailure", at=40)))
    assert alerts(outcomes) == []


@pytest.mark.parametrize("clock", ["1970-01-01T00:00:07Z", "2099-01-01T00:00:00Z"])
def test_a_clock_of_1970_or_of_the_future_is_not_gone_by(clock: str) -> None:
    told = {"connectorId": 1, "status": "Faulted", "errorCode": "GroundFailure", "timestamp": clock}
    after, outcomes = lived((10, status("Available", at=10)), (20, frame("StatusNotification", told)))
    assert ("CHARGER_FAULTED", "OPEN") in alerts(outcomes)
    after, outcomes = step(after, decode(status("Available", at=30), 30).readings, RULES)
    assert ("CHARGER_FAULTED", "CLEARED") in alerts(outcomes)


# Status and codes


def test_connector_0_is_the_station_and_independent_of_the_connectors() -> None:
    station = frame("StatusNotification", {"connectorId": 0, "status": "Unavailable", "errorCode": "NoError"})
    after, _ = lived((0, status("Charging")), (1, station))
    assert after.chargers[EVSE].status == "CHARGING"
    assert after.chargers[EvseId("CP1", 0)].status == "UNAVAILABLE"


def test_a_status_that_is_not_faulted_with_a_code_is_a_warning() -> None:
    _, outcomes = lived((0, status("Available", "HighTemperature")))
    assert ("CHARGER_FAULTED", "OPEN") not in alerts(outcomes)
    assert outcomes[-1].charger is not None
    assert outcomes[-1].charger.errors == ("HighTemperature",)


def test_faulted_with_no_error_occurs_and_is_a_fault() -> None:
    _, outcomes = lived((0, status("Faulted", "NoError")))
    assert ("CHARGER_FAULTED", "OPEN") in alerts(outcomes)


def test_1_6_has_no_clear_message_the_next_no_error_clears() -> None:
    after, outcomes = lived((0, status("Faulted", "GroundFailure")), (60, status("Available", at=60)))
    assert after.chargers[EVSE].errors == ()
    assert ("CHARGER_FAULTED", "CLEARED") in alerts(outcomes)


@pytest.mark.parametrize(
    "code", ["EVCommunicationError", "EmergencyStop", "PartialInsertion", "InvalidVehicleMode"]
)
def test_user_and_vehicle_codes_are_not_the_charger_failing(code: str) -> None:
    odd = status("SuspendedEVSE", "OtherError", at=9, vendorErrorCode=code)
    after, _ = lived((0, status("Available")), (9, odd))
    assert after.chargers[EVSE].trouble.codes.at(START + timedelta(seconds=9))[0] == pytest.approx(0.0)


def test_a_latched_emergency_stop_is_an_outage_and_an_alert() -> None:
    vendor: dict[str, Any] = {"vendorId": "https://chargex.inl.gov", "vendorErrorCode": "CX008"}
    after, outcomes = lived((0, status("Faulted", "OtherError", **vendor)))
    assert ("EMERGENCY_STOP", "OPEN") in alerts(outcomes)
    outage = after.chargers[EVSE].outages.current
    assert outage is not None
    assert outage.cause == "USER"


def test_a_status_notification_after_a_reconnect_is_no_transition() -> None:
    after, outcomes = lived((0, status("Charging")), (600, status("Charging", at=600)))
    assert after.chargers[EVSE].status_since == START
    assert after.chargers[EVSE].total_sessions == 1
    assert alerts(outcomes) == []


# 2.x


def test_on_2_x_evse_1_connector_1_and_evse_2_connector_1_are_two_things() -> None:
    found = [
        decode(
            frame(
                "StatusNotification",
                {"evseId": evse, "connectorId": 1, "connectorStatus": "Faulted", "timestamp": time(0)},
            )
        ).readings[0]
        for evse in (1, 2)
    ]
    assert [each.evse for each in found] == [("CP1", 1), ("CP1", 2)]


def test_a_status_notification_of_2_0_1_carries_no_error() -> None:
    told = {"evseId": 1, "connectorId": 1, "connectorStatus": "Available", "timestamp": time(0)}
    assert "error_codes" not in decode(frame("StatusNotification", told)).readings[0].metrics.model_fields_set


def test_notify_monitoring_report_lists_settings_and_not_values() -> None:
    decoded = decode(frame("NotifyMonitoringReport", {"requestId": 1, "seqNo": 0, "generatedAt": time(0)}))
    assert (decoded.readings, decoded.rejected) == ((), ())


def test_2_1_prefers_notify_event_availability_state() -> None:
    event = {
        "eventId": 1,
        "timestamp": time(0),
        "trigger": "Delta",
        "actualValue": "Faulted",
        "eventNotificationType": "HardWiredNotification",
        "component": {"name": "Connector", "evse": {"id": 2, "connectorId": 1}},
        "variable": {"name": "AvailabilityState"},
    }
    told = {"generatedAt": time(0), "seqNo": 0, "eventData": [event]}
    (reading,) = decode(frame("NotifyEvent", told)).readings
    assert (reading.connector_id, reading.metrics.connector_status) == (2, "FAULTY")


def test_a_transaction_event_that_was_queued_offline_is_ordered_by_its_own_time() -> None:
    def event(kind: str, at: float) -> bytes:
        told = {
            "eventType": kind,
            "timestamp": time(at),
            "triggerReason": "CablePluggedIn",
            "seqNo": 0,
            "offline": True,
            "transactionInfo": {"transactionId": "T", "chargingState": "Charging"},
            "evse": {"id": 1},
        }
        return frame("TransactionEvent", told)

    later = frame(
        "StatusNotification",
        {"evseId": 1, "connectorId": 1, "connectorStatus": "Available", "timestamp": time(500)},
    )
    after, outcomes = lived((500, later), (501, event("Started", 100)), (502, event("Ended", 400)))
    assert after.chargers[EVSE].status == "AVAILABLE"
    assert after.chargers[EVSE].total_sessions == 1
    assert alerts(outcomes) == []


# Ids


def test_an_answer_belongs_to_the_call_of_its_id_whatever_else_was_asked() -> None:
    other = json.dumps([3, "s-2", {"transactionId": 9}]).encode()
    after, _ = lived((0, start(0)), (1, other), (2, confirmed(7, "s-1")), (60, stop(60, 3000)))
    assert after.chargers[EVSE].sessions.last_kwh == 2.0
    assert decode(confirmed(), topic="ocpp/down").readings[0].event is Event.TRANSACTION_CONFIRMED
