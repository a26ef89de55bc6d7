"""Work done on a charger: its name, and the readings by which it resets the clocks of what it touched."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_agent.core.identity import hashed_uuid
from edge_agent.wire.metrics import Quantities
from edge_agent.wire.reading import Event, Reading, Source
from edge_agent.wire.service import WorkAction, WorkDone, WorkRequest
from edge_agent.wire.types import EvseId

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

CABINET = 0
RENEWS = frozenset({WorkAction.CLEANED, WorkAction.ADJUSTED, WorkAction.REPLACED})
"""What makes a part newer. A reset does not, nor does a visit that found nothing to do."""


def work_done(charger_id: str, request: WorkRequest) -> WorkDone:
    """Return the work under a name that the same request always gets: a retry is no second visit."""
    name = hashed_uuid("work", charger_id, request.model_dump_json())
    return WorkDone(**dict(request), charger_id=charger_id, maintenance_id=str(name))


def readings_of(done: WorkDone, evses: Iterable[EvseId], now: datetime) -> list[Reading]:
    """Return a reading for each EVSE that the work touched: work on the cabinet is work on all."""
    if done.action not in RENEWS:
        return []
    told = Quantities(
        metadata={"part": done.part, "action": done.action.value, "verdict": done.verdict.value}
    )
    touched = {
        evse
        for evse in evses
        if evse.charger_id == done.charger_id and done.connector_id in (CABINET, evse.connector_id)
    }
    return [
        Reading(
            charger_id=evse.charger_id,
            connector_id=evse.connector_id,
            metrics=told,
            received_at=now,
            source=Source.AGENT,
            measured_at=done.finished_at,
            event=Event.MAINTENANCE,
        )
        for evse in sorted(touched)
    ]
