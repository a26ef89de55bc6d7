"""State: a reading on which the models fail is judged by the rules, or else refused alone."""

from __future__ import annotations

import json
import logging
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.core.features import FAILURE_FEATURES, FloatArray
from edge_agent.core.models import Models
from edge_agent.core.rules import RulesAnomaly, RulesFailure
from edge_agent.core.silence import Listening, Patience
from edge_agent.core.telling import Which
from edge_agent.core.terms import Terms
from edge_agent.errors import DEFECT
from edge_agent.ingest.batch import Batch, Numbering
from edge_agent.ingest.state import RULES as FALLBACK
from edge_agent.ingest.state import State, open_alerts
from edge_agent.wire.alert import AlertType
from edge_agent.wire.reading import Reading
from edge_agent.wire.types import SITE
from tests.core.making import EVSE, RULES, RisingModel, at, said, site

POISON_C = 33.0


class BreakingModel(RulesFailure):
    """Fails on every matrix with a row that holds the one temperature."""

    version = "breaking-1"

    def probabilities(self, rows: FloatArray) -> FloatArray:
        if np.any(rows[:, FAILURE_FEATURES.index("temperature")] == POISON_C):
            raise ZeroDivisionError(f"of the test, at {len(rows)} rows")
        return super().probabilities(rows)


class BreakingAnswers(RisingModel):
    """Judges every reading, and fails where it is asked what contributed."""

    def contributions(self, rows: FloatArray) -> FloatArray:
        raise ZeroDivisionError(f"of the test, at {len(rows)} rows")


BREAKING = Models(BreakingModel(), RulesAnomaly())


def a_batch() -> Batch:
    return Batch(Numbering("epoch-1", {}))


def hard(seconds: float, status: str = "AVAILABLE") -> Reading:
    """Return a reading on which the model fails."""
    return said(seconds, status, temperature=POISON_C)


def poison(seconds: float) -> Reading:
    """Return a reading on which all fails: no source gives a time without a zone."""
    return hard(seconds)._replace(measured_at=at(seconds).replace(tzinfo=None))


def without_models(batch: Batch) -> list[tuple[str, str]]:
    """Return the batch's records, but for who judged."""
    named = BreakingModel.version, RulesFailure.version
    return [(record.type, record.payload.replace(*named)) for record in batch.commit.records]


def test_a_reading_on_which_a_model_fails_is_judged_by_the_rules_alone_and_the_others_by_the_model(
    caplog: pytest.LogCaptureFixture,
) -> None:
    readings = [said(0), hard(1, "FAULTY"), said(2)]
    state, batch = State(site()), a_batch()
    outcomes = state.observe(readings, BREAKING, batch)
    judged = [outcome.judgement and outcome.judgement.models for outcome in outcomes]
    assert judged == [BREAKING, FALLBACK, BREAKING]
    assert [outcome.refusal for outcome in outcomes] == [None, None, None]
    assert [(alert.alert_type, alert.state) for alert in outcomes[1].alerts] == [("CHARGER_FAULTED", "OPEN")]
    assert [reading for _, reading in batch.commit.readings] == readings
    assert batch.commit.quarantined == []
    assert [record.levelno for record in caplog.records] == [logging.ERROR]


def test_a_reading_on_which_the_core_fails_is_refused_alone_and_the_others_are_kept_in_order(
    caplog: pytest.LogCaptureFixture,
) -> None:
    readings = [said(0), said(1, "FAULTY"), poison(2), said(3), said(4, "CHARGING")]
    state, batch = State(site()), a_batch()
    outcomes = state.observe(readings, BREAKING, batch)
    assert [outcome.reading for outcome in outcomes] == readings
    assert [outcome.refusal for outcome in outcomes] == [None, None, DEFECT, None, None]
    assert [reading for _, reading in batch.commit.readings] == [*readings[:2], *readings[3:]]
    (aside,) = batch.commit.quarantined
    assert (aside.at, aside.topic, aside.reason) == (at(2), "chargers/A", DEFECT.reason)
    assert b"33.0" in aside.payload
    assert [record.levelno for record in caplog.records] == [logging.ERROR, logging.ERROR]
    assert all(record.exc_info is not None for record in caplog.records)
    assert not any("33" in record.getMessage() for record in caplog.records)


