"""Types that several messages share: identifiers, times, the base model."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, NamedTuple

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


def as_utc(moment: datetime) -> datetime:
    """Return the moment in UTC; a naive one is read as UTC. Raises ValueError where UTC has no such year."""
    try:
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("a time within the years 1 to 9999 of UTC is expected") from error


UtcTime = Annotated[datetime, AfterValidator(as_utc)]
ChargerId = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9.:%-][A-Za-z0-9._:%-]{0,127}$",
        description="Unique within its site; other characters percent-encoded. A leading _ is ours.",
        examples=["CHG_001"],
    ),
]
ConnectorId = Annotated[
    int,
    Field(
        ge=0, le=2**31 - 1, description="The EVSE: connectorId in OCPP 1.6, evseId in 2.x. 0 is the cabinet."
    ),
]
MOST = 1e12
"""More than any charger can mean; what is larger would not fit the models' numbers."""
Amount = Annotated[float, Field(ge=0, le=MOST, allow_inf_nan=False)]
Probability = Annotated[float, Field(ge=0, le=1)]
ErrorCode = Annotated[str, Field(min_length=1, max_length=128)]


class Message(BaseModel):
    """Base of all that crosses an edge: immutable, liberal in what it takes, strict in what it gives."""

    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        allow_inf_nan=False,
        protected_namespaces=(),
        # What goes out is whole: a field with a default is there too.
        json_schema_serialization_defaults_required=True,
    )


class EvseId(NamedTuple):
    """Key of all state: one EVSE of one charger. Connector 0 is the cabinet."""

    charger_id: str
    connector_id: int


SITE = EvseId("_site", 0)
"""The site itself, where an alert concerns no single charger."""
