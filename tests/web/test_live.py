"""News for open pages over a real socket."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
from starlette.applications import Starlette

from edge_agent.adapters.web import live
from edge_agent.adapters.web.keys import KeyRing, Role
from edge_agent.adapters.web.settings import WebSettings
from tests.web.conftest import serving
from tests.web.desk import HOT, FakeDesk

Lines = Iterator[str]


@pytest.fixture
def url(app: Starlette) -> Iterator[str]:
    with serving(app, WebSettings(port=0)) as server:
        yield f"http://127.0.0.1:{server.port}"


@contextmanager
def listening(url: str, ring: KeyRing) -> Iterator[Lines]:
    headers = {"X-API-Key": ring.add(Role.VIEWER).key}
    with httpx.stream("GET", f"{url}/api/v1/events", headers=headers, timeout=20) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "text/event-stream"
        yield answer.iter_lines()


def next_event(lines: Lines, kind: str) -> dict[str, object]:
    for line in lines:
        if line == f"event: {kind}":
            told: dict[str, object] = json.loads(next(lines).removeprefix("data: "))
            return told
    raise AssertionError(f"no {kind} came")


def test_news_come_to_every_open_page(url: str, ring: KeyRing, desk: FakeDesk) -> None:
    with listening(url, ring) as first, listening(url, ring) as second:
        next(first), next(second)
        desk.news += [HOT, "a-9"]
        for page in (first, second):
            assert next_event(page, "alert")["alert_id"] == HOT.alert_id
            assert next_event(page, "alert-over") == {"alert_id": "a-9"}
        assert next_event(first, "charger")["charger_id"] == "CHG_002"


def test_a_stranger_gets_no_news(url: str) -> None:
    assert httpx.get(f"{url}/api/v1/events").status_code == 401


def test_a_page_that_is_too_many_is_told_to_wait(
    url: str, ring: KeyRing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "MOST_PAGES", 1)
    with listening(url, ring) as page:
        next(page)
        answer = httpx.get(f"{url}/api/v1/events", headers={"X-API-Key": ring.add(Role.VIEWER).key})
        assert (answer.status_code, "retry-after" in answer.headers) == (503, True)


def test_an_open_page_does_not_hold_the_end_up(app: Starlette, ring: KeyRing) -> None:
    with serving(app, WebSettings(port=0)) as server:
        with listening(f"http://127.0.0.1:{server.port}", ring) as page:
            next(page)
            began = time.monotonic()
            server.stop()
            with pytest.raises(httpx.RemoteProtocolError):
                list(page)
    assert time.monotonic() - began < 4.0


def test_a_page_that_does_not_take_its_news_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "MOST_WAITING", 2)
    pages: set[live.Stream] = set()
    page = live.Stream(pages)
    for _ in range(3):
        page.take(b"news")
    assert page.cut.is_set()
