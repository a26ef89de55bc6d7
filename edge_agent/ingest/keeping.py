"""Keeping: one commit for a batch, then its acknowledgements; and what is done where the store refuses.

A batch that is not kept is tried again, unacknowledged. When that has gone on for WATCH_ONLY_AFTER_S the
agent goes watch-only: it judges and alerts without keeping, acknowledges, and counts what is lost. The
first commits that work again write the whole state and a gap record.
"""

from __future__ import annotations

import logging
import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge_agent.errors import StoreCorrupt, StoreError
from edge_agent.ingest.batch import Batch, Numbering

if TYPE_CHECKING:
    from datetime import datetime

    from edge_agent.ingest.publisher import Publisher
    from edge_agent.ingest.state import State
    from edge_agent.ports import Broker, Store

WATCH_ONLY_AFTER_S = 2.0
SNAPSHOT_AFTER = 2_000
"""Readings that a start folds again at most; more where chargers are many, as a snapshot writes them all."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Moment:
    """Now, by both clocks."""

    at: datetime
    monotonic: float


class Keeping:
    """The batch that is being filled, and its way into the store; owned by the pipeline thread."""

    def __init__(self, store: Store, broker: Broker, publisher: Publisher, numbering: Numbering) -> None:
        self.batch = Batch(numbering)
        self.lost: Counter[str] = Counter()
        """What went by unkept and is not told yet, by kind."""
        self.lost_readings = 0
        self.watch_only = False
        self._store = store
        self._broker = broker
        self._publisher = publisher
        self._numbering = numbering
        self._failing_since: float | None = None
        self._unsnapped = 0.0
        self._owed: list[tuple[int, int]] = []
        """(generation, packet id) of what is kept and not yet acknowledged."""

    @property
    def failing(self) -> bool:
        """Whether the last commit was refused."""
        return self._failing_since is not None

    def folded(self, readings: int) -> None:
        """Take note that so many readings more would have to be folded again after a start."""
        self._unsnapped += readings

    def forgot(self) -> None:
        """Take note that the state lost something: folding the readings again would bring it back."""
        self._unsnapped = math.inf

    def commit(self, state: State, now: Moment, *, snapshot: bool = False) -> None:
        """Keep the batch, offer what it holds for publishing, and begin the next one.

        Raises: StoreCorrupt where only a restart, which sets the file aside, can help.
        """
        batch = self.batch
        most = max(SNAPSHOT_AFTER, 10 * len(state.site.chargers))
        batch.commit.snapshot = state.site.chargers if snapshot or self._unsnapped >= most else None
        try:
            self._store.commit(batch.commit)
        except StoreCorrupt:
            raise
        except StoreError as error:
            self._refused(now, error)
            return
        self._failing_since = None
        self.watch_only = False
        if batch.commit.snapshot is not None:
            self._unsnapped = 0.0
        self._settle(batch)
        if self.lost:
            state.tell_gap(self.lost, now.at, self.batch)
            self.lost = Counter()
            self.commit(state, now)

    def acknowledge(self) -> None:
        """Acknowledge what is kept. What it led to is published first: an alert need not wait for this."""
        owed: dict[int, list[int]] = {}
        for generation, packet_id in self._owed:
            owed.setdefault(generation, []).append(packet_id)
        self._owed.clear()
        for generation, packet_ids in owed.items():
            self._broker.acknowledge(generation, packet_ids)

    def _settle(self, batch: Batch) -> None:
        self._owed.extend(batch.owed)
        self.batch = Batch(self._numbering)
        self._publisher.offer(batch.commit.records)

    def _refused(self, now: Moment, error: StoreError) -> None:
        if self._failing_since is None:
            self._failing_since = now.monotonic
            log.error("cannot keep readings; trying again", extra={"reason": str(error)})
        if now.monotonic - self._failing_since < WATCH_ONLY_AFTER_S:
            return
        if not self.watch_only:
            self.watch_only = True
            log.error("watch-only until the store works again", extra={"reason": str(error)})
        unkept = self.batch
        self.lost["readings"] += len(unkept.commit.readings)
        self.lost["quarantined"] += len(unkept.commit.quarantined)
        self.lost["records"] += unkept.shed()
        self.lost = +self.lost
        self.lost_readings += len(unkept.commit.readings)
        self._unsnapped = math.inf
        self._settle(unkept)
        self.batch.inherit(unkept.commit)
        self.batch.begin(now.monotonic)
