"""OCPP-J framing: what a payload holds, bare or in an envelope, and the scalars inside, read leniently.

Frames (OCPP-J 1.6, 4.2): `[2, id, action, payload]`, `[3, id, payload]`, `[4, id, code, text, details]`.
Envelopes: EVerest `{"message": "<frame>"}`; `{"timestamp", "message_type", "payload": [2, …]}`;
MaEVe `{"type", "action", "id", "request", "response", "error_code"}`, where an answer repeats its request.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from math import isfinite

from pydantic_core import from_json

from edge_agent.errors import Rejected
from edge_agent.sources.wording import not_json, shown
from edge_agent.wire.types import as_utc

MAX_OPAQUE = 128
_WHOLE_NUMBER = re.compile(r"-?[0-9]{1,18}")
_DATE_LENGTH = len("2025-10-01")


@dataclass(frozen=True, slots=True)
class Call:
    """A request; `message_id` is None where it is unusable."""

    message_id: str | None
    action: str
    arguments: dict[str, object]


@dataclass(frozen=True, slots=True)
class CallResult:
    """The answer to the call of the same `message_id`."""

    message_id: str | None
    arguments: dict[str, object]


@dataclass(frozen=True, slots=True)
class CallError:
    """The refusal of the call of the same id."""

    code: object


Frame = Call | CallResult | CallError


def read_frame(payload: bytes) -> Frame | Rejected:
    """Return the frame in a payload, whatever its envelope."""
    try:
        document = from_json(payload)
        if isinstance(document, dict):
            return _from_envelope(document)
    except ValueError as error:
        return Rejected(not_json(error))
    return _from_array(document)


def _from_envelope(envelope: dict[str, object]) -> Frame | Rejected:
    """Raises ValueError where a frame given as text is no JSON."""
    for member in ("message", "payload"):
        held = envelope.get(member)
        if isinstance(held, str):
            return _from_array(from_json(held))
        if isinstance(held, list):
            return _from_array(held)
    message_id = envelope.get("id")
    if envelope.get("error_code"):
        return _from_array([4, message_id, envelope["error_code"]])
    if envelope.get("response") is not None:
        return _from_array([3, message_id, envelope["response"]])
    if "action" in envelope:
        return _from_array([2, message_id, envelope["action"], envelope.get("request")])
    return Rejected("an object without message, payload or action came; expected an OCPP frame")


def _from_array(frame: object) -> Frame | Rejected:
    match frame:
        case [2, message_id, str(action), *rest]:
            arguments = _arguments(rest)
            return (
                arguments if isinstance(arguments, Rejected) else Call(opaque(message_id), action, arguments)
            )
        case [3, message_id, *rest]:
            arguments = _arguments(rest)
            return arguments if isinstance(arguments, Rejected) else CallResult(opaque(message_id), arguments)
        case [4, _, *rest]:
            return CallError(rest[0] if rest else None)
        case [int() as sort, *_]:
            return Rejected(
                f"an array beginning with {shown(sort)} came; expected a whole OCPP frame: 2, 3 or 4"
            )
        case _:
            return Rejected(f"{_sort_of(frame)} came; expected an OCPP frame")


def _arguments(rest: Sequence[object]) -> dict[str, object] | Rejected:
    """OCPP-J 1.6, 4.2.1: an empty payload may be null; some leave it out."""
    arguments = rest[0] if rest else None
    if arguments is None:
        return {}
    if isinstance(arguments, dict):
        return arguments
    return Rejected(f"OCPP payload: {_sort_of(arguments)} came; expected an object")


def _sort_of(value: object) -> str:
    return "text" if isinstance(value, str) else shown(value)


def opaque(value: object) -> str | None:
    """Return an id as text, or None where it is unusable.

    Cut at MAX_OPAQUE: the two ends of a pair are cut alike, and still match.
    """
    if isinstance(value, str) and value:
        return value[:MAX_OPAQUE]
    number = whole_number(value)
    return None if number is None else str(number)


def number(value: object) -> float | None:
    """Return a finite number, from a JSON number or its text; None where it is none."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        read = float(value)
    except (ValueError, OverflowError):
        return None
    return read if isfinite(read) else None


def whole_number(value: object) -> int | None:
    """Return a whole number of 18 digits or fewer, from a JSON number or its text; None where it is none."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value if abs(value) < 10**18 else None
    if isinstance(value, str) and _WHOLE_NUMBER.fullmatch(value.strip()):
        return int(value)
    return None


def text(value: object) -> str | None:
    """Return text without blanks around it, cut at MAX_OPAQUE; None where there is none."""
    return value.strip()[:MAX_OPAQUE] or None if isinstance(value, str) else None


def moment(value: object) -> datetime | None:
    """Return an RFC 3339 time as aware UTC, read leniently; None where it is none, or a date alone."""
    if not isinstance(value, str) or len(value) <= _DATE_LENGTH:
        return None
    try:
        return as_utc(datetime.fromisoformat(value.strip().upper()))
    except ValueError:
        return None
