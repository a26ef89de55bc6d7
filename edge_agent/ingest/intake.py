"""From messages to readings: what came before is told, what is not understood is set aside."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from edge_agent.errors import DEFECT, Rejected
from edge_agent.ingest.redelivery import RedeliveryWindow
from edge_agent.ports import Quarantined
from edge_agent.sources import Decoded, Received
from edge_agent.sources.people import without_people

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Sequence

    from edge_agent.ingest.batch import Batch
    from edge_agent.ports import Connected, Message
    from edge_agent.sources.registry import Registry
    from edge_agent.wire.reading import Reading

BURST_AT_LEAST_S = 0.5
BURST_AT_MOST_S = 30.0
"""On a busy site something always waits. No broker that is set up as shipped has more in store for us."""
KINDS_COUNTED = 500
"""Kinds come from outside; more are counted together."""

log = logging.getLogger(__name__)


class Intake:
    """Turns messages into readings, each once; owned by the pipeline thread."""

    def __init__(self, registry: Registry, window: RedeliveryWindow, counted: Counter[str]) -> None:
        self._registry = registry
        self._window = window
        self._counted = counted
        self._burst_since: float | None = None

    def connected(self, connection: Connected, monotonic: float, batch: Batch) -> None:
        """Take note of a new connection: what waited comes in a burst, or nothing comes again."""
        if connection.session_present:
            self._burst_since = monotonic
            return
        self._window.forget()
        batch.commit.delivered.clear()
        batch.commit.forget_delivered = True
        batch.begin(monotonic)

    def turned(self, monotonic: float, *, idle: bool) -> None:
        """Take note of the time and of whether nothing waits: then a burst that has begun is over."""
        if self._burst_since is None:
            return
        if monotonic - self._burst_since >= (BURST_AT_LEAST_S if idle else BURST_AT_MOST_S):
            self._burst_since = None

    def take(self, message: Message, batch: Batch) -> Sequence[Reading]:
        """Return a message's readings; it will be acknowledged with the batch."""
        self._counted["messages"] += 1
        if not self.is_new(message, batch):
            return ()
        decoded = self._decoded(message)
        if decoded.rejected:
            self.set_aside(message, decoded.rejected, batch)
        for kind in decoded.ignored:
            known = len(self._counted) < KINDS_COUNTED or f"ignored {kind}" in self._counted
            self._counted[f"ignored {kind}" if known else "ignored others"] += 1
        return decoded.readings

    def is_new(self, message: Message, batch: Batch) -> bool:
        """Say whether a message was not taken before; either way it is acknowledged with the batch."""
        if message.packet_id is None:
            return True
        delivered = self._window.take(message)
        batch.owe(message.generation, message.packet_id, delivered)
        if delivered is None:
            self._counted["redelivered"] += 1
        return delivered is not None

    def set_aside(self, message: Message, reasons: Sequence[Rejected], batch: Batch) -> None:
        """Put a message into the quarantine: its payload once, with the first of the reasons."""
        self._counted["quarantined"] += len(reasons)
        payload = without_people(message.payload)
        for rejected in reasons:
            batch.commit.quarantined.append(
                Quarantined(message.received_at, message.topic, rejected.reason, payload)
            )
            payload = b""

    def _decoded(self, message: Message) -> Decoded:
        burst = self._burst_since is not None
        try:
            return self._registry.decode(
                Received(message.topic, message.payload, message.received_at, message.retained, burst)
            )
        except Exception:  # a message that ended the process would come again for ever
            log.exception("a message was refused by a defect of the agent; please report this")
            return Decoded(rejected=(DEFECT,))
