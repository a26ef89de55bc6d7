"""Again is not twice: the window against hand-made deliveries and against a model of a broker."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.ingest.redelivery import REDELIVERY_WINDOW, RedeliveryWindow, digest
from edge_agent.ports import Delivered, Message
from tests.rig.fakes import START


def message(payload: bytes, packet_id: int = 7, generation: int = 1, topic: str = "t") -> Message:
    return Message(generation, packet_id, topic, payload, START, retained=False)


def test_a_message_that_a_later_connection_brings_again_is_known() -> None:
    window = RedeliveryWindow()
    assert window.take(message(b"a", generation=1)) is not None
    assert window.take(message(b"a", generation=2)) is None


def test_a_message_is_known_however_often_it_comes_again() -> None:
    window = RedeliveryWindow()
    window.take(message(b"a", generation=1))
    assert [window.take(message(b"a", generation=later)) for later in (2, 3, 9)] == [None, None, None]


def test_the_same_packet_id_and_payload_on_one_connection_are_two_messages() -> None:
    window = RedeliveryWindow()
    assert window.take(message(b"a")) is not None
    assert window.take(message(b"a")) is not None


def test_after_it_came_again_the_same_on_that_connection_is_a_new_message() -> None:
    window = RedeliveryWindow()
    window.take(message(b"a", generation=1))
    window.take(message(b"a", generation=2))
    assert window.take(message(b"a", generation=2)) is not None


@pytest.mark.parametrize(
    "other", [message(b"b", generation=2), message(b"a", 8, 2), message(b"a", 7, 2, "u")]
)
def test_another_payload_packet_id_or_topic_is_another_message(other: Message) -> None:
    window = RedeliveryWindow()
    window.take(message(b"a"))
    assert window.take(other) is not None


def test_where_topic_ends_and_payload_begins_makes_a_difference() -> None:
    assert digest(message(b"b", topic="ta")) != digest(message(b"ab", topic="t"))


def test_a_digest_is_the_eight_bytes_that_the_store_keeps() -> None:
    assert len(digest(message(b"a"))) == 8


def test_once_the_session_is_lost_nothing_is_known() -> None:
    window = RedeliveryWindow()
    window.take(message(b"a", generation=1))
    window.forget()
    assert window.take(message(b"a", generation=2)) is not None


def test_what_was_kept_before_a_restart_is_known_to_the_first_connection() -> None:
    before = RedeliveryWindow().take(message(b"a", generation=5))
    assert before is not None
    assert RedeliveryWindow([before]).take(message(b"a", generation=1)) is None


def test_the_last_2000_messages_are_known_and_the_one_before_them_is_not() -> None:
    window = RedeliveryWindow()
    for number in range(REDELIVERY_WINDOW + 1):
        window.take(message(b"%d" % number, number))
    assert REDELIVERY_WINDOW == 2_000
    assert window.take(message(b"1", 1, generation=2)) is None
    assert window.take(message(b"0", 0, generation=2)) is not None


def test_the_window_stays_bounded_whatever_comes() -> None:
    window = RedeliveryWindow(Delivered(number, b"%08d" % number) for number in range(REDELIVERY_WINDOW))
    for number in range(3 * REDELIVERY_WINDOW):
        window.take(message(b"%d" % number, number % 50, generation=number // 100))
    assert len(window._seen) == REDELIVERY_WINDOW


def test_what_came_again_counts_as_the_newest() -> None:
    window = RedeliveryWindow()
    window.take(message(b"old", 1, generation=1))
    window.take(message(b"old", 1, generation=2))
    for number in range(REDELIVERY_WINDOW - 1):
        window.take(message(b"%d" % number, number + 2, generation=2))
    assert window.take(message(b"old", 1, generation=3)) is None


@dataclass
class ModelBroker:
    """A broker with one persistent session: what is not acknowledged comes again, in order, first.

    ids: how many packet ids there are; like a real one it never gives one out that is in flight.
    """

    ids: int
    in_flight: dict[int, tuple[int, bytes]] = field(default_factory=dict)
    queued: list[tuple[int, bytes]] = field(default_factory=list)
    _next_id: int = 0

    def deliver(self) -> tuple[int, int, bytes] | None:
        """Send the next message: (packet id, which one it is, payload)."""
        if not self.queued or len(self.in_flight) == self.ids:
            return None
        while self._next_id % self.ids + 1 in self.in_flight:
            self._next_id += 1
        packet_id = self._next_id % self.ids + 1
        self._next_id += 1
        self.in_flight[packet_id] = self.queued.pop(0)
        return packet_id, *self.in_flight[packet_id]

    def again(self) -> list[tuple[int, int, bytes]]:
        return [(packet_id, *told) for packet_id, told in self.in_flight.items()]


@dataclass
class Consumer:
    """The agent's part: takes, keeps with a commit, acknowledges after it; a kill loses what is not kept."""

    broker: ModelBroker
    kept: list[int] = field(default_factory=list)
    remembered: list[Delivered] = field(default_factory=list)
    window: RedeliveryWindow = field(default_factory=RedeliveryWindow)
    generation: int = 1
    owed: list[tuple[int, int]] = field(default_factory=list)
    batch: list[tuple[int, Delivered]] = field(default_factory=list)

    def take(self, packet_id: int, which: int, payload: bytes) -> None:
        delivered = self.window.take(message(payload, packet_id, self.generation))
        self.owed.append((self.generation, packet_id))
        if delivered is not None:
            self.batch.append((which, delivered))

    def commit(self, acknowledgements_that_arrive: int) -> None:
        self.kept += [which for which, _ in self.batch]
        self.remembered = (self.remembered + [each for _, each in self.batch])[-REDELIVERY_WINDOW:]
        own = [packet_id for generation, packet_id in self.owed if generation == self.generation]
        for packet_id in own[:acknowledgements_that_arrive]:
            self.broker.in_flight.pop(packet_id, None)
        self.batch, self.owed = [], []
        if acknowledgements_that_arrive < len(own):  # the connection broke while they were sent
            self.reconnect()

    def reconnect(self) -> None:
        self.generation += 1
        for packet_id, which, payload in self.broker.again():
            self.take(packet_id, which, payload)

    def kill(self) -> None:
        self.window, self.generation = RedeliveryWindow(self.remembered), 0
        self.batch, self.owed = [], []
        self.reconnect()


