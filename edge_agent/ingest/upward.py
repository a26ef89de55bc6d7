"""The outbox as one of its consumers uses it, from a thread of its own."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge_agent.ingest.inbox import Inbox
    from edge_agent.ingest.thread import Ingest
    from edge_agent.wire.outbox import Record, Stream


class Upward:
    """Reads through a connection that cannot write; the cursor is moved by the pipeline."""

    def __init__(
        self,
        consumer: str,
        inbox: Inbox,
        ingest: Ingest,
        records_after: Callable[[Stream, int, int], list[Record]],
    ) -> None:
        self._consumer = consumer
        self._inbox = inbox
        self._ingest = ingest
        self._records_after = records_after

    def records_after(self, stream: Stream, seq: int, most: int) -> list[Record]:
        """Return the next records, oldest first. Raises StoreError."""
        return self._records_after(stream, seq, most)

    def cursor(self, stream: Stream) -> int:
        """Return how far the consumer has come."""
        return self._ingest.sent_through(self._consumer, stream)

    def acknowledged(self, stream: Stream, seq: int) -> None:
        """Move the cursor with the next commit. Raises Busy."""
        self._inbox.order(partial(self._ingest.sent_up, self._consumer, stream, seq))