def test_the_alerts_of_the_others_are_told_with_numbers_in_order() -> None:
    readings = [said(0, "FAULTY"), poison(1), said(2), said(3, error_codes=["CutCable"])]
    state, batch = State(site()), a_batch()
    outcomes = state.observe(readings, BREAKING, batch)
    told = [alert for outcome in outcomes for alert in outcome.alerts]
    assert [(alert.alert_type, alert.state) for alert in told] == [
        ("CHARGER_FAULTED", "OPEN"),
        ("CHARGER_FAULTED", "CLEARED"),
        ("TAMPER", "OPEN"),
    ]
    assert [alert.seq for alert in told] == [1, 2, 3]
    assert state.site.alert_seq == 4  # the outage that is over is told after them


@settings(deadline=None)
@given(st.lists(st.sampled_from(["AVAILABLE", "CHARGING", "FAULTY", None]), max_size=12))
def test_what_is_refused_leaves_no_trace_in_the_others(told: list[str | None]) -> None:
    readings = [poison(n) if status is None else said(n, status) for n, status in enumerate(told)]
    state, batch = State(site()), a_batch()
    state.observe(readings, BREAKING, batch)
    calm, untouched = State(site()), a_batch()
    calm.observe([reading for reading in readings if reading.metrics.temperature is None], RULES, untouched)
    assert (state.site.chargers, state.site.heard) == (calm.site.chargers, calm.site.heard)
    assert (state.site.alert_seq, state.site.told) == (calm.site.alert_seq, calm.site.told)
    assert batch.commit.readings == untouched.commit.readings
    assert without_models(batch) == without_models(untouched)
    assert len(batch.commit.quarantined) == told.count(None)


def test_a_refused_reading_judges_nothing() -> None:
    state = State(site())
    state.observe([said(0), poison(1)], BREAKING, a_batch())
    assert state.latest[EVSE].at == at(0)
    assert state.site.chargers[EVSE].last_at == at(0)


def test_a_lone_reading_on_which_the_core_fails_is_refused() -> None:
    state, batch = State(site()), a_batch()
    (outcome,) = state.observe([poison(0)], BREAKING, batch)
    assert (outcome.refusal, outcome.evse, outcome.presses) == (DEFECT, EVSE, False)
    assert state.site == site()
    assert state.latest == {}
    assert (batch.commit.readings, len(batch.commit.quarantined)) == ([], 1)


def test_what_does_not_fail_is_judged_by_one_call_for_all() -> None:
    class Counting(RulesFailure):
        def __init__(self) -> None:
            self.asked: list[int] = []

        def probabilities(self, rows: FloatArray) -> FloatArray:
            self.asked.append(len(rows))
            return super().probabilities(rows)

    model = Counting()
    State(site()).observe([said(n) for n in range(5)], Models(model, RulesAnomaly()), a_batch())
    assert model.asked[0] == 5


def test_a_reading_whose_answers_a_model_cannot_work_out_is_answered_by_the_rules() -> None:
    state, batch = State(site()), a_batch()
    (outcome,) = state.observe([said(0)], Models(BreakingAnswers(), RulesAnomaly()), batch)
    assert outcome.refusal is None
    assert outcome.news is not None
    assert [answer.model_version for answer in outcome.news] == ["rules-1", "rules-1"]


