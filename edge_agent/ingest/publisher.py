"""From the outbox to MQTT: alerts and maintenance by a cursor of their own, and each EVSE's state.

An alert is published only once it is kept, and its cursor moves when the broker has acknowledged it, so
that a crash between commit and publish loses none. State is not kept: the newest replaces the one before.
"""

from __future__ import annotations

import logging
import math
from collections import deque
from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING, Any, NamedTuple

from edge_agent.core.judgement import Judgement, answers
from edge_agent.wire.alert import Alert, AlertState
from edge_agent.wire.home_assistant import House, Nameplate, discovery
from edge_agent.wire.outbox import Record, RecordType, Stream
from edge_agent.wire.service import Change, DeviceChange
from edge_agent.wire.state import EvseState, LatestReading

if TYPE_CHECKING:
    from collections.abc import Iterable

    from edge_agent.core.charger import Charger
    from edge_agent.ports import Broker, Store
    from edge_agent.wire.types import EvseId

CONSUMER = "mqtt"
PUBLISHED = frozenset({RecordType.ALERT, RecordType.MAINTENANCE, RecordType.DEVICE_CHANGE})
"""Records of the alerts stream that are for MQTT."""
MOST_IN_FLIGHT = 64
MOST_IN_MEMORY = 1_000
STATE_EVERY_S = 1.0
STATES_A_TURN = 2
STATE_AGAIN_S = 55.0
"""The state of every EVSE is offered once a minute, and must not miss its turn by a hair."""

log = logging.getLogger(__name__)


