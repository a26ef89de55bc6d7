"""Logging: one event a line on stdout; JSON under systemd, readable on a terminal.

The journal also gets each line's priority: `journalctl -u edge-agent -p warning -o cat` gives JSON.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

PRIORITIES = (7, 7, 6, 4, 3, 2)
"""Of syslog, by tens of a level: debug to critical."""
PLAIN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def fields(record: logging.LogRecord) -> dict[str, Any]:
    """Return what was given as `extra`."""
    return {name: value for name, value in vars(record).items() if name not in PLAIN}


class JsonLine(logging.Formatter):
    """One JSON object a line. The journal has the time; others get it too."""

    def format(self, record: logging.LogRecord) -> str:
        """See logging.Formatter."""
        line: dict[str, Any] = {
            "at": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            "logger": record.name,
            **fields(record),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


class JournalLine(JsonLine):
    """The same behind its priority, which the journal takes off (sd-daemon(3))."""

    def format(self, record: logging.LogRecord) -> str:
        """See logging.Formatter."""
        return f"<{PRIORITIES[record.levelno // 10]}>{super().format(record)}"


class ReadableLine(logging.Formatter):
    """Time, level, event, fields."""

    def format(self, record: logging.LogRecord) -> str:
        """See logging.Formatter."""
        told = "".join(f"  {name}={value}" for name, value in fields(record).items())
        text = (
            f"{self.formatTime(record, '%H:%M:%S')} {record.levelname.lower():7} {record.getMessage()}{told}"
        )
        return f"{text}\n{self.formatException(record.exc_info)}" if record.exc_info else text


def set_up(environment: Mapping[str, str], level: int = logging.INFO) -> None:
    """Send the log to stdout: readable on a terminal, else JSON, behind priorities for the journal."""
    handler = logging.StreamHandler(sys.stdout)
    if sys.stdout.isatty():
        handler.setFormatter(ReadableLine())
    else:
        handler.setFormatter(JournalLine() if _read_by_the_journal(environment) else JsonLine())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for chatty in ("apscheduler", "httpx", "uvicorn", "asyncio"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


def _read_by_the_journal(environment: Mapping[str, str]) -> bool:
    """Whether stdout is the stream that systemd has named; programs that we start inherit the name alone."""
    try:
        held = os.fstat(sys.stdout.fileno())
    except OSError:  # not a file at all
        return False
    return environment.get("JOURNAL_STREAM") == f"{held.st_dev}:{held.st_ino}"
