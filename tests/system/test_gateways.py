"""Many gateways in one process, whose stores were cloned, rolled back, told twice, or have another time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import pytest

from edge_agent.wire.outbox import Stream
from tests.cloud_sync.test_uplink import going_up
from tests.rig.central import MemoryOutbox
from tests.rig.fleet import CentralSide
from tests.rig.kafka import Kafka
from tests.rig.postgres import Postgres
from tests.rig.waiting import outlast

SITES = 24
EACH = 600
READING = '{"charger_id": "CHG_001", "metrics": {"connector_status": "CHARGING", "power": 7.2}}'
LONG_AGO, FAR_AHEAD = datetime(1970, 1, 2, tzinfo=UTC), datetime(2099, 1, 1, tzinfo=UTC)


@pytest.fixture
def central(tmp_path: Path) -> Iterator[CentralSide]:
    """Ingest and sinks over one broker."""
    postgres, kafka = Postgres(), Kafka(tmp_path / "kafka")
    postgres.start()
    kafka.start()
    side = CentralSide(tmp_path / "central", kafka, postgres, "gateways")
    side.start()
    yield side
    side.stop()
    kafka.stop()
    postgres.remove()


class Site(NamedTuple):
    """A gateway's lives, one after the other, each with the stores that speak for it at once."""

    name: str
    lives: Sequence[Sequence[MemoryOutbox]]


def holding(*parts: tuple[str, int], ts: datetime | None = None) -> MemoryOutbox:
    """Return an outbox with so many readings of each epoch."""
    outbox = MemoryOutbox()
    for epoch, count in parts:
        more = {} if ts is None else {"ts": ts}
        outbox.put(Stream.READINGS, count, epoch=epoch, payload=READING, **more)
    return outbox


def a_site(number: int) -> Site:
    a, b, half = f"{number}-a", f"{number}-b", EACH // 2
    told_twice = [[holding((a, EACH))], [holding((a, EACH))]]
    cloned = [[holding((a, EACH)), holding((b, EACH))], []]
    rolled_back = [[holding((a, EACH))], [holding((a, half), (b, half))]]
    lost_in_time = [[holding((a, half), ts=LONG_AGO)], [holding((b, half), ts=FAR_AHEAD)]]
    return Site(f"site-{number}", (told_twice, cloned, rolled_back, lost_in_time)[number % 4])


def published(sites: Sequence[Site]) -> set[tuple[str, str, int]]:
    return {
        (site.name, record.epoch, record.seq)
        for site in sites
        for life in site.lives
        for outbox in life
        for record in outbox.records[Stream.READINGS]
    }


def test_every_record_of_every_store_is_a_row_once(central: CentralSide) -> None:
    sites = [a_site(number) for number in range(SITES)]
    tokens = {site.name: central.token(site.name, f"gw-{site.name}") for site in sites}
    for life in range(2):
        with ExitStack() as stack:
            outboxes = [(site.name, outbox) for site in sites for outbox in site.lives[life]]
            for name, outbox in outboxes:
                stack.enter_context(going_up(central.url, outbox, tokens[name]))
            outlast(0.5)
            central.ingest.kill9()
            outlast(0.5)
            central.ingest.start()
            for _, outbox in outboxes:
                outbox.wait_until_sent(Stream.READINGS)
    told = published(sites)
    names = "SELECT site_id, epoch, seq FROM"
    both = f"{names} charger_metrics UNION ALL {names} out_of_range"
    central.wait_for(f"SELECT count(*) FROM ({both}) kept", len(told))
    assert set(central.ask(both)) == told
    assert central.ask("SELECT count(DISTINCT site_id) FROM out_of_range") == [(SITES // 4,)]
    assert central.ask("SELECT count(*) FROM dead_letters") == [(0,)]
