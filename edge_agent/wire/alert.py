"""An alert: one physical problem with a life, not a message a reading."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field

from edge_agent.wire.answers import AnomalyType
from edge_agent.wire.types import Message, UtcTime


class AlertType(StrEnum):
    """What an alert can be about; the last five concern the gateway itself."""

    CHARGER_FAULTED = "CHARGER_FAULTED"
    CHARGER_OFFLINE = "CHARGER_OFFLINE"
    SITE_OFFLINE = "SITE_OFFLINE"
    FAILURE_PREDICTED = "FAILURE_PREDICTED"
    ANOMALY = "ANOMALY"
    OVER_TEMPERATURE = "OVER_TEMPERATURE"
    NO_GOOD_SESSIONS = "NO_GOOD_SESSIONS"
    TAMPER = "TAMPER"
    EMERGENCY_STOP = "EMERGENCY_STOP"
    MAINTENANCE_DUE = "MAINTENANCE_DUE"
    DISK = "DISK"
    CLOCK = "CLOCK"
    MODEL = "MODEL"
    UPLINK = "UPLINK"
    STORE = "STORE"


class Severity(StrEnum):
    """How bad it is."""

    INFO = "INFO"
    WARNING = "WARNING"
    CRITICAL = "CRITICAL"


class AlertState(StrEnum):
    """Where an alert stands in its life."""

    OPEN = "OPEN"
    ACKNOWLEDGED = "ACKNOWLEDGED"
    CLEARED = "CLEARED"


class Alert(Message):
    """One problem of one EVSE, from its first sign to its end.

    alert_id: UUIDv8, a hash of epoch, charger, connector, type and raised_at.
    seq: the place of its latest news in the alerts stream.
    """

    alert_id: str
    charger_id: str
    connector_id: int
    alert_type: AlertType
    anomaly_type: AnomalyType | None = None
    severity: Severity
    state: AlertState
    raised_at: UtcTime
    updated_at: UtcTime
    cleared_at: UtcTime | None = None
    acknowledged_by: str | None = None
    silenced_until: UtcTime | None = None
    note: str | None = None
    count: int = 1
    message: str
    evidence: dict[str, Any] = {}
    seq: int = 0


class Silence(Message):
    """Nobody is to be called for an alert until then: it is known, and being seen to."""

    alert_id: str
    by: Annotated[str, Field(min_length=1, max_length=64)]
    note: Annotated[str, Field(max_length=1000)] | None = None
    until: UtcTime


class Acknowledgement(Message):
    """Somebody has seen an alert: payload of `{prefix}/alerts/{charger}/{connector}/{type}/ack`."""

    alert_id: str
    by: Annotated[str, Field(min_length=1, max_length=64)]
    note: Annotated[str, Field(max_length=1000)] | None = None


class Quiet(Message):
    """A charger under work: no alert is raised for it but TAMPER and EMERGENCY_STOP."""

    charger_id: str
    since: UtcTime
    until: UtcTime
    by: str
    note: str | None = None
