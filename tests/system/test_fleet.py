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
from tests.rig.namespace import Namespace
from tests.rig.postgres import Postgres
from tests.rig.proxy import Proxy
from tests.rig.site import HEALTHY
from tests.rig.waiting import outlast
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
    network: Namespace

    def counting(self, what: str, table: str, more: str = "") -> str:
        return f"SELECT count({what}) FROM {table} WHERE gateway_id = '{self.gateway_id}' {more}"

    def break_something(self, chance: random.Random) -> None:
        """Kill or cut one thing on the way; it comes back."""
        what = chance.choice(("agent", "ingest", "sink", "kafka", "connections", "network"))
        if what == "agent":
            self.agent.kill9()
            self.agent.start(wait=False)
        elif what == "connections":
            self.wire.cut()
        elif what == "network":
            self.network.cut()
            outlast(chance.uniform(0.5, 3.0))
            self.network.mend()
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
def central(tmp_path: Path, kafka: Kafka, postgres: Postgres) -> Iterator[CentralSide]:
    """Ingest and sinks, running."""
    side = CentralSide(tmp_path / "central", kafka, postgres, f"fleet_{abs(hash(tmp_path))}")
    side.start()
    yield side
    side.stop()


@pytest.fixture
def network() -> Iterator[Namespace]:
    """The gateway's own network."""
    made = Namespace()
    yield made
    made.close()


@pytest.fixture
def fleet(
    kafka: Kafka, central: CentralSide, new_agent: NewAgent, broker: Mosquitto, network: Namespace
) -> Iterator[Fleet]:
    gateway = f"gw-{network.lan}"  # of this test alone: the topics are of all of them
    lan, wire = Proxy(broker.port, network.lan), Proxy(central.port, network.out)
    sync = {
        "enabled": True,
        "url": f"http://{network.out}:{wire.port}",
        "insecure": True,
        "token_file": central.token(SITE_ID, gateway),
        "readings": "all",
        "spread_s": 0.5,
        "gather_s": 0.5,
    }
    settings = {"mqtt": {"host": network.lan, "port": lan.port}, "sync": sync}
    try:
        agent = new_agent(settings, before=network.before).start(wait=False)
        broker.wait_for_agent()
        yield Fleet(gateway, agent, central, kafka, wire, network)
    finally:
        agent.kill9()
        lan.close()
        wire.close()


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
