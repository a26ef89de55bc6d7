"""The application over a fake desk, in the process and on a real socket."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Thread

import httpx
import pytest
from prometheus_client import CollectorRegistry
from starlette.applications import Starlette

from edge_agent.adapters.web.app import create_app
from edge_agent.adapters.web.keys import KeyRing, Role
from edge_agent.adapters.web.server import WebServer
from edge_agent.adapters.web.settings import WebSettings
from tests.web.desk import NOW, FakeDesk
from tests.web.records import FakeRecords


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def desk() -> FakeDesk:
    return FakeDesk()


@pytest.fixture
def records(desk: FakeDesk) -> FakeRecords:
    return FakeRecords(desk)


@pytest.fixture
def ring(tmp_path: Path) -> KeyRing:
    return KeyRing(tmp_path / "keys.json", now=lambda: NOW)


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def app(
    desk: FakeDesk, records: FakeRecords, ring: KeyRing, registry: CollectorRegistry, clock: Clock
) -> Starlette:
    return create_app((desk, records), ring, WebSettings(rate_limit=10), registry, clock)


class InProcess(httpx.BaseTransport):
    """Hands each request to the application, on a loop of its own: Starlette's own client wants httpx2."""

    def __init__(self, app: Starlette) -> None:
        self._transport = httpx.ASGITransport(app, raise_app_exceptions=False)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return asyncio.run(self._answer(request))

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        answer = await self._transport.handle_async_request(request)
        body = b"".join([piece async for piece in answer.aiter_raw()])
        return httpx.Response(answer.status_code, headers=answer.headers, content=body)


@pytest.fixture
def stranger(app: Starlette) -> httpx.Client:
    """A client without a key."""
    return httpx.Client(transport=InProcess(app), base_url="http://agent")


@pytest.fixture
def viewer(app: Starlette, ring: KeyRing) -> httpx.Client:
    return client_of(app, ring, Role.VIEWER)


@pytest.fixture
def technician(app: Starlette, ring: KeyRing) -> httpx.Client:
    return client_of(app, ring, Role.TECHNICIAN)


@pytest.fixture
def admin(app: Starlette, ring: KeyRing) -> httpx.Client:
    return client_of(app, ring, Role.ADMIN)


def client_of(app: Starlette, ring: KeyRing, role: Role) -> httpx.Client:
    return httpx.Client(
        transport=InProcess(app), base_url="http://agent", headers={"X-API-Key": ring.add(role).key}
    )


@contextmanager
def serving(app: Starlette, settings: WebSettings) -> Iterator[WebServer]:
    """The application on a socket, for as long as the block lasts."""
    server = WebServer(app, settings)
    server.bind()
    thread = Thread(target=server.run)
    thread.start()
    try:
        yield server
    finally:
        server.stop()
        thread.join()
