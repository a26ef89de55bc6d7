"""The pages: served with no network, and guarded."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from httpx import Client
from starlette.applications import Starlette

from edge_agent.adapters.web.keys import KeyRing, Role
from edge_agent.adapters.web.settings import WebSettings
from tests.web.conftest import serving
from tests.web.desk import MARKUP

CHROMIUM = shutil.which("chromium")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--virtual-time-budget=4000",
    "--dump-dom",
)
FIREFOX = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@pytest.mark.parametrize("accept", [FIREFOX, "*/*", "", "text/html, application/json", "x;q=y"])
def test_a_browser_gets_the_page(stranger: Client, accept: str) -> None:
    answer = stranger.get("/", headers={"Accept": accept})
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "<!doctype html>" in answer.text


@pytest.mark.parametrize(
    "accept", ["application/json", "application/json, */*;q=0.5", "application/*, text/html;q=0.9"]
)
def test_a_client_that_asks_for_json_gets_name_and_version(stranger: Client, accept: str) -> None:
    answer = stranger.get("/", headers={"Accept": accept})
    assert answer.json()["service"] == "evzone-edge-agent"
    assert answer.headers["Vary"] == "accept"


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_a_page_loads_only_files_of_ours_and_runs_nothing_inline(stranger: Client, path: str) -> None:
    page = stranger.get(path).text
    assert not re.search(r"<style|style=|\son\w+=|<script(?![^>]*src=)|https?://", page)
    for file in re.findall(r'(?:src|href)="(/static/[^"]+)"', page):
        assert stranger.get(file).status_code == 200


def test_scripts_never_insert_markup(stranger: Client) -> None:
    for name in ("app.js", "docs.js"):
        script = stranger.get(f"/static/{name}").text
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", script)


@pytest.mark.parametrize(
    "path",
    ["/", "/docs", "/openapi.json", "/health", "/static/app.js", "/api/v1/health", "/api/v1/models", "/x"],
)
def test_every_answer_is_guarded(stranger: Client, path: str) -> None:
    headers = stranger.get(path).headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == ("no-store" if path.startswith("/api") else headers["Cache-Control"])


def test_a_file_that_the_browser_has_is_not_sent_again(stranger: Client) -> None:
    first = stranger.get("/static/app.js")
    again = stranger.get("/static/app.js", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_nothing_but_the_known_files_is_served(stranger: Client) -> None:
    for path in ("/static/", "/static/../app.py", "/static/%2e%2e/app.py", "/static/index.html"):
        assert stranger.get(path).status_code == 404


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None and "CI" not in os.environ, reason="there is no Chromium")
def test_a_label_that_looks_like_markup_stays_text_on_the_page(
    app: Starlette, ring: KeyRing, tmp_path: Path
) -> None:
    key = ring.add(Role.VIEWER).key
    with serving(app, WebSettings(port=0)) as server:
        url = f"http://127.0.0.1:{server.port}/#key={key}"
        command = [str(CHROMIUM), *FLAGS, f"--user-data-dir={tmp_path / 'profile'}", url]
        page = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    assert MARKUP.replace("<", "&lt;").replace(">", "&gt;") in page
    assert "<img" not in page
    assert key not in page
    assert "Car park north" in page
