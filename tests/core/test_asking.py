"""Questions: answered from what they bring and the history that is known, leaving no trace."""

from __future__ import annotations

from copy import deepcopy

from edge_agent.core.asking import Question, anomaly, failures, maintenance
from edge_agent.core.models import Models
from edge_agent.core.rules import RulesAnomaly
from edge_agent.core.terms import Terms
from edge_agent.wire.metrics import Metrics
from edge_agent.wire.reading import Event
from tests.core.making import RULES, RisingModel, VotingModel, added, at, said, stepped

NOW = at(10_000)
HEAT = Models(RisingModel("temperature"), VotingModel(90.0))
KNOWN, _ = stepped([said(10 * n, temperature=20.0, power=0.0) for n in range(40)])


def asked(charger_id: str = "A", connector_id: int = 1, **told: object) -> Question:
    metrics = {"connector_status": "AVAILABLE", "connector_id": connector_id, **told}
    return Question(charger_id, Metrics.model_validate(metrics))


def test_a_question_leaves_no_trace() -> None:
    before = deepcopy(KNOWN.chargers)
    questions = [asked(temperature=90.0), asked("B", temperature=90.0)]
    first = failures(questions, KNOWN.chargers, HEAT, NOW)
    anomaly(questions[0], KNOWN.chargers, HEAT, NOW)
    maintenance(questions[0], KNOWN.chargers, HEAT, (NOW, Terms()))
    assert KNOWN.chargers == before
    assert failures(questions, KNOWN.chargers, HEAT, NOW) == first


def test_two_questions_about_one_charger_are_two_answers_in_order() -> None:
    hot, cold = failures([asked(temperature=70.0), asked(temperature=10.0)], KNOWN.chargers, HEAT, NOW)
    assert hot.failure_probability > 0.9
    assert cold.failure_probability < 0.1
    (again,) = failures([asked(temperature=10.0)], KNOWN.chargers, HEAT, NOW)
    assert again == cold


def test_many_questions_and_each_alone_give_the_same() -> None:
    questions = [asked(f"C{n}", temperature=float(n)) for n in range(100)]
    alone = [failures([question], {}, RULES, NOW)[0] for question in questions]
    assert failures(questions, {}, RULES, NOW) == alone
    assert [answer.charger_id for answer in alone] == [question.charger_id for question in questions]


def test_history_is_used_where_the_charger_is_known() -> None:
    known, unknown, other_evse = failures(
        [asked(), asked("B"), asked(connector_id=2)], KNOWN.chargers, HEAT, NOW
    )
    assert [known.history, unknown.history, other_evse.history] == [True, False, False]
    assert known.confidence > unknown.confidence


def test_an_answer_says_that_it_was_asked_and_for_whom() -> None:
    question = asked("B")._replace(tenant_id="t-1")
    (answer,) = failures([question], KNOWN.chargers, HEAT, NOW)
    assert (answer.origin, answer.timestamp, answer.tenant_id) == ("request", NOW, "t-1")
    assert (answer.charger_id, answer.connector_id) == ("B", 1)


def test_the_deviation_of_a_question_is_against_the_chargers_own_normal() -> None:
    odd = anomaly(asked(temperature=40.0, power=0.0), KNOWN.chargers, RULES, NOW)
    assert odd.deviation["temperature"] == 20.0
    assert (odd.anomaly_type, odd.is_anomaly) == ("GENERIC_OUTLIER_HIGH", True)
    stranger = anomaly(asked("B", temperature=40.0), KNOWN.chargers, RULES, NOW)
    assert (stranger.deviation, stranger.anomaly_type) == ({}, "NORMAL")


def test_the_metrics_of_the_question_stand_before_what_is_known() -> None:
    after, _ = stepped([said(0, "FAULTY", error_codes=["PowerLoss"], temperature=80.0)])
    calm = anomaly(asked(), after.chargers, RULES, NOW)
    assert calm.anomaly_type == "NORMAL"
    assert failures([asked()], after.chargers, RULES, NOW) != failures(
        [asked(connector_status="FAULTY")], after.chargers, RULES, NOW
    )


def test_maintenance_that_was_logged_here_fills_in_what_the_question_leaves_out() -> None:
    days = Models(RisingModel("days_since_maintenance", even_at=100.0), RulesAnomaly())
    after, _ = stepped([said(0), added(5)._replace(event=Event.MAINTENANCE)])
    (known,) = failures([asked()], after.chargers, days, NOW)
    assert known.contributions == []
    long_ago = asked(last_maintenance="2024-01-01T00:00:00Z")
    assert failures([long_ago], {}, days, NOW)[0].failure_probability == 1.0
    assert failures([long_ago], after.chargers, days, NOW)[0].failure_probability < 0.01


def test_maintenance_is_asked_with_the_operators_terms() -> None:
    terms = Terms(currency="CHF", labour_cost=1.0, preventive_downtime_hours=3.0)
    answer = maintenance(asked(temperature=70.0), KNOWN.chargers, HEAT, (NOW, terms))
    assert answer.cost_benefit.currency == "CHF"
    assert answer.cost_benefit.preventive_maintenance_cost == 25.0
    assert answer.estimated_downtime_hours == 3.0
    assert (answer.urgency, answer.action_required, answer.connector_ids) == ("CRITICAL", True, [1])
    assert answer.timestamp == NOW


def test_a_broken_charger_is_critical_when_asked_too() -> None:
    answer = maintenance(asked(connector_status="FAULTY"), {}, RULES, (NOW, Terms()))
    assert answer.urgency == "CRITICAL"
