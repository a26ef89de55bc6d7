"""Kafka, as the ingest needs it: told only once a message is on all replicas that are in sync."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from threading import Event, Thread
from typing import Any, Protocol

from confluent_kafka import KafkaException, Producer

from cloud_sync.central.envelope import Outgoing

POLL_S = 0.05
DELIVERY_TIMEOUT_S = 15.0


class Full(Exception):
    """There is no room for more messages now."""


class Messages(Protocol):
    """Where the ingest puts messages."""

    async def send(self, messages: Sequence[Outgoing]) -> list[bool]:
        """Return of each message whether it is kept. Raises Full where nothing was even tried."""
        ...


class KafkaMessages:
    """Implements `Messages` by one idempotent producer. Its callbacks come on a thread that `close` ends."""

    def __init__(self, brokers: str) -> None:
        self._producer = Producer(
            {
                "bootstrap.servers": brokers,
                "enable.idempotence": True,
                "acks": "all",
                "compression.type": "lz4",
                "linger.ms": 5,
                "delivery.timeout.ms": int(1000 * DELIVERY_TIMEOUT_S),
                "queue.buffering.max.messages": 200_000,
                "log_level": 3,
            }
        )
        self._ended = Event()
        self._poller = Thread(target=self._poll, name="kafka deliveries", daemon=True)
        self._poller.start()

    async def send(self, messages: Sequence[Outgoing]) -> list[bool]:
        """See `Messages`."""
        loop = asyncio.get_running_loop()
        told = [loop.create_future() for _ in messages]
        tried = 0
        try:
            for future, message in zip(told, messages, strict=True):
                self._producer.produce(
                    message.topic,
                    message.value,
                    message.key,
                    headers=list(message.headers),
                    on_delivery=_tells(loop, future),
                )
                tried += 1
        except (BufferError, KafkaException) as error:
            if tried == 0:
                raise Full from error
        for future in told[tried:]:
            future.set_result(False)
        return list(await asyncio.gather(*told))

    def waiting(self) -> int:
        """Return how many messages are under way."""
        return len(self._producer)

    def close(self) -> None:
        """Wait for what is under way and end."""
        self._producer.flush(DELIVERY_TIMEOUT_S)
        self._ended.set()
        self._poller.join()

    def _poll(self) -> None:
        while not self._ended.is_set():
            self._producer.poll(POLL_S)


def _tells(loop: asyncio.AbstractEventLoop, future: asyncio.Future[bool]) -> Any:  # noqa: ANN401 - confluent's
    def told(error: object, _message: object) -> None:
        loop.call_soon_threadsafe(_settle, future, error is None)

    return told


def _settle(future: asyncio.Future[bool], kept: bool) -> None:  # noqa: FBT001 - called by position
    if not future.done():
        future.set_result(kept)
