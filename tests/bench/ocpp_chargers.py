"""Chargers over WebSocket, each with a meter value a second. A child process.

    python -m tests.bench.ocpp_chargers URL COUNT SECONDS

Prints `connected`, and at the end a JSON document: messages sent, answers that came, round trips in ms.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from datetime import UTC, datetime

from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

EVERY_S = 1.0
LAST_ANSWERS_S = 10.0
WARM_S = 3.0
"""Of the beginning, which does not count: everything is seen there for the first time."""


class Charger:
    """One charger: sends on its beat, whatever comes back and when."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.sent = 0
        self.trips_ms: list[float] = []
        self.answers = 0
        self._sent_at: dict[str, float] = {}
        self._all_answered = asyncio.Event()

    async def live(self, connection: ClientConnection, began: float, seconds: float) -> None:
        hearing = asyncio.create_task(self._hear(connection, began + WARM_S))
        due = began + EVERY_S * self.number / 1000  # not all at once
        while due < began + seconds:
            await asyncio.sleep(max(due - time.monotonic(), 0.0))
            await self._say(connection)
            due += EVERY_S
        async with asyncio.timeout(LAST_ANSWERS_S):
            await self._all_answered.wait()
        hearing.cancel()

    async def _say(self, connection: ClientConnection) -> None:
        self.sent += 1
        self._all_answered.clear()
        message_id = f"{self.number}-{self.sent}"
        value = {
            "timestamp": datetime.now(UTC).isoformat(),
            "sampledValue": [{"value": str(100 * self.sent)}],
        }
        message = json.dumps([2, message_id, "MeterValues", {"connectorId": 1, "meterValue": [value]}])
        self._sent_at[message_id] = time.monotonic()
        await connection.send(message)

    async def _hear(self, connection: ClientConnection, counts_from: float) -> None:
        async for message in connection:
            now = time.monotonic()
            sent_at = self._sent_at.pop(str(message).split('"', 2)[1])
            self.answers += 1
            if self.answers == self.sent:
                self._all_answered.set()
            if sent_at >= counts_from:
                self.trips_ms.append(1000 * (now - sent_at))


async def main() -> None:
    """See above."""
    url, count, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    chargers = [Charger(number) for number in range(1, count + 1)]
    connections = [
        await connect(
            f"{url}/CHG_{charger.number:03}",
            subprotocols=[Subprotocol("ocpp1.6")],
            compression=None,
            ping_interval=None,
        )
        for charger in chargers
    ]
    print("connected", flush=True)
    began = time.monotonic()
    await asyncio.gather(
        *(
            charger.live(connection, began, seconds)
            for charger, connection in zip(chargers, connections, strict=True)
        )
    )
    trips = [trip for charger in chargers for trip in charger.trips_ms]
    told = {
        "sent": sum(each.sent for each in chargers),
        "answers": sum(each.answers for each in chargers),
        "ms": trips,
    }
    print(json.dumps(told), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
