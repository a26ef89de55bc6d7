"""The route table of what is asked of the present and ordered: the contract's section 2.

Asked most comes first: the router tries one after the other.
"""

from __future__ import annotations

from functools import partial
from http import HTTPStatus
from typing import Any

from pydantic import JsonValue
from starlette.responses import Response

from edge_agent.adapters.web.endpoint import Call, Endpoint
from edge_agent.adapters.web.keys import Role
from edge_agent.adapters.web.naming import charger_id_of, known
from edge_agent.adapters.web.problems import Refused
from edge_agent.adapters.web.replies import json_reply
from edge_agent.wire.alert import Acknowledgement, Alert, Quiet, Silence
from edge_agent.wire.answers import AnomalyAnswer, FailureAnswer, FailureAnswers, MaintenanceAnswer
from edge_agent.wire.rest import (
    AcknowledgeRequest,
    BatchAnswer,
    BatchRequest,
    ChargerList,
    DecisionRequest,
    DeviceChangeRequest,
    FlatMetrics,
    Health,
    HealthStatus,
    ModelList,
    PredictionRequest,
    QuietRequest,
    Recording,
    RecordingQuery,
    ReloadAnswer,
    ReloadQuery,
    SilenceRequest,
)
from edge_agent.wire.service import Change, DeviceChange, WorkDone, WorkRequest

METRICS: dict[str, JsonValue] = {
    "connector_status": "CHARGING",
    "energy_delivered": 45.5,
    "power": 7.2,
    "temperature": 35.0,
    "error_codes": [],
    "uptime_hours": 1500,
    "total_sessions": 300,
    "last_maintenance": "2026-01-06T10:00:00Z",
}
ONE: dict[str, JsonValue] = {"charger_id": "CHG_001", "metrics": METRICS}
FLAT: dict[str, JsonValue] = {"charger_id": "CHG_001", **METRICS}


def failure(call: Call[PredictionRequest]) -> FailureAnswer:
    asked = call.question
    return call.desk.failures([(asked.charger_id, asked.metrics)], call.tenant_id)[0]


def anomaly(call: Call[PredictionRequest]) -> AnomalyAnswer:
    return call.desk.anomaly(call.question.charger_id, call.question.metrics, call.tenant_id)


def flat_anomaly(call: Call[FlatMetrics]) -> AnomalyAnswer:
    return call.desk.anomaly(call.question.charger_id, call.question, call.tenant_id)


def maintenance(call: Call[PredictionRequest]) -> MaintenanceAnswer:
    return call.desk.maintenance(call.question.charger_id, call.question.metrics, call.tenant_id)


def batch(call: Call[BatchRequest]) -> BatchAnswer:
    asked = [(metrics.charger_id, metrics) for metrics in call.question.chargers]
    answers = call.desk.failures(asked, call.tenant_id)
    return BatchAnswer(predictions=answers, total=len(answers), timestamp=answers[-1].timestamp)


def latest(call: Call[None]) -> FailureAnswers:
    charger_id = charger_id_of(call.path)
    answers = call.desk.latest(charger_id)
    if answers is None:
        raise Refused(
            HTTPStatus.NOT_FOUND,
            f"Nothing is known of charger {charger_id} yet. Check its id against GET /api/v1/chargers, "
            "or POST its metrics to /api/v1/predictions/failure.",
        )
    return answers


def models(call: Call[None]) -> ModelList:
    entries = call.desk.models()
    return ModelList(models=entries, total=len(entries))


def reload(call: Call[ReloadQuery]) -> ReloadAnswer:
    return call.desk.reload(call.question.model_name, call.who)


def chargers(call: Call[None]) -> ChargerList:
    return ChargerList(items=call.desk.chargers())


def acknowledge(call: Call[AcknowledgeRequest]) -> Alert:
    told = Acknowledgement(alert_id=call.path["alert_id"], **call.question.__dict__)
    return _open(call, call.desk.answer_alert(told, call.who))


def silence(call: Call[SilenceRequest]) -> Alert:
    told = Silence(alert_id=call.path["alert_id"], **call.question.__dict__)
    return _open(call, call.desk.answer_alert(told, call.who))


