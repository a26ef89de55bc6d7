"""What happens to a charger's connection at the agent's own endpoint: `opened`, `closed` or `cut`."""

from __future__ import annotations

from edge_agent.sources import Decoded, Received, refused
from edge_agent.sources.origin import Origin
from edge_agent.sources.wording import shown
from edge_agent.wire.reading import Event

EVENTS = {b"opened": Event.LINK_OPENED, b"closed": Event.LINK_CLOSED, b"cut": Event.LINK_CUT}


def decode_link(charger_id: str, received: Received) -> Decoded:
    """Read a message of `…/chargers/{charger_id}/ocpp/link`."""
    event = EVENTS.get(received.payload.strip())
    if event is None:
        came = shown(received.payload.decode(errors="replace"))
        return refused(f"{came} came; expected opened, closed or cut")
    return Decoded((Origin(charger_id, received).reading(0)._replace(event=event),))
