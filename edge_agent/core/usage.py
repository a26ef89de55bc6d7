"""When an EVSE is used: its share of charging time by hour of the day, on workdays and at weekends, in UTC.

Old weeks fade. What a planned outage loses is read off here.
"""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import NamedTuple

from edge_agent.core.rates import DAY_S, WEEK_S

HOURS = 24
BINS = 2 * HOURS
SATURDAY = 5
LONGEST_STEP_S = 3600.0
"""Over a longer gap nobody knows whether it charged."""
REMEMBERED_S = 8 * WEEK_S
KNOWN_AFTER_S = 7 * DAY_S
HOUR = timedelta(hours=1)


class Usage(NamedTuple):
    """Seconds seen and seconds of them charging, by bin: workday hours 0 to 23, then weekend hours."""

    seen_s: tuple[float, ...] = (0.0,) * BINS
    busy_s: tuple[float, ...] = (0.0,) * BINS

    @property
    def known(self) -> bool:
        """Whether a week was seen: before that it tells nothing of the hours to come."""
        return sum(self.seen_s) >= KNOWN_AFTER_S

    def relative(self, start: datetime, hours: float) -> float:
        """Return how many average hours the time from `start` on is worth; `hours` where nothing is known."""
        seen, busy = sum(self.seen_s), sum(self.busy_s)
        if not self.known or not busy:
            return hours
        average, worth, left = busy / seen, 0.0, hours
        while left > 0:
            place = bin_of(start)
            share = self.busy_s[place] / self.seen_s[place] if self.seen_s[place] else average
            worth += min(left, 1.0) * share / average
            start, left = start + HOUR, left - 1.0
        return worth


NEVER_USED = Usage()


def bin_of(moment: datetime) -> int:
    """Return the bin of a moment in UTC."""
    return moment.hour + (HOURS if moment.weekday() >= SATURDAY else 0)


def usage_after(before: Usage, at: datetime, step_s: float, *, charging: bool) -> Usage:
    """Return the usage after `step_s` more seconds, up to `at`, in which it charged or did not."""
    step_s = min(step_s, LONGEST_STEP_S)
    place, kept = bin_of(at), math.exp(-step_s / REMEMBERED_S * BINS)  # only this bin fades, so so much more
    seen, busy = list(before.seen_s), list(before.busy_s)
    seen[place] = seen[place] * kept + step_s
    busy[place] = busy[place] * kept + (step_s if charging else 0.0)
    return Usage(tuple(seen), tuple(busy))
