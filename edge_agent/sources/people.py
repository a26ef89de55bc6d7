"""People's data: what identifies a person or a vehicle goes no further than here."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import Any

from pydantic_core import from_json, to_json

# Compared without case and separators: `id_tag`, `parentIdTag`, `EV-MAC`.
_AT_THE_END = ("idtag", "idtoken", "emaid", "evccid", "mac", "macaddress", "vin", "rfid")
_ANYWHERE = ("authorization", "certificate")
MASK = "(removed)"
MOST_DEPTH = 64
JSON_BEGINS = ("[", "{", '"')


@lru_cache(maxsize=1024)
def names_people(name: str) -> bool:
    """Say whether a member of that name identifies a person or a vehicle."""
    plain = "".join(character for character in name.lower() if character.isalnum())
    return plain.endswith(_AT_THE_END) or any(part in plain for part in _ANYWHERE)


def without_people(payload: bytes) -> bytes:
    """Return a payload fit to be set aside: values that identify people are masked.

    Of bytes that are not JSON, or are JSON too deep to look through, only length and hash remain: nothing
    in them can be told from a name.
    """
    try:
        return to_json(_masked(from_json(payload), MOST_DEPTH))
    except ValueError:
        return _hashed(payload).encode()


def _hashed(payload: bytes) -> str:
    return f"{len(payload)} bytes that are not JSON, sha256 {hashlib.sha256(payload).hexdigest()}"


def _masked(value: Any, depth: int) -> Any:  # noqa: ANN401 - a JSON value in, the same sort of value out
    if depth == 0:
        reason = "too deep"
        raise ValueError(reason)
    if isinstance(value, dict):
        return {
            name: MASK if names_people(name) else _masked(part, depth - 1) for name, part in value.items()
        }
    if isinstance(value, list):
        return [_masked(part, depth - 1) for part in value]
    if isinstance(value, str) and value.lstrip()[:1] in JSON_BEGINS:
        return _masked_text(value, depth - 1)
    return value


def _masked_text(text: str, depth: int) -> str:
    """Mask within a text that may be JSON itself: a frame inside an envelope."""
    try:
        document = from_json(text)
    except ValueError:
        return _hashed(text.encode())
    return to_json(_masked(document, depth)).decode()
