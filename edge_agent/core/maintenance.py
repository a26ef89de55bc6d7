"""When to do maintenance, and what it saves.

Where a charger's usage is known the cheapest option decides (`core/options.py`), and one visit serves
several. Where it is not, the central service's way: by night, and before the failure window where it presses.
Its three formulas hold in both. Source: the central service's "Maintenance Optimizer".
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

from edge_agent.core.failure import FAILED
from edge_agent.core.identity import hashed_uuid
from edge_agent.core.options import Case, Option, cheapest, nothing, part_for
from edge_agent.core.slots import quiet_hour_after
from edge_agent.wire.answers import (
    Action,
    CostBenefit,
    FailureAnswer,
    FailureMode,
    MaintenanceAnswer,
    Resolution,
    Urgency,
)
from edge_agent.wire.faults import Whose, done_by
from edge_agent.wire.metrics import ConnectorStatus

if TYPE_CHECKING:
    from edge_agent.core.charger import Charger
    from edge_agent.core.terms import Terms

VERSION = "optimizer-2"
URGENCIES = {
    Action.IMMEDIATE: Urgency.CRITICAL,
    Action.WITHIN_7_DAYS: Urgency.HIGH,
    Action.WITHIN_30_DAYS: Urgency.MEDIUM,
}
GRID_CODES = done_by(Whose.GRID)
REMOTE = {FailureMode.CONNECTIVITY: Resolution.REMOTE_RESET, FailureMode.PAYMENT: Resolution.VENDOR}
"""Modes that no visit of a technician mends."""


class Subject(NamedTuple):
    """One charger: its worst EVSE, that one's failure answer, and the EVSEs that need something."""

    charger: Charger
    answer: FailureAnswer
    connector_ids: tuple[int, ...]


class Plan(NamedTuple):
    """What is chosen for a subject. option: None where costs did not decide. visit: who one visit serves."""

    subject: Subject
    urgency: Urgency
    resolution: Resolution
    at: datetime
    option: Option | None = None
    visit: tuple[str, ...] = ()


def maintenance_answer(charger: Charger, answer: FailureAnswer, terms: Terms) -> MaintenanceAnswer:
    """Return the suggestion that follows from one EVSE's failure answer."""
    (suggested,) = suggestions([Subject(charger, answer, (charger.connector_id,))], terms)
    return suggested


def suggestions(subjects: Sequence[Subject], terms: Terms) -> list[MaintenanceAnswer]:
    """Return a site's suggestions, one for each subject, in order.

    One visit serves several where that is cheaper: the most urgent chooses first and bears the call-out; who
    comes to the same slot bears none.
    """
    plans: dict[str, Plan] = {}
    visits: list[datetime] = []
    ranks = {urgent: rank for rank, urgent in enumerate(reversed(Urgency))}
    for subject in sorted(subjects, key=lambda each: ranks[urgency(each.charger, each.answer)]):
        plan = _planned(subject, terms, visits)
        plans[subject.charger.charger_id] = plan
        if plan.resolution is Resolution.SITE_VISIT and plan.at not in visits:
            visits.append(plan.at)
    served: dict[datetime, list[str]] = {}
    for charger_id, plan in plans.items():
        if plan.resolution is Resolution.SITE_VISIT:
            served.setdefault(plan.at, []).append(charger_id)
    chosen = (plans[subject.charger.charger_id] for subject in subjects)
    return [_answer(plan._replace(visit=tuple(sorted(served.get(plan.at, ())))), terms) for plan in chosen]


def costs(probability: float, terms: Terms) -> CostBenefit:
    """Return what prevention costs, what failure is expected to cost, and the difference."""
    preventive = terms.preventive_downtime_hours * terms.revenue_per_hour + terms.labour_cost
    failure = probability * (terms.failure_downtime_hours * terms.revenue_per_hour + terms.repair_cost)
    return CostBenefit(
        preventive_maintenance_cost=round(preventive, 2),
        expected_failure_cost=round(failure, 2),
        net_savings=round(failure - preventive, 2),
        currency=terms.currency,
    )


def urgency(charger: Charger, answer: FailureAnswer) -> Urgency:
    """Return how urgent maintenance is."""
    if charger.status is ConnectorStatus.FAULTY:
        return Urgency.CRITICAL
    return URGENCIES[answer.recommended_action] if answer.action_required else Urgency.LOW


def best_time(urgent: Urgency, answer: FailureAnswer, terms: Terms) -> datetime:
    """Return when to come where usage is not known: by night, before the failure window where it presses."""
    now = answer.timestamp
    if urgent is Urgency.LOW:
        return quiet_hour_after(now + timedelta(days=terms.planned_visit_days), terms.time_zone)
    night = quiet_hour_after(now, terms.time_zone)
    window = answer.predicted_failure_window
    pressing = urgent in (Urgency.CRITICAL, Urgency.HIGH)
    return window.start if pressing and window is not None and window.start < night else night