def _open(call: Call[Any], alert: Alert | None) -> Alert:
    if alert is None:
        raise Refused(
            HTTPStatus.NOT_FOUND,
            f"No alert {call.path['alert_id']} is open: it may be over. "
            "GET /api/v1/alerts lists those that are.",
        )
    return alert


def decide(call: Call[DecisionRequest]) -> MaintenanceAnswer:
    suggestion_id = call.path["suggestion_id"]
    suggestion = call.desk.decide(suggestion_id, call.question, call.who)
    if suggestion is None:
        raise Refused(
            HTTPStatus.NOT_FOUND,
            f"No suggestion {suggestion_id} is left to decide: it may be done. "
            "GET /api/v1/maintenance lists them.",
        )
    return suggestion


def quieten(call: Call[QuietRequest]) -> Quiet:
    charger_id, asked = charger_id_of(call.path), call.question
    told = Quiet(charger_id=charger_id, since=asked.until, until=asked.until, by=asked.by, note=asked.note)
    return known(call.desk.quieten(told, call.who), charger_id)


def work_done(call: Call[WorkRequest]) -> WorkDone:
    charger_id = charger_id_of(call.path)
    return known(call.desk.work_done(charger_id, call.question, call.who), charger_id)


def change_device(change: Change, call: Call[DeviceChangeRequest]) -> DeviceChange:
    charger_id = charger_id_of(call.path)
    return known(call.desk.change_device(charger_id, change, call.question, call.who), charger_id)


def recording(call: Call[RecordingQuery]) -> Recording:
    return call.desk.recording(call.question.after)


def health(call: Call[None]) -> Response:
    report = call.desk.health()
    status = HTTPStatus.SERVICE_UNAVAILABLE if report.status is HealthStatus.UNHEALTHY else HTTPStatus.OK
    return json_reply(report, status)


