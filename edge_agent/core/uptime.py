"""How every EVSE served over some time: observed time, uptime, causes, failures, first-time success."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import TYPE_CHECKING

from edge_agent.core.downtime import Span, clipped, of_the_site, told, total, without
from edge_agent.wire.rest import EvseUptime
from edge_agent.wire.service import EXCLUDED, Attempt, Cause, Downtime, Gap, Stage, WorkDone
from edge_agent.wire.types import EvseId

if TYPE_CHECKING:
    from edge_agent.core.charger import Charger

HOUR = timedelta(hours=1)
CABINET = 0
GRAVEST_FIRST = (
    Cause.OWN_FAULT,
    Cause.BACK_OFFICE,
    *sorted(EXCLUDED),
)
"""Where two outages lie over one another, an EVSE's and its cabinet's, the time is the first one's."""
UNTRIED = frozenset({Stage.PLUG, Stage.AUTHORISE})


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of service over some time.

    first_heard: of each EVSE, when it was first heard; it was not observed before.
    """

    first_heard: Mapping[EvseId, datetime]
    downtime: Sequence[Downtime]
    attempts: Sequence[Attempt]
    gaps: Sequence[Gap]
    work: Sequence[WorkDone] = ()


def month_of(month: str, zone: tzinfo) -> Span:
    """Return a month, YYYY-MM, of the site's own time."""
    year, number = int(month[:4]), int(month[5:])
    start = datetime(year, number, 1, tzinfo=zone)
    end = datetime(year + number // 12, number % 12 + 1, 1, tzinfo=zone)
    return Span(start.astimezone(UTC), end.astimezone(UTC))


def first_heard(chargers: Mapping[EvseId, Charger]) -> dict[EvseId, datetime]:
    """Return since when each EVSE is known. A cabinet is none, unless nothing else of it is known."""
    holds = {evse.charger_id for evse in chargers if evse.connector_id != CABINET}
    return {
        evse: charger.outages.since
        for evse, charger in sorted(chargers.items())
        if charger.outages.since is not None
        and (evse.connector_id != CABINET or evse.charger_id not in holds)
    }


def running(
    chargers: Mapping[EvseId, Charger], gaps: Iterable[Gap], now: datetime, failure_after: timedelta
) -> list[Downtime]:
    """Return the outages that last."""
    gaps = list(gaps)
    return [
        told(evse, of_the_site(charger.outages.current, chargers), gaps, now, failure_after)
        for evse, charger in chargers.items()
        if charger.outages.current is not None
    ]


def uptimes(facts: Facts, span: Span, labels: Mapping[str, str]) -> list[EvseUptime]:
    """Return how each EVSE served over a span that ends now or earlier."""
    planned = [_planned(outage, facts.work) for outage in _each_once(facts.downtime)]
    return [
        _uptime(evse, since, facts, planned, span).model_copy(update={"label": labels.get(evse.charger_id)})
        for evse, since in facts.first_heard.items()
    ]


def _each_once(outages: Iterable[Downtime]) -> Iterable[Downtime]:
    """An outage that ended between two looks, one at what lasts and one at what is over, shows in both."""
    found: dict[tuple[str, int, datetime], Downtime] = {}
    for outage in outages:
        key = outage.charger_id, outage.connector_id, outage.began_at
        if key not in found or outage.ended_at is not None:
            found[key] = outage
    return found.values()


def _planned(outage: Downtime, work: Sequence[WorkDone]) -> Downtime:
    """Return an outage that began while somebody worked on it as planned work."""
    for done in work:
        about = done.charger_id == outage.charger_id and done.connector_id in (CABINET, outage.connector_id)
        if about and done.started_at is not None and done.started_at <= outage.began_at <= done.finished_at:
            update = {"cause": Cause.PLANNED_WORK, "excluded": True, "failure": False}
            return outage.model_copy(update=update)
    return outage


def _uptime(
    evse: EvseId, since: datetime, facts: Facts, outages: Sequence[Downtime], span: Span
) -> EvseUptime:
    holes = [Span(gap.since, gap.until) for gap in facts.gaps]
    observed = without([Span(max(span.start, since), span.end)], holes)
    own = [each for each in outages if _takes_down(each, evse)]
    down = _by_cause(own, observed, span)
    seen, counted = total(observed), sum((down[each] for each in down if each not in EXCLUDED), timedelta())
    tried = [each for each in facts.attempts if (each.charger_id, each.connector_id) == evse]
    visits = [each for each in tried if each.number == 1 and not _came_to_nothing(each)]
    good = sum(each.failed_at is None for each in visits)
    return EvseUptime(
        charger_id=evse.charger_id,
        connector_id=evse.connector_id,
        observed_hours=_hours(seen),
        unobserved_hours=_hours(span.end - span.start - seen),
        uptime=None if not seen else (seen - counted) / seen,
        downtime_hours_by_cause={cause: _hours(time) for cause, time in down.items()},
        failures=sum(each.failure and span.start <= each.began_at < span.end for each in own),
        attempts=len(tried),
        failed_attempts_by_stage=Counter(each.failed_at for each in tried if each.failed_at is not None),
        zero_energy_attempts=sum(each.energy_kwh == 0 and each.failed_at not in UNTRIED for each in tried),
        visits=len(visits),
        first_time_success=good / len(visits) if visits else None,
    )


def _takes_down(outage: Downtime, evse: EvseId) -> bool:
    return outage.charger_id == evse.charger_id and outage.connector_id in (CABINET, evse.connector_id)


def _by_cause(outages: Sequence[Downtime], observed: Sequence[Span], span: Span) -> dict[Cause, timedelta]:
    """Return the observed time of each cause; no moment counts twice."""
    left, found = list(observed), dict[Cause, timedelta]()
    for cause in GRAVEST_FIRST:
        down = [Span(each.began_at, each.ended_at or span.end) for each in outages if each.cause is cause]
        remaining = without(left, clipped(down, span))
        lost = total(left) - total(remaining)
        if lost:
            found[cause] = lost
        left = remaining
    return found


def _came_to_nothing(attempt: Attempt) -> bool:
    """A reservation, or a change of mind before authorisation, looks like an attempt and is none."""
    return attempt.failed_at in UNTRIED and attempt.cause is not Cause.OWN_FAULT


def _hours(time: timedelta) -> float:
    return round(time / HOUR, 4)
