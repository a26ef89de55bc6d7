"""Ticks, by APScheduler: it only orders work from the pipeline thread and decides nothing.

It counts on the wall clock: after a step of the clock it must be rescheduled, as ticks would else wait
until the old time comes round again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.interval import IntervalTrigger

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class Scheduler:
    """Calls each tick at its interval, on a thread of its own; one that raises is logged and comes again."""

    def __init__(self, ticks: Mapping[str, tuple[float, Callable[[], object]]]) -> None:
        self._intervals = {name: seconds for name, (seconds, _) in ticks.items()}
        self._scheduler = BackgroundScheduler(
            timezone="UTC", job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1}
        )
        for name, (seconds, tick) in ticks.items():
            self._scheduler.add_job(tick, IntervalTrigger(seconds=seconds, timezone="UTC"), id=name)

    def start(self) -> None:
        """Begin to tick."""
        self._scheduler.start()

    def clock_stepped(self) -> None:
        """Count anew from the clock as it is now."""
        for name, seconds in self._intervals.items():
            self._scheduler.reschedule_job(name, trigger=IntervalTrigger(seconds=seconds, timezone="UTC"))

    def stop(self) -> None:
        """End; a tick that runs is let finish."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)
