"""Sessions: a cookie for a key, for this gateway's pages alone, for as long as the key lives."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette

from edge_agent.adapters.web.keys import KeyRing, NewKey, Role
from edge_agent.adapters.web.sessions import COOKIE, LIFE_S, Sessions, kept_secret
from tests.web.conftest import InProcess

HERE = {"Origin": "http://agent"}
ACK = ("/api/v1/alerts/a-1/ack", {"by": "AB"})


@pytest.fixture
def key(ring: KeyRing) -> NewKey:
    return ring.add(Role.TECHNICIAN, "tablet")


@pytest.fixture
def browser(app: Starlette, key: NewKey) -> httpx.Client:
    """Signed in; what it knows of the key is the cookie."""
    client = httpx.Client(transport=InProcess(app), base_url="http://agent")
    assert client.post("/api/v1/session", json={"key": key.key}, headers=HERE).status_code == 200
    return client


def test_a_key_is_changed_for_a_cookie_that_scripts_cannot_read(stranger: httpx.Client, key: NewKey) -> None:
    answer = stranger.post("/api/v1/session", json={"key": f" {key.key} "})
    assert answer.json() == {"id": key.id, "role": "technician", "label": "tablet"}
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith(f"{COOKIE}={key.id}.")
    assert {"HttpOnly", "SameSite=Strict", "Path=/", f"Max-Age={LIFE_S}"} <= set(cookie.split("; "))
    assert key.key not in cookie


def test_a_wrong_key_gets_no_session_and_its_address_is_soon_told_to_wait(stranger: httpx.Client) -> None:
    codes = [stranger.post("/api/v1/session", json={"key": "evz_no"}).status_code for _ in range(12)]
    assert codes[0] == 401
    assert codes[-1] == 429
    assert not stranger.cookies


def test_a_session_may_what_its_key_may(browser: httpx.Client) -> None:
    assert browser.get("/api/v1/session").json()["role"] == "technician"
    assert browser.get("/api/v1/alerts").status_code == 200
    path, body = ACK
    assert browser.post(path, json=body, headers=HERE).status_code == 200
    assert browser.post("/api/v1/models/reload", headers=HERE).status_code == 403


@pytest.mark.parametrize("origin", [{}, {"Origin": "http://evil.example"}, {"Origin": "null"}])
def test_another_site_s_page_can_change_nothing_with_it(
    browser: httpx.Client, origin: dict[str, str]
) -> None:
    path, body = ACK
    assert browser.post(path, json=body, headers=origin).status_code == 403
    assert browser.get("/api/v1/alerts", headers=origin).status_code == 200


def test_a_session_ends_with_its_key(browser: httpx.Client, ring: KeyRing, key: NewKey) -> None:
    ring.revoke(key.id)
    assert browser.get("/api/v1/alerts").status_code == 401


def test_a_session_ends_when_it_is_ended(browser: httpx.Client) -> None:
    assert browser.post("/api/v1/session/end", headers=HERE).status_code == 200
    assert browser.get("/api/v1/alerts").status_code == 401


@pytest.mark.parametrize(
    "cookie", ["", "x", "a.b.c", "0badcafe.9999999999.00", "é", "a.9" + "9" * 5000 + ".b"]
)
def test_what_is_no_cookie_of_ours_is_no_session(stranger: httpx.Client, cookie: str) -> None:
    headers = {"Cookie": f"{COOKIE}={cookie}".encode()}
    assert stranger.get("/api/v1/alerts", headers=headers).status_code == 401  # type: ignore[arg-type]


def test_a_session_is_over_in_time_and_its_time_cannot_be_changed(ring: KeyRing, key: NewKey) -> None:
    now = [1_000_000.0]
    sessions = Sessions(ring, b"s" * 32, secure=True, now=lambda: now[0])
    entry = ring.of_id(key.id)
    assert entry is not None
    _, header = sessions.begin(entry)
    cookie = header.split(b";")[0]
    assert header.endswith(b"; Secure")
    assert sessions.find(cookie) == entry
    assert sessions.find(cookie.replace(b".1604800.", b".9604800.")) is None
    assert Sessions(ring, b"t" * 32, secure=True, now=lambda: now[0]).find(cookie) is None
    now[0] += LIFE_S + 1
    assert sessions.find(cookie) is None


def test_the_secret_is_kept_for_its_owner_alone(tmp_path: Path) -> None:
    secret = kept_secret(tmp_path / "keys.json")
    assert kept_secret(tmp_path / "keys.json") == secret
    (file,) = tmp_path.iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    assert kept_secret(Path("/proc/none/keys.json")) != secret


def test_a_refused_method_is_told_which_there_are(stranger: httpx.Client) -> None:
    allowed = stranger.request("OPTIONS", "/api/v1/session").headers["Allow"]
    assert {each.strip() for each in allowed.split(",")} == {"GET", "HEAD", "POST"}
