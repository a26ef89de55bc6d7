"""What one connection may cost: uvicorn bounds neither a request's head nor the time it takes to come in."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Any

from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from edge_agent.adapters.web.problems import CLOSE, problem, retry_after

MAX_CONNECTIONS = 256
MAX_HEAD_BYTES = 32 * 1024
REQUEST_S = 20.0
ENDLESS = "endless"
"""Set in a request's state where its answer ends only with its client, or with us."""


async def overloaded(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer those for whom there is no room."""
    reply = problem(503, "Too many connections at once. Try again shortly.", [retry_after(1), CLOSE])
    await reply(scope, receive, send)


class BoundedConnection(HttpToolsProtocol):
    """uvicorn's connection, which hangs up on a head without end and on a client that takes its time.

    `_waiting_since` is set while the client owes us the rest of a request, or does not take what we owe it.
    """

    def __init__(self, *arguments: Any, **named: Any) -> None:  # noqa: ANN401 (uvicorn's own)
        super().__init__(*arguments, **named)
        self._in_head = True
        self._head_bytes = 0
        self._waiting_since: float | None = self.loop.time()

    def hang_up_if_slow(self, now: float) -> None:
        """Drop the connection if its client has been slow for too long. now: by the loop's clock."""
        if self._waiting_since is not None:
            if now - self._waiting_since > REQUEST_S:
                self.transport.abort()
        elif self.transport.is_closing():
            self._waiting_since = now

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > 2 * MAX_CONNECTIONS:
            transport.abort()
        elif len(self.connections) > MAX_CONNECTIONS:
            self.app = overloaded

    def data_received(self, data: bytes) -> None:
        # Also for bytes that begin no request, such as empty lines: they stop uvicorn's keep-alive timer.
        if self._waiting_since is None:
            self._waiting_since = self.loop.time()
        super().data_received(data)
        if self._in_head:
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES:
                self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "Send fewer and shorter headers.")

    def shutdown(self) -> None:
        """Finish what is under way, but for answers that have no end."""
        super().shutdown()
        cycle: RequestResponseCycle | None = getattr(self, "cycle", None)
        if cycle is not None and cycle.scope.get("state", {}).get(ENDLESS):
            self.transport.close()

    def on_message_begin(self) -> None:
        self._in_head = True
        self._head_bytes = 0
        self._waiting_since = self.loop.time()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._in_head = False
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._waiting_since = None
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        self._refuse(HTTPStatus.BAD_REQUEST, msg)

    def _refuse(self, status: HTTPStatus, detail: str) -> None:
        """Answer without the application, which has not seen a whole request, and hang up."""
        if self.transport.is_closing():
            return
        reply = problem(status, detail, [CLOSE])
        lines = [b"HTTP/1.1 %d %s" % (status, status.phrase.encode())]
        lines += [b"%s: %s" % header for header in reply.raw_headers]
        self.transport.write(b"\r\n".join([*lines, b"", bytes(reply.body)]))
        self.transport.close()
