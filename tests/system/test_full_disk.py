"""Where nothing can be kept the agent still watches; where a file is broken it begins anew."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.rig.agent import Agent
from tests.rig.broker import Mosquitto, missing, tool
from tests.rig.clients import Publisher, Subscriber
from tests.rig.rhythm import again_and_again
from tests.rig.site import HEALTHY, timed
from tests.rig.waiting import DEADLINE_S
from tests.system.conftest import CHARGERS, NewAgent

STEADY, BEFORE, DURING, AFTER, LAST = CHARGERS[:5]
HOT = {**HEALTHY, "connector_id": 1, "temperature": 70.0}
GARBAGE = b"this was a database once" * 1000


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, of a few megabytes."""
    if os.geteuid() != 0:
        missing("a small file system can be mounted by root only")
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        [tool("mount"), "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(disk)], check=False, timeout=DEADLINE_S
    )
    if mounted.returncode != 0:
        missing("a small file system may not be mounted here")
    yield disk
    subprocess.run([tool("umount"), "--lazy", str(disk)], check=True, timeout=DEADLINE_S)


def fill(disk: Path) -> Path:
    """Take all the room there is, and return the file that has it."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        for size in (2**16, 2**12, 1):
            try:
                while file.write(b"\0" * size):
                    pass
            except OSError:
                continue
    return ballast


def test_on_a_full_disk_the_agent_goes_watch_only_and_tells_the_gap_once_there_is_room(
    small_disk: Path, new_agent: NewAgent, broker: Mosquitto, publisher: Publisher, subscriber: Subscriber
) -> None:
    agent = new_agent({"store": {"path": small_disk / "store.sqlite", "commit_s": 0.5}}).start()
    broker.wait_for_agent()
    subscriber.ready()
    publisher.publish(BEFORE, HOT)
    subscriber.wait_for_alert(BEFORE, "OVER_TEMPERATURE", "OPEN")

    ballast = fill(small_disk)
    with again_and_again(0.01, lambda: publisher.publish(STEADY, {**HEALTHY, "connector_id": 1})):
        agent.wait_for_log("watch-only until the store works again")
        publisher.publish(DURING, HOT)
        subscriber.wait_for_alert(DURING, "OVER_TEMPERATURE", "OPEN")
        health = agent.health()
        assert health["status"] == "degraded"
        assert health["checks"]["store"]["status"] == "degraded"
        ballast.unlink()
        publisher.publish(AFTER, HOT)
        subscriber.wait_for_alert(AFTER, "OVER_TEMPERATURE", "OPEN")
    publisher.acknowledged()
    publisher.publish(LAST, HOT)  # the broker hands it on behind all the others
    subscriber.wait_for_alert(LAST, "OVER_TEMPERATURE", "OPEN")
    sent = publisher.acknowledged()
    assert agent.terminate() == 0

    gaps = [
        json.loads(payload)
        for (payload,) in agent.rows("SELECT payload FROM outbox_alerts WHERE type = 'gap'")
    ]
    assert len(gaps) == 1
    ((kept,),) = agent.rows("SELECT count(*) FROM readings")
    assert kept + gaps[0]["readings"] == len(sent)
    kept_of = dict(agent.rows("SELECT charger_id, count(*) FROM readings GROUP BY 1"))
    assert kept_of[BEFORE] == kept_of[AFTER] == kept_of[LAST] == 1
    assert kept_of[STEADY] > 0
    # The alert that arose while nothing could be kept is known after a restart nevertheless.
    alerts = {
        json.loads(text)["charger_id"]
        for (text,) in agent.rows("SELECT payload FROM outbox_alerts WHERE type = 'alert'")
    }
    assert alerts == {BEFORE, DURING, AFTER, LAST}
    _nothing_is_owed(agent, broker, subscriber)


def _nothing_is_owed(agent: Agent, broker: Mosquitto, subscriber: Subscriber) -> None:
    """A restarted agent gets nothing again: all was acknowledged, that which could not be kept too."""
    ((kept,),) = agent.rows("SELECT count(*) FROM readings")
    since, heard = broker.log.mark(), subscriber.heard.mark()
    agent.start()
    broker.wait_for_agent(since)
    subscriber.wait_for_alert(DURING, "OVER_TEMPERATURE", "OPEN", heard)
    assert agent.terminate() == 0
    assert agent.rows("SELECT count(*) FROM readings") == [(kept,)]


def test_a_store_that_is_garbage_is_set_aside_and_a_new_one_begun(
    new_agent: NewAgent, broker: Mosquitto, publisher: Publisher, subscriber: Subscriber
) -> None:
    agent = new_agent()
    agent.store.write_bytes(GARBAGE)
    agent.start()
    broker.wait_for_agent()
    subscriber.ready()
    publisher.publish(BEFORE, HOT)
    subscriber.wait_for_alert(BEFORE, "OVER_TEMPERATURE", "OPEN")
    assert agent.terminate() == 0
    (aside,) = agent.folder.glob("store.sqlite.corrupt-*")
    assert aside.read_bytes() == GARBAGE
    assert agent.rows("SELECT charger_id FROM readings") == [(BEFORE,)]
    assert "corrupt" in agent.text()  # it says so, and where the old one is


def test_a_store_that_was_damaged_in_the_middle_does_not_keep_the_agent_from_starting(
    agent: Agent, broker: Mosquitto, publisher: Publisher, subscriber: Subscriber
) -> None:
    for _ in range(2000):
        publisher.publish(STEADY, {**HEALTHY, "connector_id": 1})
    publisher.acknowledged()
    subscriber.ready()
    publisher.publish(BEFORE, HOT)
    subscriber.wait_for_alert(BEFORE, "OVER_TEMPERATURE", "OPEN")
    assert agent.terminate() == 0
    damaged = bytearray(agent.store.read_bytes())
    for page in range(4096, len(damaged) - 4096, 4096):
        damaged[page : page + 2048] = b"\xa5" * 2048
    agent.store.write_bytes(damaged)

    since, heard = broker.log.mark(), subscriber.heard.mark()
    agent.start()
    broker.wait_for_agent(since)
    publisher.publish(AFTER, timed(HOT))
    subscriber.wait_for_alert(AFTER, "OVER_TEMPERATURE", "OPEN", heard)
    assert list(agent.folder.glob("store.sqlite.corrupt-*"))


def test_a_directory_that_cannot_be_written_to_is_a_clear_error(new_agent: NewAgent, tmp_path: Path) -> None:
    in_the_way = tmp_path / "a file"
    in_the_way.write_text("not a directory")
    agent = new_agent({"store": {"path": in_the_way / "store.sqlite"}})
    agent.start(wait=False)
    assert agent.wait_until_ended() == 1
    (line,) = [line["text"] for line in agent.log.entries() if "text" in line]
    assert line.startswith("edge-agent: the store's directory")
    assert "store.path" in line


def test_a_read_only_file_system_is_a_clear_error(small_disk: Path, new_agent: NewAgent) -> None:
    remount = [tool("mount"), "-o", "remount,ro", str(small_disk)]
    subprocess.run(remount, check=True, timeout=DEADLINE_S)
    agent = new_agent({"store": {"path": small_disk / "store.sqlite"}})
    agent.start(wait=False)
    assert agent.wait_until_ended() == 1
    assert "cannot be written to (Read-only file system)" in agent.text()
    assert "Traceback" not in agent.text()


def test_a_second_agent_on_the_same_store_says_that_it_is_in_use(agent: Agent, new_agent: NewAgent) -> None:
    second = new_agent()
    second.start(wait=False)
    assert second.wait_until_ended() == 1
    assert "in use by another process" in second.text() or "cannot listen" in second.text()
    assert agent.health()["status"] == "healthy"
