"""What could be done about one charger, what each way costs, and which is cheapest.

    cost of a slot = share of the call-out + labour + parts + what is lost in that slot
                     + (P before it + P after it x what the work does not prevent) x what a failure costs
    cost of nothing = P x what a failure costs

P is the probability of failure within 30 days. Nothing wins ties. What presses is done before the failure
window begins, where there is a slot before it; what has failed already, in the first slot.
Source: models/README.md, "Maintenance optimiser".
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from edge_agent.core.slots import slots
from edge_agent.wire.answers import FailureMode, Urgency

if TYPE_CHECKING:
    from edge_agent.core.terms import Part, Terms
    from edge_agent.core.usage import Usage

LIKELY_SHARE = 0.7
"""How often the part that the signs point to is the one that fails; the rest goes by base shares."""
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
PRESSING = (Urgency.HIGH, Urgency.CRITICAL)


class Case(NamedTuple):
    """One charger that something could be done about.

    curve: (day, P(failure by then)), rising. window_start: of its failure; None where it has failed or none
    is told.
    """

    now: datetime
    curve: tuple[tuple[float, float], ...]
    mode: FailureMode
    urgency: Urgency
    usage: Usage
    failed: bool = False
    window_start: datetime | None = None

    @property
    def probability(self) -> float:
        """P(failure within the curve's last day)."""
        return self.curve[-1][1]

    def before(self, moment: datetime) -> float:
        """Return P(failure before a moment), linear between the curve's days."""
        day = (moment - self.now) / DAY
        last_day, last_p = 0.0, 0.0
        for end, p in self.curve:
            if day < end:
                return last_p + (p - last_p) * max(day - last_day, 0.0) / (end - last_day)
            last_day, last_p = end, p
        return last_p


class Option(NamedTuple):
    """A slot and what it costs all in all; `at` None: nothing is done."""

    at: datetime | None
    cost: float


def nothing(case: Case, terms: Terms) -> Option:
    """Return what waiting costs."""
    return Option(None, case.probability * terms.failure_cost)


def part_for(mode: FailureMode, terms: Terms) -> Part:
    """Return what mends a failure mode."""
    return terms.parts.get(mode, terms.parts[FailureMode.UNKNOWN])


def prevented_share(mode: FailureMode, terms: Terms) -> float:
    """Return the share of the failures to come that work on the likely part prevents."""
    part = part_for(mode, terms)
    share = LIKELY_SHARE if mode is not FailureMode.UNKNOWN else 0.0
    return part.efficacy * (share + (1 - share) * part.share)


def visit(case: Case, terms: Terms, at: datetime, call_out: float) -> Option:
    """Return what work at a moment costs, with so much of the call-out to bear."""
    part = part_for(case.mode, terms)
    lost = case.usage.relative(at, terms.preventive_downtime_hours) * terms.revenue_per_hour
    spent = call_out + terms.labour_cost + part.cost + lost
    if case.failed:
        return Option(at, spent + (at - case.now) / HOUR * terms.revenue_per_hour)
    early = case.before(at)
    late = (case.probability - early) * (1 - prevented_share(case.mode, terms))
    return Option(at, spent + (early + late) * terms.failure_cost)


def possible(case: Case, terms: Terms) -> list[datetime]:
    """Return the slots that serve a case: what presses has those before its window, else the first one."""
    every = slots(case.now, terms, part_for(case.mode, terms).lead_days)
    if not (case.failed or case.urgency in PRESSING) or (case.window_start is None and not case.failed):
        return list(every)
    first = next(every, None)
    if first is None or case.failed or case.window_start is None:
        return [] if first is None else [first]
    return [first, *(at for at in every if at < case.window_start)]


def cheapest(case: Case, terms: Terms, visits: Iterable[datetime] = ()) -> Option:
    """Return the cheapest option. visits: those that come to the site anyway, and cost no call-out."""
    served = possible(case, terms)
    options = [visit(case, terms, at, terms.call_out_cost) for at in served]
    options += [visit(case, terms, at, 0.0) for at in visits if at in served]
    best = min(options, key=lambda each: each.cost, default=None)
    waiting = nothing(case, terms)
    if best is None or (not case.failed and waiting.cost <= best.cost):
        return waiting
    return best
