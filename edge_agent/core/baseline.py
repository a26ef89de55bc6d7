"""What is normal for one EVSE: a robust baseline for each state and quantity, of what physics cannot explain.

Level and spread are exponentially weighted; the spread is the mean absolute deviation, scaled to be
a standard deviation for a normal law. A sample that stands out is never learned from, and samples
closer together than LEARN_EVERY say nothing new: so the memory is one of time, at any reporting rate.
Source: models/README.md, "Anomaly detector".
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NamedTuple

from edge_agent.core.physics import USUAL_RISE_C, Residuals, Track, followed, residuals
from edge_agent.core.serving import EMPTY_SURPRISE, Serving, served
from edge_agent.core.sessions import Sessions
from edge_agent.core.slow import MAD_TO_SIGMA, Level, Period, Slow, after_period
from edge_agent.wire.metrics import ConnectorStatus, Quantities

VERSION = 3
"""Raised with every change of meaning: the baselines of another version start afresh."""
WARM_SAMPLES = 30
MEMORY_SAMPLES = 2000
"""At one a minute some twenty sessions, or a day and a half at rest."""
WARM_EVERY = timedelta(seconds=10)
LEARN_EVERY = timedelta(seconds=60)
FOLLOW_EVERY = timedelta(seconds=5)
REST_PERIOD = timedelta(hours=6)
OUTLIER_Z = 4.0
YOUNG_SESSIONS = 5
"""Until then nothing is told for standing out."""
ALARM_Z = 6.0
"""What an alarm of the slow kind counts as, among z-scores."""
CODE_Z = 4.0
LIMIT_C = 50.0
"""What is hotter is never learned."""
QUANTITIES = ("energy_delivered", "power", "temperature")
MIN_SPREADS = (1.0, 0.03, 0.6)
MIN_REST_SPREADS = (1.0, 0.3, 1.0)
"""A spread below the sensor's own noise would turn every tick of the last digit into an outlier."""
CLIPPED_Z = 8.0
POWER = QUANTITIES.index("power")
DUE = 0.05
TEMPERATURE = QUANTITIES.index("temperature")
COLDER = 0.5
"""Of what warmer tells: what wears never grows colder, but the weather does, and a sensor that came right."""
TELLING_HEAT = 0.1
"""Of full load's: below it a bad contact does not show in the mean of a session."""


class Baseline(NamedTuple):
    """Levels in one state and their slow changes, in the order of QUANTITIES, and the period that runs.

    began_at: of the period. totals, counts: of its residuals. clean: whether nothing went wrong in it.
    rise_c: what full load warms it by.
    """

    levels: tuple[Level, ...] = (Level(),) * 3
    slow: tuple[Slow, ...] = (Slow(),) * 3
    learned_at: datetime | None = None
    began_at: datetime | None = None
    totals: tuple[float, ...] = (0.0,) * 3
    counts: tuple[int, ...] = (0,) * 3
    clean: bool = True
    rise_c: float = USUAL_RISE_C
    samples: int = 0

    def is_due(self, at: datetime) -> bool:
        """Whether a sample may teach something new: sooner while little is known."""
        last = self.learned_at
        return last is None or not _sooner(
            at, last, LEARN_EVERY if self.samples > WARM_SAMPLES else WARM_EVERY
        )


NEW = Baseline()
NO_TRACK = Track()
UNTRIED = Serving()


@dataclass(frozen=True, slots=True)
class Baselines:
    """One baseline for each state that behaves alike. In faults and silence nothing is learned.

    began_ended: sessions ended before the baselines began; sessions: those since. settled: which quantity's
    new level has last become normal, and when.
    """

    idle: Baseline = NEW
    charging: Baseline = NEW
    track: Track = NO_TRACK
    serving: Serving = UNTRIED
    began_ended: int | None = None
    sessions: int = 0
    settled: tuple[str, datetime] | None = None
    version: int = VERSION

    def of(self, status: ConnectorStatus | None) -> Baseline | None:
        """Return the baseline for a status; None where nothing is normal."""
        if status is ConnectorStatus.CHARGING:
            return self.charging
        return self.idle if status in IDLE else None

    @property
    def drifting(self) -> str | None:
        """Which quantity has slowly left its normal, if one has, in whichever state."""
        for baseline in (self.charging, self.idle):
            for name, slow in zip(QUANTITIES, baseline.slow, strict=True):
                if abs(slow.alarm) >= 1.0:
                    return name
        return None

    @property
    def young(self) -> bool:
        """Whether too little is known for an alert."""
        return self.sessions < YOUNG_SESSIONS


IDLE = frozenset({ConnectorStatus.AVAILABLE, ConnectorStatus.OCCUPIED, ConnectorStatus.FULLY_CHARGED})


def deviations(baselines: Baselines, now: Quantities, at: datetime | None = None) -> dict[str, float]:
    """Return each known quantity's z-score against this EVSE's own history in this state.

    at: when that was measured; None: just now, as far as the baselines know. A temperature below its level
    counts for COLDER of its z-score. Empty where there is no warm baseline. `status_int` has none: states are
    what baselines are kept by.
    """
    status = now.connector_status
    baseline = baselines.of(status)
    if baseline is None or baseline is NEW:
        return {}
    track = baselines.track
    if at is not None and (track.at is None or at - track.at >= FOLLOW_EVERY):
        track = followed(track, now, at)
    found: dict[str, float] = {}
    left = residuals(track, now, baseline.rise_c)
    slow = baseline.slow
    spreads = MIN_SPREADS if status is ConnectorStatus.CHARGING else MIN_REST_SPREADS
    for place, level in enumerate(baseline.levels):
        value = left[place]
        if value is None or level.samples < WARM_SAMPLES:
            continue
        z = level.z(value, spreads[place])
        alarm = slow[place].alarm
        if alarm >= 1.0 or alarm <= -1.0:
            z = max(z, ALARM_Z * alarm) if alarm > 0 else min(z, ALARM_Z * alarm)
        if place == POWER and z > 0.0 and status is ConnectorStatus.CHARGING and value <= DUE:
            z = 0.0  # to take what is due is never odd, whatever other vehicles took
        if place == TEMPERATURE and z < 0.0:
            z *= COLDER
        found[QUANTITIES[place]] = z
    if found:
        found["error_count"] = CODE_Z * len(now.error_codes) if now.error_codes else 0.0
    surprise = baselines.serving.surprise
    if surprise >= EMPTY_SURPRISE:
        found["energy_delivered"] = -ALARM_Z * surprise / EMPTY_SURPRISE
    return found


