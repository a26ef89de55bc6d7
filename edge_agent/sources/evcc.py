"""evcc's topics: `{base}/loadpoints/{n}/{key}`, a value each. Source: evcc documentation, MQTT API.

evcc speaks of chargers and is none: where a charger speaks for itself too, one of the two is to be left
out. All its load points are one charger's EVSEs here, so that its last will takes them all.
"""

from __future__ import annotations

from edge_agent.sources import Decoded, Received, refused
from edge_agent.sources.ocpp_frames import number, whole_number
from edge_agent.sources.origin import Origin
from edge_agent.sources.routes import Route, keyed, last_level, subscribed
from edge_agent.sources.values import W_PER_KW, WH_PER_KWH, amount, told, told_or_ignored, value_of
from edge_agent.sources.wording import kind, shown
from edge_agent.wire.metrics import ConnectorStatus, Quantities
from edge_agent.wire.reading import Event, Source

KEYS = ("connected", "charging", "chargePower", "chargedEnergy", "vehicleSoc")
FULL_PERCENT = 100.0


def routes(base: str) -> list[Route]:
    """Return the routes of the evcc whose base topic this is; its last level names the charger."""
    charger_id = last_level(base)
    return [
        subscribed(f"{base}/status", _status, charger_id),
        keyed(f"{base}/loadpoints/{{connector}}", KEYS, decode_evcc, charger_id),
    ]


def decode_evcc(charger_id: str, received: Received) -> Decoded:
    """Read one value. An empty payload erases it."""
    origin = Origin(charger_id, received, Source.EVCC)
    *_, place, key = received.topic.split("/")
    evse = whole_number(place)
    if evse is None or not 1 <= evse < 2**31:
        return refused(f"load point {shown(place)} came; expected a number from 1")
    value = value_of(received.payload)
    match key:
        case "connected" | "charging":
            return _state(origin, evse, key, value)
        case "chargePower":
            return _quantity(origin, evse, "power", value, amount(value, W_PER_KW))
        case "chargedEnergy":
            return _quantity(origin, evse, "energy_delivered", value, amount(value, WH_PER_KWH))
        case "vehicleSoc":
            soc = number(value)
            valid = soc is not None and 0 <= soc <= FULL_PERCENT
            return _quantity(origin, evse, "soc", value, soc if valid else None)
    return Decoded((origin.reading(evse),), ignored=(kind("evcc", key),))


def _state(origin: Origin, evse: int, key: str, value: object) -> Decoded:
    """Each tells half: `connected` nothing of charging, the end of `charging` nothing of the plug."""
    if not isinstance(value, bool):
        return Decoded(
            (origin.reading(evse),), ignored=(kind("value that is no", key),) if value != "" else ()
        )
    if key == "charging":
        if value:
            return told(origin, evse, connector_status=ConnectorStatus.CHARGING)
        return Decoded((origin.reading(evse)._replace(event=Event.CHARGING_STOPPED),))
    if not value:
        return told(origin, evse, connector_status=ConnectorStatus.AVAILABLE)
    plugged = origin.reading(evse, Quantities(connector_status=ConnectorStatus.OCCUPIED))
    return Decoded((plugged._replace(event=Event.CONNECTED),))


def _quantity(origin: Origin, evse: int, name: str, value: object, read: float | None) -> Decoded:
    if value == "":
        return told(origin, evse, **{name: None})
    return told_or_ignored(origin, evse, name, read, name)


def _status(charger_id: str, received: Received) -> Decoded:
    gone = value_of(received.payload) == "offline"
    reading = Origin(charger_id, received, Source.EVCC).reading(0)
    return Decoded((reading._replace(event=Event.LAST_WILL if gone else None),))
