"""The agent opens no socket but those it was told to: none to report home, none to look up a name."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.rig.agent import Agent
from tests.rig.broker import Mosquitto, missing, tool
from tests.rig.clients import Publisher, Subscriber
from tests.rig.site import HEALTHY
from tests.rig.waiting import DEADLINE_S, HOST
from tests.system.conftest import CHARGERS, NewAgent

HOT = CHARGERS[0]
CALL = re.compile(r"^\d+ +(?P<name>socket|socketpair|connect|bind|sendto|sendmsg|sendmmsg)\((?P<rest>.*)$")
PORT = re.compile(r"sin6?_port=htons\((\d+)\)")
ADDRESS = re.compile(r'inet_addr\("([^"]+)"\)|inet_pton\(AF_INET6, "([^"]+)"')
FAMILY = re.compile(r"AF_\w+")


AIMED = ("connect", "bind", "sendto", "sendmsg", "sendmmsg")
ANY_PORT = ("0.0.0.0", 0)
"""What paho binds its connection to the broker to, before it connects it."""


class Call(NamedTuple):
    """One system call that makes, ties or aims a socket."""

    name: str
    family: str
    address: str | None
    port: int | None


def calls_in(trace: Path) -> list[Call]:
    """Return the calls of a trace that say where a socket leads."""
    found = []
    for line in trace.read_text().splitlines():
        call = CALL.match(line)
        family = FAMILY.search(call["rest"]) if call else None
        if call is None or family is None:
            continue  # sent over a socket that is connected: its connect is what counts
        port, address = PORT.search(line), ADDRESS.search(line)
        found.append(
            Call(
                call["name"],
                family[0],
                (address[1] or address[2]) if address else None,
                int(port[1]) if port else None,
            )
        )
    return found


def tracing(trace: Path) -> tuple[str, ...]:
    """Return the command that writes down what the next one asks of the network."""
    strace = tool("strace")
    if subprocess.run([strace, "-f", "-o", "/dev/null", "true"], check=False, timeout=DEADLINE_S).returncode:
        missing("strace may not trace here (ptrace is forbidden)")
    return strace, "-f", "-qq", "-e", "trace=network", "-o", str(trace)


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    return tmp_path / "trace"


@pytest.fixture
def traced(new_agent: NewAgent, trace: Path) -> Agent:
    """An agent all of whose system calls about the network are written down, those of its threads too."""
    return new_agent(before=tracing(trace))


def test_no_socket_leads_anywhere_but_to_the_broker_and_the_lan(
    traced: Agent, trace: Path, broker: Mosquitto, publisher: Publisher, subscriber: Subscriber
) -> None:
    traced.start()
    broker.wait_for_agent()
    subscriber.ready()
    with traced.client("admin") as client:
        models = client.get("/api/v1/models").json()["models"]
        assert [model["status"] for model in models] == ["LOADED"] * 3
        publisher.publish(HOT, {**HEALTHY, "temperature": 70.0})
        subscriber.wait_for_alert(HOT, "OVER_TEMPERATURE", "OPEN")
        question = {"charger_id": HOT, "metrics": HEALTHY}
        assert client.post("/api/v1/predictions/failure", json=question).json()["engine"] == "onnx"
        assert client.post("/api/v1/models/reload").status_code == 200
    assert traced.terminate() == 0

    calls = calls_in(trace)
    sys.stdout.write(json.dumps(Counter(map(str, calls)), indent=1))
    assert {call.family for call in calls} == {"AF_INET", "AF_UNIX"}
    reached = {
        name: {call[2:] for call in calls if call.name == name and call.family == "AF_INET"} for name in AIMED
    }
    assert reached.pop("connect") == {(HOST, broker.port)}
    assert reached.pop("bind") == {(HOST, traced.port), ANY_PORT}
    assert set().union(*reached.values()) == set()
    # One socket listens; the other one of the internet is the connection to the broker.
    assert len(set(re.findall(r" listen\((\d+),", trace.read_text()))) == 1
    assert sum(call.name == "socket" for call in calls) == 2
    # Pairs by which a loop is woken, and nothing with a name.
    assert {call.name for call in calls if call.family == "AF_UNIX"} == {"socketpair"}


def test_the_trace_shows_what_would_leave_the_machine(trace: Path) -> None:
    """The control: the same trace of a process that asks somebody else does tell."""
    asks = "import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'who', ('127.0.0.1', 9))"
    command = [*tracing(trace), sys.executable, "-W", "ignore", "-c", asks]
    subprocess.run(command, check=True, timeout=DEADLINE_S)
    assert Call("sendto", "AF_INET", HOST, 9) in calls_in(trace)


ASK = """
import json, sys, httpx
url, key = sys.argv[1:]
asked = {"charger_id": "CHG_000", "metrics": {"connector_status": "CHARGING", "temperature": 30.0}}
answer = httpx.post(f"{url}/api/v1/predictions/failure", json=asked, headers={"X-API-Key": key}, timeout=60)
print(json.dumps([httpx.get(f"{url}/api/v1/health", timeout=60).json(), answer.json()]))
"""


def test_where_there_is_no_network_at_all_the_agent_starts_and_answers(new_agent: NewAgent) -> None:
    """In a network namespace with nothing but loopback: whatever else was needed would fail there."""
    unshare, nsenter, ip = tool("unshare"), tool("nsenter"), tool("ip")
    if subprocess.run(
        [unshare, "-n", "true"], check=False, capture_output=True, timeout=DEADLINE_S
    ).returncode:
        missing("a network namespace needs root")
    agent = new_agent(before=(unshare, "-n", "sh", "-c", f'{ip} link set lo up && exec "$@"', "sh"))
    key = agent.key("viewer")
    agent.start(wait=False).wait_for_log("starting")
    told = subprocess.run(
        [nsenter, f"--net=/proc/{agent.pid}/ns/net", sys.executable, "-c", ASK, agent.url, key],
        check=True,
        capture_output=True,
        text=True,
        timeout=2 * DEADLINE_S,
    )
    health, answer = json.loads(told.stdout)
    assert health["checks"]["models"]["status"] == "loaded"
    assert health["checks"]["broker"]["status"] == "degraded"
    assert answer["engine"] == "onnx"
    assert agent.terminate() == 0
