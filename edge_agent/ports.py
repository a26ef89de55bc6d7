"""What the middle of the agent asks of its adapters, and what the adapters ask of the middle."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from edge_agent.backoffice.conversation import Owed
    from edge_agent.core.charger import Charger
    from edge_agent.core.signs import Watch
    from edge_agent.wire.alert import Acknowledgement, Alert, AlertType, Quiet, Silence
    from edge_agent.wire.answers import AnomalyAnswer, FailureAnswer, FailureAnswers, MaintenanceAnswer
    from edge_agent.wire.history import (
        AlertQuery,
        ChargerDetail,
        DeedList,
        Evidence,
        History,
        HistoryQuery,
        QuarantineList,
        Series,
        SyncStatus,
    )
    from edge_agent.wire.metrics import Metrics
    from edge_agent.wire.outbox import Record, Stream
    from edge_agent.wire.reading import Reading
    from edge_agent.wire.rest import (
        ChargerSummary,
        DecisionRequest,
        DeviceChangeRequest,
        Health,
        ModelEntry,
        Recording,
        ReloadAnswer,
        UptimeReport,
    )
    from edge_agent.wire.rollout import Rollout
    from edge_agent.wire.service import (
        Attempt,
        Change,
        Deed,
        DeviceChange,
        Downtime,
        Episode,
        Fact,
        Gap,
        OfCharger,
        Score,
        WorkDone,
        WorkRequest,
    )
    from edge_agent.wire.types import EvseId


class Delivered(NamedTuple):
    """A QoS 1 message that is kept: what tells it again when the broker brings it twice."""

    packet_id: int
    digest: bytes
    """Eight bytes of a hash over topic and payload."""


class Quarantined(NamedTuple):
    """Input that could not be understood, set aside with its reason."""

    at: datetime
    topic: str
    reason: str
    payload: bytes


@dataclass(slots=True)
class Commit:
    """All that one transaction holds: it is kept wholly or not at all.

    readings: in order, each with the EVSE that it was found to be about.
    watches: those that changed; None where nothing is left to watch.
    records: outbox rows, numbered already, each stream rising.
    cursors: how far each consumer of the outbox has come in a stream.
    snapshot: every charger as it stands after these readings; None: no snapshot now.
    """

    readings: list[tuple[EvseId, Reading]] = field(default_factory=list)
    watches: dict[tuple[EvseId, AlertType], Watch | None] = field(default_factory=dict)
    records: list[Record] = field(default_factory=list)
    quarantined: list[Quarantined] = field(default_factory=list)
    delivered: list[Delivered] = field(default_factory=list)
    forget_delivered: bool = False
    """The broker has lost the session: what was delivered before cannot come again."""
    cursors: dict[tuple[str, Stream], int] = field(default_factory=dict)
    suggestions: list[MaintenanceAnswer] = field(default_factory=list)
    withdrawn: list[str] = field(default_factory=list)
    """Chargers whose suggestions are deleted, by id."""
    facts: list[Fact] = field(default_factory=list)
    """What is over or done: outages, attempts, work."""
    meta: dict[str, str] = field(default_factory=dict)
    """JSON by name, of what has no table of its own."""
    snapshot: Mapping[EvseId, Charger] | None = None


@dataclass(frozen=True, slots=True)
class Restored:
    """What a store gives back at the start."""

    chargers: Mapping[EvseId, Charger]
    """As of the last snapshot; `Store.readings_since_snapshot` brings them up to date."""
    watches: Mapping[EvseId, Mapping[AlertType, Watch]]
    suggestions: Sequence[MaintenanceAnswer]
    delivered: Sequence[Delivered]
    """The last REDELIVERY_WINDOW of them, oldest first."""
    last_seq: Mapping[Stream, int]
    cursors: Mapping[tuple[str, Stream], int]
    gaps: Sequence[Gap] = ()
    """The newest, oldest first."""
    meta: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StoreUsage:
    """How full the store is. Bytes are of the database with its log; free ones of its file system."""

    bytes_used: int
    bytes_free: int
    readings: int
    oldest_reading_at: datetime | None
    quarantined: int
    backlog: Mapping[str, int]
    """Records not yet told, by consumer."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What was kept of service over some time, each oldest first."""

    downtime: Sequence[Downtime] = ()
    attempts: Sequence[Attempt] = ()
    gaps: Sequence[Gap] = ()
    work: Sequence[WorkDone] = ()


@dataclass(frozen=True, slots=True)
class Steps:
    """How an EVSE was, step by step: `at` is where each begins, the series go along with it."""

    step: timedelta
    at: Sequence[datetime]
    series: Mapping[str, Series]


@dataclass(frozen=True, slots=True)
class Lessons:
    """What was foretold over some time, each oldest first."""

    episodes: Sequence[Episode] = ()
    scores: Sequence[Score] = ()


