"""API keys: who may ask the LAN interface for what.

A key is 256 random bits and is shown once. The file keeps its SHA-256: there is nothing to guess, so a slow
hash would cost each request and gain nothing. The file is replaced as a whole, under a lock on its directory,
and read again when it changes: a revoked key dies without a restart.
"""

from __future__ import annotations

import fcntl
import hmac
import logging
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from edge_agent.durable import replace
from edge_agent.errors import ConfigError

PREFIX = "evz_"
log = logging.getLogger(__name__)


class Role(StrEnum):
    """Each may do what those before it may."""

    VIEWER = "viewer"
    TECHNICIAN = "technician"
    ADMIN = "admin"

    def may(self, needed: Role) -> bool:
        return _RANKS[self] >= _RANKS[needed]


_RANKS = {role: rank for rank, role in enumerate(Role)}


class KeyEntry(BaseModel):
    """One key, as the file has it: enough to recognize it, not to use it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(pattern=r"^[0-9a-f]{8}$")
    role: Role
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    created_at: datetime
    label: str = ""


class NewKey(NamedTuple):
    """A key just made. `key` is nowhere else: show it, then forget it."""

    id: str
    key: str


# By this name because KeyRing has a method called list.
Entries = list[KeyEntry]


class _KeyFile(BaseModel):
    keys: Entries


def _utc_now() -> datetime:
    return datetime.now(UTC)


class KeyRing:
    """The keys in one file. Where there is no file there are no keys, and nobody gets in."""

    def __init__(self, path: Path, now: Callable[[], datetime] = _utc_now) -> None:
        self._path = path
        self._now = now
        self._seen: tuple[int, ...] | None = None
        self._known: Entries = []

    def list(self) -> Entries:
        """Return all keys, oldest first. Raises ConfigError where the file cannot be read."""
        try:
            return _KeyFile.model_validate_json(self._path.read_bytes()).keys
        except FileNotFoundError:
            return []
        except (OSError, ValidationError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not a list of keys"
            raise ConfigError([f"[web] keys_file {self._path} cannot be read: {reason}"]) from None

    def add(self, role: Role, label: str = "") -> NewKey:
        """Make a key and write it down hashed. Raises ConfigError if the file cannot be read or written."""
        key = PREFIX + secrets.token_urlsafe(32)
        digest = sha256(key.encode()).hexdigest()
        entry = KeyEntry(id=digest[:8], role=role, sha256=digest, created_at=self._now(), label=label)
        with self._changing() as entries:
            entries.append(entry)
        return NewKey(entry.id, key)

    def revoke(self, key_id: str) -> bool:
        """Forget a key. Return whether there was one of that id. Raises ConfigError as `add` does."""
        with self._changing() as entries:
            kept = [entry for entry in entries if entry.id != key_id]
            found = len(kept) < len(entries)
            entries[:] = kept
        return found

    def find(self, key: bytes) -> KeyEntry | None:
        """Return the entry of a key that somebody presents; None if it is not, or no longer, ours."""
        digest = sha256(key).hexdigest()
        found = None
        for entry in self._current():
            # No early end: the time tells nothing of how near a wrong key came.
            if hmac.compare_digest(entry.sha256, digest):
                found = entry
        return found

    def of_id(self, key_id: str) -> KeyEntry | None:
        """Return the entry of that id, while the key is ours."""
        return next((entry for entry in self._current() if entry.id == key_id), None)

    @property
    def path(self) -> Path:
        """Where the file is."""
        return self._path

    def _current(self) -> Entries:
        """Return the file's keys, read again only where it changed; none where it cannot be read."""
        try:
            status = self._path.stat()
            signature: tuple[int, ...] = (status.st_mtime_ns, status.st_ino, status.st_size)
        except OSError:
            signature = ()
        if signature != self._seen:
            self._seen = signature
            try:
                self._known = self.list()
            except ConfigError as error:
                self._known = []
                log.error("no key is valid until the keys file can be read", extra={"reason": str(error)})  # noqa: TRY400
        return self._known

    @contextmanager
    def _changing(self) -> Iterator[Entries]:
        """Yield the keys and write back what became of them, while nobody else changes them."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            directory = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY)
        except OSError as error:
            raise ConfigError([f"[web] keys_file {self._path} cannot be written: {error.strerror}"]) from None
        try:
            fcntl.flock(directory, fcntl.LOCK_EX)
            entries = self.list()
            yield entries
            self._replace(entries)
        except OSError as error:
            raise ConfigError([f"[web] keys_file {self._path} cannot be written: {error.strerror}"]) from None
        finally:
            os.close(directory)

    def _replace(self, entries: Entries) -> None:
        owner = None
        if os.geteuid() == 0:
            # The superuser adds keys for a service that is not one: its directory says whose they are.
            theirs = self._path.parent.stat()
            owner = theirs.st_uid, theirs.st_gid
        replace(self._path, _KeyFile(keys=entries).model_dump_json(indent=2).encode(), 0o600, owner)
