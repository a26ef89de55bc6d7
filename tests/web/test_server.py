"""The server on a real socket: binding, limits that only a socket shows, TLS, silence."""

from __future__ import annotations

import logging
import os
import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from prometheus_client import CollectorRegistry
from starlette.applications import Starlette

from edge_agent.adapters.web.app import create_app
from edge_agent.adapters.web.keys import KeyRing, Role
from edge_agent.adapters.web.server import WebServer
from edge_agent.adapters.web.settings import WebSettings
from edge_agent.errors import ConfigError
from tests.rig.waiting import HOST
from tests.web.conftest import serving
from tests.web.desk import FakeDesk
from tests.web.records import FakeRecords

FAILURE = "/api/v1/predictions/failure"
BODY = b'{"charger_id": "A", "metrics": {"connector_status": "CHARGING"}}'


@pytest.fixture
def client(desk: FakeDesk, ring: KeyRing) -> Iterator[httpx.Client]:
    app = create_app((desk, FakeRecords(desk)), ring, WebSettings(), CollectorRegistry())
    headers = {"X-API-Key": ring.add(Role.VIEWER).key, "Content-Type": "application/json"}
    with (
        serving(app, WebSettings(port=0)) as server,
        httpx.Client(base_url=f"http://127.0.0.1:{server.port}", headers=headers) as client,
    ):
        yield client


def raw(client: httpx.Client, *parts: bytes) -> bytes:
    """Send the parts as they are and return all that comes back until the server hangs up."""
    with socket.create_connection(
        (client.base_url.host, client.base_url.port or 0), timeout=10
    ) as connection:
        for part in parts:
            connection.sendall(part)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def test_a_prediction_crosses_a_real_socket(client: httpx.Client) -> None:
    answer = client.post(FAILURE, content=BODY)
    assert answer.status_code == 200
    assert "server" not in answer.headers


def test_two_posts_with_different_metrics_never_get_each_others_answer(client: httpx.Client) -> None:
    def ask(power: int) -> float:
        question = {"charger_id": "SAME", "metrics": {"connector_status": "CHARGING", "power": power}}
        return float(client.post(FAILURE, json=question).json()["failure_probability"])

    powers = [place * 7 % 100 for place in range(400)]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ask, powers)) == [power / 100 for power in powers]


def test_nagles_algorithm_is_off(app: Starlette) -> None:
    with serving(app, WebSettings(port=0)) as server:
        # asyncio turns it off on the connections of a socket that names its protocol, and only on those.
        assert server._sockets[0].proto == socket.IPPROTO_TCP


def test_a_chunked_body_is_refused_as_soon_as_it_is_too_large(client: httpx.Client) -> None:
    sent = 0

    def endless() -> Iterator[bytes]:
        nonlocal sent
        while sent < 100 * 1024 * 1024:
            sent += 65536
            yield b" " * 65536

    answer = client.post(FAILURE, content=endless())
    assert answer.status_code == 413
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert sent < 20 * 1024 * 1024


def test_a_chunked_body_within_the_limit_is_read(client: httpx.Client) -> None:
    pieces = (BODY[place : place + 7] for place in range(0, len(BODY), 7))
    assert client.post(FAILURE, content=pieces).status_code == 200


def test_a_body_that_is_announced_too_large_is_not_read(client: httpx.Client) -> None:
    head = (
        f"POST {FAILURE} HTTP/1.1\r\nHost: x\r\nX-API-Key: {client.headers['X-API-Key']}\r\n"
        "Content-Type: application/json\r\nContent-Length: 9999999\r\n\r\n"
    )
    assert raw(client, head.encode()).startswith(b"HTTP/1.1 413 ")


def test_a_head_without_end_is_cut_off(client: httpx.Client) -> None:
    answer = raw(client, b"GET / HTTP/1.1\r\nX-Long: ", b"x" * 40_000)
    assert answer.startswith(b"HTTP/1.1 431 ")
    assert b"application/problem+json" in answer


def test_what_is_not_http_gets_a_problem_and_nothing_more(client: httpx.Client) -> None:
    answer = raw(client, b"\x16\x03\x01 hello\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"application/problem+json" in answer


def test_a_port_that_is_taken_is_told_at_once_and_with_a_remedy(app: Starlette) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=rf"127\.0\.0\.1:{port}.*change \[web\] host or port"):
            WebServer(app, WebSettings(port=port)).bind()


def test_an_address_that_is_not_ours_is_told(app: Starlette) -> None:
    with pytest.raises(ConfigError, match=r"192\.0\.2\.1:0"):
        WebServer(app, WebSettings(host="192.0.2.1", port=0)).bind()


def test_a_client_may_come_before_the_thread_has_started(app: Starlette) -> None:
    server = WebServer(app, WebSettings(port=0))
    server.bind()
    with socket.create_connection(("127.0.0.1", server.port), timeout=1):
        server.stop()
        server.run()


def test_starting_serving_and_stopping_say_nothing_on_the_log(
    app: Starlette, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with serving(app, WebSettings(port=0)) as server:
        httpx.get(f"http://127.0.0.1:{server.port}/health")
    assert [record for record in caplog.records if record.name.startswith("uvicorn")] == []


def test_a_fault_of_ours_is_on_the_log(
    client: httpx.Client, desk: FakeDesk, caplog: pytest.LogCaptureFixture
) -> None:
    desk.trouble = RuntimeError("what went wrong")
    assert client.post(FAILURE, content=BODY).status_code == 500
    client.get("/health")
    assert "what went wrong" in caplog.text
    assert client.headers["X-API-Key"] not in caplog.text


@pytest.mark.skipif(
    shutil.which("openssl") is None and "CI" not in os.environ,
    reason="there is no openssl to make a certificate",
)
def test_with_a_certificate_it_speaks_tls(app: Starlette, tmp_path: Path) -> None:
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    command = (
        f"openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=gateway "
        f"-addext subjectAltName=IP:{HOST} -out {certificate} -keyout {key}"
    )
    subprocess.run(command.split(), check=True, capture_output=True)
    trust = ssl.create_default_context(cafile=str(certificate))
    with serving(app, WebSettings(port=0, tls_cert=certificate, tls_key=key)) as server:
        assert httpx.get(f"https://{HOST}:{server.port}/health", verify=trust).status_code == 200


def test_half_a_certificate_and_a_missing_one_are_told(app: Starlette, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="both"):
        WebServer(app, WebSettings(port=0, tls_cert=tmp_path / "cert.pem")).bind()
    absent = WebSettings(port=0, tls_cert=tmp_path / "cert.pem", tls_key=tmp_path / "key.pem")
    with pytest.raises(ConfigError, match="No such file"):
        WebServer(app, absent).bind()