class Store(Protocol):
    """The one writer. All of it is called from the pipeline thread; each call raises StoreError."""

    def restore(self) -> Restored: ...
    def readings_since_snapshot(self) -> Iterator[tuple[EvseId, Reading]]: ...

    def commit(self, batch: Commit) -> None:
        """Keep the batch durably: when this returns, it survives a power cut."""
        ...

    def records_after(self, stream: Stream, seq: int, most: int) -> list[Record]:
        """Return the next records of a stream, oldest first."""
        ...

    def work(self, maintenance_id: str) -> WorkDone | None:
        """Return the work that was kept under this id."""
        ...

    def usage(self) -> StoreUsage: ...

    def sum_up(self) -> bool:
        """Add readings to the sums of their hours, a bounded number; return whether there are more."""
        ...

    def trim(self, now: datetime) -> Mapping[str, int]:
        """Delete what the bounds no longer allow, what is worth least first; return rows gone, by table."""
        ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Changes:
    """What is other than it was: alerts new or changed, those that are over by id, suggestions."""

    alerts: Sequence[Alert] = ()
    over: Sequence[str] = ()
    suggestions: Sequence[MaintenanceAnswer] = ()


class Desk(Protocol):
    """All that the LAN interface may ask or order. Questions never write; orders go to the pipeline.

    Everything is answered from memory in microseconds, but for the orders (`answer_alert`, `change_device`,
    `decide`, `quieten`, `reload`, `work_done`), which wait for the pipeline thread or read files and so must
    not be called on an event loop's own thread.
    """

    def failures(self, asked: Sequence[tuple[str, Metrics]], tenant_id: str | None) -> list[FailureAnswer]:
        """Return an answer for each (charger_id, metrics), in order, computed from those metrics."""
        ...

    def anomaly(self, charger_id: str, metrics: Metrics, tenant_id: str | None) -> AnomalyAnswer: ...

    def maintenance(self, charger_id: str, metrics: Metrics, tenant_id: str | None) -> MaintenanceAnswer: ...

    def latest(self, charger_id: str) -> FailureAnswers | None:
        """Return the pipeline's latest answer, the worst EVSE's first; else the last request's; else None."""
        ...

    def models(self) -> list[ModelEntry]: ...

    def reload(self, model_name: str | None, who: str) -> ReloadAnswer:
        """Load the model files anew. Raises ModelError where a file is refused: the running one stays."""
        ...

    def health(self) -> Health: ...

    def chargers(self) -> list[ChargerSummary]:
        """Return every EVSE, worst first."""
        ...

    def alerts(self) -> list[Alert]:
        """Return the alerts that are not cleared, newest first."""
        ...

    def mark(self) -> object:
        """Return a mark of how things stand now, to ask by what has changed since."""
        ...

    def changes_since(self, mark: object) -> tuple[object, Changes]:
        """Return a new mark, and what has changed since an older one."""
        ...

    def chargers_since(self, mark: object) -> tuple[object, list[ChargerSummary]]:
        """Return a new mark, and every EVSE of which something changed since an older one."""
        ...

    def suggestions(self) -> list[MaintenanceAnswer]:
        """Return the maintenance suggestions, soonest first."""
        ...

    def answer_alert(self, told: Acknowledgement | Silence, who: str) -> Alert | None:
        """Acknowledge or silence an open alert; None where there is none of that id. Raises Busy.

        who, here and below: the id of the key that orders it, for the record.
        """
        ...

    def decide(self, suggestion_id: str, request: DecisionRequest, who: str) -> MaintenanceAnswer | None:
        """Keep what was decided of a suggestion; None where none is left to decide. Raises Busy."""
        ...

    def quieten(self, quiet: Quiet, who: str) -> Quiet | None:
        """Let a charger under work raise no alerts until then; None: it is not known. Raises Busy."""
        ...

    def recording(self, after: int | None) -> Recording:
        """Return what arrived after a number, with names replaced; None: begin now. Waits for no thread."""
        ...

    def change_device(
        self, charger_id: str, change: Change, request: DeviceChangeRequest, who: str
    ) -> DeviceChange | None:
        """Let a charger be gone, or be another device; None: it is not known. Raises Busy."""
        ...

    def work_done(self, charger_id: str, request: WorkRequest, who: str) -> WorkDone | None:
        """Keep work done on a charger, once however often it is told; None: it is not known. Raises Busy."""
        ...


