"""Again is not twice: tells a message that a broker brings again from one that is the same by chance."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING

from edge_agent.ports import Delivered

if TYPE_CHECKING:
    from collections.abc import Iterable

    from edge_agent.ports import Message

REDELIVERY_WINDOW = 2_000
DIGEST_BYTES = 8


def digest(message: Message) -> bytes:
    """Return what the message says, in eight bytes."""
    return blake2b(message.topic.encode() + b"\0" + message.payload, digest_size=DIGEST_BYTES).digest()


class RedeliveryWindow:
    """The last messages that were taken: (packet id, digest), and the connection that brought each.

    Brokers bring messages again only over a later connection of the same session, and not always
    marked; so a match counts only with a message of an earlier connection. On one connection the same
    packet id and payload are two messages.
    """

    def __init__(self, kept: Iterable[Delivered] = ()) -> None:
        self._seen: dict[Delivered, int] = dict.fromkeys(kept, 0)

    def forget(self) -> None:
        """Forget all: the broker has lost the session, so nothing comes again."""
        self._seen.clear()

    def take(self, message: Message) -> Delivered | None:
        """Return what to remember of a new message, or None where it was brought before.

        message: one of QoS 1, whose packet_id is not None.
        """
        delivered = Delivered(message.packet_id or 0, digest(message))
        before = self._seen.pop(delivered, None)
        self._seen[delivered] = message.generation
        if before is not None and before < message.generation:
            return None
        if len(self._seen) > REDELIVERY_WINDOW:
            del self._seen[next(iter(self._seen))]
        return delivered
