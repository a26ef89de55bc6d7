"""Plain metrics: one object, flat or `{charger_id, metrics, tenant_id}`, or an array of either."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError
from pydantic_core import from_json

from edge_agent.sources import MAX_PARTS, Decoded, Received, joined, refused
from edge_agent.sources.people import names_people
from edge_agent.sources.wording import clipped, fault_in, not_json, shown
from edge_agent.wire.metrics import Metrics, MetricsEnvelope
from edge_agent.wire.reading import Reading, Source


def decode_metrics(charger_id: str, received: Received) -> Decoded:
    """Read a message of `…/chargers/{charger_id}/metrics`.

    Of an array each element is judged alone. A flat object, the usual case, is validated straight
    from its bytes; everything else is parsed first.
    """
    payload = received.payload
    if payload[:1] == b"{" and b'"metrics"' not in payload:
        try:
            metrics = Metrics.model_validate_json(payload)
        except ValidationError as error:
            return refused(fault_in(error))
        return _accepted(charger_id, received, metrics)
    try:
        document = from_json(payload)
    except ValueError as error:
        return refused(not_json(error))
    if isinstance(document, list):
        return _decode_array(charger_id, received, document)
    return _decode_element(charger_id, received, document)


def _decode_array(charger_id: str, received: Received, elements: list[object]) -> Decoded:
    if not elements:
        return refused("an empty array came; expected metrics")
    if len(elements) > MAX_PARTS:
        return refused(f"an array of {len(elements)} came; expected at most {MAX_PARTS} elements")
    return joined(_decode_element(charger_id, received, element) for element in elements)


def _decode_element(charger_id: str, received: Received, element: object) -> Decoded:
    if not isinstance(element, dict):
        # By its sort only: a frame that went to the wrong topic has ids of people among its elements.
        sort = "text" if isinstance(element, str) else shown(element)
        return refused(f"{sort} came; expected an object of metrics")
    try:
        if not isinstance(element.get("metrics"), dict):
            return _accepted(charger_id, received, Metrics.model_validate(element))
        envelope = MetricsEnvelope.model_validate(element)
    except ValidationError as error:
        return refused(fault_in(error))
    if envelope.charger_id != charger_id:
        return _of_another(envelope.charger_id, charger_id)
    return _accepted(charger_id, received, envelope.metrics, envelope.tenant_id)


def _accepted(charger_id: str, received: Received, metrics: Metrics, tenant_id: str | None = None) -> Decoded:
    if metrics.charger_id is not None and metrics.charger_id != charger_id:
        return _of_another(metrics.charger_id, charger_id)
    ignored: tuple[str, ...] = ()
    if metrics.metadata:
        kept = _less_people(metrics.metadata)
        if kept != metrics.metadata:
            metrics = metrics.model_copy(update={"metadata": kept})
            ignored = ("metadata about people",)
    reading = Reading(
        charger_id=charger_id,
        connector_id=metrics.connector_id,
        metrics=metrics,
        received_at=received.received_at,
        source=Source.METRICS,
        measured_at=metrics.timestamp,
        tenant_id=tenant_id,
        retained=received.retained,
        burst=received.burst,
    )
    return Decoded((reading,), (), ignored)


def _of_another(named: str, charger_id: str) -> Decoded:
    return refused(clipped(f"charger_id: {named!r} came; expected {charger_id!r}, as in the topic"))


def _less_people(value: Any) -> Any:  # noqa: ANN401 - a JSON value in, the same sort of value out
    """Return the value without the members whose name says that they identify a person or a vehicle."""
    if isinstance(value, dict):
        return {name: _less_people(part) for name, part in value.items() if not names_people(name)}
    if isinstance(value, list):
        return [_less_people(part) for part in value]
    return value
