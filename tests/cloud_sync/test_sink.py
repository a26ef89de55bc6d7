"""The sink on real Kafka and PostgreSQL: every row is there, none twice, whatever dies in between."""

from __future__ import annotations

import asyncio
import itertools
import threading
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from confluent_kafka import Consumer, TopicPartition

from cloud_sync.central import settings
from cloud_sync.central.envelope import ALL_TOPICS, DEAD_LETTERS, Outgoing
from cloud_sync.central.migrate import migrate
from cloud_sync.central.partitions import Partitions, name_of
from cloud_sync.central.producer import KafkaMessages
from cloud_sync.central.sink import LANES, Sink
from cloud_sync.central.tables import TABLES, tables_of
from edge_agent.wire.outbox import RecordType, Stream
from edge_agent.wire.uplink import UplinkBatch
from tests.rig.kafka import Kafka
from tests.rig.postgres import Postgres
from tests.rig.waiting import DEADLINE_S

NOW = datetime.now(UTC)
ALERT = {"alert_id": "a-1", "alert_type": "CHARGER_FAULTED", "severity": "CRITICAL", "message": "x"}
STREAMS = {
    RecordType.READING: Stream.READINGS,
    RecordType.FAILURE: Stream.ANSWERS,
    RecordType.ANOMALY: Stream.ANSWERS,
    RecordType.ATTEMPT: Stream.ANSWERS,
}
_names = itertools.count(1)


class Central:
    """A database of its own, and messages into the shared Kafka under a site of its own."""

    def __init__(self, kafka: Kafka, postgres: Postgres) -> None:
        name = f"test_{next(_names)}"
        self.site = f"site-{uuid.uuid4().hex[:8]}"
        self.dsn = postgres.new_database(name)
        migrate(self.dsn)
        self.settings = settings.Settings(
            kafka=settings.Kafka(brokers=kafka.bootstrap),
            postgres=settings.Postgres(dsn=self.dsn),
            sink=settings.Sink(group=name, batch=500),
        )
        self._messages = KafkaMessages(kafka.bootstrap)
        for lane in LANES:
            _begin_at_the_end(kafka.bootstrap, name + lane.suffix, lane.topics)

    def close(self) -> None:
        self._messages.close()

    def say(
        self, *told: tuple[RecordType, int, dict[str, Any]], ts: datetime = NOW, epoch: str = "e1"
    ) -> None:
        """Put records into Kafka: type, number, payload."""
        self.send([self.message(kind, seq, payload, ts, epoch) for kind, seq, payload in told])

    def message(
        self, kind: RecordType, seq: int, payload: dict[str, Any], ts: datetime = NOW, epoch: str = "e1"
    ) -> Outgoing:
        from cloud_sync.central.envelope import outgoing  # noqa: PLC0415 - beside its use
        from cloud_sync.central.tokens import Gateway  # noqa: PLC0415 - beside its use

        gateway = Gateway(sha256="0" * 64, site_id=self.site, gateway_id=f"gw-{self.site}", tenant_id="t-1")
        charger = payload.get(
            "charger_id", "_site" if kind in {RecordType.GAP, RecordType.GATEWAY} else "CHG_001"
        )
        body = {
            "seq": seq,
            "type": kind.value,
            "charger_id": charger,
            "ts": ts.isoformat(),
            "clock": "trusted",
        }
        batch = UplinkBatch.model_validate(
            {
                "epoch": epoch,
                "stream": STREAMS.get(kind, Stream.ALERTS),
                "first_seq": seq,
                "records": [{**body, "payload": payload}],
            }
        )
        found = outgoing(batch, batch.records[0], gateway)
        assert isinstance(found, Outgoing)
        return found

    def send(self, messages: list[Outgoing]) -> None:
        assert all(asyncio.run(self._messages.send(messages)))

    @contextmanager
    def sinking(self, count: int = 1) -> Iterator[list[Sink]]:
        """Let sinks run; they end when the block ends."""
        sinks = [Sink(self.settings) for _ in range(count)]
        threads = [threading.Thread(target=sink.run, name="sink") for sink in sinks]
        for thread in threads:
            thread.start()
        try:
            yield sinks
        finally:
            for sink in sinks:
                sink.stop()
            for thread in threads:
                thread.join()

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            return connection.execute(query.encode(), {"site": self.site}).fetchall()

    def count(self, table: str) -> int:
        return int(self.ask(f"SELECT count(*) FROM {table} WHERE site_id = %(site)s")[0][0])

    def sink_until(self, table: str, rows: int) -> None:
        """Run one sink until a table has so many rows."""
        with self.sinking():
            self.wait_for(table, rows)

    def wait_for(self, table: str, rows: int) -> None:
        until = datetime.now(UTC) + timedelta(seconds=DEADLINE_S)
        while self.count(table) < rows:
            assert datetime.now(UTC) < until, f"{table} has {self.count(table)} of {rows} rows"
            threading.Event().wait(0.05)


