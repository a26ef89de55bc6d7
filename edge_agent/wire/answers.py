"""What the agent says of a charger: section 2 of the contract."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from edge_agent.wire.types import Message, Probability, UtcTime

Engine = Literal["onnx", "rules"]


class Action(StrEnum):
    """How soon somebody must act; `WITHIN_30_DAYS` is also the floor."""

    IMMEDIATE = "IMMEDIATE"
    WITHIN_7_DAYS = "WITHIN_7_DAYS"
    WITHIN_30_DAYS = "WITHIN_30_DAYS"


class AnomalyType(StrEnum):
    """The central service's eight."""

    STATUS_FAULT = "STATUS_FAULT"
    OVER_TEMPERATURE_CRITICAL = "OVER_TEMPERATURE_CRITICAL"
    OVER_TEMPERATURE = "OVER_TEMPERATURE"
    ERROR_CODE_PRESENT = "ERROR_CODE_PRESENT"
    POWER_DROP_DURING_CHARGING = "POWER_DROP_DURING_CHARGING"
    GENERIC_OUTLIER_HIGH = "GENERIC_OUTLIER_HIGH"
    GENERIC_OUTLIER_MEDIUM = "GENERIC_OUTLIER_MEDIUM"
    NORMAL = "NORMAL"


class Urgency(StrEnum):
    """How urgent maintenance is."""

    LOW = "LOW"
    MEDIUM = "MEDIUM"
    HIGH = "HIGH"
    CRITICAL = "CRITICAL"


class Resolution(StrEnum):
    """What mends it."""

    NONE = "NONE"
    REMOTE_RESET = "REMOTE_RESET"
    SITE_VISIT = "SITE_VISIT"
    VENDOR = "VENDOR"
    GRID = "GRID"


class FailureMode(StrEnum):
    """Which part the signs point to."""

    CONNECTOR = "connector"
    COOLING = "cooling"
    POWER_MODULE = "power_module"
    CONTACTOR = "contactor"
    LOCK = "lock"
    CONNECTIVITY = "connectivity"
    PAYMENT = "payment"
    UNKNOWN = "unknown"


class SuggestionState(StrEnum):
    """Where a maintenance suggestion stands."""

    PROPOSED = "PROPOSED"
    ACCEPTED = "ACCEPTED"
    SCHEDULED = "SCHEDULED"
    DONE = "DONE"
    REJECTED = "REJECTED"


class Window(Message):
    """From when to when, 5 % to 95 %."""

    start: UtcTime
    end: UtcTime


class Contribution(Message):
    """How much one input moved the answer, in log-odds."""

    feature: str
    value: float | None
    contribution: float


class Answer(Message):
    """What all answers bear."""

    charger_id: str
    connector_id: int = 0
    tenant_id: str | None = None
    engine: Engine
    model_version: str
    timestamp: UtcTime


class FailureAnswer(Answer):
    """Will it fail, when, and what is to be done."""

    failure_probability: Probability = Field(description="Within 30 days. With the rules it is a score.")
    failure_probability_by_horizon: dict[Literal["1d", "7d", "30d"], Probability]
    predicted_failure_date: UtcTime | None
    predicted_failure_window: Window | None
    confidence: Probability
    confidence_score: Probability
    recommended_action: Action
    recommended_action_window: Action
    recommended_actions: list[str]
    top_contributing_factors: Annotated[list[str], Field(max_length=6)]
    contributions: Annotated[list[Contribution], Field(max_length=6)]
    action_required: bool
    likely_failure_mode: FailureMode = FailureMode.UNKNOWN
    failed_since: UtcTime | None = Field(None, description="Where it has failed already: since when.")
    calibrated: bool = Field(description="False with the rules: their number is no probability.")
    origin: Literal["telemetry", "request"]
    history: bool = Field(description="Whether the charger's own history entered the answer.")


class FailureAnswers(FailureAnswer):
    """The worst EVSE of a charger, with all of them."""

    connectors: list[FailureAnswer] = []


class AnomalyAnswer(Answer):
    """Is it behaving oddly."""

    is_anomaly: bool
    anomaly_score: Annotated[float, Field(ge=0, le=100)]
    anomaly_type: AnomalyType
    deviation: dict[str, float] = Field(
        description="z-scores against this charger's own history in this state; empty where there is none."
    )


class CostBenefit(Message):
    """Money, in the operator's currency."""

    preventive_maintenance_cost: float
    expected_failure_cost: float
    net_savings: float
    currency: str


class MaintenanceAnswer(Message):
    """When to do maintenance, and what it saves."""

    charger_id: str
    tenant_id: str | None = None
    connector_ids: list[int]
    suggestion_id: str
    recommended_date: UtcTime
    recommended_maintenance_datetime: UtcTime
    urgency: Urgency
    urgency_level: Urgency
    estimated_downtime_hours: float
    cost_benefit: CostBenefit
    rationale: list[str]
    action_required: bool
    likely_failure_mode: str | None = None
    resolution: Resolution
    parts: list[str] = []
    visit_id: str | None = None
    deadline: UtcTime | None = None
    state: SuggestionState = SuggestionState.PROPOSED
    model_version: str
    timestamp: UtcTime
