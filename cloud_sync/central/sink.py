"""Kafka to Postgres: rows first, offsets after: a crash in between only brings what is known already.

There are two lanes, each a consumer and a connection on a thread of its own: an alert must not wait behind
what a site brings that was cut off for a week.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from datetime import UTC, datetime, timedelta
from threading import Event
from typing import Any, NamedTuple

import psycopg
from confluent_kafka import Consumer, KafkaException, Message, TopicPartition
from psycopg import sql

from cloud_sync.central.envelope import ALL_TOPICS, BULK_TOPICS, DEAD_LETTERS, Arrived, arrived
from cloud_sync.central.partitions import Partitions
from cloud_sync.central.settings import Settings
from cloud_sync.central.tables import (
    ORIGIN,
    TABLES,
    Newest,
    Place,
    Table,
    Unfit,
    jsonb,
    newest,
    origin_of,
    tables_of,
)
from edge_agent.errors import Rejected

POLL_S = 0.5
LOOK_S = 0.5
"""The main thread looks so often whether the end was asked for."""
HOUSEKEEPING_S = 3_600.0
LONGEST_PAUSE_S = 30.0
MOST_DEAD_BYTES = 64 * 1024
INSERT_DEAD = """
INSERT INTO dead_letters (reason, headers, value, topic, partition, "offset") VALUES (%s, %s, %s, %s, %s, %s)
ON CONFLICT DO NOTHING
"""
INSERT_OUT_OF_RANGE = f"""
INSERT INTO out_of_range (kind, charger_id, value, {", ".join(ORIGIN)})
VALUES (%s, %s, %s{", %s" * len(ORIGIN)})
ON CONFLICT DO NOTHING
"""  # noqa: S608 - our own names

log = logging.getLogger(__name__)


class Load:
    """What a batch of messages is in Postgres: rows by table, newest news by key, and what is no row."""

    def __init__(self) -> None:
        self.rows: dict[Table, list[tuple[Any, ...]]] = {}
        self.newest: dict[tuple[Any, ...], Newest] = {}
        self.out_of_range: list[tuple[Any, ...]] = []
        self.dead: list[tuple[Any, ...]] = []

    def add(self, message: Message, covers: Callable[[datetime], bool]) -> None:
        """Put in what a message says."""
        told = arrived(_headers(message), message.value())
        if isinstance(told, Rejected):
            self._bury(message, told.reason)
        elif message.topic() == DEAD_LETTERS:
            self._bury(message, str(told.value.get("reason", "")) if isinstance(told.value, dict) else "")
        else:
            try:
                self._put(told, (int(message.timestamp()[1]), int(message.offset() or 0)), covers)
            except (Unfit, AttributeError, TypeError) as error:
                self._bury(message, f"{type(error).__name__}: {error}")

    def _put(self, told: Arrived, place: Place, covers: Callable[[datetime], bool]) -> None:
        table = TABLES.get(told.type)
        news = newest(told, place)
        if table is None and not news:
            raise Unfit(f"type {told.type!r} has no table")
        if table is not None:
            row = (*table.made(told), *origin_of(told))
            if covers(told.ts):
                self.rows.setdefault(table, []).append(row)
            else:
                self.out_of_range.append((told.type, told.charger_id, jsonb(told.value), *origin_of(told)))
        for each in news:
            known = self.newest.get((each.statement, each.key))
            if known is None or each.rank >= known.rank:
                self.newest[each.statement, each.key] = each

    def _bury(self, message: Message, reason: str) -> None:
        headers = {name: value.decode(errors="replace") for name, value in _headers(message)}
        value = (message.value() or b"")[:MOST_DEAD_BYTES]
        where = (message.topic(), message.partition(), message.offset())
        self.dead.append((reason[:1000].replace("\x00", ""), jsonb(headers), value, *where))

    @property
    def times(self) -> list[tuple[Table, datetime]]:
        """The table and time of each row, for its partition."""
        ts = ORIGIN.index("ts") - len(ORIGIN)
        return [(table, row[ts]) for table, rows in self.rows.items() for row in rows]

    def write(self, connection: psycopg.Connection) -> None:
        """Write all of it in the transaction that is open."""
        for table, rows in self.rows.items():
            _copy(connection, table, rows)
        with connection.cursor() as cursor:
            # Keys in one order everywhere: two sinks on the same rows would else wait for one another.
            by_statement: dict[str, list[Newest]] = {}
            for each in self.newest.values():
                by_statement.setdefault(each.statement, []).append(each)
            for statement, each_news in sorted(by_statement.items()):
                ordered = sorted(each_news, key=lambda each: str(each.key))
                cursor.executemany(statement.encode(), [each.values for each in ordered])
            cursor.executemany(INSERT_OUT_OF_RANGE.encode(), self.out_of_range)
            cursor.executemany(INSERT_DEAD.encode(), self.dead)


def _copy(connection: psycopg.Connection, table: Table, rows: Sequence[tuple[Any, ...]]) -> None:
    """COPY into a temporary table, and from there what is not known yet."""
    columns = sql.SQL(", ").join(map(sql.Identifier, (*table.columns, *ORIGIN)))
    target, beside = sql.Identifier(table.name), sql.Identifier(f"new_{table.name}")
    connection.execute(
        sql.SQL(
            "CREATE TEMP TABLE IF NOT EXISTS {} ON COMMIT DELETE ROWS AS SELECT {} FROM {} WITH NO DATA"
        ).format(beside, columns, target)
    )
    with (
        connection.cursor() as cursor,
        cursor.copy(sql.SQL("COPY {} ({}) FROM STDIN").format(beside, columns)) as copy,
    ):
        for row in rows:
            copy.write_row(row)
    insert = "INSERT INTO {} ({}) SELECT {} FROM {} ON CONFLICT DO NOTHING"
    connection.execute(sql.SQL(insert).format(target, columns, columns, beside))


class Lane(NamedTuple):
    """What one consumer carries. suffix: of its group's name."""

    suffix: str
    topics: Sequence[str]


