"""Models are swapped under a running agent, and a bad file never takes its place."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from edge_agent.config import MODELS_DIR
from tests.rig.agent import Agent
from tests.rig.broker import Mosquitto
from tests.rig.clients import Publisher, Subscriber
from tests.rig.rhythm import again_and_again
from tests.rig.site import HEALTHY, timed
from tests.system.conftest import CHARGERS, NewAgent

STEADY, HOT = CHARGERS[:2]
FILES = ("manifest.json", "failure_predictor.onnx", "anomaly_detector.onnx")
ONE = {"charger_id": "CHG_900", "metrics": HEALTHY}


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """A copy of the shipped models."""
    folder = tmp_path / "models"
    folder.mkdir()
    for name in FILES:
        shutil.copy(MODELS_DIR / name, folder)
    return folder


@pytest.fixture
def modelled(new_agent: NewAgent, broker: Mosquitto, models: Path) -> Agent:
    """An agent that has its models in a folder of its own."""
    agent = new_agent({"models": {"dir": models}, "store": {"commit_s": 0.2}}).start()
    broker.wait_for_agent()
    return agent


def rename(models: Path, model: str, version: str) -> None:
    """Give a model another version, so that a swap shows."""
    manifest = json.loads((models / "manifest.json").read_text())
    manifest["models"][model]["version"] = version
    fresh = models / "fresh.json"
    fresh.write_text(json.dumps(manifest))
    fresh.replace(models / "manifest.json")


def entries(agent: Agent) -> dict[str, dict[str, Any]]:
    with agent.client() as client:
        return {model["name"]: model for model in client.get("/api/v1/models").json()["models"]}


def prediction(agent: Agent) -> dict[str, Any]:
    with agent.client() as client:
        answer: dict[str, Any] = client.post("/api/v1/predictions/failure", json=ONE).json()
    return answer


@pytest.mark.parametrize("damage", ["other bytes", "no file", "no manifest", "a manifest that is none"])
def test_a_damaged_file_is_refused_and_the_running_model_stays(
    modelled: Agent, models: Path, damage: str
) -> None:
    before = prediction(modelled)
    file = models / "failure_predictor.onnx"
    if damage == "other bytes":
        file.write_bytes(file.read_bytes()[:-100] + b"\0" * 100)
    elif damage == "no file":
        file.unlink()
    elif damage == "no manifest":
        (models / "manifest.json").unlink()
    else:
        (models / "manifest.json").write_text("{")
    with modelled.client("admin") as client:
        answer = client.post("/api/v1/models/reload?model_name=failure_predictor")
    assert answer.status_code == 409
    assert answer.headers["content-type"] == "application/problem+json"
    assert "running model stays" in answer.json()["detail"]
    assert str(models) not in answer.text  # no path goes out
    assert {**prediction(modelled), "timestamp": None} == {**before, "timestamp": None}
    assert entries(modelled)["failure_predictor"]["status"] == "ERROR"
    assert modelled.health()["status"] == "degraded"

    for name in FILES:
        shutil.copy(MODELS_DIR / name, models)
    with modelled.client("admin") as client:
        assert client.post("/api/v1/models/reload").status_code == 200
    assert entries(modelled)["failure_predictor"]["status"] == "LOADED"
    assert modelled.health()["status"] == "healthy"


def test_without_models_the_rules_judge_and_health_says_so(
    new_agent: NewAgent, broker: Mosquitto, publisher: Publisher, subscriber: Subscriber, models: Path
) -> None:
    for name in FILES:
        (models / name).unlink()
    agent = new_agent({"models": {"dir": models}}).start()
    broker.wait_for_agent()
    health = agent.health()
    assert health["status"] == "degraded"
    assert health["checks"]["models"]["status"] == "fallback"
    assert {name: model["status"] for name, model in entries(agent).items()} == {
        "failure_predictor": "FALLBACK",
        "anomaly_detector": "FALLBACK",
        "maintenance_optimizer": "LOADED",
    }
    assert (prediction(agent)["engine"], prediction(agent)["calibrated"]) == ("rules", False)
    subscriber.ready()
    publisher.publish(HOT, {**HEALTHY, "temperature": 70.0})
    alert = subscriber.wait_for_alert(HOT, "OVER_TEMPERATURE", "OPEN")
    assert alert["severity"] == "CRITICAL"

    for name in FILES:
        shutil.copy(MODELS_DIR / name, models)
    with agent.client("admin") as client:
        assert client.post("/api/v1/models/reload").status_code == 200
    assert prediction(agent)["engine"] == "onnx"
    assert agent.health()["status"] == "healthy"


def test_a_swap_under_load_loses_no_reading_and_no_answer(
    modelled: Agent, models: Path, publisher: Publisher, subscriber: Subscriber
) -> None:
    versions = set()

    def ask() -> None:
        answer = prediction(modelled)
        assert answer["engine"] == "onnx"
        versions.add(answer["model_version"])

    with (
        modelled.client("admin") as client,
        again_and_again(0.003, lambda: publisher.publish(STEADY, timed({**HEALTHY, "connector_id": 1}))),
        again_and_again(0.02, ask),
    ):
        for number in range(10):
            rename(models, "failure_predictor", f"swap-{number}")
            swapped = client.post("/api/v1/models/reload?model_name=failure_predictor")
            assert swapped.status_code == 200, swapped.text
            assert swapped.json()["version"] == f"swap-{number}"
            assert entries(modelled)["failure_predictor"]["version"] == f"swap-{number}"
    sent = len(publisher.acknowledged())
    assert "swap-9" in versions or prediction(modelled)["model_version"] == "swap-9"
    subscriber.ready()
    publisher.publish(HOT, timed({**HEALTHY, "temperature": 70.0}))
    alert = subscriber.wait_for_alert(HOT, "OVER_TEMPERATURE", "OPEN")
    assert alert["evidence"]["failure_model"] == "swap-9"
    assert modelled.terminate() == 0
    assert modelled.rows("SELECT count(*) FROM readings") == [(sent + 1,)]
