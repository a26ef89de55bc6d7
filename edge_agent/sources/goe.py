"""go-e chargers' topics: `{base}/{serial}/{key}`, a JSON value each. Source: go-e API v2, apikeys."""

from __future__ import annotations

from collections.abc import Callable

from edge_agent.sources import Decoded, Received
from edge_agent.sources.ocpp_frames import text, whole_number
from edge_agent.sources.origin import Origin
from edge_agent.sources.routes import Route, keyed, last_level
from edge_agent.sources.values import (
    S_PER_H,
    W_PER_KW,
    WH_PER_KWH,
    amount,
    celsius,
    hottest,
    told,
    told_or_ignored,
    value_of,
)
from edge_agent.sources.wording import kind
from edge_agent.wire.faults import NAMES
from edge_agent.wire.metrics import ConnectorStatus
from edge_agent.wire.reading import Source

EVSE = 1
CAR = {
    0: ConnectorStatus.FAULTY,
    1: ConnectorStatus.AVAILABLE,
    2: ConnectorStatus.CHARGING,
    3: ConnectorStatus.OCCUPIED,
    4: ConnectorStatus.FULLY_CHARGED,
    5: ConnectorStatus.FAULTY,
    None: ConnectorStatus.FAULTY,
}
"""null is an internal error."""
POWER_OF_ALL = 11
"""Place of the total in nrg: voltages, currents and powers come before."""
MS_PER_H = 1000.0 * S_PER_H
AMOUNTS = {"wh": ("energy_delivered", WH_PER_KWH), "rbt": ("uptime_hours", MS_PER_H)}
WORDS = {"fwv": "firmware", "typ": "model"}
KEYS = ("car", "err", "nrg", "wh", "tma", "rbt", "fwv", "typ")
KNOWN_AND_NOT_WANTED = frozenset({"amp", "cus", "eto", "modelStatus", "rbc"})


def routes(base: str) -> list[Route]:
    """Return the routes of all go-e chargers under a base topic."""
    return [keyed(f"{base}/{{charger_id}}", KEYS, decode_goe)]


def decode_goe(charger_id: str, received: Received) -> Decoded:
    """Read one value."""
    origin = Origin(charger_id, received, Source.GOE)
    key, value = last_level(received.topic), value_of(received.payload)
    if key in AMOUNTS:
        name, size = AMOUNTS[key]
        return told_or_ignored(origin, EVSE, name, amount(value, size), key)
    if key in WORDS:
        return told_or_ignored(origin, EVSE, WORDS[key], text(value), key)
    if key in READERS:
        return READERS[key](origin, value)
    ignored = () if key in KNOWN_AND_NOT_WANTED else (kind("goe", key),)
    return Decoded((origin.reading(EVSE),), ignored=ignored)


def _power(origin: Origin, value: object) -> Decoded:
    power = value[POWER_OF_ALL] if isinstance(value, list) and len(value) > POWER_OF_ALL else None
    return told_or_ignored(origin, EVSE, "power", amount(power, W_PER_KW), "nrg")


def _car(origin: Origin, value: object) -> Decoded:
    state = None if value is None else whole_number(value)
    if state not in CAR or (state is None and value is not None):
        return Decoded((origin.reading(EVSE),), ignored=(kind("goe car", str(value)),))
    return told(origin, EVSE, connector_status=CAR[state])


def _error(origin: Origin, value: object) -> Decoded:
    """Its end is no state: `car` says what comes next."""
    error = whole_number(value)
    if error is None:
        return Decoded((origin.reading(EVSE),), ignored=(kind("goe err", str(value)),))
    if error == 0:
        return told(origin, EVSE, error_codes=())
    code = f"goe:{error}"
    return told(origin, EVSE, connector_status=ConnectorStatus.FAULTY, error_codes=(NAMES.get(code, code),))


def _temperatures(origin: Origin, value: object) -> Decoded:
    sensors = value if isinstance(value, list) else [value]
    by_place = {f"tma{number}": celsius(each) for number, each in enumerate(sensors[:16], 1)}
    return told(origin, EVSE, **hottest(by_place))


READERS: dict[str, Callable[[Origin, object], Decoded]] = {
    "car": _car,
    "err": _error,
    "nrg": _power,
    "tma": _temperatures,
}
