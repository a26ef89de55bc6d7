"""The central side: gateways that return at once, through ingest, Kafka and sink, against a plain COPY.

Real Apache Kafka (one broker), PostgreSQL with fsync on, one ingest, two sinks, all on this machine, which
the gateways load too.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, LiteralString, NamedTuple

import psycopg

from cloud_sync.central.migrate import migrate
from cloud_sync.central.partitions import Partitions
from cloud_sync.central.tables import TABLES
from cloud_sync.central.tokens import Gateway, _hashed, _write
from edge_agent.wire.outbox import RecordType
from tests.bench.fleet import GATHER_S
from tests.bench.report import Figure, at_least, at_most
from tests.bench.rig import child, cpu_s, folder, line_from, resident_mib
from tests.rig.fleet import CentralSide
from tests.rig.kafka import Kafka
from tests.rig.postgres import Postgres

LOADS = ((10, 5_000), (100, 500), (1_000, 100))
"""Gateways, and records that wait in each of two streams of each."""
STEADY_RECORDS_S = 670.0
"""5,000 gateways of eight chargers with an answer a minute."""
HEADROOM = 5.0
STEADY = (10, 1_000, 5_000)
"""Gateways that share that load, so many times."""
STEADY_S = 120.0
SOAKING, SOAK_RECORDS, RETURNS = 1_000, 20, 8
OVERVIEW_MS = 50.0
OVERVIEW_CHARGERS = 8_000
OVERVIEW_ROWS = 5_000_000
COPIED = 200_000
PREDICTIONS = """
INSERT INTO predictions (charger_id, connector_id, model_type, model_version, prediction_data, confidence,
    predicted_at, tenant_id, site_id, gateway_id, epoch, stream, seq, ts, clock)
SELECT 'C' || n %% 8, 1, 'failure_predictor', 'v1', '{"failure_probability": 0.1}', 0.5, at, 't',
    's' || n %% 1000, 'g' || n %% 1000, 'e', 'answers', n, at, 'trusted'
FROM (SELECT n, now() - (n %% 30) * interval '1 day' AS at FROM generate_series(1, %s) n) x
"""
CHARGERS = """
INSERT INTO charger_latest (site_id, charger_id, connector_id, tenant_id, gateway_id, connector_status,
    failure, failure_at)
SELECT 's' || n / 8, 'C' || n %% 8, 1, 't', 'g' || n / 8, 'CHARGING',
    jsonb_build_object('failure_probability', random(), 'recommended_action', 'WITHIN_30_DAYS'), now()
FROM generate_series(0, %s) n
"""
OVERVIEW: LiteralString = """
SELECT * FROM fleet_overview WHERE tenant_id = 't'
ORDER BY open_alerts DESC, failure_probability DESC LIMIT 100
"""


def measure(overview_rows: int = OVERVIEW_ROWS) -> list[Figure]:
    """Return rates, latencies and costs by the number of gateways; the ceiling; the overview's time."""
    figures: list[Figure] = []
    postgres = Postgres()
    postgres.start()
    try:
        with folder() as place:
            kafka = Kafka(place / "kafka")
            kafka.start()
            try:
                for gateways, records in LOADS:
                    figures += _load(place, (kafka, postgres), gateways, records)
                for gateways in STEADY:
                    figures += _steady(place, (kafka, postgres), gateways)
                figures += _soak(place, (kafka, postgres))
            finally:
                kafka.stop()
        figures += _copy_ceiling(postgres)
        figures += _overview(postgres, overview_rows)
    finally:
        postgres.remove()
    return figures


class Run(NamedTuple):
    """What became of a load.

    told: by the gateways. in_database: seconds until all of it was. memory_mib: of the ingest, before, after.
    cpu_s: of the ingest, and of both sinks.
    """

    told: dict[str, Any]
    in_database: float
    memory_mib: tuple[float, float]
    cpu_s: tuple[float, float]


def _load(place: Path, services: tuple[Kafka, Postgres], gateways: int, records: int) -> list[Figure]:
    return _of_load(gateways, _run(place / f"load{gateways}", services, gateways, (records, 0.0)))


