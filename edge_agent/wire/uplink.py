"""What a gateway sends up, and what it is answered: section 4 of the contract."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, JsonValue

from edge_agent.wire.outbox import ClockTrust, Record, Stream
from edge_agent.wire.types import Message, UtcTime

MOST_RECORDS = 500
MOST_BYTES = 256 * 1024
Seq = Annotated[int, Field(ge=1, le=2**62)]


class UplinkRecord(Message):
    """One record of a batch. Its payload is checked by whoever reads it: one must not stop the rest."""

    seq: Seq
    type: Annotated[str, Field(max_length=64)]
    charger_id: Annotated[str, Field(max_length=400)]
    ts: UtcTime
    clock: ClockTrust
    payload: JsonValue


class UplinkBatch(Message):
    """Records of one stream and epoch, in order. Who sends it is never in it: the credentials tell."""

    epoch: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9._-]+$")]
    stream: Stream
    first_seq: Seq
    records: Annotated[list[UplinkRecord], Field(min_length=1, max_length=MOST_RECORDS)]


class RejectedRecord(Message):
    """A record that went to the dead letters, and why. It counts as acknowledged."""

    seq: int
    reason: str


class Acknowledged(Message):
    """Everything through `acked_seq` is kept, or is a dead letter."""

    acked_seq: int
    rejected: list[RejectedRecord] = []


def encoded(record: Record) -> bytes:
    """Return a record as a batch holds it. Its payload is JSON already, and is not read again."""
    head = UplinkRecord.model_construct(
        seq=record.seq,
        type=str(record.type),
        charger_id=record.charger_id,
        ts=record.ts,
        clock=record.clock,
        payload=None,
    ).model_dump_json(exclude={"payload"})
    return f'{head[:-1]},"payload":{record.payload}}}'.encode()
