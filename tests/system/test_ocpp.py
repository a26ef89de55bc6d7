"""The real daemon as the chargers' back office: relaying, standing in, noticing who is gone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from ocpp.v16 import call as call16
from ocpp.v16.enums import ChargePointErrorCode, ChargePointStatus

from tests.rig.agent import Agent
from tests.rig.clients import Subscriber
from tests.rig.ocpp import Backoffice, boot16, charger16, meter16, now, session16, start16, status16, stop16
from tests.rig.waiting import DEADLINE_S, HOST, free_port, outlast
from tests.system.conftest import NewAgent

IMPATIENT = {"after_s": 2.0, "usual_gaps": 2.0, "stranger_s": 2.0}
TWO_TICKS_S = 11.0
pytestmark = pytest.mark.usefixtures("broker")
OWED = ("StartTransaction", "MeterValues", "StopTransaction")


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(work, 3 * DEADLINE_S))


async def aside(work: Callable[[], Any]) -> Any:
    """Wait for something of another thread's, while the chargers live on."""
    return await asyncio.to_thread(work)


class Site:
    """An agent with the endpoint, and a back office that may die."""

    def __init__(self, new_agent: NewAgent, **settings: Any) -> None:
        self.port = free_port()
        self.upstream = Backoffice()
        url = f"ws://{HOST}:{self.upstream.port}/central"
        section = {"enabled": True, "port": self.port, "upstream_url": url, **settings}
        self.agent: Agent = new_agent({"ocpp": section, "offline": IMPATIENT})

    async def over(self, check: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Carry out a check that begins with the back office up, and leave nothing of that."""
        async with self.upstream:
            await check()

    @property
    def url(self) -> str:
        return f"ws://{HOST}:{self.port}/ocpp"


def test_a_charger_behind_the_endpoint_is_judged_like_any_other(
    new_agent: NewAgent, subscriber: Subscriber
) -> None:
    site = Site(new_agent)
    site.agent.start()

    async def check() -> None:
        async with charger16(site.url, "CHG_900") as charger:
            await session16(charger)
            since = subscriber.heard.mark()
            await charger.call(
                call16.StatusNotification(
                    1, ChargePointErrorCode.ground_failure, ChargePointStatus.faulted, timestamp=now()
                )
            )
            await aside(lambda: subscriber.wait_for_alert("CHG_900", "CHARGER_FAULTED", "OPEN", since))
            with site.agent.client() as client:
                found = client.get("/api/v1/chargers").json()["items"]
            (evse,) = [each for each in found if each["connector_id"] == 1]
            assert (evse["charger_id"], evse["status"]) == ("CHG_900", "FAULTY")
            assert evse["error_codes"] == ["GroundFailure"]
            assert evse["energy_delivered"] == 5.0

    run(site.over(check))


def test_killed_while_it_stands_in_it_still_owes_upstream_all_of_it(new_agent: NewAgent) -> None:
    site = Site(new_agent, when_upstream_lost="stand-in")
    site.agent.start()

    async def check() -> None:
        async with charger16(site.url) as charger:
            await session16(charger)
            await site.upstream.kill()
            started = await start16(charger)
            await meter16(charger, started.transaction_id, 2000)
            await aside(site.agent.kill9)
        await aside(site.agent.start)
        async with charger16(site.url) as charger:
            await stop16(charger, started.transaction_id)
            await aside(site.agent.kill9)
        await aside(site.agent.start)
        await site.upstream.start()
        async with charger16(site.url) as charger:
            await site.upstream.wait_for(lambda: len(site.upstream.requests("StopTransaction")) == 2)
            await boot16(charger)

    run(site.over(check))
    told = [(frame[2], frame[3].get("transactionId")) for frame in site.upstream.requests(*OWED)]
    assert told[3:] == [("StartTransaction", None), ("MeterValues", 2), ("StopTransaction", 2)]


def test_a_closed_socket_is_a_charger_gone_and_an_upstream_that_is_away_is_not(
    new_agent: NewAgent, subscriber: Subscriber
) -> None:
    site = Site(new_agent)
    site.agent.start()

    async def check() -> None:
        since = subscriber.heard.mark()
        async with charger16(site.url, "CHG_901") as charger:
            await status16(charger, ChargePointStatus.available)
        await aside(lambda: subscriber.wait_for_alert("CHG_901", "CHARGER_OFFLINE", "OPEN", since))
        async with charger16(site.url, "CHG_901") as charger:
            await status16(charger, ChargePointStatus.available)
            await aside(lambda: subscriber.wait_for_alert("CHG_901", "CHARGER_OFFLINE", "CLEARED", since))
            since = subscriber.heard.mark()
            await site.upstream.kill()
            await charger._connection.wait_closed()
        await aside(lambda: outlast(TWO_TICKS_S))
        # The erasure of the one before may still come; it says nothing.
        told = [each for each in subscriber.heard.entries(since) if each.payload and "CHG_901" in each.topic]
        assert told == []

    run(site.over(check))
