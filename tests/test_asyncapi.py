"""docs/asyncapi.yaml against the code: it is current, complete, and what really goes out is as it says."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml  # type: ignore[import-untyped]

from edge_agent.config import Config
from edge_agent.core.models import Models
from edge_agent.core.rules import RulesAnomaly
from edge_agent.service import broker_settings, registry
from edge_agent.sources import MAX_PARTS
from edge_agent.wire.asyncapi import CHANNELS, MOST_ELEMENTS, as_text, asyncapi_document
from tests.core.making import RisingModel
from tests.rig.fakes import PREFIX, Kerbside, Sent
from tests.rig.site import HEALTHY

Json = dict[str, Any]

COMMITTED = Path(__file__).parents[1] / "docs" / "asyncapi.yaml"
PLACE = re.compile(r"{\w+}")
SITE = Config(site_id="site-001")
WILL = Sent(f"{PREFIX}/gateway/status", b'{"status":"offline"}', retain=True, packet_id=0)


@pytest.fixture(scope="module")
def document() -> Json:
    told: Json = yaml.safe_load(COMMITTED.read_text())
    return told


@pytest.fixture(scope="module")
def sent() -> list[Sent]:
    """What an agent says of a charger that gets too hot, fails, and is well again."""
    site = Kerbside()
    site.shelf.models = Models(RisingModel(), RulesAnomaly())
    site.connect().say("CHARGING", power=7.2, temperature=48.0).turn()
    site.say("FAULTY", temperature=70.0, error_codes=["GroundFailure"], vendor="ACME", soc=50).confirm_all()
    site.ingest.suggest()
    site.until_due().confirm_all()
    for _ in range(10):
        site.say("AVAILABLE", temperature=20.0).turn().confirm_all()
    site.ingest.tell_status()
    return [*site.broker.sent, WILL]


def references(value: object) -> set[str]:
    if isinstance(value, dict):
        found = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
        return found.union(*(references(part) for part in value.values()))
    return set().union(*(references(part) for part in value)) if isinstance(value, list) else set()


def resolved(document: Json, reference: str) -> Json:
    found: Any = document
    for part in reference.removeprefix("#/").split("/"):
        found = found[part]
    assert isinstance(found, dict), reference
    return resolved(document, found["$ref"]) if "$ref" in found else found


def channel_of(document: Json, topic: str) -> Json:
    for channel in document["channels"].values():
        if re.fullmatch(PLACE.sub("[^/]+", channel["address"]), topic):
            return dict(channel)
    raise AssertionError(f"{topic} is described by no channel")


def validator(document: Json, schema: str) -> jsonschema.Draft7Validator:
    return jsonschema.Draft7Validator(
        {"$ref": f"#/components/schemas/{schema}", "components": document["components"]}
    )


def test_the_committed_file_is_what_the_code_says_now() -> None:
    assert COMMITTED.read_text() == as_text(asyncapi_document())


def test_every_reference_leads_somewhere(document: Json) -> None:
    for reference in references(document):
        resolved(document, reference)


def test_every_schema_is_one_and_is_used(document: Json) -> None:
    schemas = document["components"]["schemas"]
    for schema in schemas.values():
        jsonschema.Draft7Validator.check_schema(schema)
    assert {f"#/components/schemas/{name}" for name in schemas} <= references(document)


def test_what_the_agent_sends_is_retained_and_what_it_hears_is_not_and_all_is_at_least_once(
    document: Json,
) -> None:
    for operation in document["operations"].values():
        binding = operation["bindings"]["mqtt"]
        assert (binding["qos"], binding["retain"]) == (1, operation["action"] == "send")


def test_the_channels_that_it_hears_are_those_that_it_subscribes_to() -> None:
    subscribed = set(broker_settings(SITE, registry(SITE)).subscriptions)
    received = [row.topic for row in CHANNELS.values() if row.action == "receive"]
    heard = {f"{PREFIX}/" + PLACE.sub("+", topic) for topic in received}
    assert subscribed - heard == {f"{PREFIX}/alerts/+/+/+"}  # its own, of an earlier life
    assert heard <= subscribed


def test_what_really_goes_out_is_as_the_channel_says(document: Json, sent: list[Sent]) -> None:
    met = set()
    for each in sent:
        channel = channel_of(document, each.topic)
        told = json.loads(each.payload) if each.payload else ""
        fitting = [name for name in channel["messages"] if validator(document, name).is_valid(told)]
        assert len(fitting) == 1, (each.topic, told)
        met.add(fitting[0])
    outward = {name for row in CHANNELS.values() if row.action == "send" for name in row.messages}
    assert met == outward


def test_nothing_goes_out_that_is_not_described(document: Json, sent: list[Sent]) -> None:
    for each in sent:
        if each.payload:
            (name, *_) = channel_of(document, each.topic)["messages"]
            assert each.told.keys() <= document["components"]["schemas"][name]["properties"].keys()


@pytest.mark.parametrize(
    ("schema", "told"),
    [
        ("MetricsMessage", HEALTHY),
        ("MetricsMessage", [HEALTHY, {"charger_id": "CHG_001", "metrics": HEALTHY, "tenant_id": None}]),
        ("OcppMessage", [2, "1", "Heartbeat", {}]),
        ("OcppMessage", {"message": '[3, "1", {}]', "direction": "ChargingStationToCSMS"}),
        ("OcppMessage", {"type": "result", "id": "1", "response": {}}),
        ("Acknowledgement", {"alert_id": "a", "by": "AB"}),
    ],
)
def test_what_comes_in_is_as_the_channel_says(document: Json, schema: str, told: object) -> None:
    validator(document, schema).validate(told)


@pytest.mark.parametrize(
    ("schema", "told"),
    [
        ("MetricsMessage", {**HEALTHY, "connector_status": "MELTED"}),
        ("MetricsMessage", []),
        ("OcppMessage", [5, "1"]),
        ("OcppMessage", {}),
        ("Acknowledgement", {"alert_id": "a"}),
        ("Erasure", "x"),
    ],
)
def test_what_would_be_set_aside_does_not_fit(document: Json, schema: str, told: object) -> None:
    assert not validator(document, schema).is_valid(told)


def test_an_array_may_be_as_long_as_the_decoder_takes() -> None:
    assert MOST_ELEMENTS == MAX_PARTS
