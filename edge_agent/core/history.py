"""What an EVSE's past tells of its health: heat, power, starts and silence against its own normal.

Each is kept twice, as it is lately and as it was for long, so that a drift shows against its own past and no
fleet is needed. A reading touches it once a STEP at most, unless a session ended.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from edge_agent.core.modes import HEAT_CODES
from edge_agent.core.rates import DAY_S, MONTH_S, NEVER, WEEK_S, Rates
from edge_agent.core.sessions import Sessions
from edge_agent.core.usage import NEVER_USED, Usage, usage_after
from edge_agent.wire.metrics import ConnectorStatus, Quantities

NAN = math.nan
STEP_S = 60.0
HEAT_LAG_S = 1200.0
"""Time constant of a connector's heat: what it carried 20 minutes ago still warms it."""
LOADED = 0.04
"""Square of the load from which its heat stands out of the sensor's noise: a fifth of the rated current."""
COLD = 0.004
LATELY_S = 5400.0
"""Seconds under load over which the present heat and power are averaged."""
LONG_S = 60 * DAY_S
WARM_S = 4 * 3600.0
"""Seconds under load before an EVSE's own normal is known."""
FULL_FROM_SOC = 80.0
"""From here on vehicles ask for less."""
LATELY_SESSIONS, LONG_SESSIONS = 5, 60
MOST = 2.0
"""Of the plate, beyond which a power is taken for a slip of the meter."""
LATE = 1.7
"""A gap so many times the usual has lost messages."""


class Mean(NamedTuple):
    """A mean weighted by time that forgets, and the weight behind it in seconds."""

    value: float = 0.0
    weight: float = 0.0

    def towards(self, value: float, weight: float, kept: float) -> Mean:
        """Return the mean with one value more; kept: share of the old weight that is not forgotten."""
        total = self.weight * kept + weight
        return Mean(self.value + (value - self.value) * weight / total, total) if total > 0 else self


NOTHING = Mean()


@dataclass(frozen=True, slots=True)
class Heat:
    """Rise over the surroundings that rated current would cause, °C, lately and for long.

    load: square of the load, lagged as heat is. idle_c: what the sensor shows above ambient without load,
    or simply shows where ambient is not told.
    """

    load: float = 0.0
    idle_c: float | None = None
    lately: Mean = NOTHING
    long: Mean = NOTHING


@dataclass(frozen=True, slots=True)
class Power:
    """What it delivers: shortfall against what was asked and allowed, and the most of each session.

    peak: of the running session, as a share of the plate or limit. lately, long: of the peaks of sessions.
    """

    shortfall: Mean = NOTHING
    peak: float = 0.0
    lately: Mean = NOTHING
    long: Mean = NOTHING


@dataclass(frozen=True, slots=True)
class Silence:
    """Messages that did not come. usual_s: between messages, idle and charging; shares: of the time."""

    usual_s: tuple[float | None, float | None] = (None, None)
    day: float = 0.0
    week: float = 0.0


@dataclass(frozen=True, slots=True)
class History:
    """All of it. failed_streak: starts without energy since the last good one; failed_since: the first."""

    as_of: datetime | None = None
    since: datetime | None = None
    heat: Heat = field(default_factory=Heat)
    power: Power = field(default_factory=Power)
    silence: Silence = field(default_factory=Silence)
    derates: Rates = NEVER
    failed: Rates = NEVER
    failed_streak: int = 0
    failed_since: datetime | None = None
    good_gap_s: float | None = None
    """Usual time between good sessions."""
    faulted_at: datetime | None = None
    usage: Usage = NEVER_USED


class Passed(NamedTuple):
    """What lies between two states of an EVSE. before: the time of the one before."""

    then: Quantities
    now: Quantities
    sessions_then: Sessions
    sessions: Sessions
    before: datetime
    at: datetime


NEW_HISTORY = History()


def history_after(before: History, passed: Passed) -> History:
    """Return the history after a reading; unchanged where too little time has passed to tell anything."""
    at = passed.at
    ended = passed.sessions.ended != passed.sessions_then.ended
    if before.as_of is None:
        return History(as_of=at, since=at)
    step_s = (at - before.as_of).total_seconds()
    changed = passed.now.connector_status is not passed.then.connector_status
    if step_s < STEP_S and not (ended or changed or passed.now.error_codes):
        return before
    good = passed.sessions.last_good_at != passed.sessions_then.last_good_at
    step_s = max(step_s, 0.0)
    return History(
        as_of=at,
        since=before.since,
        heat=_heat(before.heat, passed, step_s),
        power=_power(before.power, passed, step_s, ended=ended),
        silence=_silence(before.silence, passed, step_s),
        derates=before.derates.after(_derated(passed), at),
        failed=before.failed.after(int(ended and not good), at),
        failed_streak=0 if good else before.failed_streak + ended,
        failed_since=None if good else before.failed_since or (at if ended else None),
        good_gap_s=_good_gap(before, passed) if good else before.good_gap_s,
        faulted_at=at if passed.now.connector_status is ConnectorStatus.FAULTY else before.faulted_at,
        usage=usage_after(
            before.usage, at, step_s, charging=passed.then.connector_status is ConnectorStatus.CHARGING
        ),
    )


