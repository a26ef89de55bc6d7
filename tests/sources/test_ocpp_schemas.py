"""Whatever a standard's own schemas allow is accepted. The schemas are those of the PyPI package `ocpp`."""

from __future__ import annotations

import json
from datetime import UTC
from functools import cache
from importlib.resources import files
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge_agent.sources import Received
from edge_agent.sources.registry import Registry
from tests.sources.conftest import NOW, PREFIX

REGISTRY = Registry(PREFIX)
VERSIONS = ("v16", "v201", "v21")
READ = {
    "v16": (
        *("BootNotification", "Heartbeat", "MeterValues", "StartTransaction"),
        *("StatusNotification", "StopTransaction"),
    ),
    "v201": (
        *("BootNotification", "Heartbeat", "MeterValues", "NotifyEvent", "StatusNotification"),
        "TransactionEvent",
    ),
}
READ["v21"] = READ["v201"]
"""The actions that hold something for us."""
LARGEST = 2**31 - 1
"""An integer of OCPP is a signed 32-bit one (1.6, 7; 2.0.1 part 2, 2.1.3), and its ids begin with 0."""
MOST_ELEMENTS = 2
SCALARS: dict[str | None, st.SearchStrategy[Any]] = {
    "string": st.datetimes(timezones=st.just(UTC)).map(lambda at: at.isoformat()),
    "integer": st.integers(0, LARGEST),
    "number": st.floats(-1e6, 1e6),
    "boolean": st.booleans(),
    None: st.none(),  # the free part of customData
}
Schema = dict[str, Any]


@cache
def requests(version: str, action: str) -> st.SearchStrategy[Any]:
    """Return a strategy for the requests that a schema allows."""
    folder = files("ocpp") / version / "schemas"
    name = f"{action}.json" if version == "v16" else f"{action}Request.json"
    schema: Schema = json.loads((folder / name).read_text(encoding="utf-8-sig"))
    return allowed(schema, schema.get("definitions", {}))


def allowed(schema: Schema, definitions: Schema) -> st.SearchStrategy[Any]:
    """Return a strategy for the values of a schema, of the few sorts that OCPP's schemas are made of."""
    if "$ref" in schema:
        return allowed(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    match schema.get("type"):
        case "object":
            return _objects(schema, definitions)
        case "array":
            least = schema.get("minItems", 0)
            elements = allowed(schema["items"], definitions)
            return st.lists(elements, min_size=least, max_size=max(least, MOST_ELEMENTS))
        case "string" if schema.get("format") != "date-time":
            return st.text(min_size=1, max_size=min(schema.get("maxLength", 40), 40))
        case scalar:
            return SCALARS[scalar]


def _objects(schema: Schema, definitions: Schema) -> st.SearchStrategy[Any]:
    members = {name: allowed(each, definitions) for name, each in schema.get("properties", {}).items()}
    required = {name: members[name] for name in schema.get("required", ())}
    optional = {name: each for name, each in members.items() if name not in required}
    return st.fixed_dictionaries(required, optional=optional)


@pytest.mark.parametrize(
    ("version", "action"), [(version, action) for version in VERSIONS for action in READ[version]]
)
@settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_any_valid_request_is_accepted(version: str, action: str, data: st.DataObject) -> None:
    arguments = data.draw(requests(version, action))
    frame = json.dumps([2, "m-1", action, arguments]).encode()
    decoded = REGISTRY.decode(Received(f"{PREFIX}/chargers/A/ocpp", frame, NOW))
    assert decoded.rejected == ()
    assert decoded.readings


@pytest.mark.parametrize("version", VERSIONS)
def test_every_other_action_of_the_standard_is_counted_by_its_name(version: str) -> None:
    folder = files("ocpp") / version / "schemas"
    names = {each.name.removesuffix(".json") for each in folder.iterdir() if each.name.endswith(".json")}
    actions = {name.removesuffix("Request") for name in names if not name.endswith("Response")}
    for action in sorted(actions - set(READ[version])):
        frame = json.dumps([2, "m-1", action, {}]).encode()
        decoded = REGISTRY.decode(Received(f"{PREFIX}/chargers/A/ocpp", frame, NOW))
        assert decoded.rejected == ()
        assert decoded.ignored, action