ENDPOINTS = (
    Endpoint(
        method="POST",
        path="/api/v1/predictions/failure",
        summary="Will this charger fail within 30 days?",
        handler=failure,
        role=Role.VIEWER,
        body=PredictionRequest,
        example=ONE,
        answer=FailureAnswer,
    ),
    Endpoint(
        method="POST",
        path="/api/v1/predictions/batch",
        summary="Will these chargers fail? At most 1,000, answered in order",
        handler=batch,
        role=Role.VIEWER,
        body=BatchRequest,
        example={"chargers": [FLAT]},
        answer=BatchAnswer,
    ),
    Endpoint(
        method="POST",
        path="/api/v1/predictions/anomaly",
        summary="Does this charger behave oddly?",
        handler=anomaly,
        role=Role.VIEWER,
        body=PredictionRequest,
        example=ONE,
        answer=AnomalyAnswer,
    ),
    Endpoint(
        method="POST",
        path="/api/v1/predictions/maintenance",
        summary="When is maintenance cheapest?",
        handler=maintenance,
        role=Role.VIEWER,
        body=PredictionRequest,
        example=ONE,
        answer=MaintenanceAnswer,
    ),
    Endpoint(
        method="GET",
        path="/api/v1/chargers",
        summary="Every EVSE with its latest reading and answers, worst first",
        handler=chargers,
        role=Role.VIEWER,
        answer=ChargerList,
    ),
    Endpoint(
        method="POST",
        path="/api/v1/alerts/{alert_id}/ack",
        summary="Somebody has seen this alert",
        handler=acknowledge,
        role=Role.TECHNICIAN,
        body=AcknowledgeRequest,
        example={"by": "AB", "note": "on my way"},
        answer=Alert,
        refusals={404: "No open alert has this id."},
        waits=True,
    ),
    Endpoint(
        method="POST",
        path="/api/v1/alerts/{alert_id}/silence",
        summary="Nobody is to be called for this alert until then",
        handler=silence,
        role=Role.TECHNICIAN,
        body=SilenceRequest,
        example={"by": "AB", "note": "part is ordered", "until": "2026-03-09T08:00:00Z"},
        answer=Alert,
        refusals={404: "No open alert has this id."},
        waits=True,
    ),
    Endpoint(
        method="POST",
        path="/api/v1/chargers/{charger_id:path}/maintenance",
        summary="Work was done on this charger",
        handler=work_done,
        role=Role.TECHNICIAN,
        body=WorkRequest,
        example={
            "connector_id": 1,
            "verdict": "CONFIRMED",
            "failure_mode": "COOLING",
            "part": "fan",
            "action": "REPLACED",
            "started_at": "2026-03-04T09:00:00Z",
            "finished_at": "2026-03-04T10:30:00Z",
            "by": "AB",
        },
        answer=WorkDone,
        refusals={404: "Nothing is known of this charger."},
        waits=True,
    ),
    Endpoint(
        method="POST",
        path="/api/v1/chargers/{charger_id:path}/quiet",
        summary="Somebody works on this charger: no alerts until then, but tampering and emergency stop",
        handler=quieten,
        role=Role.TECHNICIAN,
        body=QuietRequest,
        example={"by": "AB", "note": "fan is changed", "until": "2026-03-04T12:00:00Z"},
        answer=Quiet,
        refusals={404: "Nothing is known of this charger."},
        waits=True,
    ),
    Endpoint(
        method="POST",
        path="/api/v1/chargers/{charger_id:path}/retire",
        summary="This charger has left the site: its alerts and suggestions end, its history stays",
        handler=partial(change_device, Change.RETIRED),
        role=Role.ADMIN,
        body=DeviceChangeRequest,
        example={"by": "AB", "note": "sold"},
        answer=DeviceChange,
        refusals={404: "Nothing is known of this charger."},
        waits=True,
    ),
    Endpoint(
        method="POST",
        path="/api/v1/chargers/{charger_id:path}/replace",
        summary="Another device has this name now: what is normal for it is learned anew, its history stays",
        handler=partial(change_device, Change.REPLACED),
        role=Role.ADMIN,
        body=DeviceChangeRequest,
        example={"by": "AB", "note": "serial number 42"},
        answer=DeviceChange,
        refusals={404: "Nothing is known of this charger."},
        waits=True,
    ),
    Endpoint(
        method="GET",
        path="/api/v1/predictions/{charger_id:path}",
        summary="The latest failure answer for a charger, its worst EVSE first",
        handler=latest,
        role=Role.VIEWER,
        answer=FailureAnswers,
        refusals={404: "Nothing is known of this charger yet."},
    ),
    Endpoint(
        method="GET",
        path="/api/v1/models",
        summary="The models that answer",
        handler=models,
        role=Role.VIEWER,
        answer=ModelList,
    ),
    Endpoint(
        method="POST",
        path="/api/v1/models/reload",
        summary="Load the model files anew",
        handler=reload,
        role=Role.ADMIN,
        query=ReloadQuery,
        answer=ReloadAnswer,
        refusals={409: "The file was refused; the running model stays."},
        waits=True,
    ),
    Endpoint(
        method="GET",
        path="/api/v1/diagnostics/recording",
        summary="What arrives, with names replaced, while somebody asks for it",
        handler=recording,
        role=Role.ADMIN,
        query=RecordingQuery,
        answer=Recording,
        waits=True,
    ),
    Endpoint(
        method="GET",
        path="/api/v1/health",
        summary="How the agent is, check by check",
        handler=health,
        answer=Health,
        statuses={200: "Healthy, or degraded: it works, but not all of it.", 503: "Unhealthy."},
    ),
    Endpoint(
        method="POST",
        path="/api/v1/anomaly/detect",
        summary="Older name of predictions/anomaly, with flat metrics",
        handler=flat_anomaly,
        role=Role.VIEWER,
        body=FlatMetrics,
        example=FLAT,
        answer=AnomalyAnswer,
        deprecated=True,
    ),
    Endpoint(
        method="POST",
        path="/api/v1/maintenance/recommend",
        summary="Older name of predictions/maintenance",
        handler=maintenance,
        role=Role.VIEWER,
        body=PredictionRequest,
        example=ONE,
        answer=MaintenanceAnswer,
        deprecated=True,
    ),
    # After the older name that looks like it.
    Endpoint(
        method="POST",
        path="/api/v1/maintenance/{suggestion_id}",
        summary="Accept, move or reject a suggestion",
        handler=decide,
        role=Role.TECHNICIAN,
        body=DecisionRequest,
        example={"decision": "MOVE", "at": "2026-03-09T08:00:00Z", "by": "AB"},
        answer=MaintenanceAnswer,
        refusals={404: "No suggestion with this id is left to decide."},
        waits=True,
    ),
)
