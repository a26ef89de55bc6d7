"""EVerest, OpenEVSE, go-e, evcc and bridges, row by row of the mapping.

Payloads are shaped after the projects' own documentation: EVerest's modules/API/README.md, OpenEVSE ESP32's
readme and Home Assistant examples, go-e's apikeys-en.md (API v2), evcc's MQTT API page.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.sources import Decoded, Received, envelopes, evcc, everest, goe, openevse
from edge_agent.sources.registry import Registry
from edge_agent.wire.metrics import ConnectorStatus
from edge_agent.wire.reading import Event, Reading
from tests.sources.conftest import NOW, PREFIX

OTHERS = Registry(
    PREFIX,
    [
        *everest.routes("everest_api"),
        *everest.routes("depot/left/everest_api"),
        *openevse.routes("emon/openevse-55ad"),
        *goe.routes("go-eCharger"),
        *evcc.routes("evcc"),
        *envelopes.bridge_routes("ocpp"),
        *envelopes.maeve_routes("cs"),
    ],
)
EVSE1 = "everest_api/evse_manager_1/var"
VERSIONED = "everest_api/1/evse_manager_consumer/evse_manager_2/e2m"
ERRORS = "everest_api/1/error_history_consumer/errors/e2m"
OPENEVSE = "emon/openevse-55ad"
GOE = "go-eCharger/222819"
POINT = "evcc/loadpoints/2"


def decode(topic: str, payload: Any) -> Decoded:
    raw = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return OTHERS.decode(Received(topic, raw, NOW))


def only(topic: str, payload: Any) -> Reading:
    decoded = decode(topic, payload)
    assert not decoded.rejected
    (reading,) = decoded.readings
    return reading


def said(topic: str, payload: Any) -> dict[str, Any]:
    return only(topic, payload).metrics.model_dump(exclude_unset=True)


# EVerest


@pytest.mark.parametrize("topic", [f"{EVSE1}/session_info", f"{VERSIONED}/session_info"])
@pytest.mark.parametrize(
    ("state", "status"),
    [
        ("Unplugged", "AVAILABLE"),
        ("Charging", "CHARGING"),
        ("Preparing", "OCCUPIED"),
        ("AuthRequired", "OCCUPIED"),
        ("ChargingPausedEV", "OCCUPIED"),
        ("ChargingPausedEVSE", "OCCUPIED"),
        ("Finished", "OCCUPIED"),
        ("FinishedEV", "FULLY_CHARGED"),
        ("Disabled", "UNAVAILABLE"),
    ],
)
def test_everest_s_states_are_statuses(topic: str, state: str, status: str) -> None:
    assert said(topic, {"state": state}) == {"connector_status": status}


def test_everest_s_session_has_energy_in_wh_power_in_w_and_a_time() -> None:
    payload = {"state": "Charging", "charged_energy_wh": 1500, "latest_total_w": 7200.0}
    reading = only(f"{EVSE1}/session_info", {**payload, "datetime": "2025-10-01T11:59:58.000Z"})
    assert reading.metrics.energy_delivered == 1.5
    assert reading.metrics.power == 7.2
    assert reading.measured_at is not None
    assert (reading.charger_id, reading.connector_id) == ("everest", 1)


def test_everest_s_state_has_no_faulted_a_permanent_fault_or_a_high_error_makes_it() -> None:
    fault = {"type": "MREC14PilotFault", "severity": "High", "description": "x"}
    info = {"state": "Preparing", "active_permanent_faults": [fault], "active_errors": []}
    assert said(f"{EVSE1}/session_info", info) == {
        "connector_status": "FAULTY",
        "error_codes": ("PilotFault",),
    }
    high = {
        "state": "Charging",
        "active_errors": [{"type": "evse_board_support/MREC2GroundFailure", "severity": "High"}],
    }
    assert said(f"{EVSE1}/session_info", high)["connector_status"] == "FAULTY"
    low = {"state": "Charging", "active_errors": [{"type": "vendor/Odd", "severity": "Low"}]}
    assert said(f"{EVSE1}/session_info", low) == {
        "connector_status": "CHARGING",
        "error_codes": ("vendor/Odd",),
    }
    assert said(f"{EVSE1}/session_info", {"state": "Unplugged", "active_errors": []})["error_codes"] == ()


@pytest.mark.parametrize("timestamp", [1759319998.0, "2025-10-01T11:59:58Z"])
def test_everest_s_meter_has_power_temperatures_and_timestamps_of_both_kinds(timestamp: Any) -> None:
    meter = {
        "timestamp": timestamp,
        "power_W": {"total": 10807.6, "L1": 3602.5},
        "temperatures": [{"temperature": 41.5, "identification": "contacts"}, {"temperature": 30.0}],
    }
    reading = only(f"{VERSIONED}/powermeter", meter)
    assert reading.connector_id == 2
    assert reading.metrics.power == pytest.approx(10.8076)
    assert reading.metrics.temperature == 41.5
    assert reading.metrics.temperatures == {"contacts": 41.5, "sensor 2": 30.0}
    assert reading.measured_at is not None
    assert reading.measured_at.isoformat() == "2025-10-01T11:59:58+00:00"


def test_everest_s_telemetry_has_a_temperature_and_its_limits_a_power() -> None:
    assert said(f"{EVSE1}/telemetry", {"temperature": 30.7})["temperature"] == 30.7
    limit = said(f"{EVSE1}/limits", {"max_current": 16.0, "nr_of_phases_available": 3})
    assert limit == {"power_limit": pytest.approx(11.04)}


def test_everest_s_errors_come_and_go_one_by_one_on_the_versioned_api() -> None:
    error = {
        "type": "connector_lock/MREC1ConnectorLockFailure",
        "origin": {"mapping": {"evse": 2, "connector": 1}},
    }
    raised, cleared = only(f"{ERRORS}/error_raised", error), only(f"{ERRORS}/error_cleared", error)
    assert (raised.raised, raised.connector_id) == (("ConnectorLockFailure",), 2)
    assert (cleared.cleared, cleared.connector_id) == (("ConnectorLockFailure",), 2)
    assert decode(f"{ERRORS}/error_raised", {}).rejected


def test_everest_s_active_errors_are_the_cabinet_s_and_end_with_their_absence() -> None:
    topic = "everest_api/errors/var/active_errors"
    reading = only(topic, [{"type": "evse_board_support/MREC8EmergencyStop", "severity": "High"}])
    assert (reading.connector_id, reading.metrics.error_codes) == (0, ("EmergencyStop",))
    assert said(topic, []) == {"error_codes": ()}
    assert decode(topic, {}).rejected


def test_everest_s_charger_is_named_by_what_stands_before() -> None:
    assert only("depot/left/everest_api/connector_3/var/session_info", {"state": "Unplugged"}).evse == (
        "left",
        3,
    )


def test_everest_s_ocpp_frames_are_read_in_their_envelope() -> None:
    frame = '[2,"1","StatusNotification",{"connectorId":1,"status":"Charging","errorCode":"NoError"}]'
    topic = "everest_api/1/ocpp_consumer/CP7/e2m/ocpp_message"
    reading = only(topic, {"message": frame, "direction": "ChargingStationToCSMS", "version": "1.6"})
    assert (reading.charger_id, reading.metrics.connector_status) == ("CP7", ConnectorStatus.CHARGING)


# OpenEVSE


@pytest.mark.parametrize(
    ("state", "status", "codes"),
    [
        (1, "AVAILABLE", ()),
        (2, "OCCUPIED", ()),
        (3, "CHARGING", ()),
        (4, "FAULTY", ("InvalidVehicleMode",)),
        (5, "FAULTY", ("PilotFault",)),
        (6, "FAULTY", ("GroundFailure",)),
        (8, "FAULTY", ("EVSEContactorFault",)),
        (10, "FAULTY", ("HighTemperature",)),
        (11, "FAULTY", ("OverCurrentFailure",)),
        (254, "UNAVAILABLE", ()),
        (255, "UNAVAILABLE", ()),
    ],
)
def test_openevse_s_states_are_statuses_and_codes(state: int, status: str, codes: tuple[str, ...]) -> None:
    assert said(f"{OPENEVSE}/state", state) == {"connector_status": status, "error_codes": codes}
    assert only(f"{OPENEVSE}/state", state).evse == ("openevse-55ad", 1)


def test_openevse_s_values_are_in_w_wh_and_s() -> None:
    assert said(f"{OPENEVSE}/power", 7200) == {"power": 7.2}
    assert said(f"{OPENEVSE}/session_energy", 1500) == {"energy_delivered": 1.5}
    assert said(f"{OPENEVSE}/uptime", 7200) == {"uptime_hours": 2.0}


def test_openevse_s_temperature_is_in_tenths_or_false() -> None:
    assert said(f"{OPENEVSE}/temp", 325) == {"temperature": 32.5}
    assert said(f"{OPENEVSE}/temp", False) == {}


@pytest.mark.parametrize("absent", [-2560, 0, 2300, False, b"false", b""])
def test_openevse_reads_minus_256_0_or_230_where_a_sensor_is_absent(absent: Any) -> None:
    assert said(f"{OPENEVSE}/temp1", absent) == {}
    assert said(f"{OPENEVSE}/temp2", 410) == {"temperatures": {"temp2": 41.0}}


def test_openevse_s_last_will_is_its_own_and_no_other_s() -> None:
    own = {"state": "disconnected", "id": "c44f330dxxad", "mqtt": "emon/openevse-55ad"}
    assert only("openevse/announce/55ad", own).event is Event.LAST_WILL
    assert only("openevse/announce/55ad", {**own, "state": "connected"}).event is None
    assert not decode("openevse/announce/1234", {**own, "mqtt": "emon/openevse-1234"}).readings


# go-e


@pytest.mark.parametrize(
    ("car", "status"),
    [
        (0, "FAULTY"),
        (1, "AVAILABLE"),
        (2, "CHARGING"),
        (3, "OCCUPIED"),
        (4, "FULLY_CHARGED"),
        (5, "FAULTY"),
        (None, "FAULTY"),
    ],
)
def test_go_e_s_car_is_the_status(car: int | None, status: str) -> None:
    assert said(f"{GOE}/car", car) == {"connector_status": status}
    assert only(f"{GOE}/car", car).evse == ("222819", 1)


@pytest.mark.parametrize(
    ("error", "code"),
    [(1, "GroundFailure"), (9, "EVSEContactorFault"), (13, "HighTemperature"), (24, "goe:24")],
)
def test_go_e_s_errors_are_codes_and_a_fault(error: int, code: str) -> None:
    assert said(f"{GOE}/err", error) == {"connector_status": "FAULTY", "error_codes": (code,)}
    assert said(f"{GOE}/err", 0) == {"error_codes": ()}


def test_go_e_s_values_are_in_w_wh_ms_and_degrees() -> None:
    assert said(f"{GOE}/nrg", [230, 230, 230, 0, 16, 16, 16, 3680, 3680, 3680, 0, 11040]) == {"power": 11.04}
    assert said(f"{GOE}/wh", 2500.5) == {"energy_delivered": pytest.approx(2.5005)}
    assert said(f"{GOE}/rbt", 3_600_000) == {"uptime_hours": 1.0}
    assert said(f"{GOE}/tma", [28.5, None, 31.0]) == {
        "temperature": 31.0,
        "temperatures": {"tma1": 28.5, "tma3": 31.0},
    }
    assert said(f"{GOE}/fwv", "60.4") == {"firmware": "60.4"}
    assert said(f"{GOE}/nrg", [1, 2]) == {}


# evcc


def test_evcc_s_load_points_are_evses_with_w_and_wh() -> None:
    assert said(f"{POINT}/chargePower", b"7200") == {"power": 7.2}
    assert said(f"{POINT}/chargedEnergy", b"1500.5") == {"energy_delivered": pytest.approx(1.5005)}
    assert said(f"{POINT}/charging", b"true") == {"connector_status": "CHARGING"}
    assert said(f"{POINT}/connected", b"false") == {"connector_status": "AVAILABLE"}
    assert only(f"{POINT}/connected", b"true").event is Event.CONNECTED
    assert only(f"{POINT}/charging", b"false").event is Event.CHARGING_STOPPED
    assert only(f"{POINT}/charging", b"true").evse == ("evcc", 2)


def test_an_empty_payload_of_evcc_erases_the_value() -> None:
    assert said(f"{POINT}/vehicleSoc", b"") == {"soc": None}
    assert said(f"{POINT}/vehicleSoc", b"81") == {"soc": 81.0}


def test_evcc_s_last_will_takes_all_its_load_points() -> None:
    assert only("evcc/status", b"offline").event is Event.LAST_WILL
    assert only("evcc/status", b"offline").evse == ("evcc", 0)
    assert only("evcc/status", b"online").event is None


# Bridges


def test_a_bridge_s_frames_are_read_and_its_availability_is_the_last_will() -> None:
    call = {"timestamp": "x", "message_type": "Call", "payload": [2, "1", "Heartbeat", {}]}
    assert only("ocpp/CP1/charger/Heartbeat", call).evse == ("CP1", 0)
    assert only("ocpp/CP1/charger/availability", b"offline").event is Event.LAST_WILL
    assert only("ocpp/CP1/charger/availability", b"online").event is None


def test_maeve_s_messages_are_read() -> None:
    message = {"type": "call", "action": "Heartbeat", "id": "1", "request": {}}
    assert only("cs/in/ocpp16/CP1", message).evse == ("CP1", 0)


# Any of them


def test_nothing_is_subscribed_to_unasked_and_of_each_value_only_what_is_read() -> None:
    assert all(topic.startswith(PREFIX) for topic in Registry(PREFIX).subscriptions)
    asked = OTHERS.subscriptions
    assert "go-eCharger/+/car" in asked
    assert "evcc/loadpoints/+/charging" in asked
    assert "emon/openevse-55ad/state" in asked
    assert not [topic for topic in asked if "#" in topic]


TOPICS = st.sampled_from(
    [
        *(f"{EVSE1}/{name}" for name in everest.MODULE_VARIABLES),
        *(f"{ERRORS}/{name}" for name in ("error_raised", "error_cleared")),
        "everest_api/errors/var/active_errors",
        *(f"{OPENEVSE}/{key}" for key in openevse.KEYS),
        "openevse/announce/1",
        *(f"{GOE}/{key}" for key in goe.KEYS),
        *(f"{POINT}/{key}" for key in evcc.KEYS),
        "evcc/loadpoints/x/charging",
        "evcc/status",
        "ocpp/CP1/charger/availability",
    ]
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=True) | st.text()
MEMBERS = st.sampled_from(
    [
        *(
            "state",
            "active_errors",
            "active_permanent_faults",
            "charged_energy_wh",
            "latest_total_w",
            "datetime",
        ),
        *("power_W", "total", "temperatures", "temperature", "timestamp", "max_current", "mqtt", "evse"),
        *("nr_of_phases_available", "type", "severity", "origin", "mapping", "identification"),
    ]
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=14) | st.dictionaries(MEMBERS, inner, max_size=6),
    max_leaves=25,
)


@given(TOPICS, st.binary(max_size=60) | JSON.map(lambda value: json.dumps(value).encode(errors="replace")))
def test_any_bytes_give_readings_or_a_reason_and_never_an_exception(topic: str, payload: bytes) -> None:
    decoded = OTHERS.decode(Received(topic, payload, NOW))
    assert decoded.readings or decoded.rejected or decoded.ignored
