"""The AsyncAPI 3.0 description of what crosses MQTT, made from the models and the table of channels.

`python -m edge_agent.wire.asyncapi > docs/asyncapi.yaml` writes it anew.
Source of the table: section 3 of the contract. What the agent sends is retained, for those who come late.
"""

from __future__ import annotations

import json
import re
import sys
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel, Field
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from edge_agent import __version__
from edge_agent.wire.alert import Acknowledgement, Alert, AlertType
from edge_agent.wire.answers import MaintenanceAnswer
from edge_agent.wire.metrics import Metrics, MetricsEnvelope
from edge_agent.wire.state import EvseState
from edge_agent.wire.types import Message, UtcTime

Json = dict[str, Any]

REF = "#/components/schemas/{model}"
BINDING_VERSION = "0.2.0"
PREFIX = "evzone/v1/{site_id}"
MOST_ELEMENTS = 10_000


class GatewayStatus(Message):
    """How the gateway is. Of the last will, and of an agent that has ended in order, only status is there."""

    status: Literal["online", "degraded", "offline"] = Field(
        description="degraded: it judges and alerts, and cannot keep."
    )
    version: str | None = None
    since: UtcTime | None = Field(None, description="Since when it has had its connection.")
    backlog: int | None = Field(None, ge=0, description="Alerts that wait to be published.")
    drift: str | None = Field(None, description="Of the failure model's inputs, against its training.")
    models: dict[str, str] | None = Field(None, description="Version of each model that judges.")


MODELS: dict[type[BaseModel], JsonSchemaMode] = {
    Metrics: "validation",
    MetricsEnvelope: "validation",
    EvseState: "serialization",
    Alert: "serialization",
    Acknowledgement: "validation",
    MaintenanceAnswer: "serialization",
    GatewayStatus: "validation",
}
ONE_OF_METRICS = [{"$ref": REF.format(model=model.__name__)} for model in (Metrics, MetricsEnvelope)]
ENVELOPED = ("message", "payload", "action", "response", "error_code")
"""Of these an envelope of an OCPP frame has one at least."""
BY_HAND: dict[str, Json] = {
    "MetricsMessage": {
        "description": "One measurement, flat or in an envelope, or an array of either.",
        "anyOf": [
            *ONE_OF_METRICS,
            {"type": "array", "minItems": 1, "maxItems": MOST_ELEMENTS, "items": {"anyOf": ONE_OF_METRICS}},
        ],
    },
    "OcppMessage": {
        "description": "An OCPP-J frame of 1.6, 2.0.1 or 2.1, raw or in one of the known envelopes.",
        "anyOf": [
            {"type": "array", "minItems": 2, "items": [{"enum": [2, 3, 4]}]},
            {"type": "object", "anyOf": [{"required": [name]} for name in ENVELOPED]},
        ],
    },
    "Erasure": {"description": "Nothing: what was retained is erased.", "type": "string", "maxLength": 0},
}
"""Payloads for which there is no model."""


class Channel(NamedTuple):
    """A topic under the prefix. action: what the agent does there. messages: named as their schemas."""

    topic: str
    action: Literal["receive", "send"]
    messages: tuple[str, ...]
    told: str


