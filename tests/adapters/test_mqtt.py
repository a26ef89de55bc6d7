"""The site's broker, met for real: mosquitto on loopback, and sockets that misbehave as no broker does."""

from __future__ import annotations

import os
import signal
import socket
import struct
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from threading import Event, Thread

import pytest
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from edge_agent.adapters import mqtt
from edge_agent.adapters.mqtt import BrokerSettings, MqttBroker, try_connection
from edge_agent.errors import BrokerError
from edge_agent.ingest.inbox import Inbox, Item
from edge_agent.ports import Connected, Disconnected, Message, Published
from tests.rig.broker import tool
from tests.rig.waiting import HOST, Journal, free_port

WITHIN_S = 30.0
TOPIC = "site/chargers/C1/metrics"


class Mosquitto:
    """A broker without accounts that keeps sessions while it runs."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.log: Journal[str] = Journal("mosquitto")
        self._conf = folder / "mosquitto.conf"
        self._conf.write_text(
            f"listener {self.port} {HOST}\nallow_anonymous true\nlog_dest stderr\nlog_type all\n"
            "set_tcp_nodelay true\nmax_inflight_messages 1000\n"
            f"persistence true\npersistence_location {folder}/\n"
            + ("user root\n" if os.geteuid() == 0 else "")
        )
        self._process: subprocess.Popen[str] | None = None
        self._reader: Thread | None = None

    def start(self) -> Mosquitto:
        since = self.log.mark()
        command = [tool("mosquitto"), "-c", str(self._conf)]
        self._process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        self._reader = Thread(target=self._read, args=(self._process,))
        self._reader.start()
        self.log.wait_for("its start", lambda line: line.endswith(" running"), after=since, within_s=WITHIN_S)
        return self

    def stop(self) -> None:
        if self._process is not None and self._reader is not None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(WITHIN_S)
            self._reader.join()
            self._process = None

    def heard(self, what: str, after: int = 0) -> str:
        """Wait until its log holds a line with this in it."""
        return self.log.wait_for(what, lambda line: what in line, after=after, within_s=WITHIN_S)

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stderr is not None
        with process.stderr as lines:
            for line in lines:
                self.log.add(line.rstrip())


class Charger:
    """A client of its own that publishes and listens."""

    def __init__(self, port: int) -> None:
        self.got: Journal[MQTTMessage] = Journal("subscriber")
        subscribed = Event()
        self._client = Client(CallbackAPIVersion.VERSION2)
        self._client.on_socket_open = (
            mqtt._send_at_once
        )  # else each publication waits 40 ms for the one before
        self._client.on_message = lambda _c, _d, message: self.got.add(message)
        self._client.on_subscribe = lambda *_: subscribed.set()
        self._client.on_connect = lambda client, *_: client.subscribe("#", 1)
        self._client.connect(HOST, port)
        self._client.loop_start()
        assert subscribed.wait(WITHIN_S)

    def say(self, payload: bytes, qos: int = 1, topic: str = TOPIC, *, retain: bool = False) -> None:
        self._client.publish(topic, payload, qos, retain).wait_for_publish(WITHIN_S)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


class Agent:
    """The adapter on its thread, with the test in the pipeline's place."""

    def __init__(self, port: int, inbox: Inbox | None = None, **more: object) -> None:
        self.inbox = inbox or Inbox()
        settings = BrokerSettings(
            host=HOST, port=port, client_id="agent", subscriptions=("site/chargers/+/metrics",)
        )
        for name, value in more.items():
            object.__setattr__(settings, name, value)
        self.broker = MqttBroker(settings, self.inbox)
        self.thread = Thread(target=self.broker.run)
        self._taken: list[Item] = []

    def start(self) -> Agent:
        self.thread.start()
        return self

    def next(self, kind: type[Item]) -> Item:
        """Return the next item of a kind; what came before it stays for those who wait for that."""
        while True:
            for item in self._taken:
                if isinstance(item, kind):
                    self._taken.remove(item)
                    return item
            fresh = self.inbox.drain(256, WITHIN_S)
            assert fresh, f"waited in vain for {kind}"
            self._taken += fresh

    def connected(self) -> Connected:
        item = self.next(Connected)
        assert isinstance(item, Connected)
        return item

    def message(self) -> Message:
        item = self.next(Message)
        assert isinstance(item, Message)
        return item

    def acknowledge(self, message: Message) -> None:
        assert message.packet_id is not None
        self.broker.acknowledge(message.generation, [message.packet_id])

    def cut(self) -> None:
        """Break the connection under the adapter, as a router that restarts does."""
        own = self.broker._client.socket()
        assert isinstance(own, socket.socket)
        own.shutdown(socket.SHUT_RDWR)

    def stop(self) -> None:
        self.broker.stop()
        self.thread.join(WITHIN_S)
        assert not self.thread.is_alive()


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    running = Mosquitto(tmp_path).start()
    yield running
    running.stop()


