"""The route table of what is asked of the past, and of lists that have another form too."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from starlette.responses import Response

from edge_agent.adapters.web.calendar import maintenance_calendar
from edge_agent.adapters.web.csv_replies import uptime_table
from edge_agent.adapters.web.endpoint import Call, Endpoint
from edge_agent.adapters.web.keys import Role
from edge_agent.adapters.web.naming import charger_id_of, known
from edge_agent.adapters.web.problems import Refused
from edge_agent.adapters.web.replies import Header, Reply, headers_for
from edge_agent.bundle import archive, site_files
from edge_agent.wire.history import (
    AlertQuery,
    ChargerDetail,
    DeedList,
    Evidence,
    History,
    HistoryQuery,
    QuarantineList,
    SyncStatus,
)
from edge_agent.wire.rest import AlertList, MaintenanceList, MaintenanceQuery, UptimeQuery, UptimeReport

CSV = headers_for(b"text/csv; charset=utf-8")
CALENDAR = headers_for(b"text/calendar; charset=utf-8")
ZIP = headers_for(b"application/zip")


def _attachment(name: str) -> Header:
    return b"content-disposition", f'attachment; filename="{name}"'.encode()


def _wants(call: Call[Any], form: str, media_type: bytes) -> bool:
    """Whether another form than JSON is asked for, by `format` or else by `Accept`."""
    asked = call.question.format
    return asked == form or (asked is None and media_type in call.headers.get(b"accept", b"").lower())


def charger(call: Call[None]) -> ChargerDetail:
    charger_id = charger_id_of(call.path)
    return known(call.records.charger(charger_id), charger_id)


def history(call: Call[HistoryQuery]) -> History:
    charger_id = charger_id_of(call.path)
    return known(call.records.history(charger_id, call.question), charger_id)


def alerts(call: Call[AlertQuery]) -> AlertList:
    found, most = call.records.found_alerts(call.question), call.question.limit
    return AlertList(items=found[:most], next=found[most - 1].alert_id if len(found) > most else None)


def evidence(call: Call[None]) -> Evidence:
    found = call.records.evidence(call.path["alert_id"])
    if found is None:
        raise Refused(
            HTTPStatus.NOT_FOUND,
            f"No alert {call.path['alert_id']} is known. "
            "GET /api/v1/alerts lists those that are open, and with state=CLEARED those that are over.",
        )
    return found


def suggestions(call: Call[MaintenanceQuery]) -> MaintenanceList | Response:
    found = call.desk.suggestions()
    if _wants(call, "ics", b"text/calendar"):
        labels = {each.charger_id: each.label for each in call.desk.chargers()}
        text = maintenance_calendar(found, labels)
        return Reply(text, (*CALENDAR, _attachment("maintenance.ics")))
    return MaintenanceList(items=found)


def uptime(call: Call[UptimeQuery]) -> UptimeReport | Response:
    report = call.records.uptime(call.question.month)
    if _wants(call, "csv", b"text/csv"):
        return Reply(uptime_table(report).encode(), CSV)
    return report


def sync(call: Call[None]) -> SyncStatus:
    return call.records.sync()


def set_aside(call: Call[None]) -> QuarantineList:
    return call.records.set_aside()


def audit(call: Call[None]) -> DeedList:
    return call.records.audit()


def diagnostics(call: Call[None]) -> Response:
    desk = call.desk
    files = site_files(call.records, desk.chargers(), desk.suggestions(), desk.models())
    return Reply(
        archive({**files, "health": desk.health()}), (*ZIP, _attachment("edge-agent-diagnostics.zip"))
    )


NO_CHARGER = {404: "Nothing is known of this charger."}
RECORD_ENDPOINTS = (
    Endpoint(
        method="GET",
        path="/api/v1/alerts",
        summary="Alerts that are not over, or those of a state, severity or charger; newest first",
        handler=alerts,
        role=Role.VIEWER,
        query=AlertQuery,
        answer=AlertList,
        waits=True,
    ),
    Endpoint(
        method="GET",
        path="/api/v1/alerts/{alert_id}/evidence",
        summary="What speaks for an alert, for a warranty claim",
        handler=evidence,
        role=Role.VIEWER,
        answer=Evidence,
        refusals={404: "No alert has this id."},
        waits=True,
    ),
    Endpoint(
        method="GET",
        path="/api/v1/maintenance",
        summary="Maintenance suggestions, soonest first; as text/calendar too",
        handler=suggestions,
        role=Role.VIEWER,
        query=MaintenanceQuery,
        answer=MaintenanceList,
        other_forms=("text/calendar",),
        waits=True,
    ),
    Endpoint(
        method="GET",
        path="/api/v1/reports/uptime",
        summary="How each EVSE served in a month; as text/csv too",
        handler=uptime,
        role=Role.VIEWER,
        query=UptimeQuery,
        answer=UptimeReport,
        other_forms=("text/csv",),
        waits=True,
    ),
    Endpoint(
        method="GET",
        path="/api/v1/sync",
        summary="How it goes with the central service",
        handler=sync,
        role=Role.VIEWER,
        answer=SyncStatus,
        waits=True,
    ),
    Endpoint(
        method="GET",
        path="/api/v1/diagnostics/quarantine",
        summary="What could not be understood lately",
        handler=set_aside,
        role=Role.TECHNICIAN,
        answer=QuarantineList,
        waits=True,
    ),
    Endpoint(
        method="GET",
        path="/api/v1/diagnostics/audit",
        summary="Who ordered what lately",
        handler=audit,
        role=Role.ADMIN,
        answer=DeedList,
        waits=True,
    ),
    Endpoint(
        method="GET",
        path="/api/v1/diagnostics/bundle",
        summary="What support needs, in one file: no key, no payload, no name of a person",
        handler=diagnostics,
        role=Role.ADMIN,
        answer="application/zip",
        waits=True,
    ),
    # The longer path first: an id may hold a slash.
    Endpoint(
        method="GET",
        path="/api/v1/chargers/{charger_id:path}/history",
        summary="How one EVSE was, down-sampled for a chart",
        handler=history,
        role=Role.VIEWER,
        query=HistoryQuery,
        answer=History,
        refusals=NO_CHARGER,
        waits=True,
    ),
    Endpoint(
        method="GET",
        path="/api/v1/chargers/{charger_id:path}",
        summary="One charger: how it is, and what became of it lately",
        handler=charger,
        role=Role.VIEWER,
        answer=ChargerDetail,
        refusals=NO_CHARGER,
        waits=True,
    ),
)
