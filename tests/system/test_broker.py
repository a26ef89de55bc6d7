"""The broker goes and comes: nothing is lost by it, and nobody is blamed for it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.rig.agent import Agent
from tests.rig.broker import AGENT, PREFIX, Mosquitto
from tests.rig.clients import Heard, Publisher, Subscriber
from tests.rig.proxy import Proxy
from tests.rig.rhythm import again_and_again, asked_all_along
from tests.rig.site import HEALTHY, timed
from tests.rig.waiting import outlast
from tests.system.conftest import CHARGERS, NewAgent, NewSubscriber

IMPATIENT = {"offline": {"after_s": 2.0, "usual_gaps": 2.0}}
TWO_TICKS_S = 11.0
"""Silence is looked for every 5 s."""
STEADY, SILENT, HOT, COOL, OTHER = CHARGERS[:5]
COOL_READING = {**HEALTHY, "connector_id": 1}
HOT_READING = {**COOL_READING, "temperature": 55.0}
"""Without a time: right after a reconnect they are kept, but say nothing of the present."""


def topic_of(charger_id: str, alert_type: str) -> str:
    return f"{PREFIX}/alerts/{charger_id}/1/{alert_type}"


def raise_alert(publisher: Publisher, subscriber: Subscriber, charger_id: str) -> dict[str, Any]:
    """Let a charger be too hot, and return the alert."""
    since = subscriber.heard.mark()
    publisher.publish(charger_id, timed(HOT_READING))
    return subscriber.wait_for_alert(charger_id, "OVER_TEMPERATURE", "OPEN", since)


def clear_alert(publisher: Publisher, subscriber: Subscriber, charger_id: str) -> dict[str, Any]:
    """Let it cool down, and return the alert's end."""
    since = subscriber.heard.mark()
    for _ in range(3):
        publisher.publish(charger_id, timed(COOL_READING))
    return subscriber.wait_for_alert(charger_id, "OVER_TEMPERATURE", "CLEARED", since)


# Before and without the broker


def test_an_agent_that_is_started_before_its_broker_answers_and_finds_it_once_it_comes(
    new_agent: NewAgent, stopped_broker: Mosquitto, publisher: Publisher, subscriber: Subscriber
) -> None:
    agent = new_agent(IMPATIENT).start()
    with asked_all_along(agent):
        health = agent.health()
        assert health["status"] == "degraded"
        assert health["checks"]["broker"]["status"] == "degraded"

        stopped_broker.start()
        agent.wait_for_log("broker reached")
        stopped_broker.wait_for_agent()
        subscriber.ready()
        assert raise_alert(publisher, subscriber, HOT)["charger_id"] == HOT
        assert agent.health()["checks"]["broker"]["status"] == "healthy"


def test_no_charger_is_called_offline_while_a_restarted_agent_has_no_broker_yet(
    new_agent: NewAgent, broker: Mosquitto, publisher: Publisher, new_subscriber: NewSubscriber
) -> None:
    agent, states = new_agent(IMPATIENT).start(), new_subscriber("state/#").ready()
    broker.wait_for_agent()
    for _ in range(10):
        publisher.publish(STEADY, COOL_READING)
    states.wait_for("the charger's state", lambda heard: heard.topic.endswith(f"/{STEADY}/1"))
    assert agent.terminate() == 0
    broker.stop()

    agent.start()
    outlast(TWO_TICKS_S)
    with agent.client() as client:
        (charger,) = client.get("/api/v1/chargers").json()["items"]
    assert charger["status"] == "AVAILABLE"
    assert charger["open_alerts"] == []


