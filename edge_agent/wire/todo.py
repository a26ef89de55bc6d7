"""What is to be done about a charger, in one word: what a technician wants to know first."""

from __future__ import annotations

from edge_agent.wire.answers import Resolution
from edge_agent.wire.types import Message, UtcTime


class Todo(Message):
    """What is to be done about one EVSE.

    do: NONE: leave it alone; REMOTE_RESET: try that first; SITE_VISIT: go there; VENDOR, GRID: call them.
    part: what to bring along, where that is known. why: a sentence; empty where nothing is to be done.
    at: when, where it can wait until then; else now.
    """

    do: Resolution = Resolution.NONE
    part: str | None = None
    why: str = ""
    at: UtcTime | None = None
