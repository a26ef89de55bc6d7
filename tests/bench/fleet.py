"""Many gateways in one process, each with the real uplink. A child process.

    python -m tests.bench.fleet URL TOKENS COUNT RECORDS SECONDS

TOKENS: a file with a token a line. SECONDS 0: each gateway has RECORDS answers and as many readings waiting,
as after an outage. More: each makes RECORDS answers in so many seconds, and begins at a moment of its own.
Prints a JSON document: seconds until all was acknowledged, records, bytes of bodies, ms a request, refusals.
"""

from __future__ import annotations

import asyncio
import json
import logging
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cloud_sync.batch import Acked, Batch, Wait
from cloud_sync.uplink import BACKLOG, LOOK_EVERY_S, Uplink, UplinkSettings
from edge_agent.wire.outbox import Record, RecordType, Stream

EPOCH = "bench"
GATHER_S = 60.0
LOOK_S = 5.0
"""Of all gateways in one process: a real one looks at its own outbox more often, and is alone with it."""
KINDS = {Stream.ANSWERS: RecordType.FAILURE, Stream.READINGS: RecordType.READING}


class Gateway(Uplink):
    """An uplink that measures its requests. Its outbox is in memory, so no thread has to wait for a disk."""

    def __init__(self, settings: UplinkSettings, outbox: Waiting, told: Told) -> None:
        super().__init__(settings, outbox, lambda: True)
        self._told = told

    async def _next(self, stream: Stream, cursor: int) -> Sequence[Record]:
        return self._outbox.records_after(stream, cursor, BACKLOG)

    async def _sent(self, batch: Batch, failures: int) -> Acked | Wait:
        began = time.monotonic()
        answer = await super()._sent(batch, failures)
        self._told.ms.append(1000 * (time.monotonic() - began))
        if isinstance(answer, Wait):
            self._told.refusals.append(answer.reason)
        return answer


class Told:
    """What all of them have to tell."""

    def __init__(self) -> None:
        self.ms: list[float] = []
        self.refusals: list[str] = []


class Waiting:
    """An outbox in memory. done: set once all of it is acknowledged.

    seconds: until the last of its records is made; each waits until it is its turn.
    """

    def __init__(self, number: int, count: int, seconds: float) -> None:
        chance = random.Random(number)
        span = timedelta(days=1)
        start = datetime.now(UTC) - span
        self._records = {
            stream: [
                _record(stream, seq, chance, start + seq / count * span, number)
                for seq in range(1, count + 1)
            ]
            for stream in (KINDS if seconds == 0.0 else (Stream.ANSWERS,))
        }
        self._cursors = dict.fromkeys(Stream, 0)
        self._count, self._seconds = count, seconds
        self.loop = asyncio.get_running_loop()
        self.began = 0.0
        self.done = asyncio.Event()

    def records_after(self, stream: Stream, seq: int, most: int) -> list[Record]:
        return self._records.get(stream, [])[seq : min(seq + most, self._made())]

    def cursor(self, stream: Stream) -> int:
        return self._cursors[stream]

    def acknowledged(self, stream: Stream, seq: int) -> None:
        self._cursors[stream] = seq
        if all(self._cursors[each] >= len(held) for each, held in self._records.items()):
            self.loop.call_soon_threadsafe(self.done.set)

    def _made(self) -> int:
        if self._seconds == 0.0:
            return self._count
        return min(int(self._count * (time.monotonic() - self.began) / self._seconds), self._count)


def _record(stream: Stream, seq: int, chance: random.Random, at: datetime, number: int) -> Record:
    charger_id = f"CHG_{number:04}_{seq % 8}"
    if stream is Stream.READINGS:
        metrics = {
            "connector_id": 1,
            "connector_status": chance.choice(["CHARGING", "AVAILABLE"]),
            "power": round(chance.uniform(0, 22), 2),
            "temperature": round(chance.uniform(10, 45), 1),
            "energy_delivered": round(chance.uniform(0, 60), 2),
        }
        payload: dict[str, object] = {
            "charger_id": charger_id,
            "metrics": metrics,
            "timestamp": at.isoformat(),
        }
    else:
        payload = {
            "charger_id": charger_id,
            "connector_id": 1,
            "failure_probability": round(chance.random() / 10, 4),
            "confidence": round(chance.random(), 3),
            "recommended_action": "WITHIN_30_DAYS",
            "top_contributing_factors": [
                f"uptime {chance.randrange(9_000)} h",
                f"codes {chance.randrange(9)} a day",
            ],
            "model_version": "2026.11.1",
            "timestamp": at.isoformat(),
        }
    return Record(
        stream=stream,
        seq=seq,
        epoch=EPOCH,
        type=KINDS[stream],
        charger_id=charger_id,
        ts=at,
        clock="trusted",
        payload=json.dumps(payload),
    )


async def main(tokens: list[str]) -> None:
    """See above."""
    logging.disable()  # a thousand gateways would each tell of it
    url, count, records, seconds = sys.argv[1], int(sys.argv[3]), int(sys.argv[4]), float(sys.argv[5])
    LOOK_EVERY_S.update(dict.fromkeys(Stream, LOOK_S if seconds else 1.0))
    told = Told()
    with tempfile.TemporaryDirectory() as folder:
        gateways = [
            _gateway(Path(folder), url, token, Waiting(number, records, seconds), told)
            for number, token in enumerate(tokens[:count])
        ]
        print("ready", flush=True)
        sys.stdin.readline()
        began = time.monotonic()
        serving = [asyncio.create_task(_serve(*each, GATHER_S if seconds else 0.0)) for each in gateways]
        await asyncio.gather(*(outbox.done.wait() for _, outbox in gateways))
        took = time.monotonic() - began
        for uplink, _ in gateways:
            uplink.stop()
        await asyncio.gather(*serving, return_exceptions=True)
    sent = sum(uplink.sent for uplink, _ in gateways)
    sizes = sum(uplink.bytes_sent for uplink, _ in gateways)
    print(
        json.dumps(
            {"seconds": took, "records": sent, "bytes": sizes, "ms": told.ms, "refusals": told.refusals}
        )
    )


def _gateway(folder: Path, url: str, token: str, outbox: Waiting, told: Told) -> tuple[Gateway, Waiting]:
    file = folder / token
    file.write_text(token)
    settings = UplinkSettings(url=url, token_file=file, spread_s=1.0, gather_s=GATHER_S)
    return Gateway(settings, outbox, told), outbox


async def _serve(gateway: Gateway, outbox: Waiting, within_s: float) -> None:
    """Serve, from some moment within so many seconds on."""
    await asyncio.sleep(within_s * random.random())
    outbox.began = time.monotonic()
    await gateway.serve()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[2]).read_text().split()))
