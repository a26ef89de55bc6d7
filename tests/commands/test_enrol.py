"""`edge-agent enrol` against the real ingest over HTTPS: at each moment one of a few whole states."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cloud_sync.central.codes import CodeBook
from cloud_sync.central.ingest import create_app
from cloud_sync.central.settings import Ingest
from cloud_sync.central.tokens import TokenBook
from edge_agent.cli import main
from edge_agent.config import load
from tests.cloud_sync.making import FakeMessages
from tests.rig.central import served
from tests.rig.tls import Certificate, certificate
from tests.rig.waiting import DEADLINE_S

Captured = pytest.CaptureFixture[str]
DAY = timedelta(days=1)
CUT_OFF = """
import os, signal, sys
left, sync = [int(sys.argv[1])], os.fsync
def fsync(descriptor):
    left[0] -= 1
    if left[0] == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    sync(descriptor)
os.fsync = fsync
from edge_agent.cli import main
sys.exit(main(sys.argv[2:]))
"""
"""The command, with the power cut at the n-th time that it has something written to the disk."""


class Central:
    """An ingest over HTTPS, and what it keeps."""

    def __init__(self, folder: Path, tls: Certificate) -> None:
        self.settings = Ingest(tokens_file=folder / "tokens.json", tls_cert=tls.cert, tls_key=tls.key)
        self.book = CodeBook(self.settings.codes_file, self.settings.tokens_file)
        self.app = create_app(FakeMessages(), TokenBook(self.settings.tokens_file), self.settings)
        self.tls = tls
        self.url = ""

    def code(self, gateway: str = "gw-7", days: int = 1) -> str:
        return self.book.add("site-7", gateway, "t-7", datetime.now(UTC) + days * DAY)

    def tokens(self) -> list[str]:
        """Return whose tokens it knows."""
        path = self.settings.tokens_file
        return [each["gateway_id"] for each in json.loads(path.read_bytes())] if path.exists() else []


class Gateway:
    """A box as it was flashed: a configuration like all others, and a code on its boot partition."""

    def __init__(self, folder: Path) -> None:
        self.home, self.boot = folder / "etc", folder / "boot"
        self.config, self.file = self.home / "config.toml", self.boot / "edge-agent-enrol"
        for each in (self.home, self.boot):
            each.mkdir(parents=True)
        self.config.write_text('site_id = "site"\n[mqtt]\nport = 1884\n[sync]\nreadings = "none"\n')

    def flash(self, central: Central, code: str, url: str | None = None) -> Gateway:
        told = {"url": url or central.url, "code": code, "ca": central.tls.cert.read_text()}
        self.file.write_text(json.dumps(told))
        return self

    @property
    def arguments(self) -> list[str]:
        return ["--config", str(self.config), "enrol", str(self.file)]

    def enrol(self) -> int:
        return main(self.arguments)

    def check_enrolled(self, central: Central) -> None:
        config, unknown = load(self.config, {})
        assert unknown == []
        assert (config.site_id, config.gateway, config.mqtt.port) == ("site-7", "gw-7", 1884)
        assert (config.sync.enabled, config.sync.url, config.sync.readings) == (True, central.url, "none")
        assert config.sync.token_file is not None
        assert config.sync.ca_file is not None
        assert config.sync.token_file.stat().st_mode & 0o777 == 0o640
        known = TokenBook(central.settings.tokens_file).find(config.sync.token_file.read_text().strip())
        assert known is not None
        assert (known.site_id, known.gateway_id, known.tenant_id) == ("site-7", "gw-7", "t-7")


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return certificate(tmp_path_factory.mktemp("tls"), "central")


@pytest.fixture
def central(tmp_path: Path, tls: Certificate) -> Iterator[Central]:
    made = Central(tmp_path / "central", tls)
    with served(made.app, ssl_certfile=tls.cert, ssl_keyfile=tls.key) as made.url:
        yield made


@pytest.fixture
def gateway(tmp_path: Path) -> Gateway:
    return Gateway(tmp_path / "gateway")


def test_a_code_becomes_site_gateway_and_token_and_is_gone(
    central: Central, gateway: Gateway, capsys: Captured
) -> None:
    before = gateway.config.read_text()
    assert gateway.flash(central, central.code()).enrol() == 0
    gateway.check_enrolled(central)
    assert "gateway gw-7 of site site-7" in capsys.readouterr().out
    assert list(gateway.boot.iterdir()) == []
    assert gateway.config.read_text() == before
    assert {file.name for file in gateway.home.iterdir()} == {
        *("config.toml", "enrolment.toml", "uplink.token", "uplink-ca.pem")
    }


@pytest.mark.parametrize("style", ["toml", "windows"])
def test_the_file_may_be_toml_and_from_any_editor(central: Central, gateway: Gateway, style: str) -> None:
    text = f'url = "{central.url}"\ncode = "{central.code()}"\nca = """\n{central.tls.cert.read_text()}"""\n'
    gateway.file.write_bytes(
        text.encode() if style == "toml" else b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode()
    )
    assert gateway.enrol() == 0
    gateway.check_enrolled(central)


@pytest.mark.parametrize(
    ("which", "told"),
    [
        ("evz_enrol_nobody-made-this", "It is not known"),
        ("expired", "It has expired"),
        ("used", "Another gateway"),
    ],
)
def test_a_code_that_does_not_count_is_refused_with_the_reason(
    central: Central, gateway: Gateway, capsys: Captured, which: str, told: str
) -> None:
    code = which
    if which == "expired":
        code = central.code(days=-1)
    elif which == "used":
        code = central.code()
        assert Gateway(gateway.home / "other").flash(central, code).enrol() == 0
    assert gateway.flash(central, code).enrol() == 1
    assert told in capsys.readouterr().err
    assert gateway.file.exists()
    assert load(gateway.config, {})[0].site_id == "site"


def test_without_a_network_it_is_said_and_works_later(
    central: Central, gateway: Gateway, capsys: Captured
) -> None:
    code = central.code()
    assert gateway.flash(central, code, "https://127.0.0.1:1").enrol() == 1
    assert "cannot be reached, try again later" in capsys.readouterr().err
    assert gateway.flash(central, code).enrol() == 0
    gateway.check_enrolled(central)


def test_a_central_side_that_nobody_vouches_for_is_not_told_the_code(
    central: Central, gateway: Gateway, tmp_path: Path, capsys: Captured
) -> None:
    gateway.flash(central, central.code())
    told = json.loads(gateway.file.read_text())
    other = certificate(tmp_path, "other").cert.read_text()
    gateway.file.write_text(json.dumps({**told, "ca": other}))
    assert gateway.enrol() == 1
    assert "cannot be reached" in capsys.readouterr().err
    assert central.tokens() == []


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("{", "neither JSON nor TOML"),
        ('{"url": "https://central.example"}', "code: Field required"),
        ('{"url": "http://central.example", "code": "0123456789abcdef"}', "write https://"),
        ('{"url": "https://c.example", "code": "0123456789abcdef", "ca": "x"}', "no certificate in PEM"),
    ],
)
def test_a_file_that_cannot_be_used_says_why(
    gateway: Gateway, capsys: Captured, content: str, told: str
) -> None:
    gateway.file.write_text(content)
    assert gateway.enrol() == 1
    assert told in capsys.readouterr().err
    assert gateway.file.read_text() == content


def test_where_there_is_no_code_the_places_are_named(capsys: Captured) -> None:
    assert main(["enrol"]) == 1
    assert "/boot/firmware/edge-agent-enrol or /boot/edge-agent-enrol" in capsys.readouterr().err


# Power cuts


@pytest.mark.parametrize("moment", range(1, 11))
def test_a_power_cut_at_any_write_leaves_one_that_enrols_or_is_enrolled(
    central: Central, gateway: Gateway, moment: int
) -> None:
    gateway.flash(central, central.code())
    command = [sys.executable, "-c", CUT_OFF, str(moment), *gateway.arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE_S, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    settings, unknown = load(gateway.config, {})
    assert (settings.site_id, unknown) in (("site", []), ("site-7", []))
    if gateway.file.exists():
        assert gateway.enrol() == 0
    gateway.check_enrolled(central)
    assert not gateway.file.exists()
    assert central.tokens() == ["gw-7"]


class Cutting:
    """Ends the gateway's process once the code is used up, before it hears of it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.pid = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def cut(message: Message) -> None:
            if self.pid:
                os.kill(self.pid, signal.SIGKILL)
                self.pid = 0
            await send(message)

        await self._app(scope, receive, cut)