def _steady(place: Path, services: tuple[Kafka, Postgres], gateways: int) -> list[Figure]:
    records = int(HEADROOM * STEADY_RECORDS_S * STEADY_S / gateways)
    return _of_steady(gateways, _run(place / f"steady{gateways}", services, gateways, (records, STEADY_S)))


def _soak(place: Path, services: tuple[Kafka, Postgres]) -> list[Figure]:
    """Let the same thousand gateways return again and again: does the ingest grow?"""
    home, memory = place / "soak", []
    with _served(home, services, SOAKING) as central:
        for _ in range(RETURNS):
            _wave(central, home, SOAKING, (SOAK_RECORDS, 0.0))
            memory.append(resident_mib(central.ingest.pid))
    return [
        Figure(
            name=f"ingest's memory, from the second to the last of {RETURNS} returns of {SOAKING} gateways",
            value=memory[-1] - memory[1],
            unit="MiB",
            note="after each: " + ", ".join(f"{each:.0f}" for each in memory),
            samples=tuple(memory),
        )
    ]


def _run(home: Path, services: tuple[Kafka, Postgres], gateways: int, load: tuple[int, float]) -> Run:
    """Let gateways send. load: records in each stream of each, and the seconds that making them takes."""
    records, seconds = load
    with _served(home, services, gateways) as central:
        before, used = resident_mib(central.ingest.pid), _cpu_s(central)
        began = time.monotonic()
        told = _wave(central, home, gateways, load)
        count = f"SELECT count(*) FROM predictions WHERE gateway_id LIKE '{home.name}-%'"
        central.wait_for(count, gateways * records)
        if not seconds:
            central.wait_for(count.replace("predictions", "charger_metrics"), gateways * records)
        in_database = time.monotonic() - began
        ingest_s, sinks_s = (after - first for after, first in zip(_cpu_s(central), used, strict=True))
        memory = before, resident_mib(central.ingest.pid)
    return Run(told, in_database, memory, (ingest_s, sinks_s))


@contextmanager
def _served(home: Path, services: tuple[Kafka, Postgres], gateways: int) -> Iterator[CentralSide]:
    """Yield a central side that knows so many gateways."""
    central = CentralSide(home, *services, home.name)
    tokens = [f"evzgw_{home.name}_{number}" for number in range(gateways)]
    book = [
        Gateway(sha256=_hashed(token), site_id=f"{home.name}-{number}", gateway_id=f"{home.name}-{number}")
        for number, token in enumerate(tokens)
    ]
    _write(home / "tokens.json", book)
    (home / "tokens").write_text("\n".join(tokens))
    central.start()
    try:
        yield central
    finally:
        central.stop()


def _wave(central: CentralSide, home: Path, gateways: int, load: tuple[int, float]) -> dict[str, Any]:
    """Let gateways send until all is acknowledged; return what they tell of it."""
    with child("fleet", central.url, home / "tokens", gateways, *load) as fleet:
        assert line_from(fleet) == "ready"
        assert fleet.stdin is not None
        fleet.stdin.write("go\n")
        fleet.stdin.flush()
        told: dict[str, Any] = json.loads(line_from(fleet))
        return told


def _cpu_s(central: CentralSide) -> tuple[float, float]:
    return cpu_s(central.ingest.pid), sum(cpu_s(sink.pid) for sink in central.sinks)


def _of_steady(gateways: int, run: Run) -> list[Figure]:
    """Return what a record costs, of five times the load that 5,000 gateways make."""
    named, told = f"{gateways} gateways' steady load, times {HEADROOM:g}", run.told
    ms = sorted(told["ms"])
    records = told["records"]
    offered = STEADY_S + (GATHER_S + GATHER_S)
    return [
        Figure(
            name=f"{named}: all of it in the database after",
            value=run.in_database,
            unit="s",
            aim=at_most(offered + 30.0),
            note=f"{records} records, made in {STEADY_S:g} s from a moment of the first {GATHER_S:g} s on, "
            f"gathered for up to {GATHER_S:g} s; {len(told['refusals'])} refusals",
        ),
        Figure(
            name=f"{named}: processor time a record, ingest",
            value=1e6 * run.cpu_s[0] / records,
            unit="us",
            note=f"{records / len(ms):.0f} records a batch",
        ),
        Figure(
            name=f"{named}: processor time a record, sinks", value=1e6 * run.cpu_s[1] / records, unit="us"
        ),
        Figure(name=f"{named}: bytes on the wire a record", value=told["bytes"] / records, unit="bytes"),
        Figure(
            name=f"{named}: a batch, p99",
            value=ms[int(0.99 * (len(ms) - 1))],
            unit="ms",
            note=f"{len(ms)} batches",
        ),
        Figure(
            name=f"{named}: ingest's memory after it",
            value=run.memory_mib[1],
            unit="MiB",
            note=f"{run.memory_mib[0]:.0f} before it",
        ),
    ]


