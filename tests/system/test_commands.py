"""What an operator types, beside and against the running agent."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from threading import Thread

import httpx
import pytest

from edge_agent import __version__
from tests.fixtures.convert_ocpp16_log import LOG, replay_lines
from tests.fixtures.convert_ocpp16_log import PREFIX as LOG_PREFIX
from tests.rig.agent import Agent
from tests.rig.broker import PREFIX, Mosquitto
from tests.rig.clients import Publisher, Subscriber
from tests.rig.site import HEALTHY, timed
from tests.system.conftest import CHARGERS, NewAgent

HOT, COOL = CHARGERS[:2]


# keys


def test_a_key_is_made_used_listed_and_dies_at_once_when_it_is_revoked(shared_agent: Agent) -> None:
    made = shared_agent.command("keys", "add", "viewer", "--label", "the screen in the hall").stdout
    key_id, key = made.split()[1], made.splitlines()[-1].strip()
    with httpx.Client(base_url=shared_agent.url, headers={"X-API-Key": key}, timeout=60) as client:
        assert client.get("/api/v1/chargers").status_code == 200
        listed = shared_agent.command("keys", "list").stdout
        assert key not in listed
        assert key not in (shared_agent.folder / "keys.json").read_text()
        (line,) = [line for line in listed.splitlines() if line.startswith(key_id)]
        assert "viewer" in line
        assert "the screen in the hall" in line
        assert shared_agent.command("keys", "revoke", key_id).stdout == f"key {key_id} is revoked\n"
        assert client.get("/api/v1/chargers").status_code == 401
    assert key_id not in shared_agent.command("keys", "list").stdout
    assert f"no key {key_id}" in shared_agent.command("keys", "revoke", key_id, code=1).stdout


def test_a_role_may_do_no_more_than_its_own_work(shared_agent: Agent) -> None:
    may = {}
    for role in ("viewer", "technician", "admin"):
        with shared_agent.client(role) as client:
            ack = client.post("/api/v1/alerts/none/ack", json={"by": "AB"}).status_code
            reload = client.post("/api/v1/models/reload?model_name=maintenance_optimizer").status_code
            may[role] = (ack, reload)
    assert may == {"viewer": (403, 403), "technician": (404, 403), "admin": (404, 200)}


# check


def lines_of(agent: Agent, code: int) -> dict[str, str]:
    """Return what `check` says of each thing, where it exits so."""
    told = agent.command("check", code=code).stdout
    return {line.split()[1]: line for line in told.splitlines()}


def test_check_finds_everything_in_order_and_exits_0(agent: Agent) -> None:
    agent.key("viewer")
    told = lines_of(agent, 0)
    assert {"configuration", "store", "models", "certificates", "broker", "clock"} <= set(told)
    assert all(line.startswith("ok ") for line in told.values())
    assert agent.health()["status"] == "healthy"


def test_check_finds_every_fault_at_once_and_exits_1(agent: Agent, broker: Mosquitto, tmp_path: Path) -> None:
    assert agent.terminate() == 0
    broker.stop()
    agent.store.write_bytes(b"garbage" * 1000)
    text = agent.config.read_text().replace(
        "[store]\n", f'[models]\ndir = "{tmp_path}/none"\n[store]\nmax_byte = 1\n'
    )
    agent.config.write_text(text)
    told = lines_of(agent, 1)
    faults = {name for name, line in told.items() if line.startswith("FAULT")}
    assert faults >= {"configuration", "store", "models", "keys", "broker"}
    assert "did you mean 'max_bytes'?" in told["configuration"]
    assert "manifest.json" in told["models"]


def test_check_reports_all_faults_of_a_configuration(agent: Agent) -> None:
    text = agent.config.read_text()
    agent.config.write_text(
        text.replace('site_id = "site-001"\n', "").replace(
            "[web]\n", '[maintenance]\ntime_zone = "Mars/Base"\n[web]\nrate_limit = -1\n'
        )
    )
    told = agent.command("check", code=1).stdout
    for named in ("site_id", "maintenance.time_zone", "web.rate_limit"):
        assert named in told
    refused = agent.command("run", code=1).stderr
    assert refused.count("edge-agent: ") == 3
    assert "Traceback" not in refused


def test_a_wrong_password_is_found_by_check(agent: Agent) -> None:
    (agent.folder / "password").write_text("wrong\n")
    assert "FAULT" in lines_of(agent, 1)["broker"]
    assert agent.health()["status"] == "healthy"  # the running one is not disturbed


def test_whether_the_daemon_serves_is_asked_of_itself_wherever_it_listens(
    agent: Agent,
) -> None:
    assert f":{agent.port}" in agent.command("check", "--daemon").stdout
    assert agent.terminate() == 0
    told = agent.command("check", "--daemon", code=1).stderr
    assert "the daemon does not serve" in told
    assert "Traceback" not in told


# status


def test_status_shows_chargers_and_alerts_of_the_running_agent(
    agent: Agent, publisher: Publisher, subscriber: Subscriber
) -> None:
    subscriber.ready()
    publisher.publish(COOL, HEALTHY)
    publisher.publish(HOT, {**HEALTHY, "temperature": 70.0})
    subscriber.wait_for_alert(HOT, "OVER_TEMPERATURE", "OPEN")
    told = agent.command("status").stdout
    assert any(line.startswith(HOT) and "AVAILABLE" in line and "70 °C" in line for line in told.splitlines())
    assert any(line.startswith(COOL) for line in told.splitlines())
    assert any(line.startswith("OVER_TEMPERATURE") and HOT in line for line in told.splitlines())
    assert agent.health()["status"] == "healthy"


def test_status_before_the_first_start_says_what_to_do(new_agent: NewAgent) -> None:
    done = new_agent().command("status", code=1)
    assert "edge-agent run" in done.stdout + done.stderr


# replay


def small_log(folder: Path) -> Path:
    """A log of two chargers, with lines that nobody can read."""
    lines: list[object] = []
    for number in range(200):
        at = f"2025-06-01T{number // 60:02}:{number % 60:02}:00Z"
        hot = 20.0 + (number % 50)
        reading = {**HEALTHY, "connector_id": 1, "temperature": hot}
        lines.append({"topic": f"{PREFIX}/chargers/{HOT}/metrics", "payload": reading, "at": at})
        lines.append({"topic": f"{PREFIX}/chargers/{COOL}/metrics", "payload": json.dumps(HEALTHY), "at": at})
    lines[7:7] = [
        {"topic": f"{PREFIX}/chargers/{HOT}/metrics", "payload": "not JSON", "at": "2025-06-01T00:03:00Z"},
        {"topic": "elsewhere", "payload": {}, "at": "2025-06-01T00:03:00Z"},
        {"topic": f"{PREFIX}/chargers/{HOT}/metrics", "payload": {}},
        ["no", "object"],
    ]
    log = folder / "log.jsonl"
    log.write_text("".join(json.dumps(line) + "\n" for line in lines) + "this is no JSON\n\n")
    return log


def test_the_same_log_replayed_twice_gives_the_same_bytes(new_agent: NewAgent, tmp_path: Path) -> None:
    agent, log = new_agent(), small_log(tmp_path)
    first, second = (agent.command("replay", str(log)) for _ in range(2))
    assert first.stdout == second.stdout
    assert first.stderr == second.stderr
    outcomes = [json.loads(line) for line in first.stdout.splitlines()]
    told = Counter(outcome["outcome"] for outcome in outcomes)
    assert told["alert"] >= 10
    assert told["rejected"] == 5
    assert told["failure"] > 0
    assert told["anomaly"] > 0
    assert not agent.store.exists()


def test_a_log_that_is_not_there_or_empty_is_a_clear_error(new_agent: NewAgent, tmp_path: Path) -> None:
    agent, empty = new_agent(), tmp_path / "empty.jsonl"
    empty.touch()
    for log in (empty, tmp_path / "absent.jsonl"):
        done = agent.command("replay", str(log), code=1)
        assert done.stdout == ""
        assert done.stderr
        assert "Traceback" not in done.stderr


@pytest.mark.skipif(not LOG.exists(), reason=f"the shared data is not there: {LOG}")
def test_every_frame_of_a_third_partys_log_is_accounted_for_and_twice_gives_the_same_bytes(
    new_agent: NewAgent, tmp_path: Path
) -> None:
    agent, log, frames = new_agent(), tmp_path / "ocpp16.jsonl", 0
    with log.open("w") as file:
        for line in replay_lines():
            file.write(json.dumps(line) + "\n")
            frames += 1
    first, second = (agent.command("replay", str(log), "--prefix", LOG_PREFIX) for _ in range(2))
    assert first.stdout == second.stdout
    outcomes = [json.loads(line) for line in first.stdout.splitlines()]
    assert first.stderr.startswith(f"{frames} messages: ")
    assert [outcome for outcome in outcomes if outcome["outcome"] == "rejected"] == []
    faults = [o for o in outcomes if o["outcome"] == "alert" and o["alert_type"] == "CHARGER_FAULTED"]
    assert faults
    assert all("ConnectorLockFailure" in fault["message"] for fault in faults)


# the rest


def test_the_version_is_told_without_a_configuration(new_agent: NewAgent) -> None:
    assert new_agent().command("--version").stdout.strip() == f"edge-agent {__version__}"


def test_a_port_that_is_taken_is_a_clear_error(agent: Agent, new_agent: NewAgent, tmp_path: Path) -> None:
    second = new_agent({"web": {"port": agent.port}, "store": {"path": tmp_path / "other.sqlite"}})
    done = second.command("run", code=1)
    told = done.stdout + done.stderr
    assert f"cannot listen on 127.0.0.1:{agent.port}" in told
    assert "Traceback" not in told


def test_what_arrives_is_recorded_without_names_and_replayed(
    agent: Agent, publisher: Publisher, tmp_path: Path
) -> None:
    file = tmp_path / "recorded.jsonl"
    recording = Thread(target=agent.command, args=("record", str(file), "--minutes", "0.1"))
    recording.start()
    while recording.is_alive():
        publisher.publish(CHARGERS[0], timed({**HEALTHY, "connector_id": 1, "metadata": {"idTag": "PERSON"}}))
    recording.join()
    text = file.read_text()
    assert CHARGERS[0] not in text
    assert "PERSON" not in text
    assert "site-001" not in text
    lines = [json.loads(line) for line in text.splitlines()]
    assert len(lines) > 10
    assert {line["topic"].split("/")[2] for line in lines} == {"site"}
    replayed = agent.command("replay", str(file))
    assert f"{len(lines)} messages" in replayed.stderr
    assert "rejected" not in replayed.stdout
    assert "evz_" not in agent.command("keys", "list").stdout
    assert "edge-agent record" not in agent.command("keys", "list").stdout


def test_a_recording_is_never_written_over_another_file(agent: Agent, tmp_path: Path) -> None:
    file = tmp_path / "precious"
    file.write_text("mine")
    refused = agent.command("record", str(file), code=1)
    assert "exists already" in refused.stderr
    assert file.read_text() == "mine"


def test_without_an_agent_a_recording_says_what_is_missing(new_agent: NewAgent, tmp_path: Path) -> None:
    agent = new_agent()
    assert "is `edge-agent run` running?" in agent.command("record", str(tmp_path / "r"), code=1).stderr


def test_check_shows_what_a_sample_message_would_become(new_agent: NewAgent, tmp_path: Path) -> None:
    agent = new_agent()
    agent.config.write_text(
        agent.config.read_text()
        + '[sources.mapped.depot]\ntopic = "depot/{charger_id}"\n'
        + 'fields = { power = { at = "/p", unit = "W" } }\n'
    )
    sample = tmp_path / "sample.json"
    sample.write_text('{"p": 7200}')
    told = agent.command("check", "--topic", "depot/CP1", "--payload", str(sample)).stdout
    assert told == 'reading   CP1 1  {"power": 7.2}\n'
    refused = agent.command("check", "--topic", "elsewhere/CP1", "--payload", str(sample), code=1)
    assert "none that the agent reads" in refused.stdout
