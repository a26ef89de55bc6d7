"""Problems that stand without any reading."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from edge_agent.core.alert import answered
from edge_agent.core.signs import Watch
from edge_agent.core.standing import Standing, site_offline, stood
from edge_agent.core.suggestions import Decision, decided, due
from edge_agent.wire.alert import Acknowledgement, Alert, AlertState, AlertType, Severity
from edge_agent.wire.answers import SuggestionState
from edge_agent.wire.types import SITE
from tests.core.making import NOON, lives, said
from tests.core.test_downtime import failed_start
from tests.core.test_maintenance import suggested

DISK = (SITE, AlertType.DISK)
FULL = Standing(Severity.WARNING, "full")
MINUTE = timedelta(minutes=1)


def looked(*found: Standing | None, every: timedelta = MINUTE) -> list[tuple[str, str, datetime]]:
    """Return (state, message, when) of what looks one after the other lead to."""
    watch: Watch | None = None
    told = []
    for number, each in enumerate(found):
        watch, alert = stood(DISK, watch, each, NOON + number * every, ("e", number))
        if alert is not None:
            told.append((alert.state.value, alert.message, alert.updated_at))
    return told


def test_it_is_one_alert_from_the_first_look_to_the_last() -> None:
    assert looked(None, FULL, FULL, FULL, None, None) == [
        ("OPEN", "full", NOON + MINUTE),
        ("CLEARED", "full", NOON + 4 * MINUTE),
    ]


def test_it_is_told_once_it_has_stood_long_enough() -> None:
    patient = FULL._replace(patience_s=120.0)
    assert looked(patient, patient, None, patient, None) == []
    assert looked(patient, patient, patient) == [("OPEN", "full", NOON + 2 * MINUTE)]


def test_only_another_message_or_severity_is_news() -> None:
    more = FULL._replace(evidence={"bytes_free": 1})
    worse = FULL._replace(severity=Severity.CRITICAL, message="overfull")
    assert [message for _, message, _ in looked(FULL, more, worse, worse)] == ["full", "overfull"]


def test_it_is_acknowledged_as_any_other() -> None:
    watch, alert = stood(DISK, None, FULL, NOON, ("e", 1))
    assert watch is not None
    assert alert is not None
    watch, alert = answered(watch, Acknowledgement(alert_id=alert.alert_id, by="AB"), NOON, 2)
    assert alert is not None
    assert alert.state is AlertState.ACKNOWLEDGED
    assert stood(DISK, watch, FULL, NOON + MINUTE, ("e", 3)) == (watch, None)


def test_while_some_of_the_silent_speak_again_it_stays_what_it_was() -> None:
    first = site_offline(None, {"A", "B", "C"})
    assert first is not None
    watch, alert = stood((SITE, AlertType.SITE_OFFLINE), None, first, NOON, ("e", 1))
    assert isinstance(alert, Alert)
    fewer, more = site_offline(watch, {"A"}), site_offline(watch, {"A", "B", "C", "D"})
    assert fewer == first
    assert more is not None
    assert "4 chargers" in more.message
    assert site_offline(watch, set()) is None


def test_what_somebody_promised_is_due_at_its_date_until_the_work_is_told() -> None:
    promised = decided(suggested(), Decision(SuggestionState.ACCEPTED, NOON))
    assert promised is not None
    before, after = promised.recommended_date - MINUTE, promised.recommended_date
    assert due(promised, before) is None
    found = due(promised, after)
    assert found is not None
    assert "is due" in found.message
    for state in (SuggestionState.PROPOSED, SuggestionState.DONE, SuggestionState.REJECTED):
        assert due(promised.model_copy(update={"state": state}), after) is None


def test_starts_without_energy_in_a_row_are_an_alert_until_one_succeeds() -> None:
    failing = [said(0), *failed_start(1000), *failed_start(1200), *failed_start(5000)]
    success = [
        said(8000, "OCCUPIED", energy_delivered=0),
        said(8010, "CHARGING", power=7, energy_delivered=0),
        said(9000, "AVAILABLE", power=0, energy_delivered=5),
    ]
    told = [each for each in lives([*failing, *success]) if each.startswith("NO_GOOD_SESSIONS")]
    assert told == ["NO_GOOD_SESSIONS OPEN", "NO_GOOD_SESSIONS CLEARED"]


@pytest.mark.parametrize("status", ["FAULTY", "OFFLINE"])
def test_what_is_out_of_order_anyway_is_told_once(status: str) -> None:
    failing = [said(0), *failed_start(1000), *failed_start(1200)]
    assert "NO_GOOD_SESSIONS OPEN" not in lives([*failing, said(1300, status)])
