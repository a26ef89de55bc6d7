"""Whether vehicles get energy at all: drops of power that recur, and visits in a row that gave nothing.

A visit is a session, or a vehicle that was plugged in and left without one.
"""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import NamedTuple

from edge_agent.core.physics import LEAST_CHARGE_KW, POWER_DROP_KW
from edge_agent.core.sessions import GOOD_SESSION_KWH, PLUGGED, Sessions
from edge_agent.wire.metrics import ConnectorStatus, Quantities

NEARLY_FULL_SOC = 90.0
DROP_SAMPLES = 3
DROP_FOR = timedelta(minutes=3)
DROP_SESSIONS = 2
ANOTHER_VEHICLE = timedelta(minutes=30)
"""A session sooner than this after a failed one may be the same vehicle trying again."""
EMPTY_SESSIONS = 3
EMPTY_SURPRISE = 14.0
"""Nats: a run of empty sessions that its own habit gives once in a million sessions."""
LEAST_EMPTY_SHARE = 0.03
FIRST_EMPTY_SHARE = 0.1
SESSIONS_REMEMBERED = 100


class Serving(NamedTuple):
    """What is known of energy that did not come.

    samples, since: of the drop that runs. drops, dropped_at: sessions in a row with one, and when the last
    was counted. waiting: whether a vehicle is plugged in and had no session yet; None while the plug is free.
    empty, empty_at: the run of visits without energy; empty_share: its own habit; ended: sessions seen to
    end; good_at: the last good session when it was looked at.
    """

    samples: int = 0
    since: datetime | None = None
    drops: int = 0
    dropped_at: datetime | None = None
    waiting: bool | None = None
    empty: int = 0
    empty_at: datetime | None = None
    empty_share: float = FIRST_EMPTY_SHARE
    ended: int = 0
    good_at: datetime | None = None

    @property
    def drops_recur(self) -> bool:
        """Whether power dropped with one vehicle and again with another, and none was charged since."""
        return self.drops >= DROP_SESSIONS

    @property
    def surprise(self) -> float:
        """How surprising the run of empty visits is, in nats; 0 while short, and where none was ever good."""
        if self.empty < EMPTY_SESSIONS or self.good_at is None:
            return 0.0
        return -self.empty * math.log(max(self.empty_share, LEAST_EMPTY_SHARE))


def served(before: Serving, now: Quantities, sessions: Sessions, at: datetime) -> Serving:
    """Return what is known after a sample; the same object where it says nothing new."""
    after = before if sessions.ended == before.ended else _ended(before, sessions, at)
    waiting = _waits(after, now, sessions)
    if waiting is not after.waiting:
        left = waiting is None and after.waiting
        after = (_visited(after, at, good=False) if left else after)._replace(waiting=waiting)
    if now.connector_status is ConnectorStatus.CHARGING and now.power is not None:
        if now.power >= POWER_DROP_KW:
            if after.samples or after.drops:
                after = after._replace(samples=0, since=None, drops=0)
        elif unexplained(now):
            after = _dropped(after, at)
    elif after.samples:
        after = after._replace(samples=0, since=None)
    return after


def _waits(before: Serving, now: Quantities, sessions: Sessions) -> bool | None:
    """Return `Serving.waiting` after a sample. Silence and faults unplug nothing."""
    if now.connector_status is ConnectorStatus.AVAILABLE:
        return None
    if sessions.current is not None or sessions.ended != before.ended:
        return False
    return True if before.waiting is None and now.connector_status in PLUGGED else before.waiting


def unexplained(now: Quantities) -> bool:
    """Whether the vehicle should be charging: not curtailed, not asking for nothing, not perhaps full."""
    limit, asked = now.power_limit, now.power_requested
    if (limit is not None and limit < LEAST_CHARGE_KW) or (asked is not None and asked < LEAST_CHARGE_KW):
        return False
    if now.soc is not None:
        return now.soc < NEARLY_FULL_SOC
    return asked is not None or (now.energy_delivered or 0.0) < GOOD_SESSION_KWH


def _dropped(before: Serving, at: datetime) -> Serving:
    since, samples = before.since or at, before.samples + 1
    after = before._replace(samples=samples, since=since)
    if samples < DROP_SAMPLES or at - since < DROP_FOR:
        return after
    last = before.dropped_at
    new = last is None or since - last >= ANOTHER_VEHICLE
    return after._replace(dropped_at=at, drops=before.drops + new if before.drops else 1)


def _ended(before: Serving, sessions: Sessions, at: datetime) -> Serving:
    """Count the session that ended."""
    good = sessions.last_good_at != before.good_at
    ended = before._replace(ended=sessions.ended, good_at=sessions.last_good_at, samples=0, since=None)
    return _visited(ended, at, good=good)._replace(waiting=False)


def _visited(before: Serving, at: datetime, *, good: bool) -> Serving:
    """Count a visit, unless it was the same vehicle trying again."""
    last = before.empty_at
    if not good and last is not None and at - last < ANOTHER_VEHICLE:
        return before._replace(empty_at=at)
    if not good:
        return before._replace(empty=before.empty + 1, empty_at=at)
    # A run is part of the habit once it is over, and it was not told for standing out of it.
    empty = 0 if before.surprise >= EMPTY_SURPRISE else before.empty
    kept = (1 - 1 / min(before.ended + 10, SESSIONS_REMEMBERED)) ** (empty + 1)
    share = before.empty_share * kept + empty / (empty + 1) * (1 - kept)
    return before._replace(empty=0, empty_share=share)
