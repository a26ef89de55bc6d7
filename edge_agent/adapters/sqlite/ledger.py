"""What upstream is still owed, and whom it accepted before: apart from the store, for it may name people."""

from __future__ import annotations

import hashlib
import hmac
import logging
import os
import secrets
import sqlite3
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from edge_agent.adapters.sqlite import opening
from edge_agent.adapters.sqlite.migrations import DIRECTORY, statements
from edge_agent.adapters.sqlite.trouble import refusals
from edge_agent.backoffice.conversation import Owed
from edge_agent.errors import StoreCorrupt, StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

log = logging.getLogger(__name__)

SCHEMA = DIRECTORY / "ledger.sql"
FIRST_ID = 2_100_000_000
IDS = 40_000_000
"""Transactions begun here get ids at the end of what 32 bits hold, where back offices hand out none."""
MOST_OWED = 20_000
"""Messages of one charger: weeks of meter values. Beyond, the charger keeps them, as OCPP has it."""
ACCEPTED_FOR = timedelta(days=30)
MAPPED_FOR = timedelta(days=60)
MOST_ACCEPTED = 10_000
RENEWED_WITHIN = timedelta(days=29)
"""An acceptance that is younger is not written again: flash wears."""


INSERT_OWED = """
INSERT INTO owed (charger_id, message_id, text, starts) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING
"""
SELECT_NUMBER = "SELECT number FROM owed WHERE charger_id = ? AND message_id = ? AND text = ?"
SELECT_NEXT = """
SELECT number, message_id, text, starts FROM owed WHERE charger_id = ? ORDER BY number LIMIT 1
"""
SELECT_MAPPINGS = "SELECT handed_out, transaction_id FROM transactions WHERE charger_id = ?"
INSERT_MAPPING = """
INSERT INTO transactions VALUES (?, ?, ?, ?)
ON CONFLICT DO UPDATE SET transaction_id = excluded.transaction_id
"""
INSERT_ACCEPTED = """
INSERT INTO accepted VALUES (?, ?) ON CONFLICT DO UPDATE SET until = excluded.until
"""