ACTS = st.one_of(
    st.just(("deliver", 0)),
    st.just(("deliver", 0)),
    st.tuples(st.just("commit"), st.integers(0, 30)),
    st.just(("lose", 0)),
    st.just(("kill", 0)),
)


@given(acts=st.lists(ACTS, max_size=150), alike=st.booleans())
def test_whatever_breaks_nothing_is_lost_and_nothing_kept_twice(
    acts: list[tuple[str, int]], alike: bool
) -> None:
    """Alike: all payloads are the same, told apart by packet ids that come again late, as mosquitto's do.

    Else packet ids come again at once, as rumqttd's do, and payloads differ. Where both are alike (an id
    that was acknowledged is given, after the connection broke, to a message of the same bytes) nobody can
    tell: the window takes it for the old one.
    """
    broker = ModelBroker(ids=1_000 if alike else 8)
    consumer, numbers = Consumer(broker), count()
    for act, arrive in acts:
        if act == "deliver":
            number = next(numbers)
            broker.queued.append((number, b"same" if alike else b"%d" % number))
            brought = broker.deliver()
            if brought is not None:
                consumer.take(*brought)
        elif act == "commit":
            consumer.commit(arrive)
        elif act == "lose":
            consumer.reconnect()
        else:
            consumer.kill()
    consumer.commit(10_000)
    while (brought := broker.deliver()) is not None:
        consumer.take(*brought)
        consumer.commit(10_000)
    assert sorted(consumer.kept) == list(range(next(numbers)))
