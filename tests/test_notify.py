"""What systemd is told, over a real socket of its kind."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_agent.notify import ServiceManager


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    """The end that systemd has."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard:
        heard.bind(str(tmp_path / "notify"))
        heard.settimeout(5.0)
        yield heard


def test_each_message_is_one_datagram(manager: socket.socket) -> None:
    telling = ServiceManager({"NOTIFY_SOCKET": manager.getsockname()})
    telling.ready()
    telling.alive()
    telling.status("20 chargers")
    telling.stopping()
    told = [manager.recv(100).decode() for _ in range(4)]
    assert told == ["READY=1", "WATCHDOG=1", "STATUS=20 chargers", "STOPPING=1"]


def test_an_abstract_socket_is_told_too() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard:
        heard.bind("\0edge-agent-test-notify")
        heard.settimeout(5.0)
        ServiceManager({"NOTIFY_SOCKET": "@edge-agent-test-notify"}).ready()
        assert heard.recv(100) == b"READY=1"


@pytest.mark.parametrize("environment", [{}, {"NOTIFY_SOCKET": "/nowhere/notify"}])
def test_where_nobody_listens_nothing_happens(environment: dict[str, str]) -> None:
    ServiceManager(environment).ready()
