"""Newer models and the real daemon: they come, are tried, judge, are taken back, and no reading is lost."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import onnx
import pytest

from edge_agent.core.rollout import LEAST_ROWS
from tests.rig.agent import Agent
from tests.rig.broker import Mosquitto
from tests.rig.clients import Publisher, Subscriber
from tests.rig.repository import Publisher as Releaser
from tests.rig.repository import models, served
from tests.rig.site import HEALTHY, timed
from tests.system.conftest import CHARGERS, NewAgent

READING = {**HEALTHY, "connector_id": 1}
BUSY, PROBE = CHARGERS[:2]
TRIED = "models are tried beside those that judge"
ENOUGH = LEAST_ROWS + 100


@pytest.fixture
def releaser(tmp_path: Path) -> Releaser:
    return Releaser(tmp_path / "releaser")


@pytest.fixture
def agent(tmp_path: Path, releaser: Releaser, broker: Mosquitto, new_agent: NewAgent) -> Iterator[Agent]:
    """An agent that tries newer models for no longer than it takes to compare them."""
    with served(releaser.folder) as server:
        settings = {
            "repository_url": server.url,
            "root_file": releaser.root,
            "releases_dir": tmp_path / "releases",
            "trial_hours": 0.0,
        }
        started = new_agent({"models": settings}).start()
        broker.wait_for_agent()
        yield started


def say_much(publisher: Publisher, kept: list[int]) -> None:
    """Publish as many readings as a comparison needs; `kept` counts them."""
    for number in range(ENOUGH):
        publisher.publish(BUSY, timed({**READING, "power": 5.0 + number % 7}))
    kept.append(ENOUGH)


def version(publisher: Publisher, screen: Subscriber, kept: list[int]) -> str:
    """Return which failure model judges what comes now, by an alert; all that came before is kept then."""
    publisher.acknowledged()
    since = screen.heard.mark()
    publisher.publish(PROBE, timed({**READING, "error_codes": ["CutCable"]}))  # which is never damped
    alert = screen.wait_for_alert(PROBE, "TAMPER", "OPEN", since)
    publisher.publish(PROBE, timed(READING))
    screen.wait_for_alert(PROBE, "TAMPER", "CLEARED", since)
    kept.append(2)
    told: str = alert["evidence"]["failure_model"]
    return told


def listed(agent: Agent) -> str:
    return agent.command("models", "list").stdout


def entry(agent: Agent) -> dict[str, Any]:
    with agent.client() as client:
        found = client.get("/api/v1/models").raise_for_status().json()["models"]
        return next(each for each in found if each["name"] == "failure_predictor")


def test_a_release_is_tried_judges_and_is_taken_back_without_losing_a_reading(
    agent: Agent, releaser: Releaser, publisher: Publisher, subscriber: Subscriber
) -> None:
    kept = list[int]()
    releaser.publish(2)
    since = agent.log.mark()
    assert "release 2 is here" in agent.command("models", "fetch").stdout
    agent.wait_for_log(TRIED, after=since)
    since = agent.log.mark()
    assert version(publisher, subscriber, kept) == "2.0.0"
    say_much(publisher, kept)
    assert agent.wait_for_log("models judge", after=since)["version"] == "9.2.0"
    assert version(publisher, subscriber, kept) == "9.2.0"

    agent.kill9()
    since = agent.log.mark()
    agent.start()
    agent.wait_for_log(TRIED, after=since)
    assert entry(agent)["version"] == "9.2.0"
    assert entry(agent)["metadata"]["rollout"]["judging"] == 2
    assert "judges, on probation" in listed(agent)
    since = agent.log.mark()
    say_much(publisher, kept)
    agent.wait_for_log("a trial of models is over", after=since)

    since = agent.log.mark()
    agent.command("models", "rollback")
    assert agent.wait_for_log("models judge", after=since)["version"] == "2.0.0"
    assert version(publisher, subscriber, kept) == "2.0.0"
    assert "release 2    failure predictor 9.2.0, anomaly detector 2.0.0  refused: it was" in listed(agent)
    assert agent.rows("SELECT count(*) FROM readings WHERE source = 'metrics'") == [(sum(kept),)]


def test_a_release_that_fails_on_live_readings_is_refused_and_none_is_lost(
    agent: Agent, releaser: Releaser, publisher: Publisher, subscriber: Subscriber, tmp_path: Path
) -> None:
    kept = list[int]()
    releaser.at(datetime.now(UTC)).publish(that_fails(tmp_path / "bad", 3), releaser.keys)
    since = agent.log.mark()
    agent.command("models", "fetch")
    agent.wait_for_log(TRIED, after=since)
    for _ in range(3):
        assert version(publisher, subscriber, kept) == "2.0.0"
    agent.wait_for_log("a trial of models is over", after=since)
    assert "refused: it failed on" in listed(agent)
    assert agent.rows("SELECT count(*) FROM readings WHERE source = 'metrics'") == [(sum(kept),)]


def that_fails(folder: Path, release: int) -> Path:
    """Make models of which one takes its golden vectors, all at once, and no other number of rows."""
    directory = models(folder, release)
    manifest = json.loads((directory / "manifest.json").read_text())
    card = manifest["models"]["failure_predictor"]
    file = directory / card["file"]
    graph = onnx.load(file)
    graph.graph.input[0].type.tensor_type.shape.dim[0].dim_value = len(card["golden"]["rows"])
    onnx.save(graph, file)
    card["sha256"] = sha256(file.read_bytes()).hexdigest()
    (directory / "manifest.json").write_text(json.dumps(manifest))
    return directory
