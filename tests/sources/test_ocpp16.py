from __future__ import annotations

from datetime import UTC, datetime

import pytest

from edge_agent.sources.ocpp16 import STATUSES
from edge_agent.wire.metrics import ConnectorStatus, Quantities
from edge_agent.wire.reading import Event, Source
from tests.sources.conftest import Send

CHARGEX = "https://chargex.inl.gov"


def test_a_heartbeat_says_nothing_and_proves_life(call: Send) -> None:
    (reading,) = call("Heartbeat", {}).readings
    assert reading.metrics == Quantities()
    assert (reading.connector_id, reading.event, reading.source) == (0, None, Source.OCPP)


def test_a_boot_tells_vendor_model_and_firmware_of_the_cabinet(call: Send) -> None:
    boot = {
        "chargePointVendor": "ACME",
        "chargePointModel": "Fast 150",
        "firmwareVersion": "1.2.3",
        "iccid": "8931080019056221234",
        "chargePointSerialNumber": "MAC-00:11:22:33:44:55",
    }
    decoded = call("BootNotification", boot)
    (reading,) = decoded.readings
    assert (reading.event, reading.connector_id) == (Event.BOOT, 0)
    assert reading.metrics == Quantities(vendor="ACME", model="Fast 150", firmware="1.2.3")
    assert "00:11:22:33:44:55" not in repr(decoded)
    assert "8931080019056221234" not in repr(decoded)


def test_a_boot_with_odd_members_still_boots(call: Send) -> None:
    (reading,) = call("BootNotification", {"chargePointVendor": "V" * 500, "chargePointModel": 7}).readings
    assert reading.event is Event.BOOT
    assert reading.metrics.vendor == "V" * 128
    assert reading.metrics.model is None


@pytest.mark.parametrize(("named", "status"), STATUSES.items())
def test_every_status_of_the_protocol_has_its_meaning(
    call: Send, named: str, status: ConnectorStatus
) -> None:
    arguments = {
        "connectorId": 2,
        "status": named,
        "errorCode": "NoError",
        "timestamp": "2025-10-01T08:00:00Z",
    }
    decoded = call("StatusNotification", arguments)
    (reading,) = decoded.readings
    assert reading.metrics == Quantities(connector_status=status, error_codes=())
    assert reading.connector_id == 2
    assert reading.measured_at == datetime(2025, 10, 1, 8, tzinfo=UTC)
    assert decoded.ignored == ()


def test_an_unknown_status_costs_only_itself(call: Send) -> None:
    arguments = {"connectorId": 1, "status": "Dancing", "errorCode": "GroundFailure"}
    decoded = call("StatusNotification", arguments)
    assert decoded.readings[0].metrics == Quantities(error_codes=("GroundFailure",))
    assert decoded.ignored == ("status Dancing",)


@pytest.mark.parametrize(
    ("told", "codes"),
    [
        pytest.param({"errorCode": "NoError"}, (), id="no error"),
        pytest.param({}, (), id="none told"),
        pytest.param({"errorCode": "HighTemperature"}, ("HighTemperature",), id="a code of 1.6"),
        pytest.param({"errorCode": "Error"}, ("Error",), id="lbbrhzn/ocpp 1248"),
        pytest.param(
            {"errorCode": "OtherError", "vendorId": CHARGEX, "vendorErrorCode": "CX008"},
            ("EmergencyStop",),
            id="a ChargeX code",
        ),
        pytest.param(
            {"errorCode": "NoError", "vendorId": CHARGEX + "/", "vendorErrorCode": "cx020"},
            ("PartialInsertion",),
            id="a ChargeX code beside NoError",
        ),
        pytest.param(
            {"errorCode": "OtherError", "vendorId": CHARGEX, "vendorErrorCode": "CX099"},
            (f"{CHARGEX}:CX099",),
            id="a ChargeX code that does not exist",
        ),
        pytest.param(
            {"errorCode": "GroundFailure", "vendorId": "ACME", "vendorErrorCode": "E7"},
            ("GroundFailure",),
            id="the protocol's name goes before the vendor's",
        ),
        pytest.param(
            {"errorCode": "OtherError", "vendorId": "ACME", "vendorErrorCode": "E7"},
            ("ACME:E7",),
            id="OtherError names no cause",
        ),
        pytest.param({"errorCode": "OtherError"}, ("OtherError",), id="OtherError alone"),
        pytest.param({"errorCode": "NoError", "vendorErrorCode": "E7"}, ("E7",), id="a vendor without name"),
        pytest.param(
            {"errorCode": "NoError", "vendorErrorCode": 12, "vendorId": "A"}, ("A:12",), id="a number"
        ),
        pytest.param(
            {"errorCode": "NoError", "vendorErrorCode": "0x0000"}, (), id="a zero that names nothing"
        ),
        pytest.param({"errorCode": "NoError", "vendorErrorCode": "none"}, (), id="a word that names nothing"),
        pytest.param(
            {"errorCode": "OtherError", "vendorId": "V" * 255, "vendorErrorCode": "E" * 255},
            ("V" * 77 + ":" + "E" * 50,),
            id="as long as the wire allows",
        ),
    ],
)
def test_error_codes_are_the_contracts(call: Send, told: dict[str, object], codes: tuple[str, ...]) -> None:
    (reading,) = call("StatusNotification", {"connectorId": 1, "status": "Faulted", **told}).readings
    assert reading.metrics.error_codes == codes
    assert reading.metrics.connector_status is ConnectorStatus.FAULTY


@pytest.mark.parametrize("action", ["StatusNotification", "MeterValues", "StartTransaction"])
@pytest.mark.parametrize("connector_id", [None, -1, "one", True, 1.5, [1], 2**40])
def test_a_message_about_no_connector_is_rejected(call: Send, action: str, connector_id: object) -> None:
    (rejected,) = call(action, {"connectorId": connector_id, "status": "Available"}).rejected
    assert rejected.reason.startswith(f"{action}: connectorId ")