def test_a_power_cut_before_the_answer_is_heard_leaves_one_that_asks_again(
    tmp_path: Path, tls: Certificate, gateway: Gateway
) -> None:
    central = Central(tmp_path / "central", tls)
    cutting = Cutting(central.app)
    with served(cutting, ssl_certfile=tls.cert, ssl_keyfile=tls.key) as central.url:
        gateway.flash(central, central.code())
        process = subprocess.Popen(
            [sys.executable, "-c", "input(); from edge_agent.cli import main; main()", *gateway.arguments],
            stdin=subprocess.PIPE,
        )
        cutting.pid = process.pid
        process.communicate(b"go\n", DEADLINE_S)
        assert process.returncode == -signal.SIGKILL
        assert central.tokens() == ["gw-7"]
        assert gateway.enrol() == 0
        gateway.check_enrolled(central)
    assert central.tokens() == ["gw-7"]


# A boot partition that cannot be written to


@pytest.fixture
def read_only(gateway: Gateway) -> Iterator[Gateway]:
    """The gateway, whose boot partition is read-only once its code is on it."""
    mount = ["mount", "-t", "tmpfs", "tmpfs", str(gateway.boot)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("may not mount a partition here (needs root)")
    yield gateway
    subprocess.run(["umount", str(gateway.boot)], check=True)


def test_from_a_read_only_boot_partition_it_enrols_once_and_says_what_to_do(
    central: Central, read_only: Gateway, capsys: Captured
) -> None:
    read_only.flash(central, central.code())
    subprocess.run(["mount", "-o", "remount,ro", str(read_only.boot)], check=True)
    assert read_only.enrol() == 0
    told = capsys.readouterr().err
    assert "Read-only file system" in told
    assert "No other gateway can use its code" in told
    read_only.check_enrolled(central)
    assert read_only.enrol() == 0
    assert "enrolled already" in capsys.readouterr().out
