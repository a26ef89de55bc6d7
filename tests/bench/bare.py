"""The least that receives and acknowledges over QoS 1: bare paho, in three variants. A child process.

    loop_start     paho's thread, which acknowledges by itself after each callback
    manual_ack     the same, acknowledged in the callback
    batched_acks   a thread of its own on loop_forever, acknowledged 256 at a time

    python -m tests.bench.bare VARIANT PORT FIRST REST

prints "ready" once subscribed, a line after the FIRST messages, and after the REST the time on the monotonic
clock at which the last one was acknowledged.
"""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Callable
from threading import Event, Thread
from typing import TYPE_CHECKING

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from tests.rig.broker import AGENT, PASSWORD, PREFIX
from tests.rig.waiting import HOST

if TYPE_CHECKING:
    from paho.mqtt.client import SocketLike

ACK_AT_ONCE = 256

OnMessage = Callable[[Client, object, MQTTMessage], None]


class Counting:
    """Counts what comes, and tells when the first and when all are there."""

    def __init__(self, first: int, rest: int) -> None:
        self._first, self._all, self._came = first, first + rest, 0
        self.first_came, self.all_came = Event(), Event()
        self.ended_at = 0.0

    def one_more(self) -> bool:
        """Count one message; return whether it is the last of the first or of all."""
        self._came += 1
        return self._came in {self._first, self._all}

    def told(self) -> None:
        """Say that what was counted is acknowledged too."""
        if self._came == self._first:
            self.first_came.set()
        elif self._came == self._all:
            self.ended_at = time.monotonic()
            self.all_came.set()


def loop_start(counting: Counting) -> OnMessage:
    def on_message(_client: Client, _data: object, _message: MQTTMessage) -> None:
        if counting.one_more():
            counting.told()

    return on_message


def manual_ack(counting: Counting) -> OnMessage:
    def on_message(client: Client, _data: object, message: MQTTMessage) -> None:
        client.ack(message.mid, message.qos)
        if counting.one_more():
            counting.told()

    return on_message


def batched_acks(counting: Counting) -> OnMessage:
    owed: list[int] = []

    def on_message(client: Client, _data: object, message: MQTTMessage) -> None:
        owed.append(message.mid)
        pause = counting.one_more()
        if pause or len(owed) >= ACK_AT_ONCE:
            for packet_id in owed:
                client.ack(packet_id, 1)
            owed.clear()
        if pause:
            counting.told()

    return on_message


VARIANTS = {each.__name__: each for each in (loop_start, manual_ack, batched_acks)}


def subscriber(variant: str, on_message: OnMessage, subscribed: Event) -> Client:
    """Return a client with a persistent session under the agent's account, not connected yet."""
    client = Client(
        CallbackAPIVersion.VERSION2,
        client_id="bench-bare",
        clean_session=False,
        manual_ack=variant != "loop_start",
    )
    client.username_pw_set(AGENT, PASSWORD)
    client.on_socket_open = send_at_once
    client.on_connect = _subscribe
    client.on_subscribe = lambda *_: subscribed.set()
    client.on_message = on_message
    return client


def _subscribe(client: Client, *_: object) -> None:
    client.subscribe(f"{PREFIX}/chargers/+/metrics", 1)


def send_at_once(_client: Client, _data: object, connection: SocketLike) -> None:
    """Switch Nagle's algorithm off."""
    if isinstance(connection, socket.socket):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def main() -> None:
    """See above."""
    variant, port, first, rest = sys.argv[1], *map(int, sys.argv[2:5])
    counting, subscribed = Counting(first, rest), Event()
    client = subscriber(variant, VARIANTS[variant](counting), subscribed)
    client.connect(HOST, port, keepalive=60)
    if variant == "batched_acks":
        Thread(target=client.loop_forever, daemon=True).start()
    else:
        client.loop_start()
    subscribed.wait()
    print("ready", flush=True)
    counting.first_came.wait()
    print("first", flush=True)
    counting.all_came.wait()
    print(counting.ended_at, flush=True)
    client.disconnect()


if __name__ == "__main__":
    main()
