"""Hears the OCPP endpoint: what chargers and their back office say goes into the inbox, if there is room."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_agent.ports import Message

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from edge_agent.ingest.inbox import Inbox

NO_GENERATION = 0
"""No broker's connection brings it: nothing is acknowledged."""


class Tap:
    """Implements the `Listener` port. All of it is called from the server's thread.

    missed: messages for which there was no room: the charge goes on, what was said is lost to us.
    """

    def __init__(self, inbox: Inbox, prefix: str, now: Callable[[], datetime]) -> None:
        self._inbox = inbox
        self._chargers = f"{prefix}/chargers"
        self._now = now
        self.missed = 0

    def said(self, charger_id: str, message: str | bytes) -> None:
        """See `Listener`."""
        self._put(f"{self._chargers}/{charger_id}/ocpp", message)

    def told(self, charger_id: str, message: str | bytes) -> None:
        """See `Listener`."""
        self._put(f"{self._chargers}/{charger_id}/ocpp/down", message)

    def opened(self, charger_id: str) -> None:
        """See `Listener`."""
        self._put(f"{self._chargers}/{charger_id}/ocpp/link", b"opened")

    def closed(self, charger_id: str) -> None:
        """See `Listener`."""
        self._put(f"{self._chargers}/{charger_id}/ocpp/link", b"closed")

    def cut(self, charger_id: str) -> None:
        """See `Listener`."""
        self._put(f"{self._chargers}/{charger_id}/ocpp/link", b"cut")

    def _put(self, topic: str, message: str | bytes) -> None:
        if self._inbox.full:
            self.missed += 1
            return
        payload = message.encode() if isinstance(message, str) else message
        self._inbox.put(Message(NO_GENERATION, None, topic, payload, self._now(), retained=False))
