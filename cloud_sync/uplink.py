"""The gateway's side: from the outbox to the central ingest, each stream alone: alerts overtake."""

from __future__ import annotations

import asyncio
import gzip
import logging
import random
import ssl
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import httpx

from cloud_sync.batch import Acked, Batch, Budget, Wait, backoff_s, next_batch, outcome, spread
from edge_agent.errors import Busy, EdgeAgentError, StoreError
from edge_agent.wire.outbox import Record, Stream
from edge_agent.wire.uplink import MOST_RECORDS, RejectedRecord

PATH = "/v1/batches"
LOOK_EVERY_S = {Stream.ALERTS: 0.25, Stream.ANSWERS: 1.0, Stream.READINGS: 1.0}
TIMEOUT = httpx.Timeout(60.0, connect=10.0)
KEPT_OPEN = httpx.Limits(keepalive_expiry=150.0)
"""Longer than any gathering: a handshake weighs more than the batch that it is for."""
GZIP_LEVEL = 6
BACKLOG = 2 * MOST_RECORDS
"""More than this and a stream is catching up."""
IGNORE_DATES = 0x200000
"""X509_V_FLAG_NO_CHECK_TIME: chain and name are checked, the validity is not, while the clock is not set."""
FEWEST_RECORDS = 1

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class UplinkSettings:
    """Where it goes and who we are.

    spread_s: so long, by chance, a gateway holds back when a link returns and much waits; alerts never wait.
    gather_s: so long at most, by chance, a stream gathers what comes after a batch; alerts never wait.
    bytes_a_second: for metered links; None: no bound.
    """

    url: str
    token_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    ca_file: Path | None = None
    proxy: str | None = None
    bytes_a_second: float | None = None
    spread_s: float = 60.0
    gather_s: float = 60.0


class Outbox(Protocol):
    """The agent's outbox, as the uplink uses it. From any thread."""

    def records_after(self, stream: Stream, seq: int, most: int) -> list[Record]:
        """Return the next records, oldest first. Raises StoreError."""
        ...

    def cursor(self, stream: Stream) -> int:
        """Return how far the uplink has come."""
        ...

    def acknowledged(self, stream: Stream, seq: int) -> None:
        """Move the cursor. Raises Busy."""
        ...


