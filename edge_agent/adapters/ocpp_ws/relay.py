"""Relaying: every message as it came, in order, in both directions."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from edge_agent.adapters.ocpp_ws.legs import end_alike, receive, send

if TYPE_CHECKING:
    from collections.abc import Callable

    from websockets.asyncio.connection import Connection
    from websockets.typing import Data

    from edge_agent.ports import Listener


async def relay(charger: Connection, upstream: Connection, charger_id: str, listener: Listener) -> bool:
    """Relay until a leg ends, and end the other alike; return whether it was the charger's that ended.

    A leg that takes nothing holds up the one that sends: nothing is read ahead.
    """
    said = asyncio.create_task(_carry(charger, upstream, lambda text: listener.said(charger_id, text)))
    told = asyncio.create_task(_carry(upstream, charger, lambda text: listener.told(charger_id, text)))
    try:
        ended, _ = await asyncio.wait({said, told}, return_when=asyncio.FIRST_COMPLETED)
        by_charger = said.result() if said in ended else not told.result()
        await end_alike(charger if by_charger else upstream, upstream if by_charger else charger)
    finally:
        for task in (said, told):
            task.cancel()
        await asyncio.gather(said, told, return_exceptions=True)
    return by_charger


async def _carry(source: Connection, target: Connection, listen: Callable[[Data], None]) -> bool:
    """Carry messages; return whether it was the source that ended."""
    while (message := await receive(source)) is not None:
        listen(message)
        if not await send(target, message):
            return False
    return True
