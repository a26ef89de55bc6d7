"""State of one EVSE, folded from its readings in order.

`observe` is the only way in which state changes. It is pure: the same charger and reading give the
same charger, so a snapshot and the readings since restore exactly what was.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, NamedTuple

from edge_agent.core.attempts import Attempts, attempts_after
from edge_agent.core.baseline import Baselines, deviations, learn, restarted
from edge_agent.core.downtime import Outages, outages_after
from edge_agent.core.history import NEW_HISTORY, History, Passed, history_after
from edge_agent.core.modes import NOT_ITS_OWN, PART_CODES, named_part
from edge_agent.core.rates import DAY_S, NEVER, Rates
from edge_agent.core.sessions import PLUGGED, Sessions, sessions_after
from edge_agent.wire.answers import FailureMode
from edge_agent.wire.metrics import MAX_ERROR_CODES, ConnectorStatus, Metrics, Quantities
from edge_agent.wire.reading import LINK_EVENTS, PROVES_NO_LIFE, Event, Reading, Source
from edge_agent.wire.types import EvseId

FULL_SOC = 99.0
GAP_HALF_LIFE_S = DAY_S
"""In a day a longest gap is forgotten by half."""
LONGEST_FIRST_GAP_S = 3_600.0
LONGEST_GAP_S = 6 * 3_600.0
SHORTEST_GAP_S = 60.0
ONE_WORD_S, WORDS = 5.0, 6
"""What follows so soon may be one word in several messages, such as a boot, a status and the meter's values.

So many in a row are a rhythm.
"""
MOST_PARTS = 32
NOTHING_KNOWN = Quantities()


@dataclass(frozen=True, slots=True)
class Trouble:
    """How often things went wrong, a day: codes that appeared, those that name a part, faults, boots.

    suspect: the part that the newest code named, until somebody worked on the EVSE.
    """

    codes: Rates = NEVER
    parts: Rates = NEVER
    faults: Rates = NEVER
    boots: Rates = NEVER
    suspect: FailureMode | None = None


class Link(NamedTuple):
    """What happened last to a charger's connection, and when; its cabinet bears it."""

    event: Event
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Charger:
    """What is known of one EVSE.

    now: the latest known quantities. Null is unknown.
    last_at: time of the newest reading by the charger's clock; heard_at: when something live last came.
    heard_status: what it said itself last; `status` may be the agent's own finding, OFFLINE.
    parts: when each was last cleaned, adjusted or replaced.
    usual_gap_s: the longest usual gap between anything live of its charger and this EVSE's messages.
    """

    charger_id: str
    connector_id: int
    now: Quantities = NOTHING_KNOWN
    tenant_id: str | None = None
    last_at: datetime
    heard_at: datetime | None = None
    heard_status: ConnectorStatus | None = None
    usual_gap_s: float | None = None
    status_since: datetime
    booted_at: datetime | None = None
    maintained_at: datetime | None = None
    readings: int = 0
    late: int = 0
    sessions: Sessions = field(default_factory=Sessions)
    trouble: Trouble = field(default_factory=Trouble)
    baselines: Baselines = field(default_factory=Baselines)
    parts: Mapping[str, datetime] = field(default_factory=dict)
    outages: Outages = field(default_factory=Outages)
    attempts: Attempts = field(default_factory=Attempts)
    history: History = NEW_HISTORY
    link: Link | None = None
    silent_with_site: bool = False
    """Whether its silence is that of most of the site: one fact, which is not its own."""

    @property
    def evse(self) -> EvseId:
        """Its key."""
        return EvseId(self.charger_id, self.connector_id)

    @property
    def status(self) -> ConnectorStatus | None:
        """The latest known status."""
        return self.now.connector_status

    @property
    def says_something(self) -> bool:
        """Whether there is anything to judge; of a cabinet often nothing but its heartbeats is known."""
        now = self.now
        return not (now.connector_status is None and now.temperature is None and now.error_codes is None)

    @property
    def errors(self) -> tuple[str, ...]:
        """The codes active now."""
        return self.now.error_codes or ()

    @property
    def uptime_hours(self) -> float | None:
        """Hours since boot: as told, else counted from the boot that was seen."""
        if self.now.uptime_hours is not None or self.booted_at is None:
            return self.now.uptime_hours
        return max((self.last_at - self.booted_at).total_seconds() / 3600, 0.0)

    @property
    def total_sessions(self) -> int | None:
        """Sessions in its life: as told, else counted since the agent knows it."""
        return (
            self.now.total_sessions if self.now.total_sessions is not None else self.sessions.started or None
        )

    @property
    def last_maintenance(self) -> datetime | None:
        """The later of what the charger tells and what technicians logged."""
        known = [moment for moment in (self.now.last_maintenance, self.maintained_at) if moment is not None]
        return max(known, default=None)


def newcomer(evse: EvseId, at: datetime) -> Charger:
    """Return the state of an EVSE of which nothing is known before the moment `at`."""
    return Charger(charger_id=evse.charger_id, connector_id=evse.connector_id, last_at=at, status_since=at)


