"""Where a message came from: what every reading of it has in common."""

from __future__ import annotations

from dataclasses import dataclass

from edge_agent.sources import Received
from edge_agent.wire.metrics import Quantities
from edge_agent.wire.reading import Reading, Source

NOTHING = Quantities()


@dataclass(frozen=True, slots=True)
class Origin:
    """Which charger said it, and how it came."""

    charger_id: str
    received: Received
    source: Source = Source.OCPP

    def reading(self, connector_id: int | None, metrics: Quantities = NOTHING) -> Reading:
        """Return a reading that says no more than the metrics."""
        return Reading(
            charger_id=self.charger_id,
            connector_id=connector_id,
            metrics=metrics,
            received_at=self.received.received_at,
            source=self.source,
            retained=self.received.retained,
            burst=self.received.burst,
        )
