"""Outages of one EVSE, folded from its readings: when service was lost, why, and when it came back.

    while it is down for   it shows               then it is
    FAULTY                 anything but service   the same outage: silence and work mend nothing
    FAILED_STARTS, SILENT  FAULTY                 the same outage, now named by its codes
    FAILED_STARTS          anything but service   the same outage
    UNAVAILABLE            SILENT                 the same outage: the power is off for the work
    any other              another sign           two outages, one after the other

A cabinet (connector 0) takes down all that it holds; whoever counts joins the two. Time in which the
gateway heard nothing is subtracted there as well: deaf is not silent.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from edge_agent.wire.faults import FAULTS, NAMES, Whose
from edge_agent.wire.metrics import ConnectorStatus, Metrics
from edge_agent.wire.reading import Source
from edge_agent.wire.service import EXCLUDED, Cause, Downtime, Gap, Sign

if TYPE_CHECKING:
    from edge_agent.core.charger import Charger
    from edge_agent.wire.reading import Reading
    from edge_agent.wire.types import EvseId

FAILURE_AFTER = timedelta(hours=4)
TOGETHER = timedelta(minutes=2)
"""Chargers that fall silent within this fell silent together."""
FEWEST_TOGETHER = 2
SIGNS = {
    ConnectorStatus.FAULTY: Sign.FAULTY,
    ConnectorStatus.OFFLINE: Sign.SILENT,
    ConnectorStatus.UNAVAILABLE: Sign.UNAVAILABLE,
}
CAUSE_OF = {
    Whose.CHARGER: Cause.OWN_FAULT,
    Whose.VEHICLE: Cause.VEHICLE,
    Whose.USER: Cause.USER,
    Whose.GRID: Cause.SITE_POWER,
    Whose.NETWORK: Cause.NETWORK,
    Whose.BACK_OFFICE: Cause.BACK_OFFICE,
    Whose.VANDAL: Cause.VANDALISM,
}
CAUSES = {code: CAUSE_OF[FAULTS[name].whose] for code, name in NAMES.items()}
"""What codes name a cause outside the charger; one that nobody knows is the charger's own."""
BEFORE = {
    Sign.FAULTY: Cause.OWN_FAULT,
    Sign.SILENT: Cause.OWN_FAULT,
    Sign.UNAVAILABLE: Cause.PLANNED_WORK,
    Sign.FAILED_STARTS: Cause.OWN_FAULT,
}
"""The cause of each sign where no code tells another."""
GOES_ON = {
    Sign.FAULTY: frozenset(Sign),
    Sign.FAILED_STARTS: frozenset(Sign),
    Sign.UNAVAILABLE: frozenset({Sign.UNAVAILABLE, Sign.SILENT}),
    Sign.SILENT: frozenset({Sign.SILENT, Sign.FAULTY}),
}
"""Signs that say that an outage, told by the first one, still lasts."""


@dataclass(frozen=True, slots=True)
class Outage:
    """Time without service. ended_at: None while it lasts; the cause is provisional until then."""

    began_at: datetime
    sign: Sign
    cause: Cause
    codes: tuple[str, ...] = ()
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Outages:
    """since: when the EVSE was first heard. last: the newest that is over."""

    since: datetime | None = None
    current: Outage | None = None
    last: Outage | None = None


class Span(NamedTuple):
    """From when to when."""

    start: datetime
    end: datetime


def cause_of(codes: Collection[str], otherwise: Cause) -> Cause:
    """Return the cause that codes tell: vandalism before the charger's own, that before any other."""
    causes = [CAUSES.get(code, Cause.OWN_FAULT) for code in codes]
    for gravest in (Cause.VANDALISM, Cause.OWN_FAULT):
        if gravest in causes:
            return gravest
    return causes[0] if causes else otherwise


def outages_after(
    before: Charger, after: Charger, reading: Reading, heard_before: datetime | None
) -> Outages:
    """Return an EVSE's outages after a reading; the same object where nothing changed.

    before, after: the EVSE as `observe` had and gave it; `after` with its attempts brought up to date.
    heard_before: when anything of the same charger was last heard.
    """
    known = before.outages
    untimed = reading.burst and reading.at == reading.received_at
    if after.now is before.now or reading.retained or untimed:
        return known
    if known.since is None and reading.source is not Source.AGENT:
        known = replace(known, since=reading.at)
    sign = _sign(after)
    current = known.current
    if current is None:
        return (
            known
            if sign is None
            else replace(known, current=_begun(sign, after, reading, known, heard_before))
        )
    if sign is None or sign not in GOES_ON[current.sign]:
        ended = _ended(current, after, reading)
        known = Outages(known.since, None, ended if ended.ended_at != ended.began_at else known.last)
        return (
            known
            if sign is None
            else replace(known, current=_begun(sign, after, reading, known, heard_before))
        )
    if sign is Sign.FAULTY and not current.codes and (after.errors or current.sign is not sign):
        cause = cause_of(after.errors, Cause.OWN_FAULT)
        return replace(known, current=replace(current, sign=sign, cause=cause, codes=after.errors))
    return known