def learn(
    baselines: Baselines, now: Quantities, deviation: dict[str, float], at: datetime, sessions: Sessions
) -> Baselines:
    """Return the baselines after this sample; levels stay where it stands out or bears a code."""
    track = baselines.track
    if track.at is None or not _sooner(at, track.at, FOLLOW_EVERY):
        track = followed(track, now, at)
    serving = served(baselines.serving, now, sessions, at)
    idle, charging = baselines.idle, baselines.charging
    status = now.connector_status
    if status is ConnectorStatus.CHARGING:
        if charging.is_due(at):
            left = residuals(track, now, charging.rise_c)
            charging = _learned(charging, now, (deviation, left, track.heat >= TELLING_HEAT), at)
    elif status in IDLE and idle.is_due(at):
        idle = _learned(idle, now, (deviation, residuals(track, now, idle.rise_c), True), at)
    if track is baselines.track and serving is baselines.serving:
        return baselines
    began = sessions.ended if baselines.began_ended is None else baselines.began_ended
    after = Baselines(idle, charging, track, serving, began, baselines.sessions, baselines.settled)
    return _with_periods(after, sessions, at)


def restarted(baselines: Baselines) -> Baselines:
    """Return the baselines after parts or firmware were changed: what was normal is to be learned again."""
    return Baselines(track=baselines.track)


def borrowed(other: Baselines) -> Baselines:
    """Return baselines for a newcomer from one of the same model: warm, but soon outweighed by its own."""
    return Baselines(idle=_lent(other.idle), charging=_lent(other.charging))


def _lent(baseline: Baseline) -> Baseline:
    levels = tuple(level._replace(samples=min(level.samples, WARM_SAMPLES)) for level in baseline.levels)
    return Baseline(levels, rise_c=baseline.rise_c, samples=baseline.samples)


def _sooner(at: datetime, before: datetime, than: timedelta) -> bool:
    return NO_TIME <= at - before < than


NO_TIME = timedelta(0)


def _learned(
    before: Baseline, now: Quantities, found: tuple[dict[str, float], Residuals, bool], at: datetime
) -> Baseline:
    """Return a baseline after one more sample. found: z-scores, residuals, whether its heat tells."""
    began = before.began_at or at
    if now.error_codes or (now.temperature is not None and now.temperature >= LIMIT_C):
        return before._replace(learned_at=at, began_at=began, clean=False)
    deviation, left, telling = found
    rise_c = before.rise_c
    levels, totals, counts = list(before.levels), list(before.totals), list(before.counts)
    for place, value in enumerate(left):
        if value is None:
            continue
        level = levels[place]
        most = math.inf
        if abs(deviation.get(QUANTITIES[place], 0.0)) >= OUTLIER_Z:
            most = CLIPPED_Z * level.deviation * MAD_TO_SIGMA
        elif not before.slow[place].holds:
            levels[place] = level.towards(value, MEMORY_SAMPLES)
        if telling or place != TEMPERATURE:
            totals[place] += min(max(value, level.level - most), level.level + most)
            counts[place] += 1
    return Baseline(
        tuple(levels),
        before.slow,
        at,
        began,
        tuple(totals),
        tuple(counts),
        before.clean,
        rise_c,
        before.samples + 1,
    )


def _with_periods(after: Baselines, sessions: Sessions, at: datetime) -> Baselines:
    """Close the periods that are over: of charging with its session, of rest after some hours."""
    idle, charging, settled = after.idle, after.charging, after.settled
    count = sessions.ended - (after.began_ended or 0)
    if count != after.sessions:
        good = not after.serving.empty
        charging, normal = _closed(charging, Period(0.0, at, count, good), MIN_SPREADS)
        settled = (normal, at) if normal else settled
    if idle.began_at is not None and at - idle.began_at >= REST_PERIOD:
        idle, normal = _closed(idle, Period(0.0, at, count, clean=True), MIN_REST_SPREADS)
        settled = (normal, at) if normal else settled
    if idle is after.idle and charging is after.charging and count == after.sessions:
        return after
    return replace(after, idle=idle, charging=charging, sessions=count, settled=settled)


def _closed(before: Baseline, period: Period, min_spreads: tuple[float, ...]) -> tuple[Baseline, str | None]:
    """Return a baseline after its period, and which quantity's new level has become normal."""
    levels, slows, normal = list(before.levels), list(before.slow), None
    clean = period.clean and before.clean
    for place, count in enumerate(before.counts):
        if not count:
            continue
        mean = before.totals[place] / count
        slow, settles = after_period(
            slows[place], period._replace(mean=mean, clean=clean), min_spreads[place] / 2
        )
        slows[place] = slow
        if settles:
            normal = QUANTITIES[place]
            levels[place] = levels[place]._replace(level=slow.usual.level)
    return Baseline(
        tuple(levels), tuple(slows), before.learned_at, rise_c=before.rise_c, samples=before.samples
    ), normal
