"""The socket, and the body of the thread that serves it."""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import Callable, Coroutine
from typing import Any, cast

from starlette.types import ASGIApp
from uvicorn import Config, Server

from edge_agent.adapters.web.connection import BoundedConnection
from edge_agent.adapters.web.settings import WebSettings
from edge_agent.errors import ConfigError

BACKLOG = 512
KEEP_ALIVE_S = 15
SHUTDOWN_S = 5
# uvicorn goes by the wall clock, which may be set back: then nothing would be due for as long.
ALWAYS_DUE = -(10**12)
REMEDY = "Stop what listens there, or change [web] host or port"


class WebServer:
    """Serves an application from a thread that somebody else owns.

    Call `bind` before any thread starts, give `run` to a thread, call `stop` from any other and join it.

    alive_at: when the loop last turned, by time.monotonic(); it turns each second while all is well.
    """

    def __init__(
        self,
        app: ASGIApp,
        settings: WebSettings,
        beside: Callable[[], Coroutine[Any, Any, None]] | None = None,
    ) -> None:
        """beside: what else runs on the same loop, until it is cancelled."""
        self._settings = settings
        self._beside = beside
        self._config = Config(
            app,
            loop="asyncio",
            http=BoundedConnection,
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="error",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            backlog=BACKLOG,
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=SHUTDOWN_S,
            timeout_notify=ALWAYS_DUE,
            callback_notify=self._turn,
            ssl_certfile=settings.tls_cert,
            ssl_keyfile=settings.tls_key,
        )
        self._server = Server(self._config)
        self._sockets: list[socket.socket] = []
        self.alive_at = time.monotonic()

    @property
    def port(self) -> int:
        """The port that is listened on, once bound."""
        port: int = self._sockets[0].getsockname()[1]
        return port

    def bind(self) -> None:
        """Listen, so that clients wait while the rest starts. Raises ConfigError, which says what to do."""
        self._load_certificate()
        host, port = self._settings.host, self._settings.port
        try:
            self._sockets = [_listen(host, port)]
        except OSError as error:
            raise ConfigError([f"[web] cannot listen on {host}:{port}: {error.strerror}. {REMEDY}"]) from None

    def renew(self) -> None:
        """Show the certificate as its file is now to whoever connects from now on. Raises ConfigError."""
        context, cert = self._config.ssl, self._settings.tls_cert
        if context is None or cert is None:
            return
        try:
            # First into one that nobody is shown: half a pair must not go live.
            for each in (ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), context):
                each.load_cert_chain(cert, self._settings.tls_key)
        except OSError as error:  # ssl's errors are among them
            raise ConfigError([f"[web] tls_cert, tls_key: cannot be used: {error.strerror}"]) from None

    def run(self) -> None:
        """Serve until `stop`. To be run in a thread other than main, which owns the signals."""
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        beside = None if self._beside is None else asyncio.create_task(self._beside())
        serving = asyncio.create_task(self._server.serve(self._sockets))
        await asyncio.wait([serving, *([beside] if beside else [])], return_when=asyncio.FIRST_COMPLETED)
        if beside is not None:
            if beside.done():
                self._server.should_exit = True
            beside.cancel()
            await asyncio.gather(beside, return_exceptions=True)
        await serving
        if beside is not None and not beside.cancelled():
            beside.result()

    def stop(self) -> None:
        """Make `run` return: requests under way are finished, for a few seconds at most."""
        self._server.should_exit = True

    def _load_certificate(self) -> None:
        if (self._settings.tls_cert is None) != (self._settings.tls_key is None):
            raise ConfigError(["[web] tls_cert and tls_key: give both, or neither"])
        try:
            self._config.load()
        except OSError as error:  # ssl's errors are among them
            raise ConfigError([f"[web] tls_cert, tls_key: cannot be used: {error.strerror}"]) from None

    async def _turn(self) -> None:
        """Called by uvicorn each second."""
        now = asyncio.get_running_loop().time()
        for connection in list(self._server.server_state.connections):
            cast("BoundedConnection", connection).hang_up_if_slow(now)
        self.alive_at = time.monotonic()


def _listen(host: str, port: int) -> socket.socket:
    # With its protocol named (not 0), or asyncio would leave Nagle's algorithm on: 40 ms for each answer.
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    listener = socket.socket(family, kind, protocol)
    try:
        # A restart must not wait until old connections are forgotten. Two sockets may be bound so, but only
        # one may listen: therefore it listens here, and not only in the thread.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener
