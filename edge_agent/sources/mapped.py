"""A site's odd device, as the configuration declares it: topic, JSON pointers, units, maps of values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from edge_agent.sources import Decoded, Decoder, Received, refused
from edge_agent.sources.ocpp_frames import moment, number, text, whole_number
from edge_agent.sources.origin import Origin
from edge_agent.sources.routes import Route, subscribed
from edge_agent.sources.units import ENERGY_KWH, HOURS, PERCENT, POWER_KW, TEMPERATURE_C, Units, converted
from edge_agent.sources.values import value_of
from edge_agent.sources.wording import kind, shown
from edge_agent.wire.faults import NAMES
from edge_agent.wire.metrics import ConnectorStatus, Quantities
from edge_agent.wire.reading import Source

MEASURED: dict[str, Units] = {
    "energy_delivered": ENERGY_KWH,
    "energy_register": ENERGY_KWH,
    "power": POWER_KW,
    "power_limit": POWER_KW,
    "power_requested": POWER_KW,
    "rated_power": POWER_KW,
    "temperature": TEMPERATURE_C,
    "ambient_temperature": TEMPERATURE_C,
    "soc": PERCENT,
    "uptime_hours": HOURS,
}
"""Numbers with a unit. energy_register is the lifetime register, where no session's energy is told."""
COUNTED = frozenset({"total_sessions"})
SPELLED = frozenset({"vendor", "model", "firmware"})
FIELDS = frozenset({*MEASURED, *COUNTED, *SPELLED, "connector_status", "error_codes", "timestamp"})
CODES_APART = ", ;|"


@dataclass(frozen=True, slots=True)
class Field:
    """Where one field is. at: a JSON pointer (RFC 6901); empty: the whole payload.

    unit: of MEASURED's units; empty: the first. values: the device's word -> ours.
    """

    at: str = ""
    unit: str = ""
    values: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Device:
    """A device's topic, with `{charger_id}` and `{connector_id}` in their places, or with fixed ones."""

    topic: str
    fields: Mapping[str, Field]
    charger_id: str | None = None
    connector_id: int = 1


def routes(device: Device) -> list[Route]:
    """Return the route of a declared device."""
    return [subscribed(device.topic, _decoder(device), device.charger_id)]


def _decoder(device: Device) -> Decoder:
    place = device.topic.split("/").index("{connector_id}") if "{connector_id}" in device.topic else None

    def decode(charger_id: str, received: Received) -> Decoded:
        connector_id = device.connector_id
        if place is not None:
            told = received.topic.split("/")[place]
            read = whole_number(told)
            if read is None or not 0 <= read < 2**31:
                return refused(f"connector {shown(told)} came in the topic; expected a number")
            connector_id = read
        return _read(device, Origin(charger_id, received, Source.MAPPED), connector_id)

    return decode


def _read(device: Device, origin: Origin, connector_id: int) -> Decoded:
    document = value_of(origin.received.payload)
    said: dict[str, Any] = {}
    ignored: list[str] = []
    for name, place in device.fields.items():
        found, value = pointed(document, place.at)
        if not found:
            continue
        read = _value(name, place, value)
        if read is None and value is not None:
            ignored.append(kind("value that is no", name))
        else:
            said[name] = read
    measured_at, register_kwh = said.pop("timestamp", None), said.pop("energy_register", None)
    metrics, implausible = _plausible(said)
    ignored += [kind("implausible", name) for name in implausible]
    reading = origin.reading(connector_id, metrics)
    return Decoded(
        (reading._replace(measured_at=measured_at, register_kwh=register_kwh),), ignored=tuple(ignored)
    )


def _plausible(said: dict[str, Any]) -> tuple[Quantities, list[str]]:
    """Return what can be true, and the fields of what cannot."""
    try:
        return Quantities(**said), []
    except ValidationError as error:
        wrong = [str(fault["loc"][0]) for fault in error.errors(include_url=False)]
    return Quantities(**{name: value for name, value in said.items() if name not in wrong}), wrong


def pointed(document: object, pointer: str) -> tuple[bool, object]:
    """Return whether there is something at a JSON pointer, and what."""
    here = document
    for step in pointer.split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        if isinstance(here, dict) and name in here:
            here = here[name]
        elif isinstance(here, list) and name.isdigit() and int(name) < len(here):
            here = here[int(name)]
        else:
            return False, None
    return True, here


def _value(name: str, place: Field, value: object) -> Any:  # noqa: ANN401 - as the field has it
    """Return a field's value in the wire's unit and words; None where it is none."""
    value = place.values.get(_word(value), value) if place.values else value
    if name in MEASURED:
        read, units = number(value), MEASURED[name]
        unit = units[place.unit.casefold() or next(iter(units))]
        return None if read is None else converted(read, unit)
    if name in COUNTED:
        return whole_number(value)
    if name == "timestamp":
        return moment(value)
    if name == "connector_status":
        return value if isinstance(value, str) and value in ConnectorStatus.__members__ else None
    if name == "error_codes":
        return _codes(place, value)
    return text(value if isinstance(value, str) else str(value))


def _word(value: object) -> str:
    return "true" if value is True else "false" if value is False else str(value)


def _codes(place: Field, value: object) -> tuple[str, ...] | None:
    """Return codes of an array, of text with several, or of a number; null, 0, false, empty: none."""
    if value in (None, 0, False, "", "0"):
        return ()
    if isinstance(value, str):
        for mark in CODES_APART:
            value = value.replace(mark, "\n")
        value = value.split()
    words = [_word(each) for each in value] if isinstance(value, list) else [_word(value)]
    mapped = [place.values.get(each, each) for each in words]
    return tuple(dict.fromkeys(NAMES.get(each, each) for each in mapped if each))