def case_of(subject: Subject, urgent: Urgency) -> Case:
    """Return a subject as the options are weighed for it."""
    charger, answer = subject.charger, subject.answer
    told, window = answer.failure_probability_by_horizon, answer.predicted_failure_window
    failed = charger.status is ConnectorStatus.FAULTY or answer.failed_since is not None
    return Case(
        now=answer.timestamp,
        curve=FAILED_CURVE if failed else ((1.0, told["1d"]), (7.0, told["7d"]), (30.0, told["30d"])),
        mode=answer.likely_failure_mode,
        urgency=urgent,
        usage=charger.history.usage,
        failed=failed,
        window_start=None if window is None or failed else window.start,
    )


FAILED_CURVE = ((30.0, FAILED.probability),)


def _planned(subject: Subject, terms: Terms, visits: Sequence[datetime]) -> Plan:
    urgent = urgency(subject.charger, subject.answer)
    resolution = _resolution(subject, urgent)
    at = best_time(urgent, subject.answer, terms)
    if resolution is not Resolution.SITE_VISIT or not subject.charger.history.usage.known:
        return Plan(subject, urgent, resolution, at)
    option = cheapest(case_of(subject, urgent), terms, visits)
    if option.at is None:
        return Plan(subject, urgent, Resolution.NONE, best_time(Urgency.LOW, subject.answer, terms), option)
    return Plan(subject, urgent, resolution, option.at, option)


def _resolution(subject: Subject, urgent: Urgency) -> Resolution:
    if urgent is Urgency.LOW:
        return Resolution.NONE
    if GRID_CODES.intersection(subject.charger.errors):
        return Resolution.GRID
    return REMOTE.get(subject.answer.likely_failure_mode, Resolution.SITE_VISIT)


def _answer(plan: Plan, terms: Terms) -> MaintenanceAnswer:
    charger, answer = plan.subject.charger, plan.subject.answer
    window, mode = answer.predicted_failure_window, answer.likely_failure_mode
    on_site = plan.resolution is Resolution.SITE_VISIT
    part = part_for(mode, terms)
    return MaintenanceAnswer(
        charger_id=charger.charger_id,
        tenant_id=charger.tenant_id,
        connector_ids=list(plan.subject.connector_ids),
        suggestion_id=str(_suggestion_id(charger, answer)),
        recommended_date=plan.at,
        recommended_maintenance_datetime=plan.at,
        urgency=plan.urgency,
        urgency_level=plan.urgency,
        estimated_downtime_hours=terms.preventive_downtime_hours,
        cost_benefit=costs(answer.failure_probability, terms),
        rationale=_rationale(plan, terms),
        action_required=plan.resolution is not Resolution.NONE,
        likely_failure_mode=None if mode is FailureMode.UNKNOWN else mode,
        resolution=plan.resolution,
        parts=[part.name] if on_site and part.name else [],
        visit_id=str(hashed_uuid("visit", plan.at.isoformat(), *plan.visit)) if on_site else None,
        deadline=window.end if window else None,
        model_version=VERSION,
        timestamp=answer.timestamp,
    )


def _suggestion_id(charger: Charger, answer: FailureAnswer) -> UUID:
    return hashed_uuid(
        "suggestion", charger.charger_id, str(charger.connector_id), answer.timestamp.isoformat()
    )


def _rationale(plan: Plan, terms: Terms) -> list[str]:
    answer = plan.subject.answer
    if plan.urgency is Urgency.LOW:
        return ["No action is required: look at it on the next planned visit."]
    word = "Risk" if answer.calibrated else "Risk score (no model)"
    told = [f"{word} of failure within 30 days: {answer.failure_probability:.0%}."]
    told += _money(plan, terms)
    told += [
        f"The same visit serves {charger_id}."
        for charger_id in plan.visit
        if charger_id != plan.subject.charger.charger_id
    ]
    return told + [f"{each[0].upper()}{each[1:]}." for each in answer.top_contributing_factors[:3]]


def _money(plan: Plan, terms: Terms) -> list[str]:
    option, money = plan.option, terms.currency
    if option is None:
        saved = costs(plan.subject.answer.failure_probability, terms).net_savings
        return (
            [f"Acting now saves about {saved:.0f} {money} against waiting for it to fail."]
            if saved > 0
            else []
        )
    waiting = nothing(case_of(plan.subject, plan.urgency), terms).cost
    if option.at is None:
        return [f"Waiting costs less than a visit: about {waiting:.0f} {money}. Look when you come by."]
    hours = plan.subject.charger.history.usage.relative(option.at, terms.preventive_downtime_hours)
    lost = hours * terms.revenue_per_hour
    return [
        f"Waiting is expected to cost {waiting:.0f} {money}, this visit and what remains {option.cost:.0f}.",
        f"Being out of service in that slot loses about {lost:.0f} {money}.",
    ]
