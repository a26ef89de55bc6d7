"""When a technician can come: inside working hours, on no holiday, and once the parts are there."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta, tzinfo
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge_agent.core.terms import Terms

QUIET_HOUR = time(2, 0)
DAYS_AHEAD = 30
HOUR = timedelta(hours=1)


def slots(now: datetime, terms: Terms, lead_days: float) -> Iterator[datetime]:
    """Yield each full hour, in UTC, at which work could begin within DAYS_AHEAD, soonest first.

    Work that lasts longer than a day of technicians begins with their day.
    """
    ready = now + timedelta(days=lead_days)
    first, last = terms.technician_hours
    latest = max(last - terms.preventive_downtime_hours, first)
    today = now.astimezone(terms.time_zone).date()
    for number in range(DAYS_AHEAD + 1):
        day = today + timedelta(days=number)
        if day.weekday() not in terms.technician_days or day in terms.holidays:
            continue
        for hour in range(first, int(latest) + 1):
            begin = datetime.combine(day, time(hour), tzinfo=terms.time_zone).astimezone(UTC)
            if begin > now and begin >= ready:
                yield begin


def quiet_hour_after(moment: datetime, zone: tzinfo) -> datetime:
    """Return the next 02:00 of the site's own time, in UTC."""
    local = moment.astimezone(zone)
    tonight = datetime.combine(local.date(), QUIET_HOUR, tzinfo=zone)
    if tonight <= local:
        tonight = datetime.combine(local.date() + timedelta(days=1), QUIET_HOUR, tzinfo=zone)
    return tonight.astimezone(UTC)