class SqliteLedger:
    """Implements the `Ledger` port. Safe to call from several threads; what writes waits for the disk.

    What was accepted is in memory too, so that nobody waits to be told whether he may charge.
    """

    def __init__(self, path: Path, opened_at: datetime) -> None:
        """Open the file, or begin one; a damaged one is set aside. Raises StoreError."""
        self._path = path
        self._lock = Lock()
        try:
            self._open(opened_at)
        except StoreCorrupt as error:
            log.warning("the ledger was damaged; a new one is begun", extra={"reason": str(error)})
            opening.put_aside(path, opened_at)
            self._open(opened_at)

    def _open(self, opened_at: datetime) -> None:
        _begin(self._path)
        with refusals(self._path):
            self._connection = opening.connect_to_write(self._path)
            self._connection.execute("PRAGMA secure_delete = ON")  # what is deleted may name people
            for statement in statements(SCHEMA.read_text(encoding="utf-8")):
                self._connection.execute(statement)
            self._salt = self._salted()
            self._forget_old(opened_at)
            self._until: dict[bytes, int] = {
                bytes(digest): until
                for digest, until in self._connection.execute("SELECT digest, until FROM accepted")
            }

    def keep(self, charger_id: str, message_id: str, text: str, *, starts: bool) -> int:
        """Keep a message durably, once; return the id of the transaction that it starts, else 0.

        Raises: StoreError where it cannot be kept.
        """
        row = (charger_id, message_id, text)
        with self._writing() as connection:
            (waiting,) = connection.execute(
                "SELECT count(*) FROM owed WHERE charger_id = ?", (charger_id,)
            ).fetchone()
            if waiting >= MOST_OWED:
                raise StoreError(f"{charger_id} is owed {MOST_OWED} messages already")
            connection.execute(INSERT_OWED, (*row, starts))
            (number,) = connection.execute(SELECT_NUMBER, row).fetchone()
        return _handed_out(number) if starts else 0

    def next(self, charger_id: str) -> Owed | None:
        """Return the oldest message that upstream is owed of this charger. Raises StoreError."""
        with self._lock, refusals(self._path):
            row = self._connection.execute(SELECT_NEXT, (charger_id,)).fetchone()
        if row is None:
            return None
        number, message_id, text, starts = row
        return Owed(number, message_id, text, _handed_out(number) if starts else None)

    def waiting(self) -> int:
        """Return how many messages upstream is owed. Raises StoreError."""
        with self._lock, refusals(self._path):
            (count,) = self._connection.execute("SELECT count(*) FROM owed").fetchone()
        return int(count)

    def delivered(self, number: int) -> None:
        """Forget a message that upstream has answered. Raises StoreError."""
        with self._writing() as connection:
            connection.execute("DELETE FROM owed WHERE number = ?", (number,))

    def mappings(self, charger_id: str) -> dict[int, int]:
        """Return upstream's ids of transactions that were handed out here and go on. Raises StoreError."""
        with self._lock, refusals(self._path):
            return dict(self._connection.execute(SELECT_MAPPINGS, (charger_id,)).fetchall())

    def mapped(self, charger_id: str, handed_out: int, transaction_id: int, at: datetime) -> None:
        """Keep upstream's id of a transaction that was handed out here. Raises StoreError."""
        with self._writing() as connection:
            connection.execute(INSERT_MAPPING, (charger_id, handed_out, transaction_id, int(at.timestamp())))

    def ended(self, charger_id: str, handed_out: int) -> None:
        """Forget a transaction. Raises StoreError."""
        with self._writing() as connection:
            connection.execute(
                "DELETE FROM transactions WHERE charger_id = ? AND handed_out = ?", (charger_id, handed_out)
            )

    def knows(self, name: str, at: datetime) -> bool:
        """Whether upstream accepted this name within ACCEPTED_FOR; nothing is read from the disk for it."""
        until: int = self._until.get(self._digest(name), 0)
        return at.timestamp() <= until

    def remember(self, name: str, at: datetime) -> None:
        """Keep that upstream accepts this name, as a salted hash. Raises StoreError."""
        digest, until = self._digest(name), int((at + ACCEPTED_FOR).timestamp())
        if self._until.get(digest, 0) >= (at + RENEWED_WITHIN).timestamp():
            return
        if len(self._until) >= MOST_ACCEPTED and digest not in self._until:
            return
        with self._writing() as connection:
            connection.execute(INSERT_ACCEPTED, (digest, until))
        self._until[digest] = until

    def forget(self, name: str) -> None:
        """Forget that upstream accepted this name. Raises StoreError."""
        digest = self._digest(name)
        if self._until.pop(digest, None) is None:
            return
        with self._writing() as connection:
            connection.execute("DELETE FROM accepted WHERE digest = ?", (digest,))

    def close(self) -> None:
        """Let go of the file. Raises StoreError."""
        with self._lock, refusals(self._path):
            self._connection.close()

    def _digest(self, name: str) -> bytes:
        return hmac.digest(self._salt, name.encode(), hashlib.sha256)

    def _salted(self) -> bytes:
        row = self._connection.execute("SELECT salt FROM salt").fetchone()
        if row is not None:
            return bytes(row[0])
        salt = secrets.token_bytes(32)
        self._connection.execute("INSERT INTO salt VALUES (?)", (salt,))
        return salt

    def _forget_old(self, now: datetime) -> None:
        self._connection.execute("DELETE FROM accepted WHERE until < ?", (now.timestamp(),))
        self._connection.execute("DELETE FROM transactions WHERE at < ?", ((now - MAPPED_FOR).timestamp(),))

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        connection = self._connection
        with self._lock, refusals(self._path):
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.rollback()
                raise


def _begin(path: Path) -> None:
    """Make the file, for its owner only. Raises StoreError."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise StoreError(f"the ledger {path} cannot be written to: {error.strerror}") from error


def _handed_out(number: int) -> int:
    return FIRST_ID + number % IDS
