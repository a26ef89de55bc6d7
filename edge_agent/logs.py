"""Logging: one event a line on stdout; JSON under systemd, readable on a terminal."""

from __future__ import annotations

import json
import logging
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

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
    """Send the log to stdout: readable on a terminal, else JSON."""
    handler = logging.StreamHandler(sys.stdout)
    on_terminal = sys.stdout.isatty() and "JOURNAL_STREAM" not in environment
    handler.setFormatter(ReadableLine() if on_terminal else JsonLine())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for chatty in ("apscheduler", "httpx", "uvicorn", "asyncio"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
