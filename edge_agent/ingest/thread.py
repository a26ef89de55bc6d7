"""The pipeline thread: drain, decode, step, commit once, acknowledge, publish.

It owns all state and the only writing connection; others order work from it through the inbox.
"""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from edge_agent import __version__
from edge_agent.core.silence import Listening
from edge_agent.errors import StoreError
from edge_agent.ingest.batch import Numbering
from edge_agent.ingest.correspondence import Correspondence
from edge_agent.ingest.inbox import Order
from edge_agent.ingest.intake import Intake
from edge_agent.ingest.keeping import Keeping, Moment
from edge_agent.ingest.lessons import Lessons
from edge_agent.ingest.parts import Manners, Parts, View
from edge_agent.ingest.publisher import CONSUMER
from edge_agent.ingest.recorder import Recorder
from edge_agent.ingest.redelivery import RedeliveryWindow
from edge_agent.ingest.state import State, open_alerts
from edge_agent.ports import Connected, Disconnected, Message, Published
from edge_agent.wire.outbox import Stream
from edge_agent.wire.service import Gap, WorkDone
from edge_agent.wire.types import SITE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from edge_agent.core.pipeline import Site
    from edge_agent.core.standing import Standing
    from edge_agent.core.suggestions import Decision
    from edge_agent.ingest.inbox import Item
    from edge_agent.wire.alert import Acknowledgement, Alert, AlertType, Quiet, Silence
    from edge_agent.wire.answers import MaintenanceAnswer
    from edge_agent.wire.reading import Reading
    from edge_agent.wire.service import Change, Deed, DeviceChange

DRAIN_AT_MOST = 512
LOOK_AGAIN_S = 0.25
STATUS_AGAIN_S = 900.0
"""So often the gateway's status goes up where nothing in it changes."""
UNSENT = " unsent"
log = logging.getLogger(__name__)


