"""A reading as a row, small: this is most of what the store writes in its life.

What chargers say with nearly every reading has columns of its own. `told` is a bit for each field that was
set, for null said is not null left out: a partial reading changes nothing that it leaves out.
"""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import Any

from pydantic_core import from_json, to_json

from edge_agent.adapters.sqlite.times import microseconds, moment_of
from edge_agent.wire.metrics import Metrics, Quantities
from edge_agent.wire.reading import Event, Reading, Source
from edge_agent.wire.types import EvseId

COLUMNS = (
    "charger_id, connector_id, told_connector_id, received_at, measured_at, source, event, register_kwh, "
    "transaction_id, call_id, tenant_id, raised, cleared, retained, burst, whole, told, connector_status, "
    "energy_delivered, power, temperature, uptime_hours, total_sessions, error_codes, more"
)
NUMBERS = ("energy_delivered", "power", "temperature", "uptime_hours", "total_sessions")
TOLD = {name: 1 << bit for bit, name in enumerate(("connector_status", *NUMBERS, "error_codes"))}
"""Bits of `told` for fields with a column. Never renumber them: stores hold them."""
REPEATED = {"charger_id": 1 << 16, "connector_id": 1 << 17, "timestamp": 1 << 18}
"""Bits for metrics that repeat the reading's own charger, connector and time of measurement."""
NO_CODES = "[]"

Row = tuple[Any, ...]
Own = tuple[tuple[str, str], tuple[str, int | None], tuple[str, datetime | None]]


def reading_row(number: int, evse: EvseId, reading: Reading) -> Row:
    """Return the row of a reading: its id, then COLUMNS."""
    metrics, measured, event = reading.metrics, reading.measured_at, reading.event
    values = metrics.__dict__
    told, rest = _told(reading)
    status, codes = values["connector_status"], values["error_codes"]
    return (
        number,
        evse.charger_id,
        evse.connector_id,
        reading.connector_id,
        microseconds(reading.received_at),
        None if measured is None else microseconds(measured),
        reading.source.value,
        None if event is None else event.value,
        reading.register_kwh,
        reading.transaction_id,
        reading.call_id,
        reading.tenant_id,
        _codes_text(reading.raised),
        _codes_text(reading.cleared),
        reading.retained,
        reading.burst,
        isinstance(metrics, Metrics),
        told,
        None if status is None else status.value,
        *map(values.__getitem__, NUMBERS),
        None if codes is None else to_json(codes).decode() if codes else NO_CODES,
        metrics.model_dump_json(include=set(rest), exclude_unset=True) if rest else None,
    )


def _told(reading: Reading) -> tuple[int, frozenset[str]]:
    """Return the bits of what was set, and the names of what no bit or column holds."""
    metrics = reading.metrics
    told, rest = _columns_told(frozenset(metrics.model_fields_set))
    if rest and isinstance(metrics, Metrics):
        for name, own in _own(reading.charger_id, reading.connector_id, reading.measured_at):
            if name in rest and getattr(metrics, name) == own:
                told += REPEATED[name]
                rest -= {name}
    return told, rest


@lru_cache(1024)
def _columns_told(names: frozenset[str]) -> tuple[int, frozenset[str]]:
    """Return the bits of the fields that have a column, and the other fields; combinations are few."""
    return sum(bit for name, bit in TOLD.items() if name in names), names.difference(TOLD)


def reading_of(row: Row) -> tuple[EvseId, Reading]:
    """Return the reading of a row of COLUMNS, with the EVSE that it was found to be about."""
    (charger_id, connector_id, told_connector, received, measured, source, event, register, *rest) = row
    (transaction_id, call_id, tenant_id, raised, cleared, retained, burst, whole, *quantities) = rest
    measured_at = None if measured is None else moment_of(measured)
    reading = Reading(
        charger_id=charger_id,
        connector_id=told_connector,
        metrics=(Metrics if whole else Quantities).model_validate(
            _said(quantities, _own(charger_id, told_connector, measured_at))
        ),
        received_at=moment_of(received),
        source=Source(source),
        measured_at=measured_at,
        event=None if event is None else Event(event),
        register_kwh=register,
        transaction_id=transaction_id,
        call_id=call_id,
        tenant_id=tenant_id,
        raised=_codes_of(raised),
        cleared=_codes_of(cleared),
        retained=bool(retained),
        burst=bool(burst),
    )
    return EvseId(charger_id, connector_id), reading


def _codes_text(codes: tuple[str, ...]) -> str | None:
    return to_json(codes).decode() if codes else None


def _codes_of(text: str | None) -> tuple[str, ...]:
    return () if text is None else tuple(from_json(text))


def _own(charger_id: str, connector_id: int | None, measured_at: datetime | None) -> Own:
    """Return what the reading itself says of what metrics may repeat."""
    return ("charger_id", charger_id), ("connector_id", connector_id), ("timestamp", measured_at)


def _said(quantities: list[Any], own: Own) -> dict[str, Any]:
    """Return the fields that were set, as the row's columns from `told` on tell them."""
    told, *values, codes, more = quantities
    values.append(None if codes is None else from_json(codes))
    said = {name: value for (name, bit), value in zip(TOLD.items(), values, strict=True) if told & bit}
    said.update((name, value) for name, value in own if told & REPEATED[name])
    return said if more is None else said | from_json(more)
