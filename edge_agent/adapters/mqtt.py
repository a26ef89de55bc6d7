"""The site's broker over MQTT 3.1.1, with paho.

Messages are acknowledged by the pipeline, after the commit that keeps them, and only on the connection
that brought them: an acknowledgement that belongs to an older connection makes some brokers drop another
message. Callbacks only enqueue, as one that raised would end paho's loop. A full inbox holds the broker up.
"""

from __future__ import annotations

import logging
import random
import select
import socket
import ssl
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Event, RLock
from typing import TYPE_CHECKING

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode

from edge_agent.errors import BrokerError
from edge_agent.ports import Connected, Disconnected, Message, Published

if TYPE_CHECKING:
    from pathlib import Path

    from paho.mqtt.client import ConnectFlags, SocketLike
    from paho.mqtt.reasoncodes import ReasonCode

    from edge_agent.ingest.inbox import Inbox

KEEPALIVE_S = 30
CONNECT_TIMEOUT_S = 5.0
LINGER_S = 2.0
"""So long the broker has, at the end of a connection, to read what was sent."""
LEAST_PAUSE_S, MOST_PAUSE_S = 1.0, 30.0
LOOK_AGAIN_S = 1.0
"""For paho's own pings and time-outs."""
MESSAGES_A_LOOK = 64
PUBLISH_IN_FLIGHT = 100
DRAINED = 0.5
"""Share of the inbox's bound below which reading goes on after it was full."""
FULL_AT_MOST_S = 5.0
"""So long the broker is held up, well below the keep-alive, before the connection is given up."""
ON_THE_WAY = (MQTTErrorCode.MQTT_ERR_SUCCESS, MQTTErrorCode.MQTT_ERR_NO_CONN)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerSettings:
    """Where the broker is and who we are to it."""

    host: str
    port: int
    client_id: str
    username: str | None = None
    password: str | None = None
    tls: bool = False
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    subscriptions: tuple[str, ...] = ()
    will: tuple[str, bytes] | None = None


