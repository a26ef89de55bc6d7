"""From exec to the first answers: GET /health, and a prediction by the ONNX model.

The files are in the cache. The store is that of an agent that was killed: 200 chargers in its snapshot, and
2,000 readings since, which a start folds again. Each start has a fresh copy of it.
"""

from __future__ import annotations

import http.client
import json
import shutil
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.bench.report import Figure, at_most, middle
from tests.bench.rig import (
    READING,
    SitePlan,
    agent,
    broker,
    end,
    folder,
    newest_reading,
    traffic,
    wait_until,
)
from tests.rig.waiting import HOST

if TYPE_CHECKING:
    from pathlib import Path

    from tests.bench.rig import Traffic
    from tests.rig.agent import Agent
    from tests.rig.broker import Mosquitto

AIM_S = 0.5
CHARGERS = 200
SINCE_SNAPSHOT = 2_000
REFUSED_AGAIN_S = 0.0005
"""Until the port is bound it refuses; from then on it lets wait."""


@dataclass(frozen=True, slots=True)
class Start:
    """Seconds from before the process was made to the whole answer."""

    health_s: float
    prediction_s: float


def measure(starts: int) -> list[Figure]:
    """Return the medians of both."""
    with folder() as place, broker(place, SitePlan(chargers=CHARGERS)) as mosquitto:
        process = _prepared(place, mosquitto)
        kept = place / "kept"
        since = _since_snapshot(process)
        shutil.copytree(process.folder, kept)
        found = [_start(process, kept) for _ in range(starts + 1)][1:]  # the first one warms the cache
    note = f"median of {starts}; {CHARGERS} chargers, {since} readings since the snapshot"
    prediction = tuple(each.prediction_s for each in found)
    health = tuple(each.health_s for each in found)
    return [
        Figure(
            name="exec to GET /health answered",
            value=middle(list(health)),
            unit="s",
            aim=at_most(AIM_S),
            note=note,
            samples=health,
            commands=("edge-agent --config site.toml run",),
        ),
        Figure(
            name="exec to a prediction by the ONNX model",
            value=middle(list(prediction)),
            unit="s",
            aim=at_most(AIM_S),
            samples=prediction,
        ),
    ]


def _prepared(place: Path, mosquitto: Mosquitto) -> Agent:
    """Return an agent that was killed with such a store."""
    with traffic(mosquitto, CHARGERS, CHARGERS * 4 + SINCE_SNAPSHOT, 0.0) as chargers:
        with agent(place, mosquitto) as process:
            _send(chargers, process, CHARGERS * 4)
        mark = mosquitto.log.mark()
        process.start()
        mosquitto.wait_for_agent(after=mark)
        _send(chargers, process, SINCE_SNAPSHOT - 1)
        process.kill9()
    return process


def _send(chargers: Traffic, process: Agent, count: int) -> None:
    before = newest_reading(process)()
    chargers.begin(count)
    chargers.wait()
    wait_until("the readings to be kept", lambda: newest_reading(process)() >= before + count + 1)


def _since_snapshot(process: Agent) -> int:
    query = "SELECT (SELECT max(id) FROM readings) - coalesce((SELECT through FROM snapshot), 0)"
    return int(process.rows(query)[0][0])


def _start(process: Agent, kept: Path) -> Start:
    shutil.rmtree(process.folder)
    shutil.copytree(kept, process.folder)
    key = process.key("viewer")
    began = time.monotonic()
    process.start(wait=False)
    try:
        connection = _connected(process.port)
        _ask(connection, "GET", "/health")
        health_s = time.monotonic() - began
        body = json.dumps({"charger_id": "CHG_001", "metrics": READING})
        answer = _ask(connection, "POST", "/api/v1/predictions/failure", key, body)
        prediction_s = time.monotonic() - began
        connection.close()
        if answer["engine"] != "onnx":
            raise RuntimeError(f"it answers by {answer['engine']}")
        return Start(health_s, prediction_s)
    finally:
        end(process)


def _connected(port: int) -> http.client.HTTPConnection:
    deadline = time.monotonic() + 60
    while True:
        connection = http.client.HTTPConnection(HOST, port, timeout=60)
        try:
            connection.connect()
        except ConnectionRefusedError:
            if time.monotonic() > deadline:
                raise
            time.sleep(REFUSED_AGAIN_S)
        else:
            return connection


def _ask(
    connection: http.client.HTTPConnection, method: str, path: str, key: str = "", body: str | None = None
) -> dict[str, object]:
    headers = {"X-API-Key": key, "Content-Type": "application/json"} if key else {}
    connection.request(method, path, body, headers)
    answer = connection.getresponse()
    content: dict[str, object] = json.loads(answer.read())
    if answer.status != http.client.OK:
        raise RuntimeError(f"{path}: {answer.status} {content}")
    return content