def _sign(charger: Charger) -> Sign | None:
    status = charger.now.connector_status
    sign = None if status is None else SIGNS.get(status)
    return Sign.FAILED_STARTS if sign is None and charger.attempts.failing.enough else sign


def _begun(
    sign: Sign, charger: Charger, reading: Reading, known: Outages, heard_before: datetime | None
) -> Outage:
    """Return an outage dated back to the first sign of it, but never into the one before."""
    at = began = reading.at
    if sign is Sign.SILENT and reading.source is Source.AGENT:
        began = heard_before or at
    elif sign is Sign.FAILED_STARTS:
        began = charger.attempts.failing.since or at
    began = min(began, at)
    earliest = known.since if known.last is None else known.last.ended_at
    codes = charger.errors if sign is Sign.FAULTY else ()
    return Outage(max(began, earliest or began), sign, cause_of(codes, BEFORE[sign]), codes)


def _ended(outage: Outage, charger: Charger, reading: Reading) -> Outage:
    ended_at = max(reading.at, outage.began_at)
    if outage.sign is Sign.SILENT and _lived_through(outage, charger, ended_at):
        return replace(outage, ended_at=ended_at, cause=Cause.NETWORK)
    return replace(outage, ended_at=ended_at)


def _lived_through(outage: Outage, charger: Charger, ended_at: datetime) -> bool:
    """Say whether a charger that was silent is known to have been up: then only its voice was lost.

    One that boots tells so in OCPP; one that says nothing of its uptime shows nothing, and counts as dead.
    """
    uptime_hours = charger.uptime_hours
    if uptime_hours is None:
        return not isinstance(charger.now, Metrics)
    return timedelta(hours=min(uptime_hours, 1e6)) >= ended_at - outage.began_at


def of_the_site(outage: Outage, chargers: Mapping[EvseId, Charger]) -> Outage:
    """Return an outage with the site's cause where its silence was that of half of the chargers or more.

    One fact of the site is not each charger's own: power where they came back restarted, else the network.
    """
    if outage.sign is not Sign.SILENT:
        return outage
    ids = {evse.charger_id for evse in chargers}
    silent = {
        evse.charger_id
        for evse, charger in chargers.items()
        if any(_together(each, outage) for each in (charger.outages.current, charger.outages.last))
    }
    if len(silent) < FEWEST_TOGETHER or 2 * len(silent) < len(ids):
        return outage
    cause = Cause.NETWORK if outage.cause is Cause.NETWORK else Cause.SITE_POWER
    return replace(outage, cause=cause)


def _together(one: Outage | None, other: Outage) -> bool:
    return one is not None and one.sign is Sign.SILENT and abs(one.began_at - other.began_at) <= TOGETHER


def told(
    evse: EvseId, outage: Outage, gaps: Iterable[Gap], now: datetime, failure_after: timedelta
) -> Downtime:
    """Return an outage as it is told: a failure is one of its own cause, observed for `failure_after`."""
    end = outage.ended_at or max(now, outage.began_at)
    down = without([Span(outage.began_at, end)], [Span(gap.since, gap.until) for gap in gaps])
    return Downtime(
        charger_id=evse.charger_id,
        connector_id=evse.connector_id,
        began_at=outage.began_at,
        ended_at=outage.ended_at,
        sign=outage.sign,
        cause=outage.cause,
        codes=outage.codes,
        excluded=outage.cause in EXCLUDED,
        failure=outage.cause is Cause.OWN_FAULT and total(down) >= failure_after,
    )


def without(spans: Sequence[Span], holes: Sequence[Span]) -> list[Span]:
    """Return the spans, merged and in order, less the holes."""
    left: list[Span] = []
    for span in merged(spans):
        start = span.start
        for hole in merged(holes):
            if hole.end <= start or hole.start >= span.end:
                continue
            if hole.start > start:
                left.append(Span(start, hole.start))
            start = hole.end
        if start < span.end:
            left.append(Span(start, span.end))
    return left


def merged(spans: Sequence[Span]) -> list[Span]:
    """Return the spans in order, those that touch as one, empty ones left out."""
    found: list[Span] = []
    for span in sorted(span for span in spans if span.start < span.end):
        if found and span.start <= found[-1].end:
            found[-1] = Span(found[-1].start, max(found[-1].end, span.end))
        else:
            found.append(span)
    return found


def clipped(spans: Sequence[Span], within: Span) -> list[Span]:
    """Return the parts of spans that lie within another."""
    cut = [Span(max(span.start, within.start), min(span.end, within.end)) for span in spans]
    return merged(cut)


def total(spans: Sequence[Span]) -> timedelta:
    """Return how long spans that do not overlap are together."""
    return sum((span.end - span.start for span in spans), timedelta())