def features(history: History, sessions: Sessions, at: datetime) -> tuple[float, ...]:
    """Return what a model sees of it, in the order of HISTORY_NAMES; NaN where not known yet."""
    heat, power, silence = history.heat, history.power, history.silence
    warm = heat.long.weight >= WARM_S
    many = power.long.weight >= LATELY_SESSIONS
    gap, waited = history.good_gap_s, _days(sessions.last_good_at, at)
    return (
        heat.lately.value if heat.lately.weight else NAN,
        heat.lately.value - heat.long.value if warm else NAN,
        power.shortfall.value if power.shortfall.weight else NAN,
        power.lately.value - power.long.value if many else NAN,
        history.derates.at(at)[1],
        *history.failed.at(at)[:2],
        float(history.failed_streak),
        silence.day,
        silence.week,
        waited,
        waited * DAY_S / gap if gap else NAN,
        _days(history.faulted_at, at),
        _days(history.since, at),
    )


HISTORY_NAMES = (
    "heat_rise",  # °C that rated current would add, as measured lately
    "temperature_excess",  # °C of it above its own long normal
    "power_shortfall",  # share of the power asked for and allowed that did not come
    "power_drift",  # most of a session as a share of the plate, lately less for long
    "derates_per_day_7d",  # codes of heat that appeared, a day
    "failed_starts_1d",  # sessions without energy, a day
    "failed_starts_7d",
    "failed_streak",  # sessions without energy since the last good one
    "silence_share_1d",  # of the time, in which messages were due and did not come
    "silence_share_7d",
    "days_since_good_session",
    "good_session_overdue",  # time since the last good session over the usual time between them
    "days_since_fault",
    "days_observed",
)


def _heat(heat: Heat, passed: Passed, step_s: float) -> Heat:
    then, now = passed.then, passed.now
    rated = now.rated_power or then.rated_power
    if now.temperature is None or then.power is None or (then.power and not rated):
        return heat
    drawn = min(then.power / rated, MOST) ** 2 if rated else 0.0
    load = heat.load + (drawn - heat.load) * -math.expm1(-step_s / HEAT_LAG_S)
    rise = now.temperature - (now.ambient_temperature or 0.0)
    if load < COLD:
        share = 0.2 if heat.idle_c is not None else 1.0
        idle = rise if heat.idle_c is None else heat.idle_c + share * (rise - heat.idle_c)
        return Heat(load, idle, heat.lately, heat.long)
    if load < LOADED or heat.idle_c is None:
        return Heat(load, heat.idle_c, heat.lately, heat.long)
    weight = min(step_s, HEAT_LAG_S)
    full = (rise - heat.idle_c) / load
    heavy = weight * load * load  # least squares through the origin: a light load tells little
    return Heat(
        load,
        heat.idle_c,
        heat.lately.towards(full, heavy, math.exp(-heavy / LATELY_S * 3)),
        heat.long.towards(full, heavy, math.exp(-step_s / LONG_S)),
    )


def _power(power: Power, passed: Passed, step_s: float, *, ended: bool) -> Power:
    then, now = passed.then, passed.now
    plate = now.rated_power or then.rated_power
    shortfall, peak = power.shortfall, power.peak
    if now.connector_status is ConnectorStatus.CHARGING and now.power is not None and plate:
        offered = min(plate, now.power_limit if now.power_limit is not None else plate)
        if offered > 0:
            peak = max(peak, min(now.power / offered, MOST))
        asked = now.power_requested
        if asked is not None and now.power > 0 and min(offered, asked) > 0:
            weight = min(step_s, HEAT_LAG_S)
            short = 1 - min(now.power / min(offered, asked), 1.0)
            shortfall = shortfall.towards(short, weight, math.exp(-weight / LATELY_S))
    if not ended:
        return (
            power
            if (shortfall, peak) == (power.shortfall, power.peak)
            else Power(shortfall, peak, power.lately, power.long)
        )
    if not peak:
        return Power(shortfall, 0.0, power.lately, power.long)
    lately = power.lately.towards(peak, 1.0, 1 - 1 / LATELY_SESSIONS)
    return Power(shortfall, 0.0, lately, power.long.towards(peak, 1.0, 1 - 1 / LONG_SESSIONS))


def _silence(silence: Silence, passed: Passed, step_s: float) -> Silence:
    place = int(passed.then.connector_status is ConnectorStatus.CHARGING)
    gap = max((passed.at - passed.before).total_seconds(), 0.0)
    usual = silence.usual_s[place]
    if gap == 0.0:
        return silence
    if usual is None:
        learned = gap
        missed = 0.0
    else:
        missed = 1 - usual / gap if gap > LATE * usual else 0.0
        learned = usual * (1.03 if gap > usual * 1.02 else 0.98 if gap < usual * 0.98 else 1.0)
    both = (silence.usual_s[0], learned) if place else (learned, silence.usual_s[1])
    return Silence(
        both,
        silence.day + (missed - silence.day) * -math.expm1(-step_s / DAY_S),
        silence.week + (missed - silence.week) * -math.expm1(-step_s / WEEK_S),
    )


def _derated(passed: Passed) -> int:
    codes = passed.now.error_codes
    if not codes:
        return 0
    return len(HEAT_CODES.intersection(codes).difference(passed.then.error_codes or ()))


def _good_gap(before: History, passed: Passed) -> float | None:
    last = passed.sessions_then.last_good_at
    if last is None:
        return before.good_gap_s
    gap = min(max((passed.at - last).total_seconds(), 0.0), MONTH_S)
    usual = before.good_gap_s
    return gap if usual is None else usual + (gap - usual) / 10


def _days(earlier: datetime | None, later: datetime) -> float:
    return NAN if earlier is None else max((later - earlier).total_seconds() / DAY_S, 0.0)
