"""Relaying while upstream is there, answering in its place while it is not, and catching up in between."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from websockets.frames import CloseCode

from edge_agent.adapters.ocpp_ws.legs import LOST, Refused, Unreachable, end_alike, pause_s, receive, send
from edge_agent.backoffice.conversation import (
    Conversation,
    Deed,
    Delivered,
    Ended,
    GivenUp,
    Keep,
    Leave,
    Mapped,
    Next,
    Remember,
    Standing,
    ToCharger,
    ToUpstream,
)
from edge_agent.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable
    from datetime import datetime

    from websockets.asyncio.client import ClientConnection
    from websockets.asyncio.server import ServerConnection

    from edge_agent.ports import Ledger, Listener

ANSWER_TIMEOUT_S = 30.0
"""So long upstream has to answer what it was owed."""

log = logging.getLogger(__name__)


class Surroundings(NamedTuple):
    """What a talk works with. reach: opens a connection to upstream in the charger's name."""

    charger_id: str
    listener: Listener
    ledger: Ledger
    now: Callable[[], datetime]
    reach: Callable[[], Awaitable[ClientConnection]]


class Talk:
    """Carries out what a conversation decides, between a charger and upstream.

    One deed follows another: while relaying each direction is on its own, else they take turns.
    """

    def __init__(self, charger: ServerConnection, conversation: Conversation, around: Surroundings) -> None:
        self._charger = charger
        self._conversation = conversation
        self._around = around
        self._upstream: ClientConnection | None = None
        self._turn = asyncio.Lock()
        self._writing: set[asyncio.Task[None]] = set()
        self._failures = 0
        self.refused: Refused | None = None
        """Upstream came back and does not let the charger in."""

    async def run(self, upstream: ClientConnection | None) -> bool:
        """Talk until a leg ends for good; return whether it was the charger's that ended."""
        if upstream is not None:  # where nothing is owed it is a relay before the charger says anything
            await self._take_up(upstream)
        hearing = asyncio.create_task(self._hear_charger())
        reaching = asyncio.create_task(self._keep_upstream(upstream))
        try:
            await asyncio.wait({hearing, reaching}, return_when=asyncio.FIRST_COMPLETED)
            by_charger = hearing.done()
            (hearing if by_charger else reaching).result()
            if self._upstream is not None:
                legs = (self._charger, self._upstream) if by_charger else (self._upstream, self._charger)
                await end_alike(*legs)
            elif not by_charger:
                await self._charger.close(CloseCode.TRY_AGAIN_LATER)
            return by_charger
        finally:
            for task in (hearing, reaching):
                task.cancel()
            await asyncio.gather(hearing, reaching, *self._writing, return_exceptions=True)

    async def _hear_charger(self) -> None:
        around, conversation = self._around, self._conversation
        while (message := await receive(self._charger)) is not None:
            around.listener.said(around.charger_id, message)
            text = message if isinstance(message, str) else message.decode(errors="replace")
            if conversation.standing is Standing.RELAY:
                await self._do(conversation.from_charger(text, around.now()))
                continue
            async with self._turn:
                await self._do(conversation.from_charger(text, around.now()))

    async def _keep_upstream(self, upstream: ClientConnection | None) -> None:
        """Return once upstream has ended this charger's connection on purpose, or does not let it in."""
        while True:
            if upstream is None:
                upstream = await self._reached()
                if upstream is None:
                    return
                await self._take_up(upstream)
            await self._hear_upstream(upstream)
            if (upstream.close_code or CloseCode.ABNORMAL_CLOSURE) not in LOST:
                return
            caught_up = self._conversation.standing is Standing.RELAY
            self._failures = 0 if caught_up else self._failures + 1
            self._upstream = upstream = None
            log.warning("upstream is lost", extra={"charger": self._around.charger_id})
            async with self._turn:
                await self._do(self._conversation.upstream_lost(self._around.now()))

    async def _take_up(self, upstream: ClientConnection) -> None:
        self._upstream = upstream
        async with self._turn:
            await self._do(self._conversation.upstream_back())

    async def _reached(self) -> ClientConnection | None:
        while True:
            await asyncio.sleep(pause_s(self._failures))
            try:
                return await self._around.reach()
            except Unreachable:
                self._failures += 1
            except Refused as refusal:
                self.refused = refusal
                return None

    async def _hear_upstream(self, upstream: ClientConnection) -> None:
        conversation = self._conversation
        while (message := await self._told(upstream)) is not None:
            text = message if isinstance(message, str) else message.decode(errors="replace")
            if conversation.standing is Standing.RELAY:
                await self._do(conversation.from_upstream(text))
                continue
            async with self._turn:
                await self._do(conversation.from_upstream(text))

    async def _told(self, upstream: ClientConnection) -> str | bytes | None:
        """Return upstream's next message. While catching up it has ANSWER_TIMEOUT_S for it."""
        if self._conversation.standing is Standing.RELAY:
            return await receive(upstream)
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                return await receive(upstream)
        except TimeoutError:
            await self._leave(upstream, "upstream does not answer what it is owed")
            return None

    # What a conversation decides

    async def _do(self, deeds: Iterable[Deed]) -> None:
        waiting = deque(deeds)
        while waiting:
            waiting.extendleft(reversed(await self._done(waiting.popleft())))

    async def _done(self, deed: Deed) -> list[Deed]:
        """Carry out a deed; return what follows from it."""
        match deed:
            case ToCharger(text):
                await self._tell_charger(text)
            case ToUpstream(text):
                if self._upstream is not None:
                    await send(self._upstream, text)
            case Leave(reason):
                if self._upstream is not None:
                    await self._leave(self._upstream, reason)
            case _:
                return await self._accounted(deed)
        return []

    async def _accounted(
        self, deed: Keep | Next | Delivered | GivenUp | Mapped | Ended | Remember
    ) -> list[Deed]:
        """Carry out what concerns the ledger; return what follows from it."""
        around, ledger = self._around, self._around.ledger
        match deed:
            case Keep():
                await self._keep(deed)
            case Next():
                return await self._next()
            case Delivered(number):
                return await self._forgotten(number)
            case GivenUp(number, message_id):
                log.error("upstream refuses a message for good", extra={"message_id": message_id})
                return await self._forgotten(number)
            case Mapped(handed_out, transaction_id):
                await self._written(
                    ledger.mapped, around.charger_id, handed_out, transaction_id, around.now()
                )
            case Ended(handed_out):
                self._write(ledger.ended, around.charger_id, handed_out)
            case Remember(name):
                self._write(ledger.remember, name, around.now())
        return []

    async def _tell_charger(self, text: str) -> None:
        self._around.listener.told(self._around.charger_id, text)
        await send(self._charger, text)

    async def _keep(self, deed: Keep) -> None:
        around = self._around
        try:
            transaction_id = await asyncio.to_thread(
                around.ledger.keep, around.charger_id, deed.message_id, deed.text, starts=deed.starts
            )
            answer = deed.answered(transaction_id)
        except StoreError as error:
            log.warning("a message cannot be kept for upstream", extra={"reason": str(error)})
            answer = deed.refused
        await self._tell_charger(answer)

    async def _next(self) -> list[Deed]:
        try:
            owed = await asyncio.to_thread(self._around.ledger.next, self._around.charger_id)
        except StoreError as error:
            return [Leave(str(error))]
        return self._conversation.owed(owed)

    async def _forgotten(self, number: int) -> list[Deed]:
        try:
            await asyncio.to_thread(self._around.ledger.delivered, number)
        except StoreError as error:  # it would be told again at once, for ever
            return [Leave(str(error))]
        return []

    def _write(self, work: Callable[..., None], *arguments: object) -> None:
        """Write without holding up the relay."""
        task = asyncio.create_task(self._written(work, *arguments))
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)

    async def _written(self, work: Callable[..., None], *arguments: object) -> None:
        try:
            await asyncio.to_thread(work, *arguments)
        except StoreError as error:
            log.warning("what upstream told cannot be kept", extra={"reason": str(error)})

    async def _leave(self, upstream: ClientConnection, reason: str) -> None:
        """End the connection as one that was lost, so that it is tried again later."""
        log.warning("upstream is left for now", extra={"charger": self._around.charger_id, "reason": reason})
        upstream.transport.abort()
        await upstream.wait_closed()
