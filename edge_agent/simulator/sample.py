"""What one EVSE measures at one moment, before it is put into words; and who measures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from edge_agent.wire.metrics import ConnectorStatus


@dataclass(slots=True)
class Sample:
    """What one EVSE measures at one moment. Units as in the wire contract; treat it as immutable."""

    charger_id: str
    connector_id: int
    at_s: float
    status: ConnectorStatus
    energy_kwh: float
    register_kwh: float
    power_kw: float
    codes: tuple[str, ...]
    uptime_hours: float
    total_sessions: int
    rated_kw: float
    limit_kw: float
    requested_kw: float | None
    soc: float | None
    temperature_c: float | None
    ambient_c: float
    maintained_s: float | None
    firmware: str


class Actor(Protocol):
    """Something that happens at times of its own: a connector, a cabinet, a script."""

    def next_s(self) -> float:
        """Return when it acts next, in seconds since the start."""
        ...

    def act(self) -> list[Sample]:
        """Let that happen; return what is measured in consequence."""
        ...
