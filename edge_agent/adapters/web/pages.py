"""The technician's page, the documentation and what they load: read once and served from memory, no CDN."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Mapping
from functools import cache
from hashlib import sha256
from http import HTTPStatus
from importlib.resources import files
from typing import Any

from starlette.responses import Response

from edge_agent.adapters.web.endpoint import Call, Endpoint
from edge_agent.adapters.web.replies import Header, Reply, headers_for, json_reply
from edge_agent.wire.rest import Liveness

MEDIA_TYPES = {
    "css": "text/css; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
    "txt": "text/plain; charset=utf-8",
}
STATIC = files(__package__).joinpath("static")
LOADED = tuple(f".{name}" for name in MEDIA_TYPES if name != "html")
# Not whatever lies there: an upgrade that was cut off leaves copies under other names.
ASSETS = tuple(sorted(each.name for each in STATIC.iterdir() if each.name.endswith(LOADED)))
# The browser keeps a copy and asks each time whether it still holds: an update shows at once.
ASK_AGAIN: Header = (b"cache-control", b"no-cache")

VARIES: Header = (b"vary", b"accept, accept-encoding")
PACKED: Header = (b"content-encoding", b"gzip")

Page = Callable[[Call[None]], Response]


def front_page(alive: Liveness) -> Endpoint:
    page = _file("index.html")

    def index(call: Call[None]) -> Response:
        if not prefers_json(call.headers):
            return page(call)
        reply = json_reply(alive)
        reply.raw_headers.append(VARIES)
        return reply

    return Endpoint(
        method="GET",
        path="/",
        summary="The technician's page; service and version for a client that asks for JSON",
        handler=index,
        answer=MEDIA_TYPES["html"],
    )


def documentation(document: Callable[[], Mapping[str, Any]]) -> tuple[Endpoint, ...]:
    """Return the rows of the description itself, its page, and the files that pages load.

    document: makes the description; it is asked when somebody reads it, for a start can do without.
    """
    made = cache(lambda: _page(json.dumps(document()).encode(), "application/json"))

    def description(call: Call[None]) -> Response:
        return made()(call)

    rows = {
        "/openapi.json": description,
        "/docs": _file("docs.html"),
        **{f"/static/{name}": _file(name) for name in ASSETS},
    }
    return tuple(
        Endpoint(method="GET", path=path, summary="", handler=page, answer="") for path, page in rows.items()
    )


def prefers_json(headers: Mapping[bytes, bytes]) -> bool:
    """Whether `Accept` rates JSON above a page (RFC 9110, 12.5.1). Who takes anything gets the page."""
    ratings = {}
    for part in headers.get(b"accept", b"").lower().split(b","):
        media_range, *parameters = (piece.strip() for piece in part.split(b";"))
        quality = next((text[2:] for text in parameters if text.startswith(b"q=")), b"1")
        ratings[media_range] = _rating(quality)
    anything = ratings.get(b"*/*", 0.0)
    json_rating = ratings.get(b"application/json", ratings.get(b"application/*", anything))
    return json_rating > ratings.get(b"text/html", ratings.get(b"text/*", anything))


def _rating(quality: bytes) -> float:
    try:
        return float(quality)
    except ValueError:
        return 0.0


def _file(name: str) -> Page:
    body = STATIC.joinpath(name).read_bytes()
    return _page(body, MEDIA_TYPES[name.rpartition(".")[2]])


def _page(body: bytes, media_type: str) -> Page:
    tag = b'"%s"' % sha256(body).hexdigest()[:16].encode()
    headers = (*headers_for(media_type.encode(), ASK_AGAIN), (b"etag", tag), VARIES)
    packed = gzip.compress(body, mtime=0)

    def page(call: Call[None]) -> Response:
        if call.headers.get(b"if-none-match") == tag:
            return Reply(b"", headers, HTTPStatus.NOT_MODIFIED)
        if b"gzip" in call.headers.get(b"accept-encoding", b""):
            return Reply(packed, (*headers, PACKED))
        return Reply(body, headers)

    return page
