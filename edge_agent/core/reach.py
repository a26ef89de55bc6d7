"""Whether vehicles still reach the power that they used to: what one of them takes tells little, many tell.

A session is weak if its highest power stayed below a share of what the charger can give. Where nobody knows
what vehicles ask for, some always are; a run of them that the charger's own habit hardly ever gives is odd.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from edge_agent.core.physics import TAPER_SOC
from edge_agent.core.sessions import GOOD_SESSION_KWH, Sessions
from edge_agent.wire.metrics import ConnectorStatus, Quantities

REACHED = 0.6
"""Of what is due."""
TELLING_SHARE = 0.6
"""Of a usual session's energy: who takes less may be nearly full, and asks for less from the beginning."""
NEARLY = 10.0
"""Less than where vehicles ask for less, in %: one that comes so full soon does."""
HABIT_SESSIONS = 10
"""Until so many are known, none is weak."""
SESSIONS_REMEMBERED = 100
LEAST_WEAK_SHARE = 0.03


class Reach(NamedTuple):
    """top_kw: the most in the running session. explained: whether its vehicle or site asks for less.

    weak: the run of weak sessions; weak_share: the habit; sessions: those that told. usual_kwh: of sessions
    that gave anything. ended: sessions seen to end; good_at is for `Sessions.last_good_at`.
    """

    top_kw: float = 0.0
    explained: bool = False
    weak: int = 0
    weak_share: float = 0.0
    sessions: int = 0
    usual_kwh: float = 0.0
    ended: int = 0

    @property
    def surprise(self) -> float:
        """How surprising the run of weak sessions is, in nats; 0 while too little is known."""
        if self.sessions < HABIT_SESSIONS:
            return 0.0
        return -self.weak * math.log(max(self.weak_share, LEAST_WEAK_SHARE))


def reached(before: Reach, now: Quantities, sessions: Sessions, peak_kw: float) -> Reach:
    """Return what is known after a sample; the same object where it says nothing new.

    peak_kw: the most power that was ever seen.
    """
    if sessions.ended != before.ended:
        before = _ended(before, sessions, peak_kw)
    if now.connector_status is not ConnectorStatus.CHARGING:
        return before
    explained = before.explained or _explained(now, peak_kw) or (not before.top_kw and _came_full(now))
    top_kw = max(before.top_kw, now.power or 0.0)
    if explained is before.explained and top_kw == before.top_kw:
        return before
    return before._replace(top_kw=top_kw, explained=explained)


def _explained(now: Quantities, peak_kw: float) -> bool:
    """Whether it is known what the vehicle asks for, or that the site limits it."""
    limit = now.power_limit
    return now.power_requested is not None or (limit is not None and limit < REACHED * peak_kw)


def _came_full(now: Quantities) -> bool:
    return now.soc is not None and now.soc >= TAPER_SOC - NEARLY


def _ended(before: Reach, sessions: Sessions, peak_kw: float) -> Reach:
    """Count the session that ended, where it tells anything."""
    energy = sessions.last_kwh or 0.0
    after = before._replace(top_kw=0.0, explained=False, ended=sessions.ended)
    if before.explained or not before.top_kw or energy < GOOD_SESSION_KWH:
        return after
    count = before.sessions + 1
    step = 1 / min(count, SESSIONS_REMEMBERED)
    usual_kwh = before.usual_kwh + step * (energy - before.usual_kwh)
    after = after._replace(sessions=count, usual_kwh=usual_kwh)
    if energy < TELLING_SHARE * before.usual_kwh:
        return after
    weak = before.top_kw < REACHED * peak_kw
    if count <= HABIT_SESSIONS:
        return after._replace(weak_share=before.weak_share + step * (weak - before.weak_share))
    if weak:
        return after._replace(weak=before.weak + 1)
    # A run is part of the habit once it is over.
    kept = (1 - step) ** (before.weak + 1)
    share = before.weak_share * kept + before.weak / (before.weak + 1) * (1 - kept)
    return after._replace(weak=0, weak_share=share)
