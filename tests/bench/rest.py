"""Predictions a second while readings come in, over a hello-world on the same uvicorn settings.

Three runs, in turn, by the same client over the same number of connections: the agent with the readings
coming in; hello-world with an agent beside it that has the same readings coming in; hello-world alone.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import httpx

from tests.bench.asking import CONNECTIONS, Answered, Question, ask
from tests.bench.report import Figure, at_least, middle
from tests.bench.rig import READING, SitePlan, agent, broker, child, command, folder, steady, wait_until
from tests.rig.waiting import HOST, free_port

if TYPE_CHECKING:
    from tests.rig.agent import Agent

AIM = 0.25
RATE = 500
CHARGERS = 200
FAULTS = 0.005
BODY = json.dumps({"charger_id": "CHG_001", "metrics": {**READING, "connector_id": 1}})


def measure(seconds: int, repeats: int) -> list[Figure]:
    """Return predictions a second, their latency, and the ratio to hello-world."""
    port = free_port()
    hello = Question(port=port, path="/")
    ours: list[Answered] = []
    beside: list[Answered] = []
    alone: list[Answered] = []
    with folder() as place, child("hello", port) as server:
        wait_until("hello-world to answer", lambda: _answers(port))
        with (
            broker(place, SitePlan(chargers=CHARGERS)) as mosquitto,
            agent(place, mosquitto) as process,
            steady(mosquitto, CHARGERS, RATE, FAULTS) as readings,
        ):
            question = _prediction(process)
            for _ in range(repeats):
                ours.append(ask(question, seconds, place))
                beside.append(ask(hello, seconds, place))
        alone += [ask(hello, seconds, place) for _ in range(repeats)]
        hello_command = command(server)
    return _figures((ours, beside, alone), hello_command, readings["per_second"])


def _prediction(process: Agent) -> Question:
    key = process.key("viewer")
    return Question(port=process.port, path="/api/v1/predictions/failure", key=key, body=BODY)


def _answers(port: int) -> bool:
    try:
        return httpx.get(f"http://{HOST}:{port}/").is_success
    except httpx.TransportError:
        return False


def _figures(
    answered: tuple[list[Answered], list[Answered], list[Answered]], hello_command: str, readings: float
) -> list[Figure]:
    ours, beside, alone = answered
    commands = (
        f"edge-agent --config site.toml run, asked by: {ours[0].command}",
        f"{hello_command}, asked by: {alone[0].command}",
    )
    note = f"{CONNECTIONS} connections; readings at {readings:.0f} a second meanwhile"
    ratio = _rate(ours) / _rate(alone)
    ratio_beside = _rate(ours) / _rate(beside)
    return [
        Figure(
            name="predictions over hello-world alone",
            value=ratio,
            unit="",
            aim=at_least(AIM),
            commands=commands,
        ),
        Figure(
            name="predictions over hello-world beside ingest", value=ratio_beside, unit="", aim=at_least(AIM)
        ),
        _rates("POST /api/v1/predictions/failure, ingest running", ours, note),
        _p99("POST /api/v1/predictions/failure, ingest running", ours),
        _rates("hello-world, ingest beside it", beside),
        _p99("hello-world, ingest beside it", beside),
        _rates("hello-world alone", alone),
        _p99("hello-world alone", alone),
    ]


def _rate(answered: list[Answered]) -> float:
    return middle([each.per_second for each in answered])


def _rates(name: str, answered: list[Answered], note: str = "") -> Figure:
    samples = tuple(each.per_second for each in answered)
    return Figure(name=name, value=_rate(answered), unit="req/s", samples=samples, note=note)


def _p99(name: str, answered: list[Answered]) -> Figure:
    samples = tuple(each.p99_ms for each in answered)
    return Figure(name=f"{name}: p99", value=middle(list(samples)), unit="ms", samples=samples)
