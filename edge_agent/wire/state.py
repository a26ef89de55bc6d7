"""What an EVSE's retained state on MQTT holds: section 3 of the contract."""

from __future__ import annotations

from edge_agent.wire.answers import AnomalyAnswer, FailureAnswer
from edge_agent.wire.metrics import Quantities
from edge_agent.wire.types import Message, UtcTime


class LatestReading(Quantities):
    """The latest that is known. timestamp: of the newest part of it."""

    timestamp: UtcTime


class EvseState(Message):
    """Latest reading, failure answer and anomaly answer, together."""

    charger_id: str
    connector_id: int
    reading: LatestReading
    failure: FailureAnswer
    anomaly: AnomalyAnswer