class Publisher:
    """Publishes what is told, in order, a bounded number in flight; owned by the pipeline thread."""

    def __init__(self, broker: Broker, store: Store, prefix: str, house: House | None = None) -> None:
        """house: where chargers are to appear as devices; None: nowhere."""
        self._broker = broker
        self._store = store
        self._prefix = prefix
        self.alerts_prefix = f"{prefix}/alerts/"
        self.cursor = 0
        self._read_to = 0
        self._behind = True
        self._waiting: deque[Record] = deque()
        self._in_flight: dict[int, int] = {}
        self._unconfirmed: dict[int, int] = {}
        self._states: dict[EvseId, Judgement] = {}
        """The newest of each EVSE whose state is to be told."""
        self._due: list[tuple[float, EvseId]] = []
        """A heap: when each of them may be."""
        self._told_states: dict[EvseId, ToldState] = {}
        self._introductions = None if house is None else Introductions(house)
        self.more_is_due = False
        """Whether the last `pump` left states for the next one."""

    @property
    def backlog(self) -> int:
        """How many alerts are known to wait."""
        waiting = sum(record.type in PUBLISHED for record in self._waiting)
        return waiting + sum(left > 0 for left in self._unconfirmed.values())

    def resume(self, cursor: int) -> None:
        """Go on after what an earlier run is known to have published."""
        self.cursor = self._read_to = cursor

    def offer(self, records: Iterable[Record]) -> None:
        """Take what was just kept. Where memory is short it is read from the store later."""
        for record in records:
            if record.stream is not Stream.ALERTS or record.seq <= self._read_to:
                continue  # what could not be kept is offered again with the commit after
            if self._behind or len(self._waiting) >= MOST_IN_MEMORY:
                self._behind = True
                return
            self._waiting.append(record)
            self._read_to = record.seq

    def offer_state(self, evse: EvseId, judged: Judgement) -> None:
        """Take an EVSE's newest judgement."""
        if self._introductions is not None:
            self._introductions.meet(judged.charger)
        if evse not in self._states:
            told = self._told_states.get(evse)
            heappush(self._due, (-math.inf if told is None else told.at + STATE_EVERY_S, evse))
        self._states[evse] = judged

    def forget(self, charger_id: str) -> None:
        """Forget what is still to be told of how a charger is, and what was: its device has gone."""
        for states in (self._states, self._told_states):
            for evse in [each for each in states if each.charger_id == charger_id]:
                states.pop(evse)
        self._due = [each for each in self._due if each[1].charger_id != charger_id]
        heapify(self._due)
        if self._introductions is not None:
            self._introductions.forget(charger_id)

    def pump(self, monotonic: float) -> None:
        """Publish what may go now. Raises StoreError."""
        if not self._broker.connected:
            return
        self._refill()
        told = False
        while self._waiting and len(self._in_flight) < MOST_IN_FLIGHT:
            if not self._send(self._waiting[0]):
                return
            self._waiting.popleft()
            told = True
        if told:  # the network thread shall send them now, and not when the states are made
            self.more_is_due = True
        else:
            self._send_states(monotonic)

    def published(self, packet_id: int) -> bool:
        """Move the cursor over what the broker has acknowledged without a gap; return whether it moved."""
        seq = self._in_flight.pop(packet_id, None)
        if seq is None:
            return False
        self._unconfirmed[seq] -= 1
        return self._advance()

    def _advance(self) -> bool:
        before = self.cursor
        while self._unconfirmed:
            first = next(iter(self._unconfirmed))
            if self._unconfirmed[first] > 0:
                break
            del self._unconfirmed[first]
            self.cursor = first
        return self.cursor != before

    def greet(self, open_alerts: Iterable[Alert], status: bytes) -> None:
        """Publish, on a new connection, that we are there and every alert that is open."""
        self._broker.publish(f"{self._prefix}/gateway/status", status, retain=True)
        if self._introductions is not None:
            self._introductions.begin_again()
        for alert in open_alerts:
            self._broker.publish(self._alert_topic(alert), alert.model_dump_json().encode(), retain=True)

    def say(self, topic: str, payload: bytes) -> None:
        """Publish a retained message about the gateway now, if there is a connection."""
        self._broker.publish(f"{self._prefix}/{topic}", payload, retain=True)

    def erase(self, topic: str) -> None:
        """Erase a retained message."""
        self._broker.publish(topic, b"", retain=True)

    def _refill(self) -> None:
        while self._behind and len(self._waiting) < MOST_IN_MEMORY:
            records = self._store.records_after(Stream.ALERTS, self._read_to, MOST_IN_MEMORY)
            if not records:
                self._behind = False
                return
            self._waiting.extend(records)
            self._read_to = records[-1].seq

    def _send(self, record: Record) -> bool:
        """Publish one record; return whether all of it is on its way."""
        messages = self._messages(record)
        if not messages:
            self._unconfirmed[record.seq] = 0
            self._advance()
            return True
        self._unconfirmed.setdefault(record.seq, 1)  # held until all of it is out
        for topic, payload, retain in messages:
            packet_id = self._broker.publish(topic, payload, retain=retain)
            if packet_id is None:
                return False
            self._in_flight[packet_id] = record.seq
            self._unconfirmed[record.seq] += 1
        self._unconfirmed[record.seq] -= 1
        return True

    def _messages(self, record: Record) -> list[tuple[str, bytes, bool]]:
        """Return (topic, payload, retain) of what a record is on MQTT; nothing where it is not for MQTT."""
        payload = record.payload.encode()
        try:
            match record.type:
                case RecordType.MAINTENANCE:
                    return [(self._maintenance_topic(record.charger_id), payload, True)]
                case RecordType.DEVICE_CHANGE:
                    return self._erasures(DeviceChange.model_validate_json(payload))
                case RecordType.ALERT:
                    return self._news(Alert.model_validate_json(payload), payload)
        except ValueError:  # a newer agent wrote it, before this one was put back
            log.warning("news of a newer version is not published", extra={"seq": record.seq})
        return []

    def _news(self, alert: Alert, payload: bytes) -> list[tuple[str, bytes, bool]]:
        topic = self._alert_topic(alert)
        if alert.state is AlertState.CLEARED:
            return [(topic, payload, False), (topic, b"", True)]
        return [(topic, payload, True)]

    def _send_states(self, monotonic: float) -> None:
        """Publish a few of the states that are due: an alert must not wait behind all of them."""
        for _ in range(STATES_A_TURN):
            if not self._state_is_due(monotonic):
                break
            evse = self._due[0][1]
            if not self._send_state(evse, self._states[evse], monotonic):
                return
            heappop(self._due)
            del self._states[evse]
        self.more_is_due = self._state_is_due(monotonic)

    def _state_is_due(self, monotonic: float) -> bool:
        return bool(self._due) and self._due[0][0] <= monotonic

    def _send_state(self, evse: EvseId, judged: Judgement, monotonic: float) -> bool:
        """Publish a state if it says something new; return whether that is settled."""
        if self._introductions is not None and not self._introductions.tell(evse.charger_id, self._broker):
            return False
        told = self._told_states.get(evse)
        if told is not None and monotonic - told.at < STATE_AGAIN_S and _say_the_same(told.judged, judged):
            return True
        try:
            payload = state_of(judged)
        except Exception:  # what ended the process here would do so after every start
            log.exception("a state was not published by a defect of the agent; please report this")
            return True
        if self._broker.publish(self._state_topic(*evse), payload, retain=True) is None:
            return False
        self._told_states[evse] = ToldState(monotonic, judged)
        return True

    def _erasures(self, change: DeviceChange) -> list[tuple[str, bytes, bool]]:
        """Return what erases what is retained of a device that has gone; its alerts are erased already.

        Its successor stays the same device to Home Assistant, with what people have set up for it there.
        """
        topics = [self._state_topic(change.charger_id, each) for each in change.connector_ids]
        topics.append(self._maintenance_topic(change.charger_id))
        if self._introductions is not None and change.change is Change.RETIRED:
            topics.append(self._introductions.topic(change.charger_id))
        return [(topic, b"", True) for topic in topics]

    def _state_topic(self, charger_id: str, connector_id: int) -> str:
        return f"{self._prefix}/state/{charger_id}/{connector_id}"

    def _maintenance_topic(self, charger_id: str) -> str:
        return f"{self._prefix}/maintenance/{charger_id}"

    def _alert_topic(self, alert: Alert) -> str:
        return f"{self._prefix}/alerts/{alert.charger_id}/{alert.connector_id}/{alert.alert_type}"


