"""A site of twenty chargers that was cut off for a week, and its link's return.

The week is simulated, and goes through the agent's own pipeline into a store on disk. Then the agent is
started on that store, with a central side that serves others already: how long until all of it is in the
database, and how long alerts of that time take meanwhile.
"""

from __future__ import annotations

import json
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx

from edge_agent.adapters.sqlite import SqliteStore
from edge_agent.clock import ReplayClock
from edge_agent.config import Config, load
from edge_agent.ingest.inbox import Inbox
from edge_agent.ingest.parts import Parts
from edge_agent.ingest.publisher import Publisher
from edge_agent.ingest.thread import Ingest
from edge_agent.ports import Connected, Message
from edge_agent.service import manners, registry, releases, shelf, site, store_bounds
from edge_agent.simulator.fleet import Fleet, SitePlan
from tests.bench.report import Figure, at_most, middle
from tests.bench.rig import SitePlan as BrokerPlan
from tests.bench.rig import broker, folder
from tests.cloud_sync.making import batch, record
from tests.rig.agent import Agent
from tests.rig.broker import SITE_ID, Mosquitto
from tests.rig.clients import Publisher as Chargers
from tests.rig.fleet import CentralSide
from tests.rig.kafka import Kafka
from tests.rig.postgres import Postgres
from tests.rig.site import HEALTHY, timed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CHARGERS = 20
SEED = 4
CATCH_UP_MIN = 10.0
ALERT_S = 2.0
ALERTS = 12
TOO_SMALL_BYTES = 6_000_000
TICK = timedelta(minutes=10)
OTHERS, FEWEST_TURNS, MOST_TURNS = 40, 10, 60


class NoBroker:
    """The broker of a simulated week: what is published is lost on nobody."""

    connected = False

    def acknowledge(self, generation: int, packet_ids: list[int]) -> None:
        """Nobody waits for it."""

    def publish(self, topic: str, payload: bytes, *, retain: bool) -> int | None:  # noqa: ARG002
        """Publish nothing."""
        return None


def measure(days: float) -> list[Figure]:
    """Return what a week offline takes, what is told where it has too little room, and the catching up."""
    with folder() as place, broker(place, BrokerPlan(chargers=CHARGERS)) as mosquitto:
        sync = {"enabled": True, "url": "http://127.0.0.1:9", "token_file": place / "none", "spread_s": 5.0}
        agent = Agent(place / "agent", mosquitto.port, {"sync": sync})
        config, _ = load(agent.config)
        readings = _week(config, days)
        size = agent.store.stat().st_size
        backlog = {
            stream: int(agent.rows(f"SELECT count(*) FROM outbox_{stream}")[0][0])
            for stream in ("alerts", "answers", "readings")
        }
        return [
            Figure(name="readings of the time offline", value=float(readings), unit=""),
            Figure(
                name="store after it",
                value=size / 1e6,
                unit="MB",
                aim=at_most(config.store.max_bytes / 1e6),
                note=", ".join(f"{count} {stream}" for stream, count in backlog.items()) + " to send",
            ),
            *_too_small(place, config),
            *_caught_up(place, agent, mosquitto, backlog),
        ]


def _week(config: Config, days: float) -> int:
    """Let the time pass through the pipeline, into the store on disk; return how many messages came."""
    end = datetime.now(UTC)
    start = end - timedelta(days=days)
    clock, inbox = ReplayClock(start), Inbox()
    store = SqliteStore(config.store.path, store_bounds(config), start)
    models = shelf(releases(config))
    models.load(start)
    silent = NoBroker()
    parts = Parts(
        inbox, store, silent, registry(config), models, Publisher(silent, store, config.prefix), clock
    )
    ingest = Ingest(parts, site(config), manners(config))
    ingest.restore()
    inbox.put(Connected(1, session_present=False))
    count, due = 0, start
    for message in _said(start, end):
        while due <= message.at:
            clock.at = due
            for tick in (ingest.listen, ingest.suggest, ingest.trim):
                tick()
            ingest.turn(0.0)
            due += TICK
        clock.at = message.at
        topic = f"{config.prefix}/chargers/{message.charger_id}/{message.kind}"
        inbox.put(Message(1, None, topic, message.payload, message.at, retained=False))
        ingest.turn(0.0)
        count += 1
    ingest.stop()
    ingest.run()
    store.close()
    return count


def _said(start: datetime, end: datetime) -> Iterator[Any]:
    for message in Fleet(SitePlan(chargers=CHARGERS, start=start), SEED).messages():
        if message.at >= end:
            return
        yield message