EVSE = "{charger_id}/{connector_id}"
CHANNELS: dict[str, Channel] = {
    "metrics": Channel(
        "chargers/{charger_id}/metrics",
        "receive",
        ("MetricsMessage",),
        "What a charger says of itself. A charger_id in it must be that of the topic.",
    ),
    "ocpp": Channel(
        "chargers/{charger_id}/ocpp", "receive", ("OcppMessage",), "OCPP-J frames from a charger."
    ),
    "ocppDown": Channel(
        "chargers/{charger_id}/ocpp/down",
        "receive",
        ("OcppMessage",),
        "OCPP-J frames to a charger, which the agent hears: an answer gives a transaction its id.",
    ),
    "state": Channel(
        f"state/{EVSE}",
        "send",
        ("EvseState",),
        "When something in it changed; at most once a second, at least once a minute.",
    ),
    "alerts": Channel(
        f"alerts/{EVSE}/{{alert_type}}",
        "send",
        ("Alert", "Erasure"),
        "Retained until cleared: CLEARED is sent not retained, then the retained one is erased.",
    ),
    "alertAck": Channel(
        f"alerts/{EVSE}/{{alert_type}}/ack",
        "receive",
        ("Acknowledgement",),
        "Somebody has seen an alert. A retained one is ignored and erased.",
    ),
    "maintenance": Channel(
        "maintenance/{charger_id}", "send", ("MaintenanceAnswer",), "When to do maintenance, and why."
    ),
    "gatewayStatus": Channel(
        "gateway/status", "send", ("GatewayStatus",), "Of the agent itself, and its last will."
    ),
}
PARAMETERS: dict[str, Json] = {
    "site_id": {"description": "The site's name, as configured."},
    "charger_id": {
        "description": "Unique within its site; _site is the site itself.",
        "examples": ["CHG_001"],
    },
    "connector_id": {"description": "The EVSE; 0 is the cabinet.", "examples": ["1"]},
    "alert_type": {"description": "What the alert is about.", "enum": list(AlertType)},
}


def asyncapi_document() -> Json:
    """Return the description."""
    _, definitions = models_json_schema(list(MODELS.items()), ref_template=REF)
    schemas = {**definitions["$defs"], **BY_HAND}
    names = {name: None for row in CHANNELS.values() for name in row.messages}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "EVzone edge agent",
            "version": __version__,
            "description": f"What crosses MQTT on a site's own broker. The prefix {PREFIX} is configurable.",
        },
        "defaultContentType": "application/json",
        "servers": {"site": _server()},
        "channels": {name: _channel(row) for name, row in CHANNELS.items()},
        "operations": {
            f"{row.action}{name[0].upper()}{name[1:]}": _operation(name, row)
            for name, row in CHANNELS.items()
        },
        "components": {
            "messages": {name: _message(name, schemas[name]) for name in names},
            "parameters": PARAMETERS,
            "schemas": schemas,
        },
    }


def _server() -> Json:
    will = {"topic": f"{PREFIX}/gateway/status", "qos": 1, "message": '{"status":"offline"}', "retain": True}
    return {
        "host": "{host}:{port}",
        "protocol": "mqtt",
        "protocolVersion": "3.1.1",
        "variables": {"host": {"default": "127.0.0.1"}, "port": {"default": "1883"}},
        "bindings": {
            "mqtt": {"cleanSession": False, "lastWill": will, "bindingVersion": BINDING_VERSION},
        },
    }


def _channel(row: Channel) -> Json:
    address = f"{PREFIX}/{row.topic}"
    return {
        "address": address,
        "description": row.told,
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in row.messages},
        "parameters": {
            name: {"$ref": f"#/components/parameters/{name}"} for name in re.findall(r"{(\w+)}", address)
        },
    }


def _operation(name: str, row: Channel) -> Json:
    return {
        "action": row.action,
        "channel": {"$ref": f"#/channels/{name}"},
        "messages": [{"$ref": f"#/channels/{name}/messages/{message}"} for message in row.messages],
        "bindings": {
            "mqtt": {"qos": 1, "retain": row.action == "send", "bindingVersion": BINDING_VERSION},
        },
    }


def _message(name: str, schema: Json) -> Json:
    return {
        "name": name,
        "summary": schema["description"].partition("\n")[0],
        "payload": {"$ref": REF.format(model=name)},
    }


def as_text(document: Json) -> str:
    """Return it as YAML: with the developers' library as one writes it, else as JSON, which is YAML too."""
    try:
        import yaml  # type: ignore[import-untyped]  # noqa: PLC0415 - it comes with the developers' tools
    except ImportError:
        return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    plain = json.loads(
        json.dumps(document)
    )  # neither aliases for what stands twice, nor our own kinds of text
    text: str = yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, width=120)
    return text


if __name__ == "__main__":
    sys.stdout.write(as_text(asyncapi_document()))
