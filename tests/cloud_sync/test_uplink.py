"""The uplink against the real ingest over HTTP: nothing is lost, alerts overtake, credentials may change."""

from __future__ import annotations

import shutil
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from cloud_sync.central import tokens
from cloud_sync.central.certificates import CertificateProtocol, fingerprint
from cloud_sync.central.envelope import Arrived, arrived
from cloud_sync.central.ingest import create_app
from cloud_sync.central.tokens import TokenBook
from cloud_sync.uplink import IGNORE_DATES, Uplink, UplinkSettings
from edge_agent.wire.outbox import Stream
from tests.cloud_sync.making import FakeMessages, a_book, settings
from tests.rig.central import MemoryOutbox, served
from tests.rig.tls import Certificate, certificate
from tests.rig.waiting import HOST, free_port


@contextmanager
def going_up(url: str, outbox: MemoryOutbox, token_file: Path | None, **changed: object) -> Iterator[Uplink]:
    told = {"url": url, "token_file": token_file, "spread_s": 0.1, "gather_s": 0.1, **changed}
    uplink = Uplink(UplinkSettings(**told), outbox, lambda: True)  # type: ignore[arg-type] # of settings
    thread = threading.Thread(target=uplink.run, name="uplink")
    thread.start()
    try:
        yield uplink
    finally:
        uplink.stop()
        thread.join()


@pytest.fixture
def messages() -> FakeMessages:
    return FakeMessages()


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    return tmp_path / "token"


@pytest.fixture
def app(tmp_path: Path, messages: FakeMessages, token_file: Path) -> Starlette:
    path, token, _ = a_book(tmp_path)
    token_file.write_text(f"{token}\n")
    return create_app(messages, TokenBook(path), settings())


def seqs(messages: FakeMessages, stream: Stream) -> list[int]:
    found = [arrived(message.headers, message.value) for message in messages.kept]
    return [each.seq for each in found if isinstance(each, Arrived) and each.stream == stream]


def test_every_stream_goes_up_in_order_and_its_cursor_follows(
    app: Starlette, messages: FakeMessages, token_file: Path
) -> None:
    outbox = MemoryOutbox()
    for stream in Stream:
        outbox.put(stream, 1_234)
    with served(app) as url, going_up(url, outbox, token_file) as uplink:
        for stream in Stream:
            outbox.wait_until_sent(stream)
        assert uplink.trouble is None
    assert uplink.sent == 3 * 1_234
    for stream in Stream:
        assert seqs(messages, stream) == list(range(1, 1_235))


def test_what_comes_later_goes_up_too(app: Starlette, messages: FakeMessages, token_file: Path) -> None:
    outbox = MemoryOutbox()
    with served(app) as url, going_up(url, outbox, token_file):
        outbox.put(Stream.ALERTS)
        outbox.wait_until_sent(Stream.ALERTS)
        outbox.put(Stream.ALERTS)
        outbox.wait_until_sent(Stream.ALERTS)
    assert seqs(messages, Stream.ALERTS) == [1, 2]


def test_alerts_overtake_a_backlog_that_the_link_takes_its_time_for(
    app: Starlette, messages: FakeMessages, token_file: Path
) -> None:
    outbox = MemoryOutbox()
    outbox.put(Stream.READINGS, 5_000, payload='{"x": "' + "0123456789" * 20 + '"}')
    with served(app) as url, going_up(url, outbox, token_file, bytes_a_second=2_000.0):
        outbox.moved.wait_for("some readings", lambda moved: moved[0] is Stream.READINGS)
        outbox.put(Stream.ALERTS)
        outbox.wait_until_sent(Stream.ALERTS)
    assert len(seqs(messages, Stream.READINGS)) < 5_000


def test_what_comes_after_a_batch_gathers_and_alerts_do_not_wait_for_it(
    app: Starlette, messages: FakeMessages, token_file: Path
) -> None:
    outbox = MemoryOutbox()
    outbox.put(Stream.READINGS)
    with served(app) as url, going_up(url, outbox, token_file, gather_s=3_600.0):
        outbox.wait_until_sent(Stream.READINGS)
        outbox.put(Stream.READINGS)
        for _ in range(4):
            outbox.put(Stream.ALERTS)
            outbox.wait_until_sent(Stream.ALERTS)
    assert seqs(messages, Stream.READINGS) == [1]
    assert seqs(messages, Stream.ALERTS) == [1, 2, 3, 4]


def test_a_central_service_that_comes_late_gets_all_of_it(
    app: Starlette, messages: FakeMessages, token_file: Path
) -> None:
    outbox, port = MemoryOutbox(), free_port()
    outbox.put(Stream.ANSWERS, 700)
    with going_up(f"http://{HOST}:{port}", outbox, token_file) as uplink:
        with served(app, port):
            outbox.wait_until_sent(Stream.ANSWERS)
        assert uplink.trouble is None
    assert seqs(messages, Stream.ANSWERS) == list(range(1, 701))