class Observed(NamedTuple):
    """A charger after a reading, and how far that lay from what was normal for it until then.

    deviation: z-scores by quantity; empty without a warm baseline.
    current: whether it may judge and alert (not late, not retained, not untimed in a burst).
    """

    charger: Charger
    deviation: dict[str, float]
    current: bool


def observe(charger: Charger, reading: Reading, heard_before: datetime | None = None) -> Observed:
    """Return the charger after one reading.

    heard_before: when anything of the same charger was last heard, whichever EVSE it was about.
    A reading older than the newest one fills the history only (it counts, it tells of a transaction, it
    proves life) and never overwrites a newer state.
    """
    if reading.event is Event.MAINTENANCE:
        return Observed(_maintained(charger, reading), {}, current=False)
    # Only the charger's own clock makes a reading late: ours may have been set back.
    late = reading.at == reading.measured_at and reading.at < charger.last_at
    # The back office's answer names a transaction by its own clock: it tells nothing of the charger's.
    if late or reading.event is Event.TRANSACTION_CONFIRMED:
        return Observed(_with_history(charger, reading, heard_before, late=late), {}, current=False)
    return _moved_on(charger, reading, heard_before)


def _maintained(charger: Charger, reading: Reading) -> Charger:
    newest = max(reading.at, charger.maintained_at or reading.at)
    part = (reading.metrics.metadata or {}).get("part")
    if not isinstance(part, str) or (part not in charger.parts and len(charger.parts) >= MOST_PARTS):
        parts = charger.parts
    else:
        parts = {**charger.parts, part: max(reading.at, charger.parts.get(part, reading.at))}
    return replace(
        charger,
        maintained_at=newest,
        parts=parts,
        baselines=restarted(charger.baselines),
        trouble=replace(charger.trouble, suspect=None),
    )


def _with_history(
    charger: Charger, reading: Reading, heard_before: datetime | None, *, late: bool
) -> Charger:
    told = reading.event is not None
    sessions = charger.sessions
    return replace(
        charger,
        heard_at=charger.heard_at if reading.retained else reading.received_at,
        usual_gap_s=charger.usual_gap_s if reading.retained else _rhythm(charger, reading, heard_before),
        sessions=sessions_after(sessions, reading, charger.now.energy_delivered) if told else sessions,
        readings=charger.readings + 1,
        late=charger.late + late,
    )


def _moved_on(charger: Charger, reading: Reading, heard_before: datetime | None) -> Observed:
    at, own = reading.at, reading.source is Source.AGENT
    sessions = sessions_after(charger.sessions, reading, charger.now.energy_delivered)
    now, told_status = _known_now(charger, reading, sessions)
    live = not (reading.retained or own or reading.event in PROVES_NO_LIFE)
    untimed = at == reading.received_at  # in a burst that tells nothing of when it was measured
    teaches = not (reading.retained or (reading.burst and untimed))
    # Parts or firmware that were changed make another charger of it.
    changed = now.firmware != charger.now.firmware and None not in {now.firmware, charger.now.firmware}
    baselines = restarted(charger.baselines) if changed else charger.baselines
    deviation = deviations(baselines, now, at)
    status = now.connector_status
    after = Charger(
        charger_id=charger.charger_id,
        connector_id=charger.connector_id,
        now=now,
        tenant_id=reading.tenant_id or charger.tenant_id,
        last_at=charger.last_at if own else at,
        heard_at=reading.received_at if live else charger.heard_at,
        heard_status=charger.heard_status if own else told_status,
        usual_gap_s=_rhythm(charger, reading, heard_before) if live else charger.usual_gap_s,
        status_since=charger.status_since if status is charger.now.connector_status else at,
        booted_at=_boot_time(charger, reading, at),
        maintained_at=charger.maintained_at,
        readings=charger.readings + 1,
        late=charger.late,
        sessions=sessions,
        trouble=_trouble_after(charger, reading, now) if teaches and not own else charger.trouble,
        baselines=learn(baselines, now, deviation, at, sessions) if teaches else baselines,
        parts=charger.parts,
        outages=charger.outages,
        attempts=charger.attempts,
        history=history_after(
            charger.history, Passed(charger.now, now, charger.sessions, sessions, charger.last_at, at)
        )
        if teaches and not own
        else charger.history,
        link=Link(reading.event, reading.received_at) if reading.event in LINK_EVENTS else charger.link,
        silent_with_site=reading.event is Event.SITE_SILENT
        or (charger.silent_with_site and not own and status is ConnectorStatus.OFFLINE),
    )
    # Where heartbeats are all there is, the end of the agent's own finding is judged once more.
    judgeable = after.says_something or charger.says_something
    return Observed(after, deviation, current=teaches and judgeable)


