"""Batches, gateways and messages as the tests of the central side need them."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from starlette.types import ASGIApp

from cloud_sync.central import tokens
from cloud_sync.central.envelope import Outgoing
from cloud_sync.central.producer import Full
from cloud_sync.central.settings import Ingest

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
FAILURE = {"charger_id": "CHG_001", "failure_probability": 0.4, "model_version": "v1"}


class FakeMessages:
    """Implements `Messages`: keeps them in memory. fails: from which message on it does not keep."""

    def __init__(self) -> None:
        self.kept: list[Outgoing] = []
        self.fails: int | None = None
        self.full = False

    async def send(self, messages: Sequence[Outgoing]) -> list[bool]:
        if self.full:
            raise Full
        await asyncio.sleep(0)
        count = len(messages) if self.fails is None else self.fails
        self.kept += messages[:count]
        return [place < count for place in range(len(messages))]


def record(seq: int, **changed: Any) -> dict[str, Any]:
    return {
        "seq": seq,
        "type": "failure",
        "charger_id": "CHG_001",
        "ts": "2026-03-04T12:00:00Z",
        "clock": "trusted",
        "payload": FAILURE,
        **changed,
    }


def batch(*records: dict[str, Any], **changed: Any) -> dict[str, Any]:
    first = records[0]["seq"] if records else 1
    return {"epoch": "e1", "stream": "answers", "first_seq": first, "records": list(records), **changed}


def a_book(folder: Path) -> tuple[Path, str, str]:
    """Return a tokens file, and the tokens of two gateways of two tenants."""
    path = folder / "tokens.json"
    first = tokens.add(path, "site-1", "gw-1", "tenant-1")
    return path, first, tokens.add(path, "site-2", "gw-2", "tenant-2")


def settings(**changed: Any) -> Ingest:
    return Ingest(**{"batches_per_second": 10_000.0, **changed})


@asynccontextmanager
async def client(app: ASGIApp, token: str | None) -> AsyncIterator[httpx.AsyncClient]:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://ingest", headers=headers) as asking:
        yield asking


async def post(asking: httpx.AsyncClient, body: object, **headers: str) -> httpx.Response:
    raw = body if isinstance(body, bytes) else gzip.compress(json.dumps(body).encode())
    return await asking.post("/v1/batches", content=raw, headers={"Content-Encoding": "gzip", **headers})
