"""What may leave the store, what is worth least first.

    worth           goes when                       is given up for room
    RAW             folded, and older than raw_days once folded into a snapshot
    READING_RECORD  told, or older than unsent_days told or not
    SCORE           older than rollup_days          any
    ATTEMPT         older than rollup_days          any
    ANSWER_RECORD   told, or older than unsent_days told or not
    DOWNTIME        older than rollup_days          any
    ALERT_RECORD    told, or a year old             never before that

The newest record of a stream always stays: the stream's numbers go on from it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import IntEnum
from typing import NamedTuple

from edge_agent.wire.outbox import Stream

ALERTS_KEPT = timedelta(days=365)
FINISHED_KEPT = timedelta(days=365)
"""How long maintenance that was done or rejected is remembered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreBounds:
    """How much a store may hold.

    max_bytes: of the rows held; the file shrinks never, but what is freed in it is used again.
    min_free_bytes: what the file system must have left, counting what is free inside the file.
    raw_days: how long raw readings are kept.
    unsent_days: how long answers and readings wait for a consumer that does not come.
    rollup_days: how long outages, attempts, work and what else sums up a time are kept.
    quarantine_bytes: for all that could not be understood.
    consumers: who reads the outbox, and which streams. A record is told when each of them has it.
    """

    max_bytes: int
    min_free_bytes: int
    raw_days: float
    quarantine_bytes: int
    consumers: Mapping[str, Collection[Stream]]
    unsent_days: float = 90.0
    rollup_days: float = 730.0


class Worth(IntEnum):
    """What rows are worth, by what they are: the least goes first."""

    RAW = 0
    READING_RECORD = 1
    SCORE = 2
    ATTEMPT = 3
    ANSWER_RECORD = 4
    DOWNTIME = 5
    ALERT_RECORD = 6


LOCAL = frozenset({Worth.RAW, Worth.SCORE, Worth.ATTEMPT, Worth.DOWNTIME})
"""Rows that no consumer reads, and whose numbers nothing goes on from."""


class Shelf(NamedTuple):
    """Rows of one worth, numbered in the order in which they came.

    first, last: lowest and highest number held; last < first where there is none.
    served: through which every row has had its use: it is in a snapshot, or every consumer has it.
    aged: through which every row, from the first one on, is older than its worth is kept. A young row in
        between ends it: a clock that was wrong for a while must not take along what lies before.
    """

    worth: Worth
    first: int
    last: int
    served: int
    aged: int


class Cut(NamedTuple):
    """Rows to delete, by number, both ends included; `unsent` of them no consumer will ever see."""

    worth: Worth
    first: int
    through: int
    unsent: int


class Room(NamedTuple):
    """Bytes: of the file, free inside it, and free on its file system."""

    file: int
    reusable: int
    free: int


def shortage(room: Room, bounds: StoreBounds) -> int:
    """Return how many bytes must become free inside the file; 0 where there is room enough."""
    too_much = room.file - room.reusable - bounds.max_bytes
    too_little = bounds.min_free_bytes - room.free - room.reusable
    return max(too_much, too_little, 0)


def kept_for(worth: Worth, bounds: StoreBounds) -> timedelta:
    """Return the age from which rows of this worth may go."""
    if worth is Worth.RAW:
        return timedelta(days=bounds.raw_days)
    if worth in LOCAL:
        return timedelta(days=bounds.rollup_days)
    return ALERTS_KEPT if worth is Worth.ALERT_RECORD else timedelta(days=bounds.unsent_days)


def next_cut(shelves: Sequence[Shelf], short_bytes: int, most: int) -> Cut | None:
    """Return the next rows to delete, `most` at the most; None where all may stay or nothing may go."""
    limits = (due_through, spare_through) if short_bytes > 0 else (due_through,)
    for limit in limits:
        for shelf in sorted(shelves):
            through = min(limit(shelf), shelf.first + most - 1)
            if through >= shelf.first:
                return Cut(shelf.worth, shelf.first, through, _unsent(shelf, through))
    return None


def due_through(shelf: Shelf) -> int:
    """Return through which number rows go whether room is short or not."""
    if shelf.worth in LOCAL:
        return min(shelf.served, shelf.aged)
    return min(max(shelf.served, shelf.aged), shelf.last - 1)


def spare_through(shelf: Shelf) -> int:
    """Return through which number rows are given up where room is short."""
    if shelf.worth in LOCAL:
        return min(shelf.served, shelf.last)
    return due_through(shelf) if shelf.worth is Worth.ALERT_RECORD else shelf.last - 1


def _unsent(shelf: Shelf, through: int) -> int:
    if shelf.worth in LOCAL:
        return 0
    return max(through - max(shelf.served, shelf.first - 1), 0)
