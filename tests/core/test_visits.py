"""One visit that serves several chargers."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from edge_agent.core.charger import Charger
from edge_agent.core.maintenance import Subject, suggestions
from edge_agent.core.terms import Terms
from edge_agent.wire.answers import Action, FailureMode, MaintenanceAnswer
from tests.core.making import NOON, folded, said
from tests.core.test_maintenance import failure
from tests.core.test_usage import weeks

TERMS = Terms(failure_downtime_hours=264.0)


def known(charger_id: str) -> Charger:
    """Return a charger whose use is known."""
    charger = folded([said(0)])
    history = replace(charger.history, usage=weeks(2, frozenset({17})))
    return replace(charger, charger_id=charger_id, history=history)


def subject(charger_id: str, mode: FailureMode, **told: object) -> Subject:
    answer = failure(probability=0.9, **told)  # type: ignore[arg-type]
    answer = answer.model_copy(update={"likely_failure_mode": mode, "charger_id": charger_id})
    return Subject(known(charger_id), answer, (1, 2))


def planned(*subjects: Subject) -> list[MaintenanceAnswer]:
    return suggestions(subjects, TERMS)


def test_chargers_of_one_site_are_seen_to_on_one_visit() -> None:
    lock, fan = planned(subject("A", FailureMode.LOCK), subject("B", FailureMode.COOLING))
    assert lock.recommended_date == fan.recommended_date
    assert lock.visit_id == fan.visit_id is not None
    assert "The same visit serves B." in lock.rationale
    assert (lock.parts, fan.parts) == (["connector lock"], ["fan and air filter"])
    assert lock.connector_ids == [1, 2]


def test_one_alone_has_a_visit_of_its_own() -> None:
    (alone,) = planned(subject("A", FailureMode.LOCK))
    assert alone.visit_id is not None
    assert not any("same visit" in each for each in alone.rationale)


def test_a_modem_is_reset_from_afar_and_a_card_reader_is_its_vendors() -> None:
    modem, reader = planned(subject("A", FailureMode.CONNECTIVITY), subject("B", FailureMode.PAYMENT))
    assert (modem.resolution, reader.resolution) == ("REMOTE_RESET", "VENDOR")
    assert (modem.visit_id, modem.parts) == (None, [])
    assert modem.action_required


def test_what_is_not_worth_a_visit_asks_for_nothing_and_says_why() -> None:
    (answer,) = suggestions([subject("A", FailureMode.POWER_MODULE)], Terms(call_out_cost=5000.0))
    assert (answer.action_required, answer.resolution) == (False, "NONE")
    assert "Waiting costs less than a visit" in " ".join(answer.rationale)


def test_what_presses_comes_before_its_window_and_others_join_it() -> None:
    urgent = subject("B", FailureMode.COOLING, action=Action.IMMEDIATE, window_h=60.0)
    other, first = planned(subject("A", FailureMode.COOLING), urgent)
    assert first.urgency == "CRITICAL"
    assert first.recommended_date < NOON + timedelta(hours=60)
    assert other.visit_id == first.visit_id


def test_the_answers_come_in_the_order_of_the_chargers_and_are_the_same_again() -> None:
    asked = [subject(name, FailureMode.LOCK) for name in ("C", "A", "B")]
    told = planned(*asked)
    assert [each.charger_id for each in told] == ["C", "A", "B"]
    assert planned(*asked) == told
