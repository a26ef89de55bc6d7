from __future__ import annotations

import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from queue import Queue

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from edge_agent.simulator import publisher
from edge_agent.simulator.voices import Message

START = datetime(2025, 3, 1, tzinfo=UTC)
MOSQUITTO = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
pytestmark = pytest.mark.skipif(
    MOSQUITTO is None and "CI" not in os.environ, reason="mosquitto is not installed"
)


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    """A real broker on a free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        free: int = probe.getsockname()[1]
    configuration = tmp_path / "mosquitto.conf"
    configuration.write_text(f"listener {free} 127.0.0.1\nallow_anonymous true\nlog_dest stderr\n")
    command = [str(MOSQUITTO), "-c", str(configuration), "-v"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as broker:
        assert broker.stderr is not None
        for line in broker.stderr:
            if "running" in line:
                break
        drain = threading.Thread(target=broker.stderr.read)
        drain.start()
        yield free
        broker.terminate()
        drain.join()


@pytest.fixture
def heard(port: int) -> Iterator[Queue[mqtt.MQTTMessage]]:
    """What a subscriber to everything gets."""
    queue: Queue[mqtt.MQTTMessage] = Queue()
    ready = threading.Event()
    client = mqtt.Client(CallbackAPIVersion.VERSION2)
    client.on_message = lambda _client, _userdata, message: queue.put(message)
    client.on_subscribe = lambda *_: ready.set()
    client.connect("127.0.0.1", port)
    client.subscribe("#", qos=1)
    client.loop_start()
    assert ready.wait(10)
    yield queue
    client.disconnect()
    client.loop_stop()


def messages(count: int, apart_s: float) -> list[Message]:
    return [
        Message("CHG_001", "metrics", str(number).encode(), START + timedelta(seconds=number * apart_s))
        for number in range(count)
    ]


def test_all_messages_arrive_in_order_on_the_topic_of_their_charger(
    port: int, heard: Queue[mqtt.MQTTMessage]
) -> None:
    sent = publisher.run(
        messages(1000, 0.001), host="127.0.0.1", port=port, prefix="a/b", speed=1000, stop=threading.Event()
    )
    got = [heard.get(timeout=10) for _ in range(1000)]
    assert sent == 1000
    assert [int(message.payload) for message in got] == list(range(1000))
    assert {message.topic for message in got} == {"a/b/chargers/CHG_001/metrics"}


def test_it_stops_at_once_when_told_although_the_next_message_is_far_off(
    port: int, heard: Queue[mqtt.MQTTMessage]
) -> None:
    stop, sent = threading.Event(), Queue[int]()
    thread = threading.Thread(
        target=lambda: sent.put(
            publisher.run(messages(2, 3600), host="127.0.0.1", port=port, prefix="p", speed=1, stop=stop)
        )
    )
    thread.start()
    assert heard.get(timeout=10).payload == b"0"
    stop.set()
    thread.join(10)
    assert not thread.is_alive()
    assert sent.get_nowait() == 1


def test_a_broker_that_is_not_there_is_an_error() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        closed: int = probe.getsockname()[1]
    with pytest.raises(OSError, match="refused"):
        publisher.run([], host="127.0.0.1", port=closed, prefix="p", speed=1, stop=threading.Event())