NewAgent = Callable[..., Agent]


@pytest.fixture
def new_agent(broker: Mosquitto) -> Iterator[NewAgent]:
    with ExitStack() as stack:

        def make(inbox: Inbox | None = None, **more: object) -> Agent:
            agent = Agent(broker.port, inbox, **more)
            stack.callback(agent.stop)
            return agent.start()

        yield make


@pytest.fixture
def agent(new_agent: NewAgent, broker: Mosquitto) -> Agent:
    """Connected and subscribed."""
    running = new_agent()
    broker.heard("Sending SUBACK to agent")
    return running


@pytest.fixture
def charger(broker: Mosquitto) -> Iterator[Charger]:
    client = Charger(broker.port)
    yield client
    client.close()


def test_a_message_comes_with_generation_packet_id_topic_payload_and_time(
    agent: Agent, charger: Charger
) -> None:
    assert agent.connected() == Connected(1, session_present=False)
    charger.say(b"a")
    message = agent.message()
    assert message[:4] == (1, message.packet_id, TOPIC, b"a")
    assert message.packet_id is not None
    assert message.received_at.utcoffset() is not None
    assert not message.retained


def test_a_message_of_qos_0_has_no_packet_id(agent: Agent, charger: Charger) -> None:
    charger.say(b"a", qos=0)
    assert agent.message().packet_id is None


def test_a_retained_message_is_told_apart(new_agent: NewAgent, charger: Charger) -> None:
    charger.say(b"a", retain=True)
    assert new_agent().message().retained


def test_what_is_not_acknowledged_comes_again_on_the_next_connection_and_the_rest_does_not(
    agent: Agent, charger: Charger
) -> None:
    for payload in (b"a", b"b", b"c"):
        charger.say(payload)
    messages = [agent.message() for _ in range(3)]
    agent.acknowledge(messages[0])
    ping(agent)
    agent.cut()
    agent.connected()
    assert agent.connected() == Connected(2, session_present=True)
    again = [agent.message() for _ in range(2)]
    assert [(each.generation, each.packet_id, each.payload) for each in again] == [
        (2, messages[1].packet_id, b"b"),
        (2, messages[2].packet_id, b"c"),
    ]


def ping(agent: Agent) -> None:
    """Return once the broker has had all that was sent until now."""
    packet_id = agent.broker.publish("elsewhere", b"x", retain=False)
    while agent.next(Published) != Published(packet_id or -1):
        pass


def test_what_an_older_connection_brought_is_never_acknowledged_on_a_newer_one(
    agent: Agent, charger: Charger, broker: Mosquitto
) -> None:
    charger.say(b"a")
    old = agent.message()
    agent.cut()
    agent.next(Disconnected)
    agent.connected()
    agent.connected()
    new = agent.message()
    mark = broker.log.mark()
    agent.acknowledge(old)
    ping(agent)
    assert not [line for line in broker.log.entries(mark) if "Received PUBACK from agent" in line]
    agent.acknowledge(new)
    broker.heard("Received PUBACK from agent", after=mark)


def test_acknowledgements_given_just_before_the_end_still_reach_the_broker(
    agent: Agent, charger: Charger, new_agent: NewAgent
) -> None:
    for number in range(200):
        charger.say(b"%d" % number)
    messages = [agent.message() for _ in range(200)]
    agent.broker.acknowledge(1, [message.packet_id or 0 for message in messages])
    agent.broker.stop()
    for _ in range(20):  # while the broker still reads: what it sends now meets a connection that ends
        charger.say(b"after")
    agent.thread.join()
    again = new_agent()
    assert again.connected().session_present
    assert again.message().payload == b"after"


def test_a_lost_connection_is_told_though_somebody_is_about_to_write_to_it(agent: Agent) -> None:
    """Else each waits for the other: the one who tells of the loss holds what the writer comes to need."""
    with agent.broker._lock:
        agent.cut()
        assert isinstance(agent.next(Disconnected), Disconnected)
        assert agent.broker.publish("site/state", b"a", retain=True) is None


def test_while_disconnected_nothing_is_published_and_it_says_so(agent: Agent, broker: Mosquitto) -> None:
    agent.connected()
    broker.stop()
    agent.next(Disconnected)
    assert not agent.broker.connected
    assert agent.broker.publish("t", b"x", retain=False) is None
    agent.broker.acknowledge(1, [1])


