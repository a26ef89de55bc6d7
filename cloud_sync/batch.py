"""What goes up next, and when: pure decisions of the gateway's side. Section 4 of the contract."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import NamedTuple

from pydantic import ValidationError

from edge_agent.wire.outbox import Record, Stream
from edge_agent.wire.uplink import MOST_BYTES, MOST_RECORDS, Acknowledged, RejectedRecord, encoded

FIRST_WAIT_S = 1.0
LONGEST_WAIT_S = 300.0
REFUSED_WAIT_S = 60.0
"""After 401 and 403: somebody has to do something first. The credentials are read anew each time."""
LONGEST_TOLD_S = 3_600.0
"""No Retry-After is obeyed for longer: a slip over there must not silence a site for days."""


class Batch(NamedTuple):
    """A request's body, and the record that its acknowledgement reaches to."""

    stream: Stream
    epoch: str
    first_seq: int
    last_seq: int
    body: bytes


class Acked(NamedTuple):
    """Upstream has what the batch holds, through this number. rejected: what it could not read."""

    through: int
    rejected: Sequence[RejectedRecord]


class Wait(NamedTuple):
    """Not now: try again after so long. smaller: the batch was too large."""

    seconds: float
    reason: str
    smaller: bool = False


def next_batch(records: Sequence[Record], most: int = MOST_RECORDS) -> Batch | None:
    """Return the longest batch that the first records make: of one epoch, within the contract's bounds.

    records: of one stream, in order. A record alone may be larger than a batch should be.
    """
    if not records:
        return None
    first = records[0]
    head = json.dumps({"epoch": first.epoch, "stream": first.stream, "first_seq": first.seq})[:-1]
    parts: list[bytes] = []
    size, last = len(head), first.seq
    for record in records[:most]:
        part = encoded(record)
        if record.epoch != first.epoch or (parts and size + len(part) > MOST_BYTES):
            break
        parts.append(part)
        size += len(part) + 1
        last = record.seq
    body = head.encode() + b',"records":[' + b",".join(parts) + b"]}"
    return Batch(first.stream, first.epoch, first.seq, last, body)


def outcome(
    status: int, headers: Mapping[str, str], body: bytes, batch: Batch, waited: tuple[int, float]
) -> Acked | Wait:
    """Return what an answer means.

    headers: by lower-case name.
    waited: how often in a row it did not work, and a number from 0 to 1 by chance.
    """
    if status == HTTPStatus.OK:
        return _acknowledged(body, batch, waited)
    told_s = _retry_after_s(headers.get("retry-after"))
    if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return Wait(told_s or 0.0, "the batch is too large for upstream", smaller=True)
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return Wait(max(told_s or 0.0, spread(REFUSED_WAIT_S, waited[1])), f"upstream refuses us: {status}")
    pause = backoff_s(*waited)
    return Wait(pause if told_s is None else told_s + spread(pause, waited[1]), f"upstream answers {status}")


def _acknowledged(body: bytes, batch: Batch, waited: tuple[int, float]) -> Acked | Wait:
    try:
        answer = Acknowledged.model_validate_json(body)
    except ValidationError:
        return Wait(backoff_s(*waited), "upstream's answer cannot be read")
    if not batch.first_seq - 1 <= answer.acked_seq <= batch.last_seq:
        return Wait(backoff_s(*waited), f"upstream acknowledges {answer.acked_seq}, which was not sent")
    if answer.acked_seq < batch.first_seq:
        return Wait(backoff_s(*waited), "upstream has kept nothing of it")
    return Acked(answer.acked_seq, answer.rejected)


def backoff_s(failures: int, chance: float) -> float:
    """Return how long to wait after so many failures: longer each time, and never all gateways at once."""
    return spread(min(FIRST_WAIT_S * 2 ** min(failures, 20), LONGEST_WAIT_S), chance)


def spread(seconds: float, chance: float) -> float:
    """Return between half and the whole of a time."""
    return seconds * (0.5 + 0.5 * chance)


def _retry_after_s(told: str | None) -> float | None:
    """Return Retry-After in seconds; its date form says no more than that it will take a while."""
    if told is None:
        return None
    try:
        return min(max(float(told), 0.0), LONGEST_TOLD_S)
    except ValueError:
        pass
    try:
        parsedate_to_datetime(told)
    except ValueError:
        return None
    return REFUSED_WAIT_S


@dataclass(slots=True)
class Budget:
    """Bytes that may go up: so many a second, saved up for a minute at most. None: no bound."""

    bytes_a_second: float | None
    saved: float = 0.0
    at: float = 0.0

    def wait_s(self, size: int, now: float) -> float:
        """Take the bytes of a batch; return how long it must wait for them: what is owed, once."""
        rate = self.bytes_a_second
        if rate is None:
            return 0.0
        self.saved = min(self.saved + (now - self.at) * rate, 60.0 * rate)
        self.at = now
        self.saved -= size
        return max(-self.saved / rate, 0.0)
