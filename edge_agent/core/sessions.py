"""Charging sessions of one EVSE, told by transactions or inferred from its status."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from edge_agent.wire.metrics import ConnectorStatus
from edge_agent.wire.reading import Event, Reading, Source

GOOD_SESSION_KWH = 0.1
"""Less than this and the vehicle got nothing worth the name."""
FLICKER_KWH = 1.0
"""A register that falls by less was not reset."""
NEWEST = 0.1
"""Weight of the newest session in running shares and means: about the last ten count."""
MOST_STARTS = 16
PLUGGED = frozenset({ConnectorStatus.CHARGING, ConnectorStatus.OCCUPIED, ConnectorStatus.FULLY_CHARGED})


@dataclass(frozen=True, slots=True)
class Session:
    """A running charging session.

    told: whether a transaction tells of it; otherwise it is inferred from the status.
    metered_kwh: its energy, where that comes from a lifetime register and not from the charger's word.
    register_start_kwh: what the register showed when `metered_kwh` was 0.
    """

    started_at: datetime
    told: bool = False
    metered_kwh: float | None = None
    register_start_kwh: float | None = None
    transaction_id: str | None = None
    call_id: str | None = None


@dataclass(frozen=True, slots=True)
class Sessions:
    """The running session, and what became of those before. Shares and means favour the last ten."""

    current: Session | None = None
    started: int = 0
    ended: int = 0
    zero_share: float = 0.0
    mean_kwh: float = 0.0
    last_good_at: datetime | None = None
    last_kwh: float | None = None
    """What the last one that ended gave; None where nothing told of energy."""
    failed_in_a_row: int = 0
    starts: tuple[str, ...] = ()
    """Transactions that were last told to have started, by a name that no other has."""

    @property
    def energy_kwh(self) -> float | None:
        """The running session's energy, where a register gives it."""
        return None if self.current is None else self.current.metered_kwh


def sessions_after(before: Sessions, reading: Reading, energy_before_kwh: float | None) -> Sessions:
    """Return the sessions after a reading.

    energy_before_kwh: what the EVSE said of the session's energy until then.
    """
    if reading.event is not None:
        return _after_event(before, reading, energy_before_kwh)
    if reading.source is Source.AGENT:
        return before
    current = before.current
    status = reading.metrics.connector_status
    if current is None:
        return _started(before, reading, told=False) if status is ConnectorStatus.CHARGING else before
    if current.told or status is None or status in PLUGGED:
        return before if reading.register_kwh is None else _metered(before, current, reading.register_kwh)
    return _ended(before, reading, energy_before_kwh)


def _after_event(before: Sessions, reading: Reading, energy_before_kwh: float | None) -> Sessions:
    current = before.current
    if reading.event is Event.TRANSACTION_STARTED:
        name = start_name(reading)
        if name in before.starts:
            return before
        before = replace(before, starts=(*before.starts, name)[-MOST_STARTS:])
        return _started(_ended(before, reading, energy_before_kwh), reading, told=True)
    if current is None:
        return before
    if reading.event is Event.TRANSACTION_CONFIRMED and current.call_id == reading.call_id:
        return replace(before, current=replace(current, transaction_id=reading.transaction_id))
    if reading.event is Event.TRANSACTION_ENDED:
        register = reading.register_kwh
        charged = before if register is None else _metered(before, current, register)
        return _ended(charged, reading, energy_before_kwh)
    return before


def start_name(reading: Reading) -> str:
    """Return a name for a transaction that is the same however often its start is told.

    2.x gives it an id from the first; in 1.6 a message's id, which counters repeat, needs its time besides.
    """
    if reading.transaction_id is not None:
        return reading.transaction_id
    return f"{reading.call_id} {reading.at.isoformat()}"


def _started(sessions: Sessions, reading: Reading, *, told: bool) -> Sessions:
    register = reading.register_kwh
    session = Session(
        started_at=reading.at,
        told=told,
        metered_kwh=None if register is None else 0.0,
        register_start_kwh=register,
        transaction_id=reading.transaction_id,
        call_id=reading.call_id,
    )
    return replace(sessions, current=session, started=sessions.started + 1)


def _metered(sessions: Sessions, current: Session, register_kwh: float) -> Sessions:
    """Return the sessions with the running one's energy by its register.

    A register seen for the first time, or one that fell (a reset, another meter), goes on from what was
    metered until then; one that flickers does not.
    """
    start, metered = current.register_start_kwh, current.metered_kwh or 0.0
    if start is None or register_kwh < start + metered - FLICKER_KWH:
        start = register_kwh - metered
    metered = max(register_kwh - start, metered)
    return replace(sessions, current=replace(current, register_start_kwh=start, metered_kwh=metered))


def _ended(sessions: Sessions, reading: Reading, energy_before_kwh: float | None) -> Sessions:
    """Return the sessions with the running one, if there is one, closed and counted."""
    current = sessions.current
    if current is None:
        return sessions
    told = reading.metrics.energy_delivered or energy_before_kwh or 0.0
    energy = told if current.metered_kwh is None else current.metered_kwh
    known = current.metered_kwh is not None or reading.metrics.energy_delivered is not None
    good = energy >= GOOD_SESSION_KWH
    step = max(NEWEST, 1 / (sessions.ended + 1))
    mean = sessions.mean_kwh + step * (energy - sessions.mean_kwh)
    return replace(
        sessions,
        current=None,
        ended=sessions.ended + 1,
        zero_share=sessions.zero_share + step * (float(not good) - sessions.zero_share),
        mean_kwh=mean if good else sessions.mean_kwh,
        last_good_at=reading.at if good else sessions.last_good_at,
        last_kwh=energy if known or energy_before_kwh is not None else None,
        failed_in_a_row=0 if good else sessions.failed_in_a_row + 1,
    )