def _too_small(place: Path, config: Config) -> list[Figure]:
    """Return what is told where a day has to fit into far too little room."""
    path = place / "small" / "store.sqlite"
    small = config.model_copy(
        update={"store": config.store.model_copy(update={"path": path, "max_bytes": TOO_SMALL_BYTES})}
    )
    _week(small, 1.0)
    kept = SqliteStore(path, replace(store_bounds(small)), datetime.now(UTC))
    gaps = kept._connection.execute("SELECT payload FROM outbox_alerts WHERE type = 'gap'").fetchall()
    kept.close()
    lost = sum(sum(json.loads(payload).values()) for (payload,) in gaps)
    note = f"{lost} records given up, all told; the file is {path.stat().st_size / 1e6:.1f} MB"
    return [
        Figure(
            name=f"gaps told with a bound of {TOO_SMALL_BYTES / 1e6:g} MB",
            value=float(len(gaps)),
            unit="",
            note=note,
        )
    ]


def _caught_up(place: Path, agent: Agent, mosquitto: Mosquitto, backlog: dict[str, int]) -> list[Figure]:
    """Start the agent with the link up; return how long the backlog takes, and live alerts beside it."""
    postgres = Postgres()
    postgres.start()
    kafka = Kafka(place / "kafka")
    kafka.start()
    central = CentralSide(place / "central", kafka, postgres, "week")
    central.start()
    chargers = Chargers(mosquitto.port)
    try:
        _serve_others(central)
        token = central.token(SITE_ID, "gw-1")
        text = agent.config.read_text().replace("http://127.0.0.1:9", central.url)
        agent.config.write_text(text.replace(str(place / "none"), str(token)))
        agent.start()
        mosquitto.wait_for_agent()
        began = time.monotonic()
        latencies = [_alert_s(central, chargers, number) for number in range(1, ALERTS + 1)]
        rows = "SELECT (SELECT count(*) FROM charger_metrics) + (SELECT count(*) FROM out_of_range)"
        central.wait_for(f"{rows} >= {backlog['readings']}", True, within_s=60 * CATCH_UP_MIN)
        predictions = f"SELECT count(*) >= {backlog['answers'] // 2} FROM predictions"
        central.wait_for(predictions, True, within_s=60 * CATCH_UP_MIN)
        minutes = (time.monotonic() - began) / 60
    finally:
        agent.terminate()
        chargers.close()
        central.stop()
        kafka.stop()
        postgres.remove()
    return [
        Figure(
            name="until all of it is in the database", value=minutes, unit="min", aim=at_most(CATCH_UP_MIN)
        ),
        Figure(
            name="a live alert, from the charger to the database, meanwhile: worst",
            value=max(latencies),
            unit="s",
            aim=at_most(ALERT_S),
            note=f"median {middle(latencies):.2f} s of {len(latencies)}",
        ),
    ]


def _serve_others(central: CentralSide) -> None:
    """Let alerts of another gateway through until they come at once: the sinks have shared the work then."""
    token = central.token("site-0", "gw-0").read_text().strip()
    arrived = "SELECT count(*) FROM alerts WHERE gateway_id = 'gw-0'"
    for turn in range(MOST_TURNS):
        told = [
            record(
                1 + turn * OTHERS + number, type="alert", charger_id=f"C{number}", payload=_of_another(number)
            )
            for number in range(OTHERS)
        ]
        began = time.monotonic()
        httpx.post(
            f"{central.url}/v1/batches",
            json=batch(*told, stream="alerts"),
            headers={"Authorization": f"Bearer {token}"},
        ).raise_for_status()
        central.wait_for(arrived, (turn + 1) * OTHERS)
        if turn >= FEWEST_TURNS and time.monotonic() - began < ALERT_S / 2:
            return
    raise RuntimeError("the sinks do not settle")


def _of_another(number: int) -> dict[str, object]:
    return {"alert_id": f"a-{number}", "alert_type": "ANOMALY", "severity": "INFO", "state": "OPEN"}


def _alert_s(central: CentralSide, chargers: Chargers, number: int) -> float:
    charger_id = f"CHG_{number:03}"
    said_at = time.monotonic()
    reading = {**HEALTHY, "connector_id": 9, "connector_status": "FAULTY", "error_codes": [f"X{number}"]}
    chargers.publish(charger_id, timed(reading))
    query = f"SELECT count(*) FROM alert_latest WHERE charger_id = '{charger_id}' AND connector_id = 9"
    central.wait_for(query, 1)
    return time.monotonic() - said_at
