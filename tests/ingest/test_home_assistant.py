"""Home Assistant's discovery: chargers as devices, ids, what the templates read, and when it is told."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.config import Config
from edge_agent.ingest.publisher import Introductions
from edge_agent.ports import Connected
from edge_agent.service import house
from edge_agent.wire.home_assistant import ALERTS, STATES, House, Nameplate, discovery, object_id
from tests.rig.fakes import PREFIX, Kerbside, Sent

HOUSE = House("homeassistant", PREFIX, "site-001", "gw-001", {"CHG_001": "Garage"})
SCHEMA = json.loads((Path(__file__).parents[1] / "fixtures/home_assistant_device.schema.json").read_text())
DEVICE = "homeassistant/device/evzone__site-001__CHG_5f001/config"
PLATE = Nameplate("ACME", "X1", "1.0")
NAMES = st.from_regex(r"[A-Za-z0-9._:%-]{1,128}", fullmatch=True) | st.text()


def device(plates: dict[int, Nameplate], charger_id: str = "CHG_001") -> dict[str, Any]:
    told: dict[str, Any] = json.loads(discovery(HOUSE, charger_id, plates)[1])
    return told


# The message


@pytest.mark.parametrize("charger_id", ["CHG_001", "a.b:c%2Fd", "x" * 128])
@pytest.mark.parametrize("plates", [{0: Nameplate()}, {1: PLATE, 2: Nameplate(), 31: PLATE}])
def test_the_message_is_as_home_assistant_documents_it(plates: dict[int, Nameplate], charger_id: str) -> None:
    topic, payload = discovery(HOUSE, charger_id, plates)
    jsonschema.Draft202012Validator(SCHEMA).validate(json.loads(payload))
    assert re.fullmatch(r"homeassistant/device/[a-zA-Z0-9_-]+/config", topic)


def test_the_device_bears_the_operators_label_and_what_the_machine_says_of_itself() -> None:
    told = device({0: Nameplate(vendor="ACME"), 1: Nameplate("Other", "X1")})["dev"]
    assert told == {"ids": ["evzone__site-001__CHG_5f001"], "name": "Garage", "mf": "ACME", "mdl": "X1"}
    assert device({0: Nameplate()}, "CHG_002")["dev"]["name"] == "CHG_002"


def test_every_evse_has_the_same_entities_each_with_topics_and_a_name_of_its_own() -> None:
    entities = device({0: PLATE, 2: PLATE})["cmps"]
    assert len(entities) == 2 * (len(STATES) + len(ALERTS))
    assert {each["stat_t"] for key, each in entities.items() if key.startswith("2_")} == {
        f"{PREFIX}/state/CHG_001/2",
        *(f"{PREFIX}/alerts/CHG_001/2/{kind}" for kind in ALERTS),
    }
    assert len({each["name"] for each in entities.values()}) == len(entities)
    assert entities["0_power"]["name"] == "Power"
    assert entities["2_power"]["name"] == "Connector 2 power"


# Ids


@given(one=st.tuples(NAMES, NAMES), other=st.tuples(NAMES, NAMES))
def test_no_two_chargers_of_any_sites_have_one_id(one: tuple[str, str], other: tuple[str, str]) -> None:
    assert (object_id(*one) == object_id(*other)) == (one == other)
    assert re.fullmatch("[a-zA-Z0-9_-]+", object_id(*one))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("a", "b_5f"), ("a", "b__")),
        (("a_", "b"), ("a", "_b")),
        (("a__b", "c"), ("a", "b__c")),
        (("a", "%2E"), ("a", "_252E")),
        (("a", "A"), ("a", "a")),
    ],
)
def test_names_that_look_like_what_stands_for_others_keep_apart(
    one: tuple[str, str], other: tuple[str, str]
) -> None:
    assert object_id(*one) != object_id(*other)


@given(charger_ids=st.sets(NAMES, min_size=2, max_size=2))
def test_no_two_entities_have_one_id(charger_ids: set[str]) -> None:
    ids = [
        entity["uniq_id"]
        for charger_id in charger_ids
        for entity in device({0: PLATE, 1: PLATE, 11: PLATE}, charger_id)["cmps"].values()
    ]
    assert len(set(ids)) == len(ids)


# What the templates read


class Filter:
    """A filter of Jinja's: `value | filter`."""

    def __init__(self, apply: Callable[[Any], object]) -> None:
        self._apply = apply

    def __ror__(self, value: object) -> object:
        return self._apply(value)


def rendered(template: str, payload: bytes) -> str:
    """Return what a template makes of a payload, as Home Assistant would.

    The templates keep to what Jinja and Python read alike, but for `is defined`.
    """
    filters = {"tojson": Filter(json.dumps), "round": lambda digits: Filter(lambda x: round(x, digits))}
    told = json.loads(payload, object_hook=lambda pairs: SimpleNamespace(**pairs)) if payload else None
    expression = template.removeprefix("{{").removesuffix("}}").replace("is defined", "is not None")
    return str(eval(expression.strip(), filters, {"value_json": told}))


def shown(name: str, payload: bytes, what: str = "val_tpl") -> str:
    return rendered(device({1: PLATE})["cmps"][f"1_{name}"][what], payload)


