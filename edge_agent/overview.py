"""Every EVSE in short, as the pipeline last saw it: what it is, what it does, what is to be done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from edge_agent.core.downtime import FAILURE_AFTER
from edge_agent.core.judgement import answers
from edge_agent.core.todo import todo
from edge_agent.wire.alert import Alert, AlertType, Severity
from edge_agent.wire.rest import ChargerSummary
from edge_agent.wire.types import SITE

if TYPE_CHECKING:
    from datetime import datetime

    from edge_agent.core.judgement import Judgement
    from edge_agent.core.terms import Terms
    from edge_agent.ingest.parts import View
    from edge_agent.wire.answers import MaintenanceAnswer
    from edge_agent.wire.types import EvseId

GRAVITY = {Severity.CRITICAL: 2, Severity.WARNING: 1, Severity.INFO: 0}


@dataclass(frozen=True, slots=True)
class Plate:
    """What the operator knows of a charger and no charger tells."""

    location: str | None = None
    warranty_until: str | None = None


@dataclass(frozen=True, slots=True)
class Operator:
    """What the operator's configuration tells: costs, names of chargers, bounds."""

    terms: Terms
    labels: Mapping[str, str]
    least_free_bytes: int
    failure_after: timedelta = FAILURE_AFTER
    plates: Mapping[str, Plate] = field(default_factory=dict)


def summary(view: View, evse: EvseId, operator: Operator, now: datetime) -> ChargerSummary:
    """Return one EVSE, of which something was judged, in short."""
    judged = view.latest[evse]
    charger = view.site.chargers[evse]
    failure, anomaly = answers(judged)
    alerts = [watch.alert for watch in view.site.watches.get(evse, {}).values() if watch.alert is not None]
    return ChargerSummary(
        charger_id=evse.charger_id,
        connector_id=evse.connector_id,
        label=operator.labels.get(evse.charger_id),
        status=charger.status,
        status_since=charger.status_since,
        last_heard_at=charger.heard_at,
        energy_delivered=charger.now.energy_delivered,
        power=charger.now.power,
        temperature=charger.now.temperature,
        error_codes=list(charger.errors),
        failure=failure,
        anomaly=anomaly,
        open_alerts=alerts,
        todo=todo(
            [*alerts, *_of_site(view, evse)],
            charger.errors,
            _suggestion(view, judged),
            operator.terms.parts,
            now,
        ),
    )


def summaries(view: View, operator: Operator, now: datetime) -> list[ChargerSummary]:
    """Return every EVSE of which something was judged, worst first."""
    return sorted((summary(view, evse, operator, now) for evse in view.latest), key=worst_first)


def soonest_first(view: View) -> list[MaintenanceAnswer]:
    """Return the suggestions that stand."""
    return sorted(view.suggestions.values(), key=lambda each: (each.recommended_date, each.charger_id))


def _of_site(view: View, evse: EvseId) -> list[Alert]:
    """Return the site's alerts that name this charger."""
    watch = view.site.watches.get(SITE, {}).get(AlertType.SITE_OFFLINE)
    alert = None if watch is None else watch.alert
    return [alert] if alert is not None and evse.charger_id in alert.evidence.get("silent", ()) else []


def _suggestion(view: View, judged: Judgement) -> MaintenanceAnswer | None:
    """Return the charger's suggestion where it is about this EVSE."""
    standing = view.suggestions.get(judged.charger.charger_id)
    about = standing is not None and judged.charger.connector_id in standing.connector_ids
    return standing if about else None


def worst_first(each: ChargerSummary) -> tuple[float, float, str, int]:
    """Return what sorts the gravest alert first, and then the likeliest failure."""
    gravest = max((GRAVITY[alert.severity] + 1 for alert in each.open_alerts), default=0)
    probability = each.failure.failure_probability if each.failure else 0.0
    return -gravest, -probability, each.charger_id, each.connector_id
