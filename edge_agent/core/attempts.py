"""Attempts to charge at one EVSE, folded from its readings: how far each came, and whether it succeeded.

    stage       it is at this stage once         and past it once
    AUTHORISE   a vehicle is plugged in          a transaction starts
    START       a transaction has started        the status is CHARGING
    ENERGISE    the status is CHARGING           power flows
    DELIVER     power flows                      it ends with GOOD_SESSION_KWH or more, and not by a fault

It fails at PLUG where a code tells so. A visit is what one vehicle tries at one EVSE: what goes on without
unplugging, or begins within AGAIN after a failed attempt; no name of a vehicle is kept to know better.
A visit succeeds at first go where its first attempt does (ChargeX calls that first-time charge success).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from edge_agent.core.downtime import cause_of
from edge_agent.core.sessions import GOOD_SESSION_KWH, PLUGGED
from edge_agent.wire.faults import FAULTS, spellings
from edge_agent.wire.metrics import ConnectorStatus
from edge_agent.wire.reading import Event, Source
from edge_agent.wire.service import Attempt, Cause, Stage

if TYPE_CHECKING:
    from edge_agent.core.charger import Charger
    from edge_agent.wire.reading import Reading
    from edge_agent.wire.types import EvseId

AGAIN = timedelta(minutes=10)
FLOWS_KW = 0.1
FLOWS_KWH = 0.01
FULL_SOC = 99.0
CURTAILED_KW = 1.4
"""Below this limit no vehicle can charge (IEC 61851-1: 6 A)."""
FEWEST_STARTS = 3
FEWEST_VEHICLES = 2
PLUG_CODES = spellings(
    {
        name: FAULTS[name]
        for name in ("ConnectorLockFailure", "PartialInsertion", "ProximityFault", "PilotFault")
    }
)
STARTING = frozenset({Stage.START, Stage.ENERGISE, Stage.DELIVER})


@dataclass(frozen=True, slots=True)
class Trying:
    """A running attempt, and the stage that it is at."""

    started_at: datetime
    stage: Stage
    number: int


@dataclass(frozen=True, slots=True)
class Tried:
    """An attempt that is over; see `wire.service.Attempt`."""

    started_at: datetime
    ended_at: datetime
    number: int
    failed_at: Stage | None = None
    energy_kwh: float | None = None
    cause: Cause | None = None
    codes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Failing:
    """Failed starts in a row, without a success between, that nothing but the charger explains."""

    since: datetime | None = None
    starts: int = 0
    visits: int = 0

    @property
    def enough(self) -> bool:
        """Whether that is a failure: three starts by two vehicles."""
        return self.starts >= FEWEST_STARTS and self.visits >= FEWEST_VEHICLES


@dataclass(frozen=True, slots=True)
class Attempts:
    """plugged: whether a vehicle is. last: the newest attempt that is over."""

    plugged: bool = False
    current: Trying | None = None
    last: Tried | None = None
    failing: Failing = Failing()


def attempts_after(before: Charger, after: Charger, reading: Reading) -> Attempts:
    """Return an EVSE's attempts after a reading; the same object where nothing changed.

    before, after: the EVSE as `observe` had and gave it.
    """
    known = before.attempts
    if reading.event is Event.MAINTENANCE and known.failing.starts:
        return replace(known, failing=Failing())
    if reading.retained:
        return known
    was, now = before.sessions, after.sessions
    plugged = _plugged(known, before, after, reading)
    started, ended = now.started != was.started, now.ended != was.ended
    if ended or (known.plugged and not plugged and now.current is None):
        known = _concluded(known, after, reading, ended=ended)
    if started:
        known = _started(known, reading, told=now.current is not None and now.current.told)
    elif plugged and not known.plugged and known.current is None and now.current is None:
        known = replace(known, current=Trying(reading.at, Stage.AUTHORISE, _number(known, reading.at)))
    if plugged is not known.plugged:
        known = replace(known, plugged=plugged)
    return known if known.current is None else _advanced(known, known.current, after)


def told(evse: EvseId, tried: Tried) -> Attempt:
    """Return an attempt as it is told."""
    return Attempt(
        charger_id=evse.charger_id,
        connector_id=evse.connector_id,
        started_at=tried.started_at,
        ended_at=tried.ended_at,
        failed_at=tried.failed_at,
        energy_kwh=tried.energy_kwh,
        number=tried.number,
        cause=tried.cause,
        codes=tried.codes,
    )


def _plugged(known: Attempts, before: Charger, after: Charger, reading: Reading) -> bool:
    """Silence unplugs nothing, nor does what speaks of the past."""
    status = after.now.connector_status
    if after.now is before.now or reading.source is Source.AGENT or status is None:
        return known.plugged
    return status in PLUGGED


def _started(known: Attempts, reading: Reading, *, told: bool) -> Attempts:
    stage = Stage.START if told else Stage.ENERGISE
    if known.current is not None:
        return replace(known, current=replace(known.current, stage=stage))
    return replace(known, current=Trying(reading.at, stage, _number(known, reading.at)))


def _number(known: Attempts, at: datetime) -> int:
    last = known.last
    if last is None:
        return 1
    retried = last.failed_at is not None and at - last.ended_at <= AGAIN
    return last.number + 1 if known.plugged or retried else 1


def _advanced(known: Attempts, current: Trying, charger: Charger) -> Attempts:
    stage = current.stage
    if stage is Stage.DELIVER or stage is Stage.AUTHORISE:
        return known
    charging = charger.now.connector_status is ConnectorStatus.CHARGING
    if (charging and (charger.now.power or 0.0) >= FLOWS_KW) or (
        charger.sessions.energy_kwh or 0.0
    ) >= FLOWS_KWH:
        stage = Stage.DELIVER
    elif charging:
        stage = Stage.ENERGISE
    return known if stage is current.stage else replace(known, current=replace(current, stage=stage))


def _concluded(known: Attempts, charger: Charger, reading: Reading, *, ended: bool) -> Attempts:
    """Return the attempts with the running one, if there is one, over."""
    current = known.current
    if current is None:
        return known
    energy = charger.sessions.last_kwh if ended else 0.0
    faulty = charger.now.connector_status is ConnectorStatus.FAULTY
    failed_at = _failed_at(current, charger, energy, faulty=faulty)
    over = Tried(
        started_at=current.started_at,
        ended_at=max(reading.at, current.started_at),
        failed_at=failed_at,
        energy_kwh=energy,
        number=current.number,
        cause=None if failed_at is None else _cause(failed_at, charger, faulty=faulty),
        codes=() if failed_at is None else charger.errors,
    )
    return replace(known, current=None, last=over, failing=_failing_after(known.failing, over))


def _failed_at(current: Trying, charger: Charger, energy_kwh: float | None, *, faulty: bool) -> Stage | None:
    stage = current.stage
    if stage is Stage.AUTHORISE:
        return Stage.PLUG if PLUG_CODES.intersection(charger.errors) else stage
    if energy_kwh is None:  # it tells no energy: power that flowed, or is not told either, must do
        delivered = stage is Stage.DELIVER or charger.now.power is None
    else:
        delivered = energy_kwh >= GOOD_SESSION_KWH
    if delivered:
        return Stage.DELIVER if faulty else None
    return Stage.DELIVER if (energy_kwh or 0.0) >= FLOWS_KWH else stage


def _cause(failed_at: Stage, charger: Charger, *, faulty: bool) -> Cause | None:
    now = charger.now
    if charger.errors or faulty:
        return cause_of(charger.errors, Cause.OWN_FAULT)
    if failed_at is Stage.AUTHORISE:
        return Cause.USER
    if (now.soc or 0.0) >= FULL_SOC or now.power_requested == 0:
        return Cause.VEHICLE
    return Cause.SITE_POWER if now.power_limit is not None and now.power_limit < CURTAILED_KW else None


def _failing_after(failing: Failing, over: Tried) -> Failing:
    if over.failed_at is None:
        return failing if failing.starts == 0 else Failing()
    its_own = over.cause is Cause.OWN_FAULT or (over.cause is None and over.failed_at in STARTING)
    if not its_own:
        return failing
    another = over.number == 1 or failing.starts == 0
    return Failing(failing.since or over.started_at, failing.starts + 1, failing.visits + another)
