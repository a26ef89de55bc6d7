"""Properties that hold for whatever comes."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from edge_agent.sources import Decoded, Received
from edge_agent.sources.registry import Registry
from edge_agent.wire.faults import NAMES
from tests.sources.conftest import NOW, PREFIX

REGISTRY = Registry(PREFIX)
ID_TAG = "04AABBCC1122"

topics = st.sampled_from([f"{PREFIX}/chargers/A/{source}" for source in ("metrics", "ocpp", "ocpp/down")])
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.just("2025-10-01T08:00:00Z"),
)
members = st.sampled_from(
    [
        "charger_id",
        "metrics",
        "connector_id",
        "connector_status",
        "temperature",
        "error_codes",
        "timestamp",
        "metadata",
        "message",
        "payload",
        "id",
        "action",
        "request",
        "response",
        "error_code",
        "connectorId",
        "status",
        "errorCode",
        "vendorId",
        "vendorErrorCode",
        "meterValue",
        "transactionData",
        "transactionId",
        "meterStart",
        "meterStop",
        "sampledValue",
        "value",
        "measurand",
        "unit",
        "context",
        "format",
        "phase",
        "location",
        "chargePointVendor",
        "evseId",
        "evse",
        "connectorStatus",
        "chargingStation",
        "eventType",
        "transactionInfo",
        "chargingState",
        "unitOfMeasure",
        "multiplier",
        "eventData",
        "component",
        "variable",
        "name",
        "actualValue",
        "techCode",
        "cleared",
    ]
)
documents = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(members, inner, max_size=6),
    max_leaves=20,
)
actions = st.sampled_from(
    [
        "BootNotification",
        "StatusNotification",
        "StartTransaction",
        "StopTransaction",
        "MeterValues",
        "Heartbeat",
        "TransactionEvent",
        "NotifyEvent",
        "Authorize",
        "DataTransfer",
    ]
)
sampled_values = st.fixed_dictionaries(
    {},
    optional={
        "value": scalars | st.floats().map(str),
        "measurand": st.sampled_from(
            [
                "Power.Active.Import",
                "Power.Offered",
                "Current.Offered",
                "Voltage",
                "Temperature",
                "SoC",
                "Frequency",
            ]
        )
        | scalars,
        "unit": st.sampled_from(["W", "kWh", "K", "Fahrenheit", "Percent", "Hz"]) | scalars,
        "phase": st.sampled_from(["L1", "L2", "L1-N", "N"]) | scalars,
        "context": st.sampled_from(["Transaction.Begin", "Transaction.End", "Sample.Clock"]) | scalars,
        "location": st.sampled_from(["Body", "EV"]) | scalars,
    },
)
meter_values = st.lists(
    st.fixed_dictionaries({"timestamp": scalars, "sampledValue": st.lists(sampled_values, max_size=6)}),
    max_size=3,
)
arguments = st.fixed_dictionaries(
    {"connectorId": st.integers(0, 3) | scalars},
    optional={
        "transactionId": st.integers() | scalars,
        "meterStart": scalars,
        "meterStop": scalars,
        "timestamp": scalars,
        "status": st.sampled_from(["Available", "Faulted"]) | scalars,
        "errorCode": st.sampled_from(["NoError", "OtherError"]) | scalars,
        "vendorId": st.just("https://chargex.inl.gov") | scalars,
        "vendorErrorCode": st.sampled_from(sorted(NAMES)) | scalars,
        "chargePointVendor": scalars,
        "meterValue": meter_values | documents,
        "transactionData": meter_values | documents,
    },
)
frames = st.one_of(
    st.tuples(st.just(2), scalars, actions, arguments),
    st.tuples(st.just(3), scalars, arguments | documents),
    st.tuples(st.sampled_from([2, 3, 4]), scalars, documents, documents),
)
with_people = st.sampled_from(["idTag", "parentIdTag"])


def decoded(topic: str, payload: bytes) -> Decoded:
    decoded = REGISTRY.decode(Received(topic, payload, NOW))
    assert decoded.readings or decoded.rejected or decoded.ignored
    assert all(len(rejected.reason) <= 300 for rejected in decoded.rejected)
    assert all(len(kind) <= 80 for kind in decoded.ignored)
    for reading in decoded.readings:
        reading.metrics.model_dump_json()
        assert reading.at.tzinfo is not None
    return decoded


@given(topics, st.binary(max_size=300))
def test_any_bytes_are_accounted_for(topic: str, payload: bytes) -> None:
    decoded(topic, payload)


@given(st.text(max_size=60), st.binary(max_size=40))
def test_any_topic_is_accounted_for(topic: str, payload: bytes) -> None:
    decoded(topic, payload)


@given(topics, documents)
def test_any_json_is_accounted_for(topic: str, document: object) -> None:
    decoded(topic, json.dumps(document).encode())


@given(topics, frames, st.booleans())
def test_any_frame_is_accounted_for(topic: str, frame: object, enveloped: bool) -> None:
    document = {"message": json.dumps(frame)} if enveloped else frame
    decoded(topic, json.dumps(document).encode())


@given(topics, actions, arguments, with_people)
def test_no_id_tag_enters_what_is_decoded(
    topic: str, action: str, told: dict[str, object], member: str
) -> None:
    call = [
        2,
        "m-1",
        action,
        {**told, member: ID_TAG, "idTagInfo": {member: ID_TAG}, "info": ID_TAG, "data": ID_TAG},
    ]
    answer = [3, "m-1", {**told, "idTagInfo": {"status": "Accepted", member: ID_TAG}}]
    for frame in (call, answer, {"message": json.dumps(call)}, {"payload": answer, member: ID_TAG}):
        assert ID_TAG not in repr(decoded(topic, json.dumps(frame).encode()))


@given(with_people, st.sampled_from(["flat", "envelope", "metadata", "array"]))
def test_no_id_tag_enters_from_plain_metrics(member: str, shape: str) -> None:
    metrics: dict[str, object] = {"connector_status": "CHARGING", member: ID_TAG}
    document: object = {
        "flat": metrics,
        "envelope": {"charger_id": "A", "metrics": metrics, member: ID_TAG},
        "metadata": {**metrics, "metadata": {member: ID_TAG, "deep": [{member: ID_TAG}]}},
        "array": [metrics, {member: ID_TAG}, ID_TAG],
    }[shape]
    result = decoded(f"{PREFIX}/chargers/A/metrics", json.dumps(document).encode())
    assert result.readings
    assert ID_TAG not in repr(result)


def test_kinds_stay_few_however_many_names_come() -> None:
    samples = [{"value": "1", "measurand": f"M{number}"} for number in range(1000)]
    frame = [2, "1", "MeterValues", {"connectorId": 1, "meterValue": [{"sampledValue": samples}]}]
    assert len(decoded(f"{PREFIX}/chargers/A/ocpp", json.dumps(frame).encode()).ignored) == 32
