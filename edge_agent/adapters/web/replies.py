"""What goes out: a body, and a list of headers that was encoded once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from hashlib import blake2b
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
# A client may keep it for itself, and asks each time whether it still holds.
JSON_TO_ASK_AGAIN = headers_for(b"application/json", (b"cache-control", b"private, no-cache"))


class Reply(Response):
    """A whole response from encoded parts. Starlette's own encodes each header anew for each response."""

    def __init__(self, body: bytes, headers: Iterable[Header], status: int = HTTPStatus.OK) -> None:
        self.body = body
        self.status_code = status
        self.raw_headers = [*headers, (b"content-length", b"%d" % len(body))]
        self.background = None


def json_reply(answer: BaseModel, status: int = HTTPStatus.OK) -> Reply:
    return Reply(answer.model_dump_json().encode(), JSON, status)


def tagged(answer: BaseModel, asked: Mapping[bytes, bytes]) -> Reply:
    """Return the answer under a tag of what it says; 304 without a body to whoever has it already."""
    body = answer.model_dump_json().encode()
    tag = b'"%s"' % blake2b(body, digest_size=12).hexdigest().encode()
    headers = (*JSON_TO_ASK_AGAIN, (b"etag", tag))
    if asked.get(b"if-none-match") == tag:
        return Reply(b"", headers, HTTPStatus.NOT_MODIFIED)
    return Reply(body, headers)
