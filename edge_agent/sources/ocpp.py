"""OCPP-J frames in both directions. Actions tell which side sent one, members which version it is of."""

from __future__ import annotations

from edge_agent.errors import Rejected
from edge_agent.sources import Decoded, Received, ocpp2, ocpp16
from edge_agent.sources.ocpp_frames import Call, CallResult, read_frame
from edge_agent.sources.origin import Origin
from edge_agent.sources.wording import kind


def decode_ocpp(charger_id: str, received: Received) -> Decoded:
    """Read a message of `…/chargers/{charger_id}/ocpp` or `…/ocpp/down`."""
    frame = read_frame(received.payload)
    match frame:
        case Rejected():
            return Decoded(rejected=(frame,))
        case Call():
            origin = Origin(charger_id, received)
            return (
                ocpp2.decode_call(origin, frame) if ocpp2.speaks(frame) else ocpp16.decode_call(origin, frame)
            )
        case CallResult():
            return ocpp16.decode_result(Origin(charger_id, received), frame)
        case _:
            return Decoded(ignored=(kind("ocpp refusal", frame.code),))