LANES = (
    Lane("", BULK_TOPICS),
    Lane("-first", [topic for topic in ALL_TOPICS if topic not in BULK_TOPICS]),
)


class Sink:
    """All lanes, as one worker. There may be as many workers as there are partitions."""

    def __init__(self, settings: Settings) -> None:
        self._lanes = [Consuming(settings, lane) for lane in LANES]
        self._asked = False

    def run(self) -> None:
        """Serve until `stop`. A lane that fails ends the others, and is raised."""
        with ThreadPoolExecutor(len(self._lanes), "sink") as pool:
            running = [pool.submit(lane.run) for lane in self._lanes]
            while not (self._asked or any(each.done() for each in running)):
                wait(running, LOOK_S, return_when=FIRST_COMPLETED)
            for lane in self._lanes:
                lane.stop()
        for each in running:
            each.result()

    def stop(self) -> None:
        """Let `run` return; from any thread, or a signal's handler, which may take no lock."""
        self._asked = True

    @property
    def written(self) -> int:
        """How many messages were kept."""
        return sum(lane.written for lane in self._lanes)


class Consuming:
    """One lane's consumer and connection."""

    def __init__(self, settings: Settings, lane: Lane) -> None:
        told = settings.sink
        self._topics = lane.topics
        self._dsn = settings.postgres.dsn
        self._batch = told.batch
        self._partitions = Partitions(
            tables_of(lane.topics), timedelta(days=told.retain_days), timedelta(days=told.ahead_days)
        )
        self._connection: psycopg.Connection | None = None
        self._kept_house_at = -HOUSEKEEPING_S
        self._stopping = Event()
        self.written = 0
        self._consumer = Consumer(
            {
                "bootstrap.servers": settings.kafka.brokers,
                "group.id": told.group + lane.suffix,
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "partition.assignment.strategy": "cooperative-sticky",
                "session.timeout.ms": 10_000,
                "log_level": 3,
            }
        )

    def run(self) -> None:
        """Serve until `stop`. What is under way then comes again, and is known."""
        self._consumer.subscribe(list(self._topics))
        try:
            while not self._stopping.is_set():
                self.turn()
        finally:
            self._consumer.close()
            if self._connection is not None:
                self._connection.close()

    def stop(self) -> None:
        """Let `run` return; from any thread."""
        self._stopping.set()

    def turn(self) -> int:
        """Take what has come, keep it, and only then say so; return how many messages that were."""
        messages = [each for each in self._consumer.consume(self._batch, POLL_S) if each.error() is None]
        if not self._kept(messages):
            return 0
        if messages:
            try:
                self._consumer.commit(offsets=_ends(messages), asynchronous=False)
            except KafkaException as error:  # another has these partitions now: he finds the rows there
                log.warning("offsets cannot be committed", extra={"reason": str(error)})
        self.written += len(messages)
        return len(messages)

    def _kept(self, messages: Sequence[Message]) -> bool:
        """Keep messages, however long the database is away; return whether they are, or we are stopping."""
        failures = 0
        while not self._stopping.is_set():
            try:
                connection = self._connected()
                self._keep_house(connection)
                if messages:
                    self._keep(connection, messages)
            except (psycopg.OperationalError, psycopg.InterfaceError) as error:
                log.warning("the database does not answer; trying again", extra={"reason": str(error)})
                self._hang_up()
                self._stopping.wait(min(2.0**failures, LONGEST_PAUSE_S))
                failures += 1
            else:
                return True
        return False

    def _keep(self, connection: psycopg.Connection, messages: Sequence[Message]) -> None:
        """Write messages in one transaction; where that cannot be, each alone: the culprit is set aside."""
        try:
            self._write(connection, _load(messages, self._covers))
        except psycopg.DataError:
            for message in messages:
                self._keep_alone(connection, message)

    def _keep_alone(self, connection: psycopg.Connection, message: Message) -> None:
        load = _load([message], self._covers)
        try:
            self._write(connection, load)
        except psycopg.DataError as error:
            buried = Load()
            buried._bury(message, str(error))  # noqa: SLF001 - of our own class
            self._write(connection, buried)

    def _write(self, connection: psycopg.Connection, load: Load) -> None:
        self._partitions.make(connection, load.times)
        with connection.transaction():
            load.write(connection)

    def _covers(self, ts: datetime) -> bool:
        return self._partitions.covers(ts, datetime.now(UTC))

    def _keep_house(self, connection: psycopg.Connection) -> None:
        if time.monotonic() - self._kept_house_at < HOUSEKEEPING_S:
            return
        now = datetime.now(UTC)
        self._partitions.make_ahead(connection, now)
        dropped = self._partitions.drop_old(connection, now)
        if dropped:
            log.info("old partitions dropped", extra={"partitions": len(dropped)})
        self._kept_house_at = time.monotonic()

    def _connected(self) -> psycopg.Connection:
        if self._connection is None or self._connection.closed:
            self._connection = psycopg.connect(self._dsn, autocommit=True)
        return self._connection

    def _hang_up(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _load(messages: Sequence[Message], covers: Callable[[datetime], bool]) -> Load:
    load = Load()
    for message in messages:
        load.add(message, covers)
    return load


def _headers(message: Message) -> list[tuple[str, bytes]]:
    told: Any = message.headers() or ()  # untyped where it is exported
    return [(name, value or b"") for name, value in told]


def _ends(messages: Sequence[Message]) -> list[TopicPartition]:
    """Return for each partition the offset after the last message."""
    last: dict[tuple[Any, Any], Any] = {(each.topic(), each.partition()): each.offset() for each in messages}
    return [TopicPartition(topic, partition, offset + 1) for (topic, partition), offset in last.items()]
