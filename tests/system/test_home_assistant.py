"""Home Assistant beside the real daemon and broker: whenever it comes, the site's chargers are there."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.rig.broker import VIEWER, Mosquitto
from tests.rig.clients import Heard, Publisher, new_client
from tests.rig.site import HEALTHY, timed
from tests.rig.waiting import Journal
from tests.system.conftest import CHARGERS, NewAgent

SCHEMA = json.loads((Path(__file__).parents[1] / "fixtures/home_assistant_device.schema.json").read_text())
SOME = CHARGERS[1:4]
RULES = f"""
user edge-agent
topic write homeassistant/device/+/config
user {VIEWER}
topic read homeassistant/#
"""
"""What docs/configuration.md has added to the access list."""


class HomeAssistant:
    """Listens as Home Assistant does: to its discovery topics, and to what they name."""

    def __init__(self, port: int) -> None:
        self.heard: Journal[Heard] = Journal("Home Assistant")
        self._client = new_client(port, VIEWER, "")
        self._client.on_connect = lambda client, *_: client.subscribe("homeassistant/+/+/config")
        self._client.on_message = lambda _client, _data, got: self.heard.add(
            Heard(got.topic, bytes(got.payload), got.retain)
        )
        self._client.loop_start()

    def device(self, charger_id: str, after: int = 0) -> dict[str, Any]:
        """Return a charger's device, once it is heard."""
        ends = f"__{charger_id.replace('_', '_5f')}/config"
        return self.heard.wait_for(
            f"{charger_id}'s device", lambda heard: heard.topic.endswith(ends), after=after
        ).json()

    def state(self, topic: str) -> dict[str, Any]:
        """Subscribe to a topic that a device names, and return what is said there."""
        self._client.subscribe(topic, 1)
        return self.heard.wait_for(topic, lambda heard: heard.topic == topic).json()

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


NewHomeAssistant = Callable[[], HomeAssistant]


@pytest.fixture
def site(stopped_broker: Mosquitto, new_agent: NewAgent, publisher: Publisher, tmp_path: Path) -> Mosquitto:
    """Return the broker of a site with some chargers, of which one is out of order."""
    with (tmp_path / "broker" / "edge-agent.acl").open("a") as rules:
        rules.write(RULES)
    stopped_broker.start()
    new_agent({"home_assistant": {"enabled": True}}).start()
    stopped_broker.wait_for_agent()
    for charger_id in SOME:
        publisher.publish(charger_id, timed({**HEALTHY, "connector_id": 1, "vendor": "ACME"}))
    publisher.publish(SOME[0], timed({**HEALTHY, "connector_id": 1, "connector_status": "FAULTY"}))
    publisher.acknowledged()
    return stopped_broker


@pytest.fixture
def new_home_assistant(site: Mosquitto) -> Iterator[NewHomeAssistant]:
    """Makes one that comes now."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(closing(HomeAssistant(site.port)))


def test_one_that_comes_late_gets_the_device_of_each_charger_and_what_it_names(
    new_home_assistant: NewHomeAssistant,
) -> None:
    early = new_home_assistant()
    for charger_id in SOME:
        early.device(charger_id)
    late = new_home_assistant()
    for charger_id in SOME:
        device = late.device(charger_id)
        jsonschema.Draft202012Validator(SCHEMA).validate(device)
        assert (device["dev"]["name"], device["dev"]["mf"]) == (charger_id, "ACME")
        state = late.state(device["cmps"]["1_status"]["stat_t"])
        assert (state["charger_id"], state["connector_id"]) == (charger_id, 1)
    assert all(heard.retained for heard in late.heard.entries() if heard.topic.startswith("homeassistant/"))
    faulted = late.device(SOME[0])
    assert late.state(faulted["avty"][0]["t"])["status"] == "online"
    assert late.state(faulted["cmps"]["1_alert_charger_faulted"]["stat_t"])["state"] == "OPEN"


def test_a_broker_that_has_forgotten_everything_is_told_again(
    site: Mosquitto, new_home_assistant: NewHomeAssistant
) -> None:
    early = new_home_assistant()
    for charger_id in SOME:
        early.device(charger_id)
    since = early.heard.mark()
    site.forget()
    for charger_id in SOME:
        assert early.device(charger_id, since)["dev"]["name"] == charger_id