class MqttBroker:
    """One persistent session with the broker; keeps trying for ever.

    paho is driven by an external loop, its documented way for a thread of one's own: only that thread
    reads and writes the socket, it can be woken, and an error in it is seen.
    """

    def __init__(self, settings: BrokerSettings, inbox: Inbox) -> None:
        """Raise BrokerError where certificates cannot be read."""
        self._settings = settings
        self._inbox = inbox
        self._stopping = Event()
        self.turned_s = time.monotonic()
        """When its thread last came round."""
        self._lock = RLock()
        """Held by whoever writes to the socket."""
        self._generation = 0
        self._live: int | None = None
        self._arrived = 0
        self._failures = 0
        self._tls = _tls_context(settings) if settings.tls else None
        self._client = self._new_client()
        self._woken, self._waker = socket.socketpair()
        self._waker.settimeout(0.0)

    @property
    def connected(self) -> bool:
        """Whether there is a connection now."""
        return self._live is not None

    def run(self) -> None:
        """Serve the connection until `stop`: the body of the network thread."""
        with self._woken, self._waker:
            while not self._stopping.is_set():
                self.turned_s = time.monotonic()
                if self._reach():
                    self._converse()
                self.turned_s = time.monotonic()
                self._stopping.wait(self._pause_s())

    def renew(self, username: str | None, password: str | None) -> None:
        """Be known by these from the next connection on, and by the certificate as its file is now.

        The connection that stands goes on: the broker let us in, and nothing is lost. Raises BrokerError.
        """
        if self._tls is not None:
            _load_certificates(self._tls, self._settings)
        self._client.username_pw_set(username, password)

    def stop(self) -> None:
        """Say what the last will would, end the connection so that the session is kept, let `run` return."""
        self._stopping.set()
        if self._settings.will is not None:  # the broker forgets it where a connection ends in order
            self.publish(*self._settings.will, retain=True)
        self._client.disconnect()

    def acknowledge(self, generation: int, packet_ids: list[int]) -> None:
        """Acknowledge messages, if the connection that brought them still stands."""
        with self._lock:
            if generation == self._live:
                for packet_id in packet_ids:
                    self._client.ack(packet_id, 1)

    def publish(self, topic: str, payload: bytes, *, retain: bool) -> int | None:
        """Publish at QoS 1 and return the packet id that `Published` will name; None while not connected."""
        with self._lock:
            if self._live is None:
                return None
            sent = self._client.publish(topic, payload, qos=1, retain=retain)
            self._client.loop_write()  # at once: the network thread would have to be woken first
            return sent.mid if sent.rc in ON_THE_WAY else None

    def _reach(self) -> bool:
        try:
            self._client.connect(self._settings.host, self._settings.port, KEEPALIVE_S)
        except OSError as error:
            self._failures += 1
            log.debug("the broker cannot be reached", extra={"reason": str(error)})
            return False
        return True

    def _converse(self) -> None:
        """Read and write until the connection ends."""
        while (connection := self._client.socket()) is not None:
            self.turned_s = time.monotonic()
            wanting = [connection] if self._client.want_write() else []
            decrypted = isinstance(connection, ssl.SSLSocket) and connection.pending() > 0
            timeout_s = 0.0 if decrypted else LOOK_AGAIN_S
            readable, _, _ = select.select([connection, self._woken], wanting, [], timeout_s)
            if self._woken in readable:
                self._woken.recv(4096)
            if (decrypted or connection in readable) and not self._read():
                return
            if self._client.want_write() and not self._write():
                return
            if self._client.loop_misc() != MQTTErrorCode.MQTT_ERR_SUCCESS:
                return
            if not self._has_room():
                self._client.disconnect()

    def _read(self) -> bool:
        """Read messages while they come, some at once; return whether the connection stands."""
        for _ in range(MESSAGES_A_LOOK):
            arrived = self._arrived
            if self._client.loop_read() != MQTTErrorCode.MQTT_ERR_SUCCESS:
                return False
            if self._arrived == arrived or self._inbox.full:
                break
        return True

    def _write(self) -> bool:
        """Write what waits; return whether the connection stands."""
        with self._lock:
            return self._client.loop_write() == MQTTErrorCode.MQTT_ERR_SUCCESS

    def _has_room(self) -> bool:
        """Hold the broker up while the inbox is full; what did not fit comes again on a new connection."""
        return not self._inbox.full or self._inbox.wait_until_below(DRAINED, FULL_AT_MOST_S, self._stopping)

    def _pause_s(self) -> float:
        """Return how long to wait before trying again: longer each time, and not all gateways at once."""
        longest = min(LEAST_PAUSE_S * 2**self._failures, MOST_PAUSE_S)
        return random.uniform(longest / 2, longest)  # noqa: S311 - spreads load, hides nothing

    def _wake(self, _client: Client, _data: object, _connection: object) -> None:
        """Let the network thread write: paho calls this where another thread has something to send."""
        with suppress(OSError):  # full: it wakes anyway; closed: it has ended
            self._waker.send(b"\0")

    def _new_client(self) -> Client:
        settings = self._settings
        client = Client(
            CallbackAPIVersion.VERSION2, client_id=settings.client_id, clean_session=False, manual_ack=True
        )
        client.username_pw_set(settings.username, settings.password)
        if self._tls is not None:
            client.tls_set_context(self._tls)
        if settings.will is not None:
            client.will_set(*settings.will, qos=1, retain=True)
        client.connect_timeout = CONNECT_TIMEOUT_S
        client.max_inflight_messages_set(PUBLISH_IN_FLIGHT)
        client.on_socket_open = _send_at_once
        client.on_socket_close = _linger
        client.on_socket_register_write = self._wake
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        client.on_publish = self._on_publish
        return client

    def _on_connect(
        self, client: Client, _data: object, flags: ConnectFlags, reason: ReasonCode, _properties: object
    ) -> None:
        if reason.is_failure:
            log.warning(
                "the broker refuses the connection; check user, password and ACL",
                extra={"reason": str(reason)},
            )
            return
        if self._stopping.is_set():  # `stop` came while the broker was being reached: paho has forgotten it
            client.disconnect()
            return
        self._failures = 0
        with self._lock:
            self._generation += 1
            self._live = self._generation
        self._inbox.put(Connected(self._generation, session_present=bool(flags.session_present)))
        if self._settings.subscriptions:
            client.subscribe([(topic, 1) for topic in self._settings.subscriptions])

    def _on_disconnect(
        self, _client: Client, _data: object, _flags: object, reason: ReasonCode, _properties: object
    ) -> None:
        # Without the lock: paho lets one thread in at a time, and who holds the lock may be about to come.
        was, self._live = self._live, None
        if was is not None:
            self._inbox.put(Disconnected(was, str(reason)))

    def _on_subscribe(
        self, _client: Client, _data: object, _mid: int, reasons: list[ReasonCode], _properties: object
    ) -> None:
        if any(reason.is_failure for reason in reasons):  # connected, but deaf
            log.error("the broker refuses a subscription; check its ACL for this user")
            self._inbox.put(Disconnected(self._generation, "a subscription was refused"))

    def _on_message(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        self._arrived += 1
        self._inbox.put(
            Message(
                self._generation,
                message.mid if message.qos else None,
                _topic_of(message),
                bytes(message.payload),
                datetime.now(UTC),
                message.retain,
            )
        )

    def _on_publish(
        self, _client: Client, _data: object, mid: int, _reason: object, _properties: object
    ) -> None:
        self._inbox.put(Published(mid))


def _topic_of(message: MQTTMessage) -> str:
    """Return the topic; for one that is not UTF-8, which no broker should bring, a word nobody reads."""
    try:
        return message.topic
    except UnicodeDecodeError:
        return "(a topic that is not UTF-8)"


def try_connection(settings: BrokerSettings, timeout_s: float) -> str | None:
    """Return why the broker does not let us in, None where it does. It leaves no session behind.

    Raises: BrokerError where certificates cannot be read.
    """
    answered = Event()
    refusal = "it does not answer"

    def on_connect(_client: Client, _data: object, _flags: object, reason: ReasonCode, _more: object) -> None:
        nonlocal refusal
        refusal = str(reason) if reason.is_failure else ""
        answered.set()

    client = Client(CallbackAPIVersion.VERSION2, client_id=f"{settings.client_id}-check")
    client.username_pw_set(settings.username, settings.password)
    if settings.tls:
        client.tls_set_context(_tls_context(settings))
    client.connect_timeout = timeout_s
    client.on_connect = on_connect
    try:
        client.connect(settings.host, settings.port, KEEPALIVE_S)
    except OSError as error:
        return f"cannot be reached: {error.strerror or error}"
    client.loop_start()
    answered.wait(timeout_s)
    client.disconnect()
    client.loop_stop()
    return refusal or None


def _tls_context(settings: BrokerSettings) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=settings.ca_file)
    except OSError as error:
        reason = f"cannot use {settings.ca_file}: {error.strerror}"
        raise BrokerError(reason) from error
    _load_certificates(context, settings)
    return context


def _load_certificates(context: ssl.SSLContext, settings: BrokerSettings) -> None:
    try:
        if settings.ca_file is not None:
            context.load_verify_locations(settings.ca_file)
        if settings.cert_file is not None:
            context.load_cert_chain(settings.cert_file, settings.key_file)
    except OSError as error:  # ssl's errors are among them
        reason = f"cannot use the broker's certificates: {error}"
        raise BrokerError(reason) from error


def _send_at_once(_client: Client, _data: object, connection: SocketLike) -> None:
    """Switch Nagle's algorithm off: it costs 20 ms an alert, on either side."""
    if isinstance(connection, socket.socket):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _linger(_client: Client, _data: object, connection: SocketLike) -> None:
    """Say that no more comes, and wait until the broker has read it all and closes too.

    Where a socket is closed while the broker still sends, TCP answers with a reset, on which the broker
    drops what it has not read yet: the last acknowledgements, or the farewell.
    """
    if not isinstance(connection, socket.socket):
        return
    until = time.monotonic() + LINGER_S
    with suppress(OSError):  # it is gone already, or too slow
        connection.shutdown(socket.SHUT_WR)
        while (left_s := until - time.monotonic()) > 0:
            connection.settimeout(left_s)
            if not connection.recv(65536):
                return
