"""What the next commit will hold, and what is owed once it is done."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from edge_agent.ports import Commit, Quarantined
from edge_agent.wire.alert import AlertState, AlertType
from edge_agent.wire.outbox import Record, RecordType, Stream
from edge_agent.wire.service import Episode

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from edge_agent.core.judgement import Judgement
    from edge_agent.core.pipeline import Outcome
    from edge_agent.ports import Delivered
    from edge_agent.wire.alert import Alert
    from edge_agent.wire.answers import AnomalyAnswer, FailureAnswer, MaintenanceAnswer
    from edge_agent.wire.outbox import ClockTrust
    from edge_agent.wire.service import Attempt, DeviceChange, Downtime, WorkDone

MOST_MESSAGES = 512
MOST_CARRIED = 2_000
SMALLEST_IN_FLIGHT = 20
"""Messages that a broker with its own defaults has under way before it waits for acknowledgements."""


class Numbering:
    """Numbers answers and readings, across batches; alerts bear the number that the core gave them."""

    def __init__(self, epoch: str, last_seq: Mapping[Stream, int]) -> None:
        self.clock: ClockTrust = "unsynced"
        self._epoch = epoch
        self._last = dict(last_seq)

    def next(self, stream: Stream) -> int:
        """Return the stream's next number."""
        self._last[stream] = number = self._last.get(stream, 0) + 1
        return number

    def record(self, seq: int, kind: RecordType, charger_id: str, ts: datetime, payload: str) -> Record:
        """Return a record under a number that `next` gave for its stream."""
        return Record(
            stream=STREAMS[kind],
            seq=seq,
            epoch=self._epoch,
            type=kind,
            charger_id=charger_id,
            ts=ts,
            clock=self.clock,
            payload=payload,
        )


STREAMS = {
    RecordType.ALERT: Stream.ALERTS,
    RecordType.MAINTENANCE: Stream.ALERTS,
    RecordType.MAINTENANCE_DONE: Stream.ALERTS,
    RecordType.DEVICE_CHANGE: Stream.ALERTS,
    RecordType.DOWNTIME: Stream.ALERTS,
    RecordType.GATEWAY: Stream.ALERTS,
    RecordType.GAP: Stream.ALERTS,
    RecordType.FAILURE: Stream.ANSWERS,
    RecordType.ANOMALY: Stream.ANSWERS,
    RecordType.ATTEMPT: Stream.ANSWERS,
    RecordType.READING: Stream.READINGS,
}