def test_what_was_kept_in_part_goes_on_after_that_part(
    app: Starlette, messages: FakeMessages, token_file: Path
) -> None:
    messages.fails = 3
    outbox = MemoryOutbox()
    outbox.put(Stream.ANSWERS, 10)
    with served(app) as url, going_up(url, outbox, token_file):
        outbox.wait_until_sent(Stream.ANSWERS)
    assert seqs(messages, Stream.ANSWERS) == list(range(1, 11))


def test_a_token_is_renewed_without_a_restart(
    tmp_path: Path, app: Starlette, messages: FakeMessages, token_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cloud_sync.batch.REFUSED_WAIT_S", 0.1)
    outbox = MemoryOutbox()
    good = token_file.read_text()
    token_file.write_text("evzgw_revoked")
    with served(app) as url, going_up(url, outbox, token_file):
        outbox.put(Stream.ALERTS)
        token_file.write_text(good)
        outbox.wait_until_sent(Stream.ALERTS)
    assert seqs(messages, Stream.ALERTS) == [1]
    assert tokens.revoke(tmp_path / "tokens.json", "gw-1") == 1


def test_a_batch_that_is_too_large_is_sent_in_smaller_ones() -> None:
    sizes: list[int] = []

    async def narrow(request: Request) -> Response:
        import gzip  # noqa: PLC0415 - here alone
        import json  # noqa: PLC0415 - here alone

        records = json.loads(gzip.decompress(await request.body()))["records"]
        sizes.append(len(records))
        if len(records) > 20:
            return Response(status_code=413)
        return Response(json.dumps({"acked_seq": records[-1]["seq"]}), media_type="application/json")

    outbox = MemoryOutbox()
    outbox.put(Stream.ANSWERS, 100)
    with served(Starlette(routes=[Route("/v1/batches", narrow, methods=["POST"])])) as url:
        with going_up(url, outbox, None):
            outbox.wait_until_sent(Stream.ANSWERS)
    assert min(sizes) <= 20


def test_a_certificate_that_nobody_vouches_for_is_not_trusted(
    tmp_path: Path, app: Starlette, messages: FakeMessages, token_file: Path
) -> None:
    cert, key = certificate(tmp_path, "central")
    outbox = MemoryOutbox()
    outbox.put(Stream.ALERTS)
    with served(app, ssl_certfile=str(cert), ssl_keyfile=str(key)) as url:
        with going_up(url, outbox, token_file, ca_file=cert):
            outbox.wait_until_sent(Stream.ALERTS)
    assert seqs(messages, Stream.ALERTS) == [1]


def test_a_gateway_may_show_a_certificate_and_a_new_one_without_a_restart(
    tmp_path: Path, app: Starlette, messages: FakeMessages
) -> None:
    authority, central = certificate(tmp_path, "authority"), certificate(tmp_path, "central")
    old, new = (certificate(tmp_path, name, authority) for name in ("old", "new"))
    for known in (old, new):
        tokens.add_hash(tmp_path / "tokens.json", fingerprint(known.cert), "site-9", "gw-9", None)
    shown = Certificate(tmp_path / "shown.pem", tmp_path / "shown.key")
    tls: dict[str, Any] = {
        "http": CertificateProtocol,
        "ssl_certfile": central.cert,
        "ssl_keyfile": central.key,
        "ssl_ca_certs": str(authority.cert),
        "ssl_cert_reqs": ssl.CERT_OPTIONAL,
    }

    def show(which: Certificate) -> None:
        shutil.copyfile(which.key, shown.key)
        shutil.copyfile(which.cert, shown.cert)

    outbox = MemoryOutbox()
    show(old)
    with served(app, **tls) as url:
        with going_up(url, outbox, None, cert_file=shown.cert, key_file=shown.key, ca_file=central.cert):
            outbox.put(Stream.ALERTS)
            outbox.wait_until_sent(Stream.ALERTS)
            show(new)
            tokens.revoke(tmp_path / "tokens.json", "gw-9")
            tokens.add_hash(tmp_path / "tokens.json", fingerprint(new.cert), "site-9", "gw-9", None)
            outbox.put(Stream.ALERTS)
            outbox.wait_until_sent(Stream.ALERTS)
        assert httpx.post(f"{url}/v1/batches", verify=trusting(central)).status_code == 401
        stranger = trusting(central)
        stranger.load_cert_chain(*certificate(tmp_path, "stranger"))
        with pytest.raises(httpx.TransportError):
            httpx.post(f"{url}/v1/batches", verify=stranger)
    assert seqs(messages, Stream.ALERTS) == [1, 2]
    assert {dict(message.headers)["site_id"] for message in messages.kept} == {b"site-9"}


def trusting(central: Certificate) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=central.cert)


@pytest.mark.parametrize("clock_is_set", [False, True])
def test_while_the_clock_is_not_set_dates_of_certificates_do_not_count(*, clock_is_set: bool) -> None:
    uplink = Uplink(UplinkSettings(url="https://central"), MemoryOutbox(), lambda: clock_is_set)
    context = uplink._tls()
    assert bool(context.verify_flags & ssl.VerifyFlags(IGNORE_DATES)) is not clock_is_set
    assert context.verify_mode is ssl.CERT_REQUIRED