def test_an_outage_of_the_broker_turns_no_charger_offline_but_silence_after_it_does(
    new_agent: NewAgent, broker: Mosquitto, publisher: Publisher, subscriber: Subscriber
) -> None:
    agent = new_agent(IMPATIENT).start()
    broker.wait_for_agent()
    subscriber.ready()
    for _ in range(10):
        publisher.publish(SILENT, COOL_READING)
    with (
        asked_all_along(agent),
        again_and_again(0.1, lambda: publisher.publish(STEADY, COOL_READING)),
    ):
        raise_alert(publisher, subscriber, HOT)
        since, subscribed = agent.log.mark(), broker.log.mark()
        broker.stop()
        agent.wait_for_log("broker lost; trying again", since)
        assert agent.health()["status"] == "degraded"
        outlast(TWO_TICKS_S)
        broker.start()
        broker.wait_for_agent(subscribed)
        reached = agent.wait_for_log("broker reached", since)
        assert reached["session_present"] is True

        offline = subscriber.wait_for_alert(SILENT, "CHARGER_OFFLINE", "OPEN")
    assert offline["raised_at"] > reached["at"].replace("+0000", "Z")
    blamed = {heard.topic.split("/")[-3] for heard in subscriber.alerts() if "CHARGER_OFFLINE" in heard.topic}
    assert blamed <= {SILENT, HOT}


def test_every_reading_from_around_an_outage_is_kept_once(
    agent: Agent, broker: Mosquitto, publisher: Publisher, subscriber: Subscriber
) -> None:
    subscriber.ready()
    for _ in range(3):
        for _ in range(100):
            publisher.publish(STEADY, COOL_READING)
        publisher.acknowledged()  # or the charger itself would send some of them twice
        since = broker.log.mark()
        broker.stop()
        for _ in range(100):
            publisher.publish(STEADY, COOL_READING)
        broker.start()
        broker.wait_for_agent(since)
    sent = len(publisher.acknowledged())
    raise_alert(publisher, subscriber, HOT)
    assert agent.terminate() == 0
    ((kept,),) = agent.rows(f"SELECT count(*) FROM readings WHERE charger_id = '{STEADY}'")
    assert kept == sent


def test_on_a_busy_site_untimed_readings_raise_alerts_again_after_a_reconnect(
    agent: Agent, broker: Mosquitto, publisher: Publisher, subscriber: Subscriber
) -> None:
    """The burst after a reconnect ends, although the site is never silent for a moment."""
    subscriber.ready()
    since, log = broker.log.mark(), agent.log.mark()
    with again_and_again(0.004, lambda: publisher.publish(STEADY, COOL_READING)):
        broker.stop()
        agent.wait_for_log("broker lost; trying again", log)
        broker.start()
        broker.wait_for_agent(since)
        with again_and_again(0.5, lambda: publisher.publish(HOT, HOT_READING)):
            subscriber.wait_for_alert(HOT, "OVER_TEMPERATURE", "OPEN")


def test_an_alert_of_a_quiet_site_does_not_wait_for_the_next_message(
    agent: Agent, publisher: Publisher, subscriber: Subscriber
) -> None:
    subscriber.ready()
    took = []
    for charger_id in CHARGERS[:5]:
        publisher.publish(charger_id, COOL_READING)
        outlast(1.2)  # the network thread looks by itself each second
        began = time.monotonic()
        raise_alert(publisher, subscriber, charger_id)
        took.append(time.monotonic() - began)
    assert sorted(took)[2] < 0.3, took
    assert agent.running


# What the broker holds


def test_a_late_subscriber_gets_every_open_alert_and_none_that_was_cleared(
    agent: Agent, publisher: Publisher, subscriber: Subscriber, new_subscriber: NewSubscriber
) -> None:
    subscriber.ready()
    raise_alert(publisher, subscriber, HOT)
    raise_alert(publisher, subscriber, COOL)
    cleared = clear_alert(publisher, subscriber, COOL)
    assert cleared["cleared_at"]
    subscriber.wait_for("the erasure", lambda heard: not heard.payload)

    late = new_subscriber().ready()
    raise_alert(publisher, late, OTHER)  # what was retained came before it
    retained = [heard for heard in late.alerts() if heard.retained]
    assert [heard.topic for heard in retained] == [topic_of(HOT, "OVER_TEMPERATURE")]
    assert retained[0].json()["state"] == "OPEN"
    assert all(heard.topic.split("/")[-3] != COOL for heard in late.heard.entries())
    assert agent.running


