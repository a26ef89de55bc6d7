"""A back office that answers every call at once, and counts. A child process.

    python -m tests.bench.ocpp_upstream PORT

On a line of standard input it prints how many calls it has answered.
"""

from __future__ import annotations

import asyncio
import sys

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from tests.rig.waiting import HOST


async def main() -> None:
    """See above."""
    answered = 0

    async def office(charger: ServerConnection) -> None:
        nonlocal answered
        try:
            async for message in charger:
                message_id = str(message).split('"', 2)[1]
                await charger.send(f'[3,"{message_id}",{{}}]')
                answered += 1
        except ConnectionClosed:
            pass

    async with serve(
        office,
        HOST,
        int(sys.argv[1]),
        subprotocols=[Subprotocol("ocpp1.6")],
        compression=None,
        ping_interval=None,
    ):
        print("listening", flush=True)
        while await asyncio.to_thread(sys.stdin.readline):
            print(answered, flush=True)


if __name__ == "__main__":
    asyncio.run(main())
