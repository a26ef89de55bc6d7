"""step(): readings in, outcomes out."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings

from edge_agent.core.judgement import answers, judge_again
from edge_agent.core.models import Models
from edge_agent.core.pipeline import Site, last_heard, refold, step
from edge_agent.core.rules import RulesAnomaly
from edge_agent.wire.reading import Event, Reading
from edge_agent.wire.types import EvseId
from tests.core.making import (
    EVSE,
    RULES,
    CurveModel,
    RisingModel,
    VotingModel,
    added,
    at,
    began,
    finished,
    found,
    said,
    site,
    stepped,
)
from tests.core.readings import histories

TRAINED = Models(RisingModel(even_at=60.0, slope=0.05), VotingModel(70.0))


def of(charger_id: str, connector_id: int | None = 1, seconds: float = 0) -> Reading:
    return said(seconds)._replace(charger_id=charger_id, connector_id=connector_id)


@given(histories(most=16))
@settings(max_examples=60)
def test_a_batch_of_many_and_many_batches_of_one_give_the_same(history: list[Reading]) -> None:
    for models in (RULES, TRAINED):
        together, outcomes = step(site(), history, models)
        one_by_one, single = stepped(history, models)
        assert outcomes == single
        assert together == one_by_one


@given(histories(most=16))
@settings(max_examples=60)
def test_a_step_changes_nothing_that_it_was_given(history: list[Reading]) -> None:
    half = len(history) // 2
    before, _ = step(site(), history[:half], RULES)
    rest = history[half:]
    copied, told = deepcopy(before), deepcopy(rest)
    first = step(before, rest, RULES)
    assert (before, rest) == (copied, told)
    assert step(before, rest, RULES) == first


@given(histories(most=16))
@settings(max_examples=60)
def test_alerts_are_numbered_rising_without_gaps_and_watches_hold_the_open_ones(
    history: list[Reading],
) -> None:
    after, outcomes = step(replace(site(), alert_seq=7), history, RULES)
    told = [alert for outcome in outcomes for alert in outcome.alerts]
    assert [alert.seq for alert in told] == list(range(8, 8 + len(told)))
    assert after.alert_seq == 7 + len(told)
    latest = {(alert.charger_id, alert.connector_id, alert.alert_type): alert for alert in told}
    still_open = {
        key: (alert.alert_id, alert.seq) for key, alert in latest.items() if alert.state != "CLEARED"
    }
    watched = {
        (*evse, kind): (watch.alert.alert_id, watch.alert.seq)
        for evse, watches in after.watches.items()
        for kind, watch in watches.items()
        if watch.alert is not None
    }
    assert still_open == watched


def test_no_readings_change_nothing() -> None:
    assert step(site(), [], RULES) == (site(), [])


def test_each_reading_has_its_outcome_in_order() -> None:
    readings = [of("A"), of("B"), of("A", 2)]
    _, outcomes = step(site(), readings, RULES)
    assert [outcome.reading for outcome in outcomes] == readings
    assert [outcome.evse for outcome in outcomes] == [reading.evse for reading in readings]


# Limits


def test_a_charger_too_many_is_refused_and_nothing_else_happens() -> None:
    full, _ = step(site(2), [of("A"), of("B")], RULES)
    after, (outcome,) = step(full, [of("C", 1, 5)._replace(metrics=said(0, "FAULTY").metrics)], RULES)
    assert after == full
    assert outcome.refusal is not None
    assert outcome.refusal.reason == "C is one charger too many: limits.chargers is 2"
    assert (outcome.charger, outcome.judgement, outcome.alerts, dict(outcome.watches)) == (None, None, (), {})
    assert (outcome.news, outcome.presses) == (None, False)


def test_a_full_site_still_hears_the_chargers_that_it_has() -> None:
    full, _ = step(site(2), [of("A"), of("B")], RULES)
    after, outcomes = step(full, [of("C"), of("A", 1, 5), of("B", 7, 5)], RULES)
    assert [outcome.refusal is None for outcome in outcomes] == [False, True, True]
    assert set(after.chargers) == {("A", 1), ("B", 1), ("B", 7)}


@pytest.mark.parametrize("first", [0, 1], ids=["with its cabinet", "without it"])
def test_a_charger_has_32_connectors_at_most_beside_its_cabinet(first: int) -> None:
    full, outcomes = step(site(), [of("A", connector) for connector in range(first, 33)], RULES)
    assert all(outcome.refusal is None for outcome in outcomes)
    after, (outcome,) = step(full, [of("A", 33)], RULES)
    assert after == full
    assert outcome.refusal is not None
    assert outcome.refusal.reason == "33 is one connector too many: a charger has 32 at most"
    _, (other,) = step(full, [of("B", 33)], RULES)
    assert other.refusal is None


def test_a_cabinet_always_finds_room_at_a_charger_that_is_known() -> None:
    full, _ = step(site(1), [of("A", connector) for connector in range(1, 33)], RULES)
    after, (named, unnamed) = step(full, [of("A", 0), of("A", None, 1)], RULES)
    assert (named.refusal, unnamed.refusal) == (None, None)
    assert after.chargers[EvseId("A", 0)].readings == 2


def test_a_refused_charger_is_not_heard() -> None:
    after, _ = step(site(1), [of("A"), of("B")], RULES)
    assert set(after.heard) == {"A"}


# Whom it is about


def test_a_transaction_without_a_connector_is_about_the_evse_where_it_runs() -> None:
    second = began(0, 5.0, "call-2")._replace(connector_id=2)
    named = added(1)._replace(
        connector_id=None, event=Event.TRANSACTION_CONFIRMED, call_id="call-2", transaction_id="8"
    )
    after, outcomes = step(site(), [began(0, 5.0), second, named, finished(60, "8", 9.0)], RULES)
    assert [outcome.evse.connector_id for outcome in outcomes] == [1, 2, 2, 2]
    assert after.chargers[EvseId("A", 2)].sessions.mean_kwh == 4.0
    assert after.chargers[EVSE].sessions.current is not None


def test_a_reading_that_names_no_connector_is_the_cabinets() -> None:
    after, _ = step(site(), [of("A", None)], RULES)
    assert set(after.chargers) == {("A", 0)}


# What presses, what is news


@pytest.mark.parametrize(
    ("reading", "presses"),
    [
        (said(10), False),
        (said(10, power=0.0), False),
        (said(10, "CHARGING"), True),
        (said(10, error_codes=["CutCable"]), True),
        (added(10)._replace(event=Event.BOOT), True),
        (began(10), True),
        (found(10, "OFFLINE"), True),
        (added(10)._replace(event=Event.MAINTENANCE), True),
    ],
)
def test_alerts_events_and_changes_of_status_press_and_samples_wait(reading: Reading, presses: bool) -> None:
    before, _ = step(site(), [said(0)], RULES)
    _, (outcome,) = step(before, [reading], RULES)
    assert outcome.presses is presses


def test_an_answer_is_news_when_it_says_something_new_or_after_a_quarter_of_an_hour() -> None:
    readings = [said(0), said(60), said(899), said(900), said(901), said(902, error_codes=["X"]), said(903)]
    _, outcomes = stepped(readings)
    assert [outcome.news is not None for outcome in outcomes] == [True, False, False, True, False, True, True]


def test_a_probability_that_moves_by_a_twentieth_is_news() -> None:
    models = Models(RisingModel(even_at=0.0, slope=1.0), RulesAnomaly())
    sure = [said(0, temperature=20.0), said(1, temperature=21.0), said(2, temperature=0.0)]
    _, outcomes = stepped(sure, models)
    assert [outcome.news is not None for outcome in outcomes] == [True, False, True]


def test_news_is_the_answers_to_the_judgement() -> None:
    _, (outcome,) = step(site(), [said(0)], TRAINED)
    assert outcome.judgement is not None
    assert outcome.news == answers(outcome.judgement)


def test_what_speaks_of_the_past_is_kept_but_judges_nothing() -> None:
    late = said(10)._replace(measured_at=at(-10))
    after, outcomes = step(site(), [said(0), late, said(20)._replace(retained=True)], RULES)
    assert [outcome.judgement is None for outcome in outcomes] == [False, True, True]
    assert after.chargers[EVSE].readings == 3


# Answers


def test_the_answers_are_of_the_moment_of_the_reading() -> None:
    _, (outcome,) = step(site(), [said(0)._replace(measured_at=at(-60))], TRAINED)
    assert outcome.judgement is not None
    failure, anomaly = answers(outcome.judgement)
    assert failure.timestamp == anomaly.timestamp == at(-60)
    assert (failure.origin, failure.history) == ("telemetry", True)
    assert failure.failure_probability == round(outcome.judgement.failure.probability, 6)
    assert anomaly.anomaly_type == outcome.judgement.anomaly.type


def test_an_answer_names_the_models_that_judged_whatever_was_swapped_since() -> None:
    after, (outcome,) = step(site(), [said(0)], TRAINED)
    _, (ruled,) = step(after, [said(10)], RULES)
    assert outcome.judgement is not None
    assert ruled.judgement is not None
    assert (outcome.judgement.models, ruled.judgement.models) == (TRAINED, RULES)
    assert [answer.model_version for answer in answers(outcome.judgement)] == ["rising-1", "voting-1"]
    assert [answer.model_version for answer in answers(ruled.judgement)] == ["rules-1", "rules-1"]


def test_swapped_models_judge_every_evse_as_it_stands() -> None:
    after, _ = step(site(), [of("A"), of("B")], RULES)
    again = judge_again(after.chargers, Models(CurveModel(0.1, 0.2, 0.3, 0.4, 0.5), RulesAnomaly()))
    assert {evse: judged.failure.probability for evse, judged in again.items()} == dict.fromkeys(
        after.chargers, 0.5
    )
    assert judge_again({}, RULES) == {}


def test_swapped_models_judge_an_evse_that_told_a_temperature_and_no_status() -> None:
    after, (outcome,) = step(site(), [added(0, temperature=70.0)], RULES)
    assert outcome.judgement is not None
    assert set(judge_again(after.chargers, RULES)) == {EVSE}


# After a start


def test_a_start_folds_again_what_was_kept_since_the_snapshot() -> None:
    kept = [said(0, "CHARGING", power=7.0), added(10, temperature=30.0), of("A", 2, 20), of("B", 1, 30)]
    snapshot, _ = step(site(), kept[:1], RULES)
    after, outcomes = step(snapshot, kept[1:], RULES)
    again = refold(site(), snapshot.chargers, [(outcome.evse, outcome.reading) for outcome in outcomes])
    assert again == Site(after.epoch, chargers=after.chargers, heard=after.heard)


def test_a_start_without_a_snapshot_folds_all_that_was_kept() -> None:
    after, outcomes = step(site(), [said(0), said(10, "CHARGING"), found(900, "OFFLINE")], RULES)
    again = refold(site(), {}, [(outcome.evse, outcome.reading) for outcome in outcomes])
    assert (again.chargers, again.heard) == (after.chargers, after.heard)


def test_a_charger_was_last_heard_through_whichever_evse_spoke_last() -> None:
    after, _ = step(site(), [of("A", 1, 10), of("A", 2, 40), of("A", 1, 20), of("B", 1, 5)], RULES)
    assert last_heard(after.chargers) == {"A": at(40), "B": at(5)}
    retained, _ = step(site(), [said(0)._replace(retained=True)], RULES)
    assert last_heard(retained.chargers) == {}


def test_a_start_keeps_when_a_charger_was_last_heard_though_the_clock_was_set_back() -> None:
    after, _ = step(site(), [of("A", 1, 100), of("A", 2, 50)], RULES)
    assert after.heard == {"A": at(100)}
    assert refold(site(), after.chargers, []).heard == after.heard


def test_telling_again_waits_by_the_chargers_own_clock() -> None:
    behind = timedelta(hours=2)
    readings = [said(s)._replace(measured_at=at(s) - behind) for s in (0, 899, 900)]
    assert [outcome.news is not None for outcome in stepped(readings)[1]] == [True, False, True]
