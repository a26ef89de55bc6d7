"""Single values as topics hold them, and how they are told."""

from __future__ import annotations

import math
from typing import Any

from pydantic_core import from_json

from edge_agent.sources import Decoded
from edge_agent.sources.ocpp_frames import number
from edge_agent.sources.origin import Origin
from edge_agent.sources.wording import kind
from edge_agent.wire.metrics import Quantities
from edge_agent.wire.types import MOST

COLDEST_C, HOTTEST_C = -60.0, 150.0
WH_PER_KWH = W_PER_KW = 1000.0
S_PER_H = 3600.0


def value_of(payload: bytes) -> object:
    """Return a payload's value: JSON, else text; empty text for an empty payload, which erases a value."""
    try:
        return from_json(payload)
    except ValueError:
        return payload.decode(errors="replace").strip()


def amount(value: object, unit_size: float = 1.0) -> float | None:
    """Return an amount in the wire's unit, of which the value's is 1/unit_size; None where it can be none."""
    read = number(value)
    if read is None or not 0 <= read / unit_size <= MOST or not math.isfinite(read):
        return None
    return read / unit_size


def celsius(value: object, unit_size: float = 1.0) -> float | None:
    """Return a temperature in °C; None where it cannot be true."""
    read = number(value)
    if read is None or not COLDEST_C <= read / unit_size <= HOTTEST_C:
        return None
    return read / unit_size


def hottest(by_place: dict[str, float | None]) -> dict[str, Any]:
    """Return temperature and temperatures of what several sensors say; nothing where none does."""
    known = {place: value for place, value in by_place.items() if value is not None}
    return {"temperature": max(known.values()), "temperatures": known} if known else {}


def told(origin: Origin, connector_id: int, **quantities: Any) -> Decoded:  # noqa: ANN401 - fields of Quantities
    """Return a reading that says these quantities; with none it proves life all the same."""
    return Decoded((origin.reading(connector_id, Quantities(**quantities)),))


def told_or_ignored(origin: Origin, connector_id: int, name: str, value: object, what: str) -> Decoded:
    """Return a reading of one quantity, or of life alone where the value is none."""
    if value is None:
        return Decoded((origin.reading(connector_id),), ignored=(kind("value that is no", what),))
    return told(origin, connector_id, **{name: value})