def test_a_connector_may_come_as_text(call: Send) -> None:
    (reading,) = call("StatusNotification", {"connectorId": "1", "status": "Available"}).readings
    assert reading.connector_id == 1


def test_a_start_bears_its_message_id_and_its_meter_in_kwh(call: Send) -> None:
    decoded = call(
        "StartTransaction",
        {
            "connectorId": 1,
            "idTag": "04AABBCC",
            "meterStart": 2300123,
            "timestamp": "2025-10-01T08:18:01.200Z",
        },
    )
    (reading,) = decoded.readings
    assert reading.event is Event.TRANSACTION_STARTED
    assert (reading.call_id, reading.transaction_id, reading.register_kwh) == ("m-1", None, 2300.123)
    assert reading.measured_at == datetime(2025, 10, 1, 8, 18, 1, 200_000, tzinfo=UTC)
    assert "04AABBCC" not in repr(decoded)


@pytest.mark.parametrize(
    ("meter", "kind"), [(None, "value that is no number of meterStart"), (-5, "implausible meterStart")]
)
def test_a_start_without_a_sound_meter_is_still_a_start(call: Send, meter: object, kind: str) -> None:
    decoded = call("StartTransaction", {"connectorId": 1, "idTag": "x", "meterStart": meter})
    assert decoded.readings[0].event is Event.TRANSACTION_STARTED
    assert decoded.readings[0].register_kwh is None
    assert decoded.ignored == (kind,)


def test_a_stop_gives_its_samples_first_and_then_the_end(call: Send) -> None:
    # As in the third-party log (appspace/kwwhat): the samples of begin and end.
    begin = {"context": "Transaction.Begin", "value": "2300123.5", "unit": "Wh"}
    end = {"context": "Transaction.End", "value": "2301723", "unit": "Wh"}
    decoded = call(
        "StopTransaction",
        {
            "transactionId": 1001,
            "idTag": "04AABBCC",
            "meterStop": 2301723,
            "timestamp": "2025-10-01T08:23:01Z",
            "transactionData": [
                {"timestamp": "2025-10-01T08:19:00Z", "sampledValue": [begin]},
                {"timestamp": "2025-10-01T08:23:00Z", "sampledValue": [end]},
            ],
        },
    )
    sampled, ended = decoded.readings
    assert (sampled.event, sampled.register_kwh, sampled.transaction_id) == (None, 2301.723, "1001")
    assert (ended.event, ended.register_kwh, ended.transaction_id) == (
        Event.TRANSACTION_ENDED,
        2301.723,
        "1001",
    )
    assert sampled.connector_id is ended.connector_id is None
    assert "04AABBCC" not in repr(decoded)


def test_a_stop_that_names_no_transaction_is_rejected(call: Send) -> None:
    (rejected,) = call("StopTransaction", {"meterStop": 1, "idTag": "04AABBCC"}).rejected
    assert rejected.reason == "StopTransaction: transactionId null came; expected a whole number"


def test_each_time_of_a_meter_values_frame_is_a_reading(call: Send) -> None:
    meter_value = [
        {"timestamp": f"2025-10-01T08:0{minute}:00Z", "sampledValue": [{"value": str(1000 * minute)}]}
        for minute in (1, 2, 3)
    ]
    decoded = call("MeterValues", {"connectorId": 1, "transactionId": 7, "meterValue": meter_value})
    assert [reading.register_kwh for reading in decoded.readings] == [1.0, 2.0, 3.0]
    assert [reading.measured_at and reading.measured_at.minute for reading in decoded.readings] == [1, 2, 3]
    assert {reading.transaction_id for reading in decoded.readings} == {"7"}


@pytest.mark.parametrize("meter_value", [None, [], [{}], [{"sampledValue": []}], [3], {"a": 1}], ids=str)
def test_meter_values_that_say_nothing_prove_life_once(call: Send, meter_value: object) -> None:
    (reading,) = call("MeterValues", {"connectorId": 1, "meterValue": meter_value}).readings
    assert reading.metrics == Quantities()
    assert reading.connector_id == 1


@pytest.mark.parametrize(
    "timestamp", [None, 5, "", "soon", "2025-10-01", "2025-13-01T00:00:00Z", "0001-01-01T00:00+14:00"]
)
def test_a_time_that_cannot_be_read_is_unknown(call: Send, timestamp: object) -> None:
    arguments = {"connectorId": 1, "status": "Available", "timestamp": timestamp}
    assert call("StatusNotification", arguments).readings[0].measured_at is None


@pytest.mark.parametrize(
    "timestamp",
    [
        "2025-10-01T08:00:00Z",
        "2025-10-01t08:00:00z",
        "2025-10-01 08:00:00",
        "2025-10-01T10:00:00.0000000+02:00",
    ],
)
def test_a_time_is_read_leniently(call: Send, timestamp: str) -> None:
    arguments = {"connectorId": 1, "status": "Available", "timestamp": timestamp}
    (reading,) = call("StatusNotification", arguments).readings
    assert reading.measured_at == datetime(2025, 10, 1, 8, tzinfo=UTC)


@pytest.mark.parametrize("action", ["DataTransfer", "Authorize", "RemoteStartTransaction"])
def test_an_action_with_nothing_for_us_is_counted_by_name(call: Send, action: str) -> None:
    decoded = call(action, {"idTag": "04AABBCC", "data": "04AABBCC"})
    assert decoded.ignored == (f"ocpp1.6 {action}",)
    assert "04AABBCC" not in repr(decoded)
