"""Those who meet the agent at the broker: chargers that publish, and a screen that listens."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Condition, Event
from typing import Any

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from tests.rig.broker import PASSWORD, PREFIX, VIEWER
from tests.rig.waiting import DEADLINE_S, HOST, Journal

IN_FLIGHT = 100


def new_client(port: int, username: str, client_id: str) -> Client:
    """Return a client that will connect once its loop is started, and keeps trying."""
    client = Client(CallbackAPIVersion.VERSION2, client_id=client_id)
    client.username_pw_set(username, PASSWORD)
    client.max_inflight_messages_set(IN_FLIGHT)
    client.reconnect_delay_set(1, 1)
    client.on_socket_open = _send_at_once
    client.connect_async(HOST, port)
    return client


def _send_at_once(_client: Client, _data: object, connection: Any) -> None:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


@dataclass(frozen=True)
class Sent:
    """One message in the publisher's own record."""

    at: datetime
    topic: str
    payload: bytes


class Publisher:
    """The site's chargers, each with its own account and connection, QoS 1.

    The record holds what the broker has taken responsibility for, in the order of sending.
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self._clients: dict[str, Client] = {}
        self._record: list[Sent] = []
        self._awaited: set[tuple[str, int]] = set()
        self._early: set[tuple[str, int]] = set()
        self._changed = Condition()

    def publish(self, charger_id: str, payload: bytes | dict[str, Any], kind: str = "metrics") -> None:
        """Send one message; it is sent again where the connection breaks before the broker has it."""
        body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        topic = f"{PREFIX}/chargers/{charger_id}/{kind}"
        client = self._clients.get(charger_id) or self._connect(charger_id)
        sent = client.publish(topic, body, qos=1)
        with self._changed:
            self._record.append(Sent(datetime.now(UTC), topic, body))
            if (charger_id, sent.mid) in self._early:
                self._early.remove((charger_id, sent.mid))
            else:
                self._awaited.add((charger_id, sent.mid))
            self._changed.notify_all()

    def acknowledged(self) -> list[Sent]:
        """Return the whole record, once the broker has acknowledged all of it."""
        with self._changed:
            if not self._changed.wait_for(lambda: not self._awaited, DEADLINE_S):
                raise AssertionError(f"{len(self._awaited)} messages are not acknowledged by the broker")
            return list(self._record)

    def wait_until_sent(self, count: int) -> None:
        """Return once so many messages were sent."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self._record) >= count, 2 * DEADLINE_S):
                raise AssertionError(f"only {len(self._record)} of {count} messages were sent")

    def close(self) -> None:
        for client in self._clients.values():
            client.disconnect()
            client.loop_stop()

    def _connect(self, charger_id: str) -> Client:
        client = new_client(self._port, charger_id, charger_id)

        def on_publish(_client: Client, _data: object, mid: int, *_: object) -> None:
            with self._changed:
                if (charger_id, mid) in self._awaited:
                    self._awaited.remove((charger_id, mid))
                else:
                    self._early.add((charger_id, mid))
                self._changed.notify_all()

        connected = Event()
        client.on_publish = on_publish
        client.on_connect = lambda *_: connected.set()
        client.loop_start()
        # What is handed to paho while it connects may overtake what was handed to it before.
        assert connected.wait(DEADLINE_S), f"{charger_id} cannot connect"
        self._clients[charger_id] = client
        return client


@dataclass(frozen=True)
class Heard:
    """One message that a subscriber got."""

    topic: str
    payload: bytes
    retained: bool

    def json(self) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(self.payload)
        return told

    def about(self, charger_id: str, alert_type: str, state: str) -> bool:
        """Return whether it is the alert of such a kind of such a charger, in such a state."""
        place = f"{PREFIX}/alerts/{charger_id}/"
        if not (self.topic.startswith(place) and self.topic.endswith(f"/{alert_type}") and self.payload):
            return False
        return bool(self.json()["state"] == state)


class Subscriber:
    """A screen: reads what the ACL lets a viewer read, and remembers it in order."""

    def __init__(self, port: int, name: str = VIEWER, topics: tuple[str, ...] = ("alerts/#",)) -> None:
        self.heard: Journal[Heard] = Journal(f"subscriber to {', '.join(topics)}")
        self._topics = [(f"{PREFIX}/{topic}", 1) for topic in topics]
        self._published: Journal[int] = Journal("what was published")
        self._ready = Event()
        self._client = new_client(port, name, "")  # the broker gives it a client id
        self._client.on_connect = lambda client, *_: client.subscribe(self._topics)
        self._client.on_subscribe = lambda *_: self._ready.set()
        self._client.on_message = self._on_message
        self._client.on_publish = lambda _client, _data, mid, *_: self._published.add(mid)
        self._client.loop_start()

    def ready(self) -> Subscriber:
        """Return itself once the subscription stands."""
        assert self._ready.wait(DEADLINE_S), "the broker does not grant the subscription"
        return self

    def wait_for(self, what: str, is_it: Callable[[Heard], bool], after: int = 0) -> Heard:
        return self.heard.wait_for(what, is_it, after=after)

    def wait_for_alert(self, charger_id: str, alert_type: str, state: str, after: int = 0) -> dict[str, Any]:
        """Return the alert, once it is heard in that state."""
        what = f"{alert_type} of {charger_id} {state}"
        return self.wait_for(what, lambda heard: heard.about(charger_id, alert_type, state), after).json()

    def alerts(self) -> list[Heard]:
        """Return what was heard of alerts, without the empty messages that erase retained ones."""
        place = f"{PREFIX}/alerts/"
        return [heard for heard in self.heard.entries() if heard.topic.startswith(place) and heard.payload]

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Send something, and return once the broker has it: after a reconnect, where it is away just now."""
        mid = self._client.publish(f"{PREFIX}/{topic}", payload, qos=1, retain=retain).mid
        self._published.wait_for("the broker's acknowledgement", lambda published: published == mid)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _on_message(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        self.heard.add(Heard(message.topic, bytes(message.payload), message.retain))
