"""OpenEVSE's topics: `{base}/{key}`, a value each. Source: OpenEVSE ESP32 firmware; RAPI."""

from __future__ import annotations

from edge_agent.sources import Decoded, Received
from edge_agent.sources.ocpp_frames import number, whole_number
from edge_agent.sources.origin import Origin
from edge_agent.sources.routes import Route, keyed, last_level, subscribed
from edge_agent.sources.values import (
    S_PER_H,
    W_PER_KW,
    WH_PER_KWH,
    amount,
    celsius,
    told,
    told_or_ignored,
    value_of,
)
from edge_agent.sources.wording import kind
from edge_agent.wire.faults import NAMES
from edge_agent.wire.metrics import ConnectorStatus
from edge_agent.wire.reading import Event, Source

EVSE = 1
STATES = {
    1: ConnectorStatus.AVAILABLE,
    2: ConnectorStatus.OCCUPIED,
    3: ConnectorStatus.CHARGING,
    **dict.fromkeys(range(4, 12), ConnectorStatus.FAULTY),
    254: ConnectorStatus.UNAVAILABLE,
    255: ConnectorStatus.UNAVAILABLE,
}
"""0 is starting: nothing is known yet."""
TENTHS = 10.0
NO_SENSOR_C = frozenset({-256.0, 0.0, 230.0})
"""What is read where a sensor is absent; a true 0 °C is lost by it, which harms less than a false one."""
AMOUNTS = {
    "power": ("power", W_PER_KW),
    "session_energy": ("energy_delivered", WH_PER_KWH),
    "uptime": ("uptime_hours", S_PER_H),
}
SENSORS = ("temp1", "temp2", "temp3")
KEYS = ("state", "temp", *SENSORS, *AMOUNTS)
KNOWN_AND_NOT_WANTED = frozenset({"amp", "voltage", "total_energy"})
"""The session's own energy is told; current and voltage come apart, so no limit can be made of them."""


def routes(base: str) -> list[Route]:
    """Return the routes of the OpenEVSE whose base topic this is; its last level names the charger."""
    charger_id = last_level(base)
    return [
        subscribed("openevse/announce/{announced}", _announcement, charger_id),
        keyed(base, KEYS, decode_openevse, charger_id),
    ]


def decode_openevse(charger_id: str, received: Received) -> Decoded:
    """Read one value."""
    origin = Origin(charger_id, received, Source.OPENEVSE)
    key, value = last_level(received.topic), value_of(received.payload)
    if key in AMOUNTS:
        name, size = AMOUNTS[key]
        return told_or_ignored(origin, EVSE, name, amount(value, size), key)
    if key == "state":
        return _state(origin, value)
    if key == "temp":
        return _temperature(origin, value)
    if key in SENSORS:
        return _sensor(origin, key, value)
    ignored = () if key in KNOWN_AND_NOT_WANTED else (kind("openevse", key),)
    return Decoded((origin.reading(EVSE),), ignored=ignored)


def _state(origin: Origin, value: object) -> Decoded:
    state = whole_number(value)
    status = None if state is None else STATES.get(state)
    if status is None:
        return Decoded(
            (origin.reading(EVSE),), ignored=() if state == 0 else (kind("openevse state", str(value)),)
        )
    code = NAMES.get(f"openevse:{state}")
    return told(origin, EVSE, connector_status=status, error_codes=() if code is None else (code,))


def _temperature(origin: Origin, value: object) -> Decoded:
    """The hottest of its sensors, in tenths of a degree, or false (which is no number) where it has none."""
    read = _celsius(value)
    return told(origin, EVSE, temperature=read) if read is not None else Decoded((origin.reading(EVSE),))


def _sensor(origin: Origin, key: str, value: object) -> Decoded:
    """One sensor alone is not the charger's temperature: that comes as `temp`."""
    read = _celsius(value)
    return (
        told(origin, EVSE, temperatures={key: read}) if read is not None else Decoded((origin.reading(EVSE),))
    )


def _celsius(tenths: object) -> float | None:
    read = number(tenths)
    return None if read is None or read / TENTHS in NO_SENSOR_C else celsius(read, TENTHS)


def _announcement(charger_id: str, received: Received) -> Decoded:
    """Its last will says `disconnected`. One of another OpenEVSE is no word of this one."""
    document = value_of(received.payload)
    if not isinstance(document, dict) or last_level(str(document.get("mqtt"))) != charger_id:
        return Decoded(ignored=("openevse announcement",))
    origin = Origin(charger_id, received, Source.OPENEVSE)
    gone = document.get("state") == "disconnected"
    return Decoded((origin.reading(0)._replace(event=Event.LAST_WILL if gone else None),))