class Batch:
    """Fills until it is due: at once for what presses, else when it is large or has waited."""

    def __init__(self, numbering: Numbering) -> None:
        self.commit = Commit()
        self.owed: list[tuple[int, int]] = []
        """(generation, packet id) of each message to acknowledge once this is kept."""
        self._numbering = numbering
        self._since: float | None = None
        self._pressing = False

    def due(self, monotonic: float, wait_s: float, *, idle: bool = False) -> bool:
        """Return whether it must be committed now.

        idle: nothing else comes; with messages owed it may be that the broker's in-flight limit holds them.
        """
        if self._since is None:
            return False
        if idle and len(self.owed) >= SMALLEST_IN_FLIGHT:
            return True
        return self._pressing or len(self.owed) >= MOST_MESSAGES or monotonic - self._since >= wait_s

    def left(self, monotonic: float, wait_s: float) -> float:
        """Return for how many seconds more it may wait."""
        return wait_s if self._since is None else max(self._since + wait_s - monotonic, 0.0)

    def begin(self, monotonic: float, *, pressing: bool = False) -> None:
        """Let the waiting begin, if it has not; what presses is committed with the next chance."""
        self._since = monotonic if self._since is None else self._since
        self._pressing = self._pressing or pressing

    def owe(self, generation: int, packet_id: int, delivered: Delivered | None) -> None:
        """Acknowledge a message after the commit; delivered: what tells it again, None if it is known."""
        self.owed.append((generation, packet_id))
        if delivered is not None:
            self.commit.delivered.append(delivered)

    def add(self, outcome: Outcome, *, goes_up: bool = False) -> None:
        """Put in what a reading led to. goes_up: whether the reading itself is worth sending up."""
        reading, evse = outcome.reading, outcome.evse
        if outcome.refusal is not None:
            text = reading.metrics.model_dump_json(exclude_none=True).encode()
            topic = f"chargers/{reading.charger_id}"
            self.commit.quarantined.append(
                Quarantined(reading.received_at, topic, outcome.refusal.reason, text)
            )
            return
        self.commit.readings.append((evse, reading))
        for kind, watch in outcome.watches.items():
            self.commit.watches[evse, kind] = watch
        for alert in outcome.alerts:
            self.tell_alert(alert)
        if outcome.judgement is not None and outcome.news is not None:
            self._tell_answers(outcome.judgement, outcome.news)
        if goes_up:
            self._tell_reading(outcome)

    def shed(self) -> int:
        """Drop the records that are not alerts, as room is short, and return how many they were."""
        records = self.commit.records
        self.commit.records = [each for each in records if each.stream is Stream.ALERTS][-MOST_CARRIED:]
        return len(records) - len(self.commit.records)

    def inherit(self, unkept: Commit) -> None:
        """Take over from a commit that never was what the next one must still keep."""
        self.commit.watches.update(unkept.watches)
        self.commit.records.extend(unkept.records)
        self.commit.delivered.extend(unkept.delivered[-MOST_CARRIED:])
        self.commit.forget_delivered = unkept.forget_delivered
        self.commit.cursors.update(unkept.cursors)
        self.commit.suggestions.extend(unkept.suggestions[-MOST_CARRIED:])
        self.commit.withdrawn.extend(unkept.withdrawn)
        self.commit.meta.update(unkept.meta)
        self.commit.facts.extend(unkept.facts[-MOST_CARRIED:])

    def tell_alert(self, alert: Alert) -> None:
        """Put an alert's news into the outbox, and keep one that is over."""
        if alert.alert_type is AlertType.FAILURE_PREDICTED:
            self.commit.facts.append(episode(alert))
        if alert.state is AlertState.CLEARED:
            self.commit.facts.append(alert)
        payload = alert.model_dump_json()
        self._tell(alert.seq, RecordType.ALERT, alert.charger_id, alert.updated_at, payload)

    def suggest(self, suggestion: MaintenanceAnswer, seq: int) -> None:
        """Keep a maintenance suggestion and put it into the outbox."""
        self.commit.suggestions.append(suggestion)
        payload = suggestion.model_dump_json()
        self._tell(seq, RecordType.MAINTENANCE, suggestion.charger_id, suggestion.timestamp, payload)

    def tell_downtime(self, downtime: Downtime, ts: datetime, seq: int) -> None:
        """Keep an outage that is over and put it into the outbox."""
        self.commit.facts.append(downtime)
        self._tell(seq, RecordType.DOWNTIME, downtime.charger_id, ts, downtime.model_dump_json())

    def tell_attempt(self, attempt: Attempt) -> None:
        """Keep an attempt that is over and put it into the outbox."""
        self.commit.facts.append(attempt)
        seq = self._numbering.next(Stream.ANSWERS)
        payload = attempt.model_dump_json()
        self._tell(seq, RecordType.ATTEMPT, attempt.charger_id, attempt.ended_at, payload)

    def tell_work(self, done: WorkDone, ts: datetime, seq: int) -> None:
        """Keep work that was done and put it into the outbox."""
        self.commit.facts.append(done)
        self._tell(seq, RecordType.MAINTENANCE_DONE, done.charger_id, ts, done.model_dump_json())

    def tell_device_change(self, change: DeviceChange, seq: int) -> None:
        """Keep that a device has gone and put it into the outbox; its suggestions go with it."""
        self.commit.withdrawn.append(change.charger_id)
        self.commit.facts.append(change)
        self._tell(seq, RecordType.DEVICE_CHANGE, change.charger_id, change.at, change.model_dump_json())

    def tell_gap(self, lost: Mapping[str, int], at: datetime, seq: int) -> None:
        """Put into the outbox what was lost, by kind."""
        self._tell(seq, RecordType.GAP, "_site", at, json.dumps(lost))

    def tell_gateway(self, status: str, at: datetime, seq: int) -> None:
        """Put the gateway's own status, JSON, into the outbox."""
        self._tell(seq, RecordType.GATEWAY, "_site", at, status)

    def _tell_answers(self, judged: Judgement, news: tuple[FailureAnswer, AnomalyAnswer]) -> None:
        for kind, answer in zip((RecordType.FAILURE, RecordType.ANOMALY), news, strict=True):
            seq = self._numbering.next(Stream.ANSWERS)
            self._tell(seq, kind, judged.charger.charger_id, judged.at, answer.model_dump_json())

    def _tell_reading(self, outcome: Outcome) -> None:
        """Tell a reading with all that is known by it; one of the past only with what it says itself."""
        reading, evse, judged = outcome.reading, outcome.evse, outcome.judgement
        known = reading.metrics if judged is None else judged.charger.now
        metrics = known.model_dump(mode="json", exclude_none=True)
        told = {
            "charger_id": evse.charger_id,
            "metrics": {**metrics, "connector_id": evse.connector_id},
            "tenant_id": reading.tenant_id if judged is None else judged.charger.tenant_id,
            "timestamp": reading.at.isoformat().replace("+00:00", "Z"),
        }
        seq = self._numbering.next(Stream.READINGS)
        self._tell(seq, RecordType.READING, evse.charger_id, reading.at, json.dumps(told))

    def _tell(self, seq: int, kind: RecordType, charger_id: str, ts: datetime, payload: str) -> None:
        self.commit.records.append(self._numbering.record(seq, kind, charger_id, ts, payload))


def episode(alert: Alert) -> Episode:
    """Return a warning of failure as learning needs it."""
    evidence, reading = alert.evidence, alert.evidence.get("reading", {})
    return Episode(
        alert_id=alert.alert_id,
        charger_id=alert.charger_id,
        connector_id=alert.connector_id,
        raised_at=alert.raised_at,
        cleared_at=alert.cleared_at,
        probability=evidence.get("failure_probability"),
        model_version=evidence.get("failure_model"),
        vendor=reading.get("vendor"),
        firmware=reading.get("firmware"),
    )
