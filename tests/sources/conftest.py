"""What the tests of the sources share: a registry and a way to send it something."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from edge_agent.sources import Decoded, Received
from edge_agent.sources.registry import Registry
from edge_agent.wire.reading import Reading

PREFIX = "evzone/v1/site-001"
NOW = datetime(2025, 10, 1, 12, 0, tzinfo=UTC)
Send = Callable[..., Decoded]
Read = Callable[..., Reading]


@pytest.fixture
def registry() -> Registry:
    return Registry(PREFIX)


@pytest.fixture
def send_metrics(registry: Registry) -> Send:
    def send(document: object, charger_id: str = "CHG_001") -> Decoded:
        payload = document if isinstance(document, bytes) else json.dumps(document).encode()
        return registry.decode(Received(f"{PREFIX}/chargers/{charger_id}/metrics", payload, NOW))

    return send


@pytest.fixture
def send_ocpp(registry: Registry) -> Send:
    def send(document: object, topic: str = "ocpp") -> Decoded:
        payload = document if isinstance(document, bytes) else json.dumps(document).encode()
        return registry.decode(Received(f"{PREFIX}/chargers/CHG_001/{topic}", payload, NOW))

    return send


@pytest.fixture
def call(send_ocpp: Send) -> Send:
    def send(action: str, arguments: object) -> Decoded:
        return send_ocpp([2, "m-1", action, arguments])

    return send


@pytest.fixture
def sample(call: Send) -> Read:
    """Send samples as one MeterValues frame, and return its one reading."""

    def send(*sampled_values: object) -> Reading:
        meter_value = {"timestamp": "2025-10-01T08:00:00Z", "sampledValue": list(sampled_values)}
        (reading,) = call("MeterValues", {"connectorId": 1, "meterValue": [meter_value]}).readings
        return reading

    return send
