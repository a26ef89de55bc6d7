"""What the LAN interface takes and gives, beyond answers and alerts: section 2 of the contract."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import Field, JsonValue, model_validator

from edge_agent.wire.alert import Alert
from edge_agent.wire.answers import AnomalyAnswer, FailureAnswer, MaintenanceAnswer
from edge_agent.wire.metrics import ConnectorStatus, Metrics
from edge_agent.wire.service import Cause, Stage
from edge_agent.wire.todo import Todo
from edge_agent.wire.types import ChargerId, Message, Probability, UtcTime

SERVICE = "evzone-edge-agent"

ModelName = Literal["failure_predictor", "anomaly_detector", "maintenance_optimizer"]


class PredictionRequest(Message):
    """A question about one charger, answered from these metrics alone and its history."""

    charger_id: ChargerId
    metrics: Metrics

    @model_validator(mode="after")
    def _one_charger(self) -> PredictionRequest:
        inner = self.metrics.charger_id
        if inner is not None and inner != self.charger_id:
            message = f"metrics.charger_id is {inner!r} but charger_id is {self.charger_id!r}"
            raise ValueError(message)
        return self


class FlatMetrics(Metrics):
    """Metrics that must name their charger: an element of a batch, and the older anomaly request."""

    charger_id: ChargerId


class BatchRequest(Message):
    """Many chargers in one question."""

    chargers: Annotated[list[FlatMetrics], Field(min_length=1, max_length=1000)]


class BatchAnswer(Message):
    """An answer for each, in order."""

    predictions: list[FailureAnswer]
    total: int
    timestamp: UtcTime


class ModelStatus(StrEnum):
    """LOADED serves; FALLBACK: the rules serve in its place; ERROR: its file was refused."""

    LOADED = "LOADED"
    FALLBACK = "FALLBACK"
    ERROR = "ERROR"


class ModelEntry(Message):
    """One of the three models."""

    name: ModelName
    version: str
    type: str
    status: ModelStatus
    loaded_at: UtcTime
    metadata: dict[str, Any] = {}


class ModelList(Message):
    """All models."""

    models: list[ModelEntry]
    total: int


class ReloadQuery(Message):
    """Which model to load anew; all of them where none is named."""

    model_name: ModelName | None = None


class ReloadAnswer(Message):
    """What came of a reload."""

    success: bool
    model_name: str
    version: str
    message: str
    timestamp: UtcTime


class HealthStatus(StrEnum):
    """How well it is."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    UNHEALTHY = "unhealthy"


class Liveness(Message):
    """It serves."""

    status: HealthStatus
    service: str = SERVICE
    version: str


class Health(Liveness):
    """How it is, check by check. Each check has a `status` and what explains it."""

    checks: dict[str, dict[str, Any]]


class ChargerSummary(Message):
    """One EVSE on the technician's page, with the latest that is known and judged, and what is to be done."""

    charger_id: str
    connector_id: int
    label: str | None = None
    status: ConnectorStatus | None
    status_since: UtcTime
    last_heard_at: UtcTime | None
    energy_delivered: float | None
    power: float | None
    temperature: float | None
    error_codes: list[str]
    failure: FailureAnswer | None
    anomaly: AnomalyAnswer | None
    open_alerts: list[Alert]
    todo: Todo


class ChargerList(Message):
    """Page of chargers, worst first."""

    items: list[ChargerSummary]
    next: str | None = None


class AlertList(Message):
    """Page of alerts, newest first."""

    items: list[Alert]
    next: str | None = None


class AcknowledgeRequest(Message):
    """Somebody has seen an alert; the path says which."""

    by: Annotated[str, Field(min_length=1, max_length=64, description="A role or initials, not a name.")]
    note: Annotated[str, Field(max_length=1000)] | None = None


class SessionRequest(Message):
    """A key, for a session of a browser."""

    key: Annotated[str, Field(min_length=1, max_length=256)]


class SessionAnswer(Message):
    """Who is signed in: the key's id, role and label."""

    id: str
    role: Literal["viewer", "technician", "admin"]
    label: str


class SilenceRequest(AcknowledgeRequest):
    """Nobody is to be called for an alert until then; the path says for which."""

    until: UtcTime


class QuietRequest(AcknowledgeRequest):
    """Let a charger under work raise no alerts until then, but TAMPER and EMERGENCY_STOP; now ends it."""

    until: UtcTime


class DeviceChangeRequest(AcknowledgeRequest):
    """Who says that a charger has left, or was replaced; the path says which."""


class DecisionRequest(Message):
    """What somebody decides of a suggestion; the path says of which.

    at: where it moves. reason: why it is rejected; it stays quiet for 30 days unless the evidence changes.
    """

    decision: Literal["ACCEPT", "MOVE", "REJECT"]
    at: UtcTime | None = None
    reason: Annotated[str, Field(min_length=1, max_length=1000)] | None = None
    by: Annotated[str, Field(min_length=1, max_length=64, description="A role or initials, not a name.")]

    @model_validator(mode="after")
    def _is_whole(self) -> DecisionRequest:
        if self.decision == "MOVE" and self.at is None:
            message = "at: say to when it moves"
            raise ValueError(message)
        if self.decision == "REJECT" and self.reason is None:
            message = "reason: say why, for whoever reads it next"
            raise ValueError(message)
        return self


class MaintenanceQuery(Message):
    """`format=ics` for a calendar."""

    format: Literal["json", "ics"] | None = None


class MaintenanceList(Message):
    """Page of suggestions, soonest first."""

    items: list[MaintenanceAnswer]
    next: str | None = None


class RecordingQuery(Message):
    """After which number; absent: from now on."""

    after: Annotated[int, Field(ge=0, le=2**53)] | None = None


class RecordedMessage(Message):
    """A message as it arrived, with names replaced: a line of what `edge-agent replay` reads."""

    topic: str
    payload: JsonValue
    at: UtcTime


class Recording(Message):
    """What arrived after a number. missed: messages that were no longer kept when they were asked for."""

    items: list[RecordedMessage]
    next: int
    missed: int


class UptimeQuery(Message):
    """Of which month; `format=csv` for a table."""

    month: Annotated[
        str | None,
        Field(pattern=r"^20[2-9][0-9]-(0[1-9]|1[0-2])$", description="YYYY-MM; absent: the running month."),
    ] = None
    format: Literal["json", "csv"] | None = None


class EvseUptime(Message):
    """How one EVSE served in a month. observed + unobserved hours are those of the month so far.

    uptime: share of the observed time, less the downtime that is not excluded (23 CFR 680.116); null where
    nothing was observed. downtime_hours_by_cause: the observed part of all outages, excluded or not.
    first_time_success: share of visits, past authorisation, that succeeded at the first attempt.
    """

    charger_id: str
    connector_id: int
    label: str | None = None
    observed_hours: float
    unobserved_hours: float
    uptime: Probability | None
    downtime_hours_by_cause: dict[Cause, float]
    failures: int
    attempts: int
    failed_attempts_by_stage: dict[Stage, int]
    zero_energy_attempts: int
    visits: int
    first_time_success: Probability | None


class UptimeReport(Message):
    """How every EVSE served in a month of the site's own time zone, until now where it still runs."""

    month: str
    since: UtcTime
    until: UtcTime
    items: list[EvseUptime]


class Fault(Message):
    """One fault of a request, in the central service's form."""

    loc: list[str | int]
    msg: str
    type: str


class Problem(Message):
    """RFC 9457 problem document; `detail` is a sentence, or the list of faults for 422."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str | list[Fault]
