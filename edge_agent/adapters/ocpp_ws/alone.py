"""Answering a charger where there is no upstream: it can be watched all the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_agent.adapters.ocpp_ws.legs import receive, send
from edge_agent.backoffice import frames
from edge_agent.backoffice.answers import Asked
from edge_agent.backoffice.conversation import answered

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from websockets.asyncio.connection import Connection

    from edge_agent.ports import Listener

IDS = 2_000_000_000
"""Transaction ids come from the clock, so that they differ from those before a restart."""


async def answer_alone(
    charger: Connection,
    charger_id: str,
    listener: Listener,
    policy: tuple[Callable[[str], bool], Callable[[], datetime]],
) -> None:
    """Answer the charger until it goes. policy: whether an idTag may charge, and what time it is."""
    accepts, now = policy
    protocol, last_id = charger.subprotocol or "ocpp1.6", 0
    while (message := await receive(charger)) is not None:
        listener.said(charger_id, message)
        frame = frames.read(message)
        if frame is None or not frame.is_call:
            continue
        at = now()
        last_id = max(last_id + 1, int(at.timestamp()) % IDS)
        answer = answered(frame, protocol, Asked(frame.payload, at, accepts, last_id))
        listener.told(charger_id, answer)
        await send(charger, answer)
