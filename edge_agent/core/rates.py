"""How often something happens, forgotten exponentially: three memories in one."""

from __future__ import annotations

import math
from datetime import datetime
from typing import NamedTuple

DAY_S = 86_400.0
WEEK_S = 7 * DAY_S
MONTH_S = 30 * DAY_S


class Rates(NamedTuple):
    """Events a day, decayed exponentially over 1, 7 and 30 days; exact for a steady rate.

    Only an event touches it: between events the decay is worked out when it is read.
    """

    day: float = 0.0
    week: float = 0.0
    month: float = 0.0
    as_of: datetime | None = None

    def at(self, moment: datetime) -> tuple[float, float, float]:
        """Return the three rates as they stand at the moment."""
        if self.as_of is None:
            return 0.0, 0.0, 0.0
        passed = max((moment - self.as_of).total_seconds(), 0.0)
        return (
            self.day * math.exp(-passed / DAY_S),
            self.week * math.exp(-passed / WEEK_S),
            self.month * math.exp(-passed / MONTH_S),
        )

    def after(self, events: int, moment: datetime) -> Rates:
        """Return the rates with so many events more at the moment."""
        if not events:
            return self
        day, week, month = self.at(moment)
        return Rates(day + events, week + events / 7, month + events / 30, moment)


NEVER = Rates()
