"""What goes out: a body, and a list of headers that was encoded once."""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus

from pydantic import BaseModel
from starlette.responses import Response

Header = tuple[bytes, bytes]

# Scripts and styles come from our own files only, so text of a charger that looks like markup stays text.
GUARDS: tuple[Header, ...] = (
    (
        b"content-security-policy",
        b"default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'",
    ),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
)
NOT_STORED: Header = (b"cache-control", b"no-store")


def headers_for(media_type: bytes, caching: Header = NOT_STORED) -> tuple[Header, ...]:
    """Return the headers of every reply of one media type, to be built once and used again."""
    return (*GUARDS, caching, (b"content-type", media_type))


JSON = headers_for(b"application/json")


class Reply(Response):
    """A whole response from encoded parts. Starlette's own encodes each header anew for each response."""

    def __init__(self, body: bytes, headers: Iterable[Header], status: int = HTTPStatus.OK) -> None:
        self.body = body
        self.status_code = status
        self.raw_headers = [*headers, (b"content-length", b"%d" % len(body))]
        self.background = None


def json_reply(answer: BaseModel, status: int = HTTPStatus.OK) -> Reply:
    return Reply(answer.model_dump_json().encode(), JSON, status)
