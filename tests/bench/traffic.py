"""Simulated chargers at a broker: `python -m tests.bench.traffic`, a child process of each measurement.

Every charger has an account and a connection of its own, as the shipped ACL wants it. Packets are written
by hand: paho as the publisher would take the core that the subscriber is to have.

It prints "ready" once connected. Without --rate it then reads numbers from its standard input, publishes so
many messages as fast as the broker takes them, and prints a line when the broker has acknowledged all. With
--rate it publishes in the chargers' own rhythm until it is terminated, and then prints what it did.
"""

from __future__ import annotations

import argparse
import json
import selectors
import signal
import socket
import struct
import sys
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import islice
from random import Random
from typing import TYPE_CHECKING

from edge_agent.simulator.fleet import Fleet, SitePlan
from edge_agent.simulator.parameters import Parameters, SensingParameters
from edge_agent.simulator.usage import SITE_KINDS
from edge_agent.supervisor import Supervisor
from tests.rig.broker import PASSWORD, PREFIX
from tests.rig.waiting import HOST

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from edge_agent.simulator.voices import Message

SEED = 20
REPORT_EVERY_S = 10.0
"""Between two reports of a connector, in its own time; a change is reported at once besides."""
FAULTY_MESSAGES = 3
"""In a row, for each fault that is put in: the first raises an alert, the second good one after clears it."""
ACK_BYTES = 4
MARK_CONNECTOR = 9
SENSING = SensingParameters(
    interval_s=REPORT_EVERY_S,
    charging_interval_s=REPORT_EVERY_S,
    two_connector_share=0,
    late_share=0,
    twice_share=0,
    skew_s=0,
)
"""Every charger has one connector and a true clock, and each of its messages arrives once and at once."""


def charger_ids(chargers: int) -> list[str]:
    """Return the accounts that the chargers use."""
    return [f"CHG_{number:03d}" for number in range(1, chargers + 1)]


def messages(chargers: int, start: datetime, speed: float, faults: float) -> Iterator[Message]:
    """Yield what chargers of one connector each say, endlessly, no two alike.

    start: the simulated time of the first. speed: of simulated time against the clock; stamps run with the
    clock. faults: how many are put in for each message, beside the few that the simulator makes.
    """
    plan = SitePlan(
        chargers=chargers,
        start=start,
        kind=SITE_KINDS["rapid"],
        time_scale=speed,
        parameters=Parameters(sensing=SENSING),
    )
    chance, faulty = Random(SEED), Counter[str]()
    for message in Fleet(plan, SEED).messages():
        if not faulty[message.charger_id] and chance.random() < faults:
            faulty[message.charger_id] = FAULTY_MESSAGES
        if faulty[message.charger_id]:
            faulty[message.charger_id] -= 1
            told = json.loads(message.payload) | {
                "connector_status": "FAULTY",
                "error_codes": ["GroundFailure"],
            }
            yield type(message)(message.charger_id, message.kind, _packed(told), message.at)
        else:
            yield message


def mark(number: int) -> bytes:
    """Return a reading of a changed status: it has everything before it committed at once."""
    status = ("AVAILABLE", "OCCUPIED")[number % 2]
    stamp = datetime.now(UTC).isoformat()
    return _packed({"connector_id": MARK_CONNECTOR, "connector_status": status, "timestamp": stamp})


def _packed(told: dict[str, object]) -> bytes:
    return json.dumps(told, separators=(",", ":")).encode()


class Connection:
    """One charger's MQTT 3.1.1 connection that only publishes, at QoS 1. Not for two threads."""

    def __init__(self, port: int, charger_id: str) -> None:
        self.acknowledged = 0
        self._topic = f"{PREFIX}/chargers/{charger_id}/metrics".encode()
        self._packet_id = 0
        self._partial = 0
        self._socket = socket.create_connection((HOST, port), timeout=10)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        credentials = b"".join(_text(part.encode()) for part in (charger_id, charger_id, PASSWORD))
        # Clean session, user name and password, no keepalive.
        self._socket.sendall(_packet(0x10, _text(b"MQTT") + b"\x04\xc2\x00\x00" + credentials))
        if self._socket.recv(4) != b"\x20\x02\x00\x00":
            raise ConnectionError(f"the broker refuses {charger_id}")
        self._socket.setblocking(False)

    def fileno(self) -> int:
        return self._socket.fileno()

    def packet(self, payload: bytes) -> bytes:
        """Return a PUBLISH packet with a fresh packet id."""
        self._packet_id = self._packet_id % 65_535 + 1
        return _packet(0x32, _text(self._topic) + self._packet_id.to_bytes(2, "big") + payload)

    def write(self, packets: memoryview) -> int:
        """Send what goes at once; return how many bytes that was."""
        try:
            return self._socket.send(packets)
        except BlockingIOError:
            return 0

    def read(self) -> None:
        """Take the acknowledgements that are there. Raises ConnectionError."""
        try:
            received = self._socket.recv(65_536)
        except BlockingIOError:
            return
        if not received:
            raise ConnectionError("the broker has hung up")
        whole, self._partial = divmod(self._partial + len(received), ACK_BYTES)
        self.acknowledged += whole


