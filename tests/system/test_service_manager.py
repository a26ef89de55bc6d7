"""The daemon under a service manager: ready when it serves, alive while it works, stopping when it ends."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.rig.waiting import DEADLINE_S
from tests.system.conftest import NewAgent


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard:
        heard.bind(str(tmp_path / "notify"))
        heard.settimeout(DEADLINE_S)
        yield heard


def hear_all(manager: socket.socket) -> None:
    """Hear until nothing comes any more. Raises TimeoutError then."""
    while True:
        manager.recv(200)


@pytest.mark.usefixtures("broker")
def test_it_is_ready_when_it_serves_and_alive_while_it_works(
    manager: socket.socket, new_agent: NewAgent
) -> None:
    agent = new_agent(before=("env", f"NOTIFY_SOCKET={manager.getsockname()}"))
    agent.start(wait=False)
    told = []
    while "READY=1" not in told:
        told.append(manager.recv(200).decode())
    assert httpx.get(f"{agent.url}/health", timeout=DEADLINE_S).status_code == 200
    assert manager.recv(200) == b"WATCHDOG=1"
    agent.terminate()
    while told[-1] != "STOPPING=1":
        told.append(manager.recv(200).decode())


@pytest.mark.usefixtures("broker")
def test_what_is_frozen_is_not_said_to_live(manager: socket.socket, new_agent: NewAgent) -> None:
    agent = new_agent(before=("env", f"NOTIFY_SOCKET={manager.getsockname()}")).start()
    while manager.recv(200) != b"READY=1":
        pass
    os.kill(agent.pid, signal.SIGSTOP)
    manager.settimeout(3.0)
    with pytest.raises(TimeoutError):
        hear_all(manager)
    os.kill(agent.pid, signal.SIGCONT)
