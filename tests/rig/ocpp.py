"""A back office that records, the endpoint under test, and chargers of the `ocpp` package."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any, Self

from ocpp.v16 import ChargePoint as ChargePoint16
from ocpp.v16 import call as call16
from ocpp.v16.enums import ChargePointErrorCode, ChargePointStatus
from ocpp.v201 import ChargePoint as ChargePoint201
from ocpp.v201 import call as call201
from websockets.asyncio.client import connect
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from edge_agent.adapters.ocpp_ws import OcppServer, OcppSettings
from edge_agent.adapters.sqlite import SqliteLedger
from edge_agent.ports import Listener
from tests.rig.waiting import DEADLINE_S, HOST, free_port

TAG = "TAG1"
Answers = Callable[[str, dict[str, Any]], dict[str, Any] | None]


class Backoffice:
    """A back office of our own making: it records every message as it came, and answers plainly.

    asked: (charger, text) of each request that came; said: of each message that it sent.
    """

    def __init__(
        self, protocols: tuple[str, ...] = ("ocpp1.6", "ocpp2.0.1"), tls: ssl.SSLContext | None = None
    ) -> None:
        self.port = free_port()
        self.asked: list[tuple[str, str]] = []
        self.said: list[tuple[str, str]] = []
        self.closes: list[tuple[int | None, str | None]] = []
        self.authorizations: list[str | None] = []
        self.connections: list[ServerConnection] = []
        self.deaf = False
        """Takes messages, and answers none."""
        self.refuses: HTTPStatus | None = None
        self.fails: set[str] = set()
        """Actions that it answers with an error."""
        self._tls = tls
        self._protocols = [Subprotocol(each) for each in protocols]
        self._transactions = 0
        self._changed = asyncio.Condition()
        self._server: Server | None = None

    @property
    def scheme(self) -> str:
        return "ws" if self._tls is None else "wss"

    async def start(self) -> None:
        """Begin to listen, unless it does."""
        if self._server is not None:
            return
        self._server = await serve(
            self._serve,
            HOST,
            self.port,
            subprotocols=self._protocols,
            process_request=self._admit,
            compression=None,
            ping_interval=None,
            ssl=self._tls,
        )

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.kill()

    async def kill(self) -> None:
        """Vanish, as a process that is killed: no farewell on any connection."""
        if self._server is None:
            return
        self._server.close(close_connections=False)
        for connection in self.connections:
            connection.transport.abort()
        await self._server.wait_closed()
        self._server = None

    def requests(self, *actions: str) -> list[list[Any]]:
        """Return the requests that came, of these actions or of all."""
        frames = [json.loads(text) for _, text in self.asked]
        return [frame for frame in frames if frame[0] == 2 and (not actions or frame[2] in actions)]

    async def wait_for(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(DEADLINE_S), self._changed:
            await self._changed.wait_for(holds)

    async def wait_for_messages(self, count: int) -> None:
        """Wait until so many more messages have come."""
        before = len(self.asked)
        await self.wait_for(lambda: len(self.asked) >= before + count)

    async def say(self, text: str) -> None:
        """Send something of its own accord to the charger that connected last."""
        connection = self.connections[-1]
        self.said.append((_charger_of(connection), text))
        await connection.send(text)

    def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        self.authorizations.append(request.headers.get("Authorization"))
        return None if self.refuses is None else connection.respond(self.refuses, "no")

    async def _serve(self, connection: ServerConnection) -> None:
        self.connections.append(connection)
        async with self._changed:
            self._changed.notify_all()
        try:
            while True:
                text = await connection.recv(decode=True)
                await self._take(connection, text)
        except ConnectionClosed:
            self.closes.append((connection.close_code, connection.close_reason))
            async with self._changed:
                self._changed.notify_all()

    async def _take(self, connection: ServerConnection, text: str) -> None:
        self.asked.append((_charger_of(connection), text))
        if not self.deaf:
            answer = self._answer(json.loads(text))
            if answer is not None:
                self.said.append((_charger_of(connection), answer))
                await connection.send(answer)
        async with self._changed:
            self._changed.notify_all()

    def _answer(self, frame: list[Any]) -> str | None:
        if frame[0] != 2:
            return None
        _, message_id, action, payload = frame
        if action in self.fails:
            return json.dumps([4, message_id, "InternalError", "not now", {}])
        return json.dumps([3, message_id, self._payload(action, payload)], indent=1)  # blanks of its own

    def _payload(self, action: str, payload: dict[str, Any]) -> dict[str, Any]:
        now = datetime.now(UTC).isoformat()
        status = "Accepted" if payload.get("idTag", TAG) == TAG else "Invalid"
        if action == "StartTransaction":
            self._transactions += 1
            return {"transactionId": self._transactions, "idTagInfo": {"status": status}}
        answers: dict[str, dict[str, Any]] = {
            "Authorize": {"idTagInfo": {"status": status}},
            "BootNotification": {"currentTime": now, "interval": 60, "status": "Accepted"},
            "Heartbeat": {"currentTime": now},
        }
        return answers.get(action, {})


def _charger_of(connection: ServerConnection) -> str:
    assert connection.request is not None
    return connection.request.path.rpartition("/")[2]


@dataclass
class Heard:
    """Implements the `Listener` port: what it heard, in order, as (charger, what, text)."""

    events: list[tuple[str, str, str]] = field(default_factory=list)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def said(self, charger_id: str, message: str | bytes) -> None:
        self._add(charger_id, "said", message)

    def told(self, charger_id: str, message: str | bytes) -> None:
        self._add(charger_id, "told", message)

    def opened(self, charger_id: str) -> None:
        self._add(charger_id, "opened")

    def closed(self, charger_id: str) -> None:
        self._add(charger_id, "closed")

    def cut(self, charger_id: str) -> None:
        self._add(charger_id, "cut")

    def _add(self, charger_id: str, what: str, message: str | bytes = "") -> None:
        self.events.append((charger_id, what, message if isinstance(message, str) else message.decode()))
        self._changed.set()

    async def wait_for_messages(self, count: int) -> None:
        """Wait until so much more has happened."""
        wanted = len(self.events) + count
        async with asyncio.timeout(DEADLINE_S):
            while len(self.events) < wanted:
                self._changed.clear()
                await self._changed.wait()

    async def wait_for_words(self, *words: str) -> None:
        """Wait until connections were opened and closed as these words have it."""
        async with asyncio.timeout(DEADLINE_S):
            while self.words() != list(words):
                self._changed.clear()
                await self._changed.wait()

    def words(self) -> list[str]:
        return [what for _, what, _ in self.events if what not in {"said", "told"}]


@dataclass
class Endpoint:
    """The endpoint under test, and what it lets us hear."""

    server: OcppServer
    heard: Heard
    ledger: SqliteLedger | None

    @property
    def url(self) -> str:
        return f"ws://{HOST}:{self.server.port}/ocpp"


@asynccontextmanager
async def endpoint(
    folder: Path,
    upstream: Backoffice | None = None,
    *,
    stand_in: bool = False,
    listener: Listener | None = None,
    **settings: Any,
) -> AsyncIterator[Endpoint]:
    """Serve chargers, with what the folder holds of former times; the back office ends with it."""
    ledger = SqliteLedger(folder / "ledger.sqlite", datetime.now(UTC)) if stand_in else None
    heard = Heard()
    url = None if upstream is None else f"{upstream.scheme}://{HOST}:{upstream.port}/central/"
    server = OcppServer(
        OcppSettings(host=HOST, port=free_port(), upstream_url=url, **settings),
        listener or heard,
        ledger,
        lambda: datetime.now(UTC),
    )
    server.bind()
    serving = asyncio.create_task(server.serve())
    try:
        yield Endpoint(server, heard, ledger)
    finally:
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)
        if upstream is not None:
            await upstream.kill()
        if ledger is not None:
            ledger.close()


def charger16(
    url: str, charger_id: str = "CP1", **options: Any
) -> AbstractAsyncContextManager[ChargePoint16]:
    """A charger of OCPP 1.6 that answers what it is asked."""
    return _charger(ChargePoint16, "ocpp1.6", f"{url}/{charger_id}", options)


def charger201(
    url: str, charger_id: str = "CP2", **options: Any
) -> AbstractAsyncContextManager[ChargePoint201]:
    """A charger of OCPP 2.0.1."""
    return _charger(ChargePoint201, "ocpp2.0.1", f"{url}/{charger_id}", options)


@asynccontextmanager
async def _charger(kind: Any, protocol: str, url: str, options: dict[str, Any]) -> AsyncIterator[Any]:
    spoken = [Subprotocol(protocol)]
    async with connect(url, subprotocols=spoken, compression=None, **options) as connection:
        async with _running(kind(url, connection, response_timeout=DEADLINE_S)) as charger:
            yield charger


@asynccontextmanager
async def _running(charger: Any) -> AsyncIterator[Any]:
    running = asyncio.create_task(charger.start())
    try:
        yield charger
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def now() -> str:
    return datetime.now(UTC).isoformat()


async def boot16(charger: ChargePoint16) -> Any:
    return await charger.call(call16.BootNotification("Model", "Vendor"))


async def status16(charger: ChargePoint16, status: ChargePointStatus, connector_id: int = 1) -> Any:
    return await charger.call(
        call16.StatusNotification(connector_id, ChargePointErrorCode.no_error, status, timestamp=now())
    )


async def start16(charger: ChargePoint16, id_tag: str = TAG, meter_wh: int = 1000) -> Any:
    return await charger.call(call16.StartTransaction(1, id_tag, meter_wh, now()))


async def meter16(charger: ChargePoint16, transaction_id: int | None, meter_wh: int) -> Any:
    value = {"timestamp": now(), "sampledValue": [{"value": str(meter_wh)}]}
    return await charger.call(call16.MeterValues(1, [value], transaction_id))


async def stop16(charger: ChargePoint16, transaction_id: int, meter_wh: int = 6000) -> Any:
    return await charger.call(call16.StopTransaction(meter_wh, now(), transaction_id, id_tag=TAG))


async def session16(charger: ChargePoint16) -> int:
    """Go through a whole session; return its transaction's id."""
    assert (await boot16(charger)).status == "Accepted"
    assert (await charger.call(call16.Authorize(TAG))).id_tag_info["status"] == "Accepted"
    await status16(charger, ChargePointStatus.preparing)
    started = await start16(charger)
    assert started.id_tag_info["status"] == "Accepted"
    await status16(charger, ChargePointStatus.charging)
    await meter16(charger, started.transaction_id, 2000)
    await stop16(charger, started.transaction_id)
    await status16(charger, ChargePointStatus.available)
    await charger.call(call16.Heartbeat())
    transaction_id: int = started.transaction_id
    return transaction_id


async def session201(charger: ChargePoint201) -> None:
    """Go through a whole session."""
    booted = await charger.call(
        call201.BootNotification({"model": "Model", "vendor_name": "Vendor"}, "PowerUp")
    )
    assert booted.status == "Accepted"
    await charger.call(call201.StatusNotification(now(), "Occupied", 1, 1))
    for number, (sort, reason) in enumerate(
        (("Started", "CablePluggedIn"), ("Updated", "ChargingStateChanged"), ("Ended", "EVDeparted"))
    ):
        await charger.call(
            call201.TransactionEvent(
                event_type=sort,
                timestamp=now(),
                trigger_reason=reason,
                seq_no=number,
                transaction_info={"transaction_id": "T-1"},
                evse={"id": 1, "connector_id": 1},
            )
        )
    await charger.call(call201.Heartbeat())
