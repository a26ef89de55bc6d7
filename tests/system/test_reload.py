"""The real daemon reads its configuration again: what it then does, and that it loses nothing by it."""

from __future__ import annotations

import os
import signal
import socket
from pathlib import Path
from typing import Any

import pytest

from tests.rig.agent import Agent
from tests.rig.broker import AGENT, Mosquitto
from tests.rig.clients import Publisher, Subscriber
from tests.rig.site import HEALTHY, timed
from tests.rig.waiting import DEADLINE_S
from tests.system.conftest import CHARGERS, NewAgent

READING = {**HEALTHY, "connector_id": 1}
ONE, OTHER = CHARGERS[:2]


def reload(agent: Agent, *, event: str = "reloaded") -> dict[str, Any]:
    """Send SIGHUP and return the log's line that tells what came of it."""
    since = agent.log.mark()
    os.kill(agent.pid, signal.SIGHUP)
    return agent.wait_for_log(event, after=since)


def edit(agent: Agent, before: str, after: str) -> None:
    text = agent.config.read_text()
    assert before in text
    agent.config.write_text(text.replace(before, after))


@pytest.fixture
def agent(new_agent: NewAgent, broker: Mosquitto) -> Agent:
    started = new_agent({"maintenance": {"labour_cost": 120.0}}).start()
    broker.wait_for_agent()
    return started


def cost(agent: Agent) -> float:
    """Return what prevention costs, as an answer has it."""
    with agent.client() as client:
        body = {"charger_id": ONE, "metrics": HEALTHY}
        answer = client.post("/api/v1/predictions/maintenance", json=body).raise_for_status().json()
        return float(answer["cost_benefit"]["preventive_maintenance_cost"])


def label(agent: Agent) -> str | None:
    with agent.client() as client:
        (item,) = client.get("/api/v1/chargers").raise_for_status().json()["items"]
        return item["label"]  # type: ignore[no-any-return]


def fault(publisher: Publisher, subscriber: Subscriber) -> None:
    """Let a charger be faulty and return once its alert is there: all before it is kept by then."""
    publisher.publish(ONE, timed({**READING, "connector_status": "FAULTY"}))
    subscriber.wait_for_alert(ONE, "CHARGER_FAULTED", "OPEN")


def test_costs_and_labels_hold_at_once_and_another_port_waits(
    agent: Agent, publisher: Publisher, subscriber: Subscriber
) -> None:
    fault(publisher, subscriber)
    before = cost(agent)
    edit(agent, "labour_cost = 120.0", "labour_cost = 220.0")
    edit(agent, f"port = {agent.port}", "port = 1")
    agent.config.write_text(agent.config.read_text() + f'[chargers.{ONE}]\nlabel = "By the door"\n')
    told = reload(agent)
    assert told["applied"] == ["chargers", "maintenance.labour_cost"]
    assert told["waiting"] == ["web.port"]
    assert cost(agent) == before + 100
    assert label(agent) == "By the door"


def test_a_faulty_file_changes_nothing_and_is_refused_beforehand(agent: Agent) -> None:
    before = cost(agent)
    edit(agent, "labour_cost = 120.0", "labour_cost = -1.0")
    told = reload(agent, event="not reloaded")
    assert "maintenance.labour_cost" in told["fault"]
    assert cost(agent) == before
    refused = agent.command("check", "--configuration", code=1)
    assert "maintenance.labour_cost" in refused.stderr
    edit(agent, "labour_cost = -1.0", "labour_cost = 130.0")
    agent.command("check", "--configuration")
    assert reload(agent)["applied"] == ["maintenance.labour_cost"]


def test_systemd_is_told_what_came_of_it(tmp_path: Path, new_agent: NewAgent, broker: Mosquitto) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(DEADLINE_S)
        agent = new_agent(before=("env", f"NOTIFY_SOCKET={manager.getsockname()}")).start()
        broker.wait_for_agent()
        while manager.recv(500) != b"READY=1":
            pass
        reload(agent)
        told = [manager.recv(500).decode()]
        while not told[-1].startswith("STATUS="):
            told.append(manager.recv(500).decode())
        assert told[-3].startswith("RELOADING=1\nMONOTONIC_USEC=")
        assert told[-2:] == ["READY=1", "STATUS=no setting has changed"]


def test_the_brokers_password_is_changed_under_it_and_no_message_is_lost(
    agent: Agent, broker: Mosquitto, publisher: Publisher, subscriber: Subscriber
) -> None:
    (agent.folder / "password").write_text("another\n")
    assert reload(agent)["applied"] == []
    since = broker.log.mark()
    publisher.publish(OTHER, timed(READING))
    broker.change_password(AGENT, "another")
    for _ in range(20):
        publisher.publish(OTHER, timed(READING))
    broker.wait_for_agent(after=since)
    publisher.acknowledged()
    fault(publisher, subscriber)
    assert agent.rows(f"SELECT count(*) FROM readings WHERE charger_id = '{OTHER}'") == [(21,)]
