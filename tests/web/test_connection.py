"""What a slow or greedy client gets, by a clock that the test turns."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine

import pytest
from starlette.types import Message
from uvicorn import Config
from uvicorn.server import ServerState

from edge_agent.adapters.web.connection import MAX_CONNECTIONS, REQUEST_S, BoundedConnection, overloaded

LATE = REQUEST_S + 1
REQUEST = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n"


class FakeTransport(asyncio.Transport):
    """Remembers what became of it; `close` waits for a reader that never comes."""

    def __init__(self) -> None:
        super().__init__()
        self.aborted = False
        self.closing = False
        self.written = b""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += bytes(data)

    def close(self) -> None:
        self.closing = True

    def abort(self) -> None:
        self.aborted = True

    def is_closing(self) -> bool:
        return self.closing

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass


class FakeTask:
    def add_done_callback(self, callback: object) -> None:
        pass


class FakeLoop:
    """Starts nothing, and its time is always 100."""

    def time(self) -> float:
        return 100.0

    def create_task(self, coroutine: Coroutine[None, None, None]) -> FakeTask:
        coroutine.close()
        return FakeTask()


@pytest.fixture
def state() -> ServerState:
    return ServerState()


def connect(state: ServerState) -> tuple[BoundedConnection, FakeTransport]:
    config = Config(overloaded, http=BoundedConnection, ws="none", lifespan="off", log_config=None)
    config.load()
    connection, transport = BoundedConnection(config, state, {}, FakeLoop()), FakeTransport()
    connection.connection_made(transport)
    return connection, transport


def test_a_client_that_says_nothing_is_hung_up_on(state: ServerState) -> None:
    connection, transport = connect(state)
    connection.hang_up_if_slow(100.0 + REQUEST_S)
    assert not transport.aborted
    connection.hang_up_if_slow(100.0 + LATE)
    assert transport.aborted


@pytest.mark.parametrize("begun", [b"POST / HT", REQUEST, REQUEST + b"{", b"\r\n"])
def test_a_request_that_never_ends_is_hung_up_on(state: ServerState, begun: bytes) -> None:
    connection, transport = connect(state)
    for byte in begun:
        connection.data_received(bytes([byte]))
    connection.hang_up_if_slow(100.0 + LATE)
    assert transport.aborted


def test_a_client_that_waits_for_its_answer_is_left_alone(state: ServerState) -> None:
    connection, transport = connect(state)
    connection.data_received(REQUEST + b"{}")
    connection.hang_up_if_slow(100.0 + LATE)
    assert not transport.aborted


def test_an_answer_that_nobody_takes_is_given_up(state: ServerState) -> None:
    connection, transport = connect(state)
    connection.data_received(REQUEST + b"{}")
    transport.close()
    connection.hang_up_if_slow(200.0)
    assert not transport.aborted
    connection.hang_up_if_slow(200.0 + LATE)
    assert transport.aborted


def test_when_there_are_too_many_the_new_ones_are_told_and_then_dropped(state: ServerState) -> None:
    state.connections.update(object() for _ in range(MAX_CONNECTIONS))  # type: ignore[misc]
    connection, transport = connect(state)
    assert connection.app is overloaded
    assert not transport.aborted
    state.connections.update(object() for _ in range(MAX_CONNECTIONS))  # type: ignore[misc]
    assert connect(state)[1].aborted


def test_the_crowd_is_told_to_try_again() -> None:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    asyncio.run(overloaded({"type": "http"}, None, send))  # type: ignore[arg-type]
    assert sent[0]["status"] == 503
    assert (b"retry-after", b"1") in sent[0]["headers"]
