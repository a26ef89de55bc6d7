"""From a charger to the central database: every row is there, none twice, whatever dies on the way."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.rig.agent import Agent
from tests.rig.broker import SITE_ID, Mosquitto
from tests.rig.clients import Publisher
from tests.rig.fleet import CentralSide, Process
from tests.rig.kafka import Kafka, KafkaBroker
from tests.rig.postgres import Postgres
from tests.rig.proxy import Proxy
from tests.rig.site import HEALTHY
from tests.rig.waiting import HOST, outlast
from tests.system.conftest import CHARGERS, NewAgent

READINGS = 3_000
A_SECOND = 100
ROUNDS = 8


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    """Three brokers, each message on two of them at least before it counts as kept."""
    cluster = Kafka(tmp_path_factory.mktemp("kafka"), count=3)
    cluster.start()
    yield cluster
    cluster.stop()


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    cluster = Postgres()
    cluster.start()
    yield cluster
    cluster.remove()


class Fleet(NamedTuple):
    """A gateway, all that it sends to, and what lies between."""

    gateway_id: str
    agent: Agent
    central: CentralSide
    kafka: Kafka
    wire: Proxy

    def counting(self, what: str, table: str, more: str = "") -> str:
        return f"SELECT count({what}) FROM {table} WHERE gateway_id = '{self.gateway_id}' {more}"

    def break_something(self, chance: random.Random) -> None:
        """Kill or cut one thing on the way; it comes back."""
        what = chance.choice(("agent", "ingest", "sink", "kafka", "network"))
        if what == "agent":
            self.agent.kill9()
            self.agent.start()
        elif what == "network":
            self.wire.cut()
        else:
            nodes: dict[str, Sequence[Process | KafkaBroker]] = {
                "ingest": [self.central.ingest],
                "sink": self.central.sinks,
                "kafka": self.kafka.brokers,
            }
            node = chance.choice(nodes[what])
            node.kill9()
            outlast(0.5)
            node.start()


@pytest.fixture
def fleet(
    tmp_path: Path, kafka: Kafka, postgres: Postgres, new_agent: NewAgent, broker: Mosquitto
) -> Iterator[Fleet]:
    gateway = f"gw-{tmp_path.name}"[-40:]
    central = CentralSide(tmp_path / "central", kafka, postgres, f"fleet_{abs(hash(gateway))}")
    central.start()
    wire = Proxy(central.port)
    token = central.token(SITE_ID, gateway)
    sync = {"enabled": True, "url": f"http://{HOST}:{wire.port}", "token_file": token, "readings": "all"}
    try:
        agent = new_agent({"sync": {**sync, "spread_s": 0.5, "gather_s": 0.5}}).start()
        broker.wait_for_agent()
        yield Fleet(gateway, agent, central, kafka, wire)
    finally:
        wire.close()
        central.stop()


def speak(publisher: Publisher) -> None:
    """Let chargers say numbered things, timed: each is a reading that nobody else says."""
    start = datetime.now(UTC) - timedelta(hours=2)
    for number in range(READINGS):
        at = start + timedelta(seconds=2 * number)
        said = {**HEALTHY, "connector_id": 1, "total_sessions": number, "timestamp": at.isoformat()}
        publisher.publish(CHARGERS[number % 10], said)
        if number % 10 == 0:
            outlast(10 / A_SECOND)


@pytest.mark.parametrize("seed", [5, 6])
def test_every_reading_is_in_the_central_database_once_whatever_is_killed_or_cut_meanwhile(
    seed: int, fleet: Fleet, publisher: Publisher
) -> None:
    chance = random.Random(seed)
    speaking = threading.Thread(target=speak, args=(publisher,))
    speaking.start()
    for _ in range(ROUNDS):
        outlast(chance.uniform(0.5, 2.0))
        fleet.break_something(chance)
    speaking.join()
    publisher.wait_until_sent(READINGS)
    central = fleet.central
    central.wait_for(fleet.counting("DISTINCT metrics->>'total_sessions'", "charger_metrics"), READINGS)
    assert central.ask(fleet.counting("*", "charger_metrics")) == [(READINGS,)]
    assert central.ask(fleet.counting("*", "out_of_range")) == [(0,)]
    assert central.ask("SELECT count(*) FROM dead_letters") == [(0,)]
    assert central.ask(fleet.counting("*", "charger_latest", "AND failure IS NOT NULL")) == [(10,)]
