"""The life of a maintenance suggestion: it moves only when that is worth it, and people have the last word.

    state      accept    schedule   reject    the agent
    PROPOSED   ACCEPTED  SCHEDULED  REJECTED  moves it where that is worth moving for
    ACCEPTED   ACCEPTED  SCHEDULED  REJECTED  leaves its date alone
    SCHEDULED  ACCEPTED  SCHEDULED  REJECTED  leaves its date alone
    DONE       -         -          -         makes a new one where something is required anew
    REJECTED   ACCEPTED  SCHEDULED  REJECTED  stays quiet for QUIET, unless the evidence changes

Work that is done makes any of them DONE (`State.work_done`).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from edge_agent.core.standing import Standing
from edge_agent.wire.alert import Severity
from edge_agent.wire.answers import MaintenanceAnswer, SuggestionState, Urgency

WORTH_MOVING = 0.2
"""Share by which the savings must change before a suggestion moves."""
QUIET = timedelta(days=30)
EVIDENCE_GREW = 2.0
"""So many times the expected cost of a failure is other evidence than what was rejected."""
PROMISED = frozenset({SuggestionState.ACCEPTED, SuggestionState.SCHEDULED})


class Decision(NamedTuple):
    """What somebody decided. state: ACCEPTED, SCHEDULED or REJECTED; at: the new date, where it moves."""

    state: SuggestionState
    decided_at: datetime
    at: datetime | None = None
    reason: str | None = None


def decided(suggestion: MaintenanceAnswer, decision: Decision) -> MaintenanceAnswer | None:
    """Return the suggestion after a decision; None where it is done already and nothing is left to decide."""
    if suggestion.state is SuggestionState.DONE:
        return None
    changes: dict[str, object] = {"state": decision.state, "timestamp": decision.decided_at}
    if decision.at is not None:
        changes |= {"recommended_date": decision.at, "recommended_maintenance_datetime": decision.at}
    if decision.reason is not None:
        changes["rationale"] = [*suggestion.rationale, f"{decision.state.title()}: {decision.reason}"]
    return suggestion.model_copy(update=changes)


def due(suggestion: MaintenanceAnswer, now: datetime) -> Standing | None:
    """Return that what somebody promised is due, where it is and nobody has told of any work."""
    if suggestion.state not in PROMISED or suggestion.recommended_date > now:
        return None
    bring = f" Bring: {', '.join(suggestion.parts)}." if suggestion.parts else ""
    message = f"The maintenance planned for {suggestion.recommended_date:%Y-%m-%d %H:%M} UTC is due.{bring}"
    return Standing(Severity.WARNING, message, {"suggestion_id": suggestion.suggestion_id})


def settled(before: MaintenanceAnswer | None, fresh: MaintenanceAnswer) -> MaintenanceAnswer:
    """Return the suggestion that stands: the old one unless the new one is worth moving for."""
    if before is None or before.state is SuggestionState.DONE:
        return fresh
    if before.state is SuggestionState.REJECTED:
        return fresh if _is_news(before, fresh) else before
    due = before.recommended_date <= fresh.timestamp
    if before.state in PROMISED:
        return before if not due or fresh.action_required else _renewed(before, fresh)
    if fresh.urgency is before.urgency and not due and not _worth_moving(before, fresh):
        return before
    return _renewed(before, fresh)


def _is_news(rejected: MaintenanceAnswer, fresh: MaintenanceAnswer) -> bool:
    """Tell whether what was rejected may be suggested again: after a while, or on other evidence."""
    if fresh.timestamp - rejected.timestamp >= QUIET:
        return True
    cost, before = fresh.cost_benefit.expected_failure_cost, rejected.cost_benefit.expected_failure_cost
    return fresh.action_required and (
        RANKS[fresh.urgency] > RANKS[rejected.urgency]
        or fresh.likely_failure_mode != rejected.likely_failure_mode
        or cost >= EVIDENCE_GREW * before
    )


RANKS = {urgency: rank for rank, urgency in enumerate(Urgency)}


def _worth_moving(before: MaintenanceAnswer, fresh: MaintenanceAnswer) -> bool:
    moved = abs(fresh.cost_benefit.net_savings - before.cost_benefit.net_savings)
    return before.action_required and moved > WORTH_MOVING * max(abs(before.cost_benefit.net_savings), 1.0)


def _renewed(before: MaintenanceAnswer, fresh: MaintenanceAnswer) -> MaintenanceAnswer:
    """Return the new suggestion under the old one's name; a date that somebody promised is over by now."""
    return fresh.model_copy(update={"suggestion_id": before.suggestion_id, "state": SuggestionState.PROPOSED})
