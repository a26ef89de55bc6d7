"""Records on their way up: section 4 of the contract."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from edge_agent.wire.types import Message, UtcTime

ClockTrust = Literal["trusted", "unsynced", "stepped"]


class Stream(StrEnum):
    """Each has a sequence and a cursor of its own, so that alerts overtake a backlog."""

    ALERTS = "alerts"
    ANSWERS = "answers"
    READINGS = "readings"


class RecordType(StrEnum):
    """What a record's payload is."""

    ALERT = "alert"
    MAINTENANCE = "maintenance"
    MAINTENANCE_DONE = "maintenance_done"
    DEVICE_CHANGE = "device_change"
    DOWNTIME = "downtime"
    ATTEMPT = "attempt"
    FAILURE = "failure"
    ANOMALY = "anomaly"
    READING = "reading"
    GATEWAY = "gateway"
    GAP = "gap"


class Record(Message):
    """One row of the outbox. `payload` is JSON text, written once and never changed; nor is `ts`."""

    stream: Stream
    seq: int
    epoch: str
    type: RecordType
    charger_id: str
    ts: UtcTime
    clock: ClockTrust
    payload: str
