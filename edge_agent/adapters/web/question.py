"""From a request's bytes to a checked question, never taking in more than is allowed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Literal, TypeVar
from urllib.parse import parse_qsl

from pydantic import BaseModel, ValidationError
from starlette.requests import ClientDisconnect
from starlette.types import Receive

from edge_agent.adapters.web.problems import CLOSE, Refused
from edge_agent.wire.rest import Fault

MAX_BODY_BYTES = 1024 * 1024
MAX_FAULTS = 100
JSON_TYPE = b"application/json"
PLACE = re.compile(r" at line (\d+) column (\d+)$")

Model = TypeVar("Model", bound=BaseModel)


def require_json(headers: Mapping[bytes, bytes]) -> None:
    """Raises Refused (415) unless the body is said to be plain JSON."""
    media_type = headers.get(b"content-type", b"")
    # Most clients send exactly this; the rest add parameters.
    if media_type != JSON_TYPE and media_type.partition(b";")[0].strip().lower() != JSON_TYPE:
        raise Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "Send the body as application/json.")
    if headers.get(b"content-encoding", b"identity").lower() != b"identity":
        raise Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "Send the body without a Content-Encoding.")


async def read_body(headers: Mapping[bytes, bytes], receive: Receive) -> bytes:
    """Return the whole body. Raises Refused (413) once it is known to be too large, ClientDisconnect."""
    declared = headers.get(b"content-length", b"0")
    if not declared.isdigit() or int(declared) > MAX_BODY_BYTES:
        raise _too_large()
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        body += message.get("body", b"")
        if len(body) > MAX_BODY_BYTES:
            raise _too_large()
        if not message.get("more_body", False):
            return bytes(body)


def _too_large() -> Refused:
    # Closing spares us the rest of it.
    return Refused(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        f"A body has at most {MAX_BODY_BYTES} bytes. Send a batch in parts.",
        [CLOSE],
    )


def parse_body(model: type[Model], body: bytes) -> Model:
    """Return the question in a body. Raises Refused (422) with each fault, and where it is."""
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        raise Refused(HTTPStatus.UNPROCESSABLE_ENTITY, _faults(error, "body", body)) from None


def parse_query(model: type[Model], query: bytes) -> Model:
    """Return the question in a query string. Raises Refused (422)."""
    try:
        return model.model_validate(dict(parse_qsl(query.decode("latin-1"), max_num_fields=100)))
    except ValidationError as error:
        faults = _faults(error, "query")
    except ValueError:
        faults = [Fault(loc=["query"], msg="Use fewer parameters.", type="too_long")]
    raise Refused(HTTPStatus.UNPROCESSABLE_ENTITY, faults)


def _faults(error: ValidationError, place: Literal["body", "query"], body: bytes = b"") -> list[Fault]:
    """Return the faults in the central service's form, without the input, which is not for others to see."""
    faults = []
    for fault in error.errors(include_url=False, include_context=False, include_input=False)[:MAX_FAULTS]:
        where = (_offset(fault["msg"], body),) if fault["type"] == "json_invalid" else fault["loc"]
        faults.append(Fault(loc=[place, *where], msg=fault["msg"], type=fault["type"]))
    return faults


def _offset(message: str, body: bytes) -> int:
    """Return at which byte of the body the parser's message points; it counts lines and columns from 1."""
    found = PLACE.search(message)
    if found is None:
        return 0
    line, column = int(found[1]), int(found[2])
    return sum(len(row) + 1 for row in body.split(b"\n")[: line - 1]) + max(0, column - 1)
