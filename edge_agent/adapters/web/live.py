"""News for open pages, as server-sent events: made once, and the same bytes for each of them.

    alert        an alert was raised, or changed
    alert-over   the id of one that is over
    maintenance  a suggestion was made, or changed
    charger      an EVSE as `GET /api/v1/chargers` has it, changed

A page subscribes first and asks for the lists then, so that it misses nothing in between. One that does not
take its news is hung up on; it comes again and asks anew.
"""

from __future__ import annotations

import asyncio
import json
from http import HTTPStatus
from typing import TYPE_CHECKING

from starlette.responses import Response

from edge_agent.adapters.web.connection import ENDLESS
from edge_agent.adapters.web.endpoint import Call, Endpoint
from edge_agent.adapters.web.keys import Role
from edge_agent.adapters.web.problems import Refused, retry_after
from edge_agent.adapters.web.replies import headers_for

if TYPE_CHECKING:
    from pydantic import BaseModel
    from starlette.types import Receive, Scope, Send

    from edge_agent.ports import Desk

LOOK_EVERY_S = 0.25
CHARGERS_EVERY = 8
"""Looks, from one to the next at what changes with each reading."""
STILL_HERE_S = 15.0
MOST_PAGES = 64
MOST_WAITING = 64
"""Bundles of news that a page may be behind."""
AGAIN_S = 5.0
STILL_HERE = b": still here\n\n"
BEGIN = b"retry: 2000\n: news of the site\n\n"
HEADERS = headers_for(b"text/event-stream")


class Live:
    """Looks for news while any page is open, and hands them to all."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._pages: set[Stream] = set()
        self._looking: asyncio.Task[None] | None = None

    def subscribe(self) -> Stream:
        """Return a stream of news from now on. Raises Refused (503) where too many pages are open."""
        if len(self._pages) >= MOST_PAGES:
            raise Refused(
                HTTPStatus.SERVICE_UNAVAILABLE,
                "Too many pages are open. Close one, or wait.",
                [retry_after(AGAIN_S)],
            )
        page = Stream(self._pages)
        if self._looking is None or self._looking.done():
            self._looking = asyncio.get_running_loop().create_task(self._look())
        return page

    async def _look(self) -> None:
        alerts = chargers = self._desk.mark()
        turn = 0
        while self._pages:
            await asyncio.sleep(LOOK_EVERY_S)
            turn += 1
            alerts, frames = self._news(alerts)
            if frames or turn % CHARGERS_EVERY == 0:  # a tile must not lag behind its alert
                chargers, changed = self._desk.chargers_since(chargers)
                frames += [_frame("charger", each) for each in changed]
            if frames:
                news = b"".join(frames)
                for page in list(self._pages):
                    page.take(news)

    def _news(self, since: object) -> tuple[object, list[bytes]]:
        """Return a new mark, and what is new but the chargers."""
        now, changes = self._desk.changes_since(since)
        frames = [_frame("alert", alert) for alert in changes.alerts]
        frames += [_event("alert-over", json.dumps({"alert_id": alert_id})) for alert_id in changes.over]
        return now, frames + [_frame("maintenance", each) for each in changes.suggestions]


def events_endpoint(live: Live) -> Endpoint:
    """Return the row."""

    def events(_: Call[None]) -> Response:
        return live.subscribe()

    return Endpoint(
        method="GET",
        path="/api/v1/events",
        summary="News as server-sent events: alert, alert-over, maintenance, charger",
        handler=events,
        role=Role.VIEWER,
        answer="text/event-stream",
    )


class Stream(Response):
    """One page's news, until it leaves or is cut off. It is among `pages` meanwhile."""

    def __init__(self, pages: set[Stream]) -> None:
        self.background = None
        self.cut = asyncio.Event()
        self._waiting: asyncio.Queue[bytes] = asyncio.Queue(MOST_WAITING)
        self._pages = pages
        pages.add(self)

    def take(self, news: bytes) -> None:
        """Send news when the page is ready for them; cut it off where it is too far behind."""
        try:
            self._waiting.put_nowait(news)
        except asyncio.QueueFull:
            self.cut.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send what comes; a client that hangs up ends it."""
        scope.setdefault("state", {})[ENDLESS] = True
        works = [asyncio.ensure_future(work) for work in (self._send(send), _gone(receive), self.cut.wait())]
        try:
            await asyncio.wait(works, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._pages.discard(self)
            for work in works:
                work.cancel()
            await asyncio.gather(*works, return_exceptions=True)

    async def _send(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": list(HEADERS)})
        news = BEGIN
        while True:
            await send({"type": "http.response.body", "body": news, "more_body": True})
            try:
                news = await asyncio.wait_for(self._waiting.get(), STILL_HERE_S)
            except TimeoutError:
                news = STILL_HERE


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _frame(kind: str, told: BaseModel) -> bytes:
    return _event(kind, told.model_dump_json())


def _event(kind: str, data: str) -> bytes:
    return f"event: {kind}\ndata: {data}\n\n".encode()
