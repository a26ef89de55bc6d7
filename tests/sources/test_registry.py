from __future__ import annotations

import json

import pytest

from edge_agent.sources import MAX_PARTS, MAX_REJECTED, Received
from edge_agent.sources.registry import MAX_PAYLOAD_BYTES, Registry
from tests.sources.conftest import NOW, PREFIX, Send

METRICS = b'{"connector_status": "AVAILABLE"}'


def test_the_subscriptions_cover_every_topic_that_is_read(registry: Registry) -> None:
    assert registry.subscriptions == (
        f"{PREFIX}/chargers/+/metrics",
        f"{PREFIX}/chargers/+/ocpp",
        f"{PREFIX}/chargers/+/ocpp/down",
    )


def test_a_prefix_is_taken_literally() -> None:
    registry = Registry("site.1")
    assert registry.decode(Received("site.1/chargers/A/metrics", METRICS, NOW)).readings
    assert registry.decode(Received("siteX1/chargers/A/metrics", METRICS, NOW)).rejected


@pytest.mark.parametrize(
    "topic", ["", "elsewhere", f"{PREFIX}/chargers//metrics", f"{PREFIX}/chargers/A/B/metrics", f"{PREFIX}/x"]
)
def test_an_unknown_topic_is_rejected(registry: Registry, topic: str) -> None:
    (rejected,) = registry.decode(Received(topic, METRICS, NOW)).rejected
    assert "topic" in rejected.reason


@pytest.mark.parametrize("charger_id", ["A", "CHG_001", "a.b:c-d", "DE%2AABC", "x" * 128])
def test_a_charger_id_of_the_contract_is_accepted_as_it_stands(registry: Registry, charger_id: str) -> None:
    (reading,) = registry.decode(Received(f"{PREFIX}/chargers/{charger_id}/metrics", METRICS, NOW)).readings
    assert reading.charger_id == charger_id


@pytest.mark.parametrize("charger_id", ["_site", "x" * 129, "a b", "é", "a\n", "#", "+"])
def test_any_other_charger_id_is_rejected(registry: Registry, charger_id: str) -> None:
    (rejected,) = registry.decode(Received(f"{PREFIX}/chargers/{charger_id}/metrics", METRICS, NOW)).rejected
    assert rejected.reason.startswith("charger id")


@pytest.mark.parametrize("source", ["metrics", "ocpp", "ocpp/down"])
@pytest.mark.parametrize(
    "payload",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\x00\xff\xfe", id="binary"),
        pytest.param(b'{"connector_status": "\xff"}', id="invalid UTF-8"),
        pytest.param(b'["\\ud800"]', id="half a surrogate pair"),
        pytest.param(b"[" * 500_000, id="nested arrays"),
        pytest.param(b'{"a":' * 100_000, id="nested objects"),
        pytest.param(json.dumps({"message": "[" * 200_000}).encode(), id="nested in an envelope"),
        pytest.param(b"[" + b"9" * 10_000 + b"]", id="an endless number"),
        pytest.param(b"x" * (MAX_PAYLOAD_BYTES + 1), id="too large"),
        pytest.param(b"3", id="a number"),
        pytest.param(b"null", id="null"),
        pytest.param(b"[]", id="an empty array"),
        pytest.param(b"{}", id="an empty object"),
    ],
)
def test_what_is_no_message_is_rejected_in_one_short_sentence(
    registry: Registry, source: str, payload: bytes
) -> None:
    decoded = registry.decode(Received(f"{PREFIX}/chargers/A/{source}", payload, NOW))
    assert not decoded.readings
    assert decoded.rejected
    assert all(0 < len(rejected.reason) <= 300 for rejected in decoded.rejected)


def test_much_rubbish_makes_few_rejections(send_metrics: Send) -> None:
    decoded = send_metrics([1] * MAX_PARTS)
    assert len(decoded.rejected) == MAX_REJECTED + 1
    assert (
        decoded.rejected[-1].reason
        == f"{MAX_PARTS - MAX_REJECTED} more parts of the same message were refused"
    )


def test_a_message_of_too_many_parts_is_rejected_as_one(send_metrics: Send, call: Send) -> None:
    frame = {"connectorId": 1, "meterValue": [{}] * (MAX_PARTS + 1)}
    for decoded in (send_metrics([{}] * (MAX_PARTS + 1)), call("MeterValues", frame)):
        (rejected,) = decoded.rejected
        assert str(MAX_PARTS) in rejected.reason


def test_retained_and_burst_are_handed_on(registry: Registry) -> None:
    for source, payload in (("metrics", METRICS), ("ocpp", b'[2, "1", "Heartbeat", {}]')):
        topic = f"{PREFIX}/chargers/A/{source}"
        (reading,) = registry.decode(Received(topic, payload, NOW, retained=True, burst=True)).readings
        assert reading.retained
        assert reading.burst
        assert reading.received_at == NOW