def test_the_entities_show_what_the_state_says() -> None:
    site = Kerbside().connect().say("FAULTY", power=7.25, temperature=35.0).turn()
    (state,) = site.broker.under("state")
    risk = state.told["failure"]["failure_probability"]
    assert {name: shown(name, state.payload) for name in STATES} == {
        "status": "FAULTY",
        "power": "7.25",
        "temperature": "35.0",
        "failure_risk": str(round(100 * risk, 1)),
        "unusual_behaviour": "ON",
    }
    assert json.loads(shown("failure_risk", state.payload, "json_attr_tpl"))["calibrated"] is False
    assert json.loads(shown("unusual_behaviour", state.payload, "json_attr_tpl")) == {
        "anomaly_type": "STATUS_FAULT"
    }


def test_what_is_not_known_is_unknown_and_not_zero() -> None:
    (state,) = Kerbside().connect().say("AVAILABLE").broker.under("state")
    assert shown("power", state.payload) == shown("temperature", state.payload) == "None"
    assert shown("unusual_behaviour", state.payload) == "OFF"


@pytest.mark.parametrize("name", STATES)
def test_a_state_that_is_erased_leaves_nothing_known(name: str) -> None:
    assert shown(name, b"") == "None"


def test_an_alert_is_on_with_its_message_until_it_is_cleared_and_off_once_it_is_erased() -> None:
    site = Kerbside().connect().say("FAULTY")
    for _ in range(10):
        site.say("AVAILABLE").confirm_all()
    opened, cleared, erased = site.broker.under("alerts")
    assert erased.payload == b""
    assert [shown("alert_charger_faulted", each.payload) for each in (opened, cleared, erased)] == [
        "ON",
        "OFF",
        "OFF",
    ]
    attributes = [
        json.loads(shown("alert_charger_faulted", each.payload, "json_attr_tpl"))
        for each in (opened, cleared, erased)
    ]
    assert attributes[0]["message"] == opened.told["message"]
    assert attributes[1:] == [{}, {}]


@pytest.mark.parametrize(
    ("status", "availability"),
    [
        (b'{"status": "online", "backlog": 0}', "online"),
        (b'{"status": "degraded"}', "online"),
        (b'{"status":"offline"}', "offline"),
        (b"", "offline"),
    ],
)
def test_the_device_is_available_while_the_agent_is_there(status: bytes, availability: str) -> None:
    (told,) = device({0: PLATE})["avty"]
    assert told["t"] == f"{PREFIX}/gateway/status"
    assert rendered(told["val_tpl"], status) == availability


# When it is told


@pytest.fixture
def site() -> Kerbside:
    kerbside = Kerbside()
    kerbside.publisher._introductions = Introductions(HOUSE)
    return kerbside.connect()


def devices(site: Kerbside) -> list[Sent]:
    return [each for each in site.broker.sent if each.topic.startswith("homeassistant/")]


def test_a_charger_is_introduced_once_and_before_its_state(site: Kerbside) -> None:
    for power in (1.0, 2.0, 3.0):
        site.say("CHARGING", power=power)
    first, *rest = site.broker.sent
    assert (first.topic, first.retain) == (DEVICE, True)
    assert [each.topic for each in rest] == [f"{PREFIX}/state/CHG_001/1"] * 3


def test_another_evse_and_news_of_the_machine_are_told_and_nothing_is_taken_back(site: Kerbside) -> None:
    site.say(firmware="1.0").say(connector_id=2)
    site.say(firmware="1.1").say().say(firmware="1.1")
    told = [(each.told["dev"].get("sw"), len(each.told["cmps"])) for each in devices(site)]
    each_has = len(STATES) + len(ALERTS)
    assert told == [("1.0", each_has), ("1.0", 2 * each_has), ("1.1", 2 * each_has)]


def test_every_charger_is_introduced_anew_on_a_new_connection(site: Kerbside) -> None:
    site.say().say(charger_id="CHG_002").confirm_all()
    site.broker.sent.clear()
    site.turn(Connected(2, session_present=False))
    for _ in range(3):
        site.clock.pass_time(1.0)
        site.turn()
    assert {each.topic for each in devices(site)} == {DEVICE, DEVICE.replace("5f001", "5f002")}
    assert len(devices(site)) == 2


def test_an_introduction_that_the_broker_did_not_take_goes_out_later(site: Kerbside) -> None:
    site.broker.room = 0
    site.say()
    site.broker.room = None
    assert [each.topic for each in site.until_due().broker.sent] == [DEVICE, f"{PREFIX}/state/CHG_001/1"]


def test_nobody_is_told_unless_the_configuration_says_so() -> None:
    said = {"site_id": "s", "gateway_id": "g", "chargers": {"A": {"label": "Garage"}, "B": {"rated_kw": 11}}}
    assert house(Config.model_validate(said)) is None
    assert devices(Kerbside().connect().say()) == []
    wanted = Config.model_validate({**said, "home_assistant": {"enabled": True, "prefix": "ha"}})
    assert house(wanted) == House("ha", "evzone/v1/s", "s", "g", {"A": "Garage"})
