"""The socket, the handshake, who may come in."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hmac
import logging
import re
import socket
import ssl
from dataclasses import dataclass, replace
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import MultipleValuesError
from websockets.exceptions import InvalidHeader
from websockets.frames import CloseCode
from websockets.headers import parse_subprotocol
from websockets.typing import Subprotocol

from edge_agent.adapters.ocpp_ws.alone import answer_alone
from edge_agent.adapters.ocpp_ws.legs import (
    CLOSE_TIMEOUT_S,
    MOST_BYTES,
    OPEN_TIMEOUT_S,
    Refused,
    Unreachable,
    keep_alive,
    log,
    open_upstream,
)
from edge_agent.adapters.ocpp_ws.relay import relay
from edge_agent.adapters.ocpp_ws.standin import Surroundings, Talk
from edge_agent.backoffice.conversation import Conversation, Standing, Untold
from edge_agent.errors import ConfigError, StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from websockets.asyncio.client import ClientConnection
    from websockets.http11 import Request, Response

    from edge_agent.adapters.ocpp_ws.settings import OcppSettings
    from edge_agent.ports import Ledger, Listener

PATH = re.compile(r"/ocpp/([^/?]+)")
CHARGER_ID = re.compile(r"[A-Za-z0-9.:%-][A-Za-z0-9._:%-]{0,127}")
SPOKEN = tuple(map(Subprotocol, ("ocpp2.1", "ocpp2.0.1", "ocpp1.6")))
STOOD_IN_FOR = Subprotocol("ocpp1.6")
HANDSHAKE_TIMEOUT_S = 2 * OPEN_TIMEOUT_S
BACKLOG = 512
REALM = 'Basic realm="ocpp"'
REMEDY = "Stop what listens there, or change [ocpp] host or port"

events = logging.getLogger(__name__)


@dataclass(slots=True)
class Visit:
    """What a charger has shown at the door. upstream: None while it is away, or where there is none."""

    charger_id: str
    authorization: str | None
    offered: list[Subprotocol]
    upstream: ClientConnection | None = None


class ChargerConnection(ServerConnection):
    """A charger's connection; a handshake that fails leaves none to upstream behind."""

    visit: Visit | None = None
    begun = False

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio."""
        super().connection_lost(exc)
        if self.visit is not None and self.visit.upstream is not None and not self.begun:
            self.visit.upstream.transport.abort()


class OcppServer:
    """Serves chargers on the event loop that somebody else runs.

    Call `bind` before any thread starts, and `serve` on the loop: it ends by being cancelled.
    """

    def __init__(
        self, settings: OcppSettings, listener: Listener, ledger: Ledger | None, now: Callable[[], datetime]
    ) -> None:
        """ledger: needed where upstream may be stood in for."""
        self._settings = settings
        self._listener = listener
        self._ledger = ledger
        self._now = now
        self._connected: dict[str, ChargerConnection] = {}
        self._untold: dict[str, Untold] = {}
        self._socket: socket.socket | None = None
        self._ending = False

    @property
    def connected(self) -> int:
        """How many chargers are connected."""
        return len(self._connected)

    @property
    def port(self) -> int:
        """The port that is listened on, once bound."""
        assert self._socket is not None, "bind first"  # noqa: S101 - a defect of ours
        port: int = self._socket.getsockname()[1]
        return port

    def bind(self) -> None:
        """Listen. Raises ConfigError, which says what to do."""
        host, port = self._settings.host, self._settings.port
        try:
            family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
            self._socket = socket.create_server((host, port), family=family, backlog=BACKLOG)
        except OSError as error:
            raise ConfigError(
                [f"[ocpp] cannot listen on {host}:{port}: {error.strerror}. {REMEDY}"]
            ) from None
        keep_alive(self._socket)
        self._tls = self._tls_context()

    def renew(self, passwords: Mapping[str, str]) -> None:
        """Ask whoever connects from now on for these, and show the certificate as its file is now.

        Raises ConfigError.
        """
        self._tls_context()  # half a pair must not go live
        if self._tls is not None:
            self._load_certificate(self._tls)
        self._settings = replace(self._settings, passwords=passwords)

    def _tls_context(self) -> ssl.SSLContext | None:
        if self._settings.tls_cert is None:
            return None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._load_certificate(context)
        return context

    def _load_certificate(self, context: ssl.SSLContext) -> None:
        assert self._settings.tls_cert is not None  # noqa: S101 - there is a context
        try:
            context.load_cert_chain(self._settings.tls_cert, self._settings.tls_key)
        except OSError as error:  # ssl's errors are among them
            raise ConfigError([f"[ocpp] tls_cert, tls_key: cannot be used: {error.strerror}"]) from None

    async def serve(self) -> None:
        """Serve until cancelled."""
        async with serve(
            self._handle,
            sock=self._socket,
            ssl=self._tls,
            create_connection=ChargerConnection,
            process_request=self._admit,
            select_subprotocol=_chosen,
            compression=None,
            server_header=None,
            open_timeout=HANDSHAKE_TIMEOUT_S,
            close_timeout=CLOSE_TIMEOUT_S,
            ping_interval=None,
            max_size=MOST_BYTES,
            logger=log,
        ):
            try:
                await asyncio.get_running_loop().create_future()
            finally:
                self._ending = True

    # The door

    async def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        """Return why a charger is not let in, or None where it is."""
        assert isinstance(connection, ChargerConnection)  # noqa: S101 - as `serve` makes them
        found = PATH.fullmatch(request.path.partition("?")[0])
        charger_id = quote(unquote(found[1]), safe=":%").replace("~", "%7E") if found else ""
        if not CHARGER_ID.fullmatch(charger_id):
            return connection.respond(HTTPStatus.NOT_FOUND, "Connect to /ocpp/ and the charger's id.\n")
        if charger_id not in self._connected and len(self._connected) >= self._settings.most_chargers:
            return connection.respond(HTTPStatus.SERVICE_UNAVAILABLE, "No more chargers are allowed here.\n")
        try:
            authorization = request.headers.get("Authorization")
            offered = [
                each
                for told in request.headers.get_all("Sec-WebSocket-Protocol")
                for each in parse_subprotocol(told)
            ]
        except (InvalidHeader, MultipleValuesError):
            return connection.respond(HTTPStatus.BAD_REQUEST, "The headers are not those of a charger.\n")
        connection.visit = visit = Visit(charger_id, authorization, offered)
        if self._settings.upstream_url is None:
            return None if self._proves(visit) else _who_are_you(connection)
        return await self._admit_through_upstream(connection, visit)

    async def _admit_through_upstream(self, connection: ChargerConnection, visit: Visit) -> Response | None:
        try:
            visit.upstream = await self._reach(visit)
        except Refused as refusal:
            response = connection.respond(refusal.status, f"{refusal}.\n")
            if refusal.status == HTTPStatus.UNAUTHORIZED:
                response.headers["WWW-Authenticate"] = REALM
            return response
        except Unreachable:
            if self._may_be_stood_in_for(visit):
                visit.offered = [STOOD_IN_FOR]
                return None
            self._listener.cut(visit.charger_id)
            return connection.respond(HTTPStatus.SERVICE_UNAVAILABLE, "The back office cannot be reached.\n")
        return None

    async def _reach(self, visit: Visit, offered: Sequence[Subprotocol] | None = None) -> ClientConnection:
        """Return a connection to upstream in the charger's name. Raises Unreachable, Refused."""
        ledger, name = self._ledger, _credential(visit)
        try:
            upstream = await open_upstream(
                self._settings, visit.charger_id, visit.authorization, offered or visit.offered
            )
        except Refused:
            if ledger is not None:
                await _quietly(partial(ledger.forget, name))
            raise
        if ledger is not None and not ledger.knows(name, self._now()):
            await _quietly(partial(ledger.remember, name, self._now()))
        return upstream

    def _may_be_stood_in_for(self, visit: Visit) -> bool:
        """Only 1.6, and only a charger that upstream has let in before, with the same credentials."""
        if self._ledger is None or STOOD_IN_FOR not in visit.offered:
            return False
        if self._settings.passwords:
            return self._proves(visit)
        return self._ledger.knows(_credential(visit), self._now())

    def _proves(self, visit: Visit) -> bool:
        """Whether a charger shows its password, where passwords are given at all."""
        if not self._settings.passwords:
            return True
        scheme, _, encoded = (visit.authorization or "").partition(" ")
        try:
            shown = base64.b64decode(encoded, validate=True)
        except binascii.Error:
            return False
        password = self._settings.passwords.get(visit.charger_id)
        if scheme.lower() != "basic" or password is None:
            return False
        return hmac.compare_digest(shown, f"{visit.charger_id}:{password}".encode())

    # The visit

    async def _handle(self, connection: ServerConnection) -> None:
        assert isinstance(connection, ChargerConnection)  # noqa: S101 - as `serve` makes them
        assert connection.visit is not None  # noqa: S101 - `_admit` has let it in
        connection.begun, visit = True, connection.visit
        charger_id = visit.charger_id
        before = self._connected.get(charger_id)
        self._connected[charger_id] = connection
        if before is not None:  # it has started anew, and its old connection does not know yet
            before.transport.abort()
        self._listener.opened(charger_id)
        by_charger = False
        try:
            by_charger = await self._serve_charger(connection, visit)
        finally:
            if self._connected.get(charger_id) is connection:
                del self._connected[charger_id]
                ended = self._listener.closed if by_charger and not self._ending else self._listener.cut
                ended(charger_id)

    async def _serve_charger(self, connection: ChargerConnection, visit: Visit) -> bool:
        """Serve a charger until a leg ends; return whether it was the charger's that ended."""
        if self._settings.upstream_url is None:
            if connection.subprotocol is None:  # OCPP-J 1.6, 3.1.2
                await connection.close(CloseCode.PROTOCOL_ERROR, f"offer one of {', '.join(SPOKEN)}")
                return True
            await answer_alone(connection, visit.charger_id, self._listener, (self._accepts, self._now))
            return True
        if self._ledger is None or connection.subprotocol != STOOD_IN_FOR:
            assert visit.upstream is not None  # noqa: S101 - `_admit` has let it in
            return await relay(connection, visit.upstream, visit.charger_id, self._listener)
        return await self._stand_in(connection, visit, self._ledger)

    async def _stand_in(self, connection: ChargerConnection, visit: Visit, ledger: Ledger) -> bool:
        charger_id = visit.charger_id
        try:
            mapped = await asyncio.to_thread(ledger.mappings, charger_id)
        except StoreError as error:
            events.error("the ledger cannot be read", extra={"reason": str(error)})
            mapped = {}
        conversation = Conversation(
            Standing.STAND_IN, self._accepts, mapped, self._untold.setdefault(charger_id, Untold())
        )
        reach = partial(self._reach, visit, [STOOD_IN_FOR])
        around = Surroundings(charger_id, self._listener, ledger, self._now, reach)
        return await Talk(connection, conversation, around).run(visit.upstream)

    def _accepts(self, name: str) -> bool:
        if self._settings.accept_unknown:
            return True
        return self._ledger is not None and self._ledger.knows(name, self._now())


def _credential(visit: Visit) -> str:
    return f"charger {visit.charger_id} {visit.authorization or ''}"


def _chosen(connection: ServerConnection, _: Sequence[Subprotocol]) -> Subprotocol | None:
    """Return the sub-protocol: upstream's choice; without upstream the newest that both speak."""
    assert isinstance(connection, ChargerConnection)  # noqa: S101 - as `serve` makes them
    assert connection.visit is not None  # noqa: S101 - `_admit` has let it in
    visit = connection.visit
    if visit.upstream is not None:
        return visit.upstream.subprotocol
    return next((spoken for spoken in SPOKEN if spoken in visit.offered), None)


def _who_are_you(connection: ServerConnection) -> Response:
    response = connection.respond(HTTPStatus.UNAUTHORIZED, "Show the charger's id and password.\n")
    response.headers["WWW-Authenticate"] = REALM
    return response


async def _quietly(write: Callable[[], None]) -> None:
    """Write what is not worth a charger's connection."""
    try:
        await asyncio.to_thread(write)
    except StoreError as error:
        events.warning("whom upstream accepts cannot be kept", extra={"reason": str(error)})
