"""The life of a suggestion in people's hands."""

from __future__ import annotations

from datetime import timedelta

import pytest

from edge_agent.core.suggestions import QUIET, Decision, decided, settled
from edge_agent.wire.answers import Action, MaintenanceAnswer, SuggestionState
from tests.core.making import NOON
from tests.core.test_maintenance import suggested

LATER = NOON + timedelta(hours=1)


def rejected() -> MaintenanceAnswer:
    after = decided(suggested(), Decision(SuggestionState.REJECTED, LATER, reason="seen to"))
    assert after is not None
    return after


def test_a_decision_is_kept_with_its_reason() -> None:
    assert rejected().state is SuggestionState.REJECTED
    assert rejected().rationale[-1] == "Rejected: seen to"
    assert rejected().suggestion_id == suggested().suggestion_id


def test_a_move_gives_it_the_new_date() -> None:
    date = NOON + timedelta(days=4)
    moved = decided(suggested(), Decision(SuggestionState.SCHEDULED, LATER, at=date))
    assert moved is not None
    assert (moved.recommended_date, moved.recommended_maintenance_datetime) == (date, date)


def test_of_what_is_done_nothing_is_left_to_decide() -> None:
    done = suggested().model_copy(update={"state": SuggestionState.DONE})
    assert decided(done, Decision(SuggestionState.ACCEPTED, LATER)) is None


def test_what_is_rejected_stays_quiet_for_a_month() -> None:
    soon, late = (LATER + QUIET + timedelta(seconds=step) for step in (-1, 0))
    assert settled(rejected(), suggested(moment=soon)) == rejected()
    assert settled(rejected(), suggested(moment=late)).state is SuggestionState.PROPOSED


@pytest.mark.parametrize(
    "told", [{"action": Action.IMMEDIATE}, {"probability": 1.0}], ids=["more urgent", "twice as likely"]
)
def test_what_is_rejected_comes_back_when_the_evidence_changes(told: dict[str, object]) -> None:
    fresh = suggested(moment=LATER + timedelta(hours=1), **told)
    assert settled(rejected(), fresh).state is SuggestionState.PROPOSED


@pytest.mark.parametrize("state", [SuggestionState.ACCEPTED, SuggestionState.SCHEDULED])
def test_a_date_that_somebody_promised_is_not_moved(state: SuggestionState) -> None:
    promised = decided(suggested(), Decision(state, LATER))
    fresh = suggested(probability=1.0, action=Action.IMMEDIATE, moment=LATER + timedelta(hours=1))
    assert settled(promised, fresh) is promised


def test_a_promise_is_over_when_its_time_has_come_and_nothing_is_required_any_more() -> None:
    promised = decided(suggested(), Decision(SuggestionState.ACCEPTED, LATER))
    assert promised is not None
    after = promised.recommended_date + timedelta(hours=1)
    assert settled(promised, suggested(required=False, moment=after)).state is SuggestionState.PROPOSED
