"""Maintenance as a calendar that phones and desks import."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

from icalendar import Calendar, Event

from edge_agent.wire.answers import MaintenanceAnswer, SuggestionState

STATUSES = {SuggestionState.ACCEPTED: "CONFIRMED", SuggestionState.SCHEDULED: "CONFIRMED"}
OVER = frozenset({SuggestionState.DONE, SuggestionState.REJECTED})


def maintenance_calendar(suggestions: Sequence[MaintenanceAnswer], labels: Mapping[str, str | None]) -> bytes:
    """Return what is to be done as iCalendar (RFC 5545): the library escapes and folds all text."""
    calendar = Calendar()
    calendar.add("prodid", "-//EVzone//edge agent//EN")
    calendar.add("version", "2.0")
    for each in suggestions:
        if each.action_required and each.state not in OVER:
            calendar.add_component(_event(each, labels.get(each.charger_id) or each.charger_id))
    return bytes(calendar.to_ical())


def _event(suggestion: MaintenanceAnswer, name: str) -> Event:
    event = Event()
    event.add("uid", f"{suggestion.suggestion_id}@edge-agent")
    event.add("dtstamp", suggestion.timestamp)
    event.add("dtstart", suggestion.recommended_date)
    event.add("dtend", suggestion.recommended_date + timedelta(hours=suggestion.estimated_downtime_hours))
    bring = f": bring {', '.join(suggestion.parts)}" if suggestion.parts else ""
    event.add("summary", f"{name}{bring}")
    event.add("description", "\n".join(suggestion.rationale))
    event.add("status", STATUSES.get(suggestion.state, "TENTATIVE"))
    return event
