"""What support needs to see of a gateway, in one file that holds no secret and nobody's name."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING
from zipfile import ZIP_DEFLATED, ZipFile

from edge_agent.wire.history import AlertQuery
from edge_agent.wire.rest import AlertList, ChargerList, MaintenanceList, ModelList

if TYPE_CHECKING:
    from pydantic import BaseModel

    from edge_agent.ports import Desk, Records
    from edge_agent.wire.alert import Alert


def bundle(desk: Desk, records: Records) -> bytes:
    """Return a ZIP file of JSON. What people wrote or are called by (`by`, `note`) stays out."""
    models = desk.models()
    alerts = [_anonymous(each) for each in records.found_alerts(AlertQuery(limit=500))]
    found: dict[str, BaseModel] = {
        "health": desk.health(),
        "models": ModelList(models=models, total=len(models)),
        "chargers": ChargerList(
            items=[
                each.model_copy(update={"open_alerts": [_anonymous(alert) for alert in each.open_alerts]})
                for each in desk.chargers()
            ]
        ),
        "alerts": AlertList(items=alerts),
        "maintenance": MaintenanceList(items=desk.suggestions()),
        "uptime": records.uptime(None),
        "sync": records.sync(),
        "quarantine": records.set_aside(),
    }
    file = io.BytesIO()
    with ZipFile(file, "w", ZIP_DEFLATED) as archive:
        for name, each in found.items():
            archive.writestr(f"{name}.json", each.model_dump_json(indent=1))
    return file.getvalue()


def _anonymous(told: Alert) -> Alert:
    return told.model_copy(update={"acknowledged_by": None, "note": None})
