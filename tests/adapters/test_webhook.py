"""Alerts to a real HTTP server, that may refuse, be away, or send us elsewhere."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from edge_agent.adapters.webhook import Webhook, WebhookSettings
from edge_agent.wire.outbox import Record, RecordType, Stream
from tests.adapters.sqlite_samples import record
from tests.rig.waiting import HOST, Journal, free_port

Heard = tuple[str, dict[str, str], bytes]


class Receiver:
    """Answers with the statuses that it was given, then 204; `heard` is every (path, headers, body)."""

    def __init__(self, statuses: tuple[int, ...] = (), port: int = 0) -> None:
        self.heard: Journal[Heard] = Journal("receiver")
        left = list(statuses)
        heard = self.heard

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                heard.add((self.path, dict(self.headers), body))
                status = left.pop(0) if left else 204
                self.send_response(status)
                if status == 307:
                    self.send_header("Location", "/elsewhere")
                self.end_headers()

            def log_message(self, *_: object) -> None: ...

        self._server = ThreadingHTTPServer((HOST, port), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self._server.server_port}/hook"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class Outbox:
    """Implements the webhook's `Outbox` in memory."""

    def __init__(self, *records: Record) -> None:
        self.records = list(records)
        self.moved = Journal[int]("cursor")
        self.at = 0

    def records_after(self, stream: Stream, seq: int, most: int) -> list[Record]:
        assert stream is Stream.ALERTS
        return [each for each in self.records if each.seq > seq][:most]

    def cursor(self, stream: Stream) -> int:  # noqa: ARG002
        return self.at

    def acknowledged(self, stream: Stream, seq: int) -> None:  # noqa: ARG002
        self.at = seq
        self.moved.add(seq)


def news(seq: int) -> Record:
    return record(seq, payload=json.dumps({"alert_id": f"a-{seq}"}))


@contextmanager
def running(outbox: Outbox, url: str, secret: Path | None = None) -> Iterator[Webhook]:
    webhook = Webhook(WebhookSettings(url=url, secret_file=secret), outbox, chance=lambda: -0.99)
    thread = threading.Thread(target=webhook.run)
    thread.start()
    try:
        yield webhook
    finally:
        webhook.stop()
        thread.join()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.close()


def ids(receiver: Receiver) -> list[str]:
    return [json.loads(body)["alert_id"] for _, _, body in receiver.heard.entries()]


def test_news_is_posted_in_order_and_signed(receiver: Receiver, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("s3cret\nnot this\n")
    outbox = Outbox(news(1), news(2))
    with running(outbox, receiver.url, secret) as webhook:
        outbox.moved.wait_for("the cursor at 2", lambda seq: seq == 2)
        assert webhook.sent == 2
    assert ids(receiver) == ["a-1", "a-2"]
    _, headers, body = receiver.heard.entries()[0]
    assert headers["X-Signature"] == f"sha256={hmac.new(b's3cret', body, hashlib.sha256).hexdigest()}"
    assert headers["X-Event-ID"] != receiver.heard.entries()[1][1]["X-Event-ID"]


def test_what_is_no_alert_is_passed_over(receiver: Receiver) -> None:
    other = news(1).model_copy(update={"type": RecordType.GATEWAY})
    outbox = Outbox(other, news(2))
    with running(outbox, receiver.url):
        outbox.moved.wait_for("the cursor at 2", lambda seq: seq == 2)
    assert ids(receiver) == ["a-2"]


@pytest.mark.parametrize("status", [500, 503, 429, 408])
def test_what_cannot_be_taken_now_is_sent_again_before_what_comes_after(status: int) -> None:
    receiver = Receiver((status, status))
    outbox = Outbox(news(1), news(2))
    try:
        with running(outbox, receiver.url) as webhook:
            outbox.moved.wait_for("the cursor at 2", lambda seq: seq == 2)
            assert (webhook.sent, webhook.trouble) == (2, None)
    finally:
        receiver.close()
    assert ids(receiver) == ["a-1", "a-1", "a-1", "a-2"]


@pytest.mark.parametrize("status", [400, 404, 307])
def test_what_is_refused_is_left_behind_and_nobody_is_followed(status: int) -> None:
    receiver = Receiver((status,))
    outbox = Outbox(news(1), news(2))
    try:
        with running(outbox, receiver.url) as webhook:
            outbox.moved.wait_for("the cursor at 2", lambda seq: seq == 2)
            assert (webhook.sent, webhook.refused) == (1, 1)
    finally:
        receiver.close()
    assert [path for path, _, _ in receiver.heard.entries()] == ["/hook", "/hook"]


def test_a_receiver_that_is_away_gets_it_once_it_is_there() -> None:
    port = free_port()
    outbox = Outbox(news(1))
    with running(outbox, f"http://{HOST}:{port}/hook") as webhook:
        receiver = Receiver(port=port)
        try:
            outbox.moved.wait_for("the cursor at 1", lambda seq: seq == 1)
        finally:
            receiver.close()
        assert webhook.sent == 1


def test_after_a_restart_it_goes_on_where_it_was(receiver: Receiver) -> None:
    outbox = Outbox(news(1), news(2))
    outbox.at = 1
    with running(outbox, receiver.url):
        outbox.moved.wait_for("the cursor at 2", lambda seq: seq == 2)
    assert ids(receiver) == ["a-2"]
