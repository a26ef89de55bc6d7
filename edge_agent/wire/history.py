"""What the LAN interface tells of one charger: how it is, how it was, and what is known of the way up."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from edge_agent.wire.alert import Alert, AlertState, Quiet, Severity
from edge_agent.wire.answers import MaintenanceAnswer
from edge_agent.wire.rest import ChargerSummary
from edge_agent.wire.service import Attempt, Deed, DeviceChange, Downtime, WorkDone
from edge_agent.wire.types import ConnectorId, Message, UtcTime


class ChargerDetail(Message):
    """One charger: how it is now, and what became of it in the last `days`, each list newest first."""

    charger_id: str
    label: str | None
    location: str | None
    warranty_until: str | None
    vendor: str | None
    model: str | None
    firmware: str | None
    quiet: Quiet | None
    connectors: list[ChargerSummary]
    suggestion: MaintenanceAnswer | None
    days: int
    sessions: list[Attempt]
    downtime: list[Downtime]
    work: list[WorkDone]
    changes: list[DeviceChange]
    past_alerts: list[Alert]


HistoryField = Literal["power", "temperature"]


class HistoryQuery(Message):
    """Of when, and how finely. fields: names with commas between; resolution: seconds, at least."""

    connector_id: ConnectorId = 1
    since: Annotated[UtcTime | None, Field(alias="from", description="Absent: a day before `to`.")] = None
    until: Annotated[UtcTime | None, Field(alias="to", description="Absent: now.")] = None
    fields: Annotated[str, Field(pattern=r"^(power|temperature)(,(power|temperature))*$")] = (
        "power,temperature"
    )
    resolution: Annotated[int, Field(ge=1, le=86_400)] | None = None


class Series(Message):
    """One quantity; null where nothing was told of it in that time."""

    min: list[float | None]
    mean: list[float | None]
    max: list[float | None]


class Risk(Message):
    """What was foretold at a moment: the probability of failure within 1, 7 and 30 days."""

    at: UtcTime
    p1: float
    p7: float
    p30: float


class History(Message):
    """How one EVSE was, down-sampled: `at` is the beginning of each step, series go along with it.

    limits: lines worth drawing. alerts: those that began in this time. risk: one a day.
    """

    charger_id: str
    connector_id: int
    since: UtcTime
    until: UtcTime
    resolution: int
    at: list[UtcTime]
    series: dict[HistoryField, Series]
    limits: dict[str, list[float]]
    alerts: list[Alert]
    risk: list[Risk]


class AlertQuery(Message):
    """Which alerts; absent: all that are not over. after: the `next` of the page before."""

    state: AlertState | None = None
    severity: Severity | None = None
    charger_id: Annotated[str, Field(max_length=128)] | None = None
    after: Annotated[str, Field(max_length=64)] | None = None
    limit: Annotated[int, Field(ge=1, le=500)] = 200


class Evidence(Message):
    """What speaks for an alert: what was measured around its beginning, for a warranty claim."""

    alert: Alert
    charger_id: str
    label: str | None
    vendor: str | None
    model: str | None
    firmware: str | None
    warranty_until: str | None
    limits: dict[str, list[float]]
    readings: list[dict[str, Any]]


class SetAside(Message):
    """A message that could not be understood. Its payload stays on the gateway."""

    at: UtcTime
    topic: str
    reason: str


class QuarantineList(Message):
    """What could not be understood, newest first."""

    items: list[SetAside]
    next: str | None = None


class DeedList(Message):
    """Who ordered what over an interface, newest first."""

    items: list[Deed]
    next: str | None = None


class SyncStatus(Message):
    """How it goes with the central service.

    backlog: records that wait, by who is to have them. lost: those that room was too short for, by kind.
    """

    enabled: bool
    status: str
    message: str | None = None
    last_acknowledged: UtcTime | None = None
    sent: int = 0
    refused: int = 0
    backlog: dict[str, int]
    lost: dict[str, int]
