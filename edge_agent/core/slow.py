"""Slow change: a cumulative sum over the means of periods (sessions, or quarters of a day at rest).

Beside the quick z-score of a sample it finds what creeps. A level that stays where it went, without a code
or a failed start, becomes the new normal.
Source: E. S. Page, "Continuous Inspection Schemes", Biometrika 1954; the average run length of the limits
chosen is about 100,000 periods of normal noise (D. Siegmund, "Sequential Analysis", 1985, 2.52).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

MAD_TO_SIGMA = 1.2533
"""Ratio of standard deviation to mean absolute deviation of a normal law, sqrt(pi / 2)."""
WARM_PERIODS = 5
PERIODS_REMEMBERED = 40
ALLOWED_Z = 1.0
ALARM_SUM = 6.0
MOST_SUM = 9.0
HELD_SUM = 3.0
"""From here on nothing is learned: it may be the beginning of an alarm."""
CLIPPED_Z = 4.0
STEADY_SESSIONS = 20
STEADY_FOR = timedelta(days=14)
STEADY_Z = 3.0


class Level(NamedTuple):
    """Level and spread of one quantity after `samples` of them."""

    level: float = 0.0
    deviation: float = 0.0
    samples: int = 0

    def z(self, value: float, min_spread: float) -> float:
        """Return how many standard deviations the value lies off, within Z_LIMIT."""
        sigma = self.deviation * MAD_TO_SIGMA
        z = (value - self.level) / (max(min_spread, sigma))
        return Z_LIMIT if z > Z_LIMIT else max(z, -Z_LIMIT)

    def towards(self, value: float, remembered: int) -> Level:
        """Return the level after one more sample, one of so many that are remembered."""
        samples = self.samples + 1
        step = 1 / (min(remembered, samples))
        off = value - self.level
        spread = self.deviation + step * (abs(off) - self.deviation) if self.samples else 0.0
        return Level(self.level + step * off, spread, samples)


Z_LIMIT = 100.0


class Steady(NamedTuple):
    """A level that may become the baseline: since when and which session, over how many periods."""

    level: float
    since: datetime
    ended: int
    periods: int = 1


class Slow(NamedTuple):
    """usual: of the means of periods. up, down: the sums, in standard deviations."""

    usual: Level = Level()
    up: float = 0.0
    down: float = 0.0
    steady: Steady | None = None

    @property
    def alarm(self) -> float:
        """The larger sum as a share of the alarm's, with its sign."""
        return (self.up if self.up >= self.down else -self.down) / ALARM_SUM

    @property
    def holds(self) -> bool:
        """Whether the baseline must not learn."""
        return self.up >= HELD_SUM or self.down >= HELD_SUM


class Period(NamedTuple):
    """One period of one quantity: its mean, end, sessions ended by then, and whether all went well."""

    mean: float
    at: datetime
    ended: int
    clean: bool


def after_period(slow: Slow, period: Period, min_spread: float) -> tuple[Slow, bool]:
    """Return what is known after a period, and whether a new level has become the normal one."""
    usual, mean = slow.usual, period.mean
    if usual.samples < WARM_PERIODS:
        return slow._replace(usual=usual.towards(mean, PERIODS_REMEMBERED)), False
    # A spread of few periods is itself uncertain.
    spread = max(min_spread, usual.deviation * MAD_TO_SIGMA) * (1 + WARM_PERIODS / usual.samples)
    z = max(-CLIPPED_Z, min((mean - usual.level) / spread, CLIPPED_Z))
    up, down = _summed(slow.up, z), _summed(slow.down, -z)
    after = Slow(usual, up, down, slow.steady)
    if not after.holds:
        learns = abs(z) < CLIPPED_Z
        return Slow(usual.towards(mean, PERIODS_REMEMBERED) if learns else usual, up, down), False
    steady = _steady(slow.steady, period, spread)
    if steady is not None and _is_normal(steady, period):
        return Slow(Level(steady.level, usual.deviation, usual.samples)), True
    return after._replace(steady=steady), False


def _summed(before: float, z: float) -> float:
    """Return a sum after one more period. What is back to normal is forgotten faster than it came."""
    after = min(max(before + z - ALLOWED_Z, 0.0), MOST_SUM)
    return after if z > 0 else after / 2


def _steady(before: Steady | None, period: Period, spread: float) -> Steady | None:
    if not period.clean:
        return None
    if before is None or abs(period.mean - before.level) > STEADY_Z * spread:
        return Steady(period.mean, period.at, period.ended)
    periods = before.periods + 1
    level = before.level + (period.mean - before.level) / periods
    return before._replace(level=level, periods=periods)


def _is_normal(steady: Steady, period: Period) -> bool:
    lasted = period.ended - steady.ended >= STEADY_SESSIONS or period.at - steady.since >= STEADY_FOR
    return lasted and steady.periods >= WARM_PERIODS
