"""A charger leaves the site: the real daemon and broker know nothing of it any more, and keep its past."""

from __future__ import annotations

import pytest

from tests.rig.agent import Agent
from tests.rig.broker import PREFIX
from tests.rig.clients import Heard, Publisher, Subscriber
from tests.rig.site import HEALTHY, timed
from tests.system.conftest import CHARGERS, NewAgent, NewSubscriber

GONE, OTHER = CHARGERS[:2]
TOPICS = ("state/#", "alerts/#", "maintenance/#")
STATE = f"{PREFIX}/state/{GONE}/1"
READING = {**HEALTHY, "connector_id": 1}


@pytest.fixture
def screen(
    agent: Agent,  # noqa: ARG001 - it must be there to be seen
    publisher: Publisher,
    new_subscriber: NewSubscriber,
) -> Subscriber:
    """A screen that has seen the state of two chargers, and the alert of the one that will go."""
    subscriber = new_subscriber(*TOPICS).ready()
    publisher.publish(OTHER, timed(READING))
    publisher.publish(GONE, timed({**READING, "connector_status": "FAULTY"}))
    subscriber.wait_for_alert(GONE, "CHARGER_FAULTED", "OPEN")
    subscriber.wait_for("its state", lambda heard: heard.topic == STATE)
    return subscriber


def wait_until_erased(screen: Subscriber) -> None:
    screen.wait_for("its state's erasure", lambda heard: heard.topic == STATE and not heard.payload)


def retained(new_subscriber: NewSubscriber, publisher: Publisher) -> set[str]:
    """Return the topics on which one who comes late finds something; what is said live comes after that."""
    late = new_subscriber(*TOPICS).ready()
    publisher.publish(OTHER, timed({**READING, "power": 3.3}))

    def is_news(heard: Heard) -> bool:
        return heard.topic == f"{PREFIX}/state/{OTHER}/1" and heard.json()["reading"]["power"] == 3.3

    late.wait_for("the other's news", is_news)
    return {heard.topic for heard in late.heard.entries() if heard.payload}


def chargers(agent: Agent) -> set[str]:
    with agent.client() as client:
        return {each["charger_id"] for each in client.get("/api/v1/chargers").json()["items"]}


def test_one_that_was_retired_is_nowhere_but_in_the_past(
    agent: Agent, publisher: Publisher, screen: Subscriber, new_subscriber: NewSubscriber
) -> None:
    told = agent.command("charger", "retire", GONE, "--by", "AB", "--note", "sold").stdout
    assert f"{GONE} is retired" in told
    wait_until_erased(screen)
    assert not any(f"/{GONE}/" in topic for topic in retained(new_subscriber, publisher))
    assert chargers(agent) == {OTHER}
    assert agent.rows(f"SELECT count(*) FROM readings WHERE charger_id = '{GONE}'") == [(1,)]
    assert agent.rows(f"SELECT state FROM past_alerts WHERE charger_id = '{GONE}'") == [("CLEARED",)]
    assert agent.rows("SELECT charger_id, change, by, note FROM device_changes") == [
        (GONE, "RETIRED", "AB", "sold")
    ]
    with agent.client("admin") as admin:
        deeds = admin.get("/api/v1/diagnostics/audit").json()["items"]
    assert [(each["action"], each["subject"], each["by"]) for each in deeds] == [("retired", GONE, "AB")]
    assert "edge-agent charger" not in agent.command("keys", "list").stdout


def test_it_is_still_retired_after_a_kill_right_after_the_answer(
    agent: Agent, publisher: Publisher, screen: Subscriber, new_subscriber: NewSubscriber
) -> None:
    with agent.client("admin") as admin:
        admin.post(f"/api/v1/chargers/{GONE}/retire", json={"by": "AB"}).raise_for_status()
    agent.kill9()
    agent.start()
    wait_until_erased(screen)
    assert chargers(agent) == {OTHER}
    assert not any(f"/{GONE}/" in topic for topic in retained(new_subscriber, publisher))


def test_a_successor_is_shown_again_once_it_speaks(
    agent: Agent, publisher: Publisher, screen: Subscriber
) -> None:
    agent.command("charger", "replace", GONE)
    wait_until_erased(screen)
    since = screen.heard.mark()
    publisher.publish(GONE, timed(READING))
    screen.wait_for("its new state", lambda heard: heard.topic == STATE, since)
    with agent.client() as client:
        detail = client.get(f"/api/v1/chargers/{GONE}").json()
    assert [each["change"] for each in detail["changes"]] == ["REPLACED"]
    assert [each["state"] for each in detail["past_alerts"]] == ["CLEARED"]
    assert detail["connectors"][0]["open_alerts"] == []


def test_one_that_nobody_knows_is_a_clear_error(agent: Agent) -> None:
    refused = agent.command("charger", "retire", "NONE", code=1).stderr
    assert refused.startswith("edge-agent: Nothing is known of charger NONE.")


def test_without_the_daemon_the_command_says_so(new_agent: NewAgent) -> None:
    refused = new_agent().command("charger", "retire", GONE, code=1).stderr
    assert "is `edge-agent run` running?" in refused
