"""What a message becomes in Postgres: its table's row, and the newest news of the thing that it is about."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from datetime import datetime
from typing import Any, NamedTuple

from cloud_sync.central.envelope import TOPICS, Arrived
from edge_agent.wire.outbox import RecordType

Values = dict[str, Any]
Place = tuple[int, int]
"""Kafka's append time, ms, and offset: what is newer, whatever a gateway's clock says."""
ORIGIN = ("tenant_id", "site_id", "gateway_id", "epoch", "stream", "seq", "ts", "clock")


class Unfit(Exception):
    """A value that no row can hold."""


class Table(NamedTuple):
    """A table's columns, before ORIGIN, and what makes them of a value. days: of one partition."""

    name: str
    columns: tuple[str, ...]
    made: Callable[[Arrived], tuple[Any, ...]]
    days: int = 31


def jsonb(value: object) -> str:
    """Return a value as jsonb takes it: no NUL, no number that is none. Raises Unfit."""
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False).replace("\\u0000", "")
    except ValueError as error:
        raise Unfit(str(error)) from error


def text(value: object) -> str | None:
    return value.replace("\x00", "") if isinstance(value, str) else None


def number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def whole(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31 else 0


def flag(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def time(value: object) -> datetime | None:
    try:
        return datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None


def needed(value: Values, name: str) -> str:
    """Return a text without which there is no row. Raises Unfit."""
    found = text(value.get(name))
    if not found:
        raise Unfit(f"{name} is missing")
    return found


def _reading(arrived: Arrived) -> tuple[Any, ...]:
    told = arrived.value.get("metrics")
    metrics: Values = told if isinstance(told, dict) else {}
    codes = metrics.get("error_codes")
    return (
        arrived.charger_id,
        whole(metrics.get("connector_id")),
        text(metrics.get("connector_status")),
        number(metrics.get("energy_delivered")),
        number(metrics.get("power")),
        number(metrics.get("temperature")),
        [text(each) for each in codes] if isinstance(codes, list) else None,
        jsonb(metrics),
    )


def _prediction(arrived: Arrived) -> tuple[Any, ...]:
    value = arrived.value
    kind = "failure_predictor" if arrived.type == RecordType.FAILURE else "anomaly_detector"
    return (
        arrived.charger_id,
        whole(value.get("connector_id")),
        kind,
        text(value.get("model_version")),
        jsonb(value),
        number(value.get("confidence")),
        time(value.get("timestamp")) or arrived.ts,
    )


def _alert(arrived: Arrived) -> tuple[Any, ...]:
    value = arrived.value
    return (
        needed(value, "alert_id"),
        arrived.charger_id,
        whole(value.get("connector_id")),
        needed(value, "alert_type"),
        needed(value, "severity"),
        needed(value, "state"),
        time(value.get("raised_at")) or arrived.ts,
        time(value.get("cleared_at")),
        text(value.get("message")),
        jsonb(value),
    )


def _suggestion(arrived: Arrived) -> tuple[Any, ...]:
    value = arrived.value
    return (
        text(value.get("suggestion_id")),
        arrived.charger_id,
        text(value.get("urgency")),
        flag(value.get("action_required")),
        time(value.get("recommended_date")),
        text(value.get("state")),
        jsonb(value),
    )


def _work(arrived: Arrived) -> tuple[Any, ...]:
    value = arrived.value
    return (
        text(value.get("maintenance_id")),
        arrived.charger_id,
        whole(value.get("connector_id")),
        text(value.get("verdict")),
        text(value.get("failure_mode")),
        text(value.get("action")),
        time(value.get("finished_at")),
        jsonb(value),
    )


def _downtime(arrived: Arrived) -> tuple[Any, ...]:
    value = arrived.value
    return (
        arrived.charger_id,
        whole(value.get("connector_id")),
        time(value.get("began_at")),
        time(value.get("ended_at")),
        text(value.get("cause")),
        flag(value.get("excluded")),
        flag(value.get("failure")),
        jsonb(value),
    )


def _attempt(arrived: Arrived) -> tuple[Any, ...]:
    value = arrived.value
    return (
        arrived.charger_id,
        whole(value.get("connector_id")),
        time(value.get("started_at")),
        time(value.get("ended_at")),
        text(value.get("failed_at")),
        text(value.get("cause")),
        jsonb(value),
    )


_PREDICTIONS = Table(
    "predictions",
    (
        "charger_id",
        "connector_id",
        "model_type",
        "model_version",
        "prediction_data",
        "confidence",
        "predicted_at",
    ),
    _prediction,
    days=1,
)
TABLES: dict[str, Table] = {
    RecordType.READING: Table(
        "charger_metrics",
        (
            *("charger_id", "connector_id", "connector_status", "energy_delivered", "power", "temperature"),
            *("error_codes", "metrics"),
        ),
        _reading,
        days=1,
    ),
    RecordType.FAILURE: _PREDICTIONS,
    RecordType.ANOMALY: _PREDICTIONS,
    RecordType.ALERT: Table(
        "alerts",
        (
            *("alert_id", "charger_id", "connector_id", "alert_type", "severity", "state"),
            *("raised_at", "cleared_at", "message", "alert"),
        ),
        _alert,
    ),
    RecordType.MAINTENANCE: Table(
        "maintenance_suggestions",
        (
            "suggestion_id",
            "charger_id",
            "urgency",
            "action_required",
            "recommended_date",
            "state",
            "suggestion",
        ),
        _suggestion,
    ),
    RecordType.MAINTENANCE_DONE: Table(
        "maintenance_done",
        (
            *("maintenance_id", "charger_id", "connector_id", "verdict", "failure_mode"),
            *("action", "finished_at", "work"),
        ),
        _work,
    ),
    RecordType.DOWNTIME: Table(
        "downtime",
        ("charger_id", "connector_id", "began_at", "ended_at", "cause", "excluded", "failure", "outage"),
        _downtime,
    ),
    RecordType.ATTEMPT: Table(
        "attempts",
        ("charger_id", "connector_id", "started_at", "ended_at", "failed_at", "cause", "attempt"),
        _attempt,
    ),
    RecordType.GAP: Table("gaps", ("lost",), lambda arrived: (jsonb(arrived.value),)),
}
"""By the type of record. A gateway's status has no table: its newest is in `gateways`."""


def tables_of(topics: Collection[str]) -> list[Table]:
    """Return the tables that the messages of topics become rows of."""
    found = [table for kind, table in TABLES.items() if TOPICS[RecordType(kind)] in topics]
    return list({table.name: table for table in found}.values())


def origin_of(arrived: Arrived) -> tuple[Any, ...]:
    """Return the ORIGIN columns of a row."""
    return tuple(getattr(arrived, name) for name in ORIGIN)


class Newest(NamedTuple):
    """A statement that puts newer news in the place of older, the key that it is about, and its values.

    rank: of two for the same key, the higher is the newer.
    """

    statement: str
    key: tuple[Any, ...]
    values: tuple[Any, ...]
    rank: tuple[int, ...]


_LATEST = """
INSERT INTO charger_latest
    (site_id, charger_id, connector_id, tenant_id, gateway_id, {column}, {column}_at, {column}_place)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (site_id, charger_id, connector_id) DO UPDATE SET
    tenant_id = excluded.tenant_id, gateway_id = excluded.gateway_id, {column} = excluded.{column},
    {column}_at = excluded.{column}_at, {column}_place = excluded.{column}_place
WHERE excluded.{column}_place > charger_latest.{column}_place
"""
LATEST_METRICS = """
INSERT INTO charger_latest
    (site_id, charger_id, connector_id, tenant_id, gateway_id, metrics, metrics_at, metrics_place,
    connector_status)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (site_id, charger_id, connector_id) DO UPDATE SET
    tenant_id = excluded.tenant_id, gateway_id = excluded.gateway_id, metrics = excluded.metrics,
    metrics_at = excluded.metrics_at, metrics_place = excluded.metrics_place,
    connector_status = excluded.connector_status
WHERE excluded.metrics_place > charger_latest.metrics_place
"""
LATEST_FAILURE = _LATEST.format(column="failure")
LATEST_ANOMALY = _LATEST.format(column="anomaly")
# An alert's own numbers order its news; those of a cloned image count on from one, and the higher wins.
LATEST_ALERT = """
INSERT INTO alert_latest
    (site_id, alert_id, charger_id, connector_id, tenant_id, alert_type, severity, state, raised_at,
    cleared_at, message, alert, seq)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (site_id, alert_id) DO UPDATE SET
    severity = excluded.severity, state = excluded.state, cleared_at = excluded.cleared_at,
    message = excluded.message, alert = excluded.alert, seq = excluded.seq
WHERE excluded.seq > alert_latest.seq
"""
LATEST_SUGGESTION = """
INSERT INTO suggestion_latest (site_id, charger_id, tenant_id, suggestion, place) VALUES (%s, %s, %s, %s, %s)
ON CONFLICT (site_id, charger_id) DO UPDATE SET
    tenant_id = excluded.tenant_id, suggestion = excluded.suggestion, place = excluded.place
WHERE excluded.place > suggestion_latest.place
"""
LATEST_GATEWAY = """
INSERT INTO gateways (gateway_id, site_id, tenant_id, status, reported_at, heard_at, place)
VALUES (%s, %s, %s, %s, %s, now(), %s)
ON CONFLICT (gateway_id) DO UPDATE SET
    site_id = excluded.site_id, tenant_id = excluded.tenant_id, status = excluded.status,
    reported_at = excluded.reported_at, heard_at = excluded.heard_at, place = excluded.place
WHERE excluded.place > gateways.place
"""
MODEL_SEEN = """
INSERT INTO model_metadata (name, version) VALUES (%s, %s)
ON CONFLICT (name, version) DO UPDATE SET last_seen_at = now()
WHERE model_metadata.last_seen_at < now() - interval '1 hour'
"""


def newest(arrived: Arrived, place: Place) -> list[Newest]:
    """Return what a message is the newest news of."""
    at, value = list(place), arrived.value
    charger = (arrived.site_id, arrived.charger_id)
    who = (arrived.tenant_id, arrived.gateway_id)
    match arrived.type:
        case RecordType.READING:
            row = _reading(arrived)
            values = (*charger, row[1], *who, row[-1], arrived.ts, at, row[2])
            return [Newest(LATEST_METRICS, (*charger, row[1]), values, place)]
        case RecordType.FAILURE | RecordType.ANOMALY:
            statement = LATEST_FAILURE if arrived.type == RecordType.FAILURE else LATEST_ANOMALY
            row = _prediction(arrived)
            told = (*charger, row[1], *who, row[4], arrived.ts, at)
            latest = Newest(statement, (*charger, row[1]), told, place)
            model = (row[2], row[3])
            return [latest, *([Newest(MODEL_SEEN, model, model, place)] if row[3] else [])]
        case RecordType.ALERT:
            alert_id, charger_id, connector, *rest = _alert(arrived)
            key = (arrived.site_id, alert_id)
            values = (*key, charger_id, connector, arrived.tenant_id, *rest, arrived.seq)
            return [Newest(LATEST_ALERT, key, values, (arrived.seq,))]
        case RecordType.MAINTENANCE:
            suggestion = (*charger, arrived.tenant_id, jsonb(value), at)
            return [Newest(LATEST_SUGGESTION, charger, suggestion, place)]
        case RecordType.GATEWAY:
            status = (arrived.gateway_id, arrived.site_id, arrived.tenant_id, jsonb(value), arrived.ts, at)
            return [Newest(LATEST_GATEWAY, (arrived.gateway_id,), status, place)]
    return []
