"""However it is asked - over MQTT, by replay, by REST - the same state and metrics give the same answer."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.rig.agent import Agent
from tests.rig.broker import PREFIX
from tests.rig.clients import Heard, Publisher
from tests.rig.site import HEALTHY
from tests.system.conftest import CHARGERS, NewSubscriber

CHARGER = CHARGERS[0]
EVERY = timedelta(minutes=1)
READINGS = 90
HOT = {"temperature": 58.0, "error_codes": ["HighTemperature"]}
OF_ITS_MOMENT = frozenset({"timestamp", "origin", "predicted_failure_date", "predicted_failure_window"})
"""A request is answered when it is asked, and says that it is one."""


def test_mqtt_replay_and_rest_give_the_same_answers(
    agent: Agent, publisher: Publisher, new_subscriber: NewSubscriber, tmp_path: Path
) -> None:
    screen = new_subscriber(f"state/{CHARGER}/#").ready()
    history = conversation(datetime.now(UTC) - (READINGS - 1) * EVERY)
    for reading in history:
        publisher.publish(CHARGER, reading)
    last = history[-1]
    shown = screen.wait_for("the state after the last reading", lambda heard: is_of(heard, last)).json()

    log = tmp_path / "log.jsonl"
    topic = f"{PREFIX}/chargers/{CHARGER}/metrics"
    log.write_text(
        "".join(json.dumps({"topic": topic, "payload": r, "at": r["timestamp"]}) + "\n" for r in history)
    )
    replayed = {
        outcome["outcome"]: outcome
        for outcome in map(json.loads, agent.command("replay", str(log)).stdout.splitlines())
        if outcome.get("timestamp") == shown["failure"]["timestamp"]
    }

    question = {"charger_id": CHARGER, "metrics": last}
    with agent.client("viewer") as viewer:
        asked = {
            name: viewer.post(f"/api/v1/predictions/{name}", json=question).json()
            for name in ("failure", "anomaly")
        }

    for name in ("failure", "anomaly"):
        told = lasting(shown[name])
        assert lasting(replayed[name]) == told
        assert lasting(asked[name]) == nearly(told)


def conversation(begin: datetime) -> list[dict[str, Any]]:
    """An hour and a half of a charging EVSE that at last runs hot and says so."""
    readings = []
    for number in range(READINGS):
        at = begin + number * EVERY
        charging = {
            **HEALTHY,
            "connector_id": 1,
            "temperature": 30.0 + number % 3,
            "timestamp": at.isoformat(),
        }
        readings.append(charging)
    readings[-1] |= HOT
    return readings


def is_of(heard: Heard, reading: dict[str, Any]) -> bool:
    at = datetime.fromisoformat(heard.json()["reading"]["timestamp"]) if heard.payload else None
    return at == datetime.fromisoformat(reading["timestamp"])


def lasting(answer: dict[str, Any]) -> dict[str, Any]:
    """Return an answer without what belongs to its moment."""
    return {name: value for name, value in answer.items() if name not in OF_ITS_MOMENT | {"outcome"}}


def nearly(answer: dict[str, Any]) -> Any:
    return json.loads(json.dumps(answer), parse_float=lambda number: pytest.approx(float(number), abs=1e-3))
