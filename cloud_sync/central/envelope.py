"""From a record to a Kafka message, and back: section 5 of the contract."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from cloud_sync.central.tokens import Gateway
from edge_agent.errors import Rejected
from edge_agent.wire.outbox import RecordType
from edge_agent.wire.uplink import UplinkBatch, UplinkRecord

DEAD_LETTERS = "edge.dead_letter"
TOPICS = {
    RecordType.READING: "charger.metrics",
    RecordType.FAILURE: "ml.predictions",
    RecordType.ANOMALY: "charger.anomalies",
    RecordType.ALERT: "charger.failure_alerts",
    RecordType.MAINTENANCE: "charger.maintenance",
    RecordType.MAINTENANCE_DONE: "charger.maintenance",
    RecordType.DEVICE_CHANGE: "charger.maintenance",
    RecordType.DOWNTIME: "charger.service",
    RecordType.ATTEMPT: "charger.service",
    RecordType.GATEWAY: "edge.gateways",
    RecordType.GAP: "edge.gateways",
}
ALL_TOPICS = (*dict.fromkeys(TOPICS.values()), DEAD_LETTERS)
BULK_TOPICS = tuple(TOPICS[kind] for kind in (RecordType.READING, RecordType.FAILURE, RecordType.ANOMALY))
"""Those of which a site has a week's worth when its link returns."""
_TYPES = {kind.value: kind for kind in RecordType}
_CHARGER = re.compile(r"[A-Za-z0-9._:%-]{1,128}")
SCHEMA_VERSION = 1
MOST_REASON = 300


class Outgoing(NamedTuple):
    """One Kafka message."""

    topic: str
    key: bytes
    value: bytes
    headers: list[tuple[str, bytes]]


class Arrived(NamedTuple):
    """One Kafka message as the sink understands it."""

    type: str
    site_id: str
    gateway_id: str
    tenant_id: str | None
    epoch: str
    stream: str
    seq: int
    ts: datetime
    clock: str
    charger_id: str
    value: Any


def outgoing(batch: UplinkBatch, record: UplinkRecord, gateway: Gateway) -> Outgoing | Rejected:
    """Return the message of a record, or why it is none."""
    kind = _TYPES.get(record.type)
    if kind is None:
        return Rejected(f"type {record.type[:64]!r} is not known here")
    if not _CHARGER.fullmatch(record.charger_id):
        return Rejected(f"charger id {record.charger_id[:64]!r} is none")
    if not isinstance(record.payload, dict):
        return Rejected("the payload is no object")
    named = record.payload.get("charger_id", record.charger_id)
    if named != record.charger_id:
        return Rejected(f"the payload is of charger {str(named)[:64]!r}, the record of {record.charger_id!r}")
    value: dict[str, Any] = record.payload
    if "tenant_id" in value or gateway.tenant_id is not None:
        value = {**value, "tenant_id": gateway.tenant_id}
    return Outgoing(
        TOPICS[kind],
        f"{gateway.site_id}/{record.charger_id}".encode(),
        json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(),
        _headers(batch, record, gateway),
    )


def dead_letter(batch: UplinkBatch, record: UplinkRecord, gateway: Gateway, reason: str) -> Outgoing:
    """Return the dead letter of a record that could not be read."""
    value = {"reason": reason[:MOST_REASON], "record": record.model_dump(mode="json")}
    headers = [*_headers(batch, record, gateway), ("reason", reason[:MOST_REASON].encode())]
    key = f"{gateway.site_id}/{gateway.gateway_id}".encode()
    return Outgoing(
        DEAD_LETTERS, key, json.dumps(value, ensure_ascii=False).encode(errors="replace"), headers
    )


def _headers(batch: UplinkBatch, record: UplinkRecord, gateway: Gateway) -> list[tuple[str, bytes]]:
    event_id = f"{gateway.gateway_id}/{batch.epoch}/{batch.stream}/{record.seq}"
    told = {
        "event_id": event_id,
        "site_id": gateway.site_id,
        "tenant_id": gateway.tenant_id or "",
        "schema": f"edge.{record.type}.v{SCHEMA_VERSION}",
        "charger_id": record.charger_id,
        "ts": record.ts.isoformat(),
        "clock": record.clock,
    }
    return [(name, text.encode(errors="replace")) for name, text in told.items()]


def arrived(headers: Iterable[tuple[str, bytes]] | None, value: bytes | None) -> Arrived | Rejected:
    """Return what a message says, or why it says nothing."""
    told: Mapping[str, str] = {name: (text or b"").decode(errors="replace") for name, text in headers or ()}
    try:
        gateway_id, epoch, stream, seq = told["event_id"].split("/")
        kind = told["schema"].split(".")[1]
        return Arrived(
            type=kind,
            site_id=told["site_id"],
            gateway_id=gateway_id,
            tenant_id=told["tenant_id"] or None,
            epoch=epoch,
            stream=stream,
            seq=int(seq),
            ts=datetime.fromisoformat(told["ts"]),
            clock=told["clock"],
            charger_id=told["charger_id"],
            value=json.loads(value or b""),
        )
    except (KeyError, ValueError, IndexError) as error:
        return Rejected(f"no message of ours: {type(error).__name__}: {error}"[:MOST_REASON])
