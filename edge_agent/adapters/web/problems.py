"""What goes out when a request cannot be served: RFC 9457 problem documents, and nothing of our insides.

Refused       raised by our own code, says status and sentence itself
HTTPException raised by Starlette's router: 404 and 405
Busy, StoreError, ModelError
              raised by the desk
anything else a fault of ours: 500, and Starlette hands it on to the server, which logs it
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Iterable
from http import HTTPStatus
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request

from edge_agent.adapters.web.replies import Header, Reply, headers_for
from edge_agent.errors import Busy, ModelError, StoreError
from edge_agent.wire.rest import Fault, Problem

PROBLEM_TYPE = b"application/problem+json"
HEADERS = headers_for(PROBLEM_TYPE)
CLOSE: Header = (b"connection", b"close")
RETRY_S = 2.0


class Refused(Exception):
    """A request that is not served, with what its sender needs to know to do better."""

    def __init__(self, status: HTTPStatus, detail: str | list[Fault], headers: Iterable[Header] = ()) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = headers


def problem(status: int, detail: str | list[Fault], headers: Iterable[Header] = ()) -> Reply:
    document = Problem(title=HTTPStatus(status).phrase, status=status, detail=detail)
    return Reply(document.model_dump_json().encode(), (*HEADERS, *headers), status)


def retry_after(seconds: float) -> Header:
    """Return the header that asks for patience, in whole seconds and at least one (RFC 9110, 10.2.3)."""
    return (b"retry-after", b"%d" % max(1, math.ceil(seconds)))


async def _refused(_: Request, refused: Refused) -> Reply:
    return problem(refused.status, refused.detail, refused.headers)


async def _unrouted(request: Request, error: HTTPException) -> Reply:
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        # The router joins a set, in no order.
        allowed = ", ".join(sorted((error.headers or {})["Allow"].split(", ")))
        return problem(405, f"Use {allowed} here.", [(b"allow", allowed.encode())])
    return problem(error.status_code, f"There is no {request.url.path} here; /docs lists what there is.")


async def _busy(*_: object) -> Reply:
    return problem(503, "The agent is starting or busy. Try again shortly.", [retry_after(RETRY_S)])


async def _model_refused(_: Request, error: ModelError) -> Reply:
    return problem(409, f"The running model stays: {error}")


async def _broken(*_: object) -> Reply:
    # The server hangs up after it, and a client that was not told would send its next request in vain.
    return problem(500, "The agent failed to answer; its log says why.", [CLOSE])


HANDLERS: dict[Any, Callable[..., Awaitable[Reply]]] = {
    Refused: _refused,
    HTTPException: _unrouted,
    Busy: _busy,
    StoreError: _busy,
    ModelError: _model_refused,
    Exception: _broken,
}
