"""One leg of a charger's connection: how it is opened, and how it ends."""

from __future__ import annotations

import asyncio
import logging
import random
import socket
import ssl
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import quote

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.frames import CloseCode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from websockets.asyncio.client import ClientConnection
    from websockets.asyncio.connection import Connection
    from websockets.typing import Data, Subprotocol

    from edge_agent.adapters.ocpp_ws.settings import OcppSettings

MOST_BYTES = 4 * 2**20
"""Of one message: more than any report of a charger's has."""
OPEN_TIMEOUT_S = 5.0
"""Chargers wait ten seconds and more for their own handshake, which waits for upstream's."""
CLOSE_TIMEOUT_S = 5.0
LEAST_PAUSE_S, MOST_PAUSE_S = 1.0, 60.0
ALIVE_AFTER_S, ALIVE_EVERY_S, ALIVE_TIMES = 30, 10, 3
LOST = frozenset(
    {
        CloseCode.GOING_AWAY,
        CloseCode.ABNORMAL_CLOSURE,
        CloseCode.INTERNAL_ERROR,
        CloseCode.SERVICE_RESTART,
        CloseCode.TRY_AGAIN_LATER,
        CloseCode.BAD_GATEWAY,
    }
)
"""Upstream is away; with any other code it has something against this charger."""

# Its debug level would log what chargers say; its errors are ours to tell.
log = logging.getLogger("edge_agent.adapters.ocpp_ws.websockets")
log.setLevel(logging.CRITICAL)


class Unreachable(Exception):
    """Upstream does not answer."""


class Refused(Exception):
    """Upstream answers, and does not let this charger in."""

    def __init__(self, status: int) -> None:
        super().__init__(f"upstream refuses with {status}")
        self.status = status


async def open_upstream(
    settings: OcppSettings, charger_id: str, authorization: str | None, offered: Sequence[Subprotocol]
) -> ClientConnection:
    """Return a connection to upstream in the charger's name. Raises Unreachable, Refused.

    authorization: the charger's own header, passed through. offered: the sub-protocols that it offers.
    """
    headers = {} if authorization is None else {"Authorization": authorization}
    try:
        upstream = await connect(
            f"{(settings.upstream_url or '').rstrip('/')}/{quote(charger_id, safe='')}",
            subprotocols=list(offered) or None,
            compression=None,
            additional_headers=headers,
            user_agent_header=None,
            proxy=None,
            open_timeout=OPEN_TIMEOUT_S,
            ping_interval=None,
            close_timeout=CLOSE_TIMEOUT_S,
            max_size=MOST_BYTES,
            logger=log,
            ssl=_tls(settings),
        )
    except InvalidStatus as error:
        status = error.response.status_code
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise Unreachable from error
        raise Refused(status) from error
    except (OSError, InvalidHandshake, TimeoutError, EOFError) as error:
        raise Unreachable from error
    keep_alive(upstream.transport.get_extra_info("socket"))
    return upstream


def _tls(settings: OcppSettings) -> ssl.SSLContext | None:
    if not (settings.upstream_url or "").startswith("wss:"):
        return None
    return ssl.create_default_context(cafile=settings.ca_file)


def keep_alive(connection: socket.socket) -> None:
    """Let the kernel find out that a peer is gone: a ping would be something that it could notice."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, ALIVE_AFTER_S)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, ALIVE_EVERY_S)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, ALIVE_TIMES)
    unanswered_ms = 1000 * (ALIVE_AFTER_S + ALIVE_EVERY_S * ALIVE_TIMES)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, unanswered_ms)


def pause_s(failures: int) -> float:
    """Return how long to wait until upstream is tried again: longer each time, never all at once."""
    longest = min(LEAST_PAUSE_S * 2**failures, MOST_PAUSE_S)
    return random.uniform(longest / 2, longest)  # noqa: S311 - spreads load, hides nothing


async def send(leg: Connection, message: Data) -> bool:
    """Send a message; return False where the leg has ended."""
    try:
        await leg.send(message)
    except ConnectionClosed:
        return False
    return True


async def receive(leg: Connection) -> Data | None:
    """Return the next message, or None where the leg has ended."""
    try:
        return await leg.recv()
    except ConnectionClosed:
        return None


async def end_alike(ended: Connection, other: Connection) -> None:
    """End the other leg as this one has ended: with its code, or as suddenly."""
    code = ended.close_code
    if code is None or code == CloseCode.ABNORMAL_CLOSURE:
        other.transport.abort()
        await other.wait_closed()
    elif code == CloseCode.NO_STATUS_RCVD:
        await _close_without_code(other)
    else:
        await other.close(code, ended.close_reason or "")


async def _close_without_code(leg: Connection) -> None:
    try:
        async with asyncio.timeout(CLOSE_TIMEOUT_S):
            async with leg.send_context():
                leg.protocol.send_close()
            await leg.wait_closed()
    except (ConnectionClosed, TimeoutError):
        leg.transport.abort()