def _known_now(
    charger: Charger, reading: Reading, sessions: Sessions
) -> tuple[Quantities, ConnectorStatus | None]:
    """Return what is known after the reading, and the status that the charger itself told last.

    A whole measurement replaces, a partial one adds.
    """
    told = reading.metrics
    if isinstance(told, Metrics):
        return told, told.connector_status
    known = {name: getattr(charger.now, name) for name in Quantities.model_fields}
    known["connector_status"] = charger.status if reading.event in PROVES_NO_LIFE else charger.heard_status
    if told.connector_status is ConnectorStatus.AVAILABLE or reading.event is Event.TRANSACTION_STARTED:
        known.update(dict.fromkeys(OF_THE_VEHICLE))
    known.update((name, getattr(told, name)) for name in told.model_fields_set)
    if reading.event is Event.CONNECTED and charger.heard_status in PLUGGED:
        known["connector_status"] = charger.heard_status  # that a vehicle is there is nothing new
    if reading.event is Event.CHARGING_STOPPED and charger.heard_status is ConnectorStatus.CHARGING:
        known["connector_status"] = ConnectorStatus.OCCUPIED
    if reading.raised or reading.cleared:
        known["error_codes"] = _codes(charger.errors, reading)
    if reading.event is Event.TRANSACTION_STARTED and sessions.started > charger.sessions.started:
        known["energy_delivered"] = None  # what is known is of the session before
    if sessions.energy_kwh is not None:
        known["energy_delivered"] = sessions.energy_kwh
    elif sessions.ended > charger.sessions.ended and sessions.last_kwh is not None:
        known["energy_delivered"] = sessions.last_kwh  # the meter's last word comes with the end
    status = charger.heard_status if reading.event in PROVES_NO_LIFE else known["connector_status"]
    known["connector_status"] = _status_inferred(known)
    return Quantities.model_construct(_fields_set=set(known), **known), status


def _codes(before: tuple[str, ...], reading: Reading) -> tuple[str, ...]:
    """Return the codes active after some came or went."""
    codes = dict.fromkeys([*before, *reading.raised])
    return tuple(code for code in codes if code not in reading.cleared)[-MAX_ERROR_CODES:]


OF_THE_VEHICLE = ("soc", "power", "power_requested")
"""What leaves with the vehicle."""


def _status_inferred(known: dict[str, Any]) -> ConnectorStatus | None:
    """FULLY_CHARGED is never told by OCPP: a full battery while occupied is."""
    status: ConnectorStatus | None = known["connector_status"]
    if status is ConnectorStatus.OCCUPIED and (known["soc"] or 0.0) >= FULL_SOC:
        return ConnectorStatus.FULLY_CHARGED
    return status


def _rhythm(charger: Charger, reading: Reading, heard_before: datetime | None) -> float | None:
    """Return the longest usual gap: a maximum that fades with time.

    One gap at most doubles it: a slow charger is learned in a few messages, an outage is not.
    """
    if heard_before is None or reading.burst:
        return charger.usual_gap_s
    gap = max((reading.received_at - heard_before).total_seconds(), 0.0)
    usual = charger.usual_gap_s
    if usual is None:
        is_rhythm = gap > ONE_WORD_S or charger.readings >= WORDS
        return min(gap, LONGEST_FIRST_GAP_S) if is_rhythm else None
    learned = min(gap, 2 * max(usual, SHORTEST_GAP_S), LONGEST_GAP_S)
    return max(learned, usual * math.exp2(-gap / GAP_HALF_LIFE_S))


def _boot_time(charger: Charger, reading: Reading, at: datetime) -> datetime | None:
    return at if reading.event is Event.BOOT else charger.booted_at


def recorded(before: Charger, after: Charger, reading: Reading, heard_before: datetime | None) -> Charger:
    """Return the charger that `observe` gave with its attempts and outages brought up to date."""
    attempts = attempts_after(before, after, reading)
    if attempts is not after.attempts:
        after = replace(after, attempts=attempts)
    outages = outages_after(before, after, reading, heard_before)
    return after if outages is after.outages else replace(after, outages=outages)


def booted(charger: Charger, at: datetime) -> Charger:
    """Return an EVSE after its cabinet has booted."""
    boots = charger.trouble.boots.after(1, at)
    return replace(charger, booted_at=at, trouble=replace(charger.trouble, boots=boots))


def _trouble_after(charger: Charger, reading: Reading, now: Quantities) -> Trouble:
    fresh = set(now.error_codes).difference(charger.errors, NOT_ITS_OWN) if now.error_codes else ()
    faulted = (
        now.connector_status is ConnectorStatus.FAULTY and charger.heard_status is not ConnectorStatus.FAULTY
    )
    restarted = reading.event is Event.BOOT or _uptime_fell(charger, now)
    before = charger.trouble
    if not (fresh or faulted or restarted):
        return before
    return Trouble(
        codes=before.codes.after(len(fresh), reading.at),
        parts=before.parts.after(len(PART_CODES.intersection(fresh)), reading.at),
        faults=before.faults.after(int(faulted), reading.at),
        boots=before.boots.after(int(restarted), reading.at),
        suspect=named_part(code for code in now.error_codes or () if code in fresh) or before.suspect,
    )


def _uptime_fell(charger: Charger, now: Quantities) -> bool:
    before = charger.now.uptime_hours
    return before is not None and now.uptime_hours is not None and now.uptime_hours < before - 0.01
