"""Sends a simulated stream to a real broker, in its own rhythm. The only I/O of the simulator."""

from __future__ import annotations

import socket
import time
from threading import Semaphore
from typing import TYPE_CHECKING, Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

if TYPE_CHECKING:
    from collections.abc import Iterable
    from threading import Event

    from edge_agent.simulator.voices import Message

IN_FLIGHT = 200
"""Messages that may await the broker's acknowledgement; more would only pile up here."""
LOOK_UP_S = 0.2
"""How long a wait may last before it looks whether to stop."""


def run(stream: Iterable[Message], *, host: str, port: int, prefix: str, speed: float, stop: Event) -> int:
    """Publish the stream with QoS 1 until it ends or `stop` is set; return how many were handed over.

    speed: simulated seconds in a second of the monotonic clock. While the broker is away the stream waits,
    and afterwards goes on where it stood: nothing is skipped, so a long absence leaves it behind.
    Raises OSError if the broker cannot be reached at first.
    """
    client, room = _client()
    client.connect(host, port)
    client.loop_start()
    try:
        return _publish(stream, client, room, (prefix, speed, stop))
    finally:
        client.disconnect()
        client.loop_stop()


def _publish(
    stream: Iterable[Message], client: mqtt.Client, room: Semaphore, how: tuple[str, float, Event]
) -> int:
    prefix, speed, stop = how
    began, first, sent = time.monotonic(), None, 0
    for message in stream:
        first = message.at if first is None else first
        due = began + (message.at - first).total_seconds() / speed
        if stop.wait(max(due - time.monotonic(), 0.0)) or not _found_room(room, stop):
            break
        client.publish(f"{prefix}/chargers/{message.charger_id}/{message.kind}", message.payload, qos=1)
        sent += 1
    for _ in range(IN_FLIGHT):  # all of the room back: all is acknowledged
        if not _found_room(room, stop):
            break
    return sent


def _found_room(room: Semaphore, stop: Event) -> bool:
    while not room.acquire(timeout=LOOK_UP_S):
        if stop.is_set():
            return False
    return True


def _client() -> tuple[mqtt.Client, Semaphore]:
    """Return a client and the room left in flight, which each acknowledgement gives back."""
    room = Semaphore(IN_FLIGHT)
    client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv311)
    client.max_inflight_messages_set(IN_FLIGHT)
    client.reconnect_delay_set(1, 10)

    def on_publish(*_: Any) -> None:  # noqa: ANN401 - paho's signature varies by version
        room.release()

    def on_socket_open(_client: mqtt.Client, _userdata: object, sock: Any) -> None:  # noqa: ANN401 - untyped in paho
        # Nagle's algorithm would hold back each small message until the previous is acknowledged.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    client.on_publish = on_publish
    client.on_socket_open = on_socket_open
    return client, room
