"""Questions: the same judgement for metrics that a client brings. They leave no trace in the state."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from edge_agent.core.anomaly import anomaly_answer
from edge_agent.core.anomaly import verdict as anomaly_verdict
from edge_agent.core.baseline import deviations
from edge_agent.core.charger import Charger, newcomer
from edge_agent.core.failure import failure_answer, judged_rows
from edge_agent.core.features import anomaly_rows, as_matrix, failure_row
from edge_agent.core.maintenance import maintenance_answer
from edge_agent.wire.types import EvseId

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from edge_agent.core.models import Models
    from edge_agent.core.terms import Terms
    from edge_agent.wire.answers import AnomalyAnswer, FailureAnswer, MaintenanceAnswer
    from edge_agent.wire.metrics import Metrics


class Question(NamedTuple):
    """What a client asks: about which charger, with which metrics."""

    charger_id: str
    metrics: Metrics
    tenant_id: str | None = None


def asked_about(question: Question, chargers: Mapping[EvseId, Charger], now: datetime) -> Charger:
    """Return the charger as the question has it: its metrics, over the history that is known of it."""
    evse = EvseId(question.charger_id, question.metrics.connector_id)
    known = chargers.get(evse) or newcomer(evse, now)
    return replace(known, now=question.metrics, tenant_id=question.tenant_id)


def failures(
    questions: Sequence[Question], chargers: Mapping[EvseId, Charger], models: Models, now: datetime
) -> list[FailureAnswer]:
    """Return an answer for each question, in order, by one call of the model."""
    if not questions:
        return []
    asked = [asked_about(question, chargers, now) for question in questions]
    risks = judged_rows([failure_row(charger, now) for charger in asked], models.failure)
    return [
        failure_answer(charger, risk, models.failure, (now, "request"))
        for charger, risk in zip(asked, risks, strict=True)
    ]


def anomaly(
    question: Question, chargers: Mapping[EvseId, Charger], models: Models, now: datetime
) -> AnomalyAnswer:
    """Return whether the metrics are odd for this EVSE."""
    charger = asked_about(question, chargers, now)
    deviation = deviations(charger.baselines, charger.now)
    row = as_matrix([failure_row(charger, now)])
    (vote,) = models.anomaly.scores(anomaly_rows(row)).tolist()
    return anomaly_answer(
        charger, anomaly_verdict(charger.now, deviation, vote), deviation, models.anomaly, now
    )


def maintenance(
    question: Question, chargers: Mapping[EvseId, Charger], models: Models, when: tuple[datetime, Terms]
) -> MaintenanceAnswer:
    """Return when to do maintenance, by the operator's terms."""
    now, terms = when
    (answer,) = failures([question], chargers, models, now)
    return maintenance_answer(asked_about(question, chargers, now), answer, terms)