def test_a_cleared_alert_is_told_unretained_and_then_erased(
    agent: Agent, publisher: Publisher, subscriber: Subscriber
) -> None:
    subscriber.ready()
    raised = raise_alert(publisher, subscriber, COOL)
    clear_alert(publisher, subscriber, COOL)
    subscriber.wait_for("the erasure", lambda heard: not heard.payload)
    told = [
        heard for heard in subscriber.heard.entries() if heard.topic == topic_of(COOL, "OVER_TEMPERATURE")
    ]
    assert [heard.payload and heard.json()["state"] for heard in told] == ["OPEN", "CLEARED", b""]
    assert {heard.json()["alert_id"] for heard in told[:-1]} == {raised["alert_id"]}
    assert agent.running


def test_a_retained_alert_that_the_agent_does_not_know_is_erased(
    broker: Mosquitto, new_agent: NewAgent, subscriber: Subscriber
) -> None:
    agents_own = Subscriber(broker.port, AGENT).ready()
    stale = json.dumps({"alert_id": "old", "state": "OPEN"}).encode()
    agents_own.publish(f"alerts/{COOL}/1/OVER_TEMPERATURE", stale, retain=True)
    agents_own.close()
    subscriber.ready()
    new_agent().start()
    erased = subscriber.wait_for("the erasure", lambda heard: not heard.payload)
    assert erased.topic == topic_of(COOL, "OVER_TEMPERATURE")


def test_an_alert_that_stands_is_published_again_by_a_restarted_agent_and_not_erased(
    agent: Agent, broker: Mosquitto, publisher: Publisher, subscriber: Subscriber
) -> None:
    subscriber.ready()
    raised = raise_alert(publisher, subscriber, HOT)
    agent.kill9()
    since, subscribed = subscriber.heard.mark(), broker.log.mark()
    agent.start()
    broker.wait_for_agent(subscribed)
    again = subscriber.wait_for_alert(HOT, "OVER_TEMPERATURE", "OPEN", since)
    assert again["alert_id"] == raised["alert_id"]
    clear_alert(publisher, subscriber, HOT)
    told = [
        heard for heard in subscriber.heard.entries(since) if heard.topic == topic_of(HOT, "OVER_TEMPERATURE")
    ]
    before_its_end = [heard for heard in told if heard.payload and heard.json()["state"] != "CLEARED"]
    assert told[: len(before_its_end)] == before_its_end


# The gateway's own status


@pytest.fixture
def screen(new_subscriber: NewSubscriber) -> Subscriber:
    """A screen that shows how the gateway is."""
    return new_subscriber("gateway/status")


def says(status: str) -> Callable[[Heard], bool]:
    return lambda heard: bool(heard.json()["status"] == status)


def test_a_killed_agent_is_called_offline_by_its_last_will_and_online_when_it_is_back(
    agent: Agent, screen: Subscriber
) -> None:
    screen.ready().wait_for("online", says("online"))
    since = screen.heard.mark()
    agent.kill9()
    screen.wait_for("the last will", says("offline"), since)
    since = screen.heard.mark()
    agent.start()
    screen.wait_for("online", says("online"), since)


def test_an_agent_that_is_stopped_in_order_is_called_offline_too(
    agent: Agent, screen: Subscriber, new_subscriber: NewSubscriber
) -> None:
    screen.ready().wait_for("online", says("online"))
    assert agent.terminate() == 0
    late = new_subscriber("gateway/status").ready()
    status = late.wait_for("the retained status", lambda heard: heard.retained)
    assert status.json()["status"] == "offline"


# Acknowledgements


def test_an_acknowledgement_by_mqtt_turns_the_alert_acknowledged(
    agent: Agent, publisher: Publisher, subscriber: Subscriber
) -> None:
    raised = raise_alert(publisher, subscriber.ready(), HOT)
    told = json.dumps({"alert_id": raised["alert_id"], "by": "AB", "note": "on my way"}).encode()
    subscriber.publish(f"alerts/{HOT}/1/OVER_TEMPERATURE/ack", told)
    acknowledged = subscriber.wait_for_alert(HOT, "OVER_TEMPERATURE", "ACKNOWLEDGED")
    assert acknowledged["alert_id"] == raised["alert_id"]
    assert (acknowledged["acknowledged_by"], acknowledged["note"]) == ("AB", "on my way")
    assert agent.running


