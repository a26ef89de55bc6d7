"""Alerts to a URL of the operator's, from the outbox: each piece of news once it is kept, in order, signed.

    X-Signature: sha256=HMAC-SHA256(secret, body), in hex
    X-Event-ID:  epoch and number: news that is sent again, after a crash or a lost answer, has the same

Any 2xx takes it. 408, 425, 429 and 5xx are tried again, as long as it takes; what else is refused is logged,
counted and left behind, so that one alert that a receiver cannot read does not hold up the next.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import random
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Protocol

import httpx

from edge_agent.errors import Busy, StoreError
from edge_agent.wire.outbox import Record, RecordType, Stream

LOOK_EVERY_S = 0.5
MOST = 100
TIMEOUT = httpx.Timeout(15.0, connect=5.0)
FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 300.0
TRY_AGAIN = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS})

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookSettings:
    """Where to. secret_file: what signs; its first line, read anew each time. ca_file: None: the system's."""

    url: str
    secret_file: Path | None = None
    ca_file: Path | None = None


class Outbox(Protocol):
    """The alerts stream of the outbox, from any thread."""

    def records_after(self, stream: Stream, seq: int, most: int) -> list[Record]:
        """Return the next records, oldest first. Raises StoreError."""
        ...

    def cursor(self, stream: Stream) -> int:
        """Return how far the webhook has come."""
        ...

    def acknowledged(self, stream: Stream, seq: int) -> None:
        """Move the cursor. Raises Busy."""
        ...


class Webhook:
    """Give `run` to a thread, call `stop` from any other. sent, refused: they only grow."""

    def __init__(
        self, settings: WebhookSettings, outbox: Outbox, chance: Callable[[], float] = random.random
    ) -> None:
        self._settings = settings
        self._outbox = outbox
        self._chance = chance
        self._ended = threading.Event()
        self.sent = self.refused = 0
        self.trouble: str | None = None

    def run(self) -> None:
        """Serve until `stop`."""
        verify = str(self._settings.ca_file) if self._settings.ca_file is not None else True
        # No proxy or secret of the environment, and nobody who answers may send us elsewhere.
        with httpx.Client(verify=verify, trust_env=False, follow_redirects=False, timeout=TIMEOUT) as client:
            self._serve(client)

    def stop(self) -> None:
        """Let `run` return; what is under way is sent again after a restart."""
        self._ended.set()

    def _serve(self, client: httpx.Client) -> None:
        cursor, failures = self._outbox.cursor(Stream.ALERTS), 0
        while not self._ended.wait(self._pause_s(failures) if failures else 0.0):
            records = self._next(cursor)
            if not records:
                self._ended.wait(LOOK_EVERY_S)
            for record in records:
                if record.type is RecordType.ALERT and not self._taken(client, record):
                    failures += 1
                    break
                cursor, failures = record.seq, 0
            self._moved(cursor)

    def _pause_s(self, failures: int) -> float:
        """Return how long to wait: longer each time, never quite together with others."""
        longest = min(FIRST_PAUSE_S * 2.0 ** min(failures - 1, 20), LONGEST_PAUSE_S)
        return longest * (0.5 + 0.5 * self._chance())

    def _next(self, cursor: int) -> list[Record]:
        try:
            return self._outbox.records_after(Stream.ALERTS, cursor, MOST)
        except StoreError as error:
            self.trouble = str(error)
            return []

    def _moved(self, cursor: int) -> None:
        if cursor == self._outbox.cursor(Stream.ALERTS):
            return
        try:
            self._outbox.acknowledged(Stream.ALERTS, cursor)
        except Busy:
            log.warning("the pipeline is busy; the webhook's cursor moves with the next news")

    def _taken(self, client: httpx.Client, record: Record) -> bool:
        """Send one piece of news; return whether it is settled."""
        body = record.payload.encode()
        try:
            answer = client.post(self._settings.url, content=body, headers=self._headers(record, body))
        except (httpx.HTTPError, OSError) as error:
            return self._troubled(f"cannot be reached: {type(error).__name__}")
        if answer.status_code in TRY_AGAIN or answer.is_server_error:
            return self._troubled(f"answers {answer.status_code}")
        self.trouble = None
        if answer.is_success:
            self.sent += 1
        else:
            self.refused += 1
            log.warning(
                "the webhook refused an alert", extra={"status": answer.status_code, "seq": record.seq}
            )
        return True

    def _troubled(self, why: str) -> bool:
        if self.trouble != why:
            log.warning("the webhook takes nothing for now", extra={"reason": why})
        self.trouble = why
        return False

    def _headers(self, record: Record, body: bytes) -> dict[str, str]:
        headers = {"Content-Type": "application/json", "X-Event-ID": f"{record.epoch}/{record.seq}"}
        file = self._settings.secret_file
        if file is not None:
            secret = file.read_text(encoding="utf-8").partition("\n")[0].strip().encode()
            headers["X-Signature"] = f"sha256={hmac.new(secret, body, hashlib.sha256).hexdigest()}"
        return headers
