"""The central ingest as a real server on a thread of its own, and a gateway's outbox in memory."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from edge_agent.wire.outbox import Record, RecordType, Stream
from tests.rig.waiting import DEADLINE_S, HOST, Journal, free_port

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
KINDS = {
    Stream.ALERTS: RecordType.ALERT,
    Stream.ANSWERS: RecordType.FAILURE,
    Stream.READINGS: RecordType.READING,
}


@contextmanager
def served(app: ASGIApp, port: int | None = None, **settings: Any) -> Iterator[str]:
    """Serve an application; yield its URL."""
    port = port or free_port()
    config = uvicorn.Config(app, host=HOST, port=port, log_config=None, lifespan="off", ws="none", **settings)
    server = _Server(config)
    thread = threading.Thread(target=server.run, name="central")
    thread.start()
    assert server.up.wait(DEADLINE_S), "the server does not come up"
    try:
        yield f"{'https' if 'ssl_certfile' in settings else 'http'}://{HOST}:{port}"
    finally:
        server.should_exit = True
        server.force_exit = True
        thread.join()


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = threading.Event()

    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        self.up.set()


class MemoryOutbox:
    """Implements the uplink's `Outbox`. moved: each (stream, cursor) that was acknowledged."""

    def __init__(self) -> None:
        self.records: dict[Stream, list[Record]] = {stream: [] for stream in Stream}
        self.moved: Journal[tuple[Stream, int]] = Journal("the outbox")
        self._cursors = dict.fromkeys(Stream, 0)

    def put(
        self,
        stream: Stream,
        count: int = 1,
        *,
        epoch: str = "e1",
        payload: str = '{"n": 1}',
        ts: datetime = NOW,
    ) -> None:
        held = self.records[stream]
        for _ in range(count):
            held.append(
                Record(
                    stream=stream,
                    seq=len(held) + 1,
                    epoch=epoch,
                    type=KINDS[stream],
                    charger_id="CHG_001",
                    ts=ts,
                    clock="trusted",
                    payload=payload,
                )
            )

    def records_after(self, stream: Stream, seq: int, most: int) -> list[Record]:
        return self.records[stream][seq : seq + most]

    def cursor(self, stream: Stream) -> int:
        return self._cursors[stream]

    def acknowledged(self, stream: Stream, seq: int) -> None:
        self._cursors[stream] = seq
        self.moved.add((stream, seq))

    def wait_until_sent(self, stream: Stream) -> None:
        last = len(self.records[stream])
        self.moved.wait_for(f"{stream} through {last}", lambda moved: moved == (stream, last))
