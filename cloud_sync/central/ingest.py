"""HTTPS to Kafka: a gateway's batch is answered once every record of it is kept, or is a dead letter."""

from __future__ import annotations

import logging
import time
import zlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from http import HTTPStatus
from itertools import pairwise
from typing import TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest
from pydantic import BaseModel, ValidationError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from cloud_sync.central.certificates import shown
from cloud_sync.central.codes import CodeBook
from cloud_sync.central.envelope import Outgoing, dead_letter, outgoing
from cloud_sync.central.producer import Full, Messages
from cloud_sync.central.settings import Ingest as IngestSettings
from cloud_sync.central.tokens import Gateway, TokenBook
from edge_agent.errors import ConfigError, Rejected
from edge_agent.wire.enrolment import Enrolment, EnrolmentRequest
from edge_agent.wire.uplink import Acknowledged, RejectedRecord, UplinkBatch

MOST_COMPRESSED = 1024 * 1024
MOST_BYTES = 4 * 1024 * 1024
"""Sixteen times what a batch should be: one record alone may be large."""
RETRY_S = 5
MOST_GATEWAYS = 100_000
BURST = 2.0
BEARER = "Bearer "
Question = TypeVar("Question", bound=BaseModel)

log = logging.getLogger(__name__)


class Refused(Exception):
    """A batch is not taken. seconds: when to try again."""

    def __init__(self, status: HTTPStatus, detail: str, seconds: float | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.seconds = seconds


class Figures:
    """What Prometheus is shown."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.records = Counter(
            "ingest_records", "Records by what became of them.", ["outcome"], registry=registry
        )
        self.batches = Counter("ingest_batches", "Batches by status.", ["status"], registry=registry)
        self.under_way = Gauge("ingest_batches_under_way", "Batches being kept.", registry=registry)


class Ingest:
    """Takes batches. It keeps nothing itself, so there may be as many of it as one likes."""

    def __init__(
        self,
        messages: Messages,
        tokens: TokenBook,
        settings: IngestSettings,
        figures: Figures,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._messages = messages
        self._tokens = tokens
        self._settings = settings
        self._figures = figures
        self._clock = clock
        self._under_way = 0
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    async def batches(self, request: Request) -> Response:
        """POST /v1/batches."""
        answer = await _answered(self._taken(request))
        self._figures.batches.labels(answer.status_code).inc()
        return answer

    async def _taken(self, request: Request) -> Acknowledged:
        gateway = self._sender(request)
        self._hold_back(gateway.gateway_id)
        if self._under_way >= self._settings.most_batches:
            raise Refused(HTTPStatus.SERVICE_UNAVAILABLE, "Too many batches at once.", RETRY_S)
        self._under_way += 1
        self._figures.under_way.set(self._under_way)
        try:
            return await self._kept(_batch(await _body(request)), gateway)
        finally:
            self._under_way -= 1
            self._figures.under_way.set(self._under_way)

    def _sender(self, request: Request) -> Gateway:
        """Return who sends, by the token or the certificate alone."""
        token, certificate = request.headers.get("authorization", ""), shown(request)
        gateway = None
        if token.startswith(BEARER):
            gateway = self._tokens.find(token.removeprefix(BEARER))
        elif certificate is not None:
            gateway = self._tokens.find_hash(certificate)
        if gateway is None:
            raise Refused(HTTPStatus.UNAUTHORIZED, "Show this gateway's token or certificate.")
        return gateway

    def _hold_back(self, gateway_id: str) -> None:
        rate, now = self._settings.batches_per_second, self._clock()
        tokens, at = self._buckets.pop(gateway_id, (BURST * rate, now))
        tokens = min(tokens + (now - at) * rate, BURST * rate)
        self._buckets[gateway_id] = (max(tokens - 1.0, 0.0), now)
        if len(self._buckets) > MOST_GATEWAYS:
            self._buckets.popitem(last=False)
        if tokens < 1.0:
            raise Refused(
                HTTPStatus.TOO_MANY_REQUESTS, "This gateway sends too often.", (1.0 - tokens) / rate
            )

    async def _kept(self, batch: UplinkBatch, gateway: Gateway) -> Acknowledged:
        """Return through which record the batch is kept. Raises Refused where not even the first is."""
        messages, rejected = _messages(batch, gateway)
        try:
            kept = await self._messages.send(messages)
        except Full:
            raise Refused(HTTPStatus.SERVICE_UNAVAILABLE, "Kafka takes no more for now.", RETRY_S) from None
        count = kept.index(False) if False in kept else len(kept)
        if count == 0:
            raise Refused(HTTPStatus.SERVICE_UNAVAILABLE, "Kafka does not answer.", RETRY_S)
        acked = batch.records[count - 1].seq
        self._figures.records.labels("kept").inc(count - len(rejected))
        self._figures.records.labels("dead").inc(len(rejected))
        return Acknowledged(acked_seq=acked, rejected=[each for each in rejected if each.seq <= acked])


class Enrolling:
    """Lets gateways that come with a one-time code have their place."""

    def __init__(self, codes: CodeBook) -> None:
        self._codes = codes

    async def enrol(self, request: Request) -> Response:
        """POST /v1/enrol."""
        return await _answered(self._redeemed(request))

    async def _redeemed(self, request: Request) -> Enrolment:
        asked = _parsed(EnrolmentRequest, await _body(request))
        try:
            found = await run_in_threadpool(self._codes.redeem, asked, datetime.now(UTC))
        except ConfigError as error:
            log.error("no code can be used up", extra={"reason": str(error)})  # noqa: TRY400 - a disk, no defect
            raise Refused(HTTPStatus.SERVICE_UNAVAILABLE, "No code can be used up now.", RETRY_S) from None
        if isinstance(found, Rejected):
            raise Refused(HTTPStatus.FORBIDDEN, found.reason)
        log.info("enrolled", extra={"site_id": found.site_id, "gateway_id": found.gateway_id})
        return found


async def _answered(answering: Awaitable[BaseModel]) -> Response:
    """Return the answer, or the problem that there is with the question."""
    try:
        return JSONResponse((await answering).model_dump())
    except Refused as refusal:
        headers = {} if refusal.seconds is None else {"Retry-After": str(max(1, round(refusal.seconds)))}
        return JSONResponse(
            {"title": refusal.status.phrase, "status": refusal.status, "detail": str(refusal)},
            refusal.status,
            headers,
            "application/problem+json",
        )
    except ClientDisconnect:
        return Response(status_code=HTTPStatus.BAD_REQUEST)


def _messages(batch: UplinkBatch, gateway: Gateway) -> tuple[list[Outgoing], list[RejectedRecord]]:
    messages, rejected = [], []
    for record in batch.records:
        message = outgoing(batch, record, gateway)
        if isinstance(message, Rejected):
            rejected.append(RejectedRecord(seq=record.seq, reason=message.reason))
            message = dead_letter(batch, record, gateway, message.reason)
        messages.append(message)
    return messages, rejected


async def _body(request: Request) -> bytes:
    """Return the body, unpacked, never taking in more than is allowed."""
    encoding = request.headers.get("content-encoding", "identity")
    if encoding not in {"gzip", "identity"}:
        raise Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "Send the batch as it is, or with gzip.")
    packed = bytearray()
    async for chunk in request.stream():
        packed += chunk
        if len(packed) > MOST_COMPRESSED:
            raise Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"A body has at most {MOST_COMPRESSED} bytes.")
    if encoding == "identity":
        return bytes(packed)
    unpacker = zlib.decompressobj(zlib.MAX_WBITS | 16)
    try:
        body = unpacker.decompress(bytes(packed), MOST_BYTES)
    except zlib.error:
        raise Refused(HTTPStatus.BAD_REQUEST, "The body is no gzip.") from None
    if unpacker.unconsumed_tail:
        raise Refused(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"Unpacked, a body has at most {MOST_BYTES} bytes."
        )
    if not unpacker.eof:
        raise Refused(HTTPStatus.BAD_REQUEST, "The gzip is cut off.")
    return body


def _parsed(kind: type[Question], body: bytes) -> Question:
    try:
        return kind.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise Refused(HTTPStatus.UNPROCESSABLE_ENTITY, f"{where}: {first['msg']}") from None


def _batch(body: bytes) -> UplinkBatch:
    batch = _parsed(UplinkBatch, body)
    seqs = [record.seq for record in batch.records]
    if seqs[0] != batch.first_seq or any(after <= before for before, after in pairwise(seqs)):
        raise Refused(HTTPStatus.UNPROCESSABLE_ENTITY, "records: their numbers must rise from first_seq")
    return batch


def create_app(messages: Messages, tokens: TokenBook, settings: IngestSettings) -> Starlette:
    """Return the application."""
    registry = CollectorRegistry()
    ingest = Ingest(messages, tokens, settings, Figures(registry))
    enrolling = Enrolling(CodeBook(settings.codes_file, settings.tokens_file))

    async def health(_: Request) -> Response:
        return JSONResponse({"status": "healthy", "service": "cloud-sync ingest"})

    async def metrics(_: Request) -> Response:
        return PlainTextResponse(generate_latest(registry).decode())

    return Starlette(
        routes=[
            Route("/v1/batches", ingest.batches, methods=["POST"]),
            Route("/v1/enrol", enrolling.enrol, methods=["POST"]),
            Route("/health", health),
            Route("/metrics", metrics),
        ]
    )