class Uplink:
    """Carries streams up. Give `run` to a thread, call `stop` from any other.

    sent, refused, bytes_sent: records acknowledged, dead letters among them, bytes of bodies; they only grow.
    reached_at: when upstream last acknowledged, by the wall clock.
    """

    def __init__(self, settings: UplinkSettings, outbox: Outbox, clock_is_set: Callable[[], bool]) -> None:
        self._settings = settings
        self._outbox = outbox
        self._clock_is_set = clock_is_set
        self._budget = Budget(settings.bytes_a_second, at=time.monotonic())
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping = False
        self._ended = asyncio.Event()
        self._clients: list[tuple[object, httpx.AsyncClient]] = []
        """The last one is used; one before may still have a request under way."""
        self.turned_s = time.monotonic()
        self.sent = self.refused = self.bytes_sent = 0
        self.reached_at: float | None = None
        self.trouble: str | None = "not reached yet"

    def run(self) -> None:
        """Serve until `stop`."""
        asyncio.run(self.serve())

    def stop(self) -> None:
        """Let `run` return; what is under way is sent again after a restart, and is known there."""
        self._stopping = True
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._ended.set)

    async def serve(self) -> None:
        """Serve until `stop`, on a loop that others may share."""
        self._loop = asyncio.get_running_loop()
        tasks = [asyncio.create_task(self._carry(stream)) for stream in Stream]
        ending = asyncio.create_task(self._ended.wait())
        if self._stopping:
            self._ended.set()
        done, _ = await asyncio.wait([*tasks, ending], return_when=asyncio.FIRST_COMPLETED)
        for task in (*tasks, ending):
            task.cancel()
        await asyncio.gather(*tasks, ending, return_exceptions=True)
        for _, client in self._clients:
            await client.aclose()
        for task in done:
            task.result()

    # One stream

    async def _carry(self, stream: Stream) -> None:
        """Send a stream's records, one batch in flight, for ever."""
        cursor, failures, most = self._outbox.cursor(stream), 0, MOST_RECORDS
        held_back = False
        while True:
            self.turned_s = time.monotonic()
            records = await self._next(stream, cursor)
            batch = next_batch(records, most)
            if batch is None:
                held_back = False
                await asyncio.sleep(LOOK_EVERY_S[stream])
                continue
            if failures and stream is not Stream.ALERTS and len(records) > MOST_RECORDS:
                held_back = True
            answer = await self._sent(batch, failures)
            if isinstance(answer, Wait):
                failures += not answer.smaller
                most = max(most // 2, FEWEST_RECORDS) if answer.smaller else most
                self._tell_trouble(answer)
                await asyncio.sleep(answer.seconds)
                continue
            cursor, failures, most = await self._moved(stream, answer), 0, min(most * 2, MOST_RECORDS)
            if held_back:  # the link is back, for all gateways of the fleet at once
                held_back = False
                await asyncio.sleep(self._settings.spread_s * random.random())  # noqa: S311 - spreads load
            elif stream is not Stream.ALERTS and cursor >= records[-1].seq:
                await asyncio.sleep(spread(self._settings.gather_s, random.random()))  # noqa: S311 - as above

    async def _next(self, stream: Stream, cursor: int) -> Sequence[Record]:
        try:
            return await asyncio.to_thread(self._outbox.records_after, stream, cursor, BACKLOG)
        except StoreError as error:
            self.trouble = str(error)
            return ()

    async def _moved(self, stream: Stream, answer: Acked) -> int:
        """Move the cursor; return where it stands."""
        self.trouble = None
        self.reached_at = time.time()
        self._tell_refused(stream, answer.rejected)
        try:
            await asyncio.to_thread(self._outbox.acknowledged, stream, answer.through)
        except Busy:
            log.warning("the pipeline is busy; the uplink's cursor moves with the next batch")
        return answer.through

    def _tell_refused(self, stream: Stream, rejected: Sequence[RejectedRecord]) -> None:
        self.refused += len(rejected)
        if rejected:
            extra = {"stream": stream.value, "records": len(rejected), "first": rejected[0].reason[:200]}
            log.warning("upstream could not read some records", extra=extra)

    def _tell_trouble(self, wait: Wait) -> None:
        if self.trouble != wait.reason:
            log.warning("nothing goes up for now", extra={"reason": wait.reason})
        self.trouble = wait.reason

    # One request

    async def _sent(self, batch: Batch, failures: int) -> Acked | Wait:
        body = await asyncio.to_thread(gzip.compress, batch.body, GZIP_LEVEL)
        await asyncio.sleep(self._budget.wait_s(len(body), time.monotonic()))
        waited = (failures, random.random())  # noqa: S311 - spreads load, hides nothing
        try:
            response = await self._reached().post(PATH, content=body, headers=self._headers())
        except (httpx.HTTPError, OSError, EdgeAgentError) as error:
            return Wait(
                backoff_s(*waited), f"upstream cannot be reached: {type(error).__name__}: {error}"[:300]
            )
        found = outcome(response.status_code, response.headers, response.content, batch, waited)
        if isinstance(found, Acked):
            self.sent += found.through - batch.first_seq + 1
            self.bytes_sent += len(body)
        return found

    def _reached(self) -> httpx.AsyncClient:
        """Return the client; a new one where certificates or the clock's state have changed."""
        settings = self._settings
        files = (settings.cert_file, settings.key_file, settings.ca_file)
        made_of = (self._clock_is_set(), *(file and file.stat().st_mtime_ns for file in files))
        if not self._clients or self._clients[-1][0] != made_of:
            client = httpx.AsyncClient(
                base_url=settings.url,
                verify=self._tls() if settings.url.startswith("https:") else False,
                proxy=settings.proxy,
                trust_env=False,
                timeout=TIMEOUT,
                limits=KEPT_OPEN,
            )
            self._clients.append((made_of, client))
        return self._clients[-1][1]

    def _tls(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=self._settings.ca_file)
        if not self._clock_is_set():
            context.verify_flags |= ssl.VerifyFlags(IGNORE_DATES)
        if self._settings.cert_file is not None:
            context.load_cert_chain(self._settings.cert_file, self._settings.key_file)
        return context

    def _headers(self) -> dict[str, str]:
        headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
        if self._settings.token_file is not None:
            headers["Authorization"] = f"Bearer {self._settings.token_file.read_text().strip()}"
        return headers
