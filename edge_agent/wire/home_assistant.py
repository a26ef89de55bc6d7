"""How a charger appears in Home Assistant by itself: one retained discovery message for each.

Its states are the contract's own topics, read by templates. A topic that is erased comes as an empty payload:
then there is no `value_json`, and a template that renders to nothing would leave the old state standing.
Source: https://www.home-assistant.io/integrations/mqtt, "Device discovery payload", from 2024.11 on.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from edge_agent import __version__
from edge_agent.wire.alert import AlertState, AlertType
from edge_agent.wire.metrics import ConnectorStatus

Json = dict[str, Any]

_STRANGE = re.compile("[^A-Za-z0-9-]")


def _of_the_state(expression: str) -> str:
    """Return a template of an EVSE's state: what is null or erased becomes None, which is unknown."""
    return f"{{{{ {expression} if value_json is defined else None }}}}"


def _attributes(place: str, *names: str, where: str = "value_json is defined") -> str:
    """Return a template of attributes; without it, an empty payload would be logged as broken JSON."""
    pairs = ", ".join(f"'{name}': {place}.{name}" for name in names)
    return f"{{{{ {{{pairs}}} | tojson if {where} else '{{}}' }}}}"


IS_OPEN = f"value_json is defined and value_json.state != '{AlertState.CLEARED}'"
AVAILABLE = (
    "{{ 'online' if value_json is defined and value_json.status in ('online', 'degraded') else 'offline' }}"
)
STATES: Mapping[str, Json] = {
    "status": {
        "p": "sensor",
        "name": "status",
        "dev_cla": "enum",
        "ops": list(ConnectorStatus),
        "val_tpl": _of_the_state("value_json.reading.connector_status"),
    },
    "power": {
        "p": "sensor",
        "name": "power",
        "dev_cla": "power",
        "stat_cla": "measurement",
        "unit_of_meas": "kW",
        "val_tpl": _of_the_state("value_json.reading.power"),
    },
    "temperature": {
        "p": "sensor",
        "name": "temperature",
        "dev_cla": "temperature",
        "stat_cla": "measurement",
        "unit_of_meas": "°C",
        "val_tpl": _of_the_state("value_json.reading.temperature"),
    },
    "failure_risk": {
        "p": "sensor",
        "name": "failure risk within 30 days",
        "ic": "mdi:wrench-clock",
        "stat_cla": "measurement",
        "unit_of_meas": "%",
        "val_tpl": _of_the_state("(value_json.failure.failure_probability * 100) | round(1)"),
        "json_attr_tpl": _attributes(
            "value_json.failure", "calibrated", "recommended_action", "likely_failure_mode"
        ),
    },
    "unusual_behaviour": {
        "p": "binary_sensor",
        "name": "unusual behaviour",
        "dev_cla": "problem",
        "val_tpl": _of_the_state("('ON' if value_json.anomaly.is_anomaly else 'OFF')"),
        "json_attr_tpl": _attributes("value_json.anomaly", "anomaly_type"),
    },
}
"""What is shown of an EVSE's state, by the name that its entity's id ends with."""
ALERTS = (
    AlertType.CHARGER_FAULTED,
    AlertType.CHARGER_OFFLINE,
    AlertType.FAILURE_PREDICTED,
    AlertType.OVER_TEMPERATURE,
    AlertType.ANOMALY,
)
"""Those that matter to a house. Each has a topic, and so an entity, of its own."""
ALERT: Json = {
    "p": "binary_sensor",
    "dev_cla": "problem",
    "val_tpl": f"{{{{ 'ON' if {IS_OPEN} else 'OFF' }}}}",
    "json_attr_tpl": _attributes(
        "value_json", "message", "severity", "raised_at", "acknowledged_by", where=IS_OPEN
    ),
}


class House(NamedTuple):
    """Where Home Assistant listens, and the site that it is to see.

    prefix: of its discovery topics. topics: prefix of our own. labels: names for chargers, by id.
    """

    prefix: str
    topics: str
    site_id: str
    gateway_id: str
    labels: Mapping[str, str]


class Nameplate(NamedTuple):
    """What an EVSE says of the machine that it is part of."""

    vendor: str | None = None
    model: str | None = None
    firmware: str | None = None


def discovery(house: House, charger_id: str, plates: Mapping[int, Nameplate]) -> tuple[str, bytes]:
    """Return topic and payload that make a charger a device. plates: by connector, one for each EVSE."""
    device_id = object_id(house.site_id, charger_id)
    device = {"ids": [device_id], "name": house.labels.get(charger_id, charger_id), **_machine(plates)}
    payload = {
        "dev": device,
        "o": {"name": f"EVzone edge agent {house.gateway_id}", "sw": __version__},
        "avty": [{"t": f"{house.topics}/gateway/status", "val_tpl": AVAILABLE}],
        "cmps": {
            f"{connector_id}_{name}": {
                **entity,
                "name": _named(connector_id, entity["name"]),
                "uniq_id": f"{device_id}__{connector_id}__{name}",
                "qos": 1,
            }
            for connector_id in sorted(plates)
            for name, entity in _entities(house.topics, f"{charger_id}/{connector_id}")
        },
    }
    return f"{house.prefix}/device/{device_id}/config", json.dumps(payload).encode()


def object_id(site_id: str, charger_id: str) -> str:
    """Return a charger's id in Home Assistant, of `A-Za-z0-9_-`; no other charger of any site has the same.

    Other bytes are an underscore and two hex digits; two underscores in a row come from no name.
    """
    return f"evzone__{_escaped(site_id)}__{_escaped(charger_id)}"


def _escaped(name: str) -> str:
    return _STRANGE.sub(lambda found: "".join(f"_{byte:02x}" for byte in found[0].encode()), name)


def _machine(plates: Mapping[int, Nameplate]) -> Json:
    """Return what is known of the machine: of each, what the first EVSE says that says anything."""
    ordered = [plates[connector_id] for connector_id in sorted(plates)]
    told = {
        "mf": next((plate.vendor for plate in ordered if plate.vendor), None),
        "mdl": next((plate.model for plate in ordered if plate.model), None),
        "sw": next((plate.firmware for plate in ordered if plate.firmware), None),
    }
    return {key: value for key, value in told.items() if value is not None}


def _named(connector_id: int, name: str) -> str:
    return f"Connector {connector_id} {name}" if connector_id else name.capitalize()


def _entities(topics: str, evse: str) -> Iterator[tuple[str, Json]]:
    """Yield each entity of an EVSE, with its topics. evse: as topics name it, charger and connector."""
    state = f"{topics}/state/{evse}"
    for name, entity in STATES.items():
        attributes = {"json_attr_t": state} if "json_attr_tpl" in entity else {}
        yield name, {**entity, **attributes, "stat_t": state}
    for kind in ALERTS:
        topic, words = f"{topics}/alerts/{evse}/{kind}", kind.lower()
        named = f"alert: {words.replace('_', ' ')}"
        yield f"alert_{words}", {**ALERT, "name": named, "stat_t": topic, "json_attr_t": topic}