def _of_load(gateways: int, run: Run) -> list[Figure]:
    named, told = f"{gateways} gateways", run.told
    ms = sorted(told["ms"])
    common = Counter(told["refusals"]).most_common(3)
    refusals = ", ".join(f"{count} times {reason}" for reason, count in common) or "none"
    rate = told["records"] / told["seconds"]
    return [
        Figure(
            name=f"{named} at once: records acknowledged a second",
            value=rate,
            unit="records/s",
            aim=at_least(HEADROOM * STEADY_RECORDS_S),
            note=f"{told['records']} records; aim: {HEADROOM:g} times the load of 5,000; refused: {refusals}",
        ),
        Figure(
            name=f"{named}: rows in the database a second",
            value=told["records"] / run.in_database,
            unit="rows/s",
        ),
        Figure(
            name=f"{named}: a batch, p99",
            value=ms[int(0.99 * (len(ms) - 1))],
            unit="ms",
            note=f"{len(ms)} batches",
        ),
        Figure(
            name=f"{named}: bytes on the wire a record", value=told["bytes"] / told["records"], unit="bytes"
        ),
        Figure(name=f"{named}: ingest's memory after it", value=run.memory_mib[1], unit="MiB"),
    ]


def _copy_ceiling(postgres: Postgres) -> list[Figure]:
    """COPY of rows as large as a reading's, into a table without a key, a thousand a transaction."""
    row = (
        "CHG_0001_1",
        1,
        "CHARGING",
        12.5,
        7.2,
        31.5,
        json.dumps({"power": 7.2, "temperature": 31.5, "x": "y" * 120}),
    )
    with psycopg.connect(postgres.new_database("ceiling"), autocommit=True) as connection:
        connection.execute("CREATE TABLE t (a text, b int, c text, d float, e float, f float, g jsonb)")
        began = time.monotonic()
        for _ in range(COPIED // 1000):
            with (
                connection.transaction(),
                connection.cursor() as cursor,
                cursor.copy("COPY t FROM STDIN") as copy,
            ):
                for _ in range(1000):
                    copy.write_row(row)
        rate = COPIED / (time.monotonic() - began)
    return [Figure(name="plain COPY without a key, the ceiling", value=rate, unit="rows/s")]


def _overview(postgres: Postgres, rows: int) -> list[Figure]:
    """The overview of 8,000 chargers beside so many predictions."""
    dsn = postgres.new_database("overview")
    migrate(dsn)
    now = datetime.now(UTC)
    with psycopg.connect(dsn, autocommit=True) as connection:
        days = [(TABLES[RecordType.FAILURE], now - timedelta(days=day)) for day in range(31)]
        Partitions([], timedelta(days=40), timedelta(days=3)).make(connection, days)
        connection.execute(PREDICTIONS, (rows,))
        connection.execute(CHARGERS, (OVERVIEW_CHARGERS - 1,))
        connection.execute("ANALYZE")
        took = sorted(_timed_ms(connection, OVERVIEW) for _ in range(9))
    return [
        Figure(
            name="fleet overview",
            value=took[4],
            unit="ms",
            aim=at_most(OVERVIEW_MS),
            note=f"{OVERVIEW_CHARGERS} EVSEs beside {rows} predictions; 100 worst of a tenant",
            samples=tuple(took),
        )
    ]


def _timed_ms(connection: psycopg.Connection, query: LiteralString) -> float:
    began = time.monotonic()
    connection.execute(query).fetchall()
    return 1000 * (time.monotonic() - began)
