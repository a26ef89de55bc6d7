"""One verb for each EVSE."""

from __future__ import annotations

from datetime import timedelta

import pytest

from edge_agent.core.terms import PARTS
from edge_agent.core.todo import NOTHING, todo
from edge_agent.wire.alert import Alert, AlertState, AlertType, Severity
from edge_agent.wire.answers import Resolution, SuggestionState
from edge_agent.wire.todo import Todo
from tests.core.making import at
from tests.web.desk import maintenance_answer

NOW = at(0)
SUGGESTED = maintenance_answer("A")


def alert(kind: AlertType, severity: Severity = Severity.CRITICAL, **changed: object) -> Alert:
    told = Alert(
        alert_id=kind,
        charger_id="A",
        connector_id=1,
        alert_type=kind,
        severity=severity,
        state=AlertState.OPEN,
        raised_at=NOW,
        updated_at=NOW,
        message="why",
    )
    return told.model_copy(update=changed)


def asked(*alerts: Alert, codes: tuple[str, ...] = ()) -> Todo:
    return todo(alerts, codes, None, PARTS, NOW)


@pytest.mark.parametrize(
    ("kind", "codes", "do", "part"),
    [
        (AlertType.TAMPER, (), Resolution.SITE_VISIT, None),
        (AlertType.SITE_OFFLINE, (), Resolution.GRID, None),
        (AlertType.CHARGER_OFFLINE, (), Resolution.REMOTE_RESET, None),
        (AlertType.OVER_TEMPERATURE, (), Resolution.SITE_VISIT, "fan and air filter"),
        (AlertType.CHARGER_FAULTED, (), Resolution.REMOTE_RESET, None),
        (AlertType.CHARGER_FAULTED, ("ConnectorLockFailure",), Resolution.SITE_VISIT, "connector lock"),
        (AlertType.CHARGER_FAULTED, ("GroundFailure",), Resolution.SITE_VISIT, None),
        (AlertType.CHARGER_FAULTED, ("OverVoltage",), Resolution.GRID, None),
        (AlertType.ANOMALY, (), Resolution.NONE, None),
        (AlertType.FAILURE_PREDICTED, (), Resolution.SITE_VISIT, None),
    ],
)
def test_each_alert_has_its_verb(
    kind: AlertType, codes: tuple[str, ...], do: Resolution, part: str | None
) -> None:
    found = asked(alert(kind), codes=codes)
    assert (found.do, found.part) == (do, part)


def test_the_gravest_alert_that_asks_for_something_decides() -> None:
    odd = alert(AlertType.ANOMALY)
    gone = alert(AlertType.CHARGER_OFFLINE, Severity.WARNING)
    forced = alert(AlertType.TAMPER)
    assert asked(gone, forced).do is Resolution.SITE_VISIT
    assert asked(odd, gone).do is Resolution.REMOTE_RESET


def test_what_is_silenced_is_being_seen_to() -> None:
    hot = alert(AlertType.OVER_TEMPERATURE, silenced_until=NOW + timedelta(hours=1))
    assert asked(hot) is NOTHING
    late = todo([hot], (), None, PARTS, NOW + timedelta(hours=2))
    assert late.do is Resolution.SITE_VISIT


def test_without_alerts_what_is_suggested_is_to_be_done() -> None:
    found = todo([], (), SUGGESTED, PARTS, NOW)
    assert (found.do, found.part) == (Resolution.SITE_VISIT, "fan, filter")


@pytest.mark.parametrize("state", [SuggestionState.DONE, SuggestionState.REJECTED])
def test_what_is_done_or_rejected_asks_for_nothing(state: SuggestionState) -> None:
    assert todo([], (), SUGGESTED.model_copy(update={"state": state}), PARTS, NOW) is NOTHING


def test_a_foretold_failure_asks_for_what_is_suggested_of_it() -> None:
    found = todo([alert(AlertType.FAILURE_PREDICTED)], (), SUGGESTED, PARTS, NOW)
    assert found.part == "fan, filter"
