"""The LAN interface as one ASGI application."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial

from prometheus_client import CollectorRegistry
from pydantic import BaseModel
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from edge_agent import __version__
from edge_agent.adapters.web.endpoint import Call, Endpoint
from edge_agent.adapters.web.endpoints import ENDPOINTS
from edge_agent.adapters.web.gate import Gate, tenant_of
from edge_agent.adapters.web.keys import KeyRing
from edge_agent.adapters.web.live import Live, events_endpoint
from edge_agent.adapters.web.openapi import openapi_document
from edge_agent.adapters.web.pages import documentation, front_page
from edge_agent.adapters.web.probes import probes
from edge_agent.adapters.web.problems import HANDLERS
from edge_agent.adapters.web.question import parse_body, parse_query, read_body, require_json
from edge_agent.adapters.web.record_endpoints import RECORD_ENDPOINTS
from edge_agent.adapters.web.replies import json_reply, tagged
from edge_agent.adapters.web.session_endpoints import session_endpoints
from edge_agent.adapters.web.sessions import Sessions, kept_secret
from edge_agent.adapters.web.settings import WebSettings
from edge_agent.ports import Desk, Records
from edge_agent.wire.rest import HealthStatus, Liveness


class Served:
    """An endpoint as ASGI: from the gate to the reply, with no layer between."""

    def __init__(self, endpoint: Endpoint, asked: tuple[Desk, Records], gate: Gate) -> None:
        self._endpoint = endpoint
        self._desk, self._records = asked
        self._gate = gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. Raises Refused, or what the desk raises."""
        endpoint = self._endpoint
        headers = dict(scope["headers"])
        tenant_id, who = None, ""
        address = scope["client"][0] if scope["client"] else ""
        if endpoint.role is not None:
            changes = endpoint.method != "GET"
            who = self._gate.admit(headers, address, endpoint.role, changes=changes).id
            tenant_id = tenant_of(headers)
        try:
            question = await self._question(headers, scope, receive)
        except ClientDisconnect:
            return
        call = Call(
            self._desk, self._records, question, scope["path_params"], headers, tenant_id, who, address
        )
        if endpoint.waits:
            answer = await run_in_threadpool(endpoint.handler, call)
        else:
            answer = endpoint.handler(call)
        if not isinstance(answer, BaseModel):
            reply = answer
        elif endpoint.method == "GET":
            reply = tagged(answer, headers)
        else:
            reply = json_reply(answer)
        await reply(scope, receive, send)

    async def _question(
        self, headers: dict[bytes, bytes], scope: Scope, receive: Receive
    ) -> BaseModel | None:
        endpoint = self._endpoint
        if endpoint.body is not None:
            require_json(headers)
            return parse_body(endpoint.body, await read_body(headers, receive))
        if endpoint.query is not None:
            return parse_query(endpoint.query, scope["query_string"])
        return None


class ByMethod:
    """What answers one path, by method; HEAD is a GET whose body nobody reads."""

    def __init__(self, served: Mapping[str, Served]) -> None:
        self._served = served

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request of a method that the route has let through."""
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        await self._served[method](scope, receive, send)


def create_app(
    asked: tuple[Desk, Records],
    keys: KeyRing,
    settings: WebSettings,
    registry: CollectorRegistry,
    clock: Callable[[], float] = time.monotonic,
) -> Starlette:
    """Return the application.

    asked: who answers, of the present and of the past. registry: what /metrics shows.
    clock: seconds that only go forward; the rate limits go by it.
    """
    alive = Liveness(status=HealthStatus.HEALTHY, version=__version__)
    sessions = Sessions(keys, kept_secret(keys.path), secure=settings.tls_cert is not None)
    gate = Gate(keys, sessions, settings.rate_limit, clock)
    described = (
        *ENDPOINTS,
        *RECORD_ENDPOINTS,
        *session_endpoints(keys, gate, sessions),
        events_endpoint(Live(asked[0])),
        *probes(alive, registry),
        front_page(alive),
    )
    rows = (*described, *documentation(partial(openapi_document, described, __version__)))
    app = Starlette(
        routes=_routes((row, Served(row, asked, gate)) for row in rows), exception_handlers=HANDLERS
    )
    # Its redirects would come from Starlette, without our headers.
    app.router.redirect_slashes = False
    return app


def _routes(served: Iterable[tuple[Endpoint, Served]]) -> list[Route]:
    """Return a route for each path, with all of its methods: a refusal then names each of them."""
    by_path: dict[str, dict[str, Served]] = {}
    for row, answering in served:
        by_path.setdefault(row.path, {})[row.method] = answering
    return [Route(path, ByMethod(methods), methods=list(methods)) for path, methods in by_path.items()]
