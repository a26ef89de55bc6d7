"""What is taken as metrics: section 1 of the contract."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from edge_agent.wire.metrics import ConnectorStatus, Metrics, MetricsEnvelope, Quantities


def read(**told: object) -> Metrics:
    return Metrics.model_validate_json(json.dumps({"connector_status": "AVAILABLE", **told}))


def refused(**told: object) -> list[str]:
    """Return which fields are at fault."""
    with pytest.raises(ValidationError) as caught:
        read(**told)
    return [str(fault["loc"][0]) for fault in caught.value.errors()]


def test_only_the_status_is_required() -> None:
    assert read().connector_status is ConnectorStatus.AVAILABLE
    with pytest.raises(ValidationError):
        Metrics.model_validate({"power": 1.0})
    with pytest.raises(ValidationError):
        Metrics.model_validate({"connector_status": None})


def test_what_is_absent_is_null_and_null_is_never_zero() -> None:
    for metrics in (read(), read(**dict.fromkeys(Quantities.model_fields.keys() - {"connector_status"}))):
        told = metrics.model_dump(exclude={"connector_status", "connector_id"})
        assert set(told.values()) == {None}
    assert read().connector_id == 0


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("AVAILABLE", 0),
        ("CHARGING", 1),
        ("OCCUPIED", 2),
        ("FULLY_CHARGED", 3),
        ("UNAVAILABLE", 4),
        ("OFFLINE", 5),
        ("FAULTY", 6),
    ],
)
def test_each_status_has_its_code(name: str, code: int) -> None:
    assert read(connector_status=name).connector_status.code == code
    assert len(ConnectorStatus) == 7


@pytest.mark.parametrize("status", ["available", "Faulted", "", "UNKNOWN", 0, 6, True, ["FAULTY"]])
def test_an_unknown_status_is_an_error_and_never_silently_zero(status: object) -> None:
    assert refused(connector_status=status) == ["connector_status"]


@pytest.mark.parametrize(
    "charger_id", ["A", "CHG_001", "a.b:c-d", "%2FCHG%20001", "0", "-", "A" * 128, "A_", ".", "site:7"]
)
def test_a_charger_id_is_1_to_128_plain_characters(charger_id: str) -> None:
    assert read(charger_id=charger_id).charger_id == charger_id


@pytest.mark.parametrize(
    "charger_id",
    [
        "",
        "A" * 129,
        "_site",
        "_",
        "A/B",
        "A+",
        "#",
        "A B",
        " A",
        "A\n",
        "Ä",
        "A\u0000",
        "../x",
        "A,B",
        "\u0661",
        7,
        {},
    ],
)
def test_any_other_charger_id_is_refused(charger_id: object) -> None:
    assert refused(charger_id=charger_id) == ["charger_id"]


@pytest.mark.parametrize("connector_id", [-1, 2**31, 1.5, "x", [1]])
def test_a_connector_is_a_whole_number_from_zero(connector_id: object) -> None:
    assert refused(connector_id=connector_id) == ["connector_id"]
    assert read(connector_id=2**31 - 1).connector_id == 2**31 - 1


AMOUNTS = ("energy_delivered", "power", "uptime_hours", "power_limit", "power_requested", "rated_power")
NUMBERS = (*AMOUNTS, "temperature", "soc", "ambient_temperature")


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("literal", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_numbers_that_are_not_finite_are_refused(name: str, literal: str) -> None:
    with pytest.raises(ValidationError):
        Metrics.model_validate_json(f'{{"connector_status": "AVAILABLE", "{name}": {literal}}}')
    with pytest.raises(ValidationError):
        Metrics.model_validate({"connector_status": "AVAILABLE", name: float(literal)})


@pytest.mark.parametrize("name", AMOUNTS)
def test_amounts_are_zero_or_more_and_no_larger_than_anything_can_mean(name: str) -> None:
    assert getattr(read(**{name: 0}), name) == 0.0
    assert getattr(read(**{name: 1e12}), name) == 1e12
    assert refused(**{name: -0.001}) == [name]
    assert refused(**{name: 1.1e12}) == [name]


@pytest.mark.parametrize("name", ["temperature", "ambient_temperature"])
def test_a_temperature_lies_between_minus_60_and_150_degrees(name: str) -> None:
    for allowed in (-60, 0, 150, None):
        assert getattr(read(**{name: allowed}), name) == allowed
    for wrong in (-60.01, 150.01, -256):
        assert refused(**{name: wrong}) == [name]


def test_temperatures_by_location_have_the_same_bounds_and_are_few() -> None:
    assert read(temperatures={"Cable": 150.0}).temperatures == {"Cable": 150.0}
    assert refused(temperatures={"Cable": 151.0}) == ["temperatures"]
    assert refused(temperatures={str(n): 1.0 for n in range(17)}) == ["temperatures"]


def test_a_charge_is_zero_to_a_hundred_percent() -> None:
    assert read(soc=0).soc == 0
    assert refused(soc=100.1) == ["soc"]
    assert refused(soc=-1) == ["soc"]


def test_sessions_are_a_count() -> None:
    assert read(total_sessions=300).total_sessions == 300
    for wrong in (-1, 1.5, 2**53 + 1, "many"):
        assert refused(total_sessions=wrong) == ["total_sessions"]


def test_32_codes_of_128_characters_are_taken_and_no_more() -> None:
    codes = [f"{n:0128}" for n in range(32)]
    assert read(error_codes=codes).error_codes == tuple(codes)
    assert refused(error_codes=[*codes, "X"]) == ["error_codes"]
    assert refused(error_codes=["X" * 129]) == ["error_codes"]
    assert refused(error_codes=[""]) == ["error_codes"]
    assert refused(error_codes="PowerLoss") == ["error_codes"]
    assert refused(error_codes=[None]) == ["error_codes"]


def test_no_codes_told_is_not_codes_not_told() -> None:
    assert read(error_codes=[]).error_codes == ()
    assert read().error_codes is None


def test_4_kib_of_metadata_are_taken_and_no_more() -> None:
    room = 4096 - len('{"note":""}')
    fits = {"note": "x" * room}
    assert read(metadata=fits).metadata == fits
    assert refused(metadata={"note": "x" * (room + 1)}) == ["metadata"]
    assert refused(metadata=["x"]) == ["metadata"]


def test_4_kib_of_metadata_are_4_kib_in_any_script() -> None:
    fits = {"n": "ж" * 2044}
    assert read(metadata=fits).metadata == fits
    assert refused(metadata={"n": "ж" * 2045}) == ["metadata"]


def test_metadata_is_carried_as_it_is() -> None:
    carried = {"a": [1, 2.5, None, True, {"b": "ü"}], "": {}}
    assert read(metadata=carried).metadata == carried


@pytest.mark.parametrize("literal", ["NaN", "-Infinity", '[{"x": Infinity}]'])
def test_metadata_that_is_not_finite_is_refused(literal: str) -> None:
    with pytest.raises(ValidationError):
        Metrics.model_validate_json(f'{{"connector_status": "AVAILABLE", "metadata": {{"x": {literal}}}}}')


def test_metadata_nested_without_end_is_refused() -> None:
    deep = '{"x":' * 5000 + "1" + "}" * 5000
    with pytest.raises(ValidationError):
        Metrics.model_validate_json(f'{{"connector_status": "AVAILABLE", "metadata": {deep}}}')


@pytest.mark.parametrize(
    "told",
    ["2024-06-01T10:00:00", "2024-06-01T10:00:00Z", "2024-06-01T12:00:00+02:00", "2024-05-31T23:00:00-11:00"],
)
def test_times_are_read_as_utc_naive_ones_too(told: str) -> None:
    metrics = read(timestamp=told, last_maintenance=told)
    assert metrics.timestamp == metrics.last_maintenance == datetime(2024, 6, 1, 10, tzinfo=UTC)
    assert metrics.timestamp is not None
    assert metrics.timestamp.tzinfo is UTC


@pytest.mark.parametrize(
    "told",
    ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "yesterday", "2024-13-01T00:00:00Z", []],
)
def test_what_is_no_time_in_utc_is_refused(told: object) -> None:
    assert refused(timestamp=told) == ["timestamp"]


def test_unknown_fields_are_ignored() -> None:
    metrics = read(colour="red", connectorStatus="FAULTY", metrics={"power": 9})
    assert metrics == read()
    assert "colour" not in metrics.model_dump()


def test_metrics_cannot_be_changed() -> None:
    with pytest.raises(ValidationError):
        read().power = 3.0  # type: ignore[misc]


def test_an_envelope_names_its_charger() -> None:
    envelope = {"charger_id": "A", "metrics": {"connector_status": "FAULTY"}, "tenant_id": "t", "more": 1}
    read_envelope = MetricsEnvelope.model_validate(envelope)
    assert (read_envelope.charger_id, read_envelope.tenant_id) == ("A", "t")
    with pytest.raises(ValidationError):
        MetricsEnvelope.model_validate({"metrics": {"connector_status": "FAULTY"}})


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5), st.lists, max_leaves=5
    )
)
def test_any_value_of_any_field_is_taken_or_refused(value: object) -> None:
    for name in Metrics.model_fields:
        try:
            metrics = Metrics.model_validate({"connector_status": "AVAILABLE", name: value})
        except ValidationError:
            continue
        assert Metrics.model_validate_json(metrics.model_dump_json()) == metrics
