"""OCPP-J frames over MQTT, in both directions. An action tells which side sent it."""

from __future__ import annotations

from edge_agent.errors import Rejected
from edge_agent.sources import Decoded, Received
from edge_agent.sources.ocpp16 import Origin, decode_call, decode_result
from edge_agent.sources.ocpp_frames import Call, CallResult, read_frame
from edge_agent.sources.wording import kind


def decode_ocpp(charger_id: str, received: Received) -> Decoded:
    """Read a message of `…/chargers/{charger_id}/ocpp` or `…/ocpp/down`."""
    frame = read_frame(received.payload)
    match frame:
        case Rejected():
            return Decoded(rejected=(frame,))
        case Call():
            return decode_call(Origin(charger_id, received), frame)
        case CallResult():
            return decode_result(Origin(charger_id, received), frame)
        case _:
            return Decoded(ignored=(kind("ocpp refusal", frame.code),))
