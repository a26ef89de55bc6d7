"""What a charger says of itself: section 1 of the contract."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Annotated, Any

from pydantic import AfterValidator, Field, JsonValue

from edge_agent.wire.types import Amount, ChargerId, ConnectorId, ErrorCode, Message, UtcTime

MAX_ERROR_CODES = 32
MAX_METADATA_BYTES = 4096


class ConnectorStatus(StrEnum):
    """State of an EVSE. `code` is the central service's `status_int`."""

    AVAILABLE = "AVAILABLE"
    CHARGING = "CHARGING"
    OCCUPIED = "OCCUPIED"
    FULLY_CHARGED = "FULLY_CHARGED"
    UNAVAILABLE = "UNAVAILABLE"
    OFFLINE = "OFFLINE"
    FAULTY = "FAULTY"

    @property
    def code(self) -> int:
        """The number 0 to 6 that models and the central service use."""
        return STATUS_CODES[self]


STATUS_CODES = {status: code for code, status in enumerate(ConnectorStatus)}


def _small(metadata: dict[str, Any]) -> dict[str, Any]:
    try:
        size = len(json.dumps(metadata, allow_nan=False, ensure_ascii=False, separators=(",", ":")).encode())
    except ValueError:
        message = "metadata holds a number that is not finite"
        raise ValueError(message) from None
    if size > MAX_METADATA_BYTES:
        message = f"metadata is larger than {MAX_METADATA_BYTES} bytes"
        raise ValueError(message)
    return metadata


Text = Annotated[str, Field(max_length=128)]


class Quantities(Message):
    """Any part of a charger's state. What is absent is null: unknown, never 0."""

    connector_status: ConnectorStatus | None = None
    energy_delivered: Amount | None = Field(
        None, description="kWh of the running or last session.", examples=[45.5]
    )
    power: Amount | None = Field(None, description="kW.", examples=[7.2])
    temperature: Annotated[float, Field(ge=-60, le=150)] | None = Field(
        None, description="°C; null where there is no sensor.", examples=[35.0]
    )
    # Fails at the first: a megabyte of wrong ones, each with its fault, took 1.2 s.
    error_codes: (
        Annotated[tuple[ErrorCode, ...], Field(max_length=MAX_ERROR_CODES, fail_fast=True)] | None
    ) = Field(None, description="Codes active now.")
    uptime_hours: Amount | None = Field(None, description="Hours since boot.", examples=[1500])
    total_sessions: Annotated[int, Field(ge=0, le=2**53)] | None = Field(
        None, description="Sessions in the charger's life.", examples=[300]
    )
    last_maintenance: UtcTime | None = None
    power_limit: Amount | None = Field(None, description="kW that the site allows.")
    power_requested: Amount | None = Field(None, description="kW that the vehicle asks for.")
    rated_power: Amount | None = Field(None, description="kW on the plate.")
    soc: Annotated[float, Field(ge=0, le=100)] | None = Field(None, description="State of charge, %.")
    ambient_temperature: Annotated[float, Field(ge=-60, le=150)] | None = Field(None, description="°C.")
    temperatures: dict[Text, Annotated[float, Field(ge=-60, le=150)]] | None = Field(
        None, description="°C by location.", max_length=16
    )
    vendor: Text | None = None
    model: Text | None = None
    firmware: Text | None = None
    metadata: Annotated[dict[str, JsonValue], AfterValidator(_small)] | None = Field(
        None, description="Carried, never interpreted."
    )


class Metrics(Quantities):
    """One whole measurement of one EVSE, as it comes over REST or MQTT."""

    connector_status: ConnectorStatus
    charger_id: ChargerId | None = None
    connector_id: ConnectorId = 0
    timestamp: UtcTime | None = Field(None, description="When it was measured; absent: when it was received.")


class MetricsEnvelope(Message):
    """The other shape in which metrics come over MQTT, and what a prediction is asked with."""

    charger_id: ChargerId
    metrics: Metrics
    tenant_id: Text | None = None