def test_acknowledgements_that_are_retained_foreign_or_unreadable_change_nothing(
    agent: Agent, broker: Mosquitto, publisher: Publisher, subscriber: Subscriber
) -> None:
    raised = raise_alert(publisher, subscriber.ready(), HOT)
    place = f"alerts/{HOT}/1/OVER_TEMPERATURE/ack"
    subscriber.publish(place, json.dumps({"alert_id": "another", "by": "AB"}).encode())
    subscriber.publish(place, b"seen it")
    assert agent.terminate() == 0
    broker.forget()  # with the session it would bring what came meanwhile as something new
    subscribed = broker.log.mark()
    subscriber.publish(place, json.dumps({"alert_id": raised["alert_id"], "by": "AB"}).encode(), retain=True)
    agent.start()
    broker.wait_for_agent(subscribed)
    raise_alert(publisher, subscriber, OTHER)
    with agent.client() as client:
        standing = client.get("/api/v1/alerts").json()["items"]
    assert {alert["state"] for alert in standing} == {"OPEN"}
    assert agent.terminate() == 0
    assert agent.rows("SELECT count(*) FROM quarantine") == [(2,)]  # the foreign one, the unreadable one


# Kept, but not yet published


@pytest.fixture
def proxy(broker: Mosquitto) -> Iterator[Proxy]:
    """A wire to the broker that can be cut."""
    wire = Proxy(broker.port)
    yield wire
    wire.close()


def news_of_the_end(lost: list[bytes]) -> bytes | None:
    said = b"".join(lost)
    return said if b'"CLEARED"' in said else None


def test_an_alert_that_was_kept_but_not_published_before_a_crash_is_published_after_it(
    new_agent: NewAgent, broker: Mosquitto, proxy: Proxy, publisher: Publisher, subscriber: Subscriber
) -> None:
    """And the readings behind it, whose acknowledgement was lost as well, are not kept twice."""
    agent = new_agent({"mqtt": {"port": proxy.port}}).start()
    broker.wait_for_agent()
    raised = raise_alert(publisher, subscriber.ready(), HOT)

    proxy.mute = True
    for _ in range(3):
        publisher.publish(HOT, timed(COOL_READING))
    proxy.lost.wait_until("the news of the end", news_of_the_end)
    agent.kill9()
    proxy.mute = False
    since, subscribed = subscriber.heard.mark(), broker.log.mark()
    agent.start()
    broker.wait_for_agent(subscribed)

    cleared = subscriber.wait_for_alert(HOT, "OVER_TEMPERATURE", "CLEARED", since)
    assert cleared["alert_id"] == raised["alert_id"]
    subscriber.wait_for("the erasure", lambda heard: not heard.payload, since)
    raise_alert(publisher, subscriber, OTHER)
    assert agent.terminate() == 0
    assert agent.rows("SELECT charger_id, count(*) FROM readings GROUP BY 1 ORDER BY 1") == [
        (HOT, 4),
        (OTHER, 1),
    ]


def test_what_is_acknowledged_on_the_lan_while_the_broker_is_away_is_published_when_it_is_back(
    agent: Agent, broker: Mosquitto, publisher: Publisher, subscriber: Subscriber
) -> None:
    raised = raise_alert(publisher, subscriber.ready(), HOT)
    since, log = broker.log.mark(), agent.log.mark()
    broker.stop()
    agent.wait_for_log("broker lost; trying again", log)
    with agent.client("technician") as client:
        answer = client.post(f"/api/v1/alerts/{raised['alert_id']}/ack", json={"by": "AB"})
    assert answer.json()["state"] == "ACKNOWLEDGED"
    agent.kill9()
    agent.start()
    broker.start()
    broker.wait_for_agent(since)
    told = subscriber.wait_for_alert(HOT, "OVER_TEMPERATURE", "ACKNOWLEDGED")
    assert told["acknowledged_by"] == "AB"
