from __future__ import annotations

from datetime import UTC, datetime

import pytest

from edge_agent.wire.metrics import ConnectorStatus, Metrics
from edge_agent.wire.reading import Source
from tests.sources.conftest import NOW, Send

# The example of the central service's documentation, with its charger_id inside.
METRICS = {
    "charger_id": "CHG_001",
    "connector_id": 1,
    "connector_status": "CHARGING",
    "energy_delivered": 45.5,
    "power": 7.2,
    "temperature": 35.0,
    "error_codes": [],
    "uptime_hours": 1500,
    "total_sessions": 300,
    "timestamp": "2025-10-01T11:59:00Z",
}


def test_a_flat_object_becomes_a_whole_reading(send_metrics: Send) -> None:
    (reading,) = send_metrics(METRICS).readings
    assert isinstance(reading.metrics, Metrics)
    assert reading.connector_id == 1
    assert reading.metrics.connector_status is ConnectorStatus.CHARGING
    assert reading.metrics.power == 7.2
    assert reading.source is Source.METRICS
    assert reading.measured_at == datetime(2025, 10, 1, 11, 59, tzinfo=UTC)
    assert reading.received_at == NOW


def test_an_enveloped_object_says_the_same_and_its_tenant(send_metrics: Send) -> None:
    (flat,) = send_metrics(METRICS).readings
    decoded = send_metrics({"charger_id": "CHG_001", "metrics": METRICS, "tenant_id": "acme"})
    (reading,) = decoded.readings
    assert reading.metrics == flat.metrics
    assert reading.tenant_id == "acme"


def test_the_word_metrics_elsewhere_makes_no_envelope(send_metrics: Send) -> None:
    (reading,) = send_metrics({**METRICS, "metadata": {"metrics": {"a": 1}}}).readings
    assert reading.metrics.metadata == {"metrics": {"a": 1}}
    assert send_metrics({**METRICS, "metrics": 3}).readings


def test_only_the_status_is_required_and_what_is_absent_is_null(send_metrics: Send) -> None:
    (reading,) = send_metrics({"connector_status": "AVAILABLE"}).readings
    assert reading.connector_id == 0
    assert reading.measured_at is None
    assert reading.metrics.temperature is None
    assert reading.metrics.error_codes is None


def test_each_element_of_an_array_is_judged_alone(send_metrics: Send) -> None:
    enveloped = {"charger_id": "CHG_001", "metrics": {"connector_status": "FAULTY"}}
    decoded = send_metrics([METRICS, {"power": 1}, "x", enveloped, {**METRICS, "power": float("nan")}])
    assert [reading.metrics.connector_status for reading in decoded.readings] == ["CHARGING", "FAULTY"]
    assert [rejected.reason for rejected in decoded.rejected] == [
        "connector_status: nothing came; field required",
        "text came; expected an object of metrics",
        "power: nan came; expected a finite number",
    ]


@pytest.mark.parametrize(
    "document",
    [
        {**METRICS, "charger_id": "CHG_002"},
        {"charger_id": "CHG_002", "metrics": {**METRICS, "charger_id": None}},
        {"charger_id": "CHG_001", "metrics": {**METRICS, "charger_id": "CHG_002"}},
    ],
    ids=["flat", "outer", "inner"],
)
def test_a_charger_that_speaks_for_another_is_rejected_with_both_names(
    send_metrics: Send, document: object
) -> None:
    (rejected,) = send_metrics(document).rejected
    assert rejected.reason == "charger_id: 'CHG_002' came; expected 'CHG_001', as in the topic"


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e400"])
@pytest.mark.parametrize("place", ['"power": %s', '"metadata": {"a": [%s]}', '"temperatures": {"Body": %s}'])
@pytest.mark.parametrize("shape", ["%s", " %s", "[%s]"], ids=["object", "padded", "array"])
def test_a_number_that_is_not_finite_is_refused_everywhere(
    send_metrics: Send, number: str, place: str, shape: str
) -> None:
    text = '{"connector_status": "FAULTY", %s}' % (place % number)
    decoded = send_metrics((shape % text).encode())
    assert not decoded.readings
    assert "finite" in decoded.rejected[0].reason


