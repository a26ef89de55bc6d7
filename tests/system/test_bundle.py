"""What may not leave the site is put everywhere that the bundle could take it from, and looked for in it."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from tests.rig.agent import Agent
from tests.rig.broker import PASSWORD, Mosquitto
from tests.rig.clients import Publisher, Subscriber
from tests.rig.site import HEALTHY, timed
from tests.system.conftest import CHARGERS, NewAgent

CHARGER = CHARGERS[1]
TAG, EMAID, EVCCID, MAC, VIN = (
    "TAG-4711-JD",
    "DE8AACA2B3C4D5",
    "02A1B2C3D4E5",
    "02:a1:b2:c3:d4:e6",
    "WVWZZZ1JZXW000042",
)
CERTIFICATE = "-----BEGIN CERTIFICATE-----\nMIIBszCCAVmgAwIBAgIUQ\n-----END CERTIFICATE-----"
TOKEN, BASIC = "t0ken-of-the-uplink", "amFuZTpodW50ZXIyMg"
PERSON, PHONE = "Jane Doe", "0171-555-0123"
REASON = f"call Jane on {PHONE}"
PEOPLE = {
    "idTag": TAG,
    "eMAID": EMAID,
    "EVCCID": EVCCID,
    "evMac": MAC,
    "VIN": VIN,
    "certificate": CERTIFICATE,
    "Authorization": f"Basic {BASIC}",
}
WORDS = (
    TAG,
    EMAID,
    EVCCID,
    MAC,
    VIN,
    "MIIBszCCAVmgAwIBAgIUQ",
    TOKEN,
    BASIC,
    PERSON,
    "Jane",
    PHONE,
    PASSWORD,
)
HOSTS = ("hooks.example", "secret-path", "proxy.example", "proxy-password")
UPLINK = {
    "enabled": True,
    "url": "https://central.example",
    "proxy": "http://jane:proxy-password@proxy.example",
}


@pytest.fixture
def journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A journal that `journalctl` shows, with all that no log should hold."""
    file = tmp_path / "journal"
    lines = [
        {"event": "frame", **PEOPLE},
        {"event": f"refused Bearer {TOKEN}", "reason": f"{MAC} {VIN} {EMAID}"},
    ]
    file.write_text(
        "".join(f"2026-03-04 edge-agent[7]: {json.dumps(line)}\n" for line in lines) + CERTIFICATE
    )
    program = tmp_path / "bin" / "journalctl"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\ncat {file}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=":")
    return file


@pytest.fixture
def agent(new_agent: NewAgent, broker: Mosquitto, tmp_path: Path) -> Agent:
    token = tmp_path / "token"
    token.write_text(TOKEN)
    settings = {
        f"chargers.{CHARGER}": {"label": f"{PERSON}'s wallbox", "location": PERSON},
        "webhook": {"url": "https://hooks.example/secret-path"},
        "sync": {**UPLINK, "token_file": token},
    }
    running = new_agent(settings).start()
    broker.wait_for_agent()
    return running


@pytest.fixture
def spoken(agent: Agent, publisher: Publisher, subscriber: Subscriber) -> list[str]:
    """All was said that chargers and people may say; return the keys that were shown for it."""
    subscriber.ready()
    fault = {**HEALTHY, "connector_id": 1, "connector_status": "FAULTY", "metadata": PEOPLE, "vendor": VIN}
    publisher.publish(CHARGER, timed({**fault, "error_codes": [f"Fault-{EMAID}", MAC]}))
    publisher.publish(CHARGER, json.dumps({**PEOPLE, "connector_status": PEOPLE}).encode())
    publisher.publish(CHARGER, f"no JSON {PEOPLE}".encode())
    for frame in (
        [2, "1", "StartTransaction", {"connectorId": 1, "idTag": TAG, "meterStart": 0, "timestamp": VIN}],
        [2, TAG, "Nonsense", PEOPLE],
        [
            2,
            "3",
            "StatusNotification",
            {"connectorId": 1, "status": "Faulted", "errorCode": "OtherError", "info": TAG},
        ],
    ):
        publisher.publish(CHARGER, json.dumps(frame).encode(), "ocpp")
    alert = subscriber.wait_for_alert(CHARGER, "CHARGER_FAULTED", "OPEN")
    publisher.acknowledged()
    told = {"by": PERSON, "note": REASON}
    with agent.client("admin") as admin:
        admin.post(f"/api/v1/alerts/{alert['alert_id']}/ack", json=told).raise_for_status()
        done = {"verdict": "CONFIRMED", "finished_at": "2026-03-04T10:00:00Z", **told}
        admin.post(f"/api/v1/chargers/{CHARGER}/maintenance", json=done).raise_for_status()
    return [agent.key("admin"), agent.key("viewer")]


