"""OCPP frames that others put on the broker, under topics of their own.

{base}/{charger_id}/charger/{action}      a bridge from WebSocket; …/availability is its last will
{base}/in/{version}/{charger_id}          MaEVe's gateway, towards its back office
"""

from __future__ import annotations

from edge_agent.sources import Decoded, Received
from edge_agent.sources.ocpp import decode_ocpp
from edge_agent.sources.origin import Origin
from edge_agent.sources.routes import Route, subscribed
from edge_agent.sources.values import value_of
from edge_agent.wire.reading import Event

GONE = frozenset({"offline", "unavailable", "disconnected"})


def bridge_routes(base: str) -> list[Route]:
    """Return the routes of a bridge."""
    charger = f"{base}/{{charger_id}}/charger"
    return [
        subscribed(f"{charger}/availability", _availability),
        subscribed(f"{charger}/{{action}}", decode_ocpp),
    ]


def maeve_routes(base: str) -> list[Route]:
    """Return the routes of MaEVe's gateway."""
    return [
        subscribed(f"{base}/in/{version}/{{charger_id}}", decode_ocpp) for version in ("ocpp16", "ocpp201")
    ]


def _availability(charger_id: str, received: Received) -> Decoded:
    gone = str(value_of(received.payload)).lower() in GONE
    reading = Origin(charger_id, received).reading(0)
    return Decoded((reading._replace(event=Event.LAST_WILL if gone else None),))
