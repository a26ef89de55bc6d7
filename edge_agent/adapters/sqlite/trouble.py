"""What SQLite refuses, as our errors, each with what to do about it."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING

from edge_agent.errors import StoreCorrupt, StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PRIMARY_CODE = 0xFF
"""An extended result code bears its primary code in the low byte."""
CORRUPT = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
SENTENCES = {
    sqlite3.SQLITE_FULL: "the disk is full: free some space, or lower store.max_bytes",
    sqlite3.SQLITE_READONLY: "it is read-only: check the owner and mode of file and directory, and the mount",
    sqlite3.SQLITE_PERM: "access is denied: check the owner and mode of file and directory",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened: check that its directory exists and may be written to",
    sqlite3.SQLITE_BUSY: "another process is writing to it: end that one, or wait for it",
    sqlite3.SQLITE_LOCKED: "another connection holds it: end that one, or wait for it",
    sqlite3.SQLITE_IOERR: "the disk fails or is full: check its free space and the kernel's log",
    sqlite3.SQLITE_CORRUPT: "it is damaged: a restart sets it aside, `edge-agent store repair` saves rows",
    sqlite3.SQLITE_NOTADB: "it is not a database: a restart sets it aside and begins a new one",
}


@contextmanager
def refusals(path: Path | None) -> Iterator[None]:
    """Turn what SQLite refuses into StoreError or StoreCorrupt. path: None for a store in memory.

    Wrong use of the sqlite3 module bears no result code, and is raised as it is.
    """
    try:
        yield
    except sqlite3.Error as error:
        if not hasattr(error, "sqlite_errorcode"):
            raise
        code = error.sqlite_errorcode & PRIMARY_CODE
        sentence = SENTENCES.get(code, "it refuses")
        kind = StoreCorrupt if code in CORRUPT else StoreError
        raise kind(f"the store {path or 'in memory'}: {sentence} ({error})") from error
