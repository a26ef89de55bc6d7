"""An OCPP-J frame as far as a relay must understand it (OCPP-J 1.6, 4.2; 2.0.1 part 4, 4)."""

from __future__ import annotations

import json
from enum import IntEnum
from typing import NamedTuple

from pydantic_core import from_json

MOST_ID = 128
MOST_CODE_WORDS = 255


class Sort(IntEnum):
    """MessageTypeId."""

    CALL = 2
    RESULT = 3
    ERROR = 4


class Frame(NamedTuple):
    """One frame.

    action: of a CALL; empty otherwise. payload: of a CALL or RESULT; empty where it is no object.
    """

    sort: Sort
    message_id: str
    action: str
    payload: dict[str, object]

    @property
    def is_call(self) -> bool:
        return self.sort is Sort.CALL


SORTS = {sort.value: sort for sort in Sort}


def read(text: str | bytes) -> Frame | None:
    """Return the frame in a message, or None where it is none: a relay passes it on all the same."""
    try:
        document = from_json(text)
    except ValueError:
        return None
    if not isinstance(document, list) or len(document) < 3 or not isinstance(document[1], str):  # noqa: PLR2004 - sort, id, and what it is about
        return None
    sort = SORTS.get(document[0]) if isinstance(document[0], int) else None
    if sort is None or not 0 < len(document[1]) <= MOST_ID:
        return None
    if sort is not Sort.CALL:
        return Frame(sort, document[1], "", _object(document[2]))
    if not isinstance(document[2], str):
        return None
    return Frame(sort, document[1], document[2], _object(document[3] if document[3:] else None))


def _object(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}


def call(message_id: str, action: str, payload: dict[str, object]) -> str:
    """Return a request as text."""
    return _text([Sort.CALL.value, message_id, action, payload])


def result(message_id: str, payload: dict[str, object]) -> str:
    """Return an answer as text."""
    return _text([Sort.RESULT.value, message_id, payload])


def error(message_id: str, code: str, words: str) -> str:
    """Return a refusal as text."""
    return _text([Sort.ERROR.value, message_id, code, words[:MOST_CODE_WORDS], {}])


def _text(document: list[object]) -> str:
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False)