class Archive(Protocol):
    """The store, for whoever only reads. From any thread; each call raises StoreError."""

    def usage(self) -> StoreUsage: ...
    def service(self, since: datetime, until: datetime) -> Kept: ...
    def lessons(self, since: datetime, until: datetime) -> Lessons: ...

    def newest(self, kind: type[OfCharger], charger_id: str, since: datetime, most: int) -> list[OfCharger]:
        """Return the newest facts of a kind about one charger, that end from `since` on; newest first."""
        ...

    def past_alerts(self, since: datetime, until: datetime) -> list[Alert]:
        """Return the alerts that were over from `since` on and raised before `until`, oldest first."""
        ...

    def readings(self, evse: EvseId, since: datetime, until: datetime, most: int) -> list[Reading]:
        """Return the newest readings received from `since` until before `until`, oldest first."""
        ...

    def steps(self, evse: EvseId, since: datetime, until: datetime, step_s: int) -> Steps:
        """Return how an EVSE was; of whole hours it is known longer."""
        ...

    def quarantine(self, most: int) -> list[Quarantined]:
        """Return what was set aside, newest first."""
        ...

    def audit(self, since: datetime, until: datetime) -> list[Deed]:
        """Return what was ordered, oldest first."""
        ...


class Records(Protocol):
    """What the LAN interface may ask of the past. Each call reads the store, and so must not be made on an
    event loop's own thread. Raises StoreError.
    """

    def charger(self, charger_id: str) -> ChargerDetail | None:
        """Return all that is known of a charger; None where nothing is."""
        ...

    def history(self, charger_id: str, asked: HistoryQuery) -> History | None:
        """Return how one EVSE was; None where nothing is known of it."""
        ...

    def found_alerts(self, asked: AlertQuery) -> list[Alert]:
        """Return the alerts that were asked for, one more than a page holds where there are more."""
        ...

    def evidence(self, alert_id: str) -> Evidence | None:
        """Return what speaks for an alert, open or over; None where there is none."""
        ...

    def sync(self) -> SyncStatus:
        """Return how it goes with the central service."""
        ...

    def set_aside(self) -> QuarantineList:
        """Return what could not be understood lately."""
        ...

    def audit(self) -> DeedList:
        """Return who ordered what lately."""
        ...

    def uptime(self, month: str | None) -> UptimeReport:
        """Return how every EVSE served in a month, YYYY-MM, or in the running one."""
        ...


class Message(NamedTuple):
    """What a broker brings."""

    generation: int
    """Of the connection that brought it: it may be acknowledged on that one only."""
    packet_id: int | None
    """None at QoS 0: nothing is to be acknowledged."""
    topic: str
    payload: bytes
    received_at: datetime
    retained: bool


class Connected(NamedTuple):
    """The broker is reached; whether it still had our session tells if messages come again."""

    generation: int
    session_present: bool


class Disconnected(NamedTuple):
    """The connection is lost."""

    generation: int
    reason: str


class Published(NamedTuple):
    """The broker has acknowledged what we published under this packet id."""

    packet_id: int


class Broker(Protocol):
    """The site's MQTT broker."""

    @property
    def connected(self) -> bool: ...
    def acknowledge(self, generation: int, packet_ids: list[int]) -> None: ...
    def publish(self, topic: str, payload: bytes, *, retain: bool) -> int | None: ...


class Listener(Protocol):
    """Hears what chargers and their back office say. Nothing that it does delays or fails them."""

    def said(self, charger_id: str, message: str | bytes) -> None:
        """Take a charger's message."""
        ...

    def told(self, charger_id: str, message: str | bytes) -> None:
        """Take a message to a charger."""
        ...

    def opened(self, charger_id: str) -> None:
        """Take note that a charger's connection stands."""
        ...

    def closed(self, charger_id: str) -> None:
        """Take note that a charger has ended its connection, or is gone."""
        ...

    def cut(self, charger_id: str) -> None:
        """Take note that a charger lives and cannot be heard, through no doing of its own."""
        ...


class Ledger(Protocol):
    """What upstream is still owed, and whom it accepted. From any thread; what writes waits for the disk.

    Each call raises StoreError.
    """

    def keep(self, charger_id: str, message_id: str, text: str, *, starts: bool) -> int:
        """Keep a message durably, once; return the id of the transaction that it starts, else 0."""
        ...

    def next(self, charger_id: str) -> Owed | None:
        """Return the oldest message that upstream is owed of this charger."""
        ...

    def delivered(self, number: int) -> None: ...
    def mappings(self, charger_id: str) -> dict[int, int]: ...
    def mapped(self, charger_id: str, handed_out: int, transaction_id: int, at: datetime) -> None: ...
    def ended(self, charger_id: str, handed_out: int) -> None: ...

    def knows(self, name: str, at: datetime) -> bool:
        """Whether upstream accepted this name lately; from memory."""
        ...

    def remember(self, name: str, at: datetime) -> None: ...
    def forget(self, name: str) -> None: ...


class Releases(Protocol):
    """The releases of the models on this box, and which of them judges. Each call raises UpdateError."""

    def rollout(self) -> Rollout:
        """Return how it stands; cheap where nothing changed."""
        ...

    def change(self, to: Callable[[Rollout], Rollout]) -> Rollout:
        """Change how it stands, in one step that survives a loss of power; return it."""
        ...

    def directory(self, release: int) -> Path: ...

    def here(self) -> set[int]:
        """Return the releases that are here whole, the one that the program brings too."""
        ...
