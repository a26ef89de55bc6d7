"""Is it behaving oddly: type rules first, then how far it lies from this EVSE's own normal.

The baseline carries the score; the model votes second and never alarms alone.
Source of the types and their limits: the central service's "Anomaly Detector".
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from edge_agent.core.physics import POWER_DROP_KW
from edge_agent.wire.answers import AnomalyAnswer, AnomalyType
from edge_agent.wire.metrics import ConnectorStatus, Quantities

if TYPE_CHECKING:
    from datetime import datetime

    from edge_agent.core.charger import Charger
    from edge_agent.core.models import AnomalyModel

CRITICAL_C = 60.0
HOT_C = 50.0
HIGH_SCORE = 80.0
MEDIUM_SCORE = 50.0
HALVING_Z = 6.0
"""So many standard deviations score 50; twice as many 75."""
VOTE_WEIGHT = 1 / 3
RULE_SCORES = {
    AnomalyType.STATUS_FAULT: 95.0,
    AnomalyType.OVER_TEMPERATURE_CRITICAL: 95.0,
    AnomalyType.OVER_TEMPERATURE: 80.0,
    AnomalyType.ERROR_CODE_PRESENT: 65.0,
    AnomalyType.POWER_DROP_DURING_CHARGING: 60.0,
}
DEVIATION_NAMES = ("status_int", "energy_delivered", "power", "temperature", "error_count")


class AnomalyVerdict(NamedTuple):
    """Type and score 0 to 100 of one sample."""

    type: AnomalyType
    score: float

    @property
    def is_anomaly(self) -> bool:
        """Whether it is anything but NORMAL."""
        return self.type is not AnomalyType.NORMAL


NOTHING_ODD = AnomalyVerdict(AnomalyType.NORMAL, 0.0)


def verdict(now: Quantities, deviation: dict[str, float], vote: float) -> AnomalyVerdict:
    """Return type and score of a sample.

    deviation: z-scores against the EVSE's own baseline; vote: the model's score, 0 to 100, NaN where it has
    none.
    """
    ruled = ruled_type(now)
    generic = generic_score(deviation, vote)
    if ruled is not None:
        return AnomalyVerdict(ruled, max(RULE_SCORES[ruled], generic))
    if generic >= HIGH_SCORE:
        return AnomalyVerdict(AnomalyType.GENERIC_OUTLIER_HIGH, generic)
    if generic >= MEDIUM_SCORE:
        return AnomalyVerdict(AnomalyType.GENERIC_OUTLIER_MEDIUM, generic)
    return AnomalyVerdict(AnomalyType.NORMAL, generic)


def ruled_type(now: Quantities) -> AnomalyType | None:
    """Return the type that a rule gives, the gravest first; None where none fires."""
    if now.connector_status is ConnectorStatus.FAULTY:
        return AnomalyType.STATUS_FAULT
    hot = now.temperature
    if hot is not None and hot >= HOT_C:
        return AnomalyType.OVER_TEMPERATURE_CRITICAL if hot >= CRITICAL_C else AnomalyType.OVER_TEMPERATURE
    if now.error_codes:
        return AnomalyType.ERROR_CODE_PRESENT
    if (
        now.connector_status is ConnectorStatus.CHARGING
        and now.power is not None
        and now.power < POWER_DROP_KW
    ):
        return AnomalyType.POWER_DROP_DURING_CHARGING
    return None


def stands_out(deviation: dict[str, float]) -> bool:
    """Return whether a sample stands out so far from its baseline that the model's vote counts."""
    return _own_score(deviation) >= MEDIUM_SCORE


def _own_score(deviation: dict[str, float]) -> float:
    """Return the baseline's score, 0 to 100; 0 without a baseline."""
    if not deviation:
        return 0.0
    furthest = max(map(abs, deviation.values()))
    return 100.0 * (1.0 - math.exp2(-furthest / HALVING_Z))


def generic_score(deviation: dict[str, float], vote: float) -> float:
    """Return 0 to 100: the baseline's score, drawn towards the model's vote where it stands out."""
    own = _own_score(deviation)
    if own < MEDIUM_SCORE or math.isnan(vote):
        return own
    return own + VOTE_WEIGHT * (vote - own)


def anomaly_answer(
    charger: Charger, judged: AnomalyVerdict, deviation: dict[str, float], model: AnomalyModel, at: datetime
) -> AnomalyAnswer:
    """Return the whole answer for one EVSE."""
    shown = {name: round(deviation.get(name, 0.0), 3) for name in DEVIATION_NAMES} if deviation else {}
    return AnomalyAnswer(
        charger_id=charger.charger_id,
        connector_id=charger.connector_id,
        tenant_id=charger.tenant_id,
        is_anomaly=judged.is_anomaly,
        anomaly_score=round(judged.score, 2),
        anomaly_type=judged.type,
        deviation=shown,
        engine=model.engine,
        model_version=model.version,
        timestamp=at,
    )
