"""What the models say of EVSEs as they stand, by one call of each for all of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from edge_agent.core.anomaly import AnomalyVerdict, anomaly_answer, stands_out
from edge_agent.core.anomaly import verdict as anomaly_verdict
from edge_agent.core.charger import Charger, Observed
from edge_agent.core.failure import FailureVerdict, Risk, failure_answer, judged_rows
from edge_agent.core.features import anomaly_rows, as_matrix, failure_row
from edge_agent.core.models import AnomalyModel, Models
from edge_agent.wire.metrics import ConnectorStatus

if TYPE_CHECKING:
    from edge_agent.wire.answers import AnomalyAnswer, FailureAnswer
    from edge_agent.wire.types import EvseId


class Judgement(NamedTuple):
    """What is concluded from one reading, up to the alerts.

    deviation: z-scores by quantity. risk: of failure, with what it was judged from.
    models: those that judged it, so that its answers name them whatever was swapped since.
    """

    at: datetime
    charger: Charger
    deviation: dict[str, float]
    risk: Risk
    anomaly: AnomalyVerdict
    models: Models

    @property
    def failure(self) -> FailureVerdict:
        """The risk of failure in short."""
        return self.risk.verdict

    @property
    def is_calm(self) -> bool:
        """Whether nothing is wrong: no fault, heat or code, as each has its type, no silence, no risk."""
        silent = self.charger.now.connector_status is ConnectorStatus.OFFLINE
        unusable = self.charger.attempts.failing.enough
        return not (self.anomaly.is_anomaly or self.failure.required or silent or unusable)

    def evidence(self) -> dict[str, Any]:
        """Return what an alert keeps of the moment: the reading, the answers in short, the models."""
        return {
            "reading": self.charger.now.model_dump(mode="json", exclude_none=True),
            "failure_probability": round(self.failure.probability, 6),
            "anomaly_type": self.anomaly.type,
            "anomaly_score": round(self.anomaly.score, 2),
            "failure_model": self.models.failure.version,
            "anomaly_model": self.models.anomaly.version,
        }


def judge(observed: Sequence[tuple[Observed, datetime]], models: Models) -> list[Judgement]:
    """Return a judgement of each EVSE as it was observed at a moment, in order."""
    if not observed:
        return []
    risks = judged_rows([failure_row(seen.charger, at) for seen, at in observed], models.failure)
    votes = _votes([seen for seen, _ in observed], risks, models.anomaly)
    return [
        Judgement(
            at,
            seen.charger,
            seen.deviation,
            risk,
            anomaly_verdict(seen.charger.now, seen.deviation, vote),
            models,
        )
        for (seen, at), risk, vote in zip(observed, risks, votes, strict=True)
    ]


def _votes(observed: Sequence[Observed], risks: Sequence[Risk], model: AnomalyModel) -> list[float]:
    """Return the model's vote on each where it can matter, NaN elsewhere: few samples stand out at all."""
    votes = [math.nan] * len(observed)
    asked = [place for place, seen in enumerate(observed) if stands_out(seen.deviation)]
    if asked:
        rows = anomaly_rows(as_matrix([risks[place].row for place in asked]))
        for place, vote in zip(asked, model.scores(rows).tolist(), strict=True):
            votes[place] = vote
    return votes


def judge_again(chargers: Mapping[EvseId, Charger], models: Models) -> dict[EvseId, Judgement]:
    """Return a judgement of each EVSE as it stands: after a start, and when models were swapped."""
    known = {evse: charger for evse, charger in chargers.items() if charger.says_something}
    observed = [(Observed(charger, {}, current=True), charger.last_at) for charger in known.values()]
    return dict(zip(known, judge(observed, models), strict=True))


def answers(judged: Judgement) -> tuple[FailureAnswer, AnomalyAnswer]:
    """Return the whole answers to a judgement of telemetry."""
    charger, at, models = judged.charger, judged.at, judged.models
    return (
        failure_answer(charger, judged.risk, models.failure, (at, "telemetry")),
        anomaly_answer(charger, judged.anomaly, judged.deviation, models.anomaly, at),
    )