class Ingest:
    """The pipeline thread's work. `view`, `counts` and `turned_s` may be used from any thread."""

    def __init__(self, parts: Parts, site: Site, manners: Manners) -> None:
        self.view = View(site)
        self.turned_s = parts.clock.monotonic()
        """When it last came round: its progress."""
        self.recorder = Recorder(parts.clock.monotonic)
        self._parts = parts
        self._manners = manners
        self._counted: Counter[str] = Counter()
        self._state = State(site, manners.failure_after, manners.which_readings)
        self._lessons = Lessons({})
        self._drift: dict[str, Any] = {}
        self._listening_since: datetime | None = None
        self._deaf_since: datetime | None = None
        self._endpoint_since = parts.clock.now() if manners.endpoint else None
        self._sent_through: dict[tuple[str, Stream], int] = {}
        self._told_status: tuple[bytes, float] | None = None
        self._stopping = False
        self._begin(Numbering(site.epoch, {}), RedeliveryWindow())

    def _begin(self, numbering: Numbering, window: RedeliveryWindow) -> None:
        parts = self._parts
        self._numbering = numbering
        self._keeping = Keeping(parts.store, parts.broker, parts.publisher, numbering)
        self._intake = Intake(parts.registry, window, self._counted)
        self._correspondence = Correspondence(self._state, parts.publisher, self._intake)

    def restore(self) -> None:
        """Take up where the last run ended. Raises StoreError."""
        store = self._parts.store
        kept = store.restore()
        self._state.restore(kept, store.readings_since_snapshot(), self._parts.shelf.models)
        self._begin(Numbering(self._state.site.epoch, kept.last_seq), RedeliveryWindow(kept.delivered))
        self._lessons = Lessons(kept.meta)
        self._drift = self._lessons.told(self._parts.shelf.models.failure)
        self._deaf_since = max(self._state.site.heard.values(), default=None)
        self._sent_through = dict(kept.cursors)
        self._parts.publisher.resume(kept.cursors.get((CONSUMER, Stream.ALERTS), 0))
        self._show()

    def run(self) -> None:
        """Serve until `stop`; what waits then is kept."""
        while not self._stopping:
            self.turn(self._patience_s())
        self._commit(snapshot=True)
        self._keeping.acknowledge()

    def _patience_s(self) -> float:
        """Return how long to wait for what comes next before there is something to do anyway."""
        if self._parts.publisher.more_is_due:
            return 0.001
        if self._keeping.failing:
            return LOOK_AGAIN_S
        left = self._keeping.batch.left(self._parts.clock.monotonic(), self._manners.commit_s)
        return min(left, LOOK_AGAIN_S)

    def turn(self, timeout_s: float) -> None:
        """Wait for what comes next, take it, commit what is due, publish what may go."""
        items = self._parts.inbox.drain(DRAIN_AT_MOST, timeout_s)
        self.turned_s = now_s = self._parts.clock.monotonic()
        self._numbering.clock = self._parts.clock.trust()
        self._intake.turned(now_s, idle=not items)
        self._take(items)
        if self._keeping.batch.due(now_s, self._manners.commit_s, idle=not items):
            self._commit()
        try:
            self._parts.publisher.pump(now_s)
        except StoreError:  # it is read again at the next turn; commits tell of the trouble
            self._counted["outbox unreadable"] += 1
        self._keeping.acknowledge()

    def counts(self) -> Mapping[str, int]:
        """Return what came and what became of it, by kind; each only grows."""
        return {**self._counted, "lost readings": self._keeping.lost_readings}

    def _take(self, items: Sequence[Item]) -> None:
        """Take items in order; the readings of messages in a row are judged together."""
        readings: list[Reading] = []
        for item in items:
            if isinstance(item, Message):
                readings.extend(self._receive(item))
                continue
            self.observe(readings)
            readings = []
            self._handle(item)
        self.observe(readings)

    def _receive(self, message: Message) -> Sequence[Reading]:
        batch = self._keeping.batch
        batch.begin(self.turned_s)
        self.recorder.heard(message)
        if not message.topic.startswith(self._parts.publisher.alerts_prefix):
            return self._intake.take(message, batch)
        if self._correspondence.read(message, batch, self._parts.clock.now()):
            batch.begin(self.turned_s, pressing=True)
        return ()

    def _handle(self, item: Item) -> None:
        if isinstance(item, Published):
            if self._parts.publisher.published(item.packet_id):
                self._keeping.batch.commit.cursors[CONSUMER, Stream.ALERTS] = self._parts.publisher.cursor
                self._keeping.batch.begin(self.turned_s)
        elif isinstance(item, Order):
            item.carry_out()
        elif isinstance(item, Connected):
            self._connected(item)
        elif isinstance(item, Disconnected):
            self._listening_since, self._deaf_since = None, self._parts.clock.now()
            self._show()
            log.warning("broker lost; trying again", extra={"reason": item.reason})

    def _connected(self, connection: Connected) -> None:
        self._listening_since = now = self._parts.clock.now()
        if self._deaf_since is not None and self._deaf_since < now:
            self._state.heard_nothing(Gap(since=self._deaf_since, until=now), self._keeping.batch)
            self._keeping.batch.begin(self.turned_s)
        self._deaf_since = None
        self._intake.connected(connection, self.turned_s, self._keeping.batch)
        self._parts.publisher.greet(open_alerts(self.view.site), self._gateway_status())
        self._offer_states()
        self._show()
        log.info("broker reached", extra={"session_present": connection.session_present})

    def _offer_states(self) -> None:
        for evse, judged in self._state.latest.items():
            self._parts.publisher.offer_state(evse, judged)

    def _gateway_status(self) -> bytes:
        since, models = self._listening_since, self._parts.shelf.models
        told = {
            "status": "degraded" if self.view.watch_only else "online",
            "version": __version__,
            "since": since and since.isoformat().replace("+00:00", "Z"),
            "backlog": self._parts.publisher.backlog,
            "drift": self._drift.get("level", "unknown"),
            "models": {
                "failure_predictor": models.failure.version,
                "anomaly_detector": models.anomaly.version,
            },
        }
        return json.dumps(told).encode()

    # What others order; on this thread

    def observe(self, readings: Sequence[Reading]) -> None:
        """Judge readings and put what follows into the next commit."""
        if not readings:
            return
        batch = self._keeping.batch
        outcomes = self._state.observe(readings, self._parts.shelf.live, batch)
        self._keeping.folded(len(outcomes))
        for outcome in outcomes:
            self._counted["quarantined"] += outcome.refusal is not None
            if outcome.judgement is not None:
                self._parts.publisher.offer_state(outcome.evse, outcome.judgement)
        batch.begin(self.turned_s, pressing=any(outcome.presses for outcome in outcomes))

    def answer_alert(self, told: Acknowledgement | Silence, deed: Deed) -> Alert | None:
        """Acknowledge or silence an open alert and keep that; None where none of that id is open."""
        alert = self._state.answer_alert(told, deed.at, self._keeping.batch)
        if alert is not None:
            self.did(deed)
        return alert

    def decide(self, suggestion_id: str, decision: Decision, deed: Deed) -> MaintenanceAnswer | None:
        """Keep what was decided of a suggestion; None where there is none, or it is done already."""
        suggestion = self._state.decide(suggestion_id, decision, self._keeping.batch)
        if suggestion is not None:
            self.did(deed)
        return suggestion

    def quieten(self, quiet: Quiet, deed: Deed) -> Quiet:
        """Let a charger under work raise no alerts until then, and keep that."""
        self._state.quieten(quiet, self._keeping.batch)
        self.did(deed)
        return quiet

    def change_device(self, charger_id: str, change: Change, deed: Deed) -> DeviceChange | None:
        """Let a charger be gone, or be another device, and keep that; None where it is not known."""
        told = self._state.change_device(charger_id, change, deed, self._keeping.batch)
        if told is not None:
            self._parts.publisher.forget(charger_id)
            self._keeping.forgot()
            self.did(deed)
        return told

    def work_done(self, done: WorkDone, deed: Deed) -> WorkDone:
        """Keep work that was done, once; return it as it is kept. Raises StoreError."""
        waiting = [fact for fact in self._keeping.batch.commit.facts if isinstance(fact, WorkDone)]
        kept = self._parts.store.work(done.maintenance_id)
        if kept is not None or done in waiting:
            return kept or done
        self.observe(self._state.work_done(done, self._parts.clock.now(), self._keeping.batch))
        self.did(deed)
        return done

    def behave(self, manners: Manners) -> None:
        """Work as the operator wants it from now on."""
        self._manners = manners
        self._state.failure_after, self._state.which_readings = manners.failure_after, manners.which_readings

    def listen(self) -> None:
        """Turn chargers that have fallen silent OFFLINE."""
        now, patience = self._parts.clock.now(), self._manners.patience
        since = Listening(self._listening_since, self._endpoint_since)
        batch = self._keeping.batch
        readings = self._state.silence(now, since, patience, batch)
        if batch.commit.records:
            batch.begin(self.turned_s, pressing=True)
        self.observe(readings)

    def tell_of_gateway(self, found: Mapping[AlertType, Standing | None]) -> None:
        """Watch over what concerns the gateway itself."""
        batch, now = self._keeping.batch, self._parts.clock.now()
        for kind, standing in found.items():
            self._state.tell_standing((SITE, kind), standing, now, batch)
        if batch.commit.watches:
            batch.begin(self.turned_s, pressing=bool(batch.commit.records))

    def suggest(self) -> None:
        """Weigh maintenance anew."""
        batch = self._keeping.batch
        self._state.weigh_maintenance(self._manners.terms, self._parts.clock.now(), batch)
        if batch.commit.suggestions or batch.commit.watches:
            batch.begin(self.turned_s)

    def learn(self) -> None:
        """Keep what there is to learn from the last hour."""
        batch, now = self._keeping.batch, self._parts.clock.now()
        model = self._parts.shelf.models.failure
        self._lessons.take(self._state.latest.values(), model, now, batch)
        self._drift = self._lessons.told(model)
        if batch.commit.meta:
            batch.begin(self.turned_s)

    def swapped(self) -> None:
        """Take note that the models were swapped."""
        self._state.rejudge(self._parts.shelf.models)
        self._drift = self._lessons.told(self._parts.shelf.models.failure)
        self._show()

    def clock_stepped(self) -> None:
        """Take note that the wall clock was set: silence is counted from now."""
        self._state.clock_stepped()
        if self._endpoint_since is not None:
            self._endpoint_since = self._parts.clock.now()
        if self._listening_since is not None:
            self._listening_since = self._parts.clock.now()
            self._show()

    def sent_through(self, consumer: str, stream: Stream) -> int:
        """Return through which number a consumer has had a stream; from any thread."""
        return self._sent_through.get((consumer, stream), 0)

    def sent_up(self, consumer: str, stream: Stream, seq: int) -> None:
        """Take note that a consumer has a stream through this number."""
        self._sent_through[consumer, stream] = seq
        self._keeping.batch.commit.cursors[consumer, stream] = seq
        self._keeping.batch.begin(self.turned_s)

    def trim(self) -> None:
        """Delete what the bounds no longer allow; have it told what nobody will see. Raises StoreError."""
        gone = self._parts.store.trim(self._parts.clock.steady())
        self._counted.update({f"trimmed {table}": rows for table, rows in gone.items()})
        unsent = {table: rows for table, rows in gone.items() if table.endswith(UNSENT) and rows}
        if unsent:
            log.warning("room was short: records were given up that were never sent", extra={"rows": unsent})
            self._state.tell_gap(unsent, self._parts.clock.now(), self._keeping.batch)
            self._keeping.batch.begin(self.turned_s, pressing=True)

    def sum_up(self) -> None:
        """Add readings to the sums of their hours, a bounded number a time. Raises StoreError."""
        self._parts.store.sum_up()

    def tell_status(self) -> None:
        """Publish how the gateway is, and the state of every EVSE once more."""
        status = self._gateway_status()
        self._parts.publisher.say("gateway/status", status)
        self._offer_states()
        told = self._told_status
        if told is None or told[0] != status or self.turned_s - told[1] >= STATUS_AGAIN_S:
            self._told_status = status, self.turned_s
            self._state.tell_gateway(status.decode(), self._parts.clock.now(), self._keeping.batch)
            self._keeping.batch.begin(self.turned_s)

    def tell_statistics(self) -> None:
        """Log what came and what became of it so far."""
        counts = {
            kind.replace(" ", "_"): count for kind, count in self.counts().items() if "ignored" not in kind
        }
        log.info("statistics", extra={"chargers": len(self._state.site.chargers), **counts})

    def did(self, deed: Deed) -> None:
        """Keep who did something, with all that is in the batch."""
        self._keeping.batch.commit.facts.append(deed)
        self._commit()

    def stop(self) -> None:
        """Let `run` return; from any thread, and harmless where it has ended."""
        self._stopping = True

    def _commit(self, *, snapshot: bool = False) -> None:
        now = Moment(self._parts.clock.now(), self.turned_s)
        self._keeping.commit(self._state, now, snapshot=snapshot)
        self._show()

    def _show(self) -> None:
        """Let other threads see what is so now."""
        self.view = View(
            site=self._state.site,
            latest=dict(self._state.latest),
            suggestions=dict(self._state.suggestions),
            listening_since=self._listening_since,
            watch_only=self._keeping.watch_only,
            drift=self._drift,
            deaf_since=self._deaf_since,
        )
