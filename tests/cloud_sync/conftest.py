"""Real Kafka and PostgreSQL, once for all the tests here."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.rig.kafka import Kafka
from tests.rig.postgres import Postgres


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    """One broker, with the contract's topics."""
    from cloud_sync.central import settings, topics  # noqa: PLC0415 - needs the extra

    cluster = Kafka(tmp_path_factory.mktemp("kafka"))
    cluster.start()
    try:
        topics.make_topics(settings.Kafka(brokers=cluster.bootstrap, partitions=4))
        yield cluster
    finally:
        cluster.stop()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A cluster, running."""
    cluster = Postgres()
    cluster.start()
    try:
        yield cluster
    finally:
        cluster.remove()
