"""What service an EVSE gave: its downtime, the attempts to charge at it, and the work done on it."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, TypeVar

from pydantic import Field, model_validator

from edge_agent.wire.alert import Alert
from edge_agent.wire.types import ChargerId, ConnectorId, Message, UtcTime


class Cause(StrEnum):
    """Why an EVSE gave no energy. Time in which the gateway could not hear is no cause but a `Gap`."""

    OWN_FAULT = "OWN_FAULT"
    SITE_POWER = "SITE_POWER"
    BACK_OFFICE = "BACK_OFFICE"
    NETWORK = "NETWORK"
    VEHICLE = "VEHICLE"
    USER = "USER"
    PLANNED_WORK = "PLANNED_WORK"
    VANDALISM = "VANDALISM"


EXCLUDED = frozenset(Cause) - {Cause.OWN_FAULT, Cause.BACK_OFFICE}
"""Causes that lower no uptime: beyond the operator's control, or planned. Source: 23 CFR 680.116(b)(3)."""


class Sign(StrEnum):
    """By what an outage shows."""

    FAULTY = "FAULTY"
    SILENT = "SILENT"
    UNAVAILABLE = "UNAVAILABLE"
    FAILED_STARTS = "FAILED_STARTS"


class Downtime(Message):
    """One outage of one EVSE; of connector 0, of all that the cabinet holds.

    began_at: the first sign of lost service. ended_at: null while it lasts.
    failure: whether it was a failure: long enough, observed, and for a cause of its own.
    """

    charger_id: str
    connector_id: int
    began_at: UtcTime
    ended_at: UtcTime | None
    sign: Sign
    cause: Cause
    codes: tuple[str, ...] = ()
    excluded: bool
    failure: bool


class Stage(StrEnum):
    """The steps of a charge, in order; an attempt fails at the one that it did not get done."""

    PLUG = "PLUG"
    AUTHORISE = "AUTHORISE"
    START = "START"
    ENERGISE = "ENERGISE"
    DELIVER = "DELIVER"


class Attempt(Message):
    """One attempt to charge.

    failed_at: null where it succeeded. energy_kwh: null where the charger tells none.
    number: 1 for the first of a visit; retries of the same visit count on.
    cause: of a failed one, null where nothing tells it.
    """

    charger_id: str
    connector_id: int
    started_at: UtcTime
    ended_at: UtcTime
    failed_at: Stage | None
    energy_kwh: float | None
    number: int
    cause: Cause | None = None
    codes: tuple[str, ...] = ()


class Gap(Message):
    """Time in which the gateway heard nothing of any charger: it or its broker was down."""

    since: UtcTime
    until: UtcTime


class Verdict(StrEnum):
    """What a technician found, against what had been foretold."""

    CONFIRMED = "CONFIRMED"
    OTHER_FAULT = "OTHER_FAULT"
    NO_FAULT_FOUND = "NO_FAULT_FOUND"


class WorkAction(StrEnum):
    """What was done to a part."""

    RESET = "RESET"
    CLEANED = "CLEANED"
    ADJUSTED = "ADJUSTED"
    REPLACED = "REPLACED"


Word = Annotated[str, Field(min_length=1, max_length=64)]


class WorkRequest(Message):
    """Work done on a charger; the path says which."""

    connector_id: ConnectorId = 0
    suggestion_id: Word | None = None
    alert_ids: Annotated[tuple[Word, ...], Field(max_length=32)] = ()
    verdict: Verdict
    failure_mode: Word | None = None
    part: Word | None = None
    action: WorkAction | None = None
    started_at: UtcTime | None = None
    finished_at: UtcTime
    by: Annotated[Word, Field(description="A role or initials, not a name.")]
    note: Annotated[str, Field(max_length=1000)] | None = None

    @model_validator(mode="after")
    def _in_order(self) -> WorkRequest:
        if self.started_at is not None and self.started_at > self.finished_at:
            message = "started_at is after finished_at"
            raise ValueError(message)
        return self


class WorkDone(WorkRequest):
    """Work done, as it is kept. maintenance_id: the same work told again has the same."""

    maintenance_id: str
    charger_id: ChargerId


class Deed(Message):
    """Something that was ordered over an interface, for whoever asks later who did what.

    who: the id of the key that it came with, or the interface where there are no keys.
    """

    at: UtcTime
    who: str
    action: str
    subject: str
    by: str | None = None
    note: str | None = None


class Change(StrEnum):
    """What became of a charger: it has left the site, or another device stands in its place."""

    RETIRED = "RETIRED"
    REPLACED = "REPLACED"


class DeviceChange(Message):
    """A device has gone. connector_ids: the EVSEs that were known of it; 0 is its cabinet."""

    charger_id: str
    connector_ids: tuple[int, ...]
    at: UtcTime
    change: Change
    by: str
    note: str | None = None


class Episode(Message):
    """A notified warning of failure, from its first sign to its end, as learning needs it."""

    alert_id: str
    charger_id: str
    connector_id: int
    raised_at: UtcTime
    cleared_at: UtcTime | None
    probability: float | None = Field(description="Of failure within 30 days, when it was raised.")
    model_version: str | None
    vendor: str | None
    firmware: str | None


class Score(Message):
    """What was foretold of an EVSE at a moment: one a day, to compare with what came."""

    charger_id: str
    connector_id: int
    at: UtcTime
    model_version: str
    p1: float
    p7: float
    p30: float
    vendor: str | None
    firmware: str | None


Fact = Downtime | Attempt | WorkDone | DeviceChange | Gap | Episode | Score | Deed | Alert
OfCharger = TypeVar("OfCharger", Downtime, Attempt, WorkDone, DeviceChange, Alert)
"""A kind of fact that is about one charger."""
