"""Devices that the configuration declares."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.config import load
from edge_agent.errors import ConfigError
from edge_agent.service import registry
from edge_agent.sources import Decoded, Received
from edge_agent.sources.mapped import pointed
from edge_agent.sources.registry import Registry
from tests.sources.conftest import NOW

DEPOT = """
[sources.mapped.depot]
topic = "depot/{charger_id}/{connector_id}/state"
[sources.mapped.depot.fields]
power = { at = "/meter/p", unit = "W" }
temperature = { at = "/temp/0", unit = "F" }
connector_status = { at = "/state", values = { A = "AVAILABLE", C = "CHARGING", true = "OCCUPIED" } }
error_codes = { at = "/err", values = { 12 = "GroundFailure" } }
energy_register = { at = "/total", unit = "kWh" }
timestamp = { at = "/ts" }
soc = { at = "/a~1b" }
[sources.mapped.alone]
topic = "heat"
charger_id = "CP9"
connector_id = 2
[sources.mapped.alone.fields]
temperature = {}
"""
WHOLE: dict[str, Any] = {
    "meter": {"p": 7200},
    "temp": [104],
    "state": "C",
    "err": [12, "own"],
    "total": "1234.5",
    "ts": "2025-10-01T11:00:00Z",
    "a/b": 50,
}


@pytest.fixture(scope="module")
def depot(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    return declared(tmp_path_factory.mktemp("depot"), DEPOT)


def declared(folder: Path, text: str) -> Registry:
    file = folder / "config.toml"
    file.write_text(f'site_id = "s"\n{text}')
    config, unknown = load(file, {})
    assert unknown == []
    return registry(config)


def decode(depot: Registry, payload: Any, topic: str = "depot/CP1/3/state") -> Decoded:
    raw = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return depot.decode(Received(topic, raw, NOW))


def test_a_declared_device_is_read_with_its_units_and_words(depot: Registry) -> None:
    (reading,) = decode(depot, WHOLE).readings
    assert reading.evse == ("CP1", 3)
    assert reading.metrics.model_dump(exclude_unset=True) == {
        "power": 7.2,
        "temperature": 40.0,
        "connector_status": "CHARGING",
        "error_codes": ("GroundFailure", "own"),
        "soc": 50.0,
    }
    assert reading.register_kwh == 1234.5
    assert reading.measured_at is not None
    assert {"depot/+/+/state", "heat"} <= set(depot.subscriptions)


def test_what_is_absent_is_unknown_and_what_is_null_is_erased(depot: Registry) -> None:
    (reading,) = decode(depot, {"meter": {"p": None}}).readings
    assert reading.metrics.model_dump(exclude_unset=True) == {"power": None}


def test_a_word_that_nobody_declared_costs_only_itself_and_is_counted(depot: Registry) -> None:
    decoded = decode(depot, {"state": "X", "meter": {"p": 1000}})
    assert decoded.readings[0].metrics.model_dump(exclude_unset=True) == {"power": 1.0}
    assert decoded.ignored == ("value that is no connector_status",)


def test_a_value_that_cannot_be_true_costs_only_itself_and_is_counted(depot: Registry) -> None:
    decoded = decode(depot, {"meter": {"p": -5}, "a/b": 40})
    assert decoded.readings[0].metrics.model_dump(exclude_unset=True) == {"soc": 40.0}
    assert decoded.ignored == ("implausible power",)


def test_a_payload_that_is_the_value_itself_is_read(depot: Registry) -> None:
    (reading,) = decode(depot, b"55.5", "heat").readings
    assert (reading.evse, reading.metrics.temperature) == (("CP9", 2), 55.5)


@pytest.mark.parametrize("codes", [None, 0, "", [], False])
def test_no_codes_are_an_empty_list(depot: Registry, codes: Any) -> None:
    assert decode(depot, {"err": codes}).readings[0].metrics.error_codes == ()


def test_several_codes_in_one_text_are_several(depot: Registry) -> None:
    assert decode(depot, {"err": "12, CX017; own"}).readings[0].metrics.error_codes == (
        "GroundFailure",
        "EVSEContactorFault",
        "own",
    )


def test_a_connector_that_is_no_number_is_refused(depot: Registry) -> None:
    assert "expected a number" in decode(depot, {}, "depot/CP1/left/state").rejected[0].reason


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists, max_leaves=9))
def test_any_payload_gives_a_reading_or_a_reason(value: Any) -> None:
    payload = dict.fromkeys(("meter", "temp", "state", "err", "total", "ts", "a/b"), value)
    device = declared_once()
    for each in (payload, {"meter": {"p": value}, "temp": [value]}, value):
        decoded = device.decode(Received("depot/CP1/1/state", json.dumps(each).encode(errors="replace"), NOW))
        assert decoded.readings or decoded.rejected


_ONCE: list[Registry] = []


def declared_once() -> Registry:
    if not _ONCE:
        import tempfile  # noqa: PLC0415 - here alone

        with tempfile.TemporaryDirectory() as folder:
            _ONCE.append(declared(Path(folder), DEPOT))
    return _ONCE[0]


@pytest.mark.parametrize(
    ("pointer", "found"),
    [
        ("", (True, {"a": [{"b": 1}]})),
        ("/a/0/b", (True, 1)),
        ("/a/1", (False, None)),
        ("/a/x", (False, None)),
    ],
)
def test_json_pointers_are_followed(pointer: str, found: tuple[bool, Any]) -> None:
    assert pointed({"a": [{"b": 1}]}, pointer) == found


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('topic = "x/{charger_id}"\nfields = { powr = {} }', "did you mean 'power'"),
        ('topic = "x/{charger_id}"\nfields = { power = { unit = "hp" } }', "write one of w, kw"),
        (
            'topic = "x/{charger_id}"\nfields = { connector_status = { values = { A = "BUSY" } } }',
            "no status",
        ),
        ('topic = "x/{charger}"\nfields = { power = {} }', "in braces"),
        ('topic = "x"\nfields = { power = {} }', "say whose it is once"),
        ('topic = "x/#"\nfields = { power = {} }', "topic"),
        ('topic = "x/{charger_id}"', "fields"),
    ],
)
def test_a_declaration_that_cannot_be_is_refused_with_what_to_write(
    tmp_path: Path, text: str, complaint: str
) -> None:
    file = tmp_path / "config.toml"
    file.write_text(f'site_id = "s"\n[sources.mapped.odd]\n{text}\n')
    with pytest.raises(ConfigError, match=complaint.replace("(", r"\(")):
        load(file, {})
