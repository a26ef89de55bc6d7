"""What is to be done about an EVSE: one verb, from its open alerts, and else from what is suggested.

    alert                                      do
    TAMPER, EMERGENCY_STOP                     SITE_VISIT
    SITE_OFFLINE that names it                 GRID
    CHARGER_FAULTED, ANOMALY with codes        by the codes: whose doing, and which part
    CHARGER_FAULTED without a code             REMOTE_RESET
    CHARGER_OFFLINE                            REMOTE_RESET
    OVER_TEMPERATURE                           SITE_VISIT
    FAILURE_PREDICTED, MAINTENANCE_DUE         what is suggested, else SITE_VISIT
    NO_GOOD_SESSIONS                           SITE_VISIT
    ANOMALY without codes                      NONE: it is looked at when somebody comes by

The gravest alert that asks for something decides. What is silenced is being seen to.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from edge_agent.core.maintenance import REMOTE
from edge_agent.wire.alert import Alert, AlertType, Severity
from edge_agent.wire.answers import FailureMode, MaintenanceAnswer, Resolution, SuggestionState
from edge_agent.wire.faults import Fault, Whose, fault_of
from edge_agent.wire.todo import Todo

if TYPE_CHECKING:
    from edge_agent.core.terms import Part

NOTHING = Todo()
GRAVEST_FIRST = {Severity.CRITICAL: 0, Severity.WARNING: 1, Severity.INFO: 2}
BY_TYPE = {
    AlertType.TAMPER: Resolution.SITE_VISIT,
    AlertType.EMERGENCY_STOP: Resolution.SITE_VISIT,
    AlertType.SITE_OFFLINE: Resolution.GRID,
    AlertType.CHARGER_OFFLINE: Resolution.REMOTE_RESET,
    AlertType.OVER_TEMPERATURE: Resolution.SITE_VISIT,
    AlertType.NO_GOOD_SESSIONS: Resolution.SITE_VISIT,
}
BY_DOER = {
    Whose.GRID: Resolution.GRID,
    Whose.NETWORK: Resolution.REMOTE_RESET,
    Whose.BACK_OFFICE: Resolution.VENDOR,
    Whose.VANDAL: Resolution.SITE_VISIT,
    Whose.VEHICLE: Resolution.NONE,
    Whose.USER: Resolution.NONE,
}
FORETOLD = frozenset({AlertType.FAILURE_PREDICTED, AlertType.MAINTENANCE_DUE})
CODED = frozenset({AlertType.CHARGER_FAULTED, AlertType.ANOMALY})
OVER = frozenset({SuggestionState.DONE, SuggestionState.REJECTED})

Parts = Mapping[FailureMode, "Part"]


def todo(
    alerts: Iterable[Alert],
    codes: Sequence[str],
    suggestion: MaintenanceAnswer | None,
    parts: Parts,
    now: datetime,
) -> Todo:
    """Return what is to be done. alerts: open ones of the EVSE, and those of its site that name its charger.

    codes: those that are active. suggestion: of its charger, where it is about this EVSE.
    """
    pressing = [each for each in alerts if each.silenced_until is None or each.silenced_until <= now]
    standing = suggestion if suggestion is not None and suggestion.state not in OVER else None
    for alert in sorted(pressing, key=lambda each: (GRAVEST_FIRST[each.severity], each.raised_at)):
        found = _of_alert(alert, codes, standing, parts)
        if found.do is not Resolution.NONE:
            return found
    return NOTHING if standing is None else _of_suggestion(standing)


def _of_alert(alert: Alert, codes: Sequence[str], standing: MaintenanceAnswer | None, parts: Parts) -> Todo:
    kind = alert.alert_type
    if kind in BY_TYPE:
        part = parts[FailureMode.COOLING].name if kind is AlertType.OVER_TEMPERATURE else None
        return Todo(do=BY_TYPE[kind], part=part, why=alert.message)
    if kind in FORETOLD:
        foretold = NOTHING if standing is None else _of_suggestion(standing)
        return Todo(do=Resolution.SITE_VISIT, why=alert.message) if foretold is NOTHING else foretold
    if kind in CODED:
        known = [fault for code in codes if (fault := fault_of(code)) is not None]
        if known:
            return _of_fault(_gravest(known), alert, parts)
        reset = kind is AlertType.CHARGER_FAULTED
        return Todo(do=Resolution.REMOTE_RESET, why=alert.message) if reset else NOTHING
    return NOTHING


def _of_fault(fault: Fault, alert: Alert, parts: Parts) -> Todo:
    """A fault of the charger goes by its part: what is dangerous, or worn, no reset mends."""
    do = BY_DOER.get(fault.whose)
    if do is not None:
        return Todo(do=do, why=alert.message)
    part = None if fault.part is None else parts[fault.part].name or None
    if fault.part in REMOTE:
        return Todo(do=REMOTE[fault.part], why=alert.message)
    if part is not None or fault.severity is Severity.CRITICAL:
        return Todo(do=Resolution.SITE_VISIT, part=part, why=alert.message)
    return Todo(do=Resolution.REMOTE_RESET, why=alert.message)


def _gravest(faults: Sequence[Fault]) -> Fault:
    return min(faults, key=lambda each: GRAVEST_FIRST[each.severity])


def _of_suggestion(suggestion: MaintenanceAnswer) -> Todo:
    if not suggestion.action_required:
        return NOTHING
    part = ", ".join(suggestion.parts) or None
    return Todo(
        do=suggestion.resolution,
        part=part,
        why=" ".join(suggestion.rationale[:1]),
        at=suggestion.recommended_date,
    )