def _begin_at_the_end(bootstrap: str, group: str, which: Sequence[str]) -> None:
    """Let a group begin after what other tests have said."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": group, "log_level": 3})
    topics = consumer.list_topics(timeout=DEADLINE_S).topics
    places = [
        TopicPartition(topic, number, consumer.get_watermark_offsets(TopicPartition(topic, number))[1])
        for topic in which
        for number in topics[topic].partitions
    ]
    consumer.commit(offsets=places, asynchronous=False)
    consumer.close()


@pytest.fixture
def central(kafka: Kafka, postgres: Postgres) -> Iterator[Central]:
    made = Central(kafka, postgres)
    yield made
    made.close()


def reading(power: float, **changed: Any) -> dict[str, Any]:
    metrics = {"connector_id": 1, "connector_status": "CHARGING", "power": power, "error_codes": ["A"]}
    return {"charger_id": "CHG_001", "metrics": {**metrics, **changed}}


def test_an_alert_does_not_wait_behind_what_a_site_brings_that_was_cut_off(central: Central) -> None:
    central.say(*((RecordType.READING, seq, reading(7.0)) for seq in range(1, 501)))
    central.say((RecordType.ALERT, 1, {**ALERT, "charger_id": "CHG_001", "state": "OPEN"}))
    with central.sinking():
        with psycopg.connect(central.dsn) as slow:
            slow.execute("LOCK TABLE charger_metrics IN EXCLUSIVE MODE")
            central.wait_for("alerts", 1)
        central.wait_for("charger_metrics", 500)


def test_every_type_of_record_has_its_row_and_its_newest(central: Central) -> None:
    told: list[tuple[RecordType, int, dict[str, Any]]] = [
        (RecordType.READING, 1, reading(7.2)),
        (
            RecordType.FAILURE,
            1,
            {"connector_id": 1, "failure_probability": 0.4, "confidence": 0.6, "model_version": "v9"},
        ),
        (RecordType.ANOMALY, 2, {"connector_id": 1, "anomaly_score": 80, "model_version": "v9"}),
        (RecordType.ATTEMPT, 3, {"connector_id": 1, "started_at": NOW.isoformat(), "failed_at": "ENERGISE"}),
        (RecordType.ALERT, 1, {**ALERT, "state": "OPEN", "raised_at": NOW.isoformat()}),
        (
            RecordType.MAINTENANCE,
            2,
            {"suggestion_id": "s", "urgency": "HIGH", "action_required": True, "state": "PROPOSED"},
        ),
        (RecordType.MAINTENANCE_DONE, 3, {"maintenance_id": "m", "verdict": "CONFIRMED"}),
        (
            RecordType.DOWNTIME,
            4,
            {"connector_id": 1, "cause": "OWN_FAULT", "excluded": False, "failure": True},
        ),
        (RecordType.GAP, 5, {"readings": 7}),
        (RecordType.GATEWAY, 6, {"status": "online", "version": "0.1.0"}),
    ]
    central.say(*told)
    with central.sinking():
        for table in ("charger_metrics", "attempts", "alerts", "maintenance_suggestions", "maintenance_done"):
            central.wait_for(table, 1)
        central.wait_for("predictions", 2)
        for table in ("downtime", "gaps", "gateways", "charger_latest", "alert_latest", "suggestion_latest"):
            central.wait_for(table, 1)
    (row,) = central.ask(
        "SELECT charger_id, connector_id, power, error_codes, tenant_id FROM charger_metrics"
    )
    assert row == ("CHG_001", 1, 7.2, ["A"], "t-1")
    found = central.ask(
        "SELECT connector_status, failure->>'failure_probability', anomaly->>'anomaly_score' "
        "FROM charger_latest"
    )
    assert found == [("CHARGING", "0.4", "80")]
    assert central.ask("SELECT name FROM model_metadata ORDER BY name") == [
        ("anomaly_detector",),
        ("failure_predictor",),
    ]
    assert central.ask("SELECT count(*) FROM dead_letters") == [(0,)]


def test_what_comes_again_is_no_second_row(central: Central) -> None:
    told = [(RecordType.READING, seq, reading(seq)) for seq in range(1, 201)]
    for _ in range(3):
        central.say(*told)
    central.say((RecordType.READING, 201, reading(0)))
    central.sink_until("charger_metrics", 201)
    assert central.count("charger_metrics") == 201


def test_a_cloned_image_counts_as_another_epoch_and_both_are_kept(central: Central) -> None:
    central.say((RecordType.READING, 1, reading(1.0)), epoch="e1")
    central.say((RecordType.READING, 1, reading(2.0)), epoch="e2")
    central.sink_until("charger_metrics", 2)
    assert central.ask("SELECT power FROM charger_metrics ORDER BY power") == [(1.0,), (2.0,)]


def test_the_newest_is_what_kafka_had_last_whatever_a_gateway_s_clock_says(central: Central) -> None:
    central.say((RecordType.READING, 1, reading(1.0)), ts=NOW)
    central.say((RecordType.READING, 2, reading(2.0)), ts=NOW - timedelta(days=1))
    central.sink_until("charger_metrics", 2)
    assert central.ask("SELECT metrics->>'power' FROM charger_latest") == [("2.0",)]


def test_an_alert_that_is_told_again_late_does_not_come_back_to_life(central: Central) -> None:
    opened, cleared = (
        {**ALERT, "state": state, "raised_at": NOW.isoformat()} for state in ("OPEN", "CLEARED")
    )
    central.say((RecordType.ALERT, 1, opened), (RecordType.ALERT, 2, cleared), (RecordType.ALERT, 1, opened))
    central.say((RecordType.GAP, 3, {}))
    central.sink_until("gaps", 1)
    assert central.count("alerts") == 2
    assert central.ask("SELECT state FROM alert_latest") == [("CLEARED",)]


@pytest.mark.parametrize(
    "ts", [datetime(1970, 1, 1, tzinfo=UTC), NOW + timedelta(days=400)], ids=["1970", "ahead"]
)
def test_a_time_that_no_partition_covers_is_kept_apart(central: Central, ts: datetime) -> None:
    central.say((RecordType.READING, 1, reading(1.0)), ts=ts)
    central.sink_until("out_of_range", 1)
    assert central.count("charger_metrics") == 0


def test_a_week_ago_has_its_partition_made(central: Central) -> None:
    for day in range(8):
        central.say((RecordType.READING, day + 1, reading(1.0)), ts=NOW - timedelta(days=day))
    central.sink_until("charger_metrics", 8)
    assert central.ask("SELECT count(*) FROM out_of_range") == [(0,)]


def test_what_cannot_be_a_row_is_a_dead_letter_and_stops_nothing(central: Central) -> None:
    good = central.message(RecordType.READING, 1, reading(1.0))
    poison = [
        good._replace(value=b"no json"),
        good._replace(headers=[]),
        good._replace(headers=[("event_id", b"x")]),
        central.message(RecordType.ALERT, 9, {"state": "OPEN"}),
        good._replace(topic=DEAD_LETTERS, value=b'{"reason": "as the ingest said"}'),
        good._replace(
            value=b'{"metrics": [1]}', headers=[*good.headers[:-2], ("ts", b"never"), ("clock", b"x")]
        ),
    ]
    central.send([*poison, central.message(RecordType.READING, 2, reading(2.0)), good])
    central.sink_until("charger_metrics", 2)
    with central.sinking():
        until = datetime.now(UTC) + timedelta(seconds=DEADLINE_S)
        while central.ask("SELECT count(*) FROM dead_letters")[0][0] < len(poison):
            assert datetime.now(UTC) < until
            threading.Event().wait(0.05)
    assert ("as the ingest said",) in central.ask("SELECT reason FROM dead_letters")


def test_a_nul_and_numbers_that_are_none_do_no_harm(central: Central) -> None:
    odd = reading(1.0, connector_status="CHAR\x00GING", energy_delivered=1e300)
    central.say((RecordType.READING, 1, odd), (RecordType.READING, 2, reading(2.0, connector_id=2**40)))
    central.sink_until("charger_metrics", 2)
    assert central.ask("SELECT count(*) FROM dead_letters") == [(0,)]


def test_a_database_that_goes_away_comes_back_to_every_row_once(central: Central, postgres: Postgres) -> None:
    central.say(*[(RecordType.READING, seq, reading(seq)) for seq in range(1, 1001)])
    with central.sinking():
        central.wait_for("charger_metrics", 1)
        postgres.stop()
        central.say(*[(RecordType.READING, seq, reading(seq)) for seq in range(1001, 2001)])
        postgres.start()
        central.wait_for("charger_metrics", 2000)
    assert central.count("charger_metrics") == 2000


def test_sinks_that_come_and_go_lose_and_double_nothing(central: Central) -> None:
    central.say(
        *[(RecordType.READING, seq, {**reading(seq), "charger_id": f"C{seq % 17}"}) for seq in range(1, 3001)]
    )
    with central.sinking(3):
        central.wait_for("charger_metrics", 1)
    central.say(
        *[
            (RecordType.READING, seq, {**reading(seq), "charger_id": f"C{seq % 17}"})
            for seq in range(3001, 5001)
        ]
    )
    with central.sinking(2):
        central.wait_for("charger_metrics", 5000)
    assert central.count("charger_metrics") == 5000
    assert central.count("charger_latest") == 17


def test_partitions_are_made_ahead_and_old_ones_dropped(central: Central) -> None:
    tables = tables_of(ALL_TOPICS)
    partitions = Partitions(tables, timedelta(days=10), timedelta(days=3))
    table = TABLES[RecordType.READING]
    with psycopg.connect(central.dsn, autocommit=True) as connection:
        partitions.make_ahead(connection, NOW)
        partitions.make(connection, [(table, NOW - timedelta(days=day)) for day in (9, 30, 300)])
        names = {
            name
            for (name,) in connection.execute("SELECT relname FROM pg_class WHERE relispartition").fetchall()
        }
        assert {name_of(each, NOW + timedelta(days=3)) for each in tables} <= names
        dropped = partitions.drop_old(connection, NOW)
    assert set(dropped) == {name_of(table, NOW - timedelta(days=day)) for day in (30, 300)}


def test_migrating_twice_changes_nothing(central: Central) -> None:
    assert migrate(central.dsn) == []
