"""The wall clock, and how far it can be trusted."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from edge_agent.wire.outbox import ClockTrust

STEP_S = 2.0
SYNCHRONISED = (Path("/run/systemd/timesync/synchronized"), Path("/run/chrony/chronyd.pid"))
"""Signs that some daemon keeps the clock; systemd-timesyncd touches its file at each success."""


class Clock(Protocol):
    """What the time is. Two implement it: the system's, and a replay's."""

    def now(self) -> datetime:
        """Return the wall clock's time, aware, in UTC."""
        ...

    def steady(self) -> datetime:
        """Return the wall clock's time at the start and what has passed since: it never jumps."""
        ...

    def monotonic(self) -> float:
        """Return seconds that only ever grow."""
        ...

    def trust(self) -> ClockTrust: ...


class SystemClock:
    """The box's own clock."""

    def __init__(self) -> None:
        self._started = datetime.now(UTC)
        self._started_s = time.monotonic()
        self._offset = time.time() - time.monotonic()
        self._kept = _is_kept()
        self.steps = 0
        """How often the wall clock was seen to jump against the monotonic one."""

    def now(self) -> datetime:
        """See `Clock`."""
        return datetime.now(UTC)

    def steady(self) -> datetime:
        """See `Clock`."""
        return self._started + timedelta(seconds=time.monotonic() - self._started_s)

    def monotonic(self) -> float:
        """See `Clock`."""
        return time.monotonic()

    def look(self) -> int:
        """Compare the two clocks, look who keeps them, return how often the wall clock has jumped.

        Main does so each second.
        """
        offset = time.time() - time.monotonic()
        if abs(offset - self._offset) > STEP_S:
            self.steps += 1
        self._offset = offset
        self._kept = _is_kept()
        return self.steps

    def trust(self) -> ClockTrust:
        """Return `stepped` once the wall clock has jumped, else whether some daemon keeps it."""
        if self.steps:
            return "stepped"
        return "trusted" if self._kept else "unsynced"


def _is_kept() -> bool:
    return any(path.exists() for path in SYNCHRONISED)


class ReplayClock:
    """The time that a replayed log says it is."""

    def __init__(self, start: datetime) -> None:
        self.at = start

    def now(self) -> datetime:
        """See `Clock`."""
        return self.at

    def steady(self) -> datetime:
        """See `Clock`."""
        return self.at

    def monotonic(self) -> float:
        """See `Clock`."""
        return self.at.timestamp()

    def trust(self) -> ClockTrust:
        """Return trusted: the log's time is the only one there is."""
        return "trusted"