def _text(content: bytes) -> bytes:
    return struct.pack(">H", len(content)) + content


def _packet(first: int, rest: bytes) -> bytes:
    length, left = bytearray(), len(rest)
    while True:
        left, digit = divmod(left, 128)
        length.append(digit | 0x80 if left else digit)
        if not left:
            return bytes([first]) + bytes(length) + rest


def send_all(connections: dict[str, Connection], packets: Iterable[tuple[str, bytes]]) -> None:
    """Send packets as fast as the broker takes them; return when all are acknowledged."""
    streams: dict[str, bytearray] = {}
    wanted = Counter[str]()
    for charger_id, packet in packets:
        streams.setdefault(charger_id, bytearray()).extend(packet)
        wanted[charger_id] += 1
    with selectors.DefaultSelector() as selector:
        for charger_id, stream in streams.items():
            connection = connections[charger_id]
            connection.acknowledged = 0
            selector.register(connection, selectors.EVENT_READ | selectors.EVENT_WRITE, memoryview(stream))
        ids = {connections[charger_id].fileno(): charger_id for charger_id in streams}
        while selector.get_map():
            for key, events in selector.select():
                connection = connections[ids[key.fd]]
                if events & selectors.EVENT_READ:
                    connection.read()
                    if connection.acknowledged == wanted[ids[key.fd]]:
                        selector.unregister(connection)
                        continue
                if events & selectors.EVENT_WRITE:
                    rest = key.data[connection.write(key.data) :]
                    interest = selectors.EVENT_READ | (selectors.EVENT_WRITE if rest else 0)
                    selector.modify(connection, interest, rest)


def send_on_demand(connections: dict[str, Connection], ready: list[Message]) -> None:
    """Send as many as each line of the standard input says, and one that has all of them committed."""
    packets = iter([(each.charger_id, connections[each.charger_id].packet(each.payload)) for each in ready])
    marker = next(iter(connections))
    print("ready", flush=True)
    for number, line in enumerate(sys.stdin):
        send_all(connections, islice(packets, int(line)))
        send_all(connections, [(marker, connections[marker].packet(mark(number)))])
        print("sent", flush=True)


def send_in_rhythm(connections: dict[str, Connection], stream: Iterator[Message], speed: float) -> None:
    """Send each message at its time until SIGTERM."""
    sending = Supervisor([])
    signal.signal(signal.SIGTERM, lambda *_: sending.end())
    first = next(stream)
    print("ready", flush=True)
    began, sent, latest_s = time.monotonic(), 0, 0.0
    for message in stream:
        due = began + (message.at - first.at).total_seconds() / speed
        if sending.wait(max(due - time.monotonic(), 0.0)):
            break
        latest_s = max(latest_s, time.monotonic() - due)
        connection = connections[message.charger_id]
        packet = connection.packet(message.payload)
        if connection.write(memoryview(packet)) != len(packet):
            raise ConnectionError("the broker does not keep up")
        connection.read()
        sent += 1
    rate = sent / (time.monotonic() - began)
    print(json.dumps({"sent": sent, "per_second": rate, "latest_s": latest_s}), flush=True)


def main() -> None:
    """See above."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.traffic", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--chargers", type=int, required=True)
    parser.add_argument("--count", type=int, default=0, help="how many to make ready, without --rate")
    parser.add_argument("--rate", type=float, default=0.0, help="messages a second")
    parser.add_argument("--faults", type=float, default=0.0, help="for each message")
    asked = parser.parse_args()
    connections = {name: Connection(asked.port, name) for name in charger_ids(asked.chargers)}
    now, natural = datetime.now(UTC), asked.chargers / REPORT_EVERY_S
    if asked.rate:
        speed = asked.rate / natural
        send_in_rhythm(connections, messages(asked.chargers, now, speed, asked.faults), speed)
    else:
        start = now - timedelta(seconds=1.2 * asked.count / natural)
        stream = messages(asked.chargers, start, 1.0, asked.faults)
        send_on_demand(connections, list(islice(stream, asked.count)))


if __name__ == "__main__":
    main()
