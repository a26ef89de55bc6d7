"""Small files that several processes change: one at a time, and whole or not at all."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edge_agent.errors import ConfigError

WHERE = "see CLOUD_SYNC__INGEST__TOKENS_FILE"


@contextmanager
def changing(path: Path) -> Iterator[None]:
    """Let nobody else change the files of a folder. Raises ConfigError where it cannot be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        held = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise ConfigError([f"{path}: cannot be written: {error.strerror}; {WHERE}"]) from None
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
        os.fsync(held)
    finally:
        os.close(held)


def write(path: Path, content: bytes) -> None:
    """Put a file in the place of another, so that a reader never meets half of it. Raises ConfigError."""
    beside = path.with_name(f"{path.name}.new")
    try:
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o640), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        raise ConfigError([f"{path}: cannot be written: {error.strerror}; {WHERE}"]) from None