def test_a_naive_time_is_utc_and_an_offset_is_heeded(send_metrics: Send) -> None:
    (naive,) = send_metrics({**METRICS, "timestamp": "2025-10-01T10:00:00"}).readings
    (offset,) = send_metrics({**METRICS, "timestamp": "2025-10-01T12:00:00+02:00"}).readings
    assert naive.measured_at == offset.measured_at == datetime(2025, 10, 1, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    "timestamp", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-10:00", "soon", 1e300]
)
def test_a_time_that_cannot_be_is_rejected(send_metrics: Send, timestamp: object) -> None:
    (rejected,) = send_metrics({**METRICS, "timestamp": timestamp}).rejected
    assert rejected.reason.startswith("timestamp: ")


def test_of_a_name_given_twice_the_last_counts(send_metrics: Send) -> None:
    (reading,) = send_metrics(b'{"connector_status": "FAULTY", "power": 1, "power": 2}').readings
    assert reading.metrics.power == 2


def test_unknown_fields_are_ignored(send_metrics: Send) -> None:
    assert send_metrics({**METRICS, "colour": "blue", "idTag": "04AABBCC"}).readings


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("power", -1.5, "power: -1.5 came; expected greater than or equal to 0"),
        ("temperature", 151, "temperature: 151 came; expected less than or equal to 150"),
        ("error_codes", "E1", "error_codes: 'E1' came; expected a valid array"),
        ("connector_id", [], "connector_id: an array came; expected a valid integer"),
    ],
)
def test_a_reason_names_the_field_what_came_and_what_is_expected(
    send_metrics: Send, field: str, value: object, reason: str
) -> None:
    (rejected,) = send_metrics({**METRICS, field: value}).rejected
    assert rejected.reason == reason


def test_an_unknown_status_is_rejected_and_never_available(send_metrics: Send) -> None:
    (rejected,) = send_metrics({"connector_status": "BROKEN"}).rejected
    assert "'BROKEN' came; expected 'AVAILABLE'" in rejected.reason


def test_a_reason_never_repeats_the_payload(send_metrics: Send) -> None:
    secret = "S" * 5000
    for document in ({"connector_status": secret}, {"idTag": secret}, {**METRICS, "metadata": {"a": secret}}):
        (rejected,) = send_metrics(document).rejected
        assert len(rejected.reason) <= 300
        assert "S" * 50 not in rejected.reason


def test_a_frame_sent_to_the_wrong_topic_is_rejected_without_its_id_tag(send_metrics: Send) -> None:
    decoded = send_metrics([2, "04AABBCC", "Authorize", {"idTag": "04AABBCC"}])
    assert len(decoded.rejected) == 4
    assert "04AABBCC" not in repr(decoded)


@pytest.mark.parametrize(
    "name", ["idTag", "id_tag", "parentIdTag", "eMAID", "EVCCID", "ev-mac", "VIN", "evCertificate"]
)
def test_metadata_about_people_is_left_out_and_counted(send_metrics: Send, name: str) -> None:
    decoded = send_metrics({**METRICS, "metadata": {"site": "north", "deep": [{name: "04AABBCC"}]}})
    (reading,) = decoded.readings
    assert reading.metrics.metadata == {"site": "north", "deep": [{}]}
    assert decoded.ignored == ("metadata about people",)
    assert "04AABBCC" not in repr(decoded)


def test_a_megabyte_of_wrong_error_codes_is_one_fault(send_metrics: Send) -> None:
    (rejected,) = send_metrics({**METRICS, "error_codes": [1] * 300_000}).rejected
    assert rejected.reason == "error_codes.0: 1 came; expected a valid string"