def files(held: bytes) -> dict[str, str]:
    with ZipFile(io.BytesIO(held)) as zipped:
        return {name: zipped.read(name).decode() for name in zipped.namelist()}


def check_clean(told: dict[str, str], keys: list[str], *more: str) -> None:
    for name, text in told.items():
        for word in (*WORDS, *keys, *more):
            assert word.lower() not in text.lower(), f"{word} in {name}"


def test_nothing_of_it_is_in_the_bundle_of_a_running_agent(
    agent: Agent, spoken: list[str], journal: Path, tmp_path: Path
) -> None:
    assert journal.exists()
    file = tmp_path / "bundle.zip"
    shown = agent.command("bundle", str(file)).stdout
    told = files(file.read_bytes())
    check_clean(told, spoken, *HOSTS, str(agent.folder))
    assert {
        f"{name}.json" for name in ("about", "configuration", "chargers", "alerts", "store", "health")
    } <= set(told)
    assert all(name in shown for name in told)
    assert str(file) in shown
    assert json.loads(told["health.json"])["checks"]["broker"]["status"] == "healthy"
    assert json.loads(told["alerts.json"])["items"][0]["alert_type"] == "CHARGER_FAULTED"
    assert json.loads(told["configuration.json"])["mqtt"]["port"] > 0
    assert "refused Bearer (removed)" in told["log.txt"]
    assert "broker" in told["check.txt"]


def test_nor_in_the_one_that_rest_gives(agent: Agent, spoken: list[str]) -> None:
    with agent.client("admin") as admin:
        told = files(admin.get("/api/v1/diagnostics/bundle").content)
    check_clean(told, spoken)
    assert json.loads(told["quarantine.json"])["items"]


def test_without_the_agent_it_holds_what_the_store_knows(
    agent: Agent, spoken: list[str], tmp_path: Path
) -> None:
    assert agent.terminate() == 0
    file = tmp_path / "bundle.zip"
    agent.command("bundle", str(file))
    told = files(file.read_bytes())
    check_clean(told, spoken, *HOSTS)
    assert "not to be had" in told["health.txt"]
    assert json.loads(told["chargers.json"])["items"][0]["charger_id"] == CHARGER


def test_of_a_configuration_that_cannot_be_used_the_faults_are_in_it(
    new_agent: NewAgent, tmp_path: Path
) -> None:
    agent, file = new_agent(), tmp_path / "bundle.zip"
    agent.config.write_text(f'site_id = "s"\n[mqtt]\nport = "{PERSON}"\n')
    agent.command("bundle", str(file))
    told = files(file.read_bytes())
    assert "mqtt.port" in told["configuration.txt"]
    assert PERSON not in told["configuration.txt"]


def test_it_is_never_written_over_a_file(new_agent: NewAgent, tmp_path: Path) -> None:
    file = tmp_path / "mine"
    file.write_text("mine")
    assert "exists already" in new_agent().command("bundle", str(file), code=1).stderr
    assert file.read_text() == "mine"


def test_by_default_it_is_where_temporary_files_are(
    new_agent: NewAgent, tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    new_agent().command("bundle")
    (made,) = tmp_path.glob("edge-agent-bundle-*.zip")
    assert "configuration.json" in files(made.read_bytes())
