"""A certificate of the gateway's own, that a browser can be shown."""

from __future__ import annotations

import ssl
import stat
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette

from edge_agent.adapters.web.keys import KeyRing, Role
from edge_agent.adapters.web.settings import WebSettings
from edge_agent.cli import main
from tests.web.conftest import app, clock, desk, records, registry, ring, serving  # noqa: F401 - fixtures


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "config.toml"
    file.write_text(f'site_id = "s"\n[web]\nkeys_file = "{tmp_path / "keys.json"}"\n')
    return file


def test_what_it_makes_serves_https_and_a_secure_session(
    config: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    app: Starlette,  # noqa: F811
    ring: KeyRing,  # noqa: F811
) -> None:
    assert main(["--config", str(config), "certificate", "192.168.1.7", "gateway.lan"]) == 0
    told = capsys.readouterr().out
    cert, key = tmp_path / "tls.pem", tmp_path / "tls.key"
    assert "SHA-256 " in told
    assert f'tls_cert = "{cert}"' in told
    assert not stat.S_IMODE(key.stat().st_mode) & stat.S_IRWXO

    settings = WebSettings(port=0, tls_cert=cert, tls_key=key)
    with serving(app, settings) as server:
        trusting = ssl.create_default_context(cafile=cert)
        answer = httpx.get(f"https://127.0.0.1:{server.port}/health", verify=trusting)
    assert answer.status_code == 200
    assert ring.add(Role.VIEWER).key


def test_one_that_is_there_is_not_replaced_unasked(config: Path, tmp_path: Path) -> None:
    asked = ["--config", str(config), "certificate"]
    assert main(asked) == 0
    first = (tmp_path / "tls.pem").read_text()
    assert main(asked) == 1
    assert (tmp_path / "tls.pem").read_text() == first
    assert main([*asked, "--renew"]) == 0
    assert (tmp_path / "tls.pem").read_text() != first


def test_a_name_that_cannot_be_in_one_is_told(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--config", str(config), "certificate", "a,b:c"]) == 1
    assert "cannot be made" in capsys.readouterr().err
