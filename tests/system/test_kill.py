"""Acknowledged means kept, and again is not twice: the agent is killed while a site speaks."""

from __future__ import annotations

import json
import random
import secrets
import sys
import time
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from threading import Thread
from typing import Any

import pytest

from edge_agent.adapters.sqlite.reading_rows import COLUMNS, reading_of
from edge_agent.sources.people import without_people
from edge_agent.wire.metrics import Metrics
from tests.rig.agent import Agent
from tests.rig.broker import PREFIX
from tests.rig.clients import Heard, Publisher, Sent, Subscriber
from tests.rig.site import HEALTHY, conversation
from tests.rig.waiting import outlast
from tests.system.conftest import CHARGERS

READINGS = 20_000
KILLS = 10
A_SECOND = 900
LAST = CHARGERS[-1]
FOREIGN_TO_EACH_RUN = ("alert_id", "seq")
"""The id has the epoch of the process in it; the number counts what else is in the stream."""


@pytest.fixture
def seed() -> int:
    seed = secrets.randbits(32)
    sys.stdout.write(f"seed {seed}\n")
    return seed


def test_no_reading_is_lost_or_kept_twice_though_the_agent_is_killed_ten_times(
    seed: int, agent: Agent, publisher: Publisher, subscriber: Subscriber
) -> None:
    subscriber.ready()
    rng = random.Random(seed)
    speaking = Thread(target=_speak, args=(random.Random(seed + 1), publisher))
    speaking.start()
    for moment in sorted(rng.sample(range(100, READINGS - 100), KILLS)):
        publisher.wait_until_sent(moment)
        agent.kill9()
        agent.start(wait=False)
    speaking.join()
    publisher.acknowledged()
    publisher.publish(LAST, {**HEALTHY, "connector_status": "FAULTY", "timestamp": _now()})
    record = publisher.acknowledged()
    subscriber.wait_for_alert(LAST, "CHARGER_FAULTED", "OPEN")
    assert agent.terminate() == 0

    assert len(record) == READINGS
    kept, set_aside = _kept(agent), _set_aside(agent)
    assert kept.total() + set_aside.total() == READINGS
    assert kept == Counter(_identity(sent) for sent in record if _readable(sent))
    assert set_aside == Counter(
        (sent.topic, without_people(sent.payload)) for sent in record if not _readable(sent)
    )

    told, replayed = _lives(_news(subscriber.alerts())), _lives(_replayed(agent, record))
    differing = {place for place in told.keys() | replayed.keys() if told.get(place) != replayed.get(place)}
    assert [(place, told.get(place), replayed.get(place)) for place in sorted(differing)[:1]] == []
    states = Counter(news["state"] for life in told.values() for news in life)
    assert min(states["OPEN"], states["CLEARED"]) > 100  # the script did what it is for


def _speak(rng: random.Random, publisher: Publisher) -> None:
    start = datetime.now(UTC) - timedelta(hours=6)
    began = time.monotonic()
    for number, said in enumerate(conversation(rng, CHARGERS[:-1], start, READINGS - 1)):
        publisher.publish(said.charger_id, said.payload)
        if number % 10 == 0:
            outlast(max(began + number / A_SECOND - time.monotonic(), 0.0))


def _now() -> str:
    return datetime.now(UTC).isoformat()


# What is in the store, by what was said and not by how it is kept


def _readable(sent: Sent) -> bool:
    charger_id = sent.topic.split("/")[-2]
    try:
        metrics = Metrics.model_validate_json(sent.payload)
    except ValueError:
        return False
    return metrics.charger_id in (None, charger_id)


def _identity(sent: Sent) -> tuple[str, str]:
    metrics = Metrics.model_validate_json(sent.payload)
    return sent.topic.split("/")[-2], metrics.model_dump_json(exclude_unset=True)


def _kept(agent: Agent) -> Counter[tuple[str, str]]:
    kept = (reading_of(row) for row in agent.rows(f"SELECT {COLUMNS} FROM readings"))
    return Counter(
        (evse.charger_id, reading.metrics.model_dump_json(exclude_unset=True)) for evse, reading in kept
    )


def _set_aside(agent: Agent) -> Counter[tuple[str, bytes]]:
    return Counter((topic, payload) for topic, payload in agent.rows("SELECT topic, payload FROM quarantine"))


# What was told of alerts


def _news(heard: Sequence[Heard]) -> list[dict[str, Any]]:
    """Return each piece of news once, in order, as it was when it was news.

    It comes again, under the same number, where the agent cannot know that it was published; and on
    connecting, as it then stands, with all that was counted since.
    """
    told: dict[int, dict[str, Any]] = {}
    for news in (each.json() for each in heard):
        known = told.get(news["seq"])
        if known is None or news["count"] < known["count"]:
            told[news["seq"]] = news
    return [told[seq] for seq in sorted(told)]


def _lives(told: Sequence[dict[str, Any]]) -> dict[tuple[str, int, str], list[dict[str, Any]]]:
    """Return the news by EVSE and type, in order, without what differs from run to run."""
    lives: dict[tuple[str, int, str], list[dict[str, Any]]] = {}
    for news in told:
        place = (news["charger_id"], news["connector_id"], news["alert_type"])
        same = {name: value for name, value in news.items() if name not in FOREIGN_TO_EACH_RUN}
        lives.setdefault(place, []).append(same)
    return lives


def _replayed(agent: Agent, record: Sequence[Sent]) -> list[dict[str, Any]]:
    """Return the alerts that `edge-agent replay` tells of the publisher's record."""
    log = agent.folder / "record.jsonl"
    with log.open("w") as file:
        for sent in record:
            payload = sent.payload.decode(errors="replace")
            line = {"topic": sent.topic, "payload": payload, "at": sent.at.isoformat()}
            file.write(json.dumps(line) + "\n")
    done = agent.command("replay", str(log), "--prefix", PREFIX)
    outcomes = [json.loads(line) for line in done.stdout.splitlines()]
    alerts = [outcome for outcome in outcomes if outcome["outcome"] == "alert"]
    return [{name: value for name, value in alert.items() if name != "outcome"} for alert in alerts]
