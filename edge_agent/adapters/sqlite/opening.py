"""From a path to a connection: directory, lock, settings, and a damaged file set aside."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from edge_agent.errors import StoreError

if TYPE_CHECKING:
    from datetime import datetime

PAGE_BYTES = 1024
PATIENCE_S = 1.0
"""How long a lock is waited for: shorter than the 2 s after which failing commits mean watch-only."""
CHECKPOINT_BYTES = 8 * 2**20
"""A page that is written again within so much of the log reaches the database file once."""
LOG_KEPT_BYTES = 16 * 2**20
"""A log that grew beyond this, behind a slow reader, is cut back; below, it is overwritten in place."""
SETTINGS = f"""
PRAGMA page_size = {PAGE_BYTES};
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
PRAGMA wal_autocheckpoint = {CHECKPOINT_BYTES // PAGE_BYTES};
PRAGMA journal_size_limit = {LOG_KEPT_BYTES};
PRAGMA foreign_keys = ON;
PRAGMA temp_store = MEMORY;
PRAGMA secure_delete = OFF;
"""
# secure_delete: Debian builds SQLite with it, and it writes zeros over every page that is freed.


def connect_to_write(path: Path | None) -> sqlite3.Connection:
    """Return the writing connection, for one thread at a time. path: None for a store in memory.

    Raises: sqlite3.Error.
    """
    name = ":memory:" if path is None else str(path)
    connection = sqlite3.connect(name, timeout=PATIENCE_S, isolation_level=None, check_same_thread=False)
    try:
        for setting in SETTINGS.strip().splitlines():
            connection.execute(setting)
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def connect_to_read(path: Path) -> sqlite3.Connection:
    """Return a connection that cannot write. Raises sqlite3.Error, also where there is no file."""
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=PATIENCE_S, isolation_level=None
    )


def _make_directory(path: Path) -> None:
    """Make the store's directory where it is missing: only the agent and its group look in."""
    try:
        path.mkdir(mode=0o750, parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"the store's directory {path} cannot be made ({error.strerror}): "
            "make it and give it to the agent's user, or change store.path"
        ) from error


def lock(path: Path) -> int:
    """Return a descriptor that holds the only right to write to the store, until it is closed.

    Raises: StoreError where another process has it, or its directory cannot be made or written to.
    """
    _make_directory(path.parent)
    beside = path.with_name(f"{path.name}.lock")
    try:
        held = os.open(beside, os.O_RDWR | os.O_CREAT, 0o640)
    except OSError as error:
        raise StoreError(
            f"the store {path} cannot be written to ({error.strerror}): "
            "give its directory to the agent's user, or change store.path"
        ) from error
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(held)
        raise StoreError(
            f"the store {path} is in use by another process: an agent is running on it; "
            "end that one, or give this one a store.path of its own"
        ) from error
    return held


def mark_damaged(path: Path) -> None:
    """Let the next start set the store aside, wherever in it the damage is."""
    with suppress(OSError):
        _mark(path).touch()


def is_marked_damaged(path: Path) -> bool:
    """Return whether damage was met since the store was begun."""
    return _mark(path).exists()


def _mark(path: Path) -> Path:
    return path.with_name(f"{path.name}.damaged")


def put_aside(path: Path, at: datetime, why: str = "corrupt") -> Path:
    """Rename a store with its log, and return its new name. why: a word in that name."""
    aside = path.with_name(f"{path.name}.{why}-{at:%Y%m%dT%H%M%SZ}")
    for suffix in ("-wal", "-shm", ""):  # the database last: a crash in between leaves it to be found again
        part = path.with_name(path.name + suffix)
        if part.exists():
            part.rename(aside.with_name(aside.name + suffix))
    _mark(path).unlink(missing_ok=True)
    return aside