def test_a_broker_that_was_away_is_found_again(agent: Agent, broker: Mosquitto) -> None:
    agent.connected()
    broker.stop()
    agent.next(Disconnected)
    broker.start()
    assert agent.connected().generation == 2


def test_what_is_published_arrives_and_its_acknowledgement_names_it(agent: Agent, charger: Charger) -> None:
    agent.connected()
    packet_id = agent.broker.publish("site/alerts/x", b"told", retain=True)
    assert agent.next(Published) == Published(packet_id or -1)
    got = charger.got.wait_for("it", lambda each: each.topic == "site/alerts/x", within_s=WITHIN_S)
    assert got.payload == b"told"


def test_what_was_in_flight_when_the_connection_broke_is_acknowledged_under_its_old_id(agent: Agent) -> None:
    agent.connected()
    ids = [agent.broker.publish("site/alerts/x", b"%d" % number, retain=False) for number in range(50)]
    agent.cut()
    published: set[int | None] = set()
    while published < set(ids):
        item = agent.next(Published)
        assert isinstance(item, Published)
        published.add(item.packet_id)


def test_small_packets_are_sent_at_once(agent: Agent) -> None:
    agent.connected()
    own = agent.broker._client.socket()
    assert isinstance(own, socket.socket)
    assert own.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_a_full_inbox_holds_the_broker_up_and_loses_nothing(
    new_agent: NewAgent, charger: Charger, broker: Mosquitto
) -> None:
    agent = new_agent(Inbox(most=20))
    broker.heard("Sending SUBACK to agent")
    got: list[bytes] = []

    def feed() -> None:
        for number in range(100):
            charger.say(b"%d" % number)

    feeding = Thread(target=feed)
    feeding.start()
    while len(got) < 100:
        message = agent.message()
        got.append(message.payload)
        agent.acknowledge(message)
    feeding.join()
    assert got == [b"%d" % number for number in range(100)]


def test_an_inbox_that_stays_full_gives_the_connection_up_and_the_messages_come_again(
    new_agent: NewAgent, charger: Charger, broker: Mosquitto
) -> None:
    agent = new_agent(Inbox(most=5))
    broker.heard("Sending SUBACK to agent")
    for number in range(12):
        charger.say(b"%d" % number)
    broker.heard("Received DISCONNECT from agent")
    agent.connected()
    agent.next(Disconnected)
    assert agent.connected() == Connected(2, session_present=True)
    came = [agent.message()]
    while len(came) < 12 or came[-1].payload != b"11":
        came.append(agent.message())
    first = [each.payload for each in came if each.generation == 1]
    again = [each.payload for each in came if each.generation == 2]
    assert again == [b"%d" % number for number in range(12)]
    assert first == again[: len(first)]
    assert 4 <= len(first) <= 5  # one more may be read while the DISCONNECT waits to be written


def test_an_ordered_end_says_what_the_last_will_would(new_agent: NewAgent, charger: Charger) -> None:
    agent = new_agent(will=("site/gateway/status", b"offline"))
    agent.connected()
    agent.stop()
    said = charger.got.wait_for("it", lambda each: each.topic == "site/gateway/status", within_s=WITHIN_S)
    assert said.payload == b"offline"


def test_a_connection_that_breaks_lets_the_broker_send_the_last_will(
    new_agent: NewAgent, charger: Charger
) -> None:
    agent = new_agent(will=("site/gateway/status", b"offline"))
    agent.connected()
    agent.cut()
    charger.got.wait_for("the will", lambda each: each.topic == "site/gateway/status", within_s=WITHIN_S)


def test_an_agent_that_starts_before_its_broker_keeps_trying(tmp_path: Path) -> None:
    broker = Mosquitto(tmp_path)
    agent = Agent(broker.port).start()
    try:
        assert not agent.broker.connected
        broker.start()
        assert agent.connected().generation == 1
        agent.stop()
    finally:
        agent.broker.stop()
        broker.stop()


def test_stop_ends_an_agent_that_never_found_its_broker() -> None:
    Agent(free_port()).start().stop()


def test_stop_before_the_start_ends_at_once() -> None:
    agent = Agent(free_port())
    agent.broker.stop()
    agent.start()
    agent.thread.join(WITHIN_S)
    assert not agent.thread.is_alive()


# A broker that misbehaves