class Introductions:
    """Tells Home Assistant of each charger: once on a connection, and when there is more to tell."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._plates: dict[str, dict[int, Nameplate]] = {}
        self._due: set[str] = set()

    def meet(self, charger: Charger) -> None:
        """Take note of an EVSE; what it told of the machine once is known from then on."""
        plates, now = self._plates.setdefault(charger.charger_id, {}), charger.now
        before = plates.get(charger.connector_id, Nameplate())
        plate = Nameplate(
            now.vendor or before.vendor, now.model or before.model, now.firmware or before.firmware
        )
        if plates.get(charger.connector_id) != plate:
            plates[charger.connector_id] = plate
            self._due.add(charger.charger_id)

    def forget(self, charger_id: str) -> None:
        """Take note that a charger's device has gone."""
        self._plates.pop(charger_id, None)
        self._due.discard(charger_id)

    def topic(self, charger_id: str) -> str:
        """Return where a charger is introduced."""
        return discovery(self._house, charger_id, {})[0]

    def begin_again(self) -> None:
        """Take note of a new connection: the broker may have forgotten what it retained."""
        self._due.update(self._plates)

    def tell(self, charger_id: str, broker: Broker) -> bool:
        """Publish what is due of a charger; return whether nothing is any more."""
        if charger_id not in self._due:
            return True
        topic, payload = discovery(self._house, charger_id, self._plates[charger_id])
        if broker.publish(topic, payload, retain=True) is None:
            return False
        self._due.remove(charger_id)
        return True


class ToldState(NamedTuple):
    """When an EVSE's state was last published, by the monotonic clock, and what it was made from."""

    at: float
    judged: Judgement


def state_of(judged: Judgement) -> bytes:
    """Return an EVSE's retained state: reading, failure answer and anomaly answer together."""
    failure, anomaly = answers(judged)
    charger = judged.charger
    # What is known was validated when it came.
    reading = LatestReading.model_construct(**{**charger.now.__dict__, "timestamp": judged.at})
    told = EvseState(
        charger_id=charger.charger_id,
        connector_id=charger.connector_id,
        reading=reading,
        failure=failure,
        anomaly=anomaly,
    )
    return told.model_dump_json().encode()


def _say_the_same(one: Judgement, other: Judgement) -> bool:
    """Tell whether two states differ in the moment alone, which is no news."""
    return (
        one.failure == other.failure
        and one.anomaly == other.anomaly
        and one.deviation == other.deviation
        and _untimed(one) == _untimed(other)
    )


def _untimed(judged: Judgement) -> dict[str, Any]:
    return {**judged.charger.now.__dict__, "timestamp": None}
