"""Fakes of the middle's own ports (Store, Broker, Clock), and a small site made of them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

from edge_agent.adapters.sqlite import SqliteStore, StoreBounds
from edge_agent.core.pipeline import Site
from edge_agent.core.rules import RulesAnomaly, RulesFailure
from edge_agent.core.silence import Patience
from edge_agent.core.terms import Terms
from edge_agent.errors import ModelError, StoreError
from edge_agent.ingest.inbox import Inbox, Item
from edge_agent.ingest.parts import Manners, Parts
from edge_agent.ingest.publisher import CONSUMER, Publisher
from edge_agent.ingest.thread import Ingest
from edge_agent.ports import Commit, Connected, Kept, Message, Published, Restored, Store, StoreUsage
from edge_agent.shelf import Loaders, Shelf
from edge_agent.sources.registry import Registry
from edge_agent.wire.alert import Alert, AlertState, AlertType, Severity
from edge_agent.wire.outbox import ClockTrust, Record, RecordType, Stream
from edge_agent.wire.reading import Reading
from edge_agent.wire.rest import RecordedMessage
from edge_agent.wire.service import Attempt, Deed, Downtime, Gap, WorkDone
from edge_agent.wire.types import EvseId

START = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
PREFIX = "evzone/v1/site-001"
EVSE = EvseId("CHG_001", 1)
BOUNDS = StoreBounds(
    max_bytes=10**9,
    min_free_bytes=1,
    raw_days=30,
    quarantine_bytes=10**6,
    consumers={CONSUMER: (Stream.ALERTS,)},
)
FULL_DISK = StoreError("the disk is full")


class FakeClock:
    """Implements `Clock`. Time passes only when it is told to."""

    def __init__(self, start: datetime = START) -> None:
        self.wall = self._start = start
        self.passed = 1_000.0
        self.trusted: ClockTrust = "trusted"

    def now(self) -> datetime:
        return self.wall

    def steady(self) -> datetime:
        return self._start + timedelta(seconds=self.passed - 1_000.0)

    def monotonic(self) -> float:
        return self.passed

    def trust(self) -> ClockTrust:
        return self.trusted

    def pass_time(self, seconds: float) -> None:
        self.wall += timedelta(seconds=seconds)
        self.passed += seconds

    def step(self, seconds: float) -> None:
        """Let the wall clock jump, as when a time service first reaches its server."""
        self.wall += timedelta(seconds=seconds)


def a_deed(action: str = "test", subject: str = "x") -> Deed:
    """Return who ordered something."""
    return Deed(at=START, who="0badcafe", action=action, subject=subject, by="AB")


class Sent(NamedTuple):
    """A publication, as a broker gets it."""

    topic: str
    payload: bytes
    retain: bool
    packet_id: int

    @property
    def told(self) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(self.payload)
        return told


@dataclass
class FakeBroker:
    """Implements `Broker`. room: how many publications more it takes; None: any number."""

    connected: bool = True
    room: int | None = None
    sent: list[Sent] = field(default_factory=list)
    acknowledged: list[tuple[int, int]] = field(default_factory=list)
    packet_ids: Iterator[int] = field(default_factory=lambda: count(1))

    def acknowledge(self, generation: int, packet_ids: list[int]) -> None:
        self.acknowledged += [(generation, packet_id) for packet_id in packet_ids]

    def publish(self, topic: str, payload: bytes, *, retain: bool) -> int | None:
        if not self.connected or self.room == 0:
            return None
        self.room = None if self.room is None else self.room - 1
        self.sent.append(Sent(topic, payload, retain, next(self.packet_ids)))
        return self.sent[-1].packet_id

    def under(self, part: str) -> list[Sent]:
        """Return what was published on topics that hold this part."""
        return [each for each in self.sent if f"/{part}/" in each.topic]

    def alerts(self) -> list[tuple[str, str]]:
        """Return (type, state) of each alert that was published, in order, erasures left out."""
        told = [each.told for each in self.under("alerts") if each.payload]
        return [(each["alert_type"], each["state"]) for each in told]


class FakeStore:
    """Implements `Store` on a real one, and can be made to refuse.

    refuses: what each commit raises; unreadable: what each look into the outbox raises.
    """

    def __init__(self, kept_in: Store) -> None:
        self.real = kept_in
        self.refuses: StoreError | None = None
        self.unreadable: StoreError | None = None
        self.tried: list[Commit] = []
        self.kept: list[Commit] = []

    def commit(self, batch: Commit) -> None:
        self.tried.append(batch)
        if self.refuses is not None:
            raise self.refuses
        self.real.commit(batch)
        self.kept.append(batch)

    def records_after(self, stream: Stream, seq: int, most: int) -> list[Record]:
        if self.unreadable is not None:
            raise self.unreadable
        return self.real.records_after(stream, seq, most)

    def restore(self) -> Restored:
        return self.real.restore()

    def readings_since_snapshot(self) -> Iterator[tuple[EvseId, Reading]]:
        return self.real.readings_since_snapshot()

    def work(self, maintenance_id: str) -> WorkDone | None:
        return self.real.work(maintenance_id)

    def sum_up(self) -> bool:
        return self.real.sum_up()

    def service(self, since: datetime, until: datetime) -> Kept:  # noqa: ARG002
        """Return all that this run kept of service, as a reader of the store would."""
        kept = [fact for each in self.kept for fact in each.facts]
        return Kept(
            downtime=[fact for fact in kept if isinstance(fact, Downtime)],
            attempts=[fact for fact in kept if isinstance(fact, Attempt)],
            gaps=[fact for fact in kept if isinstance(fact, Gap)],
            work=[fact for fact in kept if isinstance(fact, WorkDone)],
        )

    def usage(self) -> StoreUsage:
        return self.real.usage()

    def trim(self, now: datetime) -> Mapping[str, int]:
        if self.refuses is not None:
            raise self.refuses
        return self.real.trim(now)

    def close(self) -> None:
        self.real.close()

    def readings(self) -> int:
        """Return how many readings were kept by this run."""
        return sum(len(each.readings) for each in self.kept)

    def records(self, kind: RecordType) -> list[Record]:
        """Return the records of a type that were kept by this run, in order."""
        return [record for each in self.kept for record in each.records if record.type is kind]


def no_file() -> Any:
    """A loader that finds no model."""
    raise ModelError("there is no such file")


def rules_shelf() -> Shelf:
    """Return a shelf on which the rules judge, by loaders that succeed."""
    shelf = Shelf(Loaders(lambda _: RulesFailure(), lambda _: RulesAnomaly()), Path())
    shelf.load(START)
    return shelf


def a_store(path: Path | None = None) -> FakeStore:
    return FakeStore(SqliteStore(path or ":memory:", BOUNDS, START))


def an_alert(seq: int = 1, state: AlertState = AlertState.OPEN, charger_id: str = "CHG_001") -> Alert:
    return Alert(
        alert_id=f"alert-{charger_id}",
        charger_id=charger_id,
        connector_id=1,
        alert_type=AlertType.CHARGER_FAULTED,
        severity=Severity.CRITICAL,
        state=state,
        raised_at=START,
        updated_at=START,
        message="Out of order.",
        seq=seq,
    )


def a_record(seq: int, alert: Alert | None = None, kind: RecordType = RecordType.ALERT) -> Record:
    told = alert or an_alert(seq)
    return Record(
        stream=Stream.ALERTS,
        seq=seq,
        epoch="e",
        type=kind,
        charger_id=told.charger_id,
        ts=START,
        clock="trusted",
        payload=told.model_dump_json(),
    )


def metrics(status: str = "AVAILABLE", **more: object) -> bytes:
    return json.dumps({"connector_status": status, "connector_id": 1, **more}).encode()


class Kerbside:
    """One agent's middle on fakes, driven turn by turn on the test's own thread."""

    def __init__(
        self,
        store: FakeStore | None = None,
        clock: FakeClock | None = None,
        commit_s: float = 5.0,
        *,
        most_chargers: int = 200,
        epoch: str = "e1",
    ) -> None:
        self.clock = clock or FakeClock()
        self.store = store or a_store()
        self.broker = FakeBroker()
        self.inbox = Inbox()
        self.shelf = rules_shelf()
        self.publisher = Publisher(self.broker, self.store, PREFIX)
        self.ingest = Ingest(
            Parts(
                self.inbox,
                self.store,
                self.broker,
                Registry(PREFIX),
                self.shelf,
                self.publisher,
                self.clock,
            ),
            Site(epoch=epoch, most_chargers=most_chargers),
            Manners(commit_s, Patience(), Terms()),
        )
        self.ingest.restore()
        self.generation = 0
        self._packet_ids = count(1)

    def connect(self, *, session_present: bool = False) -> Kerbside:
        """Reach the broker; what it greets with is not in `broker.sent`."""
        self.generation += 1
        self.broker.connected = True
        self.turn(Connected(self.generation, session_present))
        self.broker.sent.clear()
        return self

    def message(
        self,
        payload: bytes,
        charger_id: str = "CHG_001",
        *,
        packet_id: int | None = None,
        generation: int | None = None,
        topic: str | None = None,
        retained: bool = False,
        qos: int = 1,
    ) -> Message:
        return Message(
            self.generation if generation is None else generation,
            (packet_id or next(self._packet_ids)) if qos else None,
            topic or f"{PREFIX}/chargers/{charger_id}/metrics",
            payload,
            self.clock.now(),
            retained,
        )

    def turn(self, *items: Item) -> Kerbside:
        """Let the pipeline come round once with these."""
        for item in items:
            self.inbox.put(item)
        self.ingest.turn(0.0)
        return self

    def say(self, status: str = "AVAILABLE", charger_id: str = "CHG_001", **more: object) -> Kerbside:
        """Let a charger say something, a second after the last."""
        self.clock.pass_time(1.0)
        return self.turn(self.message(metrics(status, **more), charger_id))

    def until_due(self) -> Kerbside:
        """Let pass what a plain sample waits for its commit."""
        self.clock.pass_time(5.0)
        return self.turn()

    def confirm_all(self) -> Kerbside:
        """Let the broker acknowledge all that was published."""
        return self.turn(*(Published(each.packet_id) for each in self.broker.sent))

    def stop(self) -> None:
        """End as the daemon does: what waits is kept."""
        self.ingest.stop()
        self.ingest.run()

    def state(self) -> tuple[object, ...]:
        """Return all that a restart must give again."""
        site = self.ingest.view.site
        watches = {evse: dict(kinds) for evse, kinds in site.watches.items() if kinds}
        return (
            dict(site.chargers),
            watches,
            dict(site.heard),
            site.alert_seq,
            dict(self.ingest.view.suggestions),
        )


def as_it_came(message: Message) -> RecordedMessage:
    """Return a message for a recording under its own names."""
    return RecordedMessage(topic=message.topic, payload=message.payload.decode(), at=message.received_at)