class Impostor:
    """Answers a CONNECT when it is told to, and says what no broker may."""

    def __init__(self) -> None:
        self.listener = socket.create_server((HOST, 0))
        self.port = int(self.listener.getsockname()[1])
        self.connection: socket.socket | None = None

    def accept(self) -> Impostor:
        self.listener.settimeout(WITHIN_S)
        self.connection, _ = self.listener.accept()
        self.connection.settimeout(WITHIN_S)
        assert self.connection.recv(2)[0] == 0x10
        return self

    def answer(self, code: int = 0) -> Impostor:
        return self.send(b"\x20\x02\x00" + bytes([code]))

    def send(self, packet: bytes) -> Impostor:
        assert self.connection is not None
        self.connection.sendall(packet)
        return self

    def close(self) -> None:
        if self.connection is not None:
            self.connection.close()
        self.listener.close()


@pytest.fixture
def impostor() -> Iterator[Impostor]:
    listening = Impostor()
    yield listening
    listening.close()


def publication(topic: bytes, payload: bytes, packet_id: int) -> bytes:
    body = struct.pack("!H", len(topic)) + topic + struct.pack("!H", packet_id) + payload
    return bytes([0x32, len(body)]) + body


def test_a_refused_connection_is_no_connection(impostor: Impostor) -> None:
    agent = Agent(impostor.port).start()
    impostor.accept().answer(code=5)
    assert impostor.connection is not None
    while impostor.connection.recv(100):
        pass  # until it hangs up
    assert not agent.broker.connected
    assert agent.inbox.waiting == 0
    agent.stop()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_topic_that_is_no_text_does_not_end_the_loop(impostor: Impostor) -> None:
    agent = Agent(impostor.port).start()
    impostor.accept().answer()
    agent.connected()
    impostor.send(publication(b"\xff\xfe", b"x", 1)).send(publication(b"good", b"x", 2))
    try:
        agent.thread.join(0.5)
        assert agent.thread.is_alive()
        while agent.message().topic != "good":
            pass
    finally:
        agent.broker.stop()
        impostor.close()
        agent.thread.join(WITHIN_S)


def test_stop_while_a_connection_is_being_made_still_ends_it(impostor: Impostor) -> None:
    agent = Agent(impostor.port).start()
    impostor.accept()
    agent.broker.stop()
    impostor.answer()
    agent.thread.join(WITHIN_S)
    assert not agent.thread.is_alive()


def test_an_agent_whose_subscription_is_refused_does_not_pass_for_connected(impostor: Impostor) -> None:
    agent = Agent(impostor.port).start()
    impostor.accept().answer()
    agent.connected()
    assert impostor.connection is not None
    received = b""
    while b"\x82" not in received:
        received += impostor.connection.recv(200)
    at = received.index(b"\x82")
    impostor.send(b"\x90\x03" + received[at + 2 : at + 4] + b"\x80")
    try:
        assert [item for item in agent.inbox.drain(1, 1.0) if isinstance(item, Disconnected)]
    finally:
        agent.stop()


# Before the daemon


def test_a_try_says_that_a_broker_lets_us_in(broker: Mosquitto) -> None:
    settings = BrokerSettings(host=HOST, port=broker.port, client_id="agent")
    assert try_connection(settings, 5.0) is None
    broker.heard("agent-check")


def test_a_try_says_why_a_broker_does_not_let_us_in(impostor: Impostor) -> None:
    answering = Thread(target=lambda: impostor.accept().answer(code=5))
    answering.start()
    settings = BrokerSettings(host=HOST, port=impostor.port, client_id="agent")
    assert try_connection(settings, 5.0) == "Not authorized"
    answering.join()


def test_a_try_of_a_port_where_nobody_listens_says_so_and_one_without_answer_too(impostor: Impostor) -> None:
    settings = BrokerSettings(host=HOST, port=free_port(), client_id="agent")
    assert try_connection(settings, 1.0) == "cannot be reached: Connection refused"
    silent = BrokerSettings(host=HOST, port=impostor.port, client_id="agent")
    assert try_connection(silent, 0.3) == "it does not answer"


@pytest.mark.parametrize("content", [None, "not a certificate"])
def test_certificates_that_cannot_be_read_are_refused_before_anything_starts(
    tmp_path: Path, content: str | None
) -> None:
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_text(content)
    settings = BrokerSettings(host=HOST, port=1, client_id="a", tls=True, ca_file=file)
    with pytest.raises(BrokerError, match="certificates"):
        MqttBroker(settings, Inbox())


def test_the_time_a_full_inbox_is_waited_for_is_well_below_the_keep_alive() -> None:
    assert mqtt.FULL_AT_MOST_S < mqtt.KEEPALIVE_S / 2