def test_a_site_that_falls_silent_is_one_alert_with_a_life_and_survives_in_the_watches() -> None:
    state, batch = State(site()), a_batch()
    names = ("A", "B", "C")
    words = [said(10 * n)._replace(charger_id=name) for n in range(30) for name in names]
    state.observe(words, RULES, batch)
    always, patience = Listening(at(-86_400)), Patience()
    state.observe(state.silence(at(420), always, patience, batch), RULES, batch)
    (alert,) = open_alerts(state.site)
    assert (alert.charger_id, alert.alert_type, alert.state) == ("_site", "SITE_OFFLINE", "OPEN")
    assert alert.evidence == {"silent": ["A", "B", "C"]}
    assert "3 chargers fell silent together" in alert.message
    assert state.silence(at(425), always, patience, batch) == []
    assert len([record for record in batch.commit.records if "SITE_OFFLINE" in record.payload]) == 1
    state.observe([said(430)._replace(charger_id=name) for name in names], RULES, batch)
    state.observe(state.silence(at(435), always, patience, batch), RULES, batch)
    assert open_alerts(state.site) == []
    news = [record for record in batch.commit.records if "SITE_OFFLINE" in record.payload]
    assert [record.seq for record in news] == sorted({record.seq for record in news})
    assert '"CLEARED"' in news[-1].payload
    assert batch.commit.watches[SITE, AlertType.SITE_OFFLINE] is None


def suggested(state: State, seconds: float) -> set[str]:
    """Return the chargers that need work once maintenance is weighed at that moment."""
    state.weigh_maintenance(Terms(), at(seconds), a_batch())
    return {name for name, each in state.suggestions.items() if each.action_required}


def test_nobody_is_sent_to_a_charger_that_is_silent_until_it_has_been_so_for_as_long_as_a_failure() -> None:
    judged = Models(RisingModel(), RulesAnomaly())
    state = State(site(), failure_after=timedelta(hours=4))
    state.observe([said(0), said(60, "OFFLINE")], judged, a_batch())
    assert suggested(state, 3_600) == set()
    assert suggested(state, 60 + 4 * 3_600) == {EVSE.charger_id}


def test_nobody_is_sent_to_chargers_that_are_silent_together_however_long() -> None:
    state, batch, names = State(site()), a_batch(), ("A", "B", "C")
    judged = Models(RisingModel(), RulesAnomaly())
    state.observe(
        [said(10 * n)._replace(charger_id=name) for n in range(30) for name in names], judged, batch
    )
    state.observe(state.silence(at(420), Listening(at(-86_400)), Patience(), batch), judged, batch)
    assert state.is_open(SITE, AlertType.SITE_OFFLINE)
    assert suggested(state, 86_400) == set()


def test_while_nothing_can_be_heard_the_site_s_alert_stands_as_it_is() -> None:
    state, batch = State(site()), a_batch()
    state.observe([said(n)._replace(charger_id=name) for n in range(20) for name in "AB"], RULES, batch)
    state.observe(state.silence(at(420), Listening(at(-86_400)), Patience(), batch), RULES, batch)
    assert state.silence(at(500), Listening(None), Patience(), batch) == []
    assert [alert.alert_type for alert in open_alerts(state.site)] == ["SITE_OFFLINE"]


def test_readings_go_up_only_where_they_are_wanted_and_say_something_new() -> None:
    def told(which: Which) -> int:
        state, batch = State(site(), which_readings=which), a_batch()
        state.observe([said(10 * n, power=7.0) for n in range(20)], RULES, batch)
        return len([record for record in batch.commit.records if record.type == "reading"])

    assert (told("none"), told("changes"), told("all")) == (0, 1, 20)


def test_what_comes_late_goes_up_with_what_it_says_itself() -> None:
    state, batch = State(site(), which_readings="changes"), a_batch()
    state.observe([said(100, temperature=30.0)], RULES, batch)
    late = said(200, temperature=20.0)._replace(measured_at=at(50))
    state.observe([said(110, temperature=30.0)._replace(measured_at=at(110)), late], RULES, batch)
    readings = [json.loads(record.payload) for record in batch.commit.records if record.type == "reading"]
    assert readings[-1]["metrics"]["temperature"] == 20.0
    assert readings[-1]["timestamp"] == "2025-10-01T12:00:50Z"
